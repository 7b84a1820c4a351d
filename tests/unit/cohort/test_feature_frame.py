from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from gliomics.cohort.feature_frame import features_frame, rows_from_frame
from gliomics.cohort.feature_table import read_features_csv, write_features_csv
from gliomics.errors import DependencyError, InputError
from gliomics.features.config import load_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.records import FeatureRow
from gliomics.study import load_sequences, read_mask, read_study_folder
from tests.conftest import PROJECT

SAMPLES = PROJECT / "sample_studies"
ROWS = [
    FeatureRow(
        "case-1",
        "whole",
        {"original_shape_MeshVolume": 0.1 + 0.2, "flair_original_firstorder_Mean": -1e-300},
        {
            "patient_id": "0012",
            "spacing": [1.0, 1.0, 5.0],
            "spacing_known": False,
            "voxels": 77,
            "date": None,
            "flair_bins": 30,
        },
        ["the voxel size is unknown", 'an odd, quoted "warning"'],
    ),
    FeatureRow(
        "case-2", "enhancing", {"t1c_original_firstorder_Mean": 3.0}, {"patient_id": "12", "voxels": 9, "note": "null"}
    ),
]


@pytest.fixture(scope="module")
def measured() -> list[FeatureRow]:
    """Rows of two sample studies; that of a plane lacks what is undefined there."""
    config = load_config("panel")
    rows = []
    for name in ("sample-01", "sample-02"):
        study = read_study_folder(SAMPLES / name)[0]
        mask = read_mask(SAMPLES / "truth" / f"{name}.nii.gz")
        images = StudyImages(name, load_sequences(study, ["flair", "t1c"]))
        rows.append(extract_features(images, mask, config))
    flat = mask.array.copy()
    flat[:, :, flat.any(axis=(0, 1)).argmax() + 1 :] = 0
    rows.append(extract_features(images, mask.with_array(flat), config, region="one slice"))
    return rows


def test_rows_come_back_equal(measured: list[FeatureRow]) -> None:
    assert rows_from_frame(features_frame(ROWS)) == ROWS
    assert rows_from_frame(features_frame(measured)) == measured


def test_frame_has_numbers_truth_values_and_text_each_as_such(measured: list[FeatureRow]) -> None:
    frame = features_frame(measured)
    assert frame["study_id"].tolist() == ["sample-01", "sample-02", "sample-02"]
    assert frame["original_shape_MeshVolume"].dtype == "float64"
    assert frame["diagnostics_spacing_known"].dtype == "bool"
    assert frame["diagnostics_voxels"].dtype == "int64"
    assert frame["diagnostics_plane"].map(type).eq(str).all()


def test_what_a_row_does_not_have_is_missing() -> None:
    frame = features_frame(ROWS)
    assert frame["t1c_original_firstorder_Mean"].isna().tolist() == [True, False]
    assert frame["diagnostics_flair_bins"].isna().tolist() == [False, True]


def test_pandas_reads_the_csv_file_as_the_same_frame(tmp_path: Path, measured: list[FeatureRow]) -> None:
    write_features_csv(measured, tmp_path / "features.csv")
    frame = pd.read_csv(tmp_path / "features.csv", keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(frame, features_frame(measured), check_exact=True)
    assert rows_from_frame(frame) == measured == read_features_csv(tmp_path / "features.csv")


def test_rows_that_pandas_read_by_its_defaults_have_the_same_features(
    tmp_path: Path, measured: list[FeatureRow]
) -> None:
    write_features_csv(measured, tmp_path / "features.csv")
    for row, original in zip(rows_from_frame(pd.read_csv(tmp_path / "features.csv")), measured, strict=True):
        assert row.study_id == original.study_id
        assert row.values == pytest.approx(original.values, rel=1e-14)


def test_no_rows_are_a_frame_without_lines() -> None:
    assert rows_from_frame(features_frame([])) == []


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"id": ["A"]}, "the frame has no column 'study_id'; its columns begin with id"),
        ({"study_id": [1, 2], "x": [0.5, 1.5]}, "column 'study_id' holds the number 1, not a text; read the file with"),
        ({"study_id": ["A"], "x": ["high"]}, "the frame, line 0: column 'x' holds 'high'; features must be numbers"),
        ({"study_id": ["A", "A"], "x": [0.5, 1.5]}, "the frame has two rows for study 'A', region 'whole'"),
    ],
)
def test_unusable_frame_is_refused_with_the_place(frame: dict[str, list[object]], message: str) -> None:
    with pytest.raises(InputError) as refused:
        rows_from_frame(pd.DataFrame(frame))
    assert message in str(refused.value)


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DependencyError, match=r'install it: pip install "\.\[tables\]"'):
        features_frame(ROWS)
