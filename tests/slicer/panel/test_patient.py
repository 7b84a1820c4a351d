"""What the user says of the patient: the age of each study, and how common the classes are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from inprocess import SUBTYPE, InProcessBackend
from panels import Spin, idle, paint, paintOneSlice
from RadiogenomicsLib.panel.circumstances import Circumstances, ageError, ageOf, trainingPercentages
from RadiogenomicsLib.panel.facts import PanelFacts
from RadiogenomicsLib.panel.selected import ChosenVolume, Selection
from RadiogenomicsLib.server.offer import Model, offerOf

IDH = Model(
    "subtype_idh",
    "subtype",
    "IDH",
    question="IDH",
    classes={"mutant": "mutant", "wildtype": "wild type"},
    shares={"mutant": 71 / 87, "wildtype": 16 / 87},
    usesAge=True,
)


def typeAge(panel: Any, text: str) -> None:
    """Type into the field as a user does."""
    panel.ui.ageEdit.selectAll()
    panel.ui.ageEdit.insert(text)


def shares(panel: Any) -> dict[str, Any]:
    return {share.name: share.field for share in panel.patient._shares}


# The age


@pytest.mark.parametrize(("text", "age"), [("54", 54.0), (" 54,5 ", 54.5), ("", None), ("0", 0.0), ("120", 120.0)])
def test_an_age_is_read_as_it_is_written(text: str, age: float | None) -> None:
    assert (ageOf(text), ageError(text)) == (age, "")


@pytest.mark.parametrize("text", ["400", "-1", "120.5", "fifty", "nan", "inf", "1e3"])
def test_what_is_no_age_is_refused_with_what_was_expected(text: str) -> None:
    assert ageError(text) == f"'{text}' is no age: give the patient's years, 0 to 120, or nothing."


def test_the_age_goes_with_the_reading(segmented: Any, backend: InProcessBackend, spin: Spin) -> None:
    typeAge(segmented, "54")
    segmented.ui.computeButton.click()
    spin(idle(segmented))
    assert backend.options == [{"age": 54.0}]
    assert segmented.ui.patientRoom.text == "Patient: age 54 \u00b7 change"


def test_no_reading_is_asked_for_with_an_age_that_nobody_has(computed: Any, backend: InProcessBackend) -> None:
    computed.ui.patientRoom.collapsed = False
    calls = backend.calls
    typeAge(computed, "400")
    message = "'400' is no age: give the patient's years, 0 to 120, or nothing."
    assert computed.ui.patientHint.text == message
    assert not computed.ui.patientHint.isHidden()
    assert (computed.ui.computeButton.enabled, computed.ui.computeButton.toolTip) == (False, message)
    computed.reading.liveUpdate()
    assert backend.calls == calls
    typeAge(computed, "40")
    assert computed.ui.patientHint.isHidden()


def test_an_estimate_on_display_follows_the_age(computed: Any, backend: InProcessBackend, spin: Spin) -> None:
    typeAge(computed, "61")
    assert "The patient's age or the prevalence has changed since." in computed.ui.resultHeading.text
    spin(lambda: not computed.model.running and not computed.model.staleness)
    assert backend.options[-1] == {"age": 61.0}
    typeAge(computed, "")
    spin(lambda: not computed.model.running and not computed.model.staleness)
    assert backend.options[-1] == {}


def test_a_segment_that_was_edited_waits_for_the_button_whatever_the_age(
    computed: Any, backend: InProcessBackend, spin: Spin
) -> None:
    paint(computed, paintOneSlice)
    typeAge(computed, "61")
    calls = backend.calls
    computed.reading.liveUpdate()
    assert (backend.calls, computed.model.running) == (calls, "")


def test_the_age_belongs_to_its_study_while_the_panel_is_open() -> None:
    facts = PanelFacts()
    first, second = (
        Selection({"flair": ChosenVolume(nodeId, "FLAIR", studyId=study)})
        for nodeId, study in (("v1", "a"), ("v2", ""))
    )
    facts.selection = first
    facts.ageChanged("54 ")
    facts.selection = second
    assert facts.ageText == ""
    facts.ageChanged("7")
    facts.selection = first
    assert facts.ageText == "54"
    facts.sceneClosed()
    facts.selection = first
    assert facts.ageText == ""


def test_neither_scene_nor_settings_hold_the_age(computed: Any, spin: Spin) -> None:
    from harness.qt import QSettings

    typeAge(computed, "113")
    spin(lambda: not computed.model.running and not computed.model.staleness)
    node = computed.parameters.node
    assert not any("113" in node.GetParameter(name) for name in node.GetParameterNames())
    assert not any("113" in str(QSettings().value(key)) for key in QSettings().allKeys())


def test_live_leaves_the_range_over_moved_edges_out(computed: Any, backend: InProcessBackend, spin: Spin) -> None:
    computed.ui.liveCheckBox.click()
    paint(computed, paintOneSlice)
    spin(lambda: not computed.model.running and not computed.model.staleness)
    assert backend.options == [{}, {"margin": False}]


def test_files_and_parts_are_made_with_the_age_too(computed: Any, backend: InProcessBackend, spin: Spin) -> None:
    typeAge(computed, "61")
    spin(lambda: not computed.model.running and not computed.model.staleness)
    computed.ui.allPartsButton.click()
    spin(idle(computed))
    assert backend.options[-1] == {"age": 61.0}
    assert computed.model.options == {"age": 61.0}


# The prevalence


@pytest.fixture
def withTwo(connected: Any, backend: InProcessBackend, spin: Spin) -> Iterator[Any]:
    """The panel with a model of two classes beside that of three."""
    backend.moreSubtypes = (IDH,)
    connected.ui.connectButton.click()
    spin(idle(connected))
    yield connected


def test_fields_show_the_shares_of_the_training_patients(withTwo: Any) -> None:
    values = {name: field.value for name, field in shares(withTwo).items()}
    assert values == {"coc2": 40, "coc1": 35, "coc3": 25, "mutant": 82, "wildtype": 18}
    assert withTwo.model.options == {}
    assert shares(withTwo)["wildtype"].accessibleName == "IDH: share of wild type"
    assert withTwo.ui.prevalencePage.isHidden()
    withTwo.ui.prevalenceButton.click()
    assert not withTwo.ui.prevalencePage.isHidden()


def test_of_two_classes_the_other_has_the_rest(withTwo: Any) -> None:
    shares(withTwo)["wildtype"].value = 35
    assert shares(withTwo)["mutant"].value == 65
    assert withTwo.model.options == {"prevalence": {"mutant": 0.65}}
    assert withTwo.ui.patientRoom.text == "Patient: age not given, prevalence given \u00b7 change"
    withTwo.ui.prevalenceResetButton.click()
    assert (shares(withTwo)["mutant"].value, withTwo.model.options) == (82, {})


def test_shares_that_do_not_sum_to_100_are_said_and_not_sent(withTwo: Any) -> None:
    shares(withTwo)["coc2"].value = 50
    assert withTwo.ui.patientHint.text == "COC cluster: the shares of the classes sum to 110 %, not to 100 %."
    assert withTwo.model.options == {}
    assert not withTwo.model.canCompute.enabled
    shares(withTwo)["coc3"].value = 15
    assert withTwo.ui.patientHint.isHidden()
    assert withTwo.model.options == {"prevalence": {"coc2": 0.5, "coc1": 0.35}}


def test_typing_the_training_shares_again_is_giving_none() -> None:
    given = Circumstances()
    given.give(IDH, "wildtype", 40)
    given.give(IDH, "wildtype", 18)
    assert (given.percentages, given.prevalence([IDH])) == ({}, {})


def test_training_shares_are_whole_percentages_that_sum_to_100() -> None:
    thirds = Model("m", "subtype", "", shares={"a": 0.004, "b": 0.333, "c": 0.663})
    assert trainingPercentages(thirds) == {"a": 1, "b": 33, "c": 66}
    assert sum(trainingPercentages(SUBTYPE).values()) == 100
    assert trainingPercentages(Model("older", "subtype", "")) == {}


def test_what_a_server_says_of_its_subtype_models_is_taken_over() -> None:
    described = {
        "title": "IDH",
        "question": "IDH",
        "class_titles": IDH.classes,
        "training_shares": IDH.shares,
        "uses_age": True,
    }
    info = offerOf({"models": {"subtype": {"subtype_models": {"subtype_idh": described, "older": {"classes": ["a"]}}}}})
    idh, older = info.ofKind("subtype")
    assert idh == IDH
    assert (older.question, older.shares, older.usesAge) == ("", {}, False)


def test_a_server_without_subtype_models_is_told_of_no_patient(connected: Any) -> None:
    connected.model.info = offerOf({"models": {"radiomics": {}}})
    connected.refresh()
    assert connected.ui.patientSection.isHidden()
