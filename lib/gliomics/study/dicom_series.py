"""Telling which MR sequence a DICOM series is, from its description and acquisition parameters.

The description must name the sequence and the parameters must not contradict it; a
series for which that fails is undecided, never guessed. Limits on repetition, echo and
inversion time (ms) are wide: they catch contradictions, they do not recognise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_OTHER = re.compile(
    r"locali[sz]er|\bloc\b|survey|scout|calibration|\b3 ?plane\b|\bdwi\b|\bdti\b|diffusion|\badc\b|\btrace\b|b ?1000"
    r"|\bswi\b|\bswan\b|t2 ?\*|t2 ?star|\bt2s\b|perfusion|\bpwi\b|\bdsc\b|\bdce\b|\basl\b|\bcb[fv]\b|\bmtt\b|\btof\b"
    r"|angio|\bmr[av]\b|phase contrast|spectro|\bmrs\b|\bbold\b|fmri|\bep2d|subtract|\bmip\b|screen ?save"
    r"|t[12] ?map|t1 ?rho"
)
_FLAIR = re.compile(r"flair|dark ?fluid|\btirm\b")
_T1 = re.compile(r"\bt1(?!\d)|mp ?rage|\bf?spgr\b|\bbravo\b")
_T2 = re.compile(r"\bt2(?!\d)")
_PROTON_DENSITY = re.compile(r"\bpd\b|proton|\bdp\b")
_BEFORE_CONTRAST = re.compile(
    r"pre ?(contrast|gad|gd)|\bpre\b(?! ?op)|(without|w/o|wo|non|no|sans) ?(contrast|con|gad|gd|km|c)\b"
    r"|unenhanced|\bnativ|\bc ?-(?!\w)|(?<!\w)- ?c\b"
)
_AFTER_CONTRAST = re.compile(
    r"\+ ?c\b|\bc ?\+|\+ ?gd|\bgd\b|gadol|\bgad\b|post ?(contrast|gad|gd)|\bpost\b(?! ?op)|\bce\b"
    r"|t1w?(ce|c|gd|km)\b|\bkm\b|enhanced|\bcontrast\b"
)
_LONE_C = re.compile(r"\bc\b")
_SHORTEST_FLAIR_INVERSION = 1500.0


@dataclass(frozen=True)
class Series:
    """One DICOM series: its files, and what its headers say about the acquisition (times in ms, None if absent)."""

    uid: str
    number: str
    description: str
    repetition_time: float | None = None
    echo_time: float | None = None
    inversion_time: float | None = None
    contrast_agent: str = ""
    image_type: tuple[str, ...] = ()
    files: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        return f"series {self.number or self.uid} '{self.description}'"


@dataclass(frozen=True)
class Recognition:
    """What a series is: a sequence, certainly none of ours (``is_other``), or undecided (neither), and why."""

    sequence: str | None
    reason: str
    is_other: bool = False


def recognise(series: Series) -> Recognition:
    """Tell the sequence of a series, see the module's description for the rule."""
    text = re.sub(r"[\s_.,;:()\[\]]+", " ", series.description.lower())
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    if "LOCALIZER" in series.image_type:
        return Recognition(None, "image type LOCALIZER", is_other=True)
    other = _OTHER.search(text)
    if other:
        return Recognition(None, f"description says '{other[0].strip()}'", is_other=True)
    t1, t2, flair = _T1.search(text), _T2.search(text), _FLAIR.search(text)
    density = _PROTON_DENSITY.search(text)
    if density:
        both = bool(t1 or t2 or flair)
        return Recognition(None, f"description says '{density[0]}'{' and more' if both else ''}", is_other=not both)
    if t1 and t2:
        return Recognition(None, "description says both T1 and T2")
    if t1:
        return _contradicted("t1", series) or _before_or_after_contrast(text, series)
    if flair:
        return _contradicted("flair", series) or Recognition("flair", f"description says '{flair[0].strip()}'")
    if t2:
        return _contradicted("t2", series) or Recognition("t2", "description says 't2'")
    return Recognition(None, f"description names no sequence{_suggestion(series)}")


def _contradicted(sequence: str, series: Series) -> Recognition | None:
    repetition, echo, inversion = series.repetition_time, series.echo_time, series.inversion_time
    problems = []
    if sequence == "flair" and inversion is not None and inversion < _SHORTEST_FLAIR_INVERSION:
        problems.append(f"inversion time {inversion:g} ms")
    if sequence != "flair" and inversion is not None and inversion >= _SHORTEST_FLAIR_INVERSION:
        problems.append(f"inversion time {inversion:g} ms")
    if sequence == "t1" and echo is not None and echo > 40:
        problems.append(f"echo time {echo:g} ms")
    if sequence == "t1" and repetition is not None and repetition > 4000:
        problems.append(f"repetition time {repetition:g} ms")
    if sequence != "t1" and echo is not None and echo < 50:
        problems.append(f"echo time {echo:g} ms")
    if sequence != "t1" and repetition is not None and repetition < 1500:
        problems.append(f"repetition time {repetition:g} ms")
    return Recognition(None, f"description says {sequence} but {' and '.join(problems)}") if problems else None


def _before_or_after_contrast(text: str, series: Series) -> Recognition:
    before = _BEFORE_CONTRAST.search(text)
    after = _AFTER_CONTRAST.search(_BEFORE_CONTRAST.sub(" ", text))
    if before and after:
        return Recognition(None, "description says both before and after contrast")
    if before and series.contrast_agent:
        return Recognition(
            None, f"description says '{before[0]}' but contrast agent '{series.contrast_agent}' is recorded"
        )
    if after:
        return Recognition("t1c", f"description says 't1' and '{after[0].strip()}'")
    if series.contrast_agent:
        return Recognition("t1c", f"description says 't1', contrast agent '{series.contrast_agent}' is recorded")
    if not before and _LONE_C.search(text):
        return Recognition(None, "description says 'c', which leaves open whether with or without contrast")
    return Recognition("t1", "description says 't1', no sign of contrast")


def _suggestion(series: Series) -> str:
    repetition, echo, inversion = series.repetition_time, series.echo_time, series.inversion_time
    if repetition is None or echo is None:
        return ""
    if inversion is not None and inversion >= _SHORTEST_FLAIR_INVERSION and echo >= 60:
        return ", its times are like FLAIR"
    if echo >= 60 and repetition >= 2000:
        return ", its times are like T2"
    if echo <= 30 and repetition <= 3000:
        return ", its times are like T1"
    return ""
