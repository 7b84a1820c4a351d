from __future__ import annotations

import pytest

from gliomics.sequences import Acquisition, Recognition, recognise


def recognition(description: str, tr: float | None = None, te: float | None = None, ti: float | None = None, *,
                agent: str = "", **headers: object) -> Recognition:  # fmt: skip
    return recognise(description, Acquisition(tr, te, ti, agent, **headers))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "description",
    ["3-plane localizer", "SURVEY", "ep2d_diff DWI", "AX ADC", "SWI", "T2*", "T2 star GRE", "DSC PERFUSION", "TOF MRA",
     "T1 DCE", "AX PD", "T1 map", "Subtraction T1 post-pre", "BraTS_001_seg"],
)  # fmt: skip
def test_other_kinds_of_series_are_known_to_be_none_of_ours(description: str) -> None:
    assert recognise(description).is_other


@pytest.mark.parametrize(
    "description",
    ["AX BRAIN", "", "SAG SPACE", "AX T1 T2", "T1 PRE AND POST", "AX PD/T2", "AX T1 C", "T1 POST OP", "AX T1 FS"],
)
def test_a_description_that_leaves_it_open_is_undecided(description: str) -> None:
    undecided = recognise(description)
    assert undecided.sequence is None
    assert not undecided.is_other


@pytest.mark.parametrize(
    ("undecided", "reason"),
    [
        (recognition("AX FLAIR", 9000, 120, 150), "inversion time 150 ms"),
        (recognition("AX FLAIR", 600, 12), "echo time 12 ms and repetition time 600 ms"),
        (recognition("AX T2", 9000, 120, 2500), "inversion time 2500 ms"),
        (recognition("AX T2", 4500, 15), "echo time 15 ms"),
        (recognition("AX T2", 4500, 60, scanning_sequence=("GR",)), "a gradient echo"),
        (recognition("AX T1", 4500, 95), "echo time 95 ms and repetition time 4500 ms"),
        (recognition("AX T1 PRE", agent="Gadovist"), "contrast agent 'Gadovist' is recorded"),
        (recognition("AX T1 POST", agent="NONE"), "contrast agent 'NONE' is recorded"),
        (recognition("AX T1", contrast_volume=10.0), "a contrast volume of 10 ml without an agent"),
        (recognition("AX T1", body_part="CSPINE"), "body part CSPINE"),
        (recognition("AX T1", protocol_name="t1_mprage_KM"), "but the protocol 't1_mprage_KM' says t1c"),
    ],
)
def test_headers_that_contradict_the_description_leave_it_undecided(undecided: Recognition, reason: str) -> None:
    assert undecided.sequence is None and not undecided.is_other
    assert reason in undecided.reason


def test_a_recorded_contrast_agent_tells_t1_after_contrast() -> None:
    assert recognition("AX T1", 600, 12, agent="Gadovist").sequence == "t1c"
    assert recognition("AX T1", 600, 12).sequence == "t1"


@pytest.mark.parametrize("agent", ["", "NONE", "no", "N", "0 ml", "0.0", "N/A", "without", "keine"])
def test_an_agent_that_says_none_is_none(agent: str) -> None:
    assert recognition("AX T1", 600, 12, agent=agent).sequence == "t1"


def test_an_agent_of_which_nothing_was_given_is_none() -> None:
    assert recognition("AX T1", agent="Gadovist", contrast_volume=0.0).sequence == "t1"


def test_a_description_without_a_sequence_is_told_by_the_protocol() -> None:
    answer = recognition("AX BRAIN", protocol_name="t2_tse_tra")
    assert (answer.sequence, answer.reason) == ("t2", "protocol: the name says 't2'")


def test_an_exam_s_protocol_without_a_sequence_says_nothing() -> None:
    assert recognition("AX T1", protocol_name="BRAIN W CONTRAST").sequence == "t1"


@pytest.mark.parametrize(
    ("times", "name"), [((9000, 120, 2500), "FLAIR"), ((4500, 95, None), "T2"), ((600, 12, None), "T1")]
)
def test_times_alone_are_a_hint_and_no_decision(times: tuple[float, float, float | None], name: str) -> None:
    undecided = recognition("AX BRAIN", *times)
    assert undecided.sequence is None and not undecided.is_other
    assert undecided.reason.endswith(f"its times are like {name}")


@pytest.mark.parametrize(
    "headers",
    [{"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, {"image_type": ("DERIVED", "SECONDARY", "MIP")},
     {"image_type": ("DERIVED", "PRIMARY", "T1 MAP")}, {"image_type": ("DERIVED", "PRIMARY", "SUBTRACTION")},
     {"image_type": ("ORIGINAL", "PRIMARY", "P", "IR")}, {"temporal_positions": 40}, {"b_value": 1000.0}],
)  # fmt: skip
def test_headers_that_say_another_kind_of_image_decide(headers: dict[str, object]) -> None:
    assert recognition("AX T1", **headers).is_other


def test_reformatted_and_derived_images_keep_their_name() -> None:
    assert recognition("AX T1", image_type=("DERIVED", "SECONDARY", "MPR", "CSA MPR")).sequence == "t1"
