"""The panel's sequences."""

from __future__ import annotations

from RadiogenomicsLib.sequences import SEQUENCES, TITLES

from gliomics.sequences import SEQUENCES as LIBRARY_SEQUENCES


def test_the_panel_has_the_library_s_sequences_with_flair_first() -> None:
    assert list(SEQUENCES) == ["flair", *(name for name in LIBRARY_SEQUENCES if name != "flair")]
    assert list(TITLES) == list(SEQUENCES)
