"""Two-dimensional measurement: in the largest slice, or in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gliomics.errors import InputError
from gliomics.features.config import parse_config
from gliomics.features.extract import StudyImages, extract_features, extract_regions
from gliomics.features.planes import slice_axis
from gliomics.preprocess.orientation import to_lps
from gliomics.records import FeatureRow
from gliomics.study import Mask, Volume, to_sitk
from tests.unit.features.plain import assert_equal_to_plain, oblique, plain_pyradiomics, ragged_case

pytestmark = pytest.mark.slow

AXIAL, SAGITTAL = np.diag([0.9, 1.1, 5.0, 1.0]), np.diag([5.0, 0.9, 1.1, 1.0])
CORONAL_STORED_FIRST = np.array([[0, 0, 5.0, 0], [5.0, 0, 0, 0], [0, 5.0, 0, 0], [0, 0, 0, 1]])
"""Isotropic; i runs to the front, j upwards and k to the right."""
GRIDS = [(AXIAL, 2), (SAGITTAL, 0), (np.eye(4), 2), (CORONAL_STORED_FIRST, 1), (oblique(), 2)]
NAMES = ["axial", "sagittal", "isotropic", "isotropic, j upwards", "oblique"]
CLASSES: dict[str, Any] = {"firstorder": [], "glcm": [], "gldm": [], "glrlm": [], "glszm": [], "ngtdm": []}
FILTERS = {"Original": {}, "LoG": {"sigma": [3.0]}, "Wavelet": {"binCount": 8}, "LBP2D": {"binWidth": 1}}


def a_case(affine: np.ndarray) -> tuple[Volume, Mask]:
    """An image and a lesion, stored in the order that is measured."""
    image, mask = ragged_case((17, 18, 16), affine=affine)
    return to_lps(image), to_lps(mask)


def one_slice(mask: Mask, axis: int, number: int) -> Mask:
    alone = np.zeros_like(mask.array)
    place = tuple(number if other == axis else slice(None) for other in range(3))
    alone[place] = mask.array[place]
    return mask.with_array(alone)


def in_slices(image: Volume, mask: Mask, content: dict[str, Any]) -> list[FeatureRow]:
    config = parse_config({"featureClass": {"firstorder": ["Mean"]}, **content}, "slices.yaml")
    return extract_regions(StudyImages("case-1", {"flair": image}), {"tumour": mask}, config)


@pytest.mark.parametrize(("affine", "axis"), GRIDS, ids=NAMES)
def test_slices_lie_across_the_body_or_the_longest_edge(affine: np.ndarray, axis: int) -> None:
    assert slice_axis(Volume(np.zeros((3, 3, 3)), affine)) == axis


@pytest.mark.parametrize("turn", range(0, 90, 10))
def test_edge_twice_as_long_counts_as_thick_however_the_affine_is_rounded(turn: int) -> None:
    affine = np.eye(4)
    tilted = Rotation.from_euler("xz", [turn, 7], degrees=True).as_matrix() @ np.diag([2.0, 1.0, 1.0])
    affine[:3, :3] = tilted.astype(np.float32)
    assert slice_axis(Volume(np.zeros((3, 3, 3)), affine)) == 0


@pytest.mark.parametrize("affine", [affine for affine, _ in GRIDS], ids=NAMES)
def test_largest_slice_equals_plain_pyradiomics_on_it_alone(affine: np.ndarray) -> None:
    image, mask = a_case(affine)
    axis = slice_axis(mask)
    (table,) = in_slices(image, mask, {"imageType": FILTERS, "featureClass": CLASSES, "slices": "largest"})
    sizes = mask.array.sum(axis=tuple({0, 1, 2} - {axis}))
    assert table.diagnostics["slice"] == sizes.argmax()
    assert table.diagnostics["voxels"] == sizes.max()
    parameters = {
        "imageType": FILTERS,
        "featureClass": CLASSES,
        "setting": {"force2D": True, "force2Ddimension": 2 - axis},
    }
    plain = plain_pyradiomics(image, one_slice(mask, axis, int(sizes.argmax())), parameters)
    assert_equal_to_plain(table.values, plain, "flair")


@pytest.mark.parametrize(("affine", "axis"), GRIDS[:2], ids=NAMES[:2])
def test_each_slice_equals_plain_pyradiomics_on_it_alone(affine: np.ndarray, axis: int) -> None:
    image, mask = a_case(affine)
    tables = in_slices(image, mask, {"imageType": FILTERS, "featureClass": CLASSES, "slices": "each"})
    assert len(tables) > 5
    parameters = {
        "imageType": FILTERS,
        "featureClass": CLASSES,
        "setting": {"force2D": True, "force2Ddimension": 2 - axis},
    }
    for table in tables:
        plain = plain_pyradiomics(image, one_slice(mask, axis, table.diagnostics["slice"]), parameters)
        assert_equal_to_plain(table.values, plain, "flair")


@pytest.mark.parametrize("affine", [affine for affine, _ in GRIDS], ids=NAMES)
def test_shape_of_a_slice_equals_that_of_pyradiomics_class(affine: np.ndarray) -> None:
    from radiomics.shape2D import RadiomicsShape2D

    image, mask = a_case(affine)
    axis = slice_axis(mask)
    for table in in_slices(image, mask, {"featureClass": {"shape2D": None}, "slices": "each"}):
        number = table.diagnostics["slice"]
        thin = tuple(slice(number, number + 1) if other == axis else slice(None) for other in range(3))
        roi = to_sitk(Volume(mask.array[thin], mask.affine))
        measure = RadiomicsShape2D(roi, roi, force2D=True, force2Ddimension=2 - axis)
        plain = {f"original_shape2D_{name}": float(value) for name, value in measure.execute().items()}
        assert table.values == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize(("affine", "axis"), GRIDS, ids=NAMES)
def test_row_tells_the_slice_as_the_file_counts_it(affine: np.ndarray, axis: int) -> None:
    image, mask = ragged_case((17, 18, 16), affine=affine)
    (table,) = in_slices(image, mask, {"slices": "largest"})
    stored = table.diagnostics["slice_as_stored"]
    sizes = mask.array.sum(axis=tuple({0, 1, 2} - {axis}))
    assert sizes[stored] == sizes.max() == table.diagnostics["voxels"]


def test_each_row_is_named_after_its_region_and_slice() -> None:
    image, mask = a_case(AXIAL)
    tables = in_slices(image, mask, {"slices": "each"})
    assert [table.region for table in tables] == [f"tumour slice {table.diagnostics['slice']}" for table in tables]
    numbers = [table.diagnostics["slice"] for table in tables]
    assert numbers == sorted(set(numbers)) != []
    assert [table.diagnostics["voxels"] for table in tables] == [mask.array[..., number].sum() for number in numbers]


def test_another_plane_than_that_of_the_slices_is_refused() -> None:
    image, mask = a_case(AXIAL)
    assert in_slices(image, mask, {"slices": "largest", "setting": {"force2Ddimension": 0}})
    with pytest.raises(InputError, match="contradict each other: these images have slices across 0; leave"):
        in_slices(image, mask, {"slices": "largest", "setting": {"force2Ddimension": 1}})


def test_slices_of_several_regions_are_rows_of_each() -> None:
    image, mask = a_case(AXIAL)
    other = mask.with_array(np.roll(mask.array, 1, axis=2))
    config = parse_config({"featureClass": {"firstorder": ["Mean"]}, "slices": "each"}, "slices.yaml")
    together = extract_regions(StudyImages("case-1", {"flair": image}), {"one": mask, "two": other}, config)
    one = in_slices(image, mask, {"slices": "each"})
    two = in_slices(image, other, {"slices": "each"})
    assert [table.values for table in together] == [table.values for table in one + two]
    assert {table.region.split(" slice ")[0] for table in together} == {"one", "two"}


def test_shape_describes_the_whole_region_beside_texture_of_its_largest_slice() -> None:
    image, mask = a_case(AXIAL)
    classes = {"shape": None, "ellipsoid": None, "firstorder": ["Mean"]}
    (flat,) = in_slices(image, mask, {"featureClass": classes, "slices": "largest"})
    (whole,) = in_slices(image, mask, {"featureClass": classes})
    of_mask = {name: value for name, value in whole.values.items() if name.startswith("original_")}
    assert {name: flat.values[name] for name in of_mask} == of_mask
    assert flat.values["flair_original_firstorder_Mean"] != whole.values["flair_original_firstorder_Mean"]


def test_slices_one_voxel_wide_are_left_out() -> None:
    image, mask = a_case(AXIAL)
    array = np.zeros_like(mask.array)
    array[5:9, 5:9, 7] = array[5:9, 5, 8] = array[5, 5, 9] = 1
    tables = in_slices(image, mask.with_array(array), {"slices": "each"})
    assert [table.region for table in tables] == ["tumour slice 7"]


def test_slices_under_the_minimum_size_are_left_out() -> None:
    image, mask = a_case(AXIAL)
    array = np.zeros_like(mask.array)
    array[5:9, 5:9, 7] = array[5:9, 5:10, 8] = 1
    tables = in_slices(image, mask.with_array(array), {"slices": "each", "setting": {"minimumROISize": 16}})
    assert [table.region for table in tables] == ["tumour slice 8"]


def test_region_without_a_slice_to_measure_is_refused() -> None:
    image, mask = a_case(AXIAL)
    array = np.zeros_like(mask.array)
    array[5:9, 5, 4:8] = 1
    with pytest.raises(InputError, match="no slice of region 'tumour' of 'case-1' is more than one voxel wide in both"):
        in_slices(image, mask.with_array(array), {"slices": "each"})


def test_one_row_cannot_hold_each_slice() -> None:
    image, mask = a_case(AXIAL)
    config = parse_config({"featureClass": {"firstorder": ["Mean"]}, "slices": "each"}, "slices.yaml")
    with pytest.raises(InputError, match="'slices: each' a region has one row per slice; use extract_regions"):
        extract_features(StudyImages("case-1", {"flair": image}), mask, config)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"slices": "each", "featureClass": {"shape": None}}, "'shape' describes volumes; with 'slices: each' use"),
        ({"slices": "each", "featureClass": {"ellipsoid": None}}, "'ellipsoid' describes volumes"),
        ({"slices": "each"}, "'shape' describes volumes"),
        ({"featureClass": {"shape2D": None}}, "'shape2D' describes one slice; set 'slices: largest' or 'slices: each'"),
        ({"slices": "all"}, "slices: Input should be 'volume', 'largest' or 'each', found 'all'"),
    ],
    ids=str,
)
def test_classes_that_do_not_fit_the_slices_are_refused(content: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_config(content, "slices.yaml")
