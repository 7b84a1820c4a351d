"""Volumes recognised as sequences: by their headers in a DICOM database over real files, and by their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from harness.dicom import DicomDatabase
from inprocess import InProcessBackend
from panels import Spin, addVolume, idle
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from RadiogenomicsLib.scene.recognition import Recogniser
from RadiogenomicsLib.server.volumes import OrientedImage

IMAGE = OrientedImage(np.zeros((2, 3, 4), np.float32), np.eye(4))
Load = Callable[..., Any]


@pytest.fixture
def database(scene: Any, monkeypatch: pytest.MonkeyPatch) -> DicomDatabase:
    import slicer

    database = DicomDatabase()
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    return database


@pytest.fixture
def load(database: DicomDatabase, tmp_path: Path) -> Load:
    """Loads a volume from a DICOM file as 3D Slicer does: named after its series, with the UIDs of its instances."""
    count = 0

    def loadSeries(description: str, *, name: str = "", study: str = "1.2.3", **tags: Any) -> Any:
        nonlocal count
        count += 1
        dataset = pydicom.Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", generate_uid()
        dataset.StudyInstanceUID, dataset.Modality = study, "MR"
        dataset.SeriesDescription, dataset.SeriesNumber = description, count
        for tag, value in tags.items():
            setattr(dataset, tag, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = tmp_path / f"{count}.dcm"
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dataset.save_as(path, write_like_original=False)
        node = addVolume(name or f"{count}: {description}", IMAGE)
        node.SetAttribute("DICOM.instanceUIDs", f"{database.insert(path)} 1.2.9.9")
        return node

    return loadSeries


def sequenceOf(node: Any) -> str | None:
    return Recogniser().of(node).recognition.sequence


# One volume


@pytest.mark.parametrize(
    ("name", "sequence"),
    [("5: AX T1 POST", "t1c"), ("t1_mprage_sag_p2_iso_KM", "t1c"), ("T1 map", None), ("t2_swi", None),
     ("t2_tse_dark-fluid", "flair"), ("TCGA-DU-7294 T1", "t1"), ("t2w tse", "t2"), ("MRHead", None), ("", None)],
)  # fmt: skip
def test_a_volume_is_recognised_by_its_name(scene: Any, name: str, sequence: str | None) -> None:
    node = addVolume("x", IMAGE)
    node.SetName(name)
    assert sequenceOf(node) == sequence


def test_an_image_after_contrast_is_no_t1_whatever_its_name_says(load: Load) -> None:
    assert sequenceOf(load("AX T1", ContrastBolusAgent="GADAVIST")) == "t1c"
    assert sequenceOf(load("AX T1", ContrastBolusAgent="none")) == "t1"
    assert sequenceOf(load("AX T1 native", ContrastBolusAgent="GADAVIST")) is None


@pytest.mark.parametrize(
    "tags",
    [{"ImageType": ["DERIVED", "SECONDARY", "SUB"]}, {"Modality": "CT"}, {"InversionTime": 2500.0},
     {"EchoTime": 90.0, "RepetitionTime": 5000.0}],
)  # fmt: skip
def test_headers_that_contradict_the_name_leave_it_undecided(load: Load, tags: dict[str, Any]) -> None:
    assert sequenceOf(load("AX T1", **tags)) is None


def test_what_was_made_of_a_series_is_told_by_its_name(load: Load) -> None:
    assert sequenceOf(load("AX T1", name="3: AX T1 subtraction")) is None
    assert sequenceOf(load("AX FLAIR", name="FLAIR copy")) == "flair"
    assert sequenceOf(load("AX FLAIR", name="T2 registered")) is None


def test_a_renamed_series_is_told_by_its_description(load: Load) -> None:
    assert sequenceOf(load("AX T1 POST", name="patient seven")) == "t1c"
    assert sequenceOf(load("Ax brain", name="T2")) == "t2"


def test_a_series_that_is_in_no_database_here_is_told_by_its_name(scene: Any, database: DicomDatabase) -> None:
    node = addVolume("5: AX FLAIR", IMAGE)
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3.4")
    assert Recogniser().of(node).how == "Recognised by its name"


def test_a_series_whose_file_has_gone_is_told_by_its_name(load: Load, tmp_path: Path) -> None:
    node = load("AX FLAIR")
    (tmp_path / "1.dcm").unlink()
    assert sequenceOf(node) == "flair"


def test_volumes_of_two_examinations_by_their_names_are_left_together(scene: Any) -> None:
    nodes = [addVolume(name, IMAGE) for name in ("flair_20200131", "t1_20210506")]
    recognised = Recogniser().choose({}, nodes)
    assert not recognised.volumes
    assert "2020-01-31" in recognised.notes[0] and "2021-05-06" in recognised.notes[0]
    nodes[1].SetName("t1_20200131")
    assert set(Recogniser().choose({}, nodes).volumes) == {"flair", "t1"}


def test_the_reason_says_what_was_read(load: Load) -> None:
    answer = Recogniser().of(load("AX T1", ContrastBolusAgent="GADAVIST"))
    assert answer.how.startswith(
        "Recognised by its DICOM headers and name: the name says 't1', contrast agent 'GADAVIST'"
    )


def test_the_tag_of_a_study_wins_over_the_name(logic: Any) -> None:
    node = logic.addVolume(IMAGE, "glioma-01", "flair")
    node.SetName("looks like t1")
    assert (sequenceOf(node), Recogniser().of(node).how) == ("flair", "Recognised by its tag")


# The panel


def chosen(panel: Any) -> dict[str, str]:
    return {sequence: node.GetName() for sequence, node in panel.selection.volumes().items()}


@pytest.fixture
def twoVolumes(scene: Any) -> list[Any]:
    """Volumes that are in the scene before the panel is opened."""
    return [addVolume("case FLAIR", IMAGE), addVolume("case t1c", IMAGE)]


def test_volumes_that_were_loaded_before_the_panel_was_opened_are_recognised(twoVolumes: Any, panel: Any) -> None:
    assert chosen(panel) == {"flair": "case FLAIR", "t1c": "case t1c"}
    assert panel.ui.t1cHint.text == "Recognised by its name; not on the server"


def test_opening_again_keeps_what_the_scene_remembers(twoVolumes: Any, panel: Any, backend: InProcessBackend) -> None:
    from harness import EXTENSION
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    panel.ui.t1cSelector.setCurrentNode(None)
    widgets = loadWidgets(EXTENSION / "Resources" / "UI")
    reopened = RadiogenomicsPanel(widgets, RadiogenomicsLogic(), backend.forUrl)
    assert chosen(reopened) == {"flair": "case FLAIR"}, "that T1 contrast is not used was the user's choice"
    reopened.cleanup()


def test_the_button_recognises_what_is_in_the_scene(panel: Any, spin: Spin) -> None:
    node = addVolume("x", IMAGE)
    spin(lambda: "'x' left: the name says no sequence" in panel.ui.recognitionLabel.text)
    node.SetName("AX T2")
    panel.ui.recogniseButton.click()
    assert chosen(panel) == {"t2": "AX T2"}
    assert "T2: recognised." in panel.ui.statusLabel.text
    assert not panel.ui.recognitionLabel.visible
    panel.ui.recogniseButton.click()
    assert "No other volume was recognised." in panel.ui.statusLabel.text


def test_the_button_never_replaces_a_volume_that_was_chosen(twoVolumes: Any, panel: Any) -> None:
    mine = addVolume("mine", IMAGE)
    panel.ui.flairSelector.setCurrentNode(mine)
    panel.ui.recogniseButton.click()
    assert chosen(panel)["flair"] == "mine"
    assert "'case FLAIR' left: 'mine' stays chosen for FLAIR." in panel.ui.recognitionLabel.text


def test_two_volumes_of_one_sequence_are_left_and_both_are_named(panel: Any, spin: Spin) -> None:
    for name in ("a_t1", "b_t1", "a_t2"):
        addVolume(name, IMAGE)
    spin(lambda: "t2" in chosen(panel))
    assert chosen(panel) == {"t2": "a_t2"}
    assert panel.ui.recognitionLabel.text == "'a_t1' and 'b_t1' look like T1: choose one of them."


def test_a_third_volume_of_a_sequence_is_not_taken_for_the_only_one(panel: Any, spin: Spin) -> None:
    for name in ("a_t1", "b_t1"):
        addVolume(name, IMAGE)
    spin(lambda: panel.ui.recognitionLabel.text)
    addVolume("d_t1", IMAGE)
    spin(lambda: "'d_t1'" in panel.ui.recognitionLabel.text)
    assert chosen(panel) == {}


def test_a_sequence_that_the_user_emptied_is_not_filled_when_another_volume_comes(
    twoVolumes: Any, panel: Any, spin: Spin
) -> None:
    panel.ui.t1cSelector.setCurrentNode(None)
    addVolume("case t2", IMAGE)
    spin(lambda: "t2" in chosen(panel))
    assert chosen(panel) == {"flair": "case FLAIR", "t2": "case t2"}


def test_a_map_and_a_mask_are_not_chosen_and_the_reason_is_shown(panel: Any, spin: Spin) -> None:
    import slicer

    addVolume("T1 map", IMAGE)
    slicer.modules.volumes.logic().CreateAndAddLabelVolume(addVolume("FLAIR", IMAGE), "T2 label")
    spin(lambda: "flair" in chosen(panel))
    assert chosen(panel) == {"flair": "FLAIR"}
    assert "'T1 map' left: the name says 'map'" in panel.ui.recognitionLabel.text
    assert "T2 label" not in panel.ui.recognitionLabel.text


def test_series_of_two_examinations_are_not_mixed(load: Load, panel: Any, spin: Spin) -> None:
    flair = load("AX FLAIR", study="1.2.3")
    load("AX T2", study="1.2.4")
    spin(lambda: panel.ui.recognitionLabel.text)
    assert chosen(panel) == {}
    assert "of several studies" in panel.ui.recognitionLabel.text
    load("AX T1", study="1.2.3")
    panel.ui.flairSelector.setCurrentNode(flair)
    panel.ui.recogniseButton.click()
    assert chosen(panel) == {"flair": "1: AX FLAIR", "t1": "3: AX T1"}
    assert "'2: AX T2' left: of another study than the chosen volumes." in panel.ui.recognitionLabel.text


def test_a_long_list_of_left_volumes_is_cut(panel: Any, spin: Spin) -> None:
    for number in range(9):
        addVolume(f"scan {number}", IMAGE)
    spin(lambda: panel.ui.recognitionLabel.text)
    assert panel.ui.recognitionLabel.text.count("<br>") == 6
    assert "And 3 more." in panel.ui.recognitionLabel.text


def test_the_next_study_says_nothing_of_the_volumes_of_others(
    connected: Any, backend: InProcessBackend, spin: Spin
) -> None:
    for study in ("glioma-01", "glioma-02"):
        backend.studyId = study
        connected.ui.nextStudyButton.click()
        spin(idle(connected))
    spin(lambda: not connected._settleTimer.active)
    assert {node.GetAttribute("Gliomics.StudyId") for node in connected.selection.volumes().values()} == {"glioma-02"}
    assert not connected.ui.recognitionLabel.visible
