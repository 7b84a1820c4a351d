"""A name as words: accents folded, words that are written together taken apart, signs kept that carry meaning."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from gliomics.sequences.words import (
    ABSENT,
    AGENT,
    DENSITY,
    FLAIR,
    HINT,
    MASK,
    OTHER,
    PLAIN,
    PRESENT,
    ROLES,
    T1,
    T2,
    UNCLEAR,
    WITH,
    WITHOUT,
    may_mean_contrast,
    role_of,
)

_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe",
                          "Œ": "OE", "ı": "i", "đ": "d", "Đ": "D"})  # fmt: skip
_SUFFIX = re.compile(r"(\.nii|\.nrrd|\.nhdr|\.mha|\.mhd|\.mgz|\.mgh|\.hdr|\.img|\.dcm|\.ima)?(\.gz)?$", re.I)
MINUS_SIGN, DASH_BEHIND, DASH_BEFORE = "signminus", "signdashbehind", "signdashbefore"
"""Words that stand for ``(-)``, for ``C-`` and for ``-C``."""

_EDGE, _END = r"(?<![^\W_])", r"(?![^\W_])"
# Norwegian and Danish "før" is not the English "for".
_BEFORE = re.compile(r"\bf(?:ø|oe)r\b", re.IGNORECASE)
_CYRILLIC_T = re.compile(r"[Тт](?=[12])")
_SPACE = r"(?:\.[ _]?|[ _])"
_AGENTS = r"(con|contrast\w*|kontrast\w*|gad\w*|gd|ce|km|kl|mdc|mc|cte|c|k|iv)"
# Signs and spellings of several parts, as words that are in the lists. The order matters: longer ones first.
_SPELLINGS = [
    (re.compile(pattern, re.IGNORECASE), f" {words} ")
    for pattern, words in [
        (r"m\.\s?d\.\s?c\.?", "mdc"),
        (rf"{_EDGE}(yes\s*/\s*no|on\s*/\s*off){_END}", "with without"),
        (r"[±]|\+\s*/\s*-|-\s*/\s*\+", "with without"),
        (rf"{_EDGE}(w\s?(?:[/&+\\-]|and)\s?w/?o|wwo|wow){_END}", "with without"),
        (rf"{_EDGE}w\s?[/\\]\s?o(ut)?{_END}", "without"),
        (rf"{_EDGE}([wc]\s?/|m/)\s?(?=[^\W\d_])", "with"),
        (rf"{_EDGE}[suo]/\s?(?=[^\W\d_])", "without"),
        (rf"{_EDGE}[wmc]{_SPACE}(?={_AGENTS}{_END})", "with"),
        (rf"{_EDGE}n{_SPACE}(?=(km|kontrast\w*){_END})", "with"),
        (rf"{_EDGE}s[ _](?=kontrast(em|om|nim){_END})", "with"),
        (rf"{_EDGE}o{_SPACE}(?=(kontrast\w*|km|gad\w*|gd){_END})", "without"),
        (rf"{_EDGE}u{_SPACE}(?=kontrast\w*)", "without"),
        (rf"{_EDGE}(dark[\s_-]*fl(uid)?|da[\s_-]*fl|fluid[\s_-]*attenuat\w+){_END}", "flair"),
        (rf"{_EDGE}(black|dark)[\s_-]*blood{_END}", "blackblood"),
        (rf"{_EDGE}mp[\s_-]rage{_END}", "mprage"),
        (rf"{_EDGE}ac[\s_-]pc{_END}", "acpc"),
        (rf"{_EDGE}fat[\s_-]*(sat|supp?)[a-z]*{_END}", "fs"),
        (r"\(\s*\+\s*\)", "+"),
        (r"\(\s*-\s*\)", MINUS_SIGN),
        (r"(?<=[^\W_])-(?=\s|$|[)\]/,;&+])", DASH_BEHIND),
        (r"(?<![^\s(\[])-(?=[^\W_])", DASH_BEFORE),
    ]
]
_ABBREVIATION = re.compile(_EDGE + r"[^\W\d_](?:\.[^\W\d_])+\.?(?![^\W_])")
_PIECE = re.compile(r"(?P<word>[^\W_]+)|(?P<sign>[+&*,;/])")
# A label with a number, or any label before a BIDS suffix; else "sub" is a subtraction.
_SUBJECT = re.compile(r"sub(?:[-_]?(?=\d{2})|-(?=[A-Za-z0-9]*\d)|-(?=.*_(?:T1w|T2w|FLAIR)$))([A-Za-z0-9]+)(?=_|-|$)")
_SILENT_ENTITIES = {"ses", "run", "dir", "res", "den", "echo", "flip", "space", "part"}
_PREFIXES = {"e", "s", "d", "es", "ds", "cs", "wip", "wipe", "wips"}
_SHORT = {
    "t1",
    "t2",
    "ce",
    "gd",
    "km",
    "ax",
    "3d",
    "2d",
    "se",
    "pd",
    "wi",
    "fs",
    "ir",
    "mt",
    "wo",
    "iv",
    "ml",
    "cc",
    "p2",
    "p3",
    "ns",
}
_WEIGHTINGS = {T1, T2, FLAIR, DENSITY}
_TELLING = {*_WEIGHTINGS, AGENT, PRESENT, ABSENT, OTHER, MASK, HINT}
_WEIGHTED_SCRIPT = re.compile(r"加权像?|加權像?|强调像?|強調画?像?|轴位|矢状位?|冠状位?|横断位?|軸位|扫描|撮影|像")
_CONTRAST_SCRIPT = re.compile(r"增强|造影|强化|조영")
_PLAIN_SCRIPT = re.compile(r"平扫|非增强|単純|單純|비조영|造影前|增强前|造影なし")


@dataclass(frozen=True)
class Token:
    """A word or sign, its role (None: unknown), what stands before it, and whether it is one word with the former."""

    text: str
    role: str | None
    before: str = ""
    glued: bool = False


def tokenise(name: str) -> list[Token]:
    """The words and signs of a name, in order."""
    text = _BEFORE.sub("fore", _CYRILLIC_T.sub("T", unicodedata.normalize("NFKC", name))).translate(_LETTERS)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = _without_bids_entities(_SUFFIX.sub("", text.strip()))
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    text = _ABBREVIATION.sub(lambda match: match[0].replace(".", "") + " ", text)
    tokens: list[Token] = []
    end = 0
    for match in _PIECE.finditer(text):
        before, end = text[end : match.start()], match.end()
        if match["sign"]:
            tokens.append(Token(match["sign"], None, before))
            continue
        for number, (word, role) in enumerate(_words(match["word"])):
            tokens.append(Token(word, role, "" if number else before, glued=number > 0))
    return tokens


def _without_bids_entities(text: str) -> str:
    """A BIDS name without the entities that say nothing of the sequence; ``ce-<agent>`` becomes its meaning."""
    subject = _SUBJECT.match(text)
    if not subject or any(role in _TELLING or may_mean_contrast(word) for word, role in _words(subject[1])):
        return text
    parts = []
    for part in text[subject.end() :].strip("_-").split("_"):
        key, _, value = part.partition("-")
        roles = {role for _, role in _words(value)} if value.isalnum() else {UNCLEAR}
        contrast = roles & {AGENT, PRESENT, ABSENT, WITH, WITHOUT, UNCLEAR}
        if key == "ce" and value.isalnum() and OTHER not in roles:
            parts.append("native" if value.lower() in ("none", "no", "pre", "0", "native", "without") else "gd")
        elif key == "ses" and contrast:
            parts.append("unknown")
        elif key == "part" and value.lower() != "mag":
            parts.append("phase map")
        elif key not in _SILENT_ENTITIES or contrast or (key != "space" and roles & {T1, T2, FLAIR, OTHER}):
            parts.append(part)
    return "_".join(parts)


def _words(run: str) -> list[tuple[str, str | None]]:
    """The words of letters and digits that are written together."""
    low = run.lower()
    role = PLAIN if low in (MINUS_SIGN, DASH_BEHIND, DASH_BEFORE) else role_of(low)
    if role is not None:
        return [(low, role)]
    if not low.isascii():
        pieces = re.findall(r"[a-z0-9]+|[^a-z0-9]+", low)
        if len(pieces) > 1:
            return [word for piece in pieces for word in _words(piece)]
        if _PLAIN_SCRIPT.search(low):
            return [(low, ABSENT)]
        if _WEIGHTED_SCRIPT.fullmatch(low):
            return [(low, PLAIN)]
        return [(low, AGENT if _CONTRAST_SCRIPT.search(low) else UNCLEAR)]
    split = _split(low)
    if split:
        return [(word, _role_inside(word, split, number)) for number, word in enumerate(split)]
    camel = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[A-Z]", run)
    camel = _join_numbers(camel)
    if len(camel) > 1 and any(role_of(word.lower()) in _TELLING or _split(word.lower()) for word in camel):
        return [word for piece in camel for word in _words(piece)]
    return [(low, None)]


def _join_numbers(words: list[str]) -> list[str]:
    """``T``, ``1`` of a CamelCase name belong together, as do ``3``, ``D``."""
    text = " ".join(words)
    text = re.sub(r"\b([A-Za-z]*[Tt]) ([12])\b", r"\1\2", text)
    text = re.sub(r"\b([23]) ([Dd])\b", r"\1\2", text)
    return text.split()


def _role_inside(word: str, words: tuple[str, ...], number: int) -> str | None:
    if word == "c":
        return PRESENT
    if word == "n":
        return ABSENT
    if word in _PREFIXES and number == 0:
        return PLAIN
    return ROLES.get(word)


@lru_cache(maxsize=4096)
def _split(run: str) -> tuple[str, ...] | None:
    """The fewest known words that make up ``run``, at least one of them telling; None if there are none."""
    best: list[tuple[str, ...] | None] = [()] + [None] * len(run)
    for end in range(1, len(run) + 1):
        for start in range(end):
            words = best[start]
            if words is None:
                continue
            word = run[start:end]
            shorter = best[end] is None or len(words) + 1 < len(best[end] or ())
            if shorter and _may_follow(word, words, run[end:]):
                best[end] = (*words, word)
    split = best[-1]
    if split is None or len(split) < 2 or not any(ROLES.get(word) in _TELLING for word in split):
        return None
    return split


def _may_follow(word: str, words: tuple[str, ...], rest: str) -> bool:
    last = ROLES.get(words[-1]) if words else None
    if word.isdigit():
        return last not in (T1, T2)
    if word in ("c", "n"):
        return last == T1 and (word == "c" or not rest)
    if word in _PREFIXES and not words:
        return bool(re.match(r"t[12]|3d|flair", rest))
    return word in _SHORT or (len(word) >= 3 and word in ROLES)
