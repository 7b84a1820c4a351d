"""The section *Learn* and the studies with annotators, on a real server: train, stop, publish, give back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import EXTENSION
from panels import Spin, chooseAtRandom, idle, jobThreads, press
from trainingserver import MODEL, SLOW_MODEL, TrainingServer, choose, connectAs


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingServer]:
    """With three labelled patients: too few to compare, so that a training is one and not four."""
    server = TrainingServer(tmp_path_factory.mktemp("learning") / "studies", labelled=3)
    yield server
    server.stop()


@pytest.fixture
def managing(scene: Any, server: TrainingServer, spin: Spin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Anna's panel under *Manage*, connected; it asks more often than a user's."""
    from RadiogenomicsLib.panel.manage import watcher
    from RadiogenomicsLib.panel.uifiles import loadWidgets
    from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
    from RadiogenomicsLib.server.backends import ServerBackend
    from shiboken6 import delete

    monkeypatch.setattr(watcher, "WATCH_MS", 100)
    widgets = loadWidgets(EXTENSION / "Resources" / "UI")
    panel = RadiogenomicsPanel(widgets, RadiogenomicsLogic(), ServerBackend)
    widgets.frame.show()
    connectAs(panel, server, "Anna", spin)
    choose(panel, MODEL)
    spin(lambda: panel.model.learning.versions != ())
    yield panel
    panel.cleanup()
    delete(widgets.frame)
    assert jobThreads() == []


def cells(panel: Any) -> list[list[str]]:
    table = panel.ui.versionsTable
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]


def leases(panel: Any) -> list[str]:
    return [panel.ui.leaseList.item(row).text() for row in range(panel.ui.leaseList.count)]


# Training


def test_before_a_training_it_is_said_on_how_many_studies_it_would_be(managing: Any) -> None:
    assert managing.ui.basisLabel.text == "3 studies are labelled."
    assert managing.ui.trainButton.enabled
    assert not managing.ui.stopTrainingButton.enabled
    assert managing.ui.stopTrainingButton.toolTip == "No training runs."
    assert not managing.ui.curveButton.enabled
    choose(managing, "subtype_idh")
    assert managing.ui.basisLabel.text == ""


def test_subtype_model_without_a_table_of_outcomes_says_what_is_missing(managing: Any, spin: Spin) -> None:
    choose(managing, "subtype_idh")
    spin(lambda: managing.model.learning.training is not None)
    assert not managing.ui.trainButton.enabled
    assert "the studies folder has no genomics.csv; put a table there" in managing.ui.trainHint.text


def test_training_of_somebody_else_is_shown_as_such_and_may_be_stopped(
    managing: Any, server: TrainingServer, spin: Spin
) -> None:
    server.client("Ben").train(SLOW_MODEL, {"max_epochs": 200})
    spin(lambda: managing.model.learning.training.running is not None)
    assert f"The model {SLOW_MODEL} is being trained for Ben since " in managing.ui.trainingLabel.text
    assert managing.ui.trainButton.toolTip == "A training runs already: wait for it, or stop it."
    managing.onMode("annotate")
    managing.onMode("manage")
    choose(managing, SLOW_MODEL)
    spin(lambda: managing.model.learning.isRunning)
    spin(lambda: managing.model.learning.training.progress.state == "running", seconds=60)
    assert managing.ui.trainingLabel.text.startswith("Training for Ben since ")
    press(managing, "stopTrainingButton", spin)
    spin(lambda: managing.model.learning.training.progress.state == "interrupted", seconds=60)
    line = "The training did not end: stopped by Anna. The model is as before; Train begins anew."
    assert managing.ui.trainingLabel.text == line
    assert managing.ui.trainButton.enabled


def test_one_that_began_meanwhile_is_refused_in_the_server_s_words(
    managing: Any, server: TrainingServer, spin: Spin
) -> None:
    managing.learning._watcher.stop()  # what the panel knows is old, as between two answers
    server.client("Ben").train(SLOW_MODEL)
    managing.ui.trainButton.click()
    spin(idle(managing))
    assert "a training is running already; wait for it, stop it" in managing.ui.statusLabel.text.lower()
    server.client("Ben").stop_training()


# Versions


def test_version_that_served_is_put_in_use_again_with_a_reason(
    managing: Any, server: TrainingServer, spin: Spin
) -> None:
    facts, ui = managing.model.learning, managing.ui
    official, shipped = facts.official.number, facts.versions[-1].number
    ui.versionsTable.selectRow(len(facts.versions) - 1)
    assert ui.publishButton.text == f"Publish version {shipped}"
    assert f"version {shipped} serves instead of version {official}. Nothing is removed." in ui.publishHint.text
    assert not ui.publishButton.enabled
    assert ui.publishButton.toolTip == "Say why, for the record."
    ui.publishReasonEdit.insert("it draws ventricles")
    press(managing, "publishButton", spin)
    spin(lambda: facts.official is not None and facts.official.number == shipped)
    assert server.client("Ben").info()["models"][MODEL]["version"] == shipped
    assert "it draws ventricles (Anna)" in ui.versionLabel.text
    assert ui.publishReasonEdit.text == ""
    server.client("Ben").rollback_model(MODEL, official)


# Studies with annotators


def test_studies_with_annotators_are_listed_and_given_back(managing: Any, server: TrainingServer, spin: Spin) -> None:
    anna, ben = server.client("Anna"), server.client("Ben")
    studies = [anna.next_sample("first")["id"], ben.next_sample("first")["id"]]
    spin(lambda: len(leases(managing)) == 2)
    assert managing.ui.leasesRoom.text == "2 studies are with annotators"
    managing.ui.leasesRoom.collapsed = False
    assert [line.rsplit(" ", 1)[0] for line in leases(managing)] == [
        f"{studies[0]}: you, until",
        f"{studies[1]}: Ben, until",
    ]
    assert managing.ui.releaseButton.toolTip == "Choose a study in the list."
    for _ in studies:
        managing.ui.leaseList.setCurrentRow(0)
        press(managing, "releaseButton", spin)
        spin(lambda: managing.model.learning.leases == () or len(leases(managing)) == 1)
    spin(lambda: leases(managing) == [])
    assert ben.leases() == []


def test_study_that_somebody_else_has_is_announced(managing: Any, server: TrainingServer, spin: Spin) -> None:
    for user in ("Ben", "Cleo"):
        server.client(user).next_sample("first")
    managing.ui.annotateButton.click()
    managing.ui.strategySelector.setCurrentIndex(managing.ui.strategySelector.findData("first"))
    press(managing, "nextStudyButton", spin)
    assert "Ben has this study until " in managing.ui.statusLabel.text
    for lease in server.client("Anna").leases():
        server.client("Anna").release(lease["image"])


def test_study_is_opened_for_review_with_a_word_about_who_labels_it(
    managing: Any, server: TrainingServer, spin: Spin
) -> None:
    study = server.client("Ben").next_sample("first")["id"]
    press(managing, "reviewListButton", spin)
    rows = managing.review._table
    rows.select(study)
    press(managing, "reviewOpenButton", spin)
    assert "Ben has this study until " in managing.ui.statusLabel.text
    server.client("Ben").release(study)


# Polls and jobs


def test_asking_again_and_again_disturbs_no_work(managing: Any, server: TrainingServer, spin: Spin) -> None:
    answers: list[Any] = []
    hear = managing.learning._watcher._onAnswer
    managing.learning._watcher._onAnswer = lambda outlook: (answers.append(outlook), hear(outlook))
    chooseAtRandom(managing)
    managing.ui.nextStudyButton.click()
    titles: set[str] = set()

    def isOver() -> bool:
        titles.add(managing.model.running)
        return not managing.model.running and len(answers) > 1

    spin(isOver, seconds=60)
    assert titles == {"Next study", ""}, "no answer is work"
    assert managing.model.state.value != "error", managing.model.message
    assert managing.selection.volumes() != {}
    for lease in server.client("Anna").leases():
        server.client("Anna").release(lease["image"])


# Roles


def test_token_without_the_role_is_told_so(managing: Any, server: TrainingServer, spin: Spin) -> None:
    connectAs(managing, server, "Cleo", spin)
    reason = (
        "Your token is for the role 'annotator', and this needs 'trainer': ask whoever runs the server for another."
    )
    assert not managing.ui.trainButton.enabled
    assert managing.ui.trainHint.text == reason
    managing.learning.onTrain()
    assert managing.model.message == reason
    choose(managing, MODEL)
    spin(lambda: cells(managing) != [])
    lease = server.client("Ben").next_sample("first")["id"]
    spin(lambda: leases(managing) != [])
    managing.ui.leasesRoom.collapsed = False
    managing.ui.leaseList.setCurrentRow(0)
    managing.ui.releaseButton.click()
    spin(idle(managing))
    assert "Cleo is annotator here; this needs the role trainer" in managing.ui.statusLabel.text
    server.client("Ben").release(lease)


def test_token_that_was_taken_back_is_told_in_the_section(managing: Any, server: TrainingServer, spin: Spin) -> None:
    managing.ui.tokenEdit.insert("x")
    spin(lambda: managing.model.learning.silence != "")
    assert managing.ui.trainingLabel.text.startswith(
        "The server refuses this token: it is mistyped, or was taken back."
    )


# A server that does not answer


def test_server_that_hangs_is_asked_again_and_again(
    managing: Any, server: TrainingServer, spin: Spin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from RadiogenomicsLib.server import learning

    monkeypatch.setattr(learning, "PATIENCE", 0.5)
    managing.ui.annotatorEdit.insert("Anna")  # another name is another question, with the patience of now
    with server.frozen():
        spin(lambda: "No answer since " in managing.ui.trainingLabel.text)
        assert "did not answer within 0.5 s. It is asked again every few seconds." in managing.ui.trainingLabel.text
        assert managing.ui.connectButton.enabled
    spin(lambda: managing.model.learning.silence == "")
    assert "No answer" not in managing.ui.trainingLabel.text


def test_cancelled_training_may_have_begun(managing: Any, server: TrainingServer, spin: Spin) -> None:
    with server.frozen():
        managing.ui.trainButton.click()
        assert managing.model.running == "Train"
        spin(lambda: managing.ui.cancelButton.visible)
        managing.ui.cancelButton.click()
        assert managing.ui.statusLabel.text.endswith("Train: cancelled. The server may have done it already.")
    server.client("Anna").stop_training()


# Closing


def test_nothing_is_asked_while_nobody_looks(managing: Any, spin: Spin) -> None:
    managing.exit()
    spin(lambda: jobThreads() == [])
    assert not managing.learning._watcher._timer.isActive()
    managing.enter()
    spin(lambda: managing.learning._watcher._timer.isActive())
    managing.ui.readButton.click()
    spin(lambda: jobThreads() == [])
    assert not managing.learning._watcher._timer.isActive()
