"""What users are used to: every button explains itself, Tab goes from top to bottom, keys are in the help."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION

FOLDER = EXTENSION / "Resources" / "UI"
FILES = sorted(FOLDER.glob("*.ui"))
BUTTONS = {"QPushButton", "QToolButton", "QCheckBox", "QRadioButton"}
INPUTS = {
    "QComboBox",
    "QLineEdit",
    "QListWidget",
    "QPlainTextEdit",
    "QSlider",
    "QSpinBox",
    "QTableView",
    "QTableWidget",
    "QTextEdit",
    "QTreeWidget",
    "qMRMLNodeComboBox",
    "qMRMLSegmentSelectorWidget",
    "qMRMLTableView",
}
PANEL_MD = EXTENSION.parents[1] / "docs" / "reference" / "slicer.md"


def widgets(path: Path, classes: set[str]) -> list[ElementTree.Element]:
    return [widget for widget in ElementTree.parse(path).iter("widget") if widget.get("class") in classes]


def properties(widget: ElementTree.Element) -> dict[str, str]:
    return {item.get("name", ""): "".join(item.itertext()).strip() for item in widget.findall("property")}


def test_every_button_of_the_panel_says_what_it_does(panel: Any) -> None:
    names = [widget.get("name", "") for path in FILES for widget in widgets(path, BUTTONS)]
    assert len(names) > 20
    assert [name for name in names if not getattr(panel.ui, name).toolTip] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tab_goes_through_a_section_in_its_order(path: Path) -> None:
    names = [widget.get("name") for widget in widgets(path, BUTTONS | INPUTS)]
    assert [item.text for item in ElementTree.parse(path).iter("tabstop")] == names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_input_has_a_label_or_a_name_for_those_who_hear_the_panel(path: Path) -> None:
    labels = [properties(widget) for widget in widgets(path, {"QLabel"})]
    buddies = {label["buddy"] for label in labels if "buddy" in label}
    nameless = [
        widget.get("name")
        for widget in widgets(path, INPUTS)
        if widget.get("name") not in buddies and "accessibleName" not in properties(widget)
    ]
    assert nameless == []
    assert [label["text"] for label in labels if label.get("text", "").endswith(":") and "buddy" not in label] == []


def test_no_two_labels_of_an_arrangement_share_their_letter() -> None:
    from RadiogenomicsLib.panel.view import arrangement

    letters = {
        path.stem: re.findall(
            r"&(\w)", " ".join(properties(widget).get("text", "") for widget in widgets(path, {"QLabel"}))
        )
        for path in FILES
    }
    for sections in (arrangement._ANNOTATING, arrangement._WITH_RESULT, arrangement._MANAGING):
        pressed = [letter.lower() for section in sections for letter in letters[section]]
        assert sorted(pressed) == sorted(set(pressed)), sections


def test_every_key_is_in_the_help_and_in_the_documentation(panel: Any, scene: Any) -> None:
    import slicer
    from harness.application import loadModule

    loadModule(EXTENSION / "Radiogenomics.py")
    text, page = slicer.modules.radiogenomics.helpText, PANEL_MD.read_text(encoding="utf-8")
    keys = list(panel.shortcuts._actions)
    assert len(keys) >= 4
    assert [key for key in keys if f"<b>{key}</b>" not in text] == []
    (table,) = re.findall(r"\| key \| what it does \|\n(.*?)\n\n", page, re.DOTALL)
    assert [key for key in keys if key not in re.findall(r"[\w+]+", table)] == []
