"""Labels reviewed in the panel against a real server: each action, other people at work, and a server that goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fragileserver import FragileServer, isFree
from panels import Spin, chooseAtRandom, press

from gliomics.client import GliomicsClient
from gliomics.study import Volume, write_mask, write_volume

pytestmark = pytest.mark.usefixtures("quietConsole")

AFFINE = np.diag([-2.0, 2.0, 5.0, 1.0])
STUDIES = {"case-a": 1, "case-b": 2, "case-c": 3, "case-d": 4}
BOX = (slice(10, 20), slice(12, 22), slice(1, 4))
"""[i, j, k] of the lesion that Anna draws."""


@pytest.fixture(scope="module")
def fragile(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FragileServer]:
    """A server over four small studies; the third has a sequence on another grid."""
    from tests.server.studies import a_lesion_case, add_study

    studies = tmp_path_factory.mktemp("review") / "studies"
    for name, seed in STUDIES.items():
        add_study(studies, name, seed)
    coarse = Volume(a_lesion_case(3)[0]["t1"].array[::2, ::2], np.diag([-4.0, 4.0, 5.0, 1.0]))
    write_volume(coarse, studies / "case-c" / "t1.nii.gz")
    server = FragileServer(studies, ())
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def noLabels(fragile: FragileServer) -> Iterator[None]:
    """Each test begins without labels, reviews and studies that are handed out."""
    import shutil

    yield
    for folder in ("labels", ".gliomics/history", ".gliomics/reviews"):
        shutil.rmtree(fragile.studies / folder, ignore_errors=True)
    (fragile.studies / ".gliomics" / "leases.json").unlink(missing_ok=True)


@pytest.fixture
def anna(fragile: FragileServer, tmp_path: Path) -> Callable[..., None]:
    """Saves a label as Anna does, with the box or another lesion in it."""
    return savesAs("Anna Å", fragile, tmp_path)


@pytest.fixture
def ben(fragile: FragileServer, tmp_path: Path) -> Callable[..., None]:
    """Saves a label under a tag of its own, as another annotator does."""
    return savesAs("Ben", fragile, tmp_path, tag="ben")


def savesAs(user: str, fragile: FragileServer, folder: Path, tag: str = "final") -> Callable[..., None]:
    def save(study: str, box: tuple[slice, ...] | None = BOX, **params: Any) -> None:
        array = np.zeros((40, 44, 6), np.uint8)
        if box is not None:
            array[box] = 1
        write_mask(Volume(array, AFFINE), folder / "label.nii.gz")
        client = GliomicsClient(fragile.url, timeout=60, user=user)
        client.save_label(study, folder / "label.nii.gz", tag=tag, params={"allow_empty": True, **params})

    return save


@pytest.fixture
def listed(session: Any, spin: Spin) -> Callable[[], Any]:
    """The panel under *Manage*, connected, with the studies listed."""

    def listStudies() -> Any:
        session.ui.manageButton.click()
        press(session, "connectButton", spin)
        press(session, "reviewListButton", spin)
        return session

    return listStudies


def shownRows(panel: Any) -> list[list[str]]:
    table = panel.ui.reviewTable
    rows = [row for row in range(table.rowCount) if not table.isRowHidden(row)]
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in rows]


def selected(panel: Any) -> str:
    table = panel.ui.reviewTable
    return str(table.item(table.currentRow(), 0).text()) if table.currentRow() >= 0 else ""


def select(panel: Any, study: str) -> None:
    """Click on the row of a study."""
    table = panel.ui.reviewTable
    (row,) = (row for row in range(table.rowCount) if table.item(row, 0).text() == study)
    table.selectRow(row)


def under(scene: Any, study: str) -> list[str]:
    """The names of all that lies under a study in the subject hierarchy."""
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = hierarchy.GetItemByName(study)
    items: list[int] = []
    if folder != hierarchy.GetInvalidItemID():
        hierarchy.GetItemChildren(folder, items, True)
    return [hierarchy.GetItemName(item) for item in items]


def openStudy(panel: Any, study: str, spin: Spin) -> None:
    select(panel, study)
    press(panel, "reviewOpenButton", spin)


def test_the_list_says_what_is_to_be_decided_and_is_filtered_by_state_and_words(
    listed: Any, fragile: FragileServer, anna: Any, ben: Any, spin: Spin
) -> None:
    anna("case-b")
    anna("case-a")
    ben("case-b")
    anna("case-c")
    fragile.client.review_label("case-c", "returned", "the oedema is missing", tag="final")
    fragile.client.reviews()  # from now on the labels are compared
    spin(lambda: not fragile.client.reviews()["agreements_pending"])
    panel = listed()
    assert panel.ui.reviewCounts.text == "2 to review, 1 sent back, 0 approved, 1 without a label"
    rows = shownRows(panel)
    assert [row[:3] for row in rows] == [
        ["case-b", "To review", "Anna Å"],
        ["case-a", "To review", "Anna Å"],
        ["case-c", "Sent back", "Anna Å"],
        ["case-d", "No label", ""],
    ]
    assert rows[0][3].startswith("v1, 20")
    assert [row[4] for row in rows] == ["1.00", "", "", ""]
    assert selected(panel) == "case-b"
    panel.ui.reviewFilterEdit.text = "OEDEMA anna"
    assert [row[0] for row in shownRows(panel)] == ["case-c"]
    panel.ui.reviewFilterEdit.text = ""
    panel.ui.reviewStateSelector.setCurrentIndex(panel.ui.reviewStateSelector.findData("submitted"))
    assert [row[0] for row in shownRows(panel)] == ["case-b", "case-a"]
    panel.ui.reviewStateSelector.setCurrentIndex(0)
    select(panel, "case-c")
    assert "Sent back by tester: the oedema is missing." in panel.ui.reviewDetails.text


def test_a_reviewer_accepts_one_and_sends_one_back_and_the_annotator_gets_it_with_what_was_said(
    listed: Any, fragile: FragileServer, anna: Any, spin: Spin, scene: Any
) -> None:
    anna("case-a")
    anna("case-b")
    panel = listed()
    ui = panel.ui
    assert not ui.acceptButton.enabled
    assert ui.acceptButton.toolTip == "Open the study to decide on its label."
    ui.reviewTable.cellDoubleClicked.emit(ui.reviewTable.currentRow(), 0)
    spin(lambda: not panel.model.running)
    assert panel.selection.segmentation().GetName() == "case-a final, version 1"
    assert {"case-a FLAIR", "case-a final, version 1"} <= set(under(scene, "case-a"))
    press(panel, "acceptButton", spin)
    assert panel.model.message == "The label of 'case-a' is accepted. Next to review: 'case-b'."
    assert selected(panel) == "case-b"
    assert ui.reviewCounts.text.startswith("1 to review, 0 sent back, 1 approved")
    press(panel, "reviewOpenButton", spin)
    assert not ui.sendBackButton.enabled
    assert ui.sendBackButton.toolTip == "Write what is to be done, then send it back."
    ui.reviewCommentEdit.text = "Größer: das Ödem fehlt"
    press(panel, "sendBackButton", spin)
    assert panel.model.message == "The label of 'case-b' is sent back. Nothing else is to be reviewed."
    assert ui.reviewCommentEdit.text == ""
    (review,) = fragile.client.label_history("case-b")[-1]["reviews"]
    assert (review["state"], review["comment"], review["user"]) == ("returned", "Größer: das Ödem fehlt", "tester")
    panel.model.annotatorChanged("Anna Å")
    ui.annotateButton.click()
    chooseAtRandom(panel)
    press(panel, "nextStudyButton", spin)
    assert panel.model.selection.studyId == "case-b"
    assert "sent back by tester: Größer: das Ödem fehlt" in panel.model.reason
    assert panel.model.notices == ("Sent back by tester: Größer: das Ödem fehlt",)
    assert "returned: Größer: das Ödem fehlt" in ui.savedLabelSelector.itemText(0)


def test_one_s_own_label_can_be_accepted_and_it_is_said(listed: Any, fragile: FragileServer, spin: Spin) -> None:
    panel = listed()
    savesAs("tester", fragile, fragile.studies.parent)("case-a")
    press(panel, "reviewListButton", spin)
    openStudy(panel, "case-a", spin)
    press(panel, "acceptButton", spin)
    assert panel.model.notices == ("It is your own label: nobody else has looked at it.",)
    select(panel, "case-a")
    assert "Approved by tester, who drew it." in panel.ui.reviewDetails.text


def test_a_version_that_was_saved_meanwhile_is_not_decided_on(
    listed: Any, fragile: FragileServer, anna: Any, spin: Spin
) -> None:
    anna("case-a")
    panel = listed()
    openStudy(panel, "case-a", spin)
    anna("case-a", (slice(5, 9), slice(5, 9), slice(2, 4)))
    panel.ui.acceptButton.click()
    spin(lambda: not panel.model.running)
    assert "was version 1 when it was looked at, and is version 2 by Anna Å" in panel.model.message
    assert [version["reviews"] for version in fragile.client.label_history("case-a")] == [[], []]
    press(panel, "reviewOpenButton", spin)
    assert panel.model.notices == ("The label was saved again since the studies were listed; this is how it is now.",)
    press(panel, "acceptButton", spin)
    assert fragile.client.label_history("case-a")[-1]["reviews"][0]["state"] == "approved"


def test_changes_of_the_reviewer_are_not_accepted_with_the_label(listed: Any, anna: Any, spin: Spin) -> None:
    from panels import paint

    anna("case-a")
    panel = listed()
    openStudy(panel, "case-a", spin)
    paint(panel, lambda array: array.__setitem__((2, slice(0, 5), slice(0, 5)), 1))
    press(panel, "acceptButton", spin)
    (notice,) = panel.model.notices
    assert notice == "Your changes of 'case-a final, version 1' are not part of it: submit them under Annotate."


def test_reviewed_studies_leave_the_scene_when_the_next_is_opened(
    listed: Any, anna: Any, spin: Spin, scene: Any
) -> None:
    for study in ("case-a", "case-b"):
        anna(study)
    panel = listed()
    for _ in range(2):
        press(panel, "reviewOpenButton", spin)
        press(panel, "acceptButton", spin)
    assert under(scene, "case-b")
    assert bool(under(scene, "case-a")) is not bool(panel.ui.removeFinishedCheckBox.checked)


def heightAt(panel: Any, width: int) -> int:
    """How high the panel is at this width."""
    layout = panel._widgets.frame.layout()
    height = 0
    while height != layout.totalHeightForWidth(width):  # labels find theirs when the width is known
        height = layout.totalHeightForWidth(width)
        panel._widgets.frame.resize(width, height)
        panel.refresh()
    return int(height)


def disagreements() -> list[Any]:
    import slicer.util

    nodes = slicer.util.getNodesByClass("vtkMRMLLabelMapVolumeNode")
    return [node for node in nodes if node.GetAttribute("Gliomics.Map")]


def test_where_two_annotators_disagree_is_a_map_with_volumes_dice_and_distance(
    listed: Any, anna: Any, ben: Any, spin: Spin, scene: Any, redView: Any
) -> None:
    import slicer.util

    anna("case-a")
    ben("case-a", (slice(10, 20), slice(14, 26), slice(1, 4)))
    panel = listed()
    openStudy(panel, "case-a", spin)
    ui = panel.ui
    assert [ui.firstLabelSelector.currentText[:16], ui.secondLabelSelector.currentText[:14]] == [
        "final, version 1",
        "ben, version 1",
    ]
    press(panel, "disagreementButton", spin)
    (node,) = disagreements()
    array = slicer.util.arrayFromVolume(node).T
    assert [np.count_nonzero(array == value) for value in (1, 2, 3)] == [10 * 8 * 3, 10 * 2 * 3, 10 * 4 * 3]
    text = ui.disagreementText.text
    for words in ("both: 4.8 ml", "only final, version 1 (Anna Å): 1.2 ml", "only ben, version 1 (Ben): 2.4 ml"):
        assert words in text
    assert "Dice 0.73. Largest distance 8.0 mm: so far ben, version 1 (Ben) reaches beyond the other." in text
    assert heightAt(panel, 400) <= 750
    assert "case-a: final, version 1 against ben, version 1" in under(scene, "case-a")
    redView.JumpSliceByOffsetting(0, 0, -90)
    press(panel, "farthestButton", spin)
    assert redView.GetSliceToRAS().GetElement(2, 3) > 0
    assert not panel.selection.segmentation().GetDisplayNode().GetVisibility2D()
    press(panel, "disagreementButton", spin)
    assert disagreements() == []
    assert panel.selection.segmentation().GetDisplayNode().GetVisibility2D()
    press(panel, "disagreementButton", spin)
    select(panel, "case-d")
    assert (disagreements(), ui.disagreementArea.isHidden()) == ([], True), "they are not labels of that study"
    select(panel, "case-a")
    press(panel, "disagreementButton", spin)
    panel.ui.readButton.click()
    press(panel, "closeStudiesButton", spin)
    assert disagreements() == []
    assert not panel.review.disagreement._difference


def test_the_map_is_no_label_and_no_sequence(listed: Any, anna: Any, ben: Any, spin: Spin, fragile: Any) -> None:
    anna("case-a")
    ben("case-a", (slice(10, 20), slice(14, 26), slice(1, 4)))
    panel = listed()
    openStudy(panel, "case-a", spin)
    press(panel, "disagreementButton", spin)
    panel.ui.annotateButton.click()
    press(panel, "recogniseButton", spin)
    assert set(panel.model.selection.volumes) == {"flair", "t1"}
    press(panel, "submitButton", spin)
    assert fragile.client.label_history("case-a")[-1]["voxels"] == {"1": 300}


def test_labels_of_different_grids_are_refused_and_an_empty_one_is_said(
    listed: Any, anna: Any, ben: Any, fragile: FragileServer, spin: Spin, tmp_path: Path
) -> None:
    anna("case-c")
    array = np.zeros((20, 22, 6), np.uint8)
    array[5:9, 5:9, 2] = 1
    write_mask(Volume(array, np.diag([-4.0, 4.0, 5.0, 1.0])), tmp_path / "coarse.nii.gz")
    fragile.client.save_label("case-c", tmp_path / "coarse.nii.gz", tag="coarse")
    ben("case-d", None)
    anna("case-d")
    panel = listed()
    openStudy(panel, "case-c", spin)
    panel.ui.disagreementButton.click()
    spin(lambda: not panel.model.running)
    assert "final, version 1 has 40 x 44 x 6 voxels" in panel.model.message
    assert "coarse, version 1 has 20 x 22 x 6 voxels of 4 x 4 x 5 mm" in panel.model.message
    assert disagreements() == []
    assert not panel.ui.disagreementButton.checked
    openStudy(panel, "case-d", spin)
    press(panel, "disagreementButton", spin)
    assert "ben, version 1 (Ben) is empty: Dice 0, and no distance can be told." in panel.ui.disagreementText.text


STEPS = ("reviewListButton", "reviewOpenButton", "disagreementButton", "sendBackButton")


def test_the_server_goes_at_every_step_and_nothing_is_lost(
    listed: Any, anna: Any, ben: Any, fragile: FragileServer, spin: Spin
) -> None:
    anna("case-a")
    ben("case-a")
    panel = listed()
    openStudy(panel, "case-a", spin)
    panel.ui.reviewCommentEdit.text = "too small"
    before = shownRows(panel), panel.selection.segmentation(), panel.ui.sendBackButton.enabled

    def begin(button: str) -> None:
        getattr(panel.ui, button).click()
        spin(lambda: bool(panel.model.progressText))

    def nothingIsLost() -> None:
        isFree(panel, spin)
        assert (shownRows(panel), panel.selection.segmentation(), panel.ui.sendBackButton.enabled) == before
        assert panel.ui.reviewCommentEdit.text == "too small"
        assert not panel.ui.disagreementButton.checked

    for button in STEPS:
        fragile.freeze()
        begin(button)
        panel.ui.cancelButton.click()
        assert "cancelled" in panel.model.message
        fragile.goOn()
        nothingIsLost()
    press(panel, "disagreementButton", spin)
    press(panel, "disagreementButton", spin)
    fragile.freeze()
    begin("disagreementButton")
    fragile.kill()
    nothingIsLost()
    for button in STEPS:
        getattr(panel.ui, button).click()
        nothingIsLost()
        assert panel.model.state.value == "error"
        assert fragile.url in panel.model.message
