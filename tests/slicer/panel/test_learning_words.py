"""What the section *Learn* says of trainings, verdicts and versions, from what a server tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from RadiogenomicsLib.panel.manage import words
from RadiogenomicsLib.panel.manage.facts import LearningFacts
from RadiogenomicsLib.server.learning import trainingOf, versionOf

FINISHED: dict[str, Any] = {
    "model": "segmentation_flair",
    "basis": {"labelled": 12, "partly_labelled": 2},
    "running": None,
    "progress": {
        "state": "finished",
        "version": "4",
        "published": True,
        "reason": "published: mean Dice 0.861 against 0.840 of version 3",
        "verdict": {"outcome": "better", "n": 12, "gain": 0.021, "low": 0.01, "high": 0.032, "needed": None},
        "skipped": {f"study-{number}": "it has no flair" for number in range(7)},
        "new_labels": 3,
    },
}
RUNNING: dict[str, Any] = {
    "model": "segmentation_flair",
    "basis": {"labelled": 1},
    "running": {"model": "segmentation_flair", "user": "Dr. A", "start_ts": 1000, "seconds": 60},
    "progress": {"state": "running", "start_ts": 1003, "epoch": 8, "total_epochs": 32, "seconds_left": 190.0},
}
SENTENCES = {
    "better": "Version 4 is better than version 3 and is in use now: mean Dice +0.021 (95 % interval +0.010 to +0.032) "
    "on 12 patients new to both.",
    "not better": "Version 4 is not better than version 3, which stays in use: mean Dice \u22120.004 on 12 patients "
    "new to both.",
    "too few patients to tell": "Too few patients to tell whether version 4 is better than version 3, which stays in "
    "use: about 9 new patients would do.",
    "another version serves": "Version 4 is better than version 3, but another version was put in use while it "
    "learned, and stays: mean Dice +0.021 on 1 patient new to both.",
    "no better than chance": "Version 4 is better than version 3, but not shown to be better than chance, so version 3 "
    "stays in use: mean Dice +0.021 on 1 patient new to both.",
}
VERDICTS = {
    "better": FINISHED["progress"]["verdict"],
    "not better": {"outcome": "not better", "n": 12, "gain": -0.004},
    "too few patients to tell": {"outcome": "too few patients to tell", "n": 0, "needed": 9},
    "another version serves": {"outcome": "another version serves", "n": 1, "gain": 0.021},
    "no better than chance": {"outcome": "no better than chance", "n": 1, "gain": 0.021},
}


def factsOf(answer: dict[str, Any]) -> LearningFacts:
    return LearningFacts(training=trainingOf(answer))


@pytest.mark.parametrize("outcome", SENTENCES)
def test_the_verdict_is_one_sentence(outcome: str) -> None:
    progress = trainingOf({**FINISHED, "progress": {**FINISHED["progress"], "verdict": VERDICTS[outcome]}}).progress
    assert words.verdictSentence(progress, "3", "mean Dice") == SENTENCES[outcome]


def test_a_verdict_that_the_panel_does_not_know_is_in_the_server_s_words() -> None:
    progress = trainingOf(FINISHED).progress
    assert progress.verdict is not None
    other = replace(progress, verdict=replace(progress.verdict, outcome="a draw"), reason="it is a draw")
    assert words.verdictSentence(other, "3", "mean Dice") == "It is a draw."


def test_every_outcome_of_the_server_is_known() -> None:
    from typing import get_args

    from gliomics.models.champion import Outcome

    assert {*get_args(Outcome)} == {*SENTENCES}


def test_behind_the_verdict_are_the_rule_and_a_few_of_the_studies_left_out() -> None:
    lines = words.verdictDetails(trainingOf(FINISHED).progress).split("<br>")
    assert lines[0] == "Published: mean Dice 0.861 against 0.840 of version 3."
    assert lines[2] == "Left out: study-0, it has no flair"
    assert lines[-1] == "And 2 more were left out."


def test_how_many_studies_there_are() -> None:
    line = "12 studies are labelled. Of 2 more some slices are. New since the last training: 3."
    assert words.basisLine(trainingOf(FINISHED)) == line
    assert words.basisLine(trainingOf({**RUNNING, "progress": {}})) == "1 study is labelled."


def test_a_training_says_how_far_it_is_and_how_long_it_takes_yet() -> None:
    facts = factsOf(RUNNING)
    line = words.trainingLine(facts)
    assert line.startswith("Training for Dr. A since ")
    assert line.endswith(": epoch 8 of 32, about 3 minutes left.")
    assert facts.fraction == 0.25


@pytest.mark.parametrize(
    ("progress", "words_"),
    [
        ({"state": "finished", "start_ts": 10}, "about to begin"),
        ({}, "about to begin"),
        ({"state": "running", "start_ts": 1001}, "reading images and labels"),
        (
            {"state": "running", "start_ts": 1001, "doing": "measuring", "done": 3, "total": 9},
            "measuring the labels, 3 of 9",
        ),
        ({"state": "finished", "start_ts": 1001}, "about to end"),
    ],
)
def test_a_training_s_steps(progress: dict[str, Any], words_: str) -> None:
    assert words.trainingLine(factsOf({**RUNNING, "progress": progress})).endswith(f": {words_}.")


def test_one_that_the_server_began_by_itself_is_said_to_be_its_own() -> None:
    running = {**RUNNING["running"], "user": None}
    assert "Training for the server itself since" in words.trainingLine(factsOf({**RUNNING, "running": running}))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "less than a minute"), (70, "about 1 minute"), (600, "about 10 minutes"), (7300, "about 2 hours")],
)
def test_time_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_without_an_answer_the_panel_says_since_when_and_what_becomes_of_the_training() -> None:
    facts = factsOf(RUNNING)
    facts.silent("it did not answer within 10 s", datetime(2026, 11, 29, 15, 2), isRefusal=False)
    facts.silent("it did not answer within 10 s", datetime(2026, 11, 29, 15, 9), isRefusal=False)
    assert words.trainingLine(facts) == (
        "No answer since 15:02: it did not answer within 10 s. It is asked again every few seconds. A training ends "
        "with its server."
    )


def test_a_damaged_version_is_listed_with_its_reason_and_cannot_serve() -> None:
    version = versionOf({"version": "5", "damage": "weights.npz is cut off", "served": True})
    assert words.versionCells(version) == ("5", "", "", "damaged")
    assert words.versionText(version) == "Weights.npz is cut off."
    facts = LearningFacts(versions=(version,), versionNumber="5")
    assert facts.publishReason("because") == "Version 5 is damaged: weights.npz is cut off."


def test_what_is_known_of_one_server_or_model_is_not_said_of_another() -> None:
    facts = factsOf(FINISHED)
    facts.ask("http://a", "segmentation_flair")
    facts.training = trainingOf(FINISHED)
    facts.ask("http://a", "segmentation_flair")
    assert facts.training is not None
    facts.ask("http://a", "subtype_idh")
    assert facts.training is None
    assert facts.trainReason == "Wait until the server has told what there is to train on."
