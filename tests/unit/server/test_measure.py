"""What the server says of features beside their values."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.answers.images import MeasuredStudies
from gliomics.answers.measuring import LabelledStudy
from gliomics.cohort.stability import STABLE, shipped_stability
from gliomics.features.config import load_config
from gliomics.records import FeatureRow
from gliomics.study import Study, Volume, read_volume, write_volume
from tests.unit.features.heads import write_study


@pytest.fixture
def measured(tmp_path: Path) -> FeatureRow:
    study = write_study(tmp_path, "case-1")
    return features_of(study, {"label": tmp_path / "labels" / "final" / "case-1.nii.gz"})


def features_of(study: Study, request: dict[str, Any]) -> FeatureRow:
    return LabelledStudy.of(study, request, MeasuredStudies()).measure(request).features


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


def test_what_is_kept_of_the_images_changes_no_value_and_is_forgotten_when_a_file_changes(tmp_path: Path) -> None:
    study, studies = write_study(tmp_path, "case-1"), MeasuredStudies()
    request = {"label": tmp_path / "labels" / "final" / "case-1.nii.gz"}

    def again() -> FeatureRow:
        return LabelledStudy.of(study, request, studies).measure(request).features

    first = again()
    assert again() == first == features_of(study, request)
    image = read_volume(study.path("flair"))
    write_volume(image.with_array(image.array[::-1].copy()), study.path("flair"))
    changed = again()
    assert changed == features_of(study, request)
    assert changed.values["flair_original_firstorder_Mean"] != first.values["flair_original_firstorder_Mean"]
    assert changed.diagnostics["flair_image_sha256"] != first.diagnostics["flair_image_sha256"]


@pytest.mark.alone
def test_a_segment_that_is_measured_again_takes_less_time(tmp_path: Path) -> None:
    """Reading, scaling and hashing the images is most of the work, and the images are the same after a stroke."""
    study, studies = write_study(tmp_path, "case-1"), MeasuredStudies()
    request = {"label": tmp_path / "labels" / "final" / "case-1.nii.gz"}
    for path in (*study.sequences.values(), request["label"]):  # a head in an image of the usual size
        small = read_volume(path)
        write_volume(Volume(np.pad(small.array, 60, mode="edge"), small.affine), path)
    features_of(study, request)  # loads what measuring needs
    times = []
    for _ in range(2):
        started = time.perf_counter()
        LabelledStudy.of(study, request, studies).measure(request)
        times.append(time.perf_counter() - started)
    assert times[1] < 0.8 * times[0]


def test_features_of_another_configuration_are_not_marked(tmp_path: Path) -> None:
    study = write_study(tmp_path, "case-1")
    label = tmp_path / "labels" / "final" / "case-1.nii.gz"
    assert "stability" not in features_of(study, {"label": label, "config": "lgg-shape"}).diagnostics


def test_features_survive_the_way_to_the_client(measured: FeatureRow) -> None:
    assert FeatureRow.from_json(measured.to_json()) == measured
