from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.models import ModelStore
from gliomics.segmentation.evaluation import bootstrap_interval, dice
from gliomics.segmentation.labelled import LabelledStudy, load_volumes
from gliomics.segmentation.postprocess import to_mask
from gliomics.segmentation.predict import Segmenter
from gliomics.segmentation.settings import PostprocessSettings
from gliomics.study import Volume, read_mask

from .conftest import a_lesion_case


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


def test_single_slice_is_segmented(trained: Segmenter) -> None:
    flair = a_lesion_case(4)[0]["flair"]
    single = Volume(np.ascontiguousarray(flair.array[:, :, 3:4]), flair.affine)
    assert trained.segment({"flair": single}).mask.array.any()


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


def test_two_dimensional_or_constant_image_is_refused(trained: Segmenter) -> None:
    flair = a_lesion_case(4)[0]["flair"]
    with pytest.raises(InputError, match="same value"):
        trained.segment({"flair": flair.with_array(np.zeros_like(flair.array))})


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


def test_bootstrap_interval_covers_the_mean_and_narrows_with_n() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.normal(0.8, 0.1, 10), rng.normal(0.8, 0.1, 1000)
    narrow, wide = bootstrap_interval(large.tolist()), bootstrap_interval(small.tolist())
    assert narrow.low < 0.8 < narrow.high
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3
    assert wide.n == 10
