"""One case for the report's tests: a sample study with features and what is read of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gliomics.reading.record import ClassBar, EstimateReading, Fact, KeyFeature, Population, Reading
from gliomics.records import FeatureRow
from gliomics.study import Mask, Study, Volume, find_study, load_sequences, read_mask

SAMPLES = Path(__file__).parents[3] / "sample_studies"


LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]


def key_feature(feature: str, value: float, **more: Any) -> KeyFeature:
    """A feature of 74 training patients, whose quantiles are 1 to 5."""
    population = Population("patients of two hospitals", 74, LEVELS, more.pop("overall", [1.0, 2.0, 3.0, 4.0, 5.0]))
    population = replace(population, by_class=more.pop("by_class", {}), titles=more.pop("titles", {}))
    return KeyFeature(feature, feature, value, f"{value:.2f}", population=population, **more)


@pytest.fixture(scope="session")
def a_study() -> Study:
    return find_study(SAMPLES, "sample-02")


@pytest.fixture(scope="session")
def volumes(a_study: Study) -> dict[str, Volume]:
    return load_sequences(a_study, ["flair", "t1c"])


@pytest.fixture(scope="session")
def mask() -> Mask:
    return read_mask(SAMPLES / "truth" / "sample-02.nii.gz")


@pytest.fixture
def features() -> FeatureRow:
    values = {
        "original_shape_MeshVolume": 64532.1,
        "original_outline_MarginFluctuation": 9.5,
        "flair_original_firstorder_Mean": 3.5,
    }
    diagnostics = {"pyradiomics_version": "3.0.1", "mask_sha256": "abc123", "spacing": [1.5, 1.5, 5.0]}
    return FeatureRow("sample-02", "tumour", values, diagnostics, ["voxels are far from cubes"])


@pytest.fixture
def estimate() -> EstimateReading:
    return EstimateReading(
        title="COC cluster",
        headline="not decided: unlike the training patients",
        tone="caution",
        bars=[
            ClassBar("coc2", "coc2 (a note)", 0.7, 0.5, 0.8, "0.70 (0.50 to 0.80)", 0.2),
            ClassBar("coc1", "coc1", 0.2, 0.1, 0.3, "0.20 (0.10 to 0.30)", 0.6, tone="weak"),
            ClassBar("coc3", "coc3", 0.1, 0.05, 0.2, "0.10 (0.05 to 0.20)", 0.2),
        ],
        meaning="which group it is",
        cautions=["margin fluctuation is 9, outside the range"],
        reasons=["Solidity 0.9 speaks for coc2"],
        details=["Fitted on 74 patients of two hospitals.", "AUC 0.74 (0.62 to 0.85), n = 74."],
        model="subtype_coc2",
        version="1",
    )


@pytest.fixture
def reading(estimate: EstimateReading) -> Reading:
    return Reading(
        study_id="sample-02",
        region="tumour",
        title="Tumour",
        headline=[
            Fact("Volume", "64.5 cm³", 64.5, "cm³", "voxels times their size"),
            Fact("Side", "undecided", explanation="by the middle of the head", tone="caution"),
        ],
        estimates=[estimate],
        key_features=[
            key_feature("Roughness of the margin", 9.5, percentile_text="95th percentile or above", tone="caution"),
            key_feature("Mean signal", 3.5, percentile_text="63rd percentile", stability_text="stable"),
        ],
        key_features_note="Percentiles are among 74 patients of two hospitals.",
        cautions=["Voxels are far from cubes."],
    )
