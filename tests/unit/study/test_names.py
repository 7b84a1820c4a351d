from __future__ import annotations

import pytest

from gliomics.study.names import canonical_sequence, split_sequence_suffix


@pytest.mark.parametrize(
    ("written", "sequence"),
    [("T1", "t1"), ("t1n", "t1"), ("T1ce", "t1c"), ("T1-Gd", "t1c"), ("T2w", "t2"), ("t2f", "flair"), ("FLA", "flair"),
     ("T2_FLAIR", "flair"), ("adc", None), ("", None)],
)  # fmt: skip
def test_usual_sequence_names_are_known_in_any_case(written: str, sequence: str | None) -> None:
    assert canonical_sequence(written) == sequence


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("BraTS_001_t1ce", ("BraTS_001", "t1c")),
        ("TCGA-DU-7294_fla", ("TCGA-DU-7294", "flair")),
        ("case-7-T1c", ("case-7", "t1c")),
        ("case7_t2_flair", ("case7", "flair")),
        ("case7", ("case7", None)),
        ("flair", ("flair", "flair")),
        ("patient_t11", ("patient_t11", None)),
    ],
)
def test_the_sequence_is_taken_from_the_end_of_a_file_name(stem: str, expected: tuple[str, str | None]) -> None:
    assert split_sequence_suffix(stem) == expected
