"""What is read of one segment, worded, rounded and put in order: whoever shows it shows it as it is.

Plain dataclasses of the standard library, as in :mod:`gliomics.records`, and as these they travel as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from gliomics.records import RESEARCH_NOTICE, Record

Tone = Literal["plain", "weak", "caution"]
"""How something is shown: as it is, greyed because there is little evidence for it, or in the colour of a warning."""
PLAIN: Final = "plain"
WEAK: Final = "weak"
CAUTION: Final = "caution"


@dataclass(frozen=True)
class Fact(Record):
    """One line about the segment, such as its volume.

    ``text`` is ``value`` rounded, with its ``unit``; ``value`` is None where the fact is no number (a side) or is not
    known, and ``text`` then says so. ``explanation`` says how it was measured, for whoever asks.
    """

    name: str
    text: str
    value: float | None = None
    unit: str = ""
    explanation: str = ""
    tone: Tone = PLAIN


@dataclass(frozen=True)
class ClassBar(Record):
    """One class of an estimate: ``name`` as the model has it, ``title`` as a radiologist reads it.

    ``low`` and ``high`` bound the 90 % interval of the probability. ``training_share`` is the share of the training
    patients that were of this class, which is what a model that sees nothing would say. ``in_set`` says whether the
    class cannot be excluded (None: not known). The tone is ``weak`` where the model was not shown to tell this class.
    """

    name: str
    title: str
    probability: float
    low: float
    high: float
    text: str
    training_share: float | None = None
    in_set: bool | None = None
    tone: Tone = PLAIN


@dataclass(frozen=True)
class EstimateReading(Record):
    """One question and what the model answers, the most probable class first.

    ``title`` is the question ("IDH"), ``headline`` the answer in a few words, to be shown as it is: it names a class
    only as far as the estimate carries. ``meaning`` says what question and classes mean. ``cautions`` are sentences to
    be seen, ``reasons`` the three features that speak most for or against the class, ``details`` what goes behind an
    info button: population, figures, model and version. ``model`` and ``version`` tell estimates apart. ``part_of`` is
    the title of the answer that this one, with others, was joined to.
    """

    parts: ClassVar[Mapping[str, type[Record]]] = {"bars": ClassBar}

    title: str
    headline: str
    tone: Tone
    bars: list[ClassBar]
    meaning: str = ""
    cautions: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    model: str = ""
    version: str = ""
    part_of: str = ""


@dataclass(frozen=True)
class Population(Record):
    """The training patients' values of one feature, for a plot: quantiles at ``levels`` over all and by class.

    ``name`` says who they are, ``n`` how many; ``titles`` are the classes in a word or two.
    """

    name: str
    n: int
    levels: list[float]
    overall: list[float]
    by_class: dict[str, list[float]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KeyFeature(Record):
    """One of the few features to look at; ``feature`` is its column, ``name`` and ``text`` how people read it.

    ``percentile`` (1 to 99) is where the value lies in ``population``; both are None where no model uses the feature.
    The tone is ``weak`` for a feature that depends on exactly where the edge was drawn and ``caution`` for a value
    outside the range of 90 % of the population.
    """

    parts: ClassVar[Mapping[str, type[Record]]] = {"population": Population}

    feature: str
    name: str
    value: float
    text: str
    unit: str = ""
    explanation: str = ""
    percentile: float | None = None
    percentile_text: str = ""
    stability_text: str = ""
    tone: Tone = PLAIN
    population: Population | None = None


@dataclass(frozen=True)
class VasariReading(Record):
    """The VASARI features of a tumour: those that are ``told``, and those left ``open``, each with the reason as text.

    A fact's name is number and name of the feature, its explanation what the feature asks. ``note`` says how the place
    in the brain was found, or why it was not.
    """

    parts: ClassVar[Mapping[str, type[Record]]] = {"told": Fact, "open": Fact}

    told: list[Fact]
    open: list[Fact]
    note: str = ""


@dataclass(frozen=True)
class Reading(Record):
    """What is read of one region of one study, in the order in which it is shown.

    ``region`` is its name in tables, ``title`` as people read it. ``headline`` has where it lies and how large it is,
    ``cautions`` what to beware of in the mask, the images and all estimates together, and models that gave none, with
    the reason. ``key_features_note`` says who the population is and what the signs mean. ``vasari`` is None unless it
    was asked for; then where the region lies is told by an atlas, where the images could be laid on it.
    """

    parts: ClassVar[Mapping[str, type[Record]]] = {
        "headline": Fact,
        "estimates": EstimateReading,
        "key_features": KeyFeature,
        "vasari": VasariReading,
    }

    study_id: str
    region: str
    title: str
    headline: list[Fact]
    estimates: list[EstimateReading] = field(default_factory=list)
    key_features: list[KeyFeature] = field(default_factory=list)
    key_features_note: str = ""
    cautions: list[str] = field(default_factory=list)
    notice: str = RESEARCH_NOTICE
    vasari: VasariReading | None = None
