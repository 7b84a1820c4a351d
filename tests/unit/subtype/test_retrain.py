"""Subtype models fitted anew to a site's own patients."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.models import ModelFolder, ModelStore, load_model_folder
from gliomics.records import FeatureRow
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.subtype.predict import SubtypeModel
from gliomics.subtype.retrain import probability_score, retrain
from tests.unit.subtype.cohorts import outcomes, patients

pytestmark = pytest.mark.slow

COUNTS = (22, 20, 20)
CLASSES = ("coc1", "coc2", "coc3")


@pytest.fixture
def store(a_model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A store with one model, whose successors are validated only roughly, to save time."""
    monkeypatch.setattr("gliomics.subtype.retrain.REPEATS", 1)
    monkeypatch.setattr("gliomics.subtype.retrain.PERMUTATIONS", 1)
    shutil.copytree(a_model.path, tmp_path / "shipped" / a_model.card.name)
    return ModelStore(tmp_path / "local", shipped=tmp_path / "shipped")


def of_this_site(tables: list[FeatureRow]) -> list[FeatureRow]:
    """The same features of patients that the model has not seen."""
    return [
        replace(table, study_id=f"site-{number:04d}", diagnostics={"patient_id": f"TCGA-YY-{number:04d}"})
        for number, table in enumerate(tables)
    ]


def classes_of_this_site(names: tuple[str, ...] = CLASSES) -> dict[str, str]:
    return {patient.replace("XX", "YY"): name for patient, name in outcomes(COUNTS, names).items()}


def test_model_of_patients_that_differ_more_is_published(store: ModelStore) -> None:
    """At this site the features tell the classes apart far better, and not as the champion learned it."""
    tables = of_this_site(patients(COUNTS, effect=-3.0, seed=9))
    result = retrain(store, "subtype_test", Cohort(tables, classes_of_this_site()))
    assert result.published
    assert (result.verdict.outcome, result.verdict.n) == ("better", sum(COUNTS))
    assert np.mean(list(result.after.values())) > np.mean(list(result.before.values()))
    serving = store.current("subtype_test").card
    assert (serving.version, serving.parent) == ("2", "1")
    assert "probability score" in str(serving.reason)
    assert serving.training.n_patients == sum(COUNTS)


def test_model_of_outcomes_that_mean_nothing_is_kept_and_does_not_serve(store: ModelStore) -> None:
    tables = of_this_site(patients(COUNTS, effect=1.0, seed=9))
    right = classes_of_this_site()
    shuffled = np.random.default_rng(0).permutation(list(right.values()))
    result = retrain(store, "subtype_test", Cohort(tables, dict(zip(right, map(str, shuffled), strict=True))))
    assert not result.published
    assert "kept, not published" in result.reason
    assert store.current("subtype_test").card.version == "1"
    assert store.version("subtype_test", "2").card.parent == "1"


def test_champion_is_compared_on_its_own_patients_by_models_that_had_not_seen_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitted anew to the very same patients a model is no better, and its champion no better for having seen them."""
    monkeypatch.setattr("gliomics.subtype.retrain.REPEATS", 3)
    monkeypatch.setattr("gliomics.subtype.retrain.PERMUTATIONS", 1)
    tables, truth = patients(COUNTS, effect=0.5), outcomes(COUNTS, CLASSES)
    options = FitOptions("subtype_test", "cluster", "A cluster", "drawn", repeats=3, permutations=0, seed=5)
    champion = SubtypeModel(fit_model(Cohort(tables, truth), tmp_path / "shipped" / "subtype_test", options).folder)
    result = retrain(
        ModelStore(tmp_path / "local", shipped=tmp_path / "shipped"), "subtype_test", Cohort(tables, truth)
    )
    in_sample = [
        probability_score(champion.estimate(table).probabilities, truth[str(table.diagnostics["patient_id"])])
        for table in tables
    ]
    assert np.mean(list(result.before.values())) < np.mean(in_sample) - 0.03
    assert abs(result.verdict.gain or 0) < 0.02
    assert not result.published


def test_out_of_fold_estimates_are_of_the_training_patients_alone(a_model: ModelFolder) -> None:
    model = SubtypeModel(a_model)
    repeats = model.out_of_fold("TCGA_XX_0003_20000101")
    assert len(repeats) == 2
    assert all(sum(probabilities.values()) == pytest.approx(1) for probabilities in repeats)
    assert repeats[0] != repeats[1]
    assert model.out_of_fold("TCGA-YY-0003") == []


def test_out_of_fold_estimates_give_the_figures_of_the_card(a_model: ModelFolder) -> None:
    """They are stored in the order of the patients' hashes, which is not that of the table."""
    model, truth = SubtypeModel(load_model_folder(a_model.path)), outcomes((30, 14, 16), CLASSES)
    scores = [
        np.mean([2 * (1 - probability_score(probabilities, label)) for probabilities in model.out_of_fold(patient)])
        for patient, label in truth.items()
    ]
    figures = {metric.name: metric.value for metric in a_model.card.metrics}
    assert np.mean(scores) == pytest.approx(figures["Brier score, images"])


def test_class_with_too_few_patients_is_refused(store: ModelStore) -> None:
    tables = patients((22, 20, 6), effect=1.0)
    with pytest.raises(InputError, match="too few patients in a class"):
        retrain(store, "subtype_test", Cohort(tables, outcomes((22, 20, 6), CLASSES)))
    assert list(store.versions("subtype_test")) == ["1"]


def test_outcome_of_another_name_is_refused(store: ModelStore) -> None:
    tables = of_this_site(patients(COUNTS, effect=1.0))
    with pytest.raises(InputError, match="for which no class was given"):
        retrain(store, "subtype_test", Cohort(tables, classes_of_this_site(("1", "2", "3"))))


def test_refitting_a_logistic_regression_imports_no_torch() -> None:
    code = "import sys, gliomics.subtype.retrain; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
