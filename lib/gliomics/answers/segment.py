"""What is answered about a measured segment: its features, how they are read, and what subtype models say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gliomics.answers.measuring import MeasuredRegion
from gliomics.answers.options import circumstances_of, flag
from gliomics.findings.estimating import Estimates, estimates_of
from gliomics.subtype.predict import SubtypeModel


def subtype_estimates(
    measured: MeasuredRegion, models: Mapping[str, Callable[[], SubtypeModel]], request: Mapping[str, Any]
) -> Estimates:
    """The estimates by models, each opened by its name.

    Options: ``age`` and ``prevalence`` of the patient; ``margin``, whether the estimates shall have their range over
    moved edges, as they have unless it is false.
    """
    moved_edge = measured.moved_edge if flag(request, "margin", default=True) else None
    return estimates_of(measured.features, models, circumstances_of(request), moved_edge)


def answer_of(measured: MeasuredRegion, estimates: Estimates) -> dict[str, Any]:
    """``{"features": FeatureRow, "reading": Reading}``."""
    return {"features": measured.features.to_json(), "reading": measured.read(estimates).to_json()}


def answer_of_estimates(estimates: Estimates) -> dict[str, Any]:
    """``{"estimates": [SubtypeEstimate, ...], "not_estimated": {model: why}}``."""
    answers = [estimate.to_json() for estimate in estimates.of]
    return {"estimates": answers, "not_estimated": {name: str(error) for name, error in estimates.refused.items()}}
