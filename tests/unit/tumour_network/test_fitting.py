from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.errors import InputError
from gliomics.segmentation.segmenter import Segmenter
from gliomics.statistics.probability_scores import macro_auc
from gliomics.tumour_network.cohort import TumourCohort
from gliomics.tumour_network.fitting import FittedNetwork, fit_network
from gliomics.tumour_network.settings import FittingSettings
from gliomics.tumour_network.validate import auc_difference, cross_validate, steps_of, summarise

pytestmark = pytest.mark.slow

FROZEN = FittingSettings(members=5)


def test_what_shows_is_learned_and_what_does_not_is_not(source: Segmenter, cohort: TumourCohort) -> None:
    seen = cross_validate(cohort.patches, cohort.outcome, source, FROZEN, repeats=1)
    assert seen.shape == (1, 32, 2)
    np.testing.assert_allclose(seen.sum(axis=2), 1)
    assert macro_auc(seen[0], cohort.outcome) > 0.98
    shuffled = np.random.default_rng(3).permutation(cohort.outcome)
    unseen = cross_validate(cohort.patches, shuffled, source, FROZEN, repeats=4)
    assert 0.25 < np.mean([macro_auc(repeat, shuffled) for repeat in unseen]) < 0.7
    difference = auc_difference(seen, unseen, shuffled)
    assert difference.low <= difference.value <= difference.high and difference.n == 32
    same = auc_difference(seen, seen, cohort.outcome)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_probabilities_are_at_the_frequencies_of_the_training_patients(source: Segmenter, cohort: TumourCohort) -> None:
    """Where nothing can be told, each class is as probable as it is frequent."""
    rows = [*range(0, 32, 2), 1, 3, 5, 7]
    outcome = np.array([0] * 16 + [1] * 4)
    settings = FittingSettings(penalty=1e6)
    fitted = fit_network([cohort.patches[row] for row in rows], outcome, 2, source, settings)
    answers = fitted.probabilities(fitted.channels(cohort.patches[8:10]))
    np.testing.assert_allclose(answers, [[0.8, 0.2]] * 2, atol=0.02)


def fit_tiny(source: Segmenter, cohort: TumourCohort, settings: FittingSettings, rows: int = 16) -> FittedNetwork:
    return fit_network(cohort.patches[:rows], cohort.outcome[:rows], 2, source, settings)


def test_encoder_from_scratch_learns_the_spot(tiny_source: Segmenter, tiny_cohort: TumourCohort) -> None:
    fitted = fit_tiny(tiny_source, tiny_cohort, FittingSettings(start="scratch", epochs=12, members=2))
    answers = fitted.probabilities(fitted.channels(tiny_cohort.patches[16:]))
    assert macro_auc(answers, tiny_cohort.outcome[16:]) == 1


@pytest.mark.parametrize("start", ["tuned", "scratch"])
def test_equal_seeds_give_equal_networks_and_the_source_stays_as_it_is(
    tiny_source: Segmenter, tiny_cohort: TumourCohort, start: str
) -> None:
    before = {name: value.clone() for name, value in tiny_source.network.state_dict().items()}
    settings = FittingSettings.model_validate({"start": start, "epochs": 1, "members": 2})
    first, second = (fit_tiny(tiny_source, tiny_cohort, settings).network.state_dict() for _ in range(2))
    other = fit_tiny(tiny_source, tiny_cohort, settings.model_copy(update={"seed": 1})).network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["heads.weight"], other["heads.weight"])
    assert all(torch.equal(value, before[name]) for name, value in tiny_source.network.state_dict().items())
    weights = [name for name, value in before.items() if value.ndim == 4 and not name.startswith(("ups", "head"))]
    assert any(not torch.equal(before[name], first[f"encoder.{name}"]) for name in weights)


def test_frozen_encoder_is_the_source_itself(tiny_source: Segmenter, tiny_cohort: TumourCohort) -> None:
    assert fit_tiny(tiny_source, tiny_cohort, FROZEN).network.encoder is tiny_source.network


def test_class_without_a_patient_is_refused(tiny_source: Segmenter, tiny_cohort: TumourCohort) -> None:
    with pytest.raises(InputError, match="no training patient is of class 2"):
        fit_network(tiny_cohort.patches[:4], np.array([0, 1, 0, 1]), 3, tiny_source, FROZEN)


def test_every_step_is_counted_and_what_it_raises_ends_the_validation(
    tiny_source: Segmenter, tiny_cohort: TumourCohort
) -> None:
    steps: list[int] = []
    settings = FittingSettings(start="tuned", epochs=1, members=2)
    cross_validate(
        tiny_cohort.patches, tiny_cohort.outcome, tiny_source, settings, repeats=1, step=lambda: steps.append(1)
    )
    assert len(steps) == steps_of(settings, 1) == 5

    def stop() -> None:
        raise InterruptedError("stopped")

    with pytest.raises(InterruptedError):
        cross_validate(tiny_cohort.patches, tiny_cohort.outcome, tiny_source, settings, repeats=1, step=stop)


def test_figures_of_three_classes_name_each() -> None:
    outcome = np.repeat([0, 1, 2], 10)
    right = np.eye(3)[outcome][None] * 0.7 + 0.1
    figures = {metric.name: metric for metric in summarise(["a", "b", "c"], outcome, right)}
    assert [*figures][:2] == ["AUC, mean of each class against the rest", "AUC, a against the rest"]
    assert figures["AUC, c against the rest"].value == 1 and figures["balanced accuracy"].value == 1
    assert figures["Brier score"].value < figures["Brier score of the class frequencies"].value == pytest.approx(2 / 3)
