"""The panel's state, messages and possible actions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inprocess import ESTIMATE, ESTIMATE_READING
from RadiogenomicsLib.panel.facts import COMPUTE, CONNECT, SUBMIT, DisplayedResult
from RadiogenomicsLib.panel.selected import ChosenVolume, Selection
from RadiogenomicsLib.panel.viewmodel import PanelModel, PanelState
from RadiogenomicsLib.server.analysis import Analysis
from RadiogenomicsLib.server.offer import Model, ServerInfo

from gliomics.reading.record import Reading
from gliomics.records import FeatureRow

URL = "http://127.0.0.1:8000"
INFO = ServerInfo(
    "Gliomics",
    "0.1.0",
    (
        Model("segmentation_flair", "segmentation", "", {"tumour": 1}, ("flair",)),
        Model("radiomics", "radiomics", ""),
    ),
    ("random",),
    studies=3,
    labelled=1,
)
FLAIR = ChosenVolume("v1", "a FLAIR", "study-a", "flair")
T1 = ChosenVolume("v2", "a T1", "study-a", "t1")
SELECTION = Selection({"flair": FLAIR}, "s1", "seg", "segment1", "tumour", drawnOnStudyId="study-a")


@pytest.fixture
def model() -> PanelModel:
    """A view model that has just been made."""
    return PanelModel()


@pytest.fixture
def connected(model: PanelModel) -> PanelModel:
    """Connected, with a study, a segmentation and a segment selected."""
    model.addressChanged(URL)
    model.connected(URL, INFO)
    model.selection = SELECTION
    return model


def withResult(model: PanelModel, **changes: object) -> PanelModel:
    features = FeatureRow("study-a", "tumour", {"original_shape_MeshVolume": 12.0})
    reading = Reading("study-a", "tumour", "tumour", [], [replace(ESTIMATE_READING, **changes)])
    model.result = DisplayedResult(Analysis(features, (ESTIMATE,), reading), model.selection)
    return model


def test_it_begins_without_a_server_and_says_what_to_do(model: PanelModel) -> None:
    assert model.state is PanelState.NO_SERVER
    assert model.message == (
        "Not connected: type the address of your Gliomics server and press Connect, or start a server on this computer."
    )


def test_connecting_shows_the_address(model: PanelModel) -> None:
    model.addressChanged(URL)
    model.jobStarted(CONNECT)
    assert model.state is PanelState.CONNECTING
    assert URL in model.serverLine


def test_after_connecting_it_is_ready_and_the_first_model_is_chosen(connected: PanelModel) -> None:
    assert connected.state is PanelState.READY
    assert connected.modelName == "segmentation_flair"
    assert "3 studies, 1 labelled" in connected.serverLine


def test_a_failed_connection_is_an_error_and_leaves_no_server(connected: PanelModel) -> None:
    connected.jobStarted(CONNECT)
    connected.jobFailed("http://127.0.0.1:8000 does not answer")
    assert connected.state is PanelState.ERROR
    assert connected.message == "http://127.0.0.1:8000 does not answer"
    assert connected.info is None


def test_typing_another_address_ends_the_connection(connected: PanelModel) -> None:
    connected.addressChanged("http://elsewhere:8000")
    assert connected.state is PanelState.NO_SERVER
    assert not connected.canExport.enabled
    assert not connected.canReadParts.enabled
    assert connected.computesHere


def test_running_work_shows_its_progress_and_blocks_other_work(connected: PanelModel) -> None:
    connected.jobStarted(COMPUTE)
    connected.jobProgressed("computing features", 0.5)
    assert connected.state is PanelState.RUNNING
    assert connected.message == "Read segment: computing features"
    for action in (connected.canConnect, connected.canTakeNextStudy, connected.canSegment, connected.canSubmit):
        assert action.reason == "Wait for 'Read segment' to end, or cancel it."


def test_an_error_stays_until_the_next_work_begins(connected: PanelModel) -> None:
    connected.jobStarted(COMPUTE)
    connected.jobFailed("segment too small")
    assert (connected.state, connected.message) == (PanelState.ERROR, "segment too small")
    connected.jobStarted(COMPUTE)
    connected.jobFinished("ok")
    assert connected.state is PanelState.READY


def test_cancelling_a_submission_says_that_it_may_have_been_saved(connected: PanelModel) -> None:
    connected.jobStarted(SUBMIT)
    connected.jobCancelled()
    assert connected.state is PanelState.READY
    assert connected.message == "Submit label: cancelled. The server may have saved the label already."


def test_a_result_without_a_caution_is_a_result(connected: PanelModel) -> None:
    assert withResult(connected).state is PanelState.RESULT
    assert connected.warnings == []


def test_a_result_with_a_caution_is_a_warning(connected: PanelModel) -> None:
    withResult(connected, cautions=["outside the training range"])
    assert connected.state is PanelState.WARNING
    assert connected.warnings == ["outside the training range"]


def test_notices_of_finished_work_are_warnings_until_the_next_work(connected: PanelModel) -> None:
    connected.jobFinished("saved", ("'a' and 'b' overlap",))
    assert connected.state is PanelState.WARNING
    connected.jobStarted(COMPUTE)
    connected.jobFinished("done")
    assert connected.state is PanelState.READY


def test_editing_the_segment_makes_the_result_out_of_date(connected: PanelModel) -> None:
    withResult(connected)
    connected.segmentEdited(connected.selection.segmentationId)
    assert connected.state is PanelState.WARNING
    assert connected.staleness == "The segment has changed since it was read."


def test_selecting_another_segment_makes_the_result_out_of_date(connected: PanelModel) -> None:
    withResult(connected)
    connected.selection = replace(SELECTION, segmentId="segment2", segment="oedema")
    assert "which is not the selected segment" in connected.staleness
    connected.selection = SELECTION
    assert connected.staleness == ""


def test_selecting_another_volume_makes_the_result_out_of_date(connected: PanelModel) -> None:
    withResult(connected)
    connected.selection = replace(SELECTION, volumes={"flair": replace(FLAIR, nodeId="v2")})
    assert "on other volumes" in connected.staleness


def test_segmenting_names_the_sequence_that_is_missing(connected: PanelModel) -> None:
    connected.selection = replace(SELECTION, volumes={"t1": FLAIR})
    assert connected.canSegment.reason == "'segmentation_flair' needs FLAIR: choose the volume under Images."


def test_volumes_of_different_studies_are_not_mixed(connected: PanelModel) -> None:
    connected.selection = replace(SELECTION, volumes={"flair": FLAIR, "t1": replace(T1, studyId="study-b")})
    assert "different studies" in connected.canSegment.reason
    assert "different studies" in connected.canCompute.reason


def test_a_segment_of_one_study_is_not_computed_on_volumes_of_another(connected: PanelModel) -> None:
    connected.selection = replace(SELECTION, volumes={"flair": replace(FLAIR, studyId="study-b")})
    assert connected.canCompute.reason == (
        "The segment was drawn on study 'study-a', but the chosen volumes are of study 'study-b'."
    )


def test_a_segmentation_that_is_of_no_study_cannot_be_submitted(connected: PanelModel) -> None:
    localVolume = replace(FLAIR, studyId="")
    connected.selection = replace(SELECTION, volumes={"flair": localVolume}, drawnOnStudyId="")
    assert not connected.canSubmit.enabled
    assert "'seg' was not drawn on a study of the server" in connected.canSubmit.reason
    assert connected.canCompute.enabled
    assert connected.uploadsVolumes


def test_a_volume_that_was_changed_since_it_came_is_sent(connected: PanelModel) -> None:
    assert not connected.uploadsVolumes
    connected.selection = replace(SELECTION, volumes={"flair": replace(FLAIR, change="was edited"), "t1": T1})
    assert connected.uploadsVolumes
    assert connected.canCompute.enabled
    assert connected.selection.labelStudyId == "study-a", "its grid is that of the study still"


def test_a_volume_that_came_as_another_sequence_is_sent_as_the_one_it_is_chosen_for(connected: PanelModel) -> None:
    connected.selection = replace(SELECTION, volumes={"flair": replace(T1, studyId="study-a")})
    assert connected.uploadsVolumes


def test_an_image_of_a_study_that_does_not_say_its_sequence_is_not_sent(connected: PanelModel) -> None:
    connected.selection = replace(SELECTION, volumes={"flair": replace(FLAIR, cameAs="image")})
    assert not connected.uploadsVolumes


def test_a_label_on_another_grid_than_the_study_s_cannot_be_submitted(connected: PanelModel) -> None:
    moved = replace(FLAIR, change="lies elsewhere than it came", isMoved=True)
    connected.selection = replace(SELECTION, volumes={"flair": moved}, drawnOnStudyId="")
    assert "'seg' was not drawn on a study of the server" in connected.canSubmit.reason


def test_one_volume_for_two_sequences_is_refused_by_name(connected: PanelModel) -> None:
    connected.selection = replace(SELECTION, volumes={"flair": FLAIR, "t1": T1, "t2": FLAIR})
    reason = "'a FLAIR' is chosen for FLAIR and T2: choose it once, under Images."
    assert connected.canSegment.reason == connected.canCompute.reason == reason


def test_a_label_goes_to_the_study_that_it_was_drawn_on(connected: PanelModel) -> None:
    connected.selection = replace(SELECTION, volumes={"flair": replace(FLAIR, studyId="study-b")})
    assert connected.selection.labelStudyId == "study-a"
    assert connected.canSubmit.enabled


def test_a_server_without_studies_offers_no_next_one(connected: PanelModel) -> None:
    connected.info = replace(INFO, studies=0)
    assert connected.canTakeNextStudy.reason == "The server has no studies."


def test_a_wrong_address_says_how_to_write_one(model: PanelModel) -> None:
    model.addressChanged("localhost 8000")
    assert model.canConnect.reason == "'localhost 8000' is not a server address: write it like http://127.0.0.1:8000"


def test_closing_the_scene_forgets_the_result_and_keeps_the_server(connected: PanelModel) -> None:
    withResult(connected)
    connected.sceneClosed()
    assert connected.state is PanelState.READY
    assert connected.selection == Selection()
