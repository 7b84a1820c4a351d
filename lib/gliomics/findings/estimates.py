"""A subtype estimate in words: what it says, how far that goes, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gliomics.findings.targets import Target, target_of
from gliomics.models import Metric
from gliomics.reading.feature_words import read_feature_name, sequence_title, upper_first
from gliomics.reading.numbers import number, ordinal, probability
from gliomics.reading.record import CAUTION, PLAIN, WEAK, ClassBar, EstimateReading, Tone
from gliomics.records import Contribution, SubtypeEstimate
from gliomics.subtype.doubt.novelty import ALIKE
from gliomics.subtype.predict import SubtypeModel

CHANCE = 0.5
"""The AUC of a model that knows nothing."""
MAJORITY = 0.5
WIDE = 0.05
"""A range over moved edges that is told: a quarter of a change of a probability that counts, because an edge that
somebody else draws differs by more than those that are tried."""
REASONS = 3
"""Features that are given as reasons."""
_MANY = 0.2
"""Share of the features beyond the range of 90 % of the training patients that is worth a caution: twice the usual."""
_LEAST_REASON = 0.05
"""Log-odds below which a feature is no reason: it changes a probability by little more than 0.01."""


def read_estimate(
    estimate: SubtypeEstimate, model: SubtypeModel, others: Sequence[SubtypeEstimate] = ()
) -> EstimateReading:
    """What an estimate by ``model`` is read as; ``others`` are those of the same segment.

    One that is asked of some patients alone counts as little as the others say that this is one of them.
    """
    return EstimateInWords(estimate, model, target_of(estimate.target), others).reading()


@dataclass(frozen=True)
class EstimateInWords:
    """An estimate by a model that is at hand."""

    estimate: SubtypeEstimate
    model: SubtypeModel
    target: Target
    others: Sequence[SubtypeEstimate] = ()

    def reading(self) -> EstimateReading:
        tone, headline = self._tone_and_headline()
        return EstimateReading(
            title=self._title,
            headline=headline,
            tone=tone,
            bars=[self._bar(name) for name in self._ranked],
            meaning=self.target.meaning,
            cautions=self._cautions(),
            reasons=self._reasons(),
            details=self._details(),
            model=self.estimate.model,
            version=self.estimate.model_version,
        )

    @property
    def _ranked(self) -> list[str]:
        """The classes, the most probable first."""
        return sorted(self.estimate.probabilities, key=lambda name: -self.estimate.probabilities[name])

    @property
    def _title(self) -> str:
        """The question, and of whom it is asked."""
        conditions = [
            f"{target_of(column).title} {target_of(column).class_name(value)}"
            for column, value in self.estimate.given.items()
        ]
        return f"{self.target.title}, if {' and '.join(conditions)}" if conditions else self.target.title

    def _auc(self, name: str, variant: str) -> Metric | None:
        """How well the model tells a class from the others from one kind of input; None where that was not tried."""
        figure = "AUC" if len(self.estimate.probabilities) == 2 else f"AUC, {name} against the rest"
        return next((metric for metric in self.model.card.metrics if metric.name == f"{figure}, {variant}"), None)

    def is_weak(self, name: str) -> bool:
        """Whether it was not shown that the model tells a class better than chance."""
        auc = self._auc(name, self.estimate.variant)
        return auc is None or auc.low is None or auc.low <= CHANCE

    def _tone_and_headline(self) -> tuple[Tone, str]:
        estimate, best = self.estimate, self.target.class_name(self.estimate.predicted)
        if estimate.in_sample:
            return CAUTION, "no prediction: the model was fitted on this patient"
        if not estimate.inside_training_range:
            return CAUTION, "not decided: unlike the training patients"
        if excluded := self._excluded_condition():
            return WEAK, f"does not count: {excluded} more likely"
        if self.is_weak(estimate.predicted):
            return WEAK, f"weak: the model is no better than chance at telling {best}"
        open_classes = self._not_excluded()
        if not open_classes:
            return PLAIN, f"{best} more likely"
        others = " and ".join(self.target.class_name(name) for name in open_classes)
        if estimate.prediction_set:
            return PLAIN, f"{others} not excluded"
        return PLAIN, f"not decided between {best} and {others}"

    def _excluded_condition(self) -> str:
        """What another estimate says instead of that of which this one is given; empty where none does."""
        for column, value in self.estimate.given.items():
            condition = target_of(column)
            for other in self.others:
                if target_of(other.target) != condition:
                    continue
                if condition.class_name(other.predicted) != condition.class_name(value):
                    return f"{condition.title} {condition.class_name(other.predicted)}"
        return ""

    def _not_excluded(self) -> list[str]:
        """The classes besides the most probable that cannot be excluded: by the set, else by the intervals."""
        estimate = self.estimate
        others = [name for name in self._ranked if name != estimate.predicted]
        if estimate.prediction_set:
            return [name for name in others if name in estimate.prediction_set]
        least = estimate.intervals[estimate.predicted][0]
        return [name for name in others if estimate.intervals[name][1] >= least]

    def _bar(self, name: str) -> ClassBar:
        estimate = self.estimate
        low, high = estimate.intervals[name]
        return ClassBar(
            name=name,
            title=self.target.class_title(name),
            probability=estimate.probabilities[name],
            low=low,
            high=high,
            text=probability(estimate.probabilities[name], low, high),
            training_share=self._training_share(name),
            in_set=name in estimate.prediction_set if estimate.prediction_set else None,
            tone=WEAK if self.is_weak(name) else PLAIN,
        )

    def _training_share(self, name: str) -> float | None:
        """The share of a class among the training patients."""
        counts = self.model.settings.class_counts
        return counts[name] / sum(counts.values()) if counts.get(name) else None

    def _cautions(self) -> list[str]:
        estimate = self.estimate
        cautions = [] if estimate.inside_training_range else ["Do not rely on the probabilities."]
        cautions += [self._in_words(reason) for reason in estimate.reasons if not self._is_usual(reason)]
        if estimate.in_sample or not estimate.inside_training_range:
            return cautions
        share = self._bar(estimate.predicted).training_share
        low, high = estimate.intervals[estimate.predicted]
        if share is not None and low <= share <= high:
            cautions.append(
                f"{share:.0%} of the training patients were {self.target.class_name(estimate.predicted)} too: the "
                "images add little to that."
            )
        return [*cautions, *self._edge_caution()]

    def _edge_caution(self) -> list[str]:
        """That moving the edge changes the estimate; empty where it hardly does."""
        margin = self.estimate.margin
        if margin is None or not _is_wide(margin):
            return []
        return [f"It depends on where the edge is drawn: {self._over_moved_edges(margin)}."]

    def _is_usual(self, reason: str) -> bool:
        """Whether a reason only says that about as many features as expected lie outside their range."""
        percentiles = [part.percentile for part in self.estimate.contributions if part.percentile is not None]
        outside = sum(not 5 <= percentile <= 95 for percentile in percentiles)
        return reason.startswith(ALIKE) and outside <= _MANY * len(percentiles)

    def _in_words(self, sentence: str) -> str:
        """A sentence about the estimate with the features and sequences in it as people read them."""
        for feature in sorted(self.model.features, key=len, reverse=True):
            sentence = sentence.replace(feature, _quoted(read_feature_name(feature).plain))
        for name in self.model.card.sequences.optional:
            for before, after in (("lacks ", ":"), ("lacks ", " or "), (" or ", ":")):
                sentence = sentence.replace(f"{before}{name}{after}", f"{before}{sequence_title(name)}{after}")
        return f"{upper_first(sentence)}."

    def _reasons(self) -> list[str]:
        parts = [part for part in self.estimate.contributions if part.value is not None]
        return [self._reason(part) for part in parts[:REASONS] if abs(part.log_odds) >= _LEAST_REASON]

    def _reason(self, part: Contribution) -> str:
        speaks = "for" if part.log_odds > 0 else "against"
        medians = ", ".join(f"{self.target.class_name(name)} {number(value)}" for name, value in part.medians.items())
        among = [ordinal(part.percentile)] if part.percentile is not None else []
        among += [f"medians: {medians}"] if medians else []
        value = number(part.value) if part.value is not None else ""
        where = f" ({'; '.join(among)})" if among else ""
        return f"{part.words} {value}{where} speaks {speaks} {self.target.class_name(self.estimate.predicted)}"

    def _details(self) -> list[str]:
        estimate, card, settings = self.estimate, self.model.card, self.model.settings
        counts = ", ".join(f"{count} {self.target.class_name(name)}" for name, count in settings.class_counts.items())
        details = [f"Fitted on {estimate.n_training} {estimate.population}: {counts}."]
        details += [*self._figures(), *self._by_input(), *self._doubts()]
        details += [self._in_words(reason) for reason in estimate.reasons if self._is_usual(reason)]
        details.append(
            "The interval is the spread of the fit: 90 % of what the model says when it is fitted again to other draws "
            "of its patients. It does not hold what is not in them."
        )
        if estimate.contributions:
            details.append(
                "The reasons are the features that move the log-odds of the most probable class most, measured from "
                "the mean of the training patients. What all features add makes the estimate: "
                + ", ".join(f"{group} {log_odds:+.1f}" for group, log_odds in estimate.groups.items())
                + "."
            )
        details += self._edge_details()
        if estimate.covariates:
            given = ", ".join(
                f"{name} {f'{value:g}' if isinstance(value, float) else value}"
                for name, value in estimate.covariates.items()
            )
            details.append(f"What was given besides the images: {given}.")
        return [*details, f"Model {card.name}, version {card.version}: {card.title}."]

    def _edge_details(self) -> list[str]:
        if self.estimate.margin is None:
            return []
        over = self._over_moved_edges(self.estimate.margin)
        moves = "moved outwards and inwards, and twice drawn anew, by 1 mm, a voxel at least"
        return [f"With the edge as drawn, {moves}: {over}."]

    def _over_moved_edges(self, margin: Sequence[float]) -> str:
        return f"{self.target.class_name(self.estimate.predicted)} {margin[0]:.2f} to {margin[1]:.2f}"

    def _by_input(self) -> list[str]:
        """What the model says from each kind of input, and how well it tells the class from that."""
        best = self.estimate.predicted
        parts = []
        for variant, probabilities in self.estimate.by_input.items():
            auc = self._auc(best, variant)
            figure = f" (AUC {auc.value:.2f})" if auc is not None else ""
            parts.append(f"from {variant} {probabilities[best]:.2f}{figure}")
        return [f"{upper_first(self.target.class_name(best))} {', '.join(parts)}."] if len(parts) > 1 else []

    def _figures(self) -> list[str]:
        """How well the classes are told: of two once, of more each by itself."""
        names = self._ranked[:1] if len(self._ranked) == 2 else self._ranked
        by_class = {name: self._auc(name, self.estimate.variant) for name in names}
        sentences = [
            _figure(metric, self._telling(name), self.estimate.variant)
            for name, metric in by_class.items()
            if metric is not None
        ]
        return sentences or ["How well the model tells the classes is not on its card."]

    def _doubts(self) -> list[str]:
        """What set, spread and neighbours say, for whoever asks."""
        estimate, sentences = self.estimate, list[str]()
        if excluded := self._set_in_words():
            sentences.append(
                f"{excluded[0]} Of the patients of each class, nine in ten have it among those that are not excluded."
            )
        if estimate.nearest:
            counts = Counter(self.target.class_name(item.label) for item in estimate.nearest)
            listed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
            numbers = ", ".join(str(item.number) for item in estimate.nearest)
            sentences.append(
                f"The {len(estimate.nearest)} training patients seen most alike: {listed} (numbers {numbers})."
            )
        if estimate.prevalence:
            listed = ", ".join(f"{self.target.class_name(name)} {p:.0%}" for name, p in estimate.prevalence.items())
            sentences.append(f"Reckoned with as many patients of each class as was given: {listed}.")
        return sentences

    def _set_in_words(self) -> list[str]:
        """The classes that cannot be excluded, in a sentence; empty where it is not known."""
        listed = " and ".join(self.target.class_name(name) for name in self._ranked if self._in_set(name))
        return [f"Not excluded: {listed}."] if listed else []

    def _in_set(self, name: str) -> bool:
        return name in self.estimate.prediction_set

    def _telling(self, name: str) -> str:
        others = [self.target.class_name(other) for other in self._ranked if other != name]
        return f"{self.target.class_name(name)} from {others[0] if len(others) == 1 else 'the rest'}"


def _figure(metric: Metric, telling: str, variant: str) -> str:
    interval = f", 95 % {metric.low:.2f} to {metric.high:.2f}" if metric.low is not None and metric.high else ""
    return (
        f"AUC of telling {telling} from {variant}: {metric.value:.2f}{interval} (0.5 is chance; {metric.n} patients)."
    )


def _is_wide(margin: Sequence[float]) -> bool:
    """Whether moving the edge changes an estimate by more than :data:`WIDE`, or takes its majority away."""
    return margin[1] - margin[0] > WIDE or margin[0] < MAJORITY <= margin[1]


def _quoted(name: str) -> str:
    return f"'{name}'"
