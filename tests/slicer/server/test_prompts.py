"""What is said of a segment: what a request tells of it, and whether it still holds."""

from __future__ import annotations

import numpy as np
import pytest
from RadiogenomicsLib.server.prompts import Part, Prompt, Said, Stroke, holds, withStrokes

from gliomics.records import MOST_CLICKS, Box, Click

CLICK = Click((3, 2, 1), True)
BOX = Box((0, 0, 0), (3, 2, 1), False)
STROKE = Stroke(np.array([[0, 2, 1], [1, 2, 1], [2, 2, 1], [3, 2, 1]]), True)


def test_a_click_is_sent_with_the_latest_clicks_before_and_nothing_else() -> None:
    earlier = [Click((0, 0, k), False) for k in range(MOST_CLICKS + 5)]
    clicks = Said([BOX, *earlier, STROKE, CLICK]).options["clicks"]
    assert len(clicks) == MOST_CLICKS
    assert clicks[-2:] == [{"voxel": [0, 0, MOST_CLICKS + 4], "lesion": False}, {"voxel": [3, 2, 1], "lesion": True}]


def test_a_box_is_sent_alone_and_a_stroke_is_in_the_mask() -> None:
    assert Said([CLICK, BOX]).options == {"box": {"corners": [[0, 0, 0], [3, 2, 1]], "lesion": False}}
    assert Said([CLICK, STROKE]).options == {}


def test_a_part_is_sent_with_the_clicks_before_and_its_stroke_as_an_option() -> None:
    part = Part("enhancing", "2=oedema,3=enhancing")
    named = {"part": "enhancing", "numbering": "2=oedema,3=enhancing"}
    assert Said([CLICK], part).options == {**named, "clicks": [CLICK.to_json()]}
    assert Said([CLICK, BOX], part).options == {**named, "box": BOX.to_json(), "clicks": [CLICK.to_json()]}
    stroke = {"voxels": STROKE.voxels.tolist(), "lesion": True}
    assert Said([STROKE], Part("enhancing", "")).options == {"part": "enhancing", "stroke": stroke}


@pytest.mark.parametrize(
    ("prompt", "voxels", "held"),
    [
        (CLICK, [(3, 2, 1)], True),
        (CLICK, [], False),
        (Click((3, 2, 1), False), [], True),
        (STROKE, [(0, 2, 1), (1, 2, 1), (2, 2, 1)], True),
        (STROKE, [(0, 2, 1), (1, 2, 1)], False),
        (BOX, [], False),
    ],
)
def test_it_holds_as_long_as_the_mask_is_so(prompt: Prompt, voxels: list[tuple[int, int, int]], held: bool) -> None:
    mask = np.zeros((2, 3, 4), np.uint8)
    for i, j, k in voxels:
        mask[k, j, i] = 1
    assert holds(prompt, mask) is held


def test_strokes_are_drawn_into_a_copy_later_ones_over_earlier_ones() -> None:
    mask = np.zeros((2, 3, 4), np.uint8)
    drawn = withStrokes(mask, [STROKE, Stroke(np.array([[1, 2, 1]]), False)], 3, 2)
    assert drawn[1, 2].tolist() == [3, 2, 3, 3]
    assert not mask.any()
