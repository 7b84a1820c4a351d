"""What a name says about contrast agent: given, not given, or left open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gliomics.sequences.tokens import DASH_BEFORE, DASH_BEHIND, MINUS_SIGN, Token
from gliomics.sequences.words import ABSENT, AGENT, HINT, JOIN, PRESENT, WEAK, WITH, WITHOUT, may_mean_contrast

_FILLERS = {
    "of", "the", "any", "agent", "administration", "medium", "media", "intravenous", "iv", "ev", "i", "v", "de", "du",
    "des", "la", "le", "l", "d", "produit", "intraveineuse", "von", "gabe", "di", "del", "mezzo", "somministrazione",
    "administracion", "administracao", "do", "da", "podaniu", "podaniem", "podani", "aplikaci", "aplikace", "dozylnie",
    "dozylnym",
}  # fmt: skip
_NOT_GIVEN_BEHIND = {"none", "nil", "free", "yok", "oncesi", "nelkul", "elott", "ennen", MINUS_SIGN}
_NOT_GIVEN_AT_THE_END = {"no", "not", "off", "neg", "negative", "before"}
_GENERIC = ("contra", "kontra", "inj")
_NO_AGENTS = {
    "op", "operative", "operation", "surgery", "surgical", "iop", "biopsy", "biopsie", "rt", "rx", "radiotherapy",
    "chemo", "resection", "treatment", "therapy", "fossa", "fosse", "processed", "processing", "proc", "mortem",
    "ictal",
}  # fmt: skip
"""What may stand behind "pre" and "post" instead of an agent."""

_STAND_ALONE = {"wo", "without", "pre", "prae"}
_LAST = {"ohne", "sans", "non", "without", "wo", "pre", "vor", "avant", "before"}

_UNCLEAR = "unclear"


@dataclass(frozen=True)
class Contrast:
    """The words that say so, empty if none: given, not given, open (decides nothing), a hint (ends T1 alone)."""

    present: str = ""
    absent: str = ""
    unclear: str = ""
    hint: str = ""


def read_contrast(tokens: Sequence[Token]) -> Contrast:
    """Read a name's words from left to right; a preposition reaches over fillers and several names of the agent."""
    words = {PRESENT: "", ABSENT: "", _UNCLEAR: "", HINT: ""}
    preposition: Token | None = None
    for position, token in enumerate(tokens):
        if token.role in (WITH, WITHOUT) and preposition and preposition.role != token.role and token.text != "con":
            words[PRESENT], words[ABSENT] = words[PRESENT] or "with", words[ABSENT] or "without"
        kind, text = _kind(tokens, position, preposition)
        if kind:
            words[kind] = words[kind] or text
        if token.role in (WITH, WITHOUT):
            preposition = token
        elif token.role not in (AGENT, WEAK, JOIN) and token.text not in (*_FILLERS, "/", "&", "+"):
            preposition = None
    return Contrast(words[PRESENT], words[ABSENT], words[_UNCLEAR], words[HINT])


def _kind(tokens: Sequence[Token], position: int, preposition: Token | None) -> tuple[str | None, str]:
    """What one word says about contrast (None: nothing), and in which words."""
    token, following = tokens[position], _at(tokens, position + 1)
    if token.role == AGENT or (token.text == "con" and preposition):
        return _of_agent(tokens, position, preposition)
    if token.role in (WITH, WITHOUT):
        return _of_preposition(token, tokens, position), token.text
    if token.role == WEAK:
        return _of_letter(token, tokens, position, preposition)
    if token.role == PRESENT:
        return _of_present(tokens, position, preposition)
    if token.role in (ABSENT, HINT):
        return token.role, token.text
    if token.text == "w" and not (position and tokens[position - 1].text == "t1" and following):
        return _UNCLEAR, token.text
    suspect = token.role is None and may_mean_contrast(token.text)
    return (_UNCLEAR if suspect or _is_open_plus(tokens, position) else None), token.text


def _of_present(tokens: Sequence[Token], position: int, preposition: Token | None) -> tuple[str, str]:
    """``enhanced``, ``post``: contrast was given, unless what stands around it says otherwise."""
    token, following = tokens[position], _at(tokens, position + 1)
    if token.text == "post":
        if any(word.text in ("fossa", "fosse") for word in tokens):
            return HINT, token.text
        if preposition and preposition.role == WITHOUT and preposition.text not in _STAND_ALONE:
            return _UNCLEAR, f"{preposition.text} {token.text}"
        return _of_post(following), token.text
    if preposition and preposition.role == WITHOUT:
        return ABSENT, f"{preposition.text} {token.text}"
    return (_UNCLEAR if following and following.text == MINUS_SIGN else PRESENT), token.text


def _is_open_plus(tokens: Sequence[Token], position: int) -> bool:
    """Whether a word is a plus sign beside nothing, or beside a word that is not known."""
    if tokens[position].text != "+":
        return False
    preceding, following = _at(tokens, position - 1), _at(tokens, position + 1)
    return (
        following is None
        or following.role is None
        or following.before.startswith(")")
        or (preceding is not None and preceding.role is None)
    )


def _of_post(following: Token | None) -> str:
    """``POST`` is after contrast, unless what follows says after what."""
    if following and following.text in _NO_AGENTS:
        return HINT
    if following and (
        following.text in (MINUS_SIGN, DASH_BEHIND) or (following.role is None and following.text.isalpha())
    ):
        return _UNCLEAR
    return PRESENT


def _at(tokens: Sequence[Token], position: int) -> Token | None:
    return tokens[position] if 0 <= position < len(tokens) else None


def _of_preposition(token: Token, tokens: Sequence[Token], position: int) -> str | None:
    """What a preposition says that no agent follows."""
    words_behind = [t for t in tokens[position + 1 :] if t.text not in _FILLERS]
    following = words_behind[0] if words_behind else None
    if following and following.role in (AGENT, WEAK, PRESENT, WITH, WITHOUT):
        return _stand_alone(token) if following.text == "post" or following.role in (WITH, WITHOUT) else None
    if token.role == WITHOUT:
        if token.text in _STAND_ALONE:
            if following and (following.role == HINT or following.text in _NO_AGENTS):
                return HINT
            if following and following.role is None and following.text.isalpha():
                return _UNCLEAR
            return ABSENT
        return ABSENT if token.text in _LAST and not words_behind else None
    behind_agent = position > 0 and tokens[position - 1].role == AGENT
    if token.text in ("with", "con") and not words_behind:
        return PRESENT
    return None if behind_agent else _UNCLEAR


def _stand_alone(token: Token) -> str | None:
    return ABSENT if token.text in _STAND_ALONE else None


def _of_agent(tokens: Sequence[Token], position: int, preposition: Token | None) -> tuple[str, str]:
    token, preceding, following = tokens[position], _at(tokens, position - 1), _at(tokens, position + 1)
    if following and following.text in _NOT_GIVEN_BEHIND:
        return ABSENT, f"{token.text} {following.text}"
    if following and following.text in _NOT_GIVEN_AT_THE_END:
        # "Gd no" says that none was given, "Gd no fat suppression" does not.
        return (ABSENT if position + 2 == len(tokens) else _UNCLEAR), f"{token.text} {following.text}"
    if following and following.text == DASH_BEHIND:
        return _UNCLEAR, f"{token.text}-"
    if following and following.role is None and following.text.isalpha() and token.text.startswith(_GENERIC):
        return _UNCLEAR, f"{token.text} {following.text}"
    if preceding is None and following and following.text.isdigit() and len(token.text) <= 2:
        return _UNCLEAR, f"{token.text} {following.text}"
    if preceding and preceding.text in (DASH_BEFORE, MINUS_SIGN):
        return _UNCLEAR, f"-{token.text}"
    if preposition and preposition.role == WITHOUT:
        return ABSENT, f"{preposition.text} {token.text}"
    if preposition is None and preceding and preceding.role is None and preceding.text.isalpha():
        return _UNCLEAR, f"{preceding.text} {token.text}"
    return PRESENT, token.text


def _of_letter(
    token: Token, tokens: Sequence[Token], position: int, preposition: Token | None
) -> tuple[str, str] | tuple[None, str]:
    """``+C``, ``C-``, ``sans IV``; a letter alone leaves it open."""
    preceding, following = _at(tokens, position - 1), _at(tokens, position + 1)
    if following and following.role == AGENT:
        return None, token.text
    if following and following.text in (MINUS_SIGN, DASH_BEHIND):
        return (_UNCLEAR if preceding and preceding.text == "+" else ABSENT), f"{token.text}-"
    if preceding and preceding.text == DASH_BEFORE:
        return (_UNCLEAR if following and following.text == "+" else ABSENT), f"-{token.text}"
    if preposition:
        return (ABSENT if preposition.role == WITHOUT else PRESENT), f"{preposition.text} {token.text}"
    if preceding and preceding.text == "+":
        return PRESENT, f"+{token.text}"
    if following and following.text == "+":
        return PRESENT, f"{token.text}+"
    if preceding and (preceding.role in (AGENT, PRESENT)):
        return PRESENT, preceding.text
    return _UNCLEAR, token.text
