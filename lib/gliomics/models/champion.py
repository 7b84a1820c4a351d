"""Champion and challenger: whether a new version of a model may take the place of the one that serves."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gliomics.models.card import ModelCard
from gliomics.models.folder import ModelFolder
from gliomics.models.store import ModelStore

SMALLEST_GAIN = 0.01
"""The smallest difference of mean scores that is worth another version."""

LEAST_PATIENTS = 5
"""Patients that a verdict needs at the very least: the spread of fewer differences says little."""

POWER = 0.8
"""How often the number of patients that a verdict asks for would show the gain, if it is there."""

Outcome = Literal["better", "not better", "too few patients to tell", "another version serves", "no better than chance"]


@dataclass(frozen=True)
class Gain:
    """The mean difference of paired scores with its 95 % interval (Student), over ``n`` patients."""

    mean: float
    low: float
    high: float
    deviation: float
    n: int

    @classmethod
    def of(cls, differences: Sequence[float]) -> Gain:
        """Of one difference per patient; the interval of a single one reaches everywhere."""
        from scipy.stats import t

        n, mean = len(differences), float(np.mean(differences))
        if n == 1:
            return cls(mean, -math.inf, math.inf, math.nan, n)
        deviation = float(np.std(differences, ddof=1))
        reach = float(t.ppf(0.975, n - 1)) * deviation / math.sqrt(n)
        return cls(mean, mean - reach, mean + reach, deviation, n)

    @property
    def needed(self) -> int:
        """Patients with whom the gain, or :data:`SMALLEST_GAIN` if it is smaller, would show with :data:`POWER`.

        The normal approximation of the paired t-test with Guenther's correction (1981).
        """
        from scipy.stats import norm

        if self.n < 3:
            return LEAST_PATIENTS
        z = float(norm.ppf(0.975))
        ratio = (z + float(norm.ppf(POWER))) * self.deviation / max(self.mean, SMALLEST_GAIN)
        return max(LEAST_PATIENTS, math.ceil(ratio**2 + z**2 / 2))


@dataclass(frozen=True)
class Verdict:
    """What a comparison says, in words and in numbers; only what is ``better`` is published.

    ``gain``, ``low`` and ``high`` are the mean difference and its 95 % interval over ``n`` patients; None where there
    is none. ``needed`` is about how many patients would tell, where these are too few.
    """

    outcome: Outcome
    sentence: str
    n: int
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    needed: int | None = None

    @property
    def published(self) -> bool:
        """Whether the challenger shall serve."""
        return self.outcome == "better"

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """Scores by patient of the ``champion`` version and of a challenger, each of patients that it had not seen.

    A score is at most 1, which is best; ``score`` is its name. ``favoured`` are patients whose label was made from the
    champion's own mask, so that it scores higher there than against the truth. ``seen`` counts labelled patients who
    are not compared because the champion learned from them.
    """

    champion: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    score: str = "Dice"
    favoured: Collection[str] = ()
    seen: int = 0

    def gain(self, patients: Collection[str]) -> Gain | None:
        """The challenger's gain over some patients."""
        differences = [self.after[patient] - self.before[patient] for patient in sorted(patients)]
        return Gain.of(differences) if differences else None

    def describe(self, patients: Collection[str], gain: Gain) -> str:
        """The figures over some patients."""
        before, after = (float(np.mean([scores[p] for p in patients])) for scores in (self.before, self.after))
        interval = f" (95 % interval {gain.low:+.3f} to {gain.high:+.3f})" if gain.n >= LEAST_PATIENTS else ""
        return (
            f"mean {self.score} {after:.3f} against {before:.3f} of version {self.champion}, difference "
            f"{gain.mean:+.3f}{interval} over {_patients(gain.n)}, unseen by the models compared"
        )


@dataclass(frozen=True)
class Retraining:
    """What came of a retraining: the new version, the verdict, and the scores that it was reached by."""

    model: ModelFolder
    verdict: Verdict
    before: dict[str, float]
    after: dict[str, float]

    @property
    def published(self) -> bool:
        """Whether the new version serves now."""
        return self.verdict.published

    @property
    def reason(self) -> str:
        """Why it serves, or does not."""
        return self.model.card.reason


def verdict(comparison: Comparison) -> Verdict:
    """Whether a challenger is better, from patients whom neither version had seen, compared one by one.

    It is better where the 95 % interval of the mean difference lies above 0, and not better where it lies below
    :data:`SMALLEST_GAIN`; else, and with fewer than :data:`LEAST_PATIENTS`, too few patients to tell.

    Labels that were made from the champion's own masks can only hide a gain. So they count where a challenger is
    better in spite of them; that one is not better is never said on their word.

    >>> before = {"p1": 0.70, "p2": 0.81, "p3": 0.66, "p4": 0.75, "p5": 0.90}
    >>> after = {patient: dice + 0.02 for patient, dice in before.items()}
    >>> verdict(Comparison("1", before, after)).outcome
    'better'
    >>> verdict(Comparison("1", {"p1": 0.70}, {"p1": 0.72})).outcome
    'too few patients to tell'
    """
    everybody = list(comparison.before)
    neutral = [patient for patient in everybody if patient not in comparison.favoured]
    for patients in (everybody, neutral):
        gain = comparison.gain(patients)
        if gain is not None and gain.n >= LEAST_PATIENTS and gain.low > 0:
            in_spite = _in_spite(len(patients) - sum(patient in neutral for patient in patients), comparison.champion)
            return _verdict("better", f"published: {comparison.describe(patients, gain)}{in_spite}", gain)
    gain = comparison.gain(neutral)
    if gain is not None and gain.n >= LEAST_PATIENTS and gain.high < SMALLEST_GAIN:
        figures = comparison.describe(neutral, gain)
        return _verdict("not better", f"kept, not published: {figures}; it is not better by {SMALLEST_GAIN}", gain)
    return _too_few(comparison, neutral)


def challenge(
    store: ModelStore,
    card: ModelCard,
    files: Mapping[str, Callable[[Path], None]],
    comparison: Comparison,
    *,
    note: str = "",
    refusal: str = "",
) -> Retraining:
    """Keep a new version of its ``card.parent``, and publish it if :func:`verdict` says that it is better.

    It is not published where another version than the one compared serves by now, and where there is a ``refusal``:
    why it must not serve although it is better.
    ``note`` is added to the verdict's sentence as the reason, which is kept with the version either way.
    """
    decision = verdict(comparison)
    serving = store.current(card.name).card.version
    if decision.published and serving != comparison.champion:  # somebody rolled back while the challenger learned
        decision = replace(
            decision, outcome="another version serves", sentence=_overtaken(comparison, decision, serving)
        )
    if decision.published and refusal:
        better = decision.sentence.removeprefix("published: ")
        decision = replace(
            decision, outcome="no better than chance", sentence=f"kept, not published: {refusal}; {better}"
        )
    reason = decision.sentence + note
    model = store.add(card.model_copy(update={"reason": reason}), files)
    if decision.published:
        store.publish(card.name, model.card.version, reason)
    return Retraining(model, decision, dict(comparison.before), dict(comparison.after))


def _overtaken(comparison: Comparison, decision: Verdict, serving: str) -> str:
    """Why a challenger that is better does not serve: it was compared with a version that no longer does."""
    return (
        f"kept, not published: version {serving} serves instead of version {comparison.champion} since the training "
        f"began, and nothing was compared with it; {decision.sentence.removeprefix('published: ')}"
    )


def _too_few(comparison: Comparison, neutral: Collection[str]) -> Verdict:
    """What there is, why it does not tell, and what would do."""
    gain, all_gain = comparison.gain(neutral), comparison.gain(list(comparison.before))
    counted = gain or all_gain
    needed = max(counted.needed if counted is not None else LEAST_PATIENTS, len(neutral) + 1)
    reasons = []
    if comparison.seen:
        reasons.append(f"version {comparison.champion} learned from {_patients(comparison.seen)} who are labelled")
    favoured = len(comparison.before) - len(neutral)
    if favoured:
        reasons.append(f"{_labels(favoured)} made from its own masks, which favours it")
    figures = "" if all_gain is None else f": {comparison.describe(list(comparison.before), all_gain)}"
    sentence = (
        f"kept, not published: too few patients to tell{figures}{''.join(f'; {reason}' for reason in reasons)}; about "
        f"{needed} patients would do that version {comparison.champion} has not seen"
        + (" and whose labels were not made from its masks" if favoured else "")
    )
    return Verdict(
        "too few patients to tell",
        sentence,
        0 if all_gain is None else all_gain.n,
        *_interval(all_gain),
        needed=needed,
    )


def _verdict(outcome: Outcome, sentence: str, gain: Gain) -> Verdict:
    return Verdict(outcome, sentence, gain.n, *_interval(gain))


def _interval(gain: Gain | None) -> tuple[float | None, float | None, float | None]:
    if gain is None:
        return None, None, None
    has_interval = gain.n >= LEAST_PATIENTS
    return gain.mean, gain.low if has_interval else None, gain.high if has_interval else None


def _in_spite(favoured: int, champion: str) -> str:
    return f", in spite of {_labels(favoured)} made from masks of version {champion}" if favoured else ""


def _patients(number: int) -> str:
    return f"{number} patient{'' if number == 1 else 's'}"


def _labels(number: int) -> str:
    return f"{number} label{'' if number == 1 else 's'}"
