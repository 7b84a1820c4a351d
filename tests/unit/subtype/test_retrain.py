"""Subtype models fitted anew to a site's own patients."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.models import ModelFolder, ModelStore
from gliomics.records import FeatureTable
from gliomics.subtype.retrain import retrain
from tests.unit.subtype.cohorts import outcomes, patients

COUNTS = (22, 20, 20)
CLASSES = ("coc1", "coc2", "coc3")


@pytest.fixture
def store(a_model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A store with one model, whose successors are validated only roughly, to save time."""
    monkeypatch.setattr("gliomics.subtype.retrain.REPEATS", 1)
    monkeypatch.setattr("gliomics.subtype.retrain.PERMUTATIONS", 1)
    shutil.copytree(a_model.path, tmp_path / "shipped" / a_model.card.name)
    return ModelStore(tmp_path / "local", shipped=tmp_path / "shipped")


def held_out(tables: list[FeatureTable]) -> list[str]:
    return [str(table.diagnostics["patient_id"]) for table in tables[::5]]


def test_model_of_patients_that_differ_more_is_published(store: ModelStore) -> None:
    """At this site the features tell the classes apart far better, and not as the champion learned it."""
    tables = patients(COUNTS, effect=-3.0, seed=9)
    result = retrain(store, "subtype_test", tables, outcomes(COUNTS, CLASSES), held_out(tables))
    assert result.published
    assert np.mean(list(result.after.values())) > np.mean(list(result.before.values()))
    serving = store.current("subtype_test").card
    assert (serving.version, serving.parent) == ("2", "1")
    assert "probability score" in str(serving.reason)
    assert serving.training.n_patients == sum(COUNTS) - len(result.before)


def test_model_of_outcomes_that_mean_nothing_is_kept_and_does_not_serve(store: ModelStore) -> None:
    tables = patients(COUNTS, effect=1.0, seed=9)
    right = outcomes(COUNTS, CLASSES)
    apart = held_out(tables)
    others = [patient for patient in right if patient not in apart]
    shuffled = np.random.default_rng(0).permutation([right[patient] for patient in others])
    result = retrain(store, "subtype_test", tables, right | dict(zip(others, shuffled, strict=True)), apart)
    assert not result.published
    assert "kept, not published" in result.reason
    assert store.current("subtype_test").card.version == "1"
    assert store.version("subtype_test", "2").card.parent == "1"


def test_class_with_too_few_patients_is_refused(store: ModelStore) -> None:
    tables = patients((22, 20, 6), effect=1.0)
    with pytest.raises(InputError, match="too few patients in a class"):
        retrain(store, "subtype_test", tables, outcomes((22, 20, 6), CLASSES), [])
    assert list(store.versions("subtype_test")) == ["1"]


def test_outcome_of_another_name_is_refused(store: ModelStore) -> None:
    tables = patients(COUNTS, effect=1.0)
    with pytest.raises(InputError, match="for which no class was given"):
        retrain(store, "subtype_test", tables, outcomes(COUNTS, ("1", "2", "3")), [])
