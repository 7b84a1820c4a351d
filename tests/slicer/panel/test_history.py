"""Which readings of the session the one on display is compared with. Pure Python."""

from __future__ import annotations

from RadiogenomicsLib.panel.history import MOST_READINGS, KeptReading, ReadingHistory

from gliomics.reading.record import Reading


def reading(
    region: str, study: str = "a", *, segment: str = "s", time: str = "09:00", live: bool = False
) -> KeptReading:
    return KeptReading(Reading(study, region, region, []), f"segmentation of {study}", segment, time, live)


def titles(history: ReadingHistory) -> list[str]:
    return [f"{kept.reading.study_id} {kept.time}" for kept in history.others]


def test_a_reading_is_compared_with_the_one_before_of_its_segment() -> None:
    history = ReadingHistory()
    history.add(reading("tumour"))
    assert history.compared is None
    history.add(reading("tumour", time="09:05"))
    assert history.compared is not None and history.compared.time == "09:00"


def test_those_of_all_parts_are_offered_and_never_displayed() -> None:
    history = ReadingHistory()
    for study in ("a", "b"):
        for region in ("whole", "enhancing"):
            history.keep(reading(region, study, segment=""))
    assert history.shown is None
    assert history.others == []
    history.add(reading("enhancing", "b", time="09:05"))
    history.keep(reading("enhancing", "b", segment="", time="09:10"))
    assert history.shown is not None and history.shown.time == "09:05"
    assert titles(history) == ["b 09:10", "b 09:00", "a 09:00"]
    assert history.compared is None, "the user did not choose one"
    history.compare(history.others[-1].key)
    assert history.compared is not None and history.compared.reading.study_id == "a"


def test_of_live_readings_of_a_segment_the_last_is_kept() -> None:
    history = ReadingHistory()
    history.add(reading("tumour"))
    for minute in (1, 2, 3):
        history.add(reading("tumour", time=f"09:0{minute}", live=True))
    assert titles(history) == ["a 09:00"]


def test_the_one_on_display_is_kept_when_old_ones_are_let_go() -> None:
    history = ReadingHistory()
    history.add(reading("tumour"))
    for _ in range(2 * MOST_READINGS):
        history.keep(reading("tumour", segment="", time="10:00"))
    assert history.shown is not None and history.shown.time == "09:00"
    assert len(history.others) == MOST_READINGS - 1
