"""Verdicts on challengers, from scores of patients that neither version has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from gliomics.models import ModelCard, ModelStore, SequenceNeeds, TrainingRecord
from gliomics.models.champion import LEAST_PATIENTS, SMALLEST_GAIN, Comparison, Gain, challenge, verdict


def figures(*values: float) -> dict[str, float]:
    return {f"patient-{number}": value for number, value in enumerate(values)}


def compared(*differences: float, favoured: int = 0, seen: int = 0) -> Comparison:
    """A champion of Dice 0.7 everywhere; the first ``favoured`` labels were made from its masks."""
    before = figures(*[0.7] * len(differences))
    after = figures(*(0.7 + difference for difference in differences))
    return Comparison("3", before, after, favoured=set(list(before)[:favoured]), seen=seen)


def test_challenger_that_gains_on_every_patient_is_published_with_the_figures() -> None:
    decision = verdict(compared(0.05, 0.05, 0.05, 0.06, 0.04, 0.05))
    assert (decision.outcome, decision.published, decision.n) == ("better", True, 6)
    assert decision.sentence == (
        "published: mean Dice 0.750 against 0.700 of version 3, difference +0.050 (95 % interval +0.043 to +0.057) "
        "over 6 patients, unseen by the models compared"
    )


def test_interval_is_that_of_the_paired_t_test() -> None:
    differences = [0.03, -0.01, 0.02, 0.05, 0.00, 0.04]
    gain = Gain.of(differences)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (gain.low, gain.high) == pytest.approx((expected.low, expected.high))


def test_one_patient_is_never_a_verdict() -> None:
    decision = verdict(compared(0.3))
    assert (decision.outcome, decision.n) == ("too few patients to tell", 1)
    assert (decision.low, decision.needed) == (None, LEAST_PATIENTS)
    assert "over 1 patient, unseen" in decision.sentence


def test_without_any_patient_the_reason_says_why_and_what_would_do() -> None:
    decision = verdict(compared(seen=12))
    assert (decision.outcome, decision.n, decision.gain) == ("too few patients to tell", 0, None)
    assert decision.sentence == (
        "kept, not published: too few patients to tell; version 3 learned from 12 patients who are labelled; about 5 "
        "patients would do that version 3 has not seen"
    )


def test_challenger_that_equals_the_champion_is_not_better() -> None:
    decision = verdict(compared(0.0, 0.001, -0.001, 0.0, 0.001, -0.001))
    assert (decision.outcome, decision.published) == ("not better", False)
    assert decision.sentence.endswith("; it is not better by 0.01")


def test_gain_of_an_uncertain_sign_asks_for_more_patients() -> None:
    decision = verdict(compared(0.25, -0.05, -0.05, -0.05, -0.02, -0.02))
    assert decision.outcome == "too few patients to tell"
    assert decision.gain == pytest.approx(0.01)
    assert decision.needed is not None and decision.needed > 100
    assert f"about {decision.needed} patients would do" in decision.sentence


def test_as_many_patients_as_it_asks_for_show_the_gain_four_times_in_five() -> None:
    rng = np.random.default_rng(0)
    needed = Gain(0.02, 0, 0, 0.03, 4).needed
    assert needed == 20
    significant = [Gain.of(list(rng.normal(0.02, 0.03, needed))).low > 0 for _ in range(1000)]
    assert np.mean(significant) == pytest.approx(0.8, abs=0.04)


def test_equal_challenger_is_published_seldom() -> None:
    rng = np.random.default_rng(1)
    published = [verdict(compared(*rng.normal(0, 0.03, 8))).published for _ in range(400)]
    assert np.mean(published) < 0.05


def test_gain_in_spite_of_labels_made_from_the_champion_counts() -> None:
    decision = verdict(compared(*[0.03, 0.02, 0.04, 0.03, 0.02, 0.03], favoured=6))
    assert decision.published
    assert decision.sentence.endswith(", in spite of 6 labels made from masks of version 3")


def test_loss_on_labels_made_from_the_champion_is_no_verdict() -> None:
    decision = verdict(compared(*[-0.03, -0.02, -0.04, -0.03, -0.02, -0.03], favoured=6))
    assert decision.outcome == "too few patients to tell"
    assert "; 6 labels made from its own masks, which favours it; about 7 patients would do " in decision.sentence


def test_gain_on_neutral_labels_is_not_hidden_by_favoured_ones() -> None:
    decision = verdict(compared(*[-0.06] * 5, *[0.03, 0.02, 0.04, 0.03, 0.02, 0.03], favoured=5))
    assert (decision.outcome, decision.n) == ("better", 6)
    assert "in spite of" not in decision.sentence


def test_loss_on_neutral_labels_is_a_verdict_whatever_the_others_say() -> None:
    decision = verdict(compared(*[-0.06] * 5, *[-0.03, -0.02, -0.04, -0.03, -0.02, -0.03], favoured=5))
    assert (decision.outcome, decision.n) == ("not better", 6)
    assert decision.high is not None and decision.high < SMALLEST_GAIN


def test_challenger_of_a_version_that_was_rolled_back_meanwhile_does_not_serve(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "local", shipped=tmp_path / "none")
    weights = {"weights.bin": lambda path: path.write_text("weights")}
    card = ModelCard(
        name="tiny",
        version="1",
        task="segmentation",
        title="A test model",
        description="",
        sequences=SequenceNeeds(required=["flair"]),
        labels={"tumour": 1},
        settings={},
        training=TrainingRecord(population="none", n_patients=0, fingerprint=""),
    )
    for _ in range(3):
        store.publish("tiny", store.add(card, weights).card.version, "a test")
    store.rollback("tiny", reason="while version 3's challenger learns")
    retraining = challenge(store, card, weights, compared(0.05, 0.05, 0.05, 0.06, 0.04, 0.05))
    assert not retraining.published
    assert retraining.verdict.outcome == "another version serves"
    assert "version 2 serves instead of version 3" in retraining.reason
    assert store.current("tiny").card.version == "2"
