"""Trainings that take longer: one that compares, one that fails, and one whose server is killed and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import EXTENSION
from panels import Spin, jobThreads, press
from trainingserver import FAILING_MODEL, MODEL, SLOW_MODEL, TrainingServer, choose, connectAs

LABELLED = 6


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingServer]:
    server = TrainingServer(tmp_path_factory.mktemp("trainings") / "studies", labelled=LABELLED)
    yield server
    server.stop()


@pytest.fixture
def managing(scene: Any, server: TrainingServer, spin: Spin) -> Iterator[Any]:
    """Anna's panel under *Manage*, as a user has it, with the application's views."""
    from harness.application import loadModule, openPanel
    from harness.views import Screen

    screen = Screen(scene)
    widget = openPanel(loadModule(EXTENSION / "Radiogenomics.py"))
    connectAs(widget.panel, server, "Anna", spin)
    spin(lambda: widget.panel.model.learning.versions != ())
    yield widget.panel
    widget.cleanup()
    screen.close()
    assert jobThreads() == []


def cells(panel: Any) -> list[list[str]]:
    table = panel.ui.versionsTable
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]


def test_comparison_is_shown_from_its_beginning_to_its_verdict(managing: Any, spin: Spin) -> None:
    facts, ui = managing.model.learning, managing.ui
    choose(managing, MODEL)
    spin(lambda: len(facts.versions) == 2)
    before = facts.official.number
    press(managing, "trainButton", spin)
    assert ui.statusLabel.text.endswith(f"The training of '{MODEL}' began.")
    spin(lambda: facts.isRunning)
    assert ui.trainingLabel.text.startswith("Training for Anna since ")
    assert not ui.trainButton.enabled
    assert ui.stopTrainingButton.enabled
    assert managing.model.running == "", "nobody waits for it"
    assert ui.connectButton.enabled
    spin(lambda: ui.curveButton.enabled, seconds=120)
    assert ui.trainingBar.maximum == 100
    assert "of 32" in ui.trainingLabel.text
    ui.curveButton.click()
    spin(lambda: facts.training.running is None and len(facts.versions) == 3, seconds=300)
    made, published = facts.training.progress.version, facts.training.progress.published
    assert f"version {made} is " in ui.verdictLabel.text.lower()
    assert f"version {before}" in ui.verdictLabel.text
    assert ("and is in use now" in ui.verdictLabel.text) == published
    assert f"on {LABELLED} patients new to both" in ui.verdictLabel.text
    assert facts.training.progress.reason.split(";")[0][1:] in ui.verdictInfoText.text
    assert not ui.trainingBar.visible
    newest, _, shipped = cells(managing)
    assert newest[0] == (f"{made} (in use)" if published else made)
    assert (newest[2], shipped[2]) == (str(LABELLED), "82")
    ui.versionsTable.selectRow(0)
    assert f"from version {before}; it learned from {LABELLED} patients" in ui.versionLabel.text
    assert not ui.publishButton.visible
    curveIsDrawn(managing)


def curveIsDrawn(panel: Any) -> None:
    """Lines with a gap between each two of four trainings, gone when the button is released."""
    import slicer
    import slicer.util
    from RadiogenomicsLib.scene.display.curve import CURVE_CHART

    chart = slicer.util.getNode(CURVE_CHART)
    names = [chart.GetNthPlotSeriesNode(index).GetName() for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert names == ["loss", "Dice"]
    curve = panel.model.learning.training.progress.curve
    losses = slicer.util.arrayFromTableColumn(chart.GetNthPlotSeriesNode(0).GetTableNode(), "y")
    assert len(losses) == len(curve) + 3
    assert {epoch.run for epoch in curve} == {1, 2, 3, 4}
    assert not chart.GetSaveWithScene()
    panel.ui.curveButton.click()
    assert slicer.mrmlScene.GetFirstNodeByName(CURVE_CHART) is None
    assert not panel.ui.curveButton.checked


def test_training_that_failed_says_why_and_what_to_do(managing: Any, spin: Spin) -> None:
    facts = managing.model.learning
    choose(managing, FAILING_MODEL)
    spin(lambda: facts.training is not None)
    press(managing, "trainButton", spin)
    spin(lambda: facts.training.progress.state == "failed" and facts.training.running is None, seconds=120)
    text = managing.ui.trainingLabel.text
    assert text.startswith("The training failed: no labelled study can be trained on")
    assert "has no sequence 't2'" in text
    assert text.endswith("Mend that, then press Train again.")
    assert managing.ui.trainButton.enabled


def test_server_killed_during_a_training_is_picked_up_when_it_is_back(
    managing: Any, server: TrainingServer, spin: Spin
) -> None:
    facts = managing.model.learning
    choose(managing, SLOW_MODEL)
    spin(lambda: facts.training is not None)
    press(managing, "trainButton", spin)
    spin(lambda: facts.training.progress.state == "running", seconds=120)
    server.kill()
    spin(lambda: facts.silence != "")
    assert managing.ui.trainingLabel.text.startswith("No answer since ")
    assert managing.ui.trainingLabel.text.endswith("A training ends with its server.")
    assert managing.ui.connectButton.enabled
    server.start()
    spin(lambda: facts.training.progress.state == "interrupted", seconds=60)
    assert managing.ui.trainingLabel.text == (
        "The training did not end: the training process ended before it was done. The model is as before; Train begins "
        "anew."
    )
    assert managing.ui.trainButton.enabled


def test_another_panel_shows_the_training_that_this_one_began(
    managing: Any, server: TrainingServer, spin: Spin
) -> None:
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
    from RadiogenomicsLib.server.backends import ServerBackend

    choose(managing, SLOW_MODEL)
    spin(lambda: managing.model.learning.training is not None)
    press(managing, "trainButton", spin)
    managing.cleanup()
    later = RadiogenomicsPanel(loadWidgets(EXTENSION / "Resources" / "UI"), RadiogenomicsLogic(), ServerBackend)
    connectAs(later, server, "Ben", spin)
    choose(later, SLOW_MODEL)
    spin(lambda: later.model.learning.isRunning)
    assert later.ui.trainingLabel.text.startswith("Training for Anna since ")
    spin(lambda: later.model.learning.training.running.hasBegun, seconds=60)
    press(later, "stopTrainingButton", spin)
    later.cleanup()
