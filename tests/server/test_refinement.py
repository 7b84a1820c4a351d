"""Clicks, strokes and drawn slices over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.client import ClientError
from gliomics.errors import InputError
from gliomics.evaluation import dice
from gliomics.interactive.refine import LESION, NOT_LESION, Refiner
from gliomics.models import ModelStore
from gliomics.server.input_cache import PreparedStudies
from gliomics.server.model_cache import ModelCache
from gliomics.server.tasks.refinement import RefinementTask
from gliomics.study import Mask, Study, write_mask
from tests.server.servers import Server
from tests.server.studies import a_lesion_case
from tests.server.test_inference import as_mask

STUDY, SEED = "case-2", 2


@pytest.fixture(scope="module")
def truth() -> Mask:
    return a_lesion_case(SEED)[1]


def corrected(server: Server, folder: Path, mask: Mask | None = None, **params: Any) -> Mask:
    """The server's answer to an interaction with ``mask`` as it is."""
    path = folder / "until-now.nii.gz"
    if mask is not None:
        write_mask(mask, path)
    answer = server.client.infer("correction", STUDY, label=path if mask is not None else None, params=params)
    return as_mask(answer.label, folder)


def centre_of(truth: Mask, k: int = 3) -> list[int]:
    return [*np.argwhere(truth.array[:, :, k]).mean(axis=0).round().astype(int).tolist(), k]


def test_click_finds_the_lesion_and_going_back_undoes_it(a_server: Server, truth: Mask, tmp_path: Path) -> None:
    click = {"voxel": centre_of(truth), "lesion": True}
    first = corrected(a_server, tmp_path, clicks=[click])
    assert dice(first.array[:, :, 1:5], truth.array[:, :, 1:5]) > 0.6
    away = {"voxel": centre_of(truth), "lesion": False}
    second = corrected(a_server, tmp_path, first, clicks=[click, away])
    assert second.array[tuple(away["voxel"])] == 0
    again = corrected(a_server, tmp_path, clicks=[click])
    np.testing.assert_array_equal(again.array, first.array)


def test_points_of_monai_labels_clients_are_understood(a_server: Server, truth: Mask, tmp_path: Path) -> None:
    ours = corrected(a_server, tmp_path, clicks=[{"voxel": centre_of(truth), "lesion": True}])
    theirs = corrected(a_server, tmp_path, foreground=[centre_of(truth)], background=[])
    np.testing.assert_array_equal(ours.array, theirs.array)


def test_strokes_and_drawn_slices_become_a_mask(a_server: Server, truth: Mask, tmp_path: Path) -> None:
    i, j, k = centre_of(truth)
    strokes = np.zeros_like(truth.array)
    strokes[i - 2 : i + 3, j, k] = LESION
    strokes[2:8, 2, k] = NOT_LESION
    mask = corrected(a_server, tmp_path, truth.with_array(strokes))
    assert dice(mask.array[:, :, k], truth.array[:, :, k]) > 0.6
    assert mask.array[strokes == LESION].all()
    drawn = np.zeros_like(truth.array)
    drawn[:, :, k] = truth.array[:, :, k]
    continued = corrected(a_server, tmp_path, truth.with_array(drawn), drawn_slices=[k])
    assert dice(continued.array, truth.array) > 0.6


def test_a_box_adds_the_lesion_in_it_and_another_takes_out_all_in_it(
    a_server: Server, truth: Mask, tmp_path: Path
) -> None:
    lesion = np.argwhere(truth.array)
    margin = np.array([2, 2, 0])
    first, second = (lesion.min(axis=0) - margin).tolist(), (lesion.max(axis=0) + margin).tolist()
    filled = corrected(a_server, tmp_path, box={"corners": [first, second], "lesion": True})
    assert dice(filled.array, truth.array) > 0.6
    beside = np.ones(truth.array.shape, bool)
    beside[tuple(slice(a, b + 1) for a, b in zip(first, second, strict=True))] = False
    assert not filled.array[beside].any(), "nothing changes outside of the box"

    i, j, k = centre_of(truth)
    corners = [[i + 9, j + 9, k], [i, j - 9, k - 1]]
    emptied = corrected(a_server, tmp_path, filled, box={"corners": corners, "lesion": False})
    expected = filled.array.copy()
    expected[i : i + 10, max(0, j - 9) : j + 10, k - 1 : k + 1] = 0
    np.testing.assert_array_equal(emptied.array, expected)


def test_a_box_keeps_what_is_drawn_in_it_and_takes_no_lesion_away(
    a_server: Server, truth: Mask, tmp_path: Path
) -> None:
    drawn = np.zeros_like(truth.array)
    drawn[2:5, 2:5, 3] = 1  # a hand drew it where the network sees none
    box = {"corners": [[0, 0, 3], [truth.shape[0] - 1, truth.shape[1] - 1, 3]], "lesion": True}
    mask = corrected(a_server, tmp_path, truth.with_array(drawn), box=box)
    assert mask.array[drawn > 0].all()
    assert mask.array.sum() > drawn.sum()
    own = drawn * LESION
    box["lesion"] = False
    np.testing.assert_array_equal(corrected(a_server, tmp_path, truth.with_array(own), box=box).array, drawn)


def test_task_is_offered_with_its_sequences(a_server: Server) -> None:
    model = a_server.client.info()["models"]["correction"]
    assert (model["type"], model["task"], model["sequences"]["required"]) == ("deepgrow", "refinement", ["flair"])


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, "there is no stroke"),
        ({"clicks": [{"voxel": [1, 2], "lesion": True}]}, r"expected \[i, j, k\]"),
        ({"clicks": [{"voxel": [1, 2, 300], "lesion": True}]}, "the image has"),
        ({"clicks": [{"voxel": [1, 2, 2.5], "lesion": True}]}, "expected whole numbers"),
        ({"clicks": [[1, 2, 3]]}, "a click is"),
        ({"clicks": "here"}, "expected a list"),
        ({"foreground": [[1, 2, 3]] * 101}, "at most 100"),
        ({"box": [[1, 2, 3], [4, 5, 6]]}, "the box is"),
        ({"box": {"corners": [[1, 2, 3]], "lesion": True}}, "the box is"),
        (
            {"box": {"corners": [[1, 2, 3], [4, 5]], "lesion": True}},
            r"a corner of the box is \[4, 5\]",
        ),
        ({"box": {"corners": [[1, 2, 3], [4, 5, 300]], "lesion": True}}, "a corner of the box is on voxel"),
        ({"drawn_slices": [99]}, "from 0 to 5"),
        ({"drawn_slices": []}, "at least one"),
        ({"part": "hand"}, "'hand' is no part of a tumour that can be corrected"),
    ],
)
def test_unusable_interactions_are_refused(
    a_server: Server, tmp_path: Path, params: dict[str, Any], error: str
) -> None:
    with pytest.raises(ClientError, match=error) as refusal:
        corrected(a_server, tmp_path, **params)
    assert refusal.value.status == 400


def test_part_is_refused_of_a_study_without_the_sequences_that_show_it(a_server: Server, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="study 'case-2' has no sequence 't1c'; it has flair, t1") as refusal:
        corrected(a_server, tmp_path, part="enhancing", clicks=[{"voxel": [1, 2, 3], "lesion": True}])
    assert refusal.value.status == 404


def test_part_is_refused_where_no_model_tells_parts_apart(tmp_path: Path) -> None:
    task = RefinementTask("correction", ModelCache(ModelStore(), Refiner), PreparedStudies(), tmp_path, lambda: None)
    study = Study("case-1", "patient-1", tmp_path, {})
    with pytest.raises(InputError, match="none of this server tells the parts of a tumour apart, and 'correction'"):
        task._with_part(study, {}, "enhancing")
