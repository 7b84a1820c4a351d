from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from gliomics.errors import InputError, UnknownNameError
from gliomics.features.config import Region, parse_config
from gliomics.features.planes import in_largest_slice, slices_of
from gliomics.features.regions import is_ring, select_region, shift_boundary
from gliomics.study import Mask, Volume
from gliomics.study.numbering import numbering_of_mask
from tests.unit.features.heads import SHAPE, lesion
from tests.unit.features.plain import oblique


def everywhere(mask: Mask) -> np.ndarray:
    return np.ones(mask.shape, dtype=bool)


def a_box(shape: tuple[int, int, int], corner: tuple[int, int, int], affine: np.ndarray) -> Mask:
    """A box of 3 x 2 x 2 voxels with label 4 at one end and 2 at the other."""
    labels = np.zeros(shape, dtype=np.uint8)
    i, j, k = corner
    labels[i : i + 3, j : j + 2, k : k + 2] = 2
    labels[i, j : j + 2, k : k + 2] = 4
    return Volume(labels, affine)


@pytest.mark.parametrize(
    ("region", "labels"),
    [("whole", {1, 2, 4}), ("tumour-core", {1, 4}), ("enhancing", {4}), ("oedema", {2}), ("1", {1})],
)
def test_region_is_the_voxels_of_its_labels(region: str, labels: set[int]) -> None:
    mask = lesion(0)
    selected = select_region(mask, region, name="a mask")
    np.testing.assert_array_equal(selected.array, np.isin(mask.array, list(labels)).astype(np.uint8))


def test_whole_takes_any_label_value() -> None:
    assert select_region(lesion(17), "whole", name="a mask").array.sum() == (lesion().array > 0).sum()


@pytest.mark.parametrize("region", ["tumour-core", "enhancing", "oedema", "whole"])
def test_region_of_parts_has_the_same_voxels_under_each_numbering(region: str) -> None:
    until_2021 = lesion(0)
    since_2023 = until_2021.with_array(np.where(until_2021.array == 4, 3, until_2021.array))
    numbering = numbering_of_mask([1, 2, 3], "a mask", given="brats-2023")
    expected = select_region(until_2021, region, name="a mask").array
    selected = select_region(since_2023, region, name="a mask", numbering=numbering).array
    np.testing.assert_array_equal(selected, expected)


def test_region_that_the_numbering_leaves_open_is_refused_with_the_label() -> None:
    since_2023 = lesion(0).with_array(np.where(lesion(0).array == 4, 3, lesion(0).array))
    with pytest.raises(InputError, match=r"region 'tumour-core' of case-1 is ambiguous.*label 1, 2, 3.*--numbering"):
        select_region(since_2023, "tumour-core", name="case-1")


def test_neither_the_whole_nor_the_ring_around_it_holds_the_cavity() -> None:
    mask = lesion(0)
    numbering = numbering_of_mask([1, 2, 4], "a mask", given="brats-2024")
    whole = select_region(mask, "whole", name="a mask", numbering=numbering)
    ring = select_region(mask, "peritumoral", name="a mask", numbering=numbering, brain=everywhere(mask))
    cavity = select_region(mask, "cavity", name="a mask", numbering=numbering)
    np.testing.assert_array_equal(cavity.array, mask.array == 4)
    np.testing.assert_array_equal(whole.array, np.isin(mask.array, [1, 2]))
    assert not (ring.array & cavity.array).any()


def test_region_of_the_configuration_may_be_made_of_parts() -> None:
    config = parse_config({"regions": {"necrosis": {"parts": ["core-without-enhancement"]}}}, "mine.yaml")
    mask = lesion(0)
    selected = select_region(mask, "necrosis", name="a mask", defined=config.regions)
    np.testing.assert_array_equal(selected.array, mask.array == 1)


@pytest.mark.parametrize("region", ["ring", "-1", "0", "1.5"])
def test_unknown_region_is_refused_with_those_that_exist(region: str) -> None:
    with pytest.raises(
        UnknownNameError,
        match="is unknown; give whole, tumour-core, enhancing, oedema, cavity, peritumoral or a label value",
    ):
        select_region(lesion(), region, name="a mask")


def test_region_without_voxels_is_refused_with_the_labels_that_are_there() -> None:
    numbering = numbering_of_mask([1], "a mask", given="brats-2021")
    with pytest.raises(
        InputError,
        match=r"region 'enhancing' is empty in case-1.nii.gz: the mask holds label 1, .* is enhancing \(numb",
    ):
        select_region(lesion(), "enhancing", name="case-1.nii.gz", numbering=numbering)


@settings(max_examples=25, deadline=None)
@given(
    width=st.floats(0.5, 9),
    corner=st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 5)),
    edges=st.tuples(*[st.floats(0.7, 4)] * 3),
)
def test_ring_is_what_lies_within_so_many_millimetres_outside(
    width: float, corner: tuple[int, int, int], edges: tuple[float, float, float]
) -> None:
    affine = np.diag([*edges, 1.0])
    mask = a_box((12, 11, 7), corner, affine)
    centres = np.argwhere(mask.array >= 0) @ affine[:3, :3]
    distance = cdist(centres, centres[mask.array.ravel() > 0]).min(axis=1).reshape(mask.shape)
    near, far = distance < width * 1.00001, distance > width * 1.001
    definitions = {"ring": Region(ring_mm=width)}
    if far[mask.array == 0].all():
        with pytest.raises(InputError, match="region 'ring' is empty"):
            select_region(mask, "ring", name="a mask", brain=everywhere(mask), defined=definitions)
    else:
        ring = select_region(mask, "ring", name="a mask", brain=everywhere(mask), defined=definitions).array > 0
        assert ring[near & (mask.array == 0)].all()
        assert not ring[far | (mask.array > 0)].any()


@pytest.mark.parametrize("turn", range(0, 90, 10))
def test_ring_of_whole_voxels_does_not_hang_on_how_the_affine_is_rounded(turn: int) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [turn, turn / 2, 7], degrees=True).as_matrix().astype(np.float32)
    mask = Volume(np.zeros((15, 3, 3), dtype=np.uint8), affine)
    mask.array[7, 1, 1] = 1
    ring = select_region(mask, "peritumoral", name="a mask", brain=everywhere(mask)).array[:, 1, 1]
    assert np.flatnonzero(ring).tolist() == [2, 3, 4, 5, 6, 8, 9, 10, 11, 12]


def test_ring_counts_millimetres_along_tilted_axes() -> None:
    mask = a_box((12, 11, 7), (4, 4, 3), oblique())
    ring = select_region(mask, "peritumoral", name="a mask", brain=everywhere(mask)).array > 0
    straight = Volume(mask.array, np.diag([*mask.spacing, 1.0]))
    same = select_region(straight, "peritumoral", name="a mask", brain=everywhere(mask)).array > 0
    np.testing.assert_array_equal(ring, same)


def test_ring_lies_in_the_brain_and_not_in_the_tumour() -> None:
    mask, brain = lesion(0), np.zeros(SHAPE, dtype=bool)
    brain[:14] = True
    ring = select_region(mask, "peritumoral", name="a mask", brain=brain).array > 0
    free = select_region(mask, "peritumoral", name="a mask", brain=everywhere(mask)).array > 0
    np.testing.assert_array_equal(ring, free & brain)
    assert not (free & (mask.array > 0)).any()


def test_ring_around_some_labels_may_lie_in_the_others() -> None:
    mask = a_box((12, 11, 7), (4, 4, 3), np.eye(4))
    definitions = {"around enhancing": Region(labels=[4], ring_mm=1)}
    ring = select_region(mask, "around enhancing", name="a mask", brain=everywhere(mask), defined=definitions).array > 0
    assert ring[5, 4, 3]
    assert not ring[mask.array == 4].any()


def test_ring_of_a_tumour_at_the_border_of_the_image_ends_there() -> None:
    mask = a_box((12, 11, 7), (9, 0, 5), np.eye(4))
    ring = select_region(mask, "peritumoral", name="a mask", brain=everywhere(mask)).array > 0
    assert ring.shape == mask.shape
    assert ring[8, 0, 5]
    assert ring[11, 2, 6]


def test_ring_without_a_brain_is_refused() -> None:
    with pytest.raises(InputError, match="region 'peritumoral' of case-1 is a ring, which needs to know where the"):
        select_region(lesion(), "peritumoral", name="case-1")


def test_ring_outside_of_the_brain_is_refused() -> None:
    brain = np.zeros(SHAPE, dtype=bool)
    brain[-2:] = True
    with pytest.raises(InputError, match="region 'peritumoral' is empty in case-1: no brain lies within 5 mm of it"):
        select_region(lesion(), "peritumoral", name="case-1", brain=brain)


def test_regions_of_the_configuration_are_chosen_by_their_names() -> None:
    config = parse_config(
        {"regions": {"necrosis": {"labels": [1]}, "wide-ring": {"labels": [1, 4], "ring_mm": 10}}}, "mine.yaml"
    )
    mask = lesion(0)
    necrosis = select_region(mask, "necrosis", name="a mask", defined=config.regions)
    np.testing.assert_array_equal(necrosis.array, mask.array == 1)
    assert [is_ring(name, config.regions) for name in ("necrosis", "wide-ring", "peritumoral", "whole")] == [
        False,
        True,
        True,
        False,
    ]


def test_region_of_the_configuration_may_replace_a_named_one() -> None:
    mask = lesion(0)
    selected = select_region(mask, "whole", name="a mask", defined={"whole": Region(labels=[1])})
    np.testing.assert_array_equal(selected.array, mask.array == 1)


def test_unknown_region_is_refused_with_those_of_the_configuration() -> None:
    with pytest.raises(UnknownNameError, match=r"region 'necrosi' is unknown; give .*peritumoral, necrosis or a label"):
        select_region(lesion(), "necrosi", name="a mask", defined={"necrosis": Region(labels=[1])})


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        ({"labels": []}, "regions.mine.labels: List should have at least 1 item"),
        ({"labels": [0]}, "regions.mine.labels.0: Input should be greater than 0, found 0"),
        ({"parts": ["oedema"], "labels": [2]}, "regions.mine: parts and labels are both set"),
        ({"parts": ["core"]}, "regions.mine.parts.0: Input should be 'core-without-enhancement', .*found 'core'"),
        ({"ring_mm": -5}, "regions.mine.ring_mm: Input should be greater than 0, found -5"),
        ({"ring": 5}, "regions.mine.ring: Extra inputs are not permitted, found 5"),
    ],
    ids=str,
)
def test_region_that_cannot_be_is_refused(region: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_config({"regions": {"mine": region}}, "mine.yaml")


def test_slices_of_a_mask_make_up_the_mask() -> None:
    mask = lesion()
    parts = slices_of(mask)
    np.testing.assert_array_equal(sum(part.array for part in parts.values()), mask.array)
    assert list(parts) == sorted(parts)
    assert all(np.count_nonzero(part.array) == mask.array[..., number].sum() for number, part in parts.items())


def test_largest_slice_is_the_one_with_most_voxels() -> None:
    number, alone = in_largest_slice(lesion())
    assert alone.array.sum() == lesion().array.sum(axis=(0, 1)).max() == lesion().array[..., number].sum()


def test_growing_and_shrinking_move_the_edge_within_the_slice_by_one_voxel() -> None:
    square = np.zeros((12, 12, 5), dtype=np.uint8)
    square[4:8, 4:8, 2] = 1
    mask = Volume(square, np.eye(4))
    grown, shrunk = shift_boundary(mask, 1).array, shift_boundary(mask, -1).array
    assert grown.sum() == 16 + 4 * 4
    assert shrunk.sum() == 4
    assert not grown[..., [0, 1, 3, 4]].any()


def test_a_part_too_thin_to_shrink_is_kept() -> None:
    array = np.zeros((20, 20, 3), dtype=np.uint8)
    array[2:12, 2:12, 1] = 1
    array[15, 4:9, 1] = 1
    shrunk = shift_boundary(Volume(array, np.eye(4)), -1).array
    assert shrunk[15, 4:9, 1].all()
    assert shrunk[2:12, 2:12, 1].sum() == 64


@pytest.mark.parametrize("voxels", [2, 1, -1, -2])
def test_edge_at_the_border_of_the_image_is_moved_as_in_a_larger_one(voxels: int) -> None:
    array = np.random.default_rng(4).random((12, 12, 4)) < 0.99
    array[8:] = False
    small = shift_boundary(Volume(array.astype(np.uint8), np.eye(4)), voxels).array
    larger = shift_boundary(Volume(np.pad(array.astype(np.uint8), ((5, 5), (5, 5), (0, 0))), np.eye(4)), voxels).array
    assert (small == larger[5:-5, 5:-5]).all()
    assert (small != array).any()
