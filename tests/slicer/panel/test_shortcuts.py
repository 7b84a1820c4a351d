"""Keys: they press the panel's buttons while the module is chosen, and none is the Segment Editor's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from clicks import click, isPlacing, voxels
from inprocess import InProcessBackend
from panels import Spin, paint, paintOneSlice, press

ADD, REMOVE, NEXT_SLICE, SUBMIT_NEXT = "A", "D", "N", "Ctrl+Return"

Press = Callable[[str], None]


@pytest.fixture
def key(application: Any, spin: Spin) -> Iterator[Press]:
    """Presses keys in the main window, which is shown and active as the application's is."""
    import slicer.util
    from PySide6.QtGui import QKeySequence
    from PySide6.QtTest import QTest

    window = slicer.util.mainWindow()
    window.show()
    window.activateWindow()
    spin(lambda: window.isActiveWindow)

    def pressKey(name: str) -> None:
        combination = QKeySequence(name)[0]
        QTest.keyClick(window, combination.key(), combination.keyboardModifiers())

    yield pressKey
    window.hide()


@pytest.fixture
def entered(panel: Any, backend: InProcessBackend, redView: Any, spin: Spin, key: Press) -> Any:
    """The panel of the module that is chosen, with a segment and a model that corrects."""
    from RadiogenomicsLib.panel.facts import ANNOTATE

    backend.corrects = True
    panel.onMode(ANNOTATE)
    panel.enter()
    panel.ui.sliceCount.value = 3
    for button in ("connectButton", "nextStudyButton", "segmentButton"):
        press(panel, button, spin)
    import slicer.util

    slicer.util.mainWindow().activateWindow()
    spin(lambda: slicer.util.mainWindow().isActiveWindow)
    return panel


def test_keys_switch_adding_and_removing_on_and_off(entered: Any, key: Press) -> None:
    ui = entered.ui
    key(ADD)
    assert ui.addLesionButton.checked
    assert isPlacing()
    key(REMOVE)
    assert (ui.addLesionButton.checked, ui.removeLesionButton.checked) == (False, True)
    key(REMOVE)
    assert not isPlacing()


def test_a_key_goes_through_the_slices_that_were_asked_for(entered: Any, key: Press) -> None:
    rows = []
    for _ in range(4):
        key(NEXT_SLICE)
        rows.append(entered.ui.sliceList.currentRow)
    assert rows == [1, 2, 0, 1]


def test_the_system_s_keys_undo_and_redo_what_the_model_did(entered: Any, key: Press, spin: Spin) -> None:
    before = voxels(entered)
    click(entered, (3, 5, 1), lesion=True, spin=spin)
    after = voxels(entered)
    key("Ctrl+Z")
    assert np.array_equal(voxels(entered), before)
    key("Y")
    assert np.array_equal(voxels(entered), after)
    key("Z")
    assert np.array_equal(voxels(entered), before)


def test_a_key_submits_and_takes_the_next_study(
    entered: Any, backend: InProcessBackend, key: Press, spin: Spin
) -> None:
    entered.ui.wholeStudyCheckBox.click()
    paint(entered, paintOneSlice)
    backend.studyId = "glioma-02"
    key(SUBMIT_NEXT)
    spin(lambda: entered.labelling._round is None and not entered.model.running)
    assert [study for study, *_ in backend.submitted] == ["glioma-01"]
    assert entered.model.selection.studyId == "glioma-02"


def test_a_key_whose_button_cannot_be_pressed_says_why(panel: Any, key: Press) -> None:
    panel.enter()
    key(SUBMIT_NEXT)
    assert panel.model.message == "The key Ctrl+Return is for annotating: choose Annotate at the top first."
    panel.ui.annotateButton.click()
    key(ADD)
    assert panel.model.message.startswith("Connect to a server first.")
    key(NEXT_SLICE)
    assert "No slices were asked for" in panel.model.message


def test_after_leaving_the_module_no_key_does_anything_and_entering_brings_them_back(
    entered: Any, key: Press, spin: Spin
) -> None:
    key(ADD)
    entered.ui.segmentEditor.setActiveEffectByName("Threshold")
    entered.exit()
    assert not isPlacing()
    assert not entered.ui.addLesionButton.checked
    assert entered.ui.segmentEditor.activeEffect() is None
    assert entered.ui.segmentEditor.shortcutKeys() == []
    for name in (ADD, REMOVE, NEXT_SLICE, "1", "Z"):
        key(name)
    assert not isPlacing()
    assert entered.ui.segmentEditor.activeEffect() is None
    entered.enter()
    key(ADD)
    assert isPlacing()
    key("1")
    assert entered.ui.segmentEditor.activeEffect().name == "Threshold"
    assert not entered.ui.addLesionButton.checked, "an effect takes the mouse"


def test_entering_twice_takes_each_key_once(entered: Any, key: Press) -> None:
    entered.enter()
    entered.enter()
    key(ADD)
    assert entered.ui.addLesionButton.checked


def test_no_key_is_one_of_the_segment_editor_s(entered: Any) -> None:
    from PySide6.QtGui import QKeySequence

    own = {QKeySequence(key).toString() for key in (ADD, REMOVE, NEXT_SLICE)}
    own.add(QKeySequence(SUBMIT_NEXT).toString())
    assert own.isdisjoint(entered.ui.segmentEditor.shortcutKeys())
    assert len(entered.ui.segmentEditor.shortcutKeys()) > 30
