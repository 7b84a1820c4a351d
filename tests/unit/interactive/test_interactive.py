from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.errors import GeometryError, InputError
from gliomics.evaluation import dice
from gliomics.interactive.graph_cut import CONTRAST, SMOOTHNESS, cut
from gliomics.interactive.guidance import REACH, add_spot, canonical_voxel, network_place
from gliomics.interactive.refine import LESION, NOT_LESION, PreparedStudy, Refiner
from gliomics.interactive.simulated_guidance import interactions
from gliomics.interactive.simulated_user import next_click
from gliomics.preprocess import to_canonical
from gliomics.records import Click
from gliomics.segmentation.inputs import prepare
from gliomics.segmentation.settings import InputSettings
from gliomics.study import Mask, Volume
from tests.server.studies import CORRECTING, a_card, a_lesion_case, a_trained_correction_state

pytestmark = pytest.mark.slow

NEW = 50
"""A case that the network was not trained on."""


@pytest.fixture(scope="module")
def refiner() -> Refiner:
    """A tiny network, trained on six cases whose masks until now are shifted."""
    card = a_card("correction", CORRECTING, ["flair"], []).model_copy(update={"task": "refinement"})
    return Refiner.from_state(card, a_trained_correction_state())


@pytest.fixture(scope="module")
def study(refiner: Refiner) -> PreparedStudy:
    return refiner.prepare({"flair": a_lesion_case(NEW)[0]["flair"]})


@pytest.fixture
def truth() -> Mask:
    return a_lesion_case(NEW)[1]


def centre_of(mask: Mask, k: int = 3) -> tuple[int, int, int]:
    i, j = np.argwhere(mask.array[:, :, k]).mean(axis=0).round().astype(int).tolist()
    return i, j, k


def empty(mask: Mask) -> Mask:
    return mask.with_array(np.zeros_like(mask.array))


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1)])
def test_click_lands_on_the_networks_pixel_that_shows_its_voxel(axes: tuple[int, int, int]) -> None:
    flair = a_lesion_case(0)[0]["flair"]
    volume = Volume(flair.array.transpose(axes), flair.affine[:, [*axes, 3]])
    inputs = prepare({"flair": volume}, ["flair"], InputSettings(size=128))
    voxel = tuple(np.array([23, 17, 2])[list(axes)].tolist())
    alone = np.zeros(volume.shape, np.float32)
    alone[voxel] = 1
    shown = inputs.grid.sample(to_canonical(volume.with_array(alone)).array)
    place = network_place(Click(voxel, True), inputs, volume)
    weights = np.indices(shown.shape) * shown
    np.testing.assert_allclose(place, weights.sum(axis=(1, 2, 3)) / shown.sum(), atol=0.51)
    assert to_canonical(volume.with_array(alone)).array[canonical_voxel(Click(voxel, True), inputs.canonical, volume)]


def test_spot_fades_within_its_slice_and_over_those_within_reach() -> None:
    maps = torch.zeros(9, 21, 21)
    add_spot(maps, (4, 10, 10))
    assert maps[4, 10, 10] == 1
    assert maps[4, 10, 10] > maps[4, 10, 13] > maps[4, 10, 16]
    assert [bool(maps[number].any()) for number in range(9)] == [abs(number - 4) <= REACH for number in range(9)]


def test_click_on_a_missed_lesion_finds_it(refiner: Refiner, study: PreparedStudy, truth: Mask) -> None:
    after = refiner.refine(study, empty(truth), [Click(centre_of(truth), True)])
    assert dice(after.array[:, :, 1:5], truth.array[:, :, 1:5]) > 0.6


def test_click_on_background_removes_what_is_wrong_there_and_nothing_else(
    refiner: Refiner, study: PreparedStudy, truth: Mask
) -> None:
    i, j, _ = centre_of(truth)
    wrong = np.zeros_like(truth.array)
    wrong[(i + 16) % 30 : (i + 16) % 30 + 4, j - 2 : j + 2, 3] = 1
    wrong[truth.array > 0] = 0
    before = truth.with_array(truth.array | wrong)
    (row, column, k) = np.argwhere(wrong)[len(np.argwhere(wrong)) // 2].tolist()
    after = refiner.refine(study, before, [Click((row, column, k), False)])
    assert np.count_nonzero(after.array & wrong) < np.count_nonzero(wrong) / 2
    np.testing.assert_array_equal(after.array[truth.array > 0], 1)


def test_click_changes_voxels_only_as_it_says_and_within_reach(
    refiner: Refiner, study: PreparedStudy, truth: Mask
) -> None:
    before = truth.with_array(np.roll(truth.array, 3, axis=0))
    missing = truth.with_array(truth.array & (1 - before.array))
    click = Click(centre_of(missing, k=1), True)
    after = refiner.refine(study, before, [click])
    assert (after.array >= (before.array > 0)).all()
    changed = np.flatnonzero((after.array != (before.array > 0)).any(axis=(0, 1)))
    assert changed.max() <= 1 + REACH
    assert after.array[click.voxel] == 1


def test_users_own_voxels_are_never_changed(refiner: Refiner, study: PreparedStudy, truth: Mask) -> None:
    i, j, k = centre_of(truth)
    array = np.zeros_like(truth.array)
    array[i : i + 2, j, k] = NOT_LESION
    array[2, 2, :] = LESION
    given = truth.with_array(array)
    for after in (
        refiner.refine(study, given, [Click((i, j + 1, k), True)]),
        refiner.from_scribbles(study, given),
        refiner.propagate(study, given, [k]),
    ):
        assert set(np.unique(after.array)) <= {0, 1}
        assert not after.array[array == NOT_LESION].any()
        assert after.array[array == LESION].all()


def test_earlier_clicks_keep_their_voxels(refiner: Refiner, study: PreparedStudy, truth: Mask) -> None:
    first, second = Click((3, 3, 3), True), Click(centre_of(truth), True)
    assert refiner.refine(study, empty(truth), [first, second]).array[first.voxel] == 1


def test_stroke_over_the_lesion_becomes_its_outline(refiner: Refiner, study: PreparedStudy, truth: Mask) -> None:
    i, j, k = centre_of(truth)
    array = np.zeros_like(truth.array)
    array[i - 2 : i + 3, j, k] = LESION
    array[2:8, 2, k] = NOT_LESION
    after = refiner.from_scribbles(study, truth.with_array(array))
    assert dice(after.array[:, :, k], truth.array[:, :, k]) > 0.7


def test_drawn_slice_is_continued_to_the_lesions_ends(refiner: Refiner, study: PreparedStudy, truth: Mask) -> None:
    k = 3
    array = np.zeros_like(truth.array)
    array[:, :, k] = truth.array[:, :, k]
    after = refiner.propagate(study, truth.with_array(array), [k])
    np.testing.assert_array_equal(after.array[:, :, k], truth.array[:, :, k])
    assert dice(after.array, truth.array) > 0.7


def test_unusable_interactions_are_refused(refiner: Refiner, study: PreparedStudy, truth: Mask) -> None:
    with pytest.raises(InputError, match="there is no click"):
        refiner.refine(study, truth, [])
    with pytest.raises(InputError, match=r"voxel \[99, 0, 0\]; the image has \[40, 44, 6\]"):
        refiner.refine(study, truth, [Click((99, 0, 0), True)])
    with pytest.raises(InputError, match="there is no stroke"):
        refiner.from_scribbles(study, truth)
    with pytest.raises(InputError, match="from 0 to 5"):
        refiner.propagate(study, truth, [6])
    with pytest.raises(GeometryError, match="the mask"):
        refiner.refine(study, Volume(truth.array, np.eye(4)), [Click((1, 1, 1), True)])


def test_cut_prefers_edges_of_the_image_and_keeps_strokes() -> None:
    image = np.zeros((24, 24, 3), np.float32)
    image[8:16, 8:16] = 2
    probability = np.full(image.shape, 0.05, np.float32)
    probability[6:17, 7:17] = 0.6
    user_voxels = np.zeros(image.shape, np.int8)
    user_voxels[10:14, 10, 1] = 1
    user_voxels[2, 2, 1], user_voxels[12, 12, 1] = 1, -1
    mask = cut(probability, image, user_voxels)
    assert mask[8:16, 8:16, 1].mean() > 0.9
    assert mask[user_voxels > 0].all()
    assert not mask[user_voxels < 0].any()
    assert not cut(np.zeros_like(probability), image, np.zeros_like(user_voxels)).any()


def test_cut_has_the_least_energy_of_all_masks() -> None:
    rng = np.random.default_rng(0)
    shape = (3, 3, 1)
    masks = ((np.arange(2**9)[:, None] >> np.arange(9)) & 1).astype(bool).reshape(-1, *shape)
    for _ in range(20):
        image, probability = rng.normal(scale=0.4, size=shape), rng.uniform(0.05, 0.95, shape)
        user_voxels = np.zeros(shape, np.int8)
        user_voxels[0, 0, 0] = -1
        energies = np.array([energy(mask, probability, image) for mask in masks])
        energies[masks[:, 0, 0, 0]] = np.inf
        assert energy(cut(probability, image, user_voxels), probability, image) == pytest.approx(
            energies.min(), abs=1e-3
        )


def energy(mask: np.ndarray, probability: np.ndarray, image: np.ndarray) -> float:
    """What the voxels cost as lesion or not, and what each border between neighbours costs."""
    cost = -np.log(np.where(mask, probability, 1 - probability)).sum()
    for axis in range(3):
        border = SMOOTHNESS * np.exp(-(np.diff(image, axis=axis) ** 2) / (2 * CONTRAST**2))
        cost += border[np.diff(mask, axis=axis)].sum()
    return float(cost)


def test_annotator_clicks_at_the_largest_error(truth: Mask) -> None:
    rng = np.random.default_rng(0)
    missed = [next_click(empty(truth), truth, rng, slice_axis=2) for _ in range(20)]
    assert all(click is not None and click.lesion for click in missed)
    assert np.mean([truth.array[click.voxel] for click in missed if click]) > 0.9
    assert len({click.voxel for click in missed if click}) > 5
    assert next_click(truth, truth, rng, slice_axis=2) is None
    too_much = truth.with_array(np.ones_like(truth.array))
    click = next_click(too_much, truth, rng, slice_axis=2)
    assert click is not None
    assert not click.lesion


def test_practice_shows_clicks_on_errors_alone() -> None:
    truth = torch.zeros(32, 5, 32, 32)
    truth[:, :, 10:20, 10:20] = 1
    maps = interactions(truth, torch.zeros_like(truth), torch.Generator().manual_seed(0)).unflatten(1, (3, 5))
    lesion, background = maps[:, 1], maps[:, 2]
    clicked = (lesion > 0.99).nonzero()
    assert len(clicked) > 10
    assert float(lesion.amax()) <= 1
    inside = truth[tuple(clicked.T)]
    assert float(inside.mean()) > 0.8
    drawn = (background > 0.99).flatten(2).any(dim=2)
    assert bool((maps[:, 0] > 0.5).any())
    assert 0 < int(drawn.any(dim=1).sum()) < 20
