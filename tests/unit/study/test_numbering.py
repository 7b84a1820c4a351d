from __future__ import annotations

import itertools

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.study import Volume
from gliomics.study.numbering import (
    CAVITY,
    CORE,
    ENHANCING,
    NUMBERINGS,
    OEDEMA,
    PARTS,
    labels_of_mask,
    numbering_of_mask,
    numbering_of_segments,
    parse_numbering,
    part_of_name,
    possible_numberings,
    tumour_of,
)

TUMOUR_CORE = (CORE, ENHANCING)


@pytest.mark.parametrize(
    ("numbering", "labels", "core", "oedema", "enhancing"),
    [
        ("brats-2016", {1, 2, 3, 4}, {1, 3, 4}, {2}, {4}),
        ("brats-2021", {1, 2, 4}, {1, 4}, {2}, {4}),
        ("brats-2023", {1, 2, 3}, {1, 3}, {2}, {3}),
        ("brats-2024", {1, 2, 3, 4}, {1, 3}, {2}, {3}),
        ("msd", {1, 2, 3}, {2, 3}, {1}, {3}),
        ("1=oedema,2=ET,9=NCR", {1, 2, 9}, {2, 9}, {1}, {2}),
    ],
)
def test_parts_have_the_values_of_the_numbering_told(
    numbering: str, labels: set[int], core: set[int], oedema: set[int], enhancing: set[int]
) -> None:
    numbering_given = numbering_of_mask(labels, "a mask", given=numbering)
    assert numbering_given.labels_of(TUMOUR_CORE, "tumour-core", "a mask") == core
    assert numbering_given.labels_of([OEDEMA], "oedema", "a mask") == oedema
    assert numbering_given.labels_of([ENHANCING], "enhancing", "a mask") == enhancing
    assert numbering_given.source == "told"


@pytest.mark.parametrize("labels", [{1, 2, 4}, {1, 4}])
def test_core_beside_label_4_and_no_3_is_numbered_as_until_2021(labels: set[int]) -> None:
    numbering = numbering_of_mask(labels, "a mask")
    assert numbering.labels_of(TUMOUR_CORE, "tumour-core", "a mask") == {1, 4}
    assert numbering.labels_of([ENHANCING], "enhancing", "a mask") == {4}
    assert "brats-2021" in (numbering.name or "")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (
            {1, 2, 3},
            "label 3 is core-without-enhancement in brats-2016, enhancing in brats-2023 and brats-2024 and msd",
        ),
        ({1, 2}, "label 1 is core-without-enhancement in brats-2016 .* oedema in msd"),
        ({2, 4}, "label 4 is enhancing in brats-2016 and brats-2021, cavity in brats-2024"),
        ({4}, "label 4 is enhancing in brats-2016 and brats-2021, cavity in brats-2024"),
        ({1, 2, 3, 4}, "label 4 is enhancing in brats-2016, cavity in brats-2024"),
        ({1}, "label 1 is tumour in whole, core-without-enhancement in brats-2016"),
    ],
    ids=str,
)
def test_a_part_that_numberings_disagree_on_is_refused_with_the_way_to_say_it(labels: set[int], reason: str) -> None:
    parts = [CORE, ENHANCING] if labels != {1, 2, 3} else [ENHANCING]
    with pytest.raises(InputError, match=rf"is ambiguous: the mask holds label .*{reason}.*--numbering.*study.json"):
        numbering_of_mask(labels, "a mask").labels_of(parts, "tumour-core", "a mask")


def test_refusal_names_every_value_that_is_not_the_same_part_everywhere() -> None:
    with pytest.raises(
        InputError, match=r"label 1 is .*; label 2 is .*; label 3 is core-without-enhancement in brats-2016"
    ):
        numbering_of_mask({1, 2, 3}, "a mask").labels_of(TUMOUR_CORE, "tumour-core", "a mask")


def test_tumour_of_a_mask_leaves_out_the_cavity_that_its_study_or_its_segments_name() -> None:
    mask = Volume(np.array([1, 2, 3, 4], dtype=np.uint8).reshape(1, 2, 2), np.eye(4))
    assert labels_of_mask(tumour_of(mask, None)) == [1, 2, 3, 4]
    assert labels_of_mask(tumour_of(mask, "brats-2024")) == [1, 2, 3]
    names = {1: "ET", 2: "resection cavity", 3: "SNFH", 4: "NETC"}
    assert labels_of_mask(tumour_of(mask, None, names)) == [1, 3, 4]


def test_no_part_is_guessed_whatever_the_values() -> None:
    """Whatever values a mask has: a part that is given is the same in every numbering that explains them."""
    for size in range(1, 5):
        for labels in itertools.combinations((1, 2, 3, 4), size):
            for part in (CORE, OEDEMA, ENHANCING, CAVITY):
                try:
                    values = numbering_of_mask(labels, "a mask").labels_of([part], "a region", "a mask")
                except InputError:
                    continue
                for numbering in possible_numberings(labels):
                    assert {value for value in labels if numbering.parts[value] == part} == values


def test_values_that_no_numbering_has_are_refused_with_an_example() -> None:
    with pytest.raises(InputError, match=r"label 1, 7; the numberings known are .* e.g. 1=core-without-"):
        numbering_of_mask({1, 7}, "a mask").labels_of([ENHANCING], "enhancing", "a mask")


def test_a_value_that_the_numbering_told_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="case1 holds label 1, 2, 4; label 4 is not in the numbering told, brats-2023"):
        numbering_of_mask({1, 2, 4}, "case1", given="brats-2023")


def test_a_numbering_of_the_study_that_lacks_a_value_is_no_numbering_of_the_mask() -> None:
    numbering = numbering_of_mask({1, 2, 3}, "a mask", study="brats-2021")
    assert numbering.tumour == {1, 2, 3}
    with pytest.raises(
        InputError, match=r"is unknown: the mask holds label 1, 2, 3; the numbering of study.json is brats-"
    ):
        numbering.labels_of([OEDEMA], "oedema", "a mask")


def test_labels_of_a_study_that_are_not_divided_say_nothing_of_a_mask_that_is() -> None:
    numbering = numbering_of_mask({1, 2, 4}, "a mask", study="whole")
    assert numbering.labels_of([OEDEMA], "oedema", "a mask") == {2}


def test_a_mask_of_one_value_is_not_taken_for_the_core_because_its_study_has_a_numbering() -> None:
    numbering = numbering_of_mask({1}, "a mask", study="brats-2021")
    with pytest.raises(InputError, match=r"label 1 is tumour in whole, core-without-enhancement in brats-2021"):
        numbering.labels_of(TUMOUR_CORE, "tumour-core", "a mask")
    with pytest.raises(InputError, match="is ambiguous"):
        numbering_of_mask({1}, "a mask", cohort={1, 2, 4}).labels_of(TUMOUR_CORE, "tumour-core", "a mask")


def test_the_other_masks_of_the_folder_decide_where_one_alone_cannot() -> None:
    numbering = numbering_of_mask({2, 4}, "a mask", cohort={1, 2, 4})
    assert numbering.labels_of(TUMOUR_CORE, "tumour-core", "a mask") == {4}
    assert numbering.source == "label 1, 2, 4 in all masks of the folder"


def test_masks_of_two_numberings_in_one_folder_decide_nothing() -> None:
    with pytest.raises(InputError, match="is ambiguous"):
        numbering_of_mask({1, 2, 4}, "a mask", cohort={1, 2, 3, 4}).labels_of([ENHANCING], "enhancing", "a mask")


def test_the_numbering_told_comes_before_that_of_the_study() -> None:
    numbering = numbering_of_mask({1, 2, 3}, "a mask", given="msd", study="brats-2023")
    assert numbering.labels_of([OEDEMA], "oedema", "a mask") == {1}
    study = numbering_of_mask({1, 2, 3}, "a mask", study="brats-2023")
    assert study.labels_of([OEDEMA], "oedema", "a mask") == {2}
    assert study.source == "study.json"


def test_names_of_segments_tell_the_numbering() -> None:
    names = {1: "Enhancing tumor", 2: "Edema", 3: "Necrosis"}
    numbering = numbering_of_mask({1, 2, 3}, "a mask", segments=names, study="brats-2023")
    assert numbering.labels_of(TUMOUR_CORE, "tumour-core", "a mask") == {1, 3}
    assert numbering.source == "names of the segments"


def test_segments_that_contradict_the_numbering_told_are_refused() -> None:
    with pytest.raises(InputError, match="the segments of a mask are 1 enhancing, 2 oedema, the numbering told is"):
        numbering_of_mask({1, 2}, "a mask", given="brats-2023", segments={1: "ET", 2: "ED"})


def test_value_of_a_segment_with_a_name_means_nothing_by_itself() -> None:
    names = {2: "Ventricles", 4: "Enhancing tumor"}
    numbering = numbering_of_mask({2, 4}, "a mask", segments=names, study="brats-2021")
    assert numbering.labels_of([ENHANCING], "enhancing", "a mask") == {4}
    assert numbering.uncertain == {2: "Ventricles"}
    with pytest.raises(InputError, match=r"region 'oedema' of a mask is unknown: .*label 2 is named 'Ventricles'"):
        numbering.labels_of([OEDEMA], "oedema", "a mask")
    numbering_given = numbering_of_mask({2, 4}, "a mask", given="brats-2021", segments=names)
    assert numbering_given.labels_of([OEDEMA], "oedema", "a mask") == {2}


def test_segment_that_is_named_a_cavity_is_no_tumour_whatever_the_others_are_named() -> None:
    numbering = numbering_of_mask({1, 2, 3}, "a mask", segments={1: "Resection cavity", 2: "hyperintensity", 3: "ET"})
    assert numbering.tumour == {2, 3}


def test_segments_that_nobody_named_leave_the_values_to_decide() -> None:
    numbering = numbering_of_mask({1, 2, 4}, "a mask", segments={1: "Segment_1", 2: "Segment_2", 4: "4"})
    assert numbering.name == "brats-2021"


def test_one_segment_that_contradicts_the_numbering_told_is_enough_to_refuse_it() -> None:
    with pytest.raises(InputError, match="the segments of a mask are 1 enhancing, the numbering told is"):
        numbering_of_mask({1, 2}, "a mask", given="brats-2023", segments={1: "ET", 2: "something"})


def test_a_cavity_is_no_tumour() -> None:
    numbering_given = numbering_of_mask({1, 2, 3, 4}, "a mask", given="brats-2024")
    assert (numbering_given.tumour, numbering_given.doubtful_cavity) == ({1, 2, 3}, set())
    open_question = numbering_of_mask({2, 4}, "a mask")
    assert (open_question.tumour, open_question.doubtful_cavity) == ({2, 4}, {4})


def test_part_beside_a_tumour_not_divided_is_unknown() -> None:
    numbering = numbering_of_mask({1, 4}, "a mask", given="1=tumour,4=enhancing")
    assert numbering.labels_of([ENHANCING], "enhancing", "a mask") == {4}
    with pytest.raises(InputError, match="does not tell the parts of the tumour apart; measure 'whole'"):
        numbering.labels_of(TUMOUR_CORE, "tumour-core", "a mask")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("ET", ENHANCING),
        ("Enhancing Tumor", ENHANCING),
        ("GD-enhancing tumour", ENHANCING),
        ("peritumoral edema", OEDEMA),
        ("ED", OEDEMA),
        ("SNFH", OEDEMA),
        ("NCR/NET", CORE),
        ("necrotic and non-enhancing tumor core", CORE),
        ("Non-enhancing tumor", CORE),
        ("resection cavity", CAVITY),
        ("whole tumour", "tumour"),
        ("tumour core", None),
        ("core", None),
        ("Segment_1", None),
        ("not enhancing", None),
        ("brain", None),
    ],
)
def test_segment_name_means_a_part_only_where_it_is_certain(name: str, part: str | None) -> None:
    assert part_of_name(name) == part


def test_every_part_is_read_by_its_own_name() -> None:
    assert [part_of_name(part) for part in PARTS] == list(PARTS)


def test_segments_of_which_one_is_unknown_tell_nothing() -> None:
    assert numbering_of_segments({1: "enhancing", 2: "Segment_2"}) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("brats", "numbering 'brats' is unknown; give whole, brats-2016, brats-2021"),
        ("1=core", "'core' in numbering '1=core' is no part of a tumour; parts are core-without-enhancement"),
        ("1=ET,1=ED", "has label 1 twice"),
        ("0=ET", "is unknown"),
        ("", "is unknown"),
    ],
)
def test_numbering_that_cannot_be_read_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_numbering(text)


def test_numbering_is_read_from_its_own_name() -> None:
    for numbering in [*NUMBERINGS.values(), parse_numbering("3 = oedema, 1=necrosis")]:
        assert parse_numbering(numbering.name) == numbering
