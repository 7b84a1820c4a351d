from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.models import ModelFolder
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.subtype.persist import ARRAYS
from tests.unit.subtype.cohorts import ages, outcomes, patients

pytestmark = pytest.mark.slow

COUNTS = (16, 12)
OPTIONS = FitOptions(name="m", target="t", title="t", population="drawn", repeats=1, permutations=0, members=2)


def a_cohort(counts: tuple[int, int] = COUNTS) -> Cohort:
    return Cohort(patients(counts, effect=1.0), outcomes(counts, "ab"))


def test_card_tells_how_good_the_model_is_and_what_nothing_would_give(a_model: ModelFolder) -> None:
    figures = {metric.name: metric for metric in a_model.card.metrics}
    macro = "AUC, mean of each class against the rest, images"
    assert next(iter(figures)) == macro
    assert {f"AUC, coc{k} against the rest, {v}" for k in (1, 2, 3) for v in ("images", "FLAIR")} <= set(figures)
    assert {f"{macro}, other masks", "90% set holds coc2, images", "classes in the 90% set, images"} <= set(figures)
    assert {"expected calibration error, FLAIR", "AUC by chance", "permutation p-value"} <= set(figures)
    assert figures["Brier score, images"].value < figures["Brier score of the class frequencies"].value
    low, value, high = figures[macro].low, figures[macro].value, figures[macro].high
    assert low is not None
    assert high is not None
    assert low < value < high
    assert figures[macro].n == 60
    assert a_model.card.settings["class_counts"] == {"coc1": 30, "coc2": 14, "coc3": 16}


def test_equal_seed_gives_equal_arrays(tmp_path: Path) -> None:
    cohort = a_cohort()
    model, again = (fit_model(cohort, tmp_path / name, OPTIONS).folder for name in ("one", "two"))
    assert model.card.sha256 == again.card.sha256
    assert model.card.metrics == again.card.metrics
    three = fit_model(replace(cohort, rows=cohort.rows[::-1]), tmp_path / "three", OPTIONS).folder
    assert three.file(ARRAYS).read_bytes() == model.file(ARRAYS).read_bytes()


def test_model_does_not_depend_on_how_thoroughly_it_was_validated(tmp_path: Path) -> None:
    hasty = fit_model(a_cohort(), tmp_path / "hasty", OPTIONS).folder
    thorough = fit_model(a_cohort(), tmp_path / "thorough", replace(OPTIONS, repeats=2, permutations=1)).folder
    assert hasty.card.sha256[ARRAYS] == thorough.card.sha256[ARRAYS]


def test_two_classes_have_one_auc(tmp_path: Path) -> None:
    model = fit_model(a_cohort(), tmp_path / "m", OPTIONS).folder
    names = [metric.name for metric in model.card.metrics]
    assert [name for name in names if name.startswith("AUC")] == ["AUC, images", "AUC, FLAIR"]
    assert {"calibration slope, images", "calibration intercept, FLAIR"} <= set(names)
    assert {f"{name}, b called above 0.43, images" for name in ("sensitivity", "specificity")} <= set(names)


def test_age_and_sites_are_judged_besides(tmp_path: Path) -> None:
    sites = {patient: f"site {number % 3}" for number, patient in enumerate(outcomes(COUNTS, "ab"))}
    fitted = fit_model(replace(a_cohort(), ages=ages(COUNTS), sites=sites), tmp_path / "m", OPTIONS)
    names = [metric.name for metric in fitted.folder.card.metrics]
    assert {"AUC, images and age", "AUC, age", "AUC of images and age less that of age"} <= set(names)
    assert {"AUC, images, leaving one site out", "AUC, images and age, leaving one site out"} <= set(names)
    assert set(fitted.out_of_fold.probabilities) == {"images", "images and age", "FLAIR", "FLAIR and age", "age"}


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ({}, "the site of 28 patients is not known, e.g. of 'TCGA-XX-0000'"),
        ({patient: "A" for patient in outcomes(COUNTS, "ab")}, "all patients are of site 'A'; leave the sites out"),
    ],
)
def test_sites_that_cannot_be_left_out_one_by_one_are_refused(
    tmp_path: Path, sites: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit_model(replace(a_cohort(), sites=sites), tmp_path / "m", OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_ages_of_too_few_patients_are_refused(tmp_path: Path) -> None:
    few = dict(list(ages(COUNTS).items())[:15])
    with pytest.raises(InputError, match="the age of 15 of 28 patients is known; at least 70% are needed"):
        fit_model(replace(a_cohort(), ages=few), tmp_path / "m", OPTIONS)


def test_too_few_patients_in_a_class_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"too few patients in a class \(a 16, b 7\); at least 8"):
        fit_model(a_cohort((16, 7)), tmp_path / "m", OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already; a model is never overwritten"):
        fit_model(Cohort([], {}), tmp_path, OPTIONS)


def test_other_masks_must_cover_the_same_studies(tmp_path: Path) -> None:
    cohort = a_cohort()
    with pytest.raises(InputError, match=r"the other features lack 1 studies, e.g. 'TCGA_XX_0000_20000101'"):
        fit_model(replace(cohort, other_masks={"other": cohort.rows[1:]}), tmp_path / "m", OPTIONS)
