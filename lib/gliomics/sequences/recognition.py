"""The one recogniser of MR sequences.

A name must say the sequence, and nothing else in the name or the headers may speak
against it; whatever fails that is undecided, never guessed. T1 is the image before
contrast, so any sign of contrast that is not negated ends T1. Limits on repetition,
echo and inversion time (ms) are wide: they catch contradictions, they do not recognise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from gliomics.sequences.contrast import Contrast, read_contrast
from gliomics.sequences.records import Acquisition, Recognition
from gliomics.sequences.tokens import Token, tokenise
from gliomics.sequences.words import (
    AGENT,
    DENSITY,
    FLAIR,
    JOIN,
    MASK,
    OTHER,
    PRESENT,
    SEQUENCE_INSIDE,
    T1,
    T2,
    T2STAR,
    UNCLEAR,
    role_of,
)

_SHORTEST_FLAIR_INVERSION = 1300.0
_LONGEST_T1_INVERSION = 1500.0
_NO_AGENT = re.compile(
    r"(none|no|n|nil|null|non|not|false|off|without|w/?o|ohne|kein\w*|nein|sans|aucun\w*|sin|senza|sem|bez|zonder|brak|"
    r"0+([.,]0*)?\s*(ml|cc|mmol)?|n/?a|native?|nativ|unenhanced|no contrast|non[- ]?contrast|-+|no iv contrast|nessuno)"
)
_NO_AGENT_AND_MORE = re.compile(
    r"(none|no|not|non|without|w/?o|ohne|keine?|sans|aucun|sin|senza|sem|bez|zonder)[^a-z0-9][^0-9]*"
)
_UNCLEAR_AGENT = re.compile(r"unknown|unspecified|unbekannt|inconnu|other|see .*|[?.*xu]+")
_OTHER_IMAGE_TYPES = {"LOCALIZER", "PROJECTION IMAGE", "SUB", "MOSAIC", "P", "PHASE MAP", "VELOCITY MAP", "PERFUSION",
                      "PERFUSION_ASL", "R", "I", "REAL", "IMAGINARY", "PHASE", "SCREEN SAVE"}  # fmt: skip


def recognise(name: str, acquisition: Acquisition | None = None) -> Recognition:
    """Tell the sequence of an image from its name (series description, file or volume name) and its headers.

    >>> recognise("AX T1 +C").sequence
    't1c'
    >>> recognise("T2*").is_other
    True
    >>> recognise("T1 C").reason
    "the name says 'c', which leaves open whether with or without contrast"
    >>> recognise("Ax T1 SE", Acquisition(contrast_agent="Gadovist")).sequence
    't1c'
    """
    headers = acquisition or Acquisition()
    exclusion = _other_by_headers(headers)
    if exclusion:
        return Recognition(None, exclusion, is_other=True)
    tokens = tokenise(name)
    answer = _by_name(tokens, headers, known_headers=acquisition is not None)
    answer = _with_second_name(tokens, answer, "series description", headers.series_description, headers)
    return _with_second_name(tokens, answer, "protocol", headers.protocol_name, headers)


def _with_second_name(
    tokens: list[Token], answer: Recognition, kind: str, name: str, headers: Acquisition
) -> Recognition:
    """The answer by the name together with what another name of the same image says, which may contradict it."""
    second = tokenise(name)
    if not any(token.role in (T1, T2, FLAIR) for token in second):
        return answer
    by_second = _by_name(second, headers, known_headers=True)
    if answer.sequence is None:
        names_nothing = not any(token.role in (T1, T2, FLAIR, OTHER, UNCLEAR, DENSITY) for token in tokens)
        return replace(by_second, reason=f"{kind}: {by_second.reason}") if names_nothing else answer
    if by_second.sequence not in (None, answer.sequence) or by_second.is_other:
        if answer.sequence == "t1c" and by_second.sequence == "t1":
            return answer
        what = by_second.sequence or by_second.reason
        return Recognition(None, f"{answer.reason}, but the {kind} '{name}' says {what}")
    return answer


def _by_name(tokens: list[Token], headers: Acquisition, *, known_headers: bool) -> Recognition:
    exclusion = _other_by_name(tokens)
    if exclusion:
        return Recognition(None, exclusion, is_other=True)
    weightings = {role: token for role in (T1, T2, FLAIR) if (token := _first(tokens, role))}
    density = _first(tokens, DENSITY)
    if density:
        more = " and more" if weightings else ""
        return Recognition(None, f"the name says '{density.text}'{more}", is_other=not weightings)
    if not weightings:
        return Recognition(None, f"the name says no sequence{_suggestion(headers)}")
    ambiguity = _ambiguity(tokens, weightings.keys())
    if ambiguity:
        return Recognition(None, f"the name says {ambiguity}")
    contrast = read_contrast(tokens)
    if T1 in weightings:
        return _contradicted("t1", headers) or _t1_or_t1c(tokens, contrast, headers, known_headers)
    return _t2_or_flair(tokens, weightings, contrast, headers)


def _first(tokens: list[Token], role: str) -> Token | None:
    return next((token for token in tokens if token.role == role), None)


def _ambiguity(tokens: list[Token], weightings: Collection[str]) -> str:
    """What leaves open which weighting an image has, empty where nothing does."""
    t1, t2, flair = (role in weightings for role in (T1, T2, FLAIR))
    unclear = next((t for t in tokens if t.role == UNCLEAR and not ((flair or t1) and t.text in ("tir", "tirm"))), None)
    if unclear is None:
        unclear = next((t for t in tokens if t.role is None and SEQUENCE_INSIDE.search(t.text)), None)
    if unclear:
        return f"'{unclear.text}', which leaves open what the image is"
    if t1 and t2:
        return "both T1 and T2"
    if t1 and flair and not _is_t1_flair(tokens):
        return "both T1 and FLAIR"
    if t2 and flair and _joined(tokens):
        return "both T2 and FLAIR"
    return ""


def _t2_or_flair(
    tokens: list[Token], weightings: Mapping[str, Token], contrast: Contrast, headers: Acquisition
) -> Recognition:
    sequence = "flair" if FLAIR in weightings else "t2"
    word = weightings[FLAIR if FLAIR in weightings else T2].text
    if contrast.present:
        return Recognition(
            None, f"the name says '{word}' and '{contrast.present}': {sequence} after contrast is not taken unasked"
        )
    if sequence == "t2" and any(token.text == "ir" for token in tokens):
        return Recognition(None, f"the name says '{word}' and 'ir', which leaves open whether it is FLAIR or STIR")
    agent = _agent(headers)
    note = f", contrast agent '{agent}' is recorded" if agent else ""
    return _contradicted(sequence, headers) or Recognition(sequence, f"the name says '{word}'{note}")


def _other_by_headers(headers: Acquisition) -> str | None:
    """Why the headers alone say that the image is none of ours."""
    for value in headers.image_type:
        role = role_of(value.strip().lower()) if len(value) > 1 else None
        if value.strip().upper() in _OTHER_IMAGE_TYPES or (role == OTHER and value.upper() not in ("EPI", "SUMMARY")):
            return f"image type {value.strip().upper()}"
        if any(token.role == OTHER for token in tokenise(value)) and " " in value.strip():
            return f"image type {value.strip().upper()}"
    if (headers.temporal_positions or 0) > 1:
        return f"{headers.temporal_positions} time points (dynamic)"
    if (headers.b_value or 0) > 0:
        return f"diffusion b-value {headers.b_value:g}"
    return None


def _other_by_name(tokens: list[Token]) -> str | None:
    t2 = any(token.role == T2 for token in tokens)
    for position, token in enumerate(tokens):
        if token.role == MASK:
            return f"the name says '{token.text}', a mask"
        if token.role == OTHER:
            return f"the name says '{token.text}'"
        following = tokens[position + 1] if position + 1 < len(tokens) else None
        if token.role in (T1, T2) and following and following.text == "*":
            return f"the name says '{token.text}*'"
        if t2 and token.role == T2STAR:
            return f"the name says 't2' and '{token.text}', a gradient echo (T2*)"
        if following and (token.text, following.text) in _OTHER_PAIRS:
            return f"the name says '{token.text} {following.text}'"
    return None


_OTHER_PAIRS = {("phase", "contrast"), ("3", "plane"), ("three", "plane"), ("save", "screen"), ("key", "image"),
                ("field", "map"), ("bias", "field"), ("vessel", "wall"), ("b", "value")}  # fmt: skip


def _is_t1_flair(tokens: list[Token]) -> bool:
    """Whether T1 and FLAIR are one name: ``T1 FLAIR``, a T1-weighted image whose fluid is suppressed.

    With an underscore between them the first may be a time point, so that is left open.
    """
    roles = [token.role for token in tokens]
    position = roles.index(FLAIR)
    separator = tokens[position].before
    return roles.count(FLAIR) == 1 and position > 0 and roles[position - 1] == T1 and separator in (" ", "-", "")


def _joined(tokens: list[Token]) -> bool:
    """Whether something that joins two images stands anywhere in the name, or the same sequence twice."""
    signs = any(token.role == JOIN or token.text in ("+", "&", ",", ";", "/") for token in tokens)
    return signs or sum(token.role == FLAIR for token in tokens) > 1


def _t1_or_t1c(tokens: list[Token], contrast: Contrast, headers: Acquisition, known_headers: bool) -> Recognition:
    """T1 or T1 after contrast: by the words of the name, else by what the headers record of an agent."""
    if contrast.present and contrast.absent:
        return Recognition(None, f"the name says both '{contrast.absent}' and '{contrast.present}'")
    if _says_t1_twice(tokens, contrast):
        return Recognition(None, "the name says T1 twice")
    agent = _agent(headers)
    if contrast.present or contrast.absent or (contrast.unclear and not agent):
        return _t1_by_words(contrast, agent, headers)
    if agent or _says_no_agent(headers):
        return _t1_by_agent(agent, headers)
    return _t1_without_sign(tokens, contrast, headers, known_headers)


def _says_t1_twice(tokens: list[Token], contrast: Contrast) -> bool:
    names = [token for token in tokens if token.text.startswith("t1")]
    glued = [token for token in tokens if token.glued and token.role in (PRESENT, AGENT)]
    minus = any(" - " in token.before for token in names[1:])
    return len(names) > 1 and (minus or _joined(tokens) or bool(glued and contrast.present == glued[0].text))


def _t1_by_words(contrast: Contrast, agent: str, headers: Acquisition) -> Recognition:
    """By what the name says of contrast, which the recorded ``agent`` ("" if none was given) may contradict."""
    if contrast.present:
        if _says_no_agent(headers):
            return Recognition(
                None, f"the name says '{contrast.present}' but contrast agent '{headers.contrast_agent}' is recorded"
            )
        return Recognition("t1c", f"the name says 't1' and '{contrast.present}'")
    if contrast.absent:
        if agent:
            return Recognition(None, f"the name says '{contrast.absent}' but contrast agent '{agent}' is recorded")
        if contrast.unclear:
            return Recognition(None, f"the name says '{contrast.absent}' and '{contrast.unclear}'")
        return Recognition("t1", f"the name says 't1' and '{contrast.absent}'")
    return Recognition(None, f"the name says '{contrast.unclear}', which leaves open whether with or without contrast")


def _t1_by_agent(agent: str, headers: Acquisition) -> Recognition:
    """By the recorded ``agent``, "" where the headers say that none was given."""
    if agent and _UNCLEAR_AGENT.fullmatch(agent.lower()):
        return Recognition(None, f"the name says 't1', and '{agent}' is recorded as contrast agent")
    sequence = "t1c" if agent else "t1"
    return Recognition(sequence, f"the name says 't1', contrast agent '{agent or headers.contrast_agent}' is recorded")


def _t1_without_sign(tokens: list[Token], contrast: Contrast, headers: Acquisition, known_headers: bool) -> Recognition:
    """T1 where neither the name nor the recorded agent says anything of contrast, unless something else may."""
    if contrast.hint:
        return Recognition(None, f"the name says '{contrast.hint}', which leaves open whether with or without contrast")
    if headers.contrast_volume:
        return Recognition(
            None, f"the name says 't1', a contrast volume of {headers.contrast_volume:g} ml without an agent"
        )
    if headers.contrast_details:
        return Recognition(None, f"the name says 't1', {headers.contrast_details} without an agent")
    strange = _not_understood(tokens)
    if strange:
        return Recognition(
            None, f"the name says 't1' and '{strange}', which is not understood and may say that contrast was given"
        )
    silent = " in the name, and the headers record no contrast agent" if known_headers else ""
    return Recognition("t1", f"the name says 't1', no sign of contrast{silent}")


def _not_understood(tokens: list[Token]) -> str:
    """The first word of a description whose meaning is not known, empty if there is none.

    That a name has no sign of contrast can be said only where all its words are known. What stands before the sequence
    may be an id: all of it in a file's name (no spaces), else what is written together with a number.
    """
    position = next(k for k, token in enumerate(tokens) if token.role == T1)
    parts: list[list[Token]] = []
    for token in tokens[:position]:
        if not parts or " " in token.before:
            parts.append([])
        parts[-1].append(token)
    in_file_name = not any(" " in token.before for token in tokens)
    ids = [part for part in parts if in_file_name or any(any(c.isdigit() for c in token.text) for token in part)]
    description = [token for part in parts if part not in ids for token in part] + tokens[position:]
    return next((token.text for token in description if token.role is None and token.text.isalpha()), "")


def _agent(headers: Acquisition) -> str:
    """The contrast agent that was given, empty if none is recorded or none was given."""
    agent = headers.contrast_agent.strip()
    lowered = agent.lower()
    is_none = _NO_AGENT.fullmatch(lowered) or _NO_AGENT_AND_MORE.fullmatch(lowered)
    return "" if not agent or is_none or headers.contrast_volume == 0 else agent


def _says_no_agent(headers: Acquisition) -> bool:
    """Whether the headers say expressly that no contrast was given."""
    return bool(headers.contrast_agent.strip()) and not _agent(headers)


def _contradicted(sequence: str, headers: Acquisition) -> Recognition | None:
    repetition, echo, inversion = headers.repetition_time, headers.echo_time, headers.inversion_time
    gradient_echo = "GR" in headers.scanning_sequence and "SE" not in headers.scanning_sequence
    problems = []
    if sequence == "flair" and inversion is not None and inversion < _SHORTEST_FLAIR_INVERSION:
        problems.append(f"inversion time {inversion:g} ms")
    if sequence != "flair" and inversion is not None and inversion >= _LONGEST_T1_INVERSION:
        problems.append(f"inversion time {inversion:g} ms")
    if sequence == "t1" and echo is not None and echo > 40:
        problems.append(f"echo time {echo:g} ms")
    if sequence == "t1" and repetition is not None and repetition > 4000:
        problems.append(f"repetition time {repetition:g} ms")
    if sequence != "t1" and echo is not None and echo < 50:
        problems.append(f"echo time {echo:g} ms")
    if sequence != "t1" and repetition is not None and repetition < 1500:
        problems.append(f"repetition time {repetition:g} ms")
    if sequence != "t1" and gradient_echo:
        problems.append("a gradient echo")
    if sequence != "t1" and "EP" in headers.scanning_sequence:
        problems.append("an echo-planar sequence")
    if headers.body_part and role_of(headers.body_part.lower()) == OTHER:
        problems.append(f"body part {headers.body_part}")
    return Recognition(None, f"the name says {sequence} but {' and '.join(problems)}") if problems else None


def _suggestion(headers: Acquisition) -> str:
    repetition, echo, inversion = headers.repetition_time, headers.echo_time, headers.inversion_time
    if repetition is None or echo is None:
        return ""
    if inversion is not None and inversion >= _SHORTEST_FLAIR_INVERSION and echo >= 60:
        return ", its times are like FLAIR"
    if echo >= 60 and repetition >= 2000:
        return ", its times are like T2"
    if echo <= 30 and repetition <= 3000:
        return ", its times are like T1"
    return ""
