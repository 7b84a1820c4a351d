"""What a tumour network says, in sentences that go with its heat map."""

from __future__ import annotations

from gliomics.findings.targets import target_of
from gliomics.reading.feature_words import upper_first
from gliomics.reading.numbers import probability
from gliomics.records import SubtypeEstimate


def read_network_estimate(estimate: SubtypeEstimate) -> list[str]:
    """The answer, what to beware of, how to read the map's colours, and how good the network is."""
    best = target_of(estimate.target).class_name(estimate.predicted)
    return [
        f"{network_answer(estimate)}.",
        *(f"{upper_first(reason)}." for reason in estimate.reasons),
        *(["The network learned from this patient: the estimate is not a prediction."] if estimate.in_sample else []),
        f"What each place of the tumour adds to the log-odds of {best}: orange speaks for it, purple against it; the "
        "mean over the tumour is the estimate's.",
        f"Fitted on {estimate.n_training} patients: {estimate.population}.",
        *([f"{estimate.performance}."] if estimate.performance else []),
    ]


def network_answer(estimate: SubtypeEstimate) -> str:
    """The most probable class with its interval, among which others, without a full stop."""
    target, best = target_of(estimate.target), estimate.predicted
    among = ", ".join(target.class_name(name) for name in estimate.probabilities)
    text = probability(estimate.probabilities[best], *estimate.intervals[best])
    return f"{target.title} by {estimate.model}: {target.class_name(best)} {text} among {among}"
