"""The three arrangements of the panel: what each shows, in which order, folded, and how high it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from inprocess import ESTIMATE_READING, InProcessBackend, Refusal
from panels import Spin, addVolume, estimateTexts, idle, openAnother, paint, paintOneSlice

from gliomics.reading.record import ClassBar, EstimateReading

WIDTH, MOST_HEIGHT = 400, 750
TAB_FOCUS = 1

THREE_CLASSES = replace(
    ESTIMATE_READING,
    headline="weak: the model is no better than chance at telling coc1",
    tone="weak",
    cautions=["56 % of the training patients were coc1 too: the images add little to that"],
    bars=[replace(bar, title=f"{bar.name} (mostly IDH mutant)") for bar in ESTIMATE_READING.bars],
)
TWO_CLASSES = replace(
    ESTIMATE_READING,
    title="IDH",
    headline="mutant more likely",
    cautions=["outside the range of the training patients: volume"],
    bars=[
        ClassBar("mutant", "mutant", 0.87, 0.77, 0.93, "0.87 (0.77 to 0.93)"),
        ClassBar("wildtype", "wild type", 0.13, 0.07, 0.23, "0.13 (0.07 to 0.23)"),
    ],
)


@pytest.fixture
def twoEstimates(backend: InProcessBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading has as many facts, estimates and key features as one of a real server."""
    ofOne, numbers = backend._reading, itertools.count()

    def ofTwo(features: Any) -> Any:
        reading, change = ofOne(features), next(numbers)
        (volume, *others), (mean, *_) = reading.headline, reading.key_features
        diameters = replace(volume, value=41.2 + change, unit="mm", text=f"{61 + change}.3 \u00d7 38.2 mm")
        facts = [replace(diameters, name=f"A fact number {number}") for number in range(3)]
        names = [f"Bright end {number} of the signal in T1 contrast" for number in range(10)]
        return replace(
            reading,
            headline=[volume, *facts, *others],
            estimates=[_moved(THREE_CLASSES, change), _moved(TWO_CLASSES, change)],
            key_features=[
                replace(mean, feature=name, name=name, value=17.8 + change, text=f"{17 + change}.8") for name in names
            ],
            cautions=["voxels of 1.5 x 1.5 x 5 mm are far from cubes: texture depends on the slice direction"],
        )

    monkeypatch.setattr(backend, "_reading", ofTwo)


def _moved(estimate: EstimateReading, change: int) -> EstimateReading:
    """An estimate whose probabilities are a little other ones."""
    bars = [replace(bar, probability=bar.probability + 0.01 * change) for bar in estimate.bars]
    return replace(estimate, bars=bars, model=estimate.title)


def shownSections(panel: Any) -> list[str]:
    """The sections that are visible, from the top."""
    layout = panel.ui.sectionsArea.layout()
    widgets = [layout.itemAt(place).widget() for place in range(layout.count())]
    return [widget.name.removesuffix("Section") for widget in widgets if not widget.isHidden()]


def isFolded(panel: Any, section: str) -> bool:
    return bool(getattr(panel.ui, f"{section}Room").collapsed)


def heightOf(panel: Any, application: Any) -> int:
    """How high the panel is when it is laid out as narrow as 3D Slicer's module panel."""
    frame = panel.ui.sectionsArea.parent()
    for _ in range(4):
        application.processEvents()
        frame.resize(WIDTH, frame.layout().totalHeightForWidth(WIDTH))
    assert frame.width == WIDTH, "nothing makes it wider"
    return int(frame.height)


# Modes


def test_a_radiologist_sees_no_next_study_and_nothing_to_hand_in(connected: Any) -> None:
    assert connected.ui.readButton.checked
    assert shownSections(connected) == [
        "server", "volumes", "segmentation", "patient", "results", "refine", "views", "export"
    ]  # fmt: skip


def test_an_annotator_sees_no_results(computed: Any) -> None:
    computed.ui.annotateButton.click()
    assert shownSections(computed) == [
        "server",
        "study",
        "volumes",
        "segmentation",
        "refine",
        "submit",
        "views",
        "export",
    ]


def test_whoever_looks_after_models_sees_neither_images_nor_results(computed: Any) -> None:
    computed.ui.manageButton.click()
    assert shownSections(computed) == ["server", "review", "learn", "leases", "views"]
    assert computed.model.message == ""


def test_one_arrangement_is_chosen_at_a_time(panel: Any) -> None:
    names = ("annotateButton", "readButton", "manageButton")
    for chosen in (*names, *names[::-1]):
        getattr(panel.ui, chosen).click()
        assert [name for name in names if getattr(panel.ui, name).checked] == [chosen]


def test_a_setting_of_another_version_of_the_panel_is_no_arrangement(panel: Any, backend: InProcessBackend) -> None:
    from RadiogenomicsLib.panel import usersettings

    usersettings.rememberPanelMode("teach")
    reopened = openAnother(backend)
    assert reopened.ui.readButton.checked
    reopened.cleanup()


def test_the_result_comes_first_when_there_is_one(computed: Any) -> None:
    assert shownSections(computed)[:2] == ["server", "results"]


def test_the_mode_is_the_user_s_and_is_remembered(computed: Any, backend: InProcessBackend) -> None:
    computed.ui.annotateButton.click()
    reopened = openAnother(backend)
    assert reopened.ui.annotateButton.checked
    assert not reopened.ui.readButton.checked
    reopened.cleanup()


def test_the_mode_that_is_chosen_does_not_show_by_its_colour_alone(panel: Any) -> None:
    assert (panel.ui.readButton.font.bold(), panel.ui.annotateButton.font.bold()) == (True, False)
    panel.ui.annotateButton.click()
    assert (panel.ui.readButton.font.bold(), panel.ui.annotateButton.font.bold()) == (False, True)


# A first session


def test_with_images_loaded_three_clicks_lead_to_the_first_estimate(panel: Any, flairImage: Any, spin: Spin) -> None:
    addVolume("AX FLAIR", flairImage)
    spin(lambda: panel.ui.flairSelector.currentNode() is not None)
    for button in (panel.ui.connectButton, panel.ui.segmentButton, panel.ui.computeButton):
        assert button.visible
        button.click()
        spin(idle(panel))
    spin(lambda: panel.ui.estimatesPage.visible)
    assert "COC cluster" in estimateTexts(panel)[0]


def test_live_two_clicks_do(panel: Any, flairImage: Any, spin: Spin) -> None:
    panel.ui.liveCheckBox.checked = True
    addVolume("AX FLAIR", flairImage)
    spin(lambda: panel.ui.flairSelector.currentNode() is not None)
    for button in (panel.ui.connectButton, panel.ui.segmentButton):
        button.click()
        spin(idle(panel))
    spin(lambda: estimateTexts(panel) != [])


def test_an_annotator_has_a_mask_after_four_clicks(panel: Any, spin: Spin) -> None:
    names = ("annotateButton", "connectButton", "nextStudyButton", "segmentButton")
    for button in (getattr(panel.ui, name) for name in names):
        assert button.visible
        button.click()
        spin(idle(panel))
    assert panel.model.selection.segment == "tumour"
    assert panel.ui.submitButton.visible


# Folding


def test_what_is_done_is_one_line_that_says_so(withStudy: Any) -> None:
    assert withStudy.ui.serverRoom.text == "Connected to 127.0.0.1:8000 \u00b7 change"
    assert withStudy.ui.studyRoom.text == "Study glioma-01 \u00b7 take another"
    assert withStudy.ui.volumesRoom.text == "Images: FLAIR, T1 \u00b7 change"
    assert all(isFolded(withStudy, section) for section in ("server", "study", "volumes"))
    assert not isFolded(withStudy, "segmentation")


def test_what_the_user_unfolds_stays_so_until_the_next_study(withStudy: Any, backend: InProcessBackend) -> None:
    withStudy.ui.volumesRoom.collapsed = False
    assert withStudy.ui.volumesRoom.text == "Images"
    withStudy.refresh()
    assert not isFolded(withStudy, "volumes")


def test_without_a_connection_the_server_unfolds_again(withStudy: Any) -> None:
    withStudy.ui.serverUrl.text = "http://elsewhere:8000"
    assert not isFolded(withStudy, "server")
    assert withStudy.ui.serverRoom.text == "Server"


def test_the_slices_to_draw_stay_in_sight_when_the_study_is_folded(connected: Any, spin: Spin) -> None:
    connected.ui.annotateButton.click()
    connected.ui.sliceCount.value = 3
    connected.ui.nextStudyButton.click()
    spin(idle(connected))
    assert isFolded(connected, "study")
    assert connected.ui.sliceList.visible
    assert connected.ui.sliceList.count == 3


# Status


@pytest.mark.parametrize(
    ("button", "section"),
    [("segmentButton", "segmentation"), ("computeButton", "results"), ("connectButton", "server")],
)
def test_progress_cancel_and_message_stand_in_the_section_of_the_button(
    segmented: Any, backend: InProcessBackend, spin: Spin, button: str, section: str
) -> None:
    segmented.ui.serverRoom.collapsed = False
    backend.gate.clear()
    getattr(segmented.ui, button).click()
    assert segmented.ui.statusArea.parent() is getattr(segmented.ui, f"{section}Contents")
    for widget in (segmented.ui.progressBar, segmented.ui.cancelButton, segmented.ui.statusLabel):
        spin(lambda widget=widget: widget.visible)
    segmented.ui.cancelButton.click()
    assert "cancelled" in segmented.ui.statusLabel.text
    assert segmented.ui.statusArea.parent() is getattr(segmented.ui, f"{section}Contents")
    backend.gate.set()


def test_where_the_section_is_folded_it_stands_at_the_top(withStudy: Any) -> None:
    assert "Study 'glioma-01' is loaded." in withStudy.ui.statusLabel.text
    assert withStudy.ui.statusArea.parent() is withStudy.ui.generalContents
    assert withStudy.ui.statusArea.visible


def test_an_error_and_a_note_are_said_in_words_and_signs(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    backend.error = Refusal("the disk is full")
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert segmented.ui.statusLabel.text.startswith("<b>\u2716 Error:</b> The disk is full.")


def test_where_there_is_nothing_to_say_there_is_no_empty_box(computed: Any) -> None:
    assert not computed.ui.statusArea.visible


# Explanations


def test_explanations_open_by_their_buttons_and_are_closed_at_first(connected: Any) -> None:
    connected.ui.serverRoom.collapsed = False
    for name in ("modelsInfo", "strategyInfo", "keyFeaturesInfo"):
        button, text = getattr(connected.ui, name), getattr(connected.ui, f"{name}Text")
        assert text.isHidden()
        assert button.focusPolicy.value & TAB_FOCUS, "the tabulator key reaches it"
        button.click()
        assert not text.isHidden()


# Height


def fits(panel: Any, application: Any) -> None:
    heights = {}
    for name in ("readButton", "annotateButton", "manageButton"):
        getattr(panel.ui, name).click()
        heights[name] = heightOf(panel, application)
    assert {name: height for name, height in heights.items() if height > MOST_HEIGHT} == {}


def ofSlices(panel: Any, spin: Spin) -> None:
    panel.ui.sliceCount.value = 3
    panel.ui.nextStudyButton.click()
    spin(idle(panel))


def lost(panel: Any, spin: Spin) -> None:
    ofSlices(panel, spin)
    panel.ui.serverUrl.text = "http://elsewhere:8000"


def changed(panel: Any, spin: Spin) -> None:
    paint(panel, paintOneSlice)
    panel.ui.computeButton.click()
    spin(idle(panel))
    panel.ui.changesButton.click()
    text = panel.ui.changesLabel.text
    assert text.count("\u2192") == 10 + 5 and text.count("%)") >= 4, "everything has changed"


STEPS: dict[str, Callable[[Any, Spin], None]] = {
    "result": lambda panel, spin: None,
    "out of date": lambda panel, spin: paint(panel, paintOneSlice),
    "key features": lambda panel, spin: panel.ui.keyFeaturesButton.click(),
    "change": changed,
    "live": lambda panel, spin: panel.ui.liveCheckBox.click(),
    "slices": ofSlices,
    "lost": lost,
}


@pytest.mark.parametrize("fixture", ["panel", "connected", "withStudy", "segmented"])
def test_the_panel_fits_a_small_screen_at_each_step_up_to_a_segment(
    request: pytest.FixtureRequest, application: Any, fixture: str
) -> None:
    fits(request.getfixturevalue(fixture), application)


@pytest.mark.usefixtures("twoEstimates")
@pytest.mark.parametrize("step", STEPS)
def test_the_panel_fits_a_small_screen_with_a_result(computed: Any, application: Any, spin: Spin, step: str) -> None:
    STEPS[step](computed, spin)
    fits(computed, application)


@pytest.mark.usefixtures("twoEstimates")
@pytest.mark.parametrize("button", ["segmentButton", "computeButton", "submitButton"])
def test_the_panel_fits_a_small_screen_while_work_runs(
    computed: Any, backend: InProcessBackend, application: Any, button: str
) -> None:
    backend.gate.clear()
    getattr(computed.ui, button).click()
    fits(computed, application)
    computed.ui.cancelButton.click()
    backend.gate.set()
