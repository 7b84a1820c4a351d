"""A study goes into the scene volume by volume, between which the event loop has its turn: all of it, or none."""

from __future__ import annotations

import time
from typing import Any

import pytest
from inprocess import InProcessBackend
from panels import Spin, addVolume, idle, state, tree
from RadiogenomicsLib.server.volumes import OrientedImage


def volumeNames() -> list[str]:
    import slicer

    return sorted(node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))


@pytest.fixture
def halfLoaded(connected: Any, application: Any) -> Any:
    """The panel with the first of a study's two volumes in the scene."""
    connected.ui.nextStudyButton.click()
    deadline = time.monotonic() + 20
    while not volumeNames() and time.monotonic() < deadline:
        application.processEvents()  # without a time, or a slow machine's timer fires twice in it
        time.sleep(0.002)
    assert len(volumeNames()) == 1
    assert state(connected) == "running"
    return connected


def test_cancelling_takes_the_volumes_out_again(halfLoaded: Any, scene: Any, spin: Spin) -> None:
    halfLoaded.ui.cancelButton.click()
    assert volumeNames() == []
    assert tree(scene) == {}
    assert "Next study: cancelled." in halfLoaded.ui.statusLabel.text
    halfLoaded.ui.nextStudyButton.click()
    spin(idle(halfLoaded))
    assert volumeNames() == ["glioma-01 FLAIR", "glioma-01 T1"]


def test_closing_the_scene_loads_no_more(halfLoaded: Any, scene: Any, application: Any, spin: Spin) -> None:
    scene.Clear(False)
    assert not halfLoaded.model.running
    spin(lambda: not halfLoaded.runner._pollTimer.active)
    assert volumeNames() == []


def test_a_volume_loaded_meanwhile_is_kept_and_the_study_is_chosen(
    halfLoaded: Any, scene: Any, flairImage: OrientedImage, spin: Spin
) -> None:
    addVolume("mine t2", flairImage)
    spin(idle(halfLoaded))
    assert volumeNames() == ["glioma-01 FLAIR", "glioma-01 T1", "mine t2"]
    assert halfLoaded.ui.flairSelector.currentNode().GetName() == "glioma-01 FLAIR"
    assert halfLoaded.ui.t1Selector.currentNode().GetName() == "glioma-01 T1"


def test_what_fails_on_the_way_is_said_and_the_panel_is_free(
    halfLoaded: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError("no memory for another volume")

    monkeypatch.setattr(halfLoaded.logic, "addHiddenVolume", broken)
    spin(idle(halfLoaded))
    assert "no memory for another volume" in halfLoaded.ui.statusLabel.text
    assert state(halfLoaded) == "error"
    assert halfLoaded.ui.nextStudyButton.enabled
