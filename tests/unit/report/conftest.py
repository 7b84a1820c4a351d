"""One case for the report's tests: a sample study with features and an estimate."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.study import Mask, Study, Volume, find_study, load_sequences, read_mask

SAMPLES = Path(__file__).parents[3] / "sample_studies"


@dataclass(frozen=True)
class Range:
    """Quantiles of a feature over the training patients."""

    levels: list[float] = field(default_factory=lambda: [0.05, 0.25, 0.5, 0.75, 0.95])
    overall: list[float] = field(default_factory=lambda: [1.0, 2.0, 3.0, 4.0, 5.0])
    by_class: dict[str, list[float]] = field(default_factory=dict)


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
def estimate() -> SubtypeEstimate:
    return SubtypeEstimate(
        study_id="sample-02",
        model="subtype_coc",
        model_version="1",
        target="COC cluster",
        predicted="coc2",
        probabilities={"coc1": 0.2, "coc2": 0.7, "coc3": 0.1},
        intervals={"coc1": [0.1, 0.3], "coc2": [0.5, 0.8], "coc3": [0.05, 0.2]},
        inside_training_range=False,
        population="patients of two hospitals",
        n_training=74,
        performance="AUC 0.74 (0.62 to 0.85), n = 74",
        reasons=["margin fluctuation is 9, outside the range"],
    )
