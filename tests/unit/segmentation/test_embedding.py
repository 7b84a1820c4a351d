from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch

from gliomics.bundled import bundled
from gliomics.errors import GeometryError, InputError
from gliomics.files import sha256_of
from gliomics.models import ModelStore
from gliomics.preprocess import to_canonical
from gliomics.segmentation.embedding import deep_diagnostics, deep_features
from gliomics.segmentation.inputs import prepare
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.weights import WEIGHTS
from gliomics.study import Mask, Volume, find_study, load_sequences, read_mask

pytestmark = pytest.mark.slow

CHANNELS = 320
CELLS = 6


@pytest.fixture(scope="module")
def flair_model() -> Segmenter:
    return Segmenter(ModelStore().current("segmentation_flair"))


@pytest.fixture(scope="module")
def multi_model() -> Segmenter:
    return Segmenter(ModelStore().current("segmentation_multi"))


@pytest.fixture(scope="module")
def volumes() -> dict[str, Volume]:
    return load_sequences(find_study(bundled("sample_studies"), "sample-01"), ["flair", "t1", "t1c"])


@pytest.fixture(scope="module")
def lesion() -> Mask:
    return read_mask(bundled("sample_studies") / "truth" / "sample-01.nii.gz")


def vector(features: dict[str, float]) -> np.ndarray:
    return np.array(list(features.values()))


def close(a: dict[str, float], b: dict[str, float]) -> float:
    """The largest difference, in standard deviations between channels."""
    return float(np.abs(vector(a) - vector(b)).max() / vector(a).std())


def hooked_maps(model: Segmenter, flair: Volume, slices: list[int]) -> np.ndarray:
    """The bottleneck's cells of some slices, (slice, cell, cell, channel), caught in a whole forward pass."""
    inputs = prepare({"flair": flair}, model.sequences, model.settings.input)
    caught: list[torch.Tensor] = []
    hook = model.network.encoder._blocks[-1].register_forward_hook(lambda module, given, output: caught.append(output))
    with torch.no_grad():
        model.network(inputs.windows(slices, model.settings.input))
    hook.remove()
    return caught[0].permute(0, 2, 3, 1).double().numpy()


def padded(flair: Volume) -> Volume:
    """The image in canonical orientation, with so much air around it that the network's square lies inside."""
    flair = to_canonical(flair)
    return Volume(np.pad(flair.array, ((30, 30), (30, 30), (0, 0)), constant_values=flair.array.min()), flair.affine)


def test_every_channel_has_a_mean_and_a_deviation_with_zero_padded_names(
    flair_model: Segmenter, volumes: dict[str, Volume], lesion: Mask
) -> None:
    features = deep_features(flair_model, volumes, lesion)
    names = [f"deep_segmentation_flair_{kind}_{n:03d}" for kind in ("mean", "std") for n in range(CHANNELS)]
    assert list(features) == names
    assert np.isfinite(vector(features)).all()
    assert features == deep_features(flair_model, volumes, lesion)


def test_region_of_all_slices_is_the_plain_mean_over_every_cell(
    flair_model: Segmenter, volumes: dict[str, Volume]
) -> None:
    flair = padded(volumes["flair"])
    everywhere = flair.with_array(np.ones(flair.shape, dtype=np.uint8))
    features = vector(deep_features(flair_model, {"flair": flair}, everywhere))
    maps = hooked_maps(flair_model, flair, list(range(flair.shape[2]))).reshape(-1, CHANNELS)
    np.testing.assert_allclose(features, [*maps.mean(axis=0), *maps.std(axis=0)], atol=1e-4)


def test_cells_count_as_much_as_the_region_covers_them(flair_model: Segmenter, volumes: dict[str, Volume]) -> None:
    flair = padded(volumes["flair"])
    grid = prepare({"flair": flair}, ["flair"], flair_model.settings.input).grid
    cell = grid.extent[0] / CELLS
    # From the third to the middle of the fifth cell along i, in the fifth along j: weights 1, 1 and about a half.
    ends = [round(grid.start[0] + cell * edge) for edge in (2, 4.5)]
    row = [round(grid.start[1] + grid.extent[1] / CELLS * edge) for edge in (4, 5)]
    array = np.zeros(flair.shape, dtype=np.uint8)
    array[ends[0] : ends[1], row[0] : row[1], 9] = 1
    features = vector(deep_features(flair_model, {"flair": flair}, flair.with_array(array)))[:CHANNELS]
    maps = hooked_maps(flair_model, flair, [9])[0]
    expected = np.average(maps[2:5, 4], axis=0, weights=[1, 1, 0.5])
    assert np.abs(features - expected).max() < 0.05 * expected.std()


def test_one_voxel_has_the_channels_of_its_cell_and_no_deviation(
    flair_model: Segmenter, volumes: dict[str, Volume]
) -> None:
    flair = padded(volumes["flair"])
    grid = prepare({"flair": flair}, ["flair"], flair_model.settings.input).grid
    i, j = (int(start + extent * 4.5 / CELLS) for start, extent in zip(grid.start, grid.extent, strict=True))
    array = np.zeros(flair.shape, dtype=np.uint8)
    array[i, j, 7] = 1
    features = vector(deep_features(flair_model, {"flair": flair}, flair.with_array(array)))
    np.testing.assert_allclose(features[:CHANNELS], hooked_maps(flair_model, flair, [7])[0, 4, 4], atol=1e-4)
    np.testing.assert_allclose(features[CHANNELS:], 0, atol=1e-9)


def test_another_region_has_other_features(flair_model: Segmenter, volumes: dict[str, Volume], lesion: Mask) -> None:
    mirrored = lesion.with_array(np.ascontiguousarray(lesion.array[::-1]))
    assert close(deep_features(flair_model, volumes, lesion), deep_features(flair_model, volumes, mirrored)) > 0.5


def test_scale_of_the_intensities_does_not_count(
    flair_model: Segmenter, volumes: dict[str, Volume], lesion: Mask
) -> None:
    flair = volumes["flair"]
    scaled = {"flair": flair.with_array(flair.array.astype(np.float32) * 7.3)}
    assert close(deep_features(flair_model, volumes, lesion), deep_features(flair_model, scaled, lesion)) < 0.01


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0)])
@pytest.mark.parametrize("flipped", [(1, -1, 1), (-1, -1, -1)])
def test_order_and_direction_of_the_axes_in_the_file_do_not_count(
    flair_model: Segmenter,
    volumes: dict[str, Volume],
    lesion: Mask,
    axes: tuple[int, int, int],
    flipped: tuple[int, int, int],
) -> None:
    def stored(volume: Volume) -> Volume:
        affine = volume.affine @ np.diag([*flipped, 1.0])
        last = (np.array(volume.shape) - 1) * (np.array(flipped) < 0)
        affine[:3, 3] += volume.affine[:3, :3] @ last
        array = volume.array[tuple(slice(None, None, sign) for sign in flipped)].transpose(axes)
        return Volume(np.ascontiguousarray(array), affine[:, [*axes, 3]])

    turned = deep_features(flair_model, {"flair": stored(volumes["flair"])}, stored(lesion))
    assert close(deep_features(flair_model, volumes, lesion), turned) < 1e-5


def test_optional_sequences_are_used_and_can_be_missing(
    multi_model: Segmenter, volumes: dict[str, Volume], lesion: Mask
) -> None:
    every, alone = (deep_features(multi_model, given, lesion) for given in (volumes, {"flair": volumes["flair"]}))
    assert close(every, alone) > 0.1
    assert deep_diagnostics(multi_model, volumes)["deep_segmentation_multi_sequences"] == ["flair", "t1", "t1c"]
    assert deep_diagnostics(multi_model, {"flair": volumes["flair"]})["deep_segmentation_multi_sequences"] == ["flair"]


def test_diagnostics_name_the_very_weights(flair_model: Segmenter, volumes: dict[str, Volume]) -> None:
    folder = ModelStore().current("segmentation_flair")
    assert deep_diagnostics(flair_model, volumes) == {
        "deep_segmentation_flair_version": folder.card.version,
        "deep_segmentation_flair_weights_sha256": sha256_of(folder.path / WEIGHTS),
        "deep_segmentation_flair_sequences": ["flair"],
    }


def test_unusable_input_is_refused(flair_model: Segmenter, volumes: dict[str, Volume], lesion: Mask) -> None:
    flair = {"flair": volumes["flair"]}
    with pytest.raises(GeometryError, match=r"the mask differs from sequence 'flair': origin"):
        deep_features(flair_model, flair, Volume(lesion.array, lesion.affine + 0.7 * np.eye(4, k=3)))
    with pytest.raises(InputError, match="is empty: no voxel is above 0"):
        deep_features(flair_model, flair, lesion.with_array(np.zeros_like(lesion.array)))
    with pytest.raises(InputError, match="needs the sequence flair; the study has t1"):
        deep_features(flair_model, {"t1": volumes["t1"]}, lesion)
    corner = np.zeros(padded(volumes["flair"]).shape, dtype=np.uint8)
    corner[0, 0, 5] = 1
    far = padded(volumes["flair"])
    with pytest.raises(InputError, match="outside the head"):
        deep_features(flair_model, {"flair": far}, far.with_array(corner))


@pytest.mark.parametrize("order", [[[1, 1], [0, -1], [2, 1]], [[2, -1], [0, 1], [1, -1]], [[0, -1], [1, -1], [2, -1]]])
def test_deep_features_do_not_depend_on_the_order_in_which_axes_are_stored(
    flair_model: Segmenter, volumes: dict[str, Volume], lesion: Mask, order: list[list[int]]
) -> None:
    expected = deep_features(flair_model, {"flair": volumes["flair"]}, lesion)
    features = deep_features(flair_model, {"flair": stored(volumes["flair"], order)}, stored(lesion, order))
    assert close(expected, features) < 1e-5


def stored(volume: Volume, order: list[list[int]]) -> Volume:
    """The same image with its axes stored in another order."""
    change = np.array(order, dtype=float)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(change, volume.shape)
    return Volume(nib.orientations.apply_orientation(volume.array, change), affine)
