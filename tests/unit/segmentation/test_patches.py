from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.errors import GeometryError, InputError
from gliomics.models import ModelStore
from gliomics.segmentation.patches import SIZE, SLICES, mean_over_tumour, patch_features, tumour_patches
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InputSettings
from gliomics.study import Mask, Volume
from tests.unit.tiny_networks import a_lesion_case

PLANE = InputSettings(size=32, context=1)


def a_tumour(slices: int = 14) -> tuple[dict[str, Volume], Mask]:
    """A head with a tumour off its middle that tapers towards its ends."""
    i, j, k = np.indices((60, 64, slices))
    head = ((i - 30) / 26) ** 2 + ((j - 32) / 28) ** 2 < 1
    tumour = ((i - 20) / 8) ** 2 + ((j - 40) / 6) ** 2 + ((k - slices / 2) / (slices / 2 - 1)) ** 2 < 1
    flair = np.where(head, 90, 2) + 60 * tumour + np.random.default_rng(0).normal(0, 4, head.shape)
    affine = np.diag([-1.0, 1.0, 5.0, 1.0])
    return {"flair": Volume(flair.astype(np.float32), affine)}, Volume(tumour.astype(np.uint8), affine)


def test_patches_show_the_tumour_and_nothing_else() -> None:
    volumes, mask = a_tumour()
    patches = tumour_patches(volumes, mask, ["flair"], PLANE)
    assert patches.images.shape == (SLICES, 3, SIZE, SIZE) and patches.cover.shape == (SLICES, SIZE, SIZE)
    middle, outside = patches.images[:, 1].float(), patches.cover == 0
    assert middle[outside].unique().numel() == 1  # air
    assert middle[patches.cover == 1].min() > middle[outside].max() + 1


def test_square_is_centred_on_the_tumour_a_little_wider_than_it() -> None:
    volumes, mask = a_tumour()
    cover = tumour_patches(volumes, mask, ["flair"], PLANE).cover.float().amax(dim=0)
    rows, columns = (np.flatnonzero(cover.amax(dim=axis).numpy() > 0.5) for axis in (1, 0))
    assert np.ptp(rows) == pytest.approx(SIZE / 1.15, abs=3)  # the longer side
    assert abs(rows.mean() - SIZE / 2) < 3 and abs(columns.mean() - SIZE / 2) < 3


def test_slices_with_little_of_the_tumour_are_left_out_and_few_are_all_taken() -> None:
    volumes, mask = a_tumour(7)
    patches = tumour_patches(volumes, mask, ["flair"], PLANE)
    area = patches.lesion.sum(axis=(0, 1))
    assert patches.numbers == np.flatnonzero(area >= 0.2 * area.max()).tolist()


def test_maps_come_back_to_where_they_are_from_and_lie_inside_of_the_tumour() -> None:
    """Stored with other axes: the map of the patches' own intensities is the image within the tumour."""
    volumes, mask = a_tumour()
    flair, tumour = (
        Volume(np.ascontiguousarray(v.array.transpose(2, 0, 1)[:, ::-1]), v.affine[:, [2, 0, 1, 3]] * [1, -1, 1, 1])
        for v in (volumes["flair"], mask)
    )
    patches = tumour_patches({"flair": flair}, tumour, ["flair"], PLANE)
    restored = patches.volume(patches.cover.float().numpy())
    assert restored.shape == tumour.shape and (restored.affine == tumour.affine).all()
    assert (restored.array[tumour.array == 0] == 0).all()
    assert restored.array[tumour.array > 0].mean() > 0.8


def test_sequence_that_a_study_lacks_is_zero() -> None:
    volumes, mask = a_tumour()
    images = tumour_patches(volumes, mask, ["t1", "flair"], PLANE).images
    assert not images[:, :3].any() and images[:, 3:].any()


def test_mean_counts_each_cell_as_much_as_it_is_tumour() -> None:
    maps = torch.arange(4.0).reshape(1, 1, 1, 2, 2)
    assert mean_over_tumour(maps, torch.tensor([[[[0.0, 1.0], [0.0, 0.5]]]])).item() == pytest.approx((1 + 1.5) / 1.5)


def test_bad_masks_and_studies_are_refused() -> None:
    volumes, mask = a_tumour()
    with pytest.raises(InputError, match="the mask is empty"):
        tumour_patches(volumes, mask.with_array(np.zeros_like(mask.array)), ["flair"], PLANE)
    with pytest.raises(InputError, match="the study has flair; patches of the tumour need one of t1c"):
        tumour_patches(volumes, mask, ["t1c"], PLANE)
    with pytest.raises(GeometryError, match="geometry of the mask differs from sequence 'flair'"):
        tumour_patches(volumes, Volume(mask.array, mask.affine + 0.3 * np.eye(4, k=3)), ["flair"], PLANE)


def test_features_of_the_shipped_network_depend_on_the_tumour_alone() -> None:
    segmenter = Segmenter(ModelStore().current("segmentation_flair"))
    volumes, mask = a_lesion_case(3)
    flair = volumes["flair"]
    features = patch_features(segmenter, {"flair": flair}, mask)
    assert list(features) == [f"deep_segmentation_flair_patch_{n:03d}" for n in range(152)]
    changed = flair.array.copy()
    brain = (mask.array == 0) & (changed > 60) & (changed < 110)
    changed[brain] = np.random.default_rng(1).permutation(changed[brain])  # head, percentiles and mean stay
    same = patch_features(segmenter, {"flair": flair.with_array(changed)}, mask)
    darker = flair.with_array(np.where(mask.array > 0, flair.array * 0.6, flair.array))
    other = patch_features(segmenter, {"flair": darker}, mask)
    values, deviation = np.array(list(features.values())), np.std(list(features.values()))
    assert np.abs(values - list(same.values())).max() < 0.01 * deviation
    assert np.abs(values - list(other.values())).max() > 0.2 * deviation
