"""How far an estimate depends on where the edge of the lesion is drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gliomics.features.edge import MovedEdge
from gliomics.models import ModelFolder
from gliomics.records import FeatureRow
from gliomics.subtype.circumstances import NOTHING_KNOWN, Circumstances
from gliomics.subtype.predict import SubtypeModel
from tests.unit.subtype.cohorts import patients

pytestmark = pytest.mark.slow


def test_range_over_moved_edges_is_that_of_the_estimates_of_the_moved_lesions(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    model = SubtypeModel(a_model)
    known = Circumstances(prevalence=dict(zip(model.card.classes, (0.2, 0.3, 0.5), strict=True)))
    moved = {
        name: dict(row.values) for name, row in zip(("grown", "shrunk"), patients((1, 1), effect=0.2), strict=True)
    }
    estimate = model.estimate(a_study, known)
    with_margin = model.with_margin(estimate, a_study, known, MovedEdge(moved))
    of_moved = [model.estimate(replace(a_study, values=values), known) for values in moved.values()]
    range_ = [item.probabilities[estimate.predicted] for item in (estimate, *of_moved)]
    assert with_margin.margin == [min(range_), max(range_)]
    assert with_margin.margin[0] < with_margin.margin[1]
    assert replace(with_margin, margin=None) == estimate


def test_edge_that_cannot_be_moved_is_said_and_gives_no_range(a_model: ModelFolder, a_study: FeatureRow) -> None:
    model = SubtypeModel(a_model)
    estimate = model.estimate(a_study)
    moved = MovedEdge({}, {"grown": "there is no room around it", "shrunk": "nothing of it would be left"})
    alone = model.with_margin(estimate, a_study, NOTHING_KNOWN, moved)
    assert alone.margin is None
    assert alone.reasons[-1] == "the range over moved edges lacks the lesion shrunk: nothing of it would be left"
    grown = model.with_margin(estimate, a_study, NOTHING_KNOWN, replace(moved, values={"grown": a_study.values}))
    assert grown.margin == [estimate.probabilities[estimate.predicted]] * 2
