"""An error that nobody foresaw is shown in the panel, wherever it comes from: real MRML, stand-in widgets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from clicks import place
from inprocess import InProcessBackend
from panels import Spin, addVolume, idle, paint, paintOneSlice, state
from RadiogenomicsLib.server.volumes import OrientedImage

MESSAGE = "no such function in this version of 3D Slicer"


def broken(*arguments: Any, **options: Any) -> None:
    raise RuntimeError(MESSAGE)


@pytest.fixture
def isShown(caplog: pytest.LogCaptureFixture) -> Callable[[Any], bool]:
    """Whether the panel shows the error and can be used, and the log has its traceback."""
    caplog.set_level(logging.ERROR)

    def shown(panel: Any) -> bool:
        text = panel.ui.statusLabel.text
        assert state(panel) == "error"
        assert f"Unexpected RuntimeError: {MESSAGE}" in text
        assert "Ready." not in text
        assert "in broken" in caplog.text, "the log has the traceback"
        assert panel.ui.connectButton.enabled
        return True

    return shown


RESULTS = [
    ("nextStudyButton", "logic", "show"),
    ("nextStudyButton", "selection", "chooseVolumes"),
    ("segmentButton", "logic", "addSegmentation"),
    ("segmentButton", "selection", "chooseSegmentation"),
    ("computeButton", "parameters", "setReference"),
    ("submitButton", "model", "connected"),
]


@pytest.mark.parametrize(("button", "owner", "method"), RESULTS)
def test_an_error_in_what_a_result_is_for_is_shown(
    segmented: Any,
    spin: Spin,
    monkeypatch: pytest.MonkeyPatch,
    isShown: Callable[[Any], bool],
    button: str,
    owner: str,
    method: str,
) -> None:
    monkeypatch.setattr(getattr(segmented, owner), method, broken)
    getattr(segmented.ui, button).click()
    spin(idle(segmented))
    assert isShown(segmented)
    assert segmented.ui.segmentButton.enabled


def test_an_error_in_the_result_of_connecting_is_shown(
    panel: Any, spin: Spin, monkeypatch: pytest.MonkeyPatch, isShown: Callable[[Any], bool]
) -> None:
    monkeypatch.setattr(panel.model, "connected", broken)
    panel.ui.connectButton.click()
    spin(idle(panel))
    assert isShown(panel)


ACTIONS: list[tuple[str, str, Callable[[Any], None]]] = [
    ("selection", "images", lambda panel: panel.ui.segmentButton.click()),
    ("logic", "segmentMask", lambda panel: panel.ui.computeButton.click()),
    ("logic", "exportLabels", lambda panel: panel.ui.submitButton.click()),
    ("runner", "backend", lambda panel: panel.ui.nextStudyButton.click()),
    ("runner", "backend", lambda panel: panel.ui.connectButton.click()),
    ("runner", "start", lambda panel: panel.ui.segmentButton.click()),
    ("selection", "read", lambda panel: panel.ui.t1Selector.setCurrentNode(None)),
    ("model", "segmentEdited", lambda panel: paint(panel, paintOneSlice)),
    ("logic", "labelValues", lambda panel: panel.selection.segmentation().GetSegmentation().AddEmptySegment("", "a")),
]


@pytest.mark.parametrize(("owner", "method", "act"), ACTIONS)
def test_an_error_in_a_slot_is_shown(
    computed: Any,
    monkeypatch: pytest.MonkeyPatch,
    isShown: Callable[[Any], bool],
    owner: str,
    method: str,
    act: Callable[[Any], None],
) -> None:
    monkeypatch.setattr(getattr(computed, owner), method, broken)
    act(computed)
    assert isShown(computed)


def test_an_error_while_a_new_volume_is_recognised_is_shown(
    panel: Any, spin: Spin, monkeypatch: pytest.MonkeyPatch, flairImage: OrientedImage, isShown: Callable[[Any], bool]
) -> None:
    monkeypatch.setattr(panel.selection, "recogniseNewVolumes", broken)
    addVolume("a flair", flairImage)
    spin(lambda: state(panel) == "error")
    assert isShown(panel)


def test_an_error_beside_work_is_shown_at_once_and_after_the_work(
    withStudy: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.gate.clear()
    withStudy.ui.segmentButton.click()
    with monkeypatch.context() as patch:
        patch.setattr(withStudy.selection, "read", broken)
        withStudy.ui.t1Selector.setCurrentNode(None)
    assert state(withStudy) == "running", "the work goes on"
    assert MESSAGE in withStudy.ui.statusLabel.text
    backend.gate.set()
    spin(idle(withStudy))
    assert state(withStudy) == "error"
    assert MESSAGE in withStudy.ui.statusLabel.text
    assert "'glioma-01 segmentation_flair' was added." in withStudy.ui.statusLabel.text


def test_a_click_whose_answer_cannot_be_used_is_taken_back_and_not_sent_again(
    segmented: Any,
    backend: InProcessBackend,
    spin: Spin,
    monkeypatch: pytest.MonkeyPatch,
    isShown: Callable[[Any], bool],
) -> None:
    backend.corrects = True
    segmented.ui.connectButton.click()
    spin(idle(segmented))
    monkeypatch.setattr(segmented.logic, "replaceSegment", broken)
    segmented.ui.addLesionButton.click()
    place(segmented, (3, 3, 1))
    spin(lambda: len(backend.corrections) == 1 and not segmented.model.running)
    assert isShown(segmented)
    assert len(backend.corrections) == 1


def test_a_thread_that_does_not_start_leaves_the_panel_usable(
    withStudy: Any, monkeypatch: pytest.MonkeyPatch, isShown: Callable[[Any], bool]
) -> None:
    monkeypatch.setattr("RadiogenomicsLib.server.jobs.BackgroundJob.start", broken)
    withStudy.ui.segmentButton.click()
    assert isShown(withStudy)
    assert withStudy.ui.segmentButton.enabled


def test_an_error_of_the_message_line_itself_is_displayed_once(
    withStudy: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(withStudy.view, "show", broken)
    withStudy.ui.segmentButton.click()
    spin(lambda: len(backend.cases) == 1 and not withStudy.model.running)
    displayed = [record.message for record in caplog.records if record.name == "root"]
    assert len(displayed) == 1, "slicer.util.errorDisplay, which only logs where there is no main window"
    assert MESSAGE in displayed[0]


def test_work_that_succeeds_takes_the_last_error_away(
    withStudy: Any, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(withStudy.selection, "images", broken)
        withStudy.ui.segmentButton.click()
    assert state(withStudy) == "error"
    withStudy.ui.segmentButton.click()
    spin(idle(withStudy))
    assert state(withStudy) == "ready"
    assert MESSAGE not in withStudy.ui.statusLabel.text


def test_every_method_that_qt_or_the_scene_calls_shows_its_errors(computed: Any) -> None:
    widgets = [widget for widget in vars(computed.ui).values() if hasattr(widget, "_connections")]
    slots = [slot for widget in widgets for _, slot, _ in widget._connections if hasattr(slot, "__self__")]
    placement = computed.correction._tools["Click"]
    subscriptions = (computed.subscriptions, computed._segmentationEvents, placement.subscriptions)
    observers = [slot for each in (*subscriptions, *placement._nodeEvents.values()) for slot in each.slots]
    observers = [slot for slot in observers if hasattr(slot, "__self__")]
    ours = [slot for slot in (*slots, *observers) if type(slot.__self__).__module__.startswith("RadiogenomicsLib")]
    assert len(ours) > 20
    assert {slot.__qualname__ for slot in ours if not hasattr(slot, "__wrapped__")} == set()


def test_a_slot_gets_no_more_arguments_than_it_takes(connected: Any) -> None:
    connected.connection.onConnect(True, "surplus")
    connected.connection.onAddress("http://127.0.0.1:8001", "surplus")
    assert connected.model.url == "http://127.0.0.1:8001"
