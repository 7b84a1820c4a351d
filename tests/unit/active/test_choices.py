from __future__ import annotations

import random
import re
from collections import Counter

from gliomics.active.choices import (
    choose_by_power,
    choose_farthest,
    choose_first,
    choose_highest,
    choose_random,
    choose_random_with_lesion,
    choose_uncertain_and_new,
    nothing_left,
)

STUDIES = ["a", "b", "c"]
PLACES = {"a": [0.0, 0.0], "b": [0.1, 0.0], "c": [5.0, 5.0], "done": [0.0, 0.1]}


def test_every_study_is_drawn_about_equally_often() -> None:
    rng = random.Random(0)
    counts = Counter(choose_random(STUDIES, rng).id for _ in range(3000))
    assert set(counts) == set(STUDIES)
    assert min(counts.values()) > 900


def test_random_draw_keeps_to_studies_with_a_lesion_while_there_are_any() -> None:
    rng = random.Random(0)
    counts = Counter(choose_random_with_lesion(STUDIES, ["b", "c", "labelled"], rng).id for _ in range(1000))
    assert set(counts) == {"b", "c"}
    assert min(counts.values()) > 400
    without = choose_random_with_lesion(STUDIES, ["labelled"], rng)
    assert without.id in STUDIES
    assert without.reason.startswith("no study has a lesion that the model finds; drawn at random from 3 studies")


def test_last_study_is_chosen_by_every_strategy() -> None:
    assert choose_random(["a"], random.Random(0)).id == "a"
    assert choose_highest(["a"], {"a": 0.0}, random.Random(0), score="uncertainty").id == "a"


def test_highest_score_is_chosen_and_the_reason_tells_it() -> None:
    choice = choose_highest(STUDIES, {"a": 0.1, "b": 0.25}, random.Random(0), score="uncertainty")
    assert (choice.id, choice.score) == ("b", 0.25)
    assert choice.reason == "the highest of 2 studies scored by uncertainty; 1 without a score"


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


def test_first_is_the_first_by_id() -> None:
    assert choose_first(["b", "a", "c"]).id == "a"


def test_study_least_like_the_labelled_ones_is_chosen() -> None:
    choice = choose_farthest(STUDIES, PLACES, ["done"], random.Random(0))
    assert choice.id == "c"
    assert choice.reason.startswith("least like the labelled one, of 3 studies compared")
    assert choose_farthest(STUDIES, PLACES, ["done", "c"], random.Random(0)).id == "b"


def test_most_typical_study_comes_first_when_nothing_is_labelled() -> None:
    places = {"a": [0.0], "b": [1.0], "c": [5.0]}
    assert choose_farthest(STUDIES, places, [], random.Random(0)).id == "b"


def test_scale_of_a_channel_does_not_decide() -> None:
    places = {"a": [0.0, 0.0], "b": [1000.0, 0.0], "c": [900.0, 3.0], "done": [0.0, 0.0]}
    assert choose_farthest(STUDIES, places, ["done"], random.Random(0)).id == "c"


def test_power_draws_follow_the_entropy_ever_more_closely() -> None:
    scores = {"lesion": {"a": 0.1, "b": 0.2, "c": 0.4}}
    for progress, least in ((0.0, 0.5), (0.5, 0.95), (1.0, 0.999)):
        rng = random.Random(0)
        counts = Counter(choose_by_power(STUDIES, scores, progress, rng).id for _ in range(2000))
        assert least < counts["c"] / 2000 < least + 0.15


def test_power_draws_of_progress_zero_are_in_proportion_to_the_entropy() -> None:
    rng = random.Random(0)
    scores = {"lesion": {"a": 0.1, "b": 0.3}}
    counts = Counter(choose_by_power(["a", "b"], scores, 0.0, rng).id for _ in range(4000))
    assert abs(counts["b"] / 4000 - 0.75) < 0.03


def test_each_class_has_its_turn() -> None:
    scores = {"lesion": {"a": 1.0}, "rest": {"b": 1.0}}
    rng = random.Random(0)
    assert {choose_by_power(STUDIES, scores, 1.0, rng).id for _ in range(30)} == {"a", "b"}


def test_hybrid_chooses_the_newest_of_the_uncertain() -> None:
    uncertainty = {"a": 0.9, "b": 0.8, "c": 0.1}
    choice = choose_uncertain_and_new(STUDIES, uncertainty, PLACES, ["done"], random.Random(0))
    assert choice.id == "b"
    assert choice.reason == (
        "of 3 studies compared, one of the half of which the model is less sure; least like the labelled one, of 2 "
        "studies compared"
    )


def test_choice_among_one_or_two_says_no_more_than_there_is_to_say() -> None:
    rng, entropy = random.Random(0), {"lesion": {"a": 0.3}}
    only = {
        "random": choose_random(["a"], rng),
        "first": choose_first(["a"]),
        "highest": choose_highest(["a", "b"], {"a": 0.3}, rng, score="doubt"),
        "lesion": choose_random_with_lesion(["a", "b"], ["a"], rng),
        "farthest": choose_farthest(["a", "b"], {"a": [1.0], "done": [0.0]}, ["done"], rng),
        "typical": choose_farthest(["a"], {"a": [1.0]}, [], rng),
        "power": choose_by_power(["a", "b"], entropy, 0.0, rng),
        "hybrid": choose_uncertain_and_new(["a", "b"], {"a": 0.3}, PLACES, ["done"], rng),
    }
    for name, choice in only.items():
        assert choice.id == "a"
        assert "the only study" in choice.reason, name
        assert not re.search(r"half|highest|likelier|typical|least like", choice.reason), name
    assert only["hybrid"].reason == "the only study scored; 1 without a score"
    two = choose_uncertain_and_new(["a", "b"], {"a": 0.3, "b": 0.2}, PLACES, ["done"], rng)
    assert (two.id, two.reason) == ("a", "of 2 studies scored, the one of which the model is less sure")


def test_strategies_without_scores_draw_at_random() -> None:
    rng = random.Random(0)
    for choice in (
        choose_farthest(STUDIES, {}, [], rng),
        choose_by_power(STUDIES, {"lesion": {}}, 0.0, rng),
        choose_uncertain_and_new(STUDIES, {}, {}, [], rng),
    ):
        assert choice.id in STUDIES
        assert "drawn at random" in choice.reason
