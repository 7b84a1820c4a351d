"""Sequences recognised from the names of volumes."""

from __future__ import annotations

from typing import Any

import pytest
from RadiogenomicsLib.sequences import SEQUENCES, TITLES

from gliomics.sequences import SEQUENCES as LIBRARY_SEQUENCES


def test_the_panel_has_the_library_s_sequences() -> None:
    assert sorted(SEQUENCES) == sorted(LIBRARY_SEQUENCES) == sorted(TITLES)


@pytest.mark.parametrize(
    ("name", "sequence"),
    [("5: AX T1 POST", "t1c"), ("t1_mprage_sag_p2_iso_KM", "t1c"), ("T1 map", None), ("t2_swi", None),
     ("t2_tse_dark-fluid", "flair"), ("TCGA-DU-7294 T1", "t1"), ("t2w tse", "t2"), ("MRHead", None), ("", None)],
)  # fmt: skip
def test_a_volume_is_recognised_by_its_name(scene: Any, name: str, sequence: str | None) -> None:
    import slicer
    from RadiogenomicsLib.logic import RadiogenomicsLogic

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    recognised = RadiogenomicsLogic().recognise([node])
    assert list(recognised) == ([sequence] if sequence else [])
