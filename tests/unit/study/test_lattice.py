"""Masks whose voxels lie on their image's lattice are brought to its grid; all others are refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gliomics.errors import GeometryError
from gliomics.study import Mask, Volume, on_grid_of, read_mask, resample_mask
from tests.unit.study.grids import oblique_affine

GRIDS = {
    "oblique": oblique_affine(),
    "RAS": np.diag([1.0, 1.0, 1.0, 1.0]),
    "LPS": np.diag([-1.0, -1.0, 1.0, 1.0]),
    "anisotropic": np.array([[-0.9375, 0, 0, 119.1], [0, -0.9375, 0, 97.3], [0, 0, 6.0, -40.7], [0, 0, 0, 1]]),
}


def a_mask(affine: np.ndarray, shape: tuple[int, int, int] = (9, 8, 7)) -> Mask:
    """Label values 1 to 4 in the middle of a grid, different at every voxel's neighbours."""
    array = np.zeros(shape, np.uint8)
    inner = tuple(slice(2, size - 2) for size in shape)
    array[inner] = np.random.default_rng(5).integers(1, 5, array[inner].shape)
    return Volume(array, affine)


def cropped(mask: Mask, low: tuple[int, ...], high: tuple[int, ...]) -> Mask:
    """Without the first ``low`` and last ``high`` voxels of each axis; negative ones are so many voxels more."""
    array = np.pad(mask.array, [(max(0, -a), max(0, -b)) for a, b in zip(low, high, strict=True)])
    array = array[tuple(slice(max(0, a), n - max(0, b)) for a, b, n in zip(low, high, array.shape, strict=True))]
    affine = mask.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array(low)
    return Volume(array, affine)


def turned(mask: Mask, axes: tuple[int, ...], flips: tuple[bool, ...]) -> Mask:
    """The same voxels stored with their axes in another order and some of them the other way round."""
    array, affine = mask.array.transpose(axes), mask.affine[:, [*axes, 3]].copy()
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, axis)
    return Volume(np.ascontiguousarray(array), affine)


@given(
    grid=st.sampled_from(sorted(GRIDS)),
    low=st.tuples(*[st.integers(-3, 2)] * 3),
    high=st.tuples(*[st.integers(-3, 2)] * 3),
    axes=st.permutations(range(3)),
    flips=st.tuples(*[st.booleans()] * 3),
)
def test_a_mask_that_is_cropped_padded_flipped_and_permuted_comes_back_voxel_for_voxel(
    grid: str, low: tuple[int, ...], high: tuple[int, ...], axes: list[int], flips: tuple[bool, ...]
) -> None:
    assume(low == (0, 0, 0) or any(a != -b for a, b in zip(low, high, strict=True)))
    image = a_mask(GRIDS[grid])
    stored = turned(cropped(image, low, high), tuple(axes), flips)
    # As the file's single precision leaves it.
    stored = Volume(stored.array, stored.affine.astype(np.float32).astype(np.float64))
    placed = on_grid_of(stored, image, "the mask")
    np.testing.assert_array_equal(placed.array, image.array)
    np.testing.assert_array_equal(placed.affine, image.affine)
    assert placed.array.dtype == image.array.dtype


@given(
    grid=st.sampled_from(sorted(GRIDS)), axis=st.integers(0, 2), number=st.integers(0, 6), thickness=st.floats(0.5, 8)
)
def test_a_single_slice_of_any_thickness_comes_to_its_place(
    grid: str, axis: int, number: int, thickness: float
) -> None:
    image = a_mask(GRIDS[grid])
    plane = [slice(None)] * 3
    plane[axis] = slice(number, number + 1)
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, axis] * number
    affine[:3, axis] *= thickness
    placed = on_grid_of(Volume(image.array[tuple(plane)], affine), image, "the slice")
    expected = np.zeros_like(image.array)
    expected[tuple(plane)] = image.array[tuple(plane)]
    np.testing.assert_array_equal(placed.array, expected)


@pytest.mark.parametrize("grid", sorted(GRIDS))
def test_labelled_voxels_outside_the_image_are_counted_in_the_error(grid: str) -> None:
    image = a_mask(GRIDS[grid])
    smaller = cropped(image, (3, 0, 0), (0, 0, 0))
    lost = int(np.count_nonzero(image.array[:3]))
    total = int(np.count_nonzero(image.array))
    with pytest.raises(GeometryError, match=f"{lost} of its {total} labelled voxels outside its image"):
        on_grid_of(image, smaller, "the mask")


def test_a_mask_far_from_its_image_has_all_voxels_outside() -> None:
    image = a_mask(np.eye(4))
    for shift in (100.0, -100.0):
        affine = np.eye(4)
        affine[0, 3] = shift
        with pytest.raises(GeometryError, match="60 of its 60 labelled voxels outside"):
            on_grid_of(Volume(image.array[1:], affine), image, "the mask")


def test_a_mask_of_the_images_size_beside_it_is_refused_as_a_header_that_is_wrong() -> None:
    image = a_mask(GRIDS["anisotropic"])
    affine = image.affine.copy()
    affine[:3, 3] -= 20 * affine[:3, 0]
    with pytest.raises(GeometryError, match=r"has the image's size and lies \(-20, 0, 0\) voxels aside"):
        on_grid_of(Volume(image.array, affine), image, "the mask")


def changed(what: str) -> np.ndarray:
    """An affine that is off the lattice of ``GRIDS["anisotropic"]``."""
    affine = GRIDS["anisotropic"].copy()
    if what == "half a voxel aside":
        affine[0, 3] += 0.47
    elif what == "every second slice":
        affine[:3, 2] *= 2
    elif what == "finer voxels":
        affine[:3, :2] *= 0.5
    elif what == "isotropic":
        affine[:3, 2] /= 6.0
    elif what == "turned by two degrees":
        angle = np.radians(2)
        affine[:2] = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ affine[:2]
    elif what == "left and right exchanged in the header":
        affine[0] *= -1
    return affine


@pytest.mark.parametrize(
    "what",
    [
        "half a voxel aside",
        "every second slice",
        "finer voxels",
        "isotropic",
        "turned by two degrees",
        "left and right exchanged in the header",
    ],
)
def test_a_mask_of_the_images_shape_off_its_lattice_is_refused_with_both_geometries_and_the_remedy(what: str) -> None:
    image = a_mask(GRIDS["anisotropic"])
    with pytest.raises(GeometryError, match=r"the mask .*\) vs \(|axes .* vs ") as raised:
        on_grid_of(Volume(image.array, changed(what)), image, "the mask")
    if what != "left and right exchanged in the header":
        assert "gliomics masks resample" in str(raised.value)


@pytest.mark.parametrize("noise", [1e-3, 5e-3])
def test_headers_that_round_positions_within_a_hundredth_of_a_voxel_are_on_the_lattice(noise: float) -> None:
    image = a_mask(GRIDS["anisotropic"])
    part = turned(cropped(image, (1, 2, 1), (0, 1, 2)), (2, 0, 1), (True, False, True))
    affine = part.affine.copy()
    affine[:3, 3] += noise
    affine[:3, :3] *= 0.93750001 / 0.9375
    np.testing.assert_array_equal(on_grid_of(Volume(part.array, affine), image, "the mask").array, image.array)


def test_every_orientation_of_storage_is_told_apart() -> None:
    image = a_mask(GRIDS["oblique"], (7, 7, 7))
    for axes, flips in itertools.product(itertools.permutations(range(3)), itertools.product([False, True], repeat=3)):
        placed = on_grid_of(turned(image, axes, flips), image, "the mask")
        np.testing.assert_array_equal(placed.array, image.array)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_mask_whose_header_does_not_say_where_it_lies_is_not_placed_by_it(tmp_path: Path, suffix: str) -> None:
    """The convention for such a header is often the image's lattice, turned round."""
    centred = np.diag([-2.0, -2.0, 3.0, 1.0])
    centred[:3, 3] = [8, 7, -9]
    image = a_mask(centred)
    path = tmp_path / f"mask{suffix}"
    if suffix == ".nrrd":
        nrrd.write(str(path), image.array, {"spacings": [2.0, 2.0, 3.0]})
    else:
        header = nib.Nifti1Header()
        header.set_data_shape(image.shape)
        header.set_zooms((2, 2, 3))
        nib.save(nib.Nifti1Image(image.array, None, header), path)
    mask = read_mask(path)
    assert not mask.placed
    for bring in (on_grid_of, resample_mask):
        with pytest.raises(GeometryError, match="the header of the mask does not say where it lies"):
            bring(mask, image, "the mask")
    same = Volume(np.zeros(mask.shape), mask.affine, placed=False)  # an image without one, too
    np.testing.assert_array_equal(on_grid_of(mask, same, "the mask").array, image.array)


def test_a_lost_header_is_not_resampled() -> None:
    image = a_mask(GRIDS["anisotropic"])
    with pytest.raises(GeometryError, match="does not say where it lies"):
        resample_mask(Volume(image.array, np.eye(4)), image, "the mask")
