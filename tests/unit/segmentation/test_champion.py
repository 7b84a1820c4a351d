from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gliomics.segmentation.champion import patient_means, verdict

from .test_train import cases


def figures(*values: float) -> dict[str, float]:
    return {f"patient-{number}": value for number, value in enumerate(values)}


def test_challenger_that_gains_on_every_patient_is_published_with_the_figures() -> None:
    published, reason = verdict(figures(*[0.7] * 6), figures(*[0.75] * 6), "3")
    assert published
    assert reason == (
        "published: mean Dice 0.750 against 0.700 of version 3, difference +0.050 "
        "(95 % interval +0.050 to +0.050) over 6 validation patients"
    )


def test_challenger_that_equals_the_champion_is_kept() -> None:
    published, reason = verdict(figures(0.7, 0.8), figures(0.7, 0.8), "1")
    assert not published
    assert "difference +0.000 over 2 validation patients; it is not better" in reason


def test_gain_in_the_mean_that_may_well_be_a_loss_is_kept() -> None:
    before = figures(*[0.7] * 6)
    after = figures(0.95, 0.65, 0.65, 0.65, 0.68, 0.68)
    assert np.mean(list(after.values())) > np.mean(list(before.values()))
    published, reason = verdict(before, after, "1")
    assert not published
    assert "may well be worse" in reason


def test_small_losses_on_some_patients_do_not_keep_a_gain_back() -> None:
    published, _ = verdict(figures(*[0.7] * 6), figures(0.72, 0.73, 0.695, 0.71, 0.72, 0.70), "1")
    assert published


def test_few_patients_are_compared_by_their_mean_alone() -> None:
    published, reason = verdict(figures(0.7, 0.7), figures(0.9, 0.6), "1")
    assert published
    assert "interval" not in reason


def test_studies_of_a_patient_count_once() -> None:
    first, second, other = cases(range(3))
    second = replace(second, patient_id=first.patient_id)
    means = patient_means({"case-0": 0.2, "case-1": 0.4, "case-2": 0.9}, [first, second, other])
    assert means == pytest.approx({"patient-0": 0.3, "patient-2": 0.9})
