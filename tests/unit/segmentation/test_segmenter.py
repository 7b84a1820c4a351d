from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from gliomics.errors import InputError
from gliomics.evaluation import dice
from gliomics.models import ModelStore
from gliomics.segmentation.inputs import prepare
from gliomics.segmentation.labelled import LabelledStudy, load_volumes
from gliomics.segmentation.networks import DynUNetSettings, build_network
from gliomics.segmentation.postprocess import to_mask
from gliomics.segmentation.segmenter import Segmenter, first_slices
from gliomics.segmentation.settings import (
    CalibrationSettings,
    InputSettings,
    PostprocessSettings,
    SegmentationSettings,
)
from gliomics.study import Volume, read_mask
from tests.unit.tiny_networks import a_card, a_lesion_case

pytestmark = pytest.mark.slow


def test_mask_lies_on_the_image_and_on_the_lesion(trained: Segmenter, labelled: list[LabelledStudy]) -> None:
    unseen = labelled[5]
    volumes = load_volumes(unseen.study, trained.card)
    result = trained.segment(volumes)
    np.testing.assert_array_equal(result.mask.affine, volumes["flair"].affine)
    assert dice(result.mask.array, read_mask(unseen.label).array) > 0.8
    assert result.sequences_used == ["flair"]
    assert result.warnings == []


@pytest.mark.parametrize("axes", [(2, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_mask_does_not_depend_on_how_the_file_orders_its_axes(trained: Segmenter, axes: tuple[int, int, int]) -> None:
    flair = a_lesion_case(4)[0]["flair"]
    matrix = flair.affine[:, [*axes, 3]]
    turned = Volume(np.ascontiguousarray(flair.array.transpose(axes)), matrix)
    mask = trained.segment({"flair": flair}).mask
    turned_mask = trained.segment({"flair": turned}).mask
    np.testing.assert_array_equal(turned_mask.array, mask.array.transpose(axes))


def test_unnamed_image_is_used_with_a_warning(trained: Segmenter) -> None:
    result = trained.segment({"image": a_lesion_case(4)[0]["flair"]})
    assert result.warnings == ["the image does not tell its sequence; it was taken as flair"]


def test_missing_required_sequence_is_refused_by_name(trained: Segmenter) -> None:
    with pytest.raises(InputError, match="needs the sequence flair; the study has t1"):
        trained.segment({"t1": a_lesion_case(4)[0]["t1"]})


def test_missing_optional_sequence_is_said(a_store: ModelStore) -> None:
    segmenter = Segmenter(a_store.current("tiny_multi"))
    result = segmenter.segment({"flair": a_lesion_case(4)[0]["flair"]})
    assert "segmented without t1" in result.warnings


def test_progress_reaches_one_and_cancelling_stops(trained: Segmenter) -> None:
    flair = {"flair": a_lesion_case(4)[0]["flair"]}
    fractions: list[float] = []
    trained.segment(flair, progress=fractions.append)
    assert fractions[-1] == 1.0
    with pytest.raises(InterruptedError):
        trained.segment(flair, cancelled=lambda: True)


def test_uncertainty_is_repeatable_and_leaves_the_segmenter_as_it_was(trained: Segmenter) -> None:
    flair = {"flair": a_lesion_case(4)[0]["flair"]}
    before = trained.segment(flair).probability.array
    first, second = trained.uncertainty(flair), trained.uncertainty(flair)
    assert first == second > 0
    np.testing.assert_array_equal(trained.segment(flair).probability.array, before)


def test_models_that_draw_at_once_draw_what_they_would_alone(trained: Segmenter) -> None:
    other = Segmenter.from_state(trained.card, trained.network.state_dict())
    inputs = trained.prepare({"flair": a_lesion_case(4)[0]["flair"]}).inputs

    def draws(segmenter: Segmenter) -> np.ndarray:
        return segmenter.draws(inputs, samples=8, seed=3)

    alone = draws(trained)
    with ThreadPoolExecutor(2) as pool:
        for together in pool.map(draws, [trained, other] * 4):
            np.testing.assert_array_equal(together, alone)


def test_uncertainty_leaves_the_callers_random_numbers_alone(trained: Segmenter) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    trained.uncertainty({"flair": a_lesion_case(4)[0]["flair"]}, seed=5)
    assert torch.equal(torch.rand(4), expected)


def test_uncertainty_comes_from_dropout_alone(trained: Segmenter) -> None:
    flair = {"flair": a_lesion_case(4)[0]["flair"]}
    settings = trained.settings.model_copy(
        update={"network": trained.settings.network.model_copy(update={"dropout": 0.0})}
    )
    card = trained.card.model_copy(update={"settings": settings.model_dump()})
    certain = Segmenter.from_state(card, trained.network.state_dict())
    assert certain.uncertainty(flair) < 1e-6
    assert trained.uncertainty(flair) > 1e-3


def test_study_without_anything_like_a_lesion_is_not_uncertain(trained: Segmenter) -> None:
    state = trained.network.state_dict()
    blind = Segmenter.from_state(trained.card, state | {"head.bias": state["head.bias"] - 1e4})
    assert blind.uncertainty({"flair": a_lesion_case(4)[0]["flair"]}) == 0.0


def test_small_components_are_dropped_relative_to_the_largest() -> None:
    probability = np.zeros((20, 20, 3))
    probability[2:10, 2:10] = 0.9
    probability[14:16, 14:16, 1] = 0.9
    mask = to_mask(probability, PostprocessSettings(smallest_component=0.1))
    assert mask[5, 5, 1] == 1
    assert mask[14, 14, 1] == 0
    assert to_mask(probability, PostprocessSettings(smallest_component=0.0))[14, 14, 1] == 1


def test_dice_of_known_overlap() -> None:
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    a[:2], b[1:3] = True, True
    assert dice(a, b) == 0.5
    assert dice(a, a) == 1.0
    assert dice(np.zeros(3), np.zeros(3)) == 1.0


def test_mirrored_head_has_the_mirrored_mask(trained: Segmenter) -> None:
    """Averaging over the mirror image makes the answer symmetric, whatever the network learned."""
    settings = trained.settings.model_copy(update={"mirror": True})
    card = trained.card.model_copy(update={"settings": settings.model_dump()})
    segmenter = Segmenter.from_state(card, trained.network.state_dict())
    flair = a_lesion_case(4)[0]["flair"]
    inputs = prepare({"flair": flair}, ["flair"], settings.input)
    mirrored = replace(inputs, images=inputs.images.flip(2))
    np.testing.assert_allclose(segmenter.logits(mirrored), segmenter.logits(inputs)[:, ::-1], atol=0.05)
    assert np.abs(trained.logits(mirrored) - trained.logits(inputs)[:, ::-1]).max() > 0.2


@pytest.mark.parametrize("count", [1, 3, 8, 9, 21])
def test_windows_in_space_cover_every_slice_and_overlap(count: int) -> None:
    settings = InputSettings(size=32, depth=8)
    first = first_slices(count, settings)
    covered = {number for start in first for number in range(start, min(start + 8, count))}
    assert covered == set(range(count))
    assert all(start + 8 <= max(count, 8) for start in first)


@pytest.mark.parametrize("count", [3, 8, 13])
def test_network_in_space_answers_for_every_slice(count: int) -> None:
    """An untrained 3-D network on more and fewer slices than it takes at once."""
    settings = SegmentationSettings(
        network=DynUNetSettings(filters=(4, 8, 8, 8), in_plane_levels=1), input=InputSettings(size=32, depth=8)
    )
    card = a_card("space", ["flair"], []).model_copy(update={"settings": settings.model_dump()})
    segmenter = Segmenter.from_state(card, build_network(settings.network, 1, 8).state_dict())
    short = a_lesion_case(4)[0]["flair"]
    flair = Volume(np.repeat(short.array, 3, axis=2)[:, :, :count], short.affine)
    inputs = prepare({"flair": flair}, ["flair"], settings.input)
    assert np.isfinite(segmenter.logits(inputs)).all()
    assert segmenter.logits(inputs).shape == (count, 32, 32)
    assert segmenter.segment({"flair": flair}).mask.shape == flair.shape


def test_calibration_changes_the_probability_alone(trained: Segmenter) -> None:
    settings = trained.settings.model_copy(update={"calibration": CalibrationSettings(slope=0.5, intercept=-0.2)})
    card = trained.card.model_copy(update={"settings": settings.model_dump()})
    segmenter = Segmenter.from_state(card, trained.network.state_dict())
    flair = {"flair": a_lesion_case(4)[0]["flair"]}
    inputs = prepare(flair, ["flair"], settings.input)
    np.testing.assert_array_equal(segmenter.logits(inputs), trained.logits(inputs))
    sure, milder = trained.segment(flair).probability.array, segmenter.segment(flair).probability.array
    inside = sure > 0.55
    assert inside.any()
    assert (milder[inside] < sure[inside]).all()


def test_uncertainty_map_is_highest_where_the_model_is_undecided(trained: Segmenter) -> None:
    result = trained.segment({"flair": a_lesion_case(4)[0]["flair"]})
    p, bits = result.probability.array, result.uncertainty.array
    order = np.argsort(np.abs(p - 0.5), axis=None)
    assert np.all(np.diff(bits.ravel()[order]) <= 1e-5)
    assert bits.min() >= 0
    assert bits.max() <= 1
