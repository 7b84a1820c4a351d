"""The panel's ``.ui`` files: one for each section, put together without losing a name or the scene."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION
from RadiogenomicsLib.panel.uifiles import FRAME, SECTIONS, loadWidgets

FOLDER = EXTENSION / "Resources" / "UI"
FILES = sorted(FOLDER.glob("*.ui"))


def test_every_file_is_loaded() -> None:
    assert sorted(path.stem for path in FILES) == sorted((FRAME, *SECTIONS))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400


def test_no_two_widgets_share_a_name() -> None:
    names = Counter(
        element.get("name")
        for path in FILES
        for element in ElementTree.parse(path).iter()
        if element.tag in ("widget", "layout", "spacer")
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_selector_of_a_section_gets_its_scene(path: Path) -> None:
    document = ElementTree.parse(path)
    selectors = {
        element.get("name")
        for element in document.iter("widget")
        if element.get("name") != "segmentEditor"  # it needs its own node before the scene
        and element.get("class") in ("qMRMLNodeComboBox", "qMRMLSegmentSelectorWidget", "qMRMLSegmentEditorWidget")
    }
    assert selectors == {element.text for element in document.iter("receiver")}


def test_the_sections_are_in_the_frame_in_their_order_and_take_the_scene(scene: Any) -> None:
    widgets = loadWidgets(FOLDER)
    layout = widgets.byName.sectionsArea.layout()
    shown = [layout.itemAt(place).widget() for place in range(layout.count())]
    assert shown == [widgets.sections[name] for name in SECTIONS]
    assert not widgets.byName.flairSelector.enabled
    widgets.setScene(scene)
    for selector in (widgets.byName.t2Selector, widgets.byName.segmentSelector):
        assert selector.mrmlScene() is scene
    widgets.setScene(None)
    assert widgets.byName.t2Selector.mrmlScene() is None
