"""The stand-ins refuse what the real widgets do not have."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("scene")

UI = """<ui version="4.0"><class>Form</class><widget class="qMRMLWidget" name="Form">
<layout class="QVBoxLayout" name="layout"><item><widget class="{cls}" name="child">{property}</widget></item></layout>
</widget><connections>{connection}</connections></ui>"""
CONNECTION = (
    "<connection><sender>Form</sender><signal>{signal}</signal><receiver>{receiver}</receiver>"
    "<slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"
)
NODE_COMBO = "qMRMLNodeComboBox"


def load(folder: Path, cls: str = NODE_COMBO, property: str = "", connection: str = "") -> Any:
    import slicer.util

    path = folder / "form.ui"
    path.write_text(UI.format(cls=cls, property=property, connection=connection))
    return slicer.util.loadUI(str(path))


def test_the_libraries_are_of_the_version_that_was_asked_for() -> None:
    import slicer

    version = importlib.metadata.version("slicer-core")
    assert version.startswith(os.environ.get("SLICER_CORE", "5.13") + ".")
    assert Path(slicer.__file__).parents[1] == Path(str(importlib.metadata.distribution("slicer-core").locate_file("")))


def test_an_unknown_attribute_cannot_be_set() -> None:
    import qt

    with pytest.raises(AttributeError, match="QLabel has no attribute 'txt'"):
        qt.QLabel().txt = "hello"


def test_a_method_cannot_be_assigned() -> None:
    import qt

    with pytest.raises(AttributeError, match="is a method"):
        qt.QComboBox().addItem = "hello"


def test_an_unknown_class_raises() -> None:
    import qt

    with pytest.raises(AttributeError):
        qt.QCalendarWidget  # noqa: B018


def test_an_unknown_signal_cannot_be_connected() -> None:
    import qt

    with pytest.raises(AttributeError, match=r"QPushButton has no signal 'clickd\(bool\)'"):
        qt.QPushButton().connect("clickd(bool)", lambda: None)


def test_a_slot_gets_no_more_arguments_than_it_takes() -> None:
    import qt

    calls: list[Any] = []
    button = qt.QPushButton()
    button.connect("clicked(bool)", lambda: calls.append("none"))
    button.connect("clicked(bool)", lambda checked: calls.append(checked))
    button.click()
    assert calls == ["none", False]


def test_properties_are_attributes() -> None:
    import qt

    label = qt.QLabel()
    label.text = "hello"
    assert label.text == "hello"
    assert label.metaObject().className()


def test_a_ui_file_with_an_unknown_widget_raises(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="'qMRMLNodeCombo' of 'child' has no stand-in"):
        load(tmp_path, cls="qMRMLNodeCombo")


def test_a_ui_file_with_an_unknown_property_raises(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="has no property b'noneEnable'"):
        load(tmp_path, property='<property name="noneEnable"><bool>true</bool></property>')


@pytest.mark.parametrize(
    ("signal", "receiver", "message"),
    [
        ("mrmlSceneChanged(vtkMRMLScene*)", "chld", "unknown widgets"),
        ("mrmlSceneChange(vtkMRMLScene*)", "child", "has no signal"),
    ],
)
def test_a_ui_file_with_a_wrong_connection_raises(tmp_path: Path, signal: str, receiver: str, message: str) -> None:
    with pytest.raises((RuntimeError, AttributeError), match=message):
        load(tmp_path, connection=CONNECTION.format(signal=signal, receiver=receiver))


def test_a_selector_that_the_ui_file_does_not_connect_stays_without_a_scene(tmp_path: Path, scene: Any) -> None:
    form = load(tmp_path)
    form.setMRMLScene(scene)
    (child,) = [w for w in form.children() if getattr(w, "name", "") == "child"]
    assert not child.enabled


def test_a_removed_node_is_replaced_by_its_neighbour_in_a_selector(scene: Any) -> None:
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(scene)
    first, second = (slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)), name=name) for name in ("a", "b"))
    selector.setCurrentNode(second)
    scene.RemoveNode(second)
    assert selector.currentNode() is first


def test_a_dialog_that_the_test_did_not_expect_raises() -> None:
    import slicer.util

    with pytest.raises(AssertionError, match="did not expect: Really"):
        slicer.util.confirmYesNoDisplay("Really?")


def test_a_dialog_takes_the_answer_that_the_test_prepared() -> None:
    import qt
    import slicer.util
    from harness.ctk import ctkMessageBox

    ctkMessageBox.answers = [qt.QMessageBox.No]
    assert slicer.util.confirmYesNoDisplay("Really?") is False
    assert ctkMessageBox.shown == ["Really?"]
