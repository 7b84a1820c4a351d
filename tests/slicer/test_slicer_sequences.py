"""Sequences recognised from names."""

from __future__ import annotations

import pytest
from RadiogenomicsLib.sequences import SEQUENCES, sequenceFromName

from gliomics.study.names import canonical_sequence
from gliomics.study.records import SEQUENCES as LIBRARY_SEQUENCES


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("case7_flair", "flair"),
        ("BraTS20_001_t1ce", "t1c"),
        ("5: AX T1 POST", "t1c"),
        ("t1 gd axial", "t1c"),
        ("AX T2 FLAIR", "flair"),
        ("TCGA-DU-7294 T1", "t1"),
        ("t2w tse", "t2"),
        ("glioma-01 T1 contrast", "t1c"),
    ],
)
def test_a_usual_name_tells_its_sequence(name: str, sequence: str) -> None:
    assert sequenceFromName(name) == sequence


@pytest.mark.parametrize("name", ["", "MRHead", "t1_registered_to_t2", "T1 and FLAIR", "ct1", "test2", "flairy"])
def test_a_name_that_tells_none_or_several_is_not_guessed(name: str) -> None:
    assert sequenceFromName(name) is None


@pytest.mark.parametrize("alias", ["t1w", "t1n", "t1ce", "t1gd", "t1post", "t1c", "t2w", "t2f", "fla", "flair", "t1km"])
def test_file_names_are_read_as_the_library_reads_them(alias: str) -> None:
    assert sequenceFromName(f"case_{alias}") == canonical_sequence(alias)


def test_the_panel_has_the_library_s_sequences() -> None:
    assert sorted(SEQUENCES) == sorted(LIBRARY_SEQUENCES)
