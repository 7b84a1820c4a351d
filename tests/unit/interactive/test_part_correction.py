"""Parts of a tumour corrected by clicks, strokes and boxes, on rings that enhance around a core, in oedema."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from gliomics.errors import InputError
from gliomics.evaluation import dice
from gliomics.interactive.guidance import REACH
from gliomics.interactive.parts import LABELS, REGIONS, PartCorrector, region_of_name, to_labels
from gliomics.interactive.simulated_user import next_click
from gliomics.records import Box, Click, Stroke
from gliomics.segmentation.model import PreparedStudy
from gliomics.segmentation.segmenter import Segmenter
from gliomics.study import Mask
from gliomics.study.numbering import CAVITY, CORE, ENHANCING, OEDEMA, numbering_of_mask
from tests.unit.ring_tumours import a_parts_segmenter, a_ring
from tests.unit.tiny_networks import make_store

pytestmark = pytest.mark.slow

NEW = 7
"""A tumour that the network was not trained on."""
SLICE = 3


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return a_parts_segmenter()


@pytest.fixture(scope="module")
def corrector(segmenter: Segmenter) -> PartCorrector:
    return PartCorrector(segmenter)


@pytest.fixture(scope="module")
def study(segmenter: Segmenter) -> PreparedStudy:
    return segmenter.prepare(a_ring(NEW)[0])


@pytest.fixture
def truth() -> Mask:
    return a_ring(NEW)[1]


def in_part(mask: Mask, region: str) -> npt.NDArray[np.bool_]:
    return np.isin(mask.array, REGIONS[region])


def a_voxel(inside: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """The voxel of an area that lies deepest in its slice."""
    depth = ndimage.distance_transform_edt(inside[:, :, SLICE])
    i, j = np.unravel_index(depth.argmax(), depth.shape)
    return int(i), int(j), SLICE


def around(voxel: tuple[int, int, int]) -> tuple[slice | int, ...]:
    """The voxels within 4 mm in its slice."""
    return *(slice(index - 2, index + 3) for index in voxel[:2]), voxel[2]


def without(truth: Mask, part: str, given_to: str, half: slice = slice(None)) -> Mask:
    """The true label map with a part, or that of it in some columns, called another."""
    array = truth.array.copy()
    array[half][truth.array[half] == LABELS[part]] = LABELS[given_to]
    return truth.with_array(array)


@pytest.mark.parametrize(("part", "called"), [(ENHANCING, CORE), (CORE, OEDEMA), (OEDEMA, ENHANCING)])
def test_click_on_a_part_that_was_called_another_brings_it_back_where_it_is(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask, part: str, called: str
) -> None:
    before = without(truth, part, called)
    voxel = a_voxel(in_part(truth, part))
    after = corrector.click(study, before, part, [Click(voxel, True)])
    assert after.array[voxel] == LABELS[part]
    assert dice(*(in_part(mask, part)[around(voxel)] for mask in (after, truth))) > 0.6
    changed = after.array != before.array
    assert set(np.unique(after.array[changed])) == {LABELS[part]}
    np.testing.assert_array_equal(after.array[~changed], before.array[~changed])


def test_click_that_removes_gives_voxels_to_what_is_likeliest_of_the_others(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask
) -> None:
    too_much = truth.array.copy()
    too_much[truth.array > 0] = LABELS[ENHANCING]
    before = truth.with_array(too_much)
    for part in (CORE, OEDEMA):
        voxel = a_voxel(in_part(truth, part))
        after = corrector.click(study, before, ENHANCING, [Click(voxel, False)])
        assert after.array[voxel] == LABELS[part]
        given = after.array[after.array != before.array]
        assert np.mean(given == LABELS[part]) > 0.6
        assert LABELS[ENHANCING] not in given


def test_click_changes_nothing_beyond_its_reach(corrector: PartCorrector, study: PreparedStudy, truth: Mask) -> None:
    before = truth.with_array(np.zeros_like(truth.array))
    voxel = (*a_voxel(in_part(truth, ENHANCING))[:2], 1)
    after = corrector.click(study, before, "whole", [Click(voxel, True)])
    slices = np.flatnonzero(after.array.any(axis=(0, 1)))
    assert slices.max() <= voxel[2] + REACH
    assert {2, 3} <= set(np.unique(after.array)), "each voxel is the likeliest of the parts of the region"
    far = ndimage.distance_transform_edt(~in_part(truth, "whole")[:, :, 2]) * 2 > 6
    assert not after.array[:, :, : voxel[2] + REACH][far].any()


def test_a_mask_that_is_wrong_gets_better_with_every_few_clicks(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask
) -> None:
    """Each region of a label map that is shifted, corrected by a simulated user."""
    for region in ("whole", "tumour-core", "enhancing"):
        rng, labels, clicks = np.random.default_rng(1), truth.with_array(np.roll(truth.array, 3, 0)), list[Click]()
        scores = [dice(in_part(labels, region), in_part(truth, region))]
        for _ in range(5):
            said = [labels.with_array(in_part(mask, region).astype(np.uint8)) for mask in (labels, truth)]
            click = next_click(*said, rng, slice_axis=2)
            assert click is not None
            clicks.append(click)
            labels = corrector.click(study, labels, region, clicks)
            scores.append(dice(in_part(labels, region), in_part(truth, region)))
        assert scores[-1] > scores[0] + 0.05, region


def test_what_was_clicked_before_and_cavities_are_never_changed(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask
) -> None:
    voxel = a_voxel(in_part(truth, ENHANCING))
    i, j, k = voxel
    array = without(truth, ENHANCING, CORE).array
    array[i - 1, j, k] = LABELS[CAVITY]
    before = truth.with_array(array)
    said = [Click((i + 1, j, k), False), Click(voxel, True)]
    for after in (
        corrector.click(study, before, ENHANCING, said),
        corrector.stroke(study, before, ENHANCING, Stroke(((i, j, k),), True), said[:1]),
        corrector.box(study, before, ENHANCING, Box((i - 2, j - 2, k), (i + 2, j + 2, k), True), said[:1]),
    ):
        assert after.array[voxel] == LABELS[ENHANCING]
        assert after.array[i - 1, j, k] == LABELS[CAVITY]
        assert after.array[i + 1, j, k] == array[i + 1, j, k]
    with pytest.raises(InputError, match="on the resection cavity, which is no tumour"):
        corrector.click(study, before, ENHANCING, [Click((i - 1, j, k), True)])


def test_second_click_at_one_place_takes_back_the_first(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask
) -> None:
    voxel = a_voxel(in_part(truth, CORE))
    said = [Click(voxel, True), Click(voxel, False)]
    after = corrector.click(study, corrector.click(study, truth, ENHANCING, said[:1]), ENHANCING, said)
    assert after.array[voxel] != LABELS[ENHANCING]


def test_a_stroke_holds_all_along_and_draws_the_part_after_it(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask
) -> None:
    before = without(truth, ENHANCING, OEDEMA)
    ring = np.argwhere(in_part(truth, ENHANCING)[:, :, SLICE])
    stroke = Stroke(tuple((int(i), int(j), SLICE) for i, j in ring[::3]), True)
    after = corrector.stroke(study, before, ENHANCING, stroke)
    assert all(after.array[voxel] == LABELS[ENHANCING] for voxel in stroke.voxels)
    drawn = np.zeros(truth.shape, bool)
    drawn[tuple(np.array(stroke.voxels).T)] = True
    wanted = in_part(truth, ENHANCING)[:, :, SLICE]
    assert dice(in_part(after, ENHANCING)[:, :, SLICE], wanted) > dice(drawn[:, :, SLICE], wanted) + 0.05


def test_a_box_finds_the_part_in_it_or_takes_it_out_and_nothing_else_changes(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask
) -> None:
    before = without(truth, ENHANCING, OEDEMA)
    inside = np.argwhere(in_part(truth, ENHANCING))
    low, high = inside.min(axis=0), inside.max(axis=0)
    low[0] = (low[0] + high[0]) // 2
    area = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
    corners = [(int(corner[0]), int(corner[1]), int(corner[2])) for corner in (high, low)]
    after = corrector.box(study, before, ENHANCING, Box(corners[0], corners[1], True))
    assert dice(in_part(after, ENHANCING)[area], in_part(truth, ENHANCING)[area]) > 0.6
    outside = np.ones(truth.shape, bool)
    outside[area] = False
    np.testing.assert_array_equal(after.array[outside], before.array[outside])
    emptied = corrector.box(study, truth, ENHANCING, Box(corners[0], corners[1], False))
    assert not in_part(emptied, ENHANCING)[area].any()
    np.testing.assert_array_equal(emptied.array[outside], truth.array[outside])


def test_what_the_images_do_not_show_is_not_corrected(corrector: PartCorrector, segmenter: Segmenter) -> None:
    volumes, truth = a_ring(NEW)
    study = segmenter.prepare({"t1c": volumes["t1c"]})
    voxel = a_voxel(in_part(truth, ENHANCING))
    for region in ("whole", "oedema"):
        with pytest.raises(InputError, match=f"'{region}' cannot be corrected: without flair or t2"):
            corrector.click(study, truth, region, [Click(voxel, True)])
    after = corrector.click(study, without(truth, ENHANCING, CORE), ENHANCING, [Click(voxel, True)])
    assert np.count_nonzero(in_part(after, ENHANCING)) > 20


def test_studies_and_masks_that_do_not_go_together_are_refused(
    corrector: PartCorrector, segmenter: Segmenter, study: PreparedStudy, truth: Mask
) -> None:
    """A study without contrast-enhanced T1, and the mask of an examination on another grid."""
    with pytest.raises(InputError, match="model 'parts' needs the sequence t1c; the study has flair"):
        segmenter.prepare({"flair": a_ring(NEW)[0]["flair"]})
    moved = truth.affine.copy()
    moved[:3, 3] += 7
    with pytest.raises(InputError, match="geometry of the mask differs from the image: origin"):
        corrector.click(study, Mask(truth.array, moved), ENHANCING, [Click((20, 20, SLICE), True)])


def test_unusable_words_and_masks_are_refused(
    corrector: PartCorrector, study: PreparedStudy, truth: Mask, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="'cavity' is no part of a tumour that can be corrected; give one of whole"):
        region_of_name("cavity")
    assert region_of_name("Peritumoral edema") == "oedema"
    assert region_of_name("tumour") == "whole"
    with pytest.raises(InputError, match="the stroke has no voxel"):
        corrector.stroke(study, truth, ENHANCING, Stroke((), True))
    with pytest.raises(InputError, match="give at least one"):
        corrector.click(study, truth, ENHANCING, [])
    with pytest.raises(InputError, match=r"on voxel \[99, 0, 0\]; the image has"):
        corrector.click(study, truth, ENHANCING, [Click((99, 0, 0), True)])
    with pytest.raises(InputError, match="knows the whole lesion alone"):
        PartCorrector(Segmenter(make_store(tmp_path).current("tiny")))


def test_a_label_map_is_read_by_its_numbering_and_refused_where_that_is_open(truth: Mask) -> None:
    older = truth.with_array(np.array([0, 1, 2, 4], np.uint8)[truth.array])
    read = to_labels(older, numbering_of_mask([1, 2, 4], "the mask", given="brats-2021"), "the mask")
    np.testing.assert_array_equal(read.array, truth.array)
    with pytest.raises(InputError, match="ambiguous"):
        to_labels(truth, numbering_of_mask([1, 2, 3], "the mask"), "the mask")
    undivided = truth.with_array((truth.array > 0).astype(np.uint8))
    with pytest.raises(InputError, match="parts are not told apart"):
        to_labels(undivided, numbering_of_mask([1], "the mask", given="whole"), "the mask")
