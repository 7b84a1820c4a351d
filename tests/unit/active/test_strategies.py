from __future__ import annotations

import random
from collections import Counter

from gliomics.active import choose_highest, choose_random, nothing_left

STUDIES = ["a", "b", "c"]


def test_every_study_is_drawn_about_equally_often() -> None:
    rng = random.Random(0)
    drawn = Counter(choose_random(STUDIES, rng).id for _ in range(3000))
    assert set(drawn) == set(STUDIES)
    assert min(drawn.values()) > 900


def test_last_study_is_chosen_by_every_strategy() -> None:
    assert choose_random(["a"], random.Random(0)).id == "a"
    assert choose_highest(["a"], {"a": 0.0}, random.Random(0), score="uncertainty").id == "a"


def test_highest_score_is_chosen_and_the_reason_tells_it() -> None:
    choice = choose_highest(STUDIES, {"a": 0.1, "b": 0.25}, random.Random(0), score="uncertainty")
    assert (choice.id, choice.score) == ("b", 0.25)
    assert choice.reason == "uncertainty 0.25, the highest of 2 studies scored; 1 without a score"


def test_study_without_a_label_candidate_is_never_chosen_for_its_score() -> None:
    assert choose_highest(["a"], {"a": 0.1, "labelled": 9.0}, random.Random(0), score="uncertainty").id == "a"


def test_equal_scores_are_drawn_by_lot() -> None:
    rng = random.Random(0)
    scores = dict.fromkeys(STUDIES, 0.5)
    assert {choose_highest(STUDIES, scores, rng, score="uncertainty").id for _ in range(50)} == set(STUDIES)


def test_without_any_score_a_study_is_drawn_and_the_reason_says_so() -> None:
    choice = choose_highest(STUDIES, {}, random.Random(0), score="uncertainty")
    assert choice.id in STUDIES
    assert choice.score is None
    assert choice.reason.startswith("no study could be scored by uncertainty")


def test_when_everything_is_labelled_the_answer_says_so() -> None:
    assert nothing_left(6).to_json() == {
        "id": None,
        "score": None,
        "reason": "nothing is left to label: all 6 studies have a final label",
    }
    assert "no studies" in nothing_left(0).reason
