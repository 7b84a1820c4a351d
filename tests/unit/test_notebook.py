"""What records look like in a terminal and in a notebook."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gliomics
from gliomics.records import RESEARCH_NOTICE, FeatureRow, SubtypeEstimate
from gliomics.segmentation.segmenter import Segmentation
from gliomics.study import Study, Volume
from tests.conftest import PROJECT

SAMPLES = PROJECT / "sample_studies"
ESTIMATE = SubtypeEstimate(
    "case-1",
    "subtype_idh",
    "1",
    "IDH status",
    "mutant",
    {"mutant": 0.93, "wildtype": 0.07},
    {"mutant": [0.88, 0.97], "wildtype": [0.03, 0.12]},
    inside_training_range=False,
    population="patients",
    n_training=87,
    performance="AUC: 0.80",
    reasons=["a value is <unlike> the others"],
)


def a_volume(shape: tuple[int, int, int] = (20, 10, 6), dtype: type = np.float32) -> Volume:
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    return Volume(array, np.diag([1.0, 1.0, 5.0, 1.0]))


def a_mask() -> Volume:
    array = np.zeros((20, 10, 6), dtype=np.uint8)
    array[4:8, 3:7, 2] = 1
    array[4:6, 3:7, 3] = 1
    return Volume(array, np.diag([1.0, 1.0, 5.0, 1.0]))


def picture(page: str) -> Image.Image:
    data = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    assert data is not None
    return Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB")


def test_records_say_in_one_line_what_they_are() -> None:
    study = gliomics.open_study(SAMPLES / "sample-03", "sample-03_followup")
    row = FeatureRow("case-1", "whole", {"a": 1.0, "b": 2.0}, warnings=["beware"])
    assert re.fullmatch(r"Study\('sample-03_followup' of patient '.*', followup [0-9-]+: \w+(, \w+)*\)", repr(study))
    assert repr(a_volume()) == "Volume(20 x 10 x 6 voxels of 1 x 1 x 5 mm, float32, 0 to 1199)"
    assert repr(row) == "FeatureRow('case-1', region 'whole': 2 features, 1 warning)"
    assert repr(ESTIMATE) == (
        "SubtypeEstimate('case-1', IDH status by subtype_idh version 1: mutant 0.93 (0.88 to 0.97); "
        "unlike the training patients; research use only)"
    )


def test_models_say_in_one_line_what_they_are(tmp_path: Path) -> None:
    store = gliomics.ModelStore(tmp_path)
    names = (
        "correction, segmentation_flair, segmentation_multi, segmentation_parts, subtype_coc2, subtype_codeletion, "
        "subtype_idh"
    )
    folder = store.current("subtype_idh")
    assert repr(store) == f"ModelStore({names}, and those in {tmp_path})"
    assert repr(folder) == f"ModelFolder(subtype_idh version 1, subtype, in {folder.path})"
    assert repr(gliomics.load_model("segmentation_multi")) == (
        "Segmenter(segmentation_multi version 3: flair, t1, t1c if there)"
    )
    assert repr(gliomics.load_model("subtype_idh")) == (
        "SubtypeModel(subtype_idh version 1: IDH status (mutant, wildtype) from 45 features, fitted on 87 patients)"
    )


def test_volume_without_a_finite_voxel_has_a_line_and_no_picture() -> None:
    volume = a_volume().with_array(np.full((20, 10, 6), np.nan))
    assert repr(volume) == "Volume(20 x 10 x 6 voxels of 1 x 1 x 5 mm, float64, no finite value)"
    assert "<img" not in volume._repr_html_()


@pytest.mark.parametrize("axes", [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (-1, -1, -1)])
def test_right_is_on_the_left_and_front_above_however_a_volume_is_stored(axes: tuple[int, int, int]) -> None:
    canonical = np.zeros((20, 10, 6), dtype=np.float32)
    canonical[15:, 8:, :] = 100  # right and in front
    stored = canonical[tuple(slice(None, None, step) for step in axes)].transpose(2, 0, 1)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for world, (voxel, edge) in enumerate(zip((1, 2, 0), (1.0, 2.0, 5.0), strict=True)):
        affine[world, voxel] = edge * axes[world]
    pixels = np.asarray(picture(Volume(stored, affine)._repr_html_()))
    height, width, _ = pixels.shape
    assert pixels[: height // 10, : width // 10].min() == 255
    assert pixels[height // 2 :].max() == 0
    assert pixels[:, width // 2 :].max() == 0
    assert f'width="{width}" height="{2 * height}"' in Volume(stored, affine)._repr_html_()


def test_mask_is_shown_where_it_is_largest_with_its_outline_and_labels() -> None:
    page = a_mask()._repr_html_()
    pixels = np.asarray(picture(page))
    yellow = (pixels == (240, 228, 66)).all(axis=2)
    assert "label 1" in page and "24 voxels" in page
    columns, rows = np.flatnonzero(yellow.any(axis=0)), np.flatnonzero(yellow.any(axis=1))
    assert np.ptp(columns) + 1 == np.ptp(rows) + 1 == 4 * pixels.shape[1] // 20


def test_segmentation_shows_its_probability_with_the_outline_and_its_warnings() -> None:
    probability = a_mask().with_array(a_mask().array * np.float32(0.9))
    segmentation = Segmentation(a_mask(), probability, ["flair"], ["segmented <without> t1"], "case-1")
    assert repr(segmentation) == ("Segmentation(of 'case-1': 24 voxels of 1 x 1 x 5 mm from flair, 1 warning)")
    page = segmentation._repr_html_()
    assert "segmented &lt;without&gt; t1" in page
    assert (np.asarray(picture(page)) == (240, 228, 66)).all(axis=2).any()


def test_study_shows_a_slice_and_says_why_where_it_cannot(tmp_path: Path) -> None:
    study = gliomics.open_study(SAMPLES / "sample-01")
    assert picture(study._repr_html_()).size[0] >= 200
    (tmp_path / "flair.nii.gz").write_text("no image")
    broken = Study("<case>", "p", tmp_path, {"flair": tmp_path / "flair.nii.gz"})
    assert "<img" not in broken._repr_html_()
    assert "no picture" in broken._repr_html_() and "Study &lt;case&gt;" in broken._repr_html_()


def test_estimate_is_a_table_with_its_doubts_and_the_notice() -> None:
    page = ESTIMATE._repr_html_()
    assert "0.93 (0.88 to 0.97)" in page and "0.07 (0.03 to 0.12)" in page
    assert "a value is &lt;unlike&gt; the others" in page
    assert RESEARCH_NOTICE in page


def test_row_shows_its_first_features_and_how_many_more_there_are() -> None:
    row = FeatureRow("case-1", "<whole>", {f"feature{n}": n / 3 for n in range(20)}, warnings=["beware"])
    page = row._repr_html_()
    assert "20 features of region &lt;whole&gt; of case-1" in page
    assert "0.333333" in page and "8 more in .values" in page and "beware" in page
    assert "feature12" not in page
