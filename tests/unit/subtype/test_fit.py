from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.models import ModelFolder
from gliomics.subtype.fit import FitOptions, fit_model
from gliomics.subtype.persist import ARRAYS
from tests.unit.subtype.cohorts import outcomes, patients

pytestmark = pytest.mark.slow

COUNTS = (16, 12)
OPTIONS = FitOptions(name="m", target="t", title="t", population="drawn", repeats=1, permutations=0, members=2)


def test_card_tells_how_good_the_model_is_and_what_nothing_would_give(a_model: ModelFolder) -> None:
    figures = {metric.name: metric for metric in a_model.card.metrics}
    macro = "AUC, mean of each class against the rest"
    assert next(iter(figures)) == macro
    assert {f"AUC, coc{k} against the rest" for k in (1, 2, 3)} <= set(figures)
    assert {f"{macro}, without t1c", f"{macro}, other masks"} <= set(figures)
    assert {"Brier score", "expected calibration error", "AUC by chance", "permutation p-value"} <= set(figures)
    assert figures["Brier score"].value < figures["Brier score of the class frequencies"].value
    low, value, high = figures[macro].low, figures[macro].value, figures[macro].high
    assert low is not None
    assert high is not None
    assert low < value < high
    assert figures[macro].n == 60
    assert a_model.card.settings["class_counts"] == {"coc1": 30, "coc2": 14, "coc3": 16}


def test_equal_seed_gives_equal_arrays(tmp_path: Path) -> None:
    rows, classes = patients(COUNTS, effect=1.0), outcomes(COUNTS, "ab")
    model, again = (fit_model(rows, classes, tmp_path / name, OPTIONS) for name in ("one", "two"))
    assert model.card.sha256 == again.card.sha256
    assert model.card.metrics == again.card.metrics
    three = fit_model(rows[::-1], classes, tmp_path / "three", OPTIONS)
    assert three.file(ARRAYS).read_bytes() == model.file(ARRAYS).read_bytes()


def test_model_does_not_depend_on_how_thoroughly_it_was_validated(tmp_path: Path) -> None:
    rows, classes = patients(COUNTS, effect=1.0), outcomes(COUNTS, "ab")
    hasty = fit_model(rows, classes, tmp_path / "hasty", OPTIONS)
    thorough = fit_model(rows, classes, tmp_path / "thorough", replace(OPTIONS, repeats=2, permutations=1))
    assert hasty.card.sha256[ARRAYS] == thorough.card.sha256[ARRAYS]


def test_two_classes_have_one_auc(tmp_path: Path) -> None:
    model = fit_model(patients(COUNTS, effect=1.0), outcomes(COUNTS, "ab"), tmp_path / "m", OPTIONS)
    assert [metric.name for metric in model.card.metrics if metric.name.startswith("AUC")] == ["AUC"]


def test_too_few_patients_in_a_class_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"too few patients in a class \(a 16, b 9\); at least 10"):
        fit_model(patients((16, 9), effect=1.0), outcomes((16, 9), "ab"), tmp_path / "m", OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already; a model is never overwritten"):
        fit_model([], {}, tmp_path, OPTIONS)


def test_other_masks_must_cover_the_same_studies(tmp_path: Path) -> None:
    rows = patients(COUNTS, effect=1.0)
    with pytest.raises(InputError, match=r"the other features lack 1 studies, e.g. 'TCGA_XX_0000_20000101'"):
        fit_model(rows, outcomes(COUNTS, "ab"), tmp_path / "m", OPTIONS, other_masks={"other": rows[1:]})
