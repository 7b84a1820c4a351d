"""Networks that look at a study in the planes that show it, and answer for all in one."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.evaluation import dice
from gliomics.segmentation.inputs import planes_of, prepare_case
from gliomics.segmentation.postprocess import PART_VALUES
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InputSettings, SegmentationSettings, TrainSettings
from gliomics.study import Volume
from gliomics.training.loop import NetworkTraining, train
from tests.unit.ring_tumours import INNER_VALUES, NEEDS, PARTS, a_ring
from tests.unit.tiny_networks import a_card

pytestmark = pytest.mark.slow

ONE_EPOCH = TrainSettings(epochs=1, batch=8, learning_rate=1e-2, empty_slices=1.0, ema=0.9, seed=1)


@pytest.mark.parametrize(
    ("shape", "spacing", "planes"),
    [
        ((240, 240, 155), (1.0, 1.0, 1.0), ("axial", "coronal", "sagittal")),
        ((256, 256, 30), (0.9, 0.9, 5.0), ("axial",)),
        ((256, 30, 256), (0.9, 6.0, 0.9), ("coronal",)),
        ((20, 320, 320), (5.0, 0.7, 0.7), ("sagittal",)),
        ((256, 256, 22), (1.0, 1.0, 1.0), ("axial",)),  # 22 slices of unknown thickness
        ((256, 256, 1), (1.0, 1.0, 1.0), ("axial",)),
        ((1, 256, 256), (1.0, 1.0, 1.0), ("sagittal",)),
    ],
)
def test_study_is_looked_at_in_the_planes_that_show_it(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], planes: tuple[str, ...]
) -> None:
    assert planes_of(Volume(np.zeros(shape, np.uint8), np.diag([*spacing, 1.0]))) == planes


def test_values_in_another_plane_are_brought_to_the_axial_slices() -> None:
    """A ball in its three views is itself again, at the same place, whichever way the file is stored."""
    i, j, k = np.indices((44, 40, 48))
    head = ((i - 22) / 18) ** 2 + ((j - 20) / 16) ** 2 + ((k - 24) / 20) ** 2 < 1
    ball = (i - 28) ** 2 + (j - 17) ** 2 + (k - 30) ** 2 < 36
    image = Volume((90.0 * head + 60 * ball).astype(np.float32), np.diag([-1.0, 1.0, -1.0, 1.0]))
    settings = InputSettings(size=64, planes="fitting")
    case = prepare_case(
        "ball", "ball", {"flair": image}, image.with_array(ball), sequences=["flair"], settings=settings
    )
    blind = case.with_sequences(0).inputs
    assert not any(view.images.any() or any(view.present) for view in blind.looked_at)
    assert len(blind.looked_at) == 3 and blind.looked_at[0].images is blind.images
    views = case.in_views()
    assert [view.inputs.plane for view in views] == ["axial", "coronal", "sagittal"]
    for view in views:
        logits = np.where(view.target.numpy() > 0.5, 4.0, -4.0).astype(np.float32)
        here = case.inputs.here(logits, view.inputs)
        assert dice(here > 0, case.target.numpy() > 0.5) > 0.93
        shown = view.inputs.images[0][view.target > 0.9]
        assert float(shown.min()) > float(view.inputs.images[0][view.target == 0].max())


def test_network_of_all_planes_is_trained_and_asked_in_each() -> None:
    every = SegmentationSettings(**{**PARTS.model_dump(), "input": InputSettings(size=32, planes="fitting")})
    volumes, mask = a_ring(0)
    cubes = {name: Volume(np.repeat(image.array, 6, axis=2), np.eye(4)) for name, image in volumes.items()}
    label = Volume(np.repeat(mask.array, 6, axis=2), np.eye(4))
    names = [*NEEDS.required, *NEEDS.optional]
    case = prepare_case("cube", "cube", cubes, label, sequences=names, settings=every.input, inner=INNER_VALUES)
    training = NetworkTraining([case], every, ONE_EPOCH, sequences=NEEDS)
    assert [seen.inputs.plane for seen in training.cases] == ["axial", "coronal", "sagittal"]
    card = a_card("parts", NEEDS.required, NEEDS.optional)
    card = card.model_copy(update={"settings": every.model_dump(), "labels": PART_VALUES})
    segmenter = Segmenter.from_state(card, train(training))
    fractions: list[float] = []
    result = segmenter.segment(cubes, progress=fractions.append)
    assert result.mask.shape == (40, 44, 36)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    alone = [segmenter.region_logits(view) for view in case.inputs.views]
    both = np.mean(
        [
            np.stack([case.inputs.here(region, view) for region in logits])
            for logits, view in zip(alone, case.inputs.views, strict=True)
        ],
        axis=0,
    )
    np.testing.assert_allclose(segmenter.region_logits(case.inputs), both, atol=0.05)
