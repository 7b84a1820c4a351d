"""Labels of which some slices are annotated: networks learn from those and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gliomics.segmentation.inputs import LabelledCase, prepare_case
from gliomics.segmentation.labelled import LabelledStudy, fingerprint, prepare_labelled
from gliomics.segmentation.networks import DynUNetSettings
from gliomics.segmentation.settings import InputSettings, SegmentationSettings, TrainSettings
from gliomics.segmentation.weights import State
from gliomics.study import Volume, read_mask, read_volume, write_mask, write_volume
from gliomics.training.loop import NetworkTraining, train
from gliomics.training.sampling import draw_batches
from tests.unit.tiny_networks import TINY, a_card, a_labelled_study, a_lesion_case

pytestmark = pytest.mark.slow

SHORT = TrainSettings(epochs=2, batch=4, learning_rate=1e-2, empty_slices=1.0, ema=0.5)
IN_SPACE = SegmentationSettings(
    network=DynUNetSettings(filters=(4, 8, 8, 8), in_plane_levels=1), input=InputSettings(size=32, depth=8)
)
DONE = torch.tensor([False, True, True, False, True, False])


def a_case(settings: SegmentationSettings, *, wrong_elsewhere: bool) -> LabelledCase:
    """A case of which the slices DONE are annotated; the others' target is empty, or full where it is wrong."""
    volumes, mask = a_lesion_case(0)
    case = prepare_case("case-0", "patient-0", volumes, mask, sequences=["flair"], settings=settings.input)
    target = case.target.clone()
    target[~DONE] = float(wrong_elsewhere)
    return replace(case, target=target, annotated=DONE)


def trained(case: LabelledCase, settings: SegmentationSettings) -> State:
    return train(NetworkTraining([case], settings, SHORT))


@pytest.mark.parametrize("settings", [TINY, IN_SPACE], ids=["in the plane", "in space"])
def test_what_a_label_says_of_other_slices_changes_nothing(settings: SegmentationSettings) -> None:
    right = trained(a_case(settings, wrong_elsewhere=False), settings)
    wrong = trained(a_case(settings, wrong_elsewhere=True), settings)
    assert all(torch.equal(right[name], wrong[name]) for name in right)


def test_network_in_the_plane_is_shown_annotated_slices_alone() -> None:
    case = a_case(TINY, wrong_elsewhere=True)
    batches = draw_batches([case], TINY.input, SHORT, torch.Generator().manual_seed(0))
    assert {first for batch in batches for _, first in batch} == set(torch.nonzero(DONE).flatten().tolist())


@pytest.mark.parametrize("downwards", [False, True])
def test_slices_are_numbered_in_the_images_own_order(tmp_path: Path, downwards: bool) -> None:
    item = a_labelled_study(tmp_path, 0)
    if downwards:
        for path, read, write in (
            (item.label, read_mask, write_mask),
            (item.study.path("flair"), read_volume, write_volume),
        ):
            volume = read(path)
            write(Volume(volume.array, volume.affine @ np.diag([1.0, 1.0, -1.0, 1.0])), path)
    cases, skipped = prepare_labelled([replace(item, slices=(0, 1))], a_card("tiny", ["flair"], []))
    assert not skipped
    assert cases[0].annotated is not None
    assert torch.nonzero(cases[0].annotated).flatten().tolist() == ([4, 5] if downwards else [0, 1])


def test_annotated_slices_without_a_lesion_can_be_learned_from(tmp_path: Path) -> None:
    item = a_labelled_study(tmp_path, 0)
    mask = read_mask(item.label)
    write_mask(mask.with_array(np.zeros_like(mask.array)), item.label)
    card = a_card("tiny", ["flair"], [])
    assert len(prepare_labelled([replace(item, slices=(0,))], card)[0]) == 1
    assert "empty" in prepare_labelled([item], card)[1]["case-0"]


def test_another_choice_of_slices_is_another_training_set(tmp_path: Path) -> None:
    item = a_labelled_study(tmp_path, 0)
    of = [fingerprint([LabelledStudy(item.study, item.label, slices)]) for slices in (None, (0,), (0, 1))]
    assert len(set(of)) == 3
