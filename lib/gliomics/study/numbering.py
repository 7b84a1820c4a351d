"""Which label value of a mask is which part of a glioma: the numberings in use, told or found from the values.

The same value means different things in different data sets: 3 is the enhancing tumour in BraTS 2023 and the
non-enhancing core in BraTS 2012, 4 the enhancing tumour in BraTS 2021 and the resection cavity in BraTS 2024. So a part
is asked for by its name, and where the values of a mask leave open which numbering it has, nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from gliomics.errors import InputError
from gliomics.study.volumes import Mask

CORE: Final = "core-without-enhancement"
OEDEMA: Final = "oedema"
ENHANCING: Final = "enhancing"
CAVITY: Final = "cavity"
UNDIVIDED: Final = "tumour"
NamedPart = Literal["core-without-enhancement", "oedema", "enhancing", "cavity"]
Part = NamedPart | Literal["tumour"]
PARTS: tuple[Part, ...] = (CORE, OEDEMA, ENHANCING, CAVITY, UNDIVIDED)
"""Parts of a segmented glioma; a cavity is no tumour, and ``tumour`` is one whose parts were not told apart."""

PARTS_OF_REGION: Mapping[str, tuple[NamedPart, ...]] = MappingProxyType(
    {"tumour-core": (CORE, ENHANCING), "enhancing": (ENHANCING,), "oedema": (OEDEMA,), "cavity": (CAVITY,)}
)
"""The parts that make up a named region, where it is less than the whole tumour (Menze 2015)."""

_HOW_TO_OVERRULE = 'say which with --numbering (option "numbering" of the server)'
HOW_TO_TELL = f'{_HOW_TO_OVERRULE} or "numbering" in study.json'

_SPELLINGS: dict[Part, str] = {
    CORE: (
        "core without enhancement, non enhancing, nonenhancing, non enhancing core, non enhancing tumour, "
        "non enhancing tumour core, necrosis, necrotic, necrotic core, necrotic tumour core, "
        "cystic component, cc, necrotic non enhancing core, necrotic non enhancing tumour core, ncr, net, netc, ncr net"
    ),
    OEDEMA: (
        "oedema, peritumoral oedema, vasogenic oedema, peritumoral oedematous tissue, oedema invasion, ed, snfh, "
        "surrounding non enhancing flair hyperintensity"
    ),
    ENHANCING: (
        "enhancing, enhancement, enhancing tumour, enhancing core, contrast enhancing, contrast enhancing tumour, "
        "contrast enhancement, gd enhancing tumour, et"
    ),
    CAVITY: "cavity, resection cavity, surgical cavity, rc",
    UNDIVIDED: "tumour, whole, whole tumour, lesion, whole lesion, glioma, wt",
}
_UNNAMED = re.compile(r"((segment|label|value|class)[ _-]*)?\d*", re.IGNORECASE)
"""Names that programs give to segments that nobody named."""

_PARTS_BY_SPELLING = {name: part for part, names in _SPELLINGS.items() for name in names.split(", ")}


@dataclass(frozen=True)
class Numbering:
    """Label values and the part that each is."""

    name: str
    parts: Mapping[int, str]

    def __str__(self) -> str:
        parts = ", ".join(f"{value} {part}" for value, part in sorted(self.parts.items()))
        return f"{self.name} ({parts})" if self.name in NUMBERINGS else parts

    def labels_of(self, parts: Collection[str], present: Collection[int]) -> frozenset[int] | None:
        """The values among ``present`` that are one of ``parts``; None where a part hides in a tumour not divided."""
        held = {value: part for value, part in self.parts.items() if value in present}
        if UNDIVIDED in held.values() and not set(parts) <= set(held.values()):
            return None
        return frozenset(value for value, part in held.items() if part in parts)

    def explains(self, labels: Collection[int]) -> bool:
        """Whether a mask with these values can be numbered so.

        Where there is a cavity (surgery), a core without enhancement is by its definition enclosed by enhancing tumour:
        values 1, 2, 4 without 3 are not BraTS 2024.
        """
        parts = {self.parts.get(label) for label in labels}
        return None not in parts and not (CAVITY in parts and CORE in parts and ENHANCING not in parts)


NUMBERINGS: Mapping[str, Numbering] = MappingProxyType(
    {
        name: Numbering(name, MappingProxyType(parts))
        for name, parts in {
            "whole": {1: UNDIVIDED},
            "brats-2016": {1: CORE, 2: OEDEMA, 3: CORE, 4: ENHANCING},
            "brats-2021": {1: CORE, 2: OEDEMA, 4: ENHANCING},
            "brats-2023": {1: CORE, 2: OEDEMA, 3: ENHANCING},
            "brats-2024": {1: CORE, 2: OEDEMA, 3: ENHANCING, 4: CAVITY},
            "msd": {1: OEDEMA, 2: CORE, 3: ENHANCING},
        }.items()
    }
)
"""The numberings that have a name.

The BraTS challenges of 2012 to 2016 (3 is the non-enhancing core), of 2017 to 2021 (UPENN-GBM and UCSF-PDGM likewise),
of 2023, of 2024 after treatment (4 is the resection cavity), and task 1 of the Medical Segmentation Decathlon.
"""


@dataclass(frozen=True)
class MaskNumbering:
    """The numberings that a mask may have (``labels`` are its values above 0), and in words how that is known.

    ``uncertain`` are segments whose names are no part that is known; they count as tumour that is not divided.
    """

    labels: frozenset[int]
    numberings: tuple[Numbering, ...]
    source: str
    uncertain: Mapping[int, str] = field(default_factory=dict)

    def labels_of(self, parts: Collection[str], region: str, name: str) -> frozenset[int]:
        """The values of a region that is made of ``parts``; none where the mask has none of it.

        ``region`` and the ``name`` of the mask are for errors. Raises :class:`InputError` where the numberings that the
        mask may have disagree, or none explains its values.
        """
        meanings = {numbering.labels_of(parts, self.labels) for numbering in self.numberings}
        if len(meanings) == 1 and (labels := next(iter(meanings))) is not None:
            return labels
        values = f"the mask holds {_listed(self.labels)}"
        if not self.numberings:
            raise InputError(
                f"region '{region}' of {name} is unknown: {values}; {self.source}; "
                f"{HOW_TO_TELL}, e.g. {_example(self.labels)}"
            )
        if len(self.numberings) == 1:
            names = "".join(f", label {value} is named '{text}'" for value, text in sorted(self.uncertain.items()))
            raise InputError(
                f"region '{region}' of {name} is unknown: {values} ({self.source}{names}), which does not tell the "
                "parts of the tumour apart; measure 'whole'"
                + (f" or a label value, or {_HOW_TO_OVERRULE}" if names else "")
            )
        raise InputError(
            f"region '{region}' of {name} is ambiguous: {values}, and {self._disagreement()}; {HOW_TO_TELL}: "
            + "; ".join(map(str, self.numberings))
        )

    @property
    def tumour(self) -> frozenset[int]:
        """The values of the whole tumour: all but those that are certainly a cavity."""
        return self.labels - self._cavity(all)

    @property
    def whole_is_unknown(self) -> bool:
        """Whether it was said which parts there are, and nothing of how far the tumour reaches beyond its core.

        So it is with the mask of a network that saw contrast-enhanced T1 alone. A part that has a name and no voxel is
        known: a segment of oedema that is empty says that there is none.
        """
        was_said = self.source in ("told", "study.json", "names of the segments")
        return (
            was_said
            and bool(self.numberings)
            and not self.uncertain
            and not any({OEDEMA, UNDIVIDED} & set(numbering.parts.values()) for numbering in self.numberings)
        )

    def require_whole(self, region: str, name: str) -> None:
        """Raise :class:`InputError` for a ``region`` that depends on the whole tumour where that is unknown."""
        if self.whole_is_unknown:
            raise InputError(
                f"region '{region}' of {name} is unknown: the mask has {self.numberings[0]} ({self.source}), and "
                "nothing says how far the tumour reaches beyond; measure 'tumour-core' or 'enhancing', or add a "
                "segment 'oedema', empty where there is none"
            )

    @property
    def is_undivided(self) -> bool:
        """Whether the mask is certainly of tumour whose parts were not told apart, and of nothing else."""
        parts = {numbering.parts[label] for numbering in self.numberings for label in self.labels}
        return parts == {UNDIVIDED}

    @property
    def doubtful_cavity(self) -> frozenset[int]:
        """The values that may be a cavity, and are counted as tumour because it is not known."""
        return self._cavity(any) - self._cavity(all)

    @property
    def name(self) -> str | None:
        """The numbering's name, or those that it may be; None where none explains the values.

        Of numberings that say the same of these values, the one that has no others stands for all.
        """
        by_meaning: dict[frozenset[tuple[int, str]], list[Numbering]] = {}
        for numbering in self.numberings:
            by_meaning.setdefault(frozenset((label, numbering.parts[label]) for label in self.labels), []).append(
                numbering
            )
        names = [
            numbering.name
            for group in by_meaning.values()
            for numbering in ([exact for exact in group if exact.parts.keys() == self.labels] or group)
        ]
        return " or ".join(names) or None

    def _cavity(self, quantifier: Callable[[Iterable[bool]], bool]) -> frozenset[int]:
        return frozenset(
            label
            for label in self.labels
            if self.numberings and quantifier(numbering.parts[label] == CAVITY for numbering in self.numberings)
        )

    def _disagreement(self) -> str:
        """What each value is that is not the same part in every numbering."""
        sentences = []
        for label in sorted(self.labels):
            names: dict[str, list[str]] = {}
            for numbering in self.numberings:
                names.setdefault(numbering.parts[label], []).append(numbering.name)
            if len(names) > 1:
                meanings = (f"{part} in {' and '.join(numberings)}" for part, numberings in names.items())
                sentences.append(f"label {label} is {', '.join(meanings)}")
        return "; ".join(sentences)


def numbering_of_mask(
    labels: Iterable[int],
    name: str,
    *,
    given: str | None = None,
    study: str | None = None,
    segments: Mapping[int, str] | None = None,
    cohort: Collection[int] = (),
) -> MaskNumbering:
    """The numberings that a mask may have, whose values above 0 are ``labels``; ``name`` says in errors whose it is.

    ``given`` is the numbering that a person said, ``segments`` the names of the mask's segments by value, ``study`` the
    numbering of its study, ``cohort`` the values of all masks that were made with it. Without any of the first three
    the values decide: those of the cohort where they have a numbering, else its own. A mask of label 1 alone may always
    be a whole tumour, unless a person or its segments say otherwise. Where only some of the segments have a name that
    is certain, the others are tumour that is not divided: with names, the values mean nothing.

    Raises :class:`InputError` for a mask with values that the numbering told does not have, and where the names of the
    segments say something else than the numbering told.
    """
    present = frozenset(int(label) for label in labels if label > 0)
    named = _numbering_by_names(segments or {})
    if given is not None:
        numbering = parse_numbering(given)
        if unknown := present - numbering.parts.keys():
            raise InputError(
                f"{name} holds {_listed(present)}; {_listed(unknown)} is not in the numbering told, {numbering}; "
                f"{HOW_TO_TELL}"
            )
        if named is not None and any(named.parts.get(label, part) != part for label, part in numbering.parts.items()):
            raise InputError(f"the segments of {name} are {named}, the numbering told is {numbering}; drop one of them")
        return MaskNumbering(present, (numbering,), "told")
    if named is not None and present:
        uncertain = {value: (segments or {}).get(value, "no name") for value in present - named.parts.keys()}
        named = _written_out({**named.parts, **dict.fromkeys(uncertain, UNDIVIDED)})
        return MaskNumbering(present, (named,), "names of the segments", uncertain)
    alone = (NUMBERINGS["whole"],) if present <= {1} else ()
    numbering = parse_numbering(study) if study is not None else NUMBERINGS["whole"]
    has_all = present <= numbering.parts.keys()
    if study is not None and (has_all or set(numbering.parts.values()) != {UNDIVIDED}):
        if not has_all:
            return MaskNumbering(present, (), f"the numbering of study.json is {numbering}")
        or_whole = tuple(whole for whole in alone if whole.parts != numbering.parts)
        return MaskNumbering(present, (*or_whole, numbering), "study.json")
    every = possible_numberings(present | frozenset(cohort))
    if every and present != frozenset(cohort) | present:
        or_whole = tuple(whole for whole in alone if whole not in every)
        return MaskNumbering(
            present, (*or_whole, *every), f"{_listed(present | set(cohort))} in all masks of the folder"
        )
    every = possible_numberings(present)
    explanation = f"the numberings known are {'; '.join(map(str, NUMBERINGS.values()))}"
    return MaskNumbering(present, every, _listed(present) if every else explanation)


def labels_of_mask(mask: Mask) -> list[int]:
    """The values above 0 in a mask."""
    voxels = mask.array.ravel(order="K")  # as they are stored, which is several times as fast
    return [int(value) for value in np.unique(voxels[voxels > 0])]


def tumour_of(mask: Mask, study: str | None, segments: Mapping[int, str] | None = None) -> Mask:
    """A mask without the resection cavity, where its ``segments`` or the numbering of its ``study`` name one."""
    numbering = numbering_of_mask(labels_of_mask(mask), "the mask", study=study, segments=segments)
    cavity = sorted(numbering.labels - numbering.tumour)
    return mask.with_array(np.where(np.isin(mask.array, cavity), 0, mask.array)) if cavity else mask


def possible_numberings(labels: Collection[int]) -> tuple[Numbering, ...]:
    """The numberings that have a name and can explain these values."""
    return tuple(numbering for numbering in NUMBERINGS.values() if numbering.explains(labels))


def parse_numbering(text: str) -> Numbering:
    """A numbering by its name (a key of :data:`NUMBERINGS`) or written out.

    >>> parse_numbering("1=necrosis, 2=enhancing, 3=oedema").parts[2]
    'enhancing'

    Raises :class:`InputError` for another name, a part that is none and a value given twice.
    """
    if text.strip().lower() in NUMBERINGS:
        return NUMBERINGS[text.strip().lower()]
    names = f"give {', '.join(NUMBERINGS)}, or values with their parts, e.g. 1={CORE},2={OEDEMA},4={ENHANCING}"
    parts: dict[int, str] = {}
    for item in text.split(","):
        value, equals, spelling = (word.strip() for word in item.partition("="))
        if not equals or not value.isdecimal() or int(value) < 1:
            raise InputError(f"numbering '{text}' is unknown; {names}")
        part = part_of_name(spelling)
        if part is None:
            raise InputError(f"'{spelling}' in numbering '{text}' is no part of a tumour; parts are {', '.join(PARTS)}")
        if int(value) in parts:
            raise InputError(f"numbering '{text}' has label {int(value)} twice; give each value one part")
        parts[int(value)] = part
    return _written_out(parts)


def part_of_name(name: str) -> Part | None:
    """The part that a segment's name means, in the usual spellings; None where it is not certain.

    ``core`` and ``tumour core`` are not, because the enhancing tumour may or may not be in it.
    """
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
    words = re.sub(r" \d+$", "", words)  # of several, e.g. "lesion 2"
    for spelling, word in ((r"\btumor", "tumour"), (r"\bedema", "oedema"), (r"\band ", "")):
        words = re.sub(spelling, word, words)
    return _PARTS_BY_SPELLING.get(words)


def numbering_of_segments(names: Mapping[int, str]) -> Numbering | None:
    """The numbering of a mask whose segments have names; None unless each of them is certain."""
    numbering = _numbering_by_names(names)
    return numbering if numbering is not None and numbering.parts.keys() == set(names) else None


def _numbering_by_names(names: Mapping[int, str]) -> Numbering | None:
    """The parts of the segments whose names are certain; None where nobody named a segment."""
    if all(_UNNAMED.fullmatch(name.strip()) for name in names.values()):
        return None
    return _written_out({int(value): part for value, name in names.items() if (part := part_of_name(name)) is not None})


def _written_out(parts: Mapping[int, str]) -> Numbering:
    name = ",".join(f"{value}={part}" for value, part in sorted(parts.items()))
    return Numbering(name, MappingProxyType(dict(parts)))


def _listed(labels: Collection[int]) -> str:
    values = sorted(labels)
    if not values:
        return "no label"
    more = f" and {len(values) - 10} more" if len(values) > 10 else ""
    return f"label {', '.join(map(str, values[:10]))}{more}"


def _example(labels: Collection[int]) -> str:
    parts = (CORE, OEDEMA, ENHANCING)
    return ",".join(f"{label}={part}" for label, part in zip(sorted(labels), parts, strict=False))
