"""What the server says of features beside their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gliomics.cohort.stability import STABLE, shipped_stability
from gliomics.features.config import load_config
from gliomics.records import FeatureRow
from gliomics.server.tasks.measuring import LabelledStudy
from gliomics.study.records import Study
from tests.unit.features.heads import write_study


@pytest.fixture
def measured(tmp_path: Path) -> FeatureRow:
    study = write_study(tmp_path, "case-1")
    return features_of(study, {"label": tmp_path / "labels" / "final" / "case-1.nii.gz"})


def features_of(study: Study, request: dict[str, Any]) -> FeatureRow:
    return LabelledStudy.of(study, request).measure(request).features


def test_features_come_with_what_is_known_of_their_stability(measured: FeatureRow) -> None:
    stability = measured.diagnostics["stability"]
    assert set(stability) == set(measured.values), "the shipped table has every feature of FLAIR and T1 with contrast"
    shipped = shipped_stability(load_config("panel"))
    assert all(stability[name] == shipped[name].icc.low for name in stability)
    assert "lower-grade gliomas" in measured.diagnostics["stability_source"]


def test_those_that_should_not_be_trusted_are_named(measured: FeatureRow) -> None:
    unstable = measured.diagnostics["unstable"]
    shipped = shipped_stability(load_config("panel"))
    assert "flair_original_firstorder_Minimum" in unstable
    assert "flair_original_firstorder_Mean" not in unstable
    assert set(unstable) == {name for name in measured.values if shipped[name].icc.low <= STABLE}


def test_features_of_another_configuration_are_not_marked(tmp_path: Path) -> None:
    study = write_study(tmp_path, "case-1")
    label = tmp_path / "labels" / "final" / "case-1.nii.gz"
    assert "stability" not in features_of(study, {"label": label, "config": "lgg-shape"}).diagnostics


def test_features_survive_the_way_to_the_client(measured: FeatureRow) -> None:
    assert FeatureRow.from_json(measured.to_json()) == measured
