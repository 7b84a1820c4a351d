"""What holds of every name: a word for contrast ends T1, a word for another image ends all four sequences."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gliomics.sequences import SEQUENCES, is_mask_name, recognise
from gliomics.sequences.words import role_of
from tests.unit.sequences.test_spellings import SPELLINGS

pytestmark = pytest.mark.slow

NATIVE = [
    "AX T1", "SAG T1 SE", "t1_mprage_sag_p2_iso", "T1W_3D_TFE", "sT1W_3D_TFE", "T1 TSE TRA", "MPRAGE", "3D T1 BRAVO",
    "case7_t1", "T1", "5: AX T1 SE", "T1-weighted axial", "TCGA-DU-7294 T1", "T1WI", "T1 axiale", "WIP T1W SENSE",
]  # fmt: skip
CONTRAST = [
    "gado", "Gadovist", "Dotarem", "Magnevist", "MultiHance", "ProHance", "Omniscan", "Clariscan", "GD", "Gd-DTPA",
    "KM", "+C", "C+", "CE", "MDC", "m.d.c.", "injection", "inj", "injecté", "contrast", "kontrast", "POST", "contraste",
    "apres injection", "con contraste", "con mdc", "mit KM", "nach KM", "z kontrastem", "met contrast", "enhanced",
    "postgad", "w/ contrast", "W CONTRAST", "WITH", "gadobutrol", "Gadolinum", "contrst", "ce-gadolinium", "增强",
    "с контрастом",
]  # fmt: skip
OTHER = [
    "sub", "Subtraction", "map", "SWI", "SWAN", "perfusion", "DSC", "DCE", "dynamic", "ASL", "ADC", "FA", "rCBV",
    "Ktrans", "MOLLI", "MIP", "TOF", "MRA", "MRV", "localizer", "scout", "survey", "DWI", "DTI", "b1000", "trace",
    "spectroscopy", "fMRI", "BOLD", "PD", "STIR", "screenshot", "report", "seg", "mask", "angio", "cine",
]  # fmt: skip
SEPARATORS = st.sampled_from([" ", "_", "-", ", ", "/", " - "])
CASES = st.sampled_from([str, str.lower, str.upper])


@st.composite
def names_with(draw: Any, names: list[str], words: list[str]) -> str:
    """One of ``names`` with one of ``words`` at any place between its words, in any case."""
    parts = draw(st.sampled_from(names)).split(" ")
    place = draw(st.integers(0, len(parts)))
    separator = draw(SEPARATORS)
    word = draw(st.sampled_from(words))
    before, after = " ".join(parts[:place]), " ".join(parts[place:])
    return draw(CASES)(separator.join(part for part in (before, word, after) if part))


@settings(max_examples=1500, deadline=None)
@given(names_with(NATIVE, CONTRAST))
def test_a_word_for_contrast_anywhere_in_the_name_ends_t1(name: str) -> None:
    assert recognise(name).sequence in ("t1c", None)


@settings(max_examples=1500, deadline=None)
@given(names_with([s.name for s in SPELLINGS if s.answer and not s.name.startswith("sub-")], OTHER))
def test_a_word_for_another_image_anywhere_in_the_name_ends_all_four(name: str) -> None:
    assume(not re.match(r"sub[-_]?[a-z0-9]", name, re.IGNORECASE))  # a BIDS subject, no subtraction
    assert recognise(name).sequence is None


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gets_an_answer_with_a_reason(name: str) -> None:
    answer = recognise(name)
    assert answer.sequence is None or answer.sequence in SEQUENCES
    assert answer.reason
    assert not (answer.sequence and is_mask_name(name))


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([s.name for s in SPELLINGS if s.acquisition is None]), CASES)
def test_the_answer_for_a_spelling_in_other_case_is_no_other_sequence(name: str, case: Any) -> None:
    sequences = {recognise(name).sequence, recognise(case(name)).sequence} - {None}
    assert len(sequences) <= 1


@pytest.mark.parametrize("name", NATIVE)
def test_the_names_that_the_laws_start_from_are_t1(name: str) -> None:
    assert recognise(name).sequence == "t1"


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["T1 {}", "AX T1 {} SE", "{} T1", "t1_tse_{}", "T1W {}"]),
    st.text("bcghjqvxyz", min_size=2, max_size=8),
)
def test_a_word_that_is_not_understood_beside_t1_leaves_it_undecided(name: str, word: str) -> None:
    assert recognise(name.format(word)).sequence is None or role_of(word) is not None


def test_an_id_before_t1_needs_no_understanding() -> None:
    assert recognise("Meier_T1").sequence == "t1"
    assert recognise("P-Xy017 T1").sequence == "t1"
