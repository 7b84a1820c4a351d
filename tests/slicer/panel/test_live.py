"""Reading live: the estimate follows the segment by itself, and never stands in the way of anything else."""

from __future__ import annotations

from typing import Any

import pytest
from inprocess import InProcessBackend
from panels import Spin, idle, paint, paintOneSlice, useRemote


@pytest.fixture
def live(computed: Any) -> Any:
    computed.ui.liveCheckBox.click()
    return computed


def volume(panel: Any) -> float:
    return float(panel.model.result.analysis.features.values["original_shape_VoxelVolume"])


def isCurrent(panel: Any) -> Any:
    return lambda: not panel.model.running and panel.model.staleness == ""


def test_switched_on_it_reads_a_segment_that_was_not_read_yet(segmented: Any, spin: Spin) -> None:
    segmented.ui.liveCheckBox.click()
    spin(lambda: segmented.model.result is not None)
    assert "Live" in segmented.ui.resultHeading.text


def test_several_edits_in_a_row_are_one_reading(live: Any, backend: InProcessBackend, spin: Spin) -> None:
    before, count = volume(live), len(backend.cases)
    paint(live, paintOneSlice)
    paint(live, lambda array: array[5].fill(0))
    spin(lambda: volume(live) > before)
    assert len(backend.cases) == count + 1
    assert live.model.staleness == ""


def test_an_edit_drops_the_answer_that_is_awaited_and_never_two_are_asked_at_once(
    live: Any, backend: InProcessBackend, spin: Spin
) -> None:
    backend.gate.clear()
    calls, count = backend.calls, len(backend.cases)
    paint(live, paintOneSlice)
    spin(lambda: backend.calls == calls + 1)
    assert live.ui.resultHeading.text == "\u25cf Live: updating\u2026"
    paint(live, lambda array: array[0].fill(1))
    assert live.model.running == ""
    spin(lambda: backend.calls == calls + 2)
    assert backend.interrupted.is_set() is False, "the first had ended before the second was asked"
    backend.gate.set()
    spin(isCurrent(live))
    assert len(backend.cases) == count + 1


def test_while_a_mouse_button_is_down_nothing_is_asked(
    live: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qt

    monkeypatch.setattr(qt.QApplication, "mouseButtons", staticmethod(lambda: qt.Qt.LeftButton))
    looks, calls = 0, backend.calls
    start = live.reading._liveTimer.start

    def counted() -> None:
        nonlocal looks
        looks += 1
        start()

    monkeypatch.setattr(type(live.reading._liveTimer), "start", lambda self: counted())
    paint(live, paintOneSlice)
    spin(lambda: looks >= 4)
    assert backend.calls == calls
    monkeypatch.undo()
    spin(isCurrent(live))
    assert backend.calls == calls + 1


def test_other_work_does_not_wait_for_it(live: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.gate.clear()
    calls = backend.calls
    paint(live, paintOneSlice)
    spin(lambda: backend.calls > calls)
    assert live.model.running == "Read segment"
    assert live.ui.segmentButton.enabled
    assert not live.ui.progressRow.visible, "nothing jumps while the user draws"
    live.ui.segmentButton.click()
    assert live.model.running == "Auto segment"
    backend.gate.set()
    spin(isCurrent(live))
    assert live.model.result.selection.segmentation == "glioma-01 segmentation_flair_1", "then it reads the new one"


def test_annotating_reads_nothing(live: Any, backend: InProcessBackend, spin: Spin) -> None:
    live.ui.annotateButton.click()
    calls = backend.calls
    paint(live, paintOneSlice)
    live.reading.liveUpdate()
    assert (live.model.running, backend.calls) == ("", calls)
    live.ui.readButton.click()
    spin(isCurrent(live))


def test_a_failure_is_said_once_beside_the_reading(live: Any, backend: InProcessBackend, spin: Spin) -> None:
    from inprocess import Refusal

    backend.error = Refusal("the server is out of memory")
    calls = backend.calls
    paint(live, paintOneSlice)
    spin(lambda: live.model.state.value == "error")
    assert "out of memory" in live.ui.statusLabel.text
    assert live.ui.statusArea.parent() is live.ui.resultsContents
    assert backend.calls == calls + 1


def test_it_never_asks_for_consent(computed: Any, backend: InProcessBackend, spin: Spin) -> None:
    useRemote(computed, spin)
    computed.ui.liveCheckBox.click()
    paint(computed, paintOneSlice)
    count = len(backend.cases)
    computed.reading.liveUpdate()
    assert computed.model.running == ""
    assert len(backend.cases) == count


def test_the_reading_before_the_edits_is_kept_and_compared_with(live: Any, spin: Spin) -> None:
    first = live.model.result.analysis.reading
    for fill in (lambda array: array[0].fill(1), lambda array: array[1].fill(1)):
        paint(live, fill)
        spin(isCurrent(live))
    assert live.model.history.compared.reading == first, "not the one between two strokes"
    assert len(live.model.history.others) == 1
    live.ui.changesButton.click()
    text = live.ui.changesLabel.text
    assert text.index("Volume") < text.index("Key features") < text.index("Mean on FLAIR"), "what changed of each"


def test_the_user_compares_with_another_segment_s_reading(computed: Any, spin: Spin) -> None:
    assert not computed.ui.changesButton.enabled
    computed.ui.segmentButton.click()
    spin(idle(computed))
    paint(computed, paintOneSlice)
    computed.ui.computeButton.click()
    spin(idle(computed))
    assert computed.ui.changesButton.enabled
    computed.ui.changesButton.click()
    assert computed.ui.changesLabel.text == "", "nothing is compared that the user did not choose"
    computed.ui.compareSelector.setCurrentIndex(1)
    assert "Volume" in computed.ui.changesLabel.text
    computed.ui.compareSelector.setCurrentIndex(0)
    assert computed.ui.changesLabel.text == ""
