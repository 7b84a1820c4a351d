from __future__ import annotations

import pytest

from gliomics.study.dicom_series import Series, recognise


def series(description: str, tr: float | None = None, te: float | None = None, ti: float | None = None, agent: str = "",
           image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY")) -> Series:  # fmt: skip
    return Series("1.2.3", "4", description, tr, te, ti, agent, image_type)


@pytest.mark.parametrize(
    ("description", "sequence"),
    [
        ("AX T1 PRE", "t1"),
        ("t1_mpr_sag_iso", "t1"),
        ("T1W SE", "t1"),
        ("AX T1 FLAIR", "t1"),
        ("Ax T1 w/o contrast", "t1"),
        ("T1 C-", "t1"),
        ("T1 SE POST OP DAY 2", "t1"),
        ("AX T1 POST", "t1c"),
        ("AX T1 +C", "t1c"),
        ("T1 SE C+", "t1c"),
        ("t1_tse_gd", "t1c"),
        ("3D T1 MPRAGE post-contrast", "t1c"),
        ("T1CE", "t1c"),
        ("AX T2 TSE", "t2"),
        ("t2_space", "t2"),
        ("AX FLAIR", "flair"),
        ("T2 FLAIR fs", "flair"),
        ("Flair +C", "flair"),
        ("t2_tirm_dark-fluid", "flair"),
    ],
)
def test_a_description_that_names_the_sequence_is_recognised(description: str, sequence: str) -> None:
    assert recognise(series(description)).sequence == sequence


@pytest.mark.parametrize(
    "description",
    ["3-plane localizer", "SURVEY", "ep2d_diff DWI", "AX ADC", "SWI", "T2*", "T2 star GRE", "DSC PERFUSION", "TOF MRA",
     "T1 DCE", "AX PD", "T1 map"],
)  # fmt: skip
def test_other_kinds_of_series_are_known_to_be_none_of_ours(description: str) -> None:
    found = recognise(series(description))
    assert found.sequence is None
    assert found.is_other


@pytest.mark.parametrize(
    "description", ["AX BRAIN", "", "SAG SPACE", "AX T1 T2", "T1 PRE AND POST", "AX PD/T2", "AX T1 C"]
)
def test_a_description_that_leaves_it_open_is_undecided(description: str) -> None:
    found = recognise(series(description))
    assert found.sequence is None
    assert not found.is_other


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (series("AX FLAIR", 9000, 120, 150), "inversion time 150 ms"),
        (series("AX FLAIR", 600, 12), "echo time 12 ms and repetition time 600 ms"),
        (series("AX T2", 9000, 120, 2500), "inversion time 2500 ms"),
        (series("AX T2", 4500, 15), "echo time 15 ms"),
        (series("AX T1", 4500, 95), "echo time 95 ms and repetition time 4500 ms"),
        (series("AX T1 PRE", agent="Gadovist"), "contrast agent 'Gadovist' is recorded"),
    ],
)
def test_parameters_that_contradict_the_description_leave_it_undecided(item: Series, reason: str) -> None:
    found = recognise(item)
    assert found.sequence is None and not found.is_other
    assert reason in found.reason


def test_a_recorded_contrast_agent_tells_t1_after_contrast() -> None:
    assert recognise(series("AX T1", 600, 12, agent="Gadovist")).sequence == "t1c"
    assert recognise(series("AX T1", 600, 12)).sequence == "t1"


@pytest.mark.parametrize(
    ("times", "name"), [((9000, 120, 2500), "FLAIR"), ((4500, 95, None), "T2"), ((600, 12, None), "T1")]
)
def test_times_alone_are_a_hint_and_no_decision(times: tuple[float, float, float | None], name: str) -> None:
    found = recognise(series("AX BRAIN", *times))
    assert found.sequence is None and not found.is_other
    assert found.reason.endswith(f"its times are like {name}")


def test_an_image_type_localizer_is_none_of_ours() -> None:
    assert recognise(series("T1 quick", image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"))).is_other
