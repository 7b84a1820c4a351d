from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.files import read_json, write_json
from gliomics.models import ModelStore
from gliomics.monailabel.datastore import StudyDatastore
from gliomics.monailabel.models import ModelCache
from gliomics.monailabel.strategies import EpistemicStrategy, RandomStrategy, StudyStrategy
from gliomics.segmentation.predict import Segmenter
from gliomics.study import write_volume
from tests.server.studies import TINY, a_card, a_lesion_case, add_label, add_model, add_study, an_untrained_state


@pytest.fixture
def epistemic(a_store: StudyDatastore) -> EpistemicStrategy:
    """The strategy with an untrained model of its own."""
    add_model(a_store.root, a_card("test_model", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    segmenters = ModelCache(ModelStore(a_store.workspace.models), Segmenter)
    return EpistemicStrategy(segmenters, ["model_without_weights", "test_model"])


@pytest.fixture(params=["random", "epistemic"])
def a_strategy(request: pytest.FixtureRequest, epistemic: EpistemicStrategy) -> StudyStrategy:
    return epistemic if request.param == "epistemic" else RandomStrategy()


def score_file(store: StudyDatastore, study: str) -> Path:
    return store.workspace.scores / "epistemic" / "test_model-1" / f"{study}.json"


def test_last_study_left_is_chosen(a_store: StudyDatastore, a_strategy: StudyStrategy) -> None:
    add_label(a_store.root, a_store.study("case-0"), 0)
    assert a_strategy({}, a_store)["id"] == "case-1"


def test_everything_labelled_is_a_clear_answer(a_store: StudyDatastore, a_strategy: StudyStrategy) -> None:
    for seed in range(2):
        add_label(a_store.root, a_store.study(f"case-{seed}"), seed)
    answer = a_strategy({}, a_store)
    assert answer["id"] is None
    assert "all 2 studies have a final label" in answer["reason"]


def test_studies_with_only_a_label_of_the_model_are_still_to_do(
    a_store: StudyDatastore, a_strategy: StudyStrategy, tmp_path: Path
) -> None:
    a_store.labels.save("case-0", "original", a_lesion_case(0)[1], {})
    a_store.labels.save("case-1", "final", a_lesion_case(1)[1], {})
    assert a_strategy({}, a_store)["id"] == "case-0"


def test_same_seed_draws_the_same_study(a_store: StudyDatastore, a_strategy: StudyStrategy) -> None:
    assert len({a_strategy({"seed": 3}, a_store)["id"] for _ in range(5)}) == 1


def test_highest_uncertainty_is_chosen(a_store: StudyDatastore, epistemic: EpistemicStrategy) -> None:
    answer = epistemic({}, a_store)
    scores = {study: read_json(score_file(a_store, study))["score"] for study in ("case-0", "case-1")}
    assert answer["id"] == max(scores, key=lambda study: scores[study])
    assert answer["score"] == max(scores.values()) > 0


def test_scores_are_kept_for_a_model_version(a_store: StudyDatastore, epistemic: EpistemicStrategy) -> None:
    epistemic({}, a_store)
    for study, score in (("case-0", 0.1), ("case-1", 0.9)):
        kept = read_json(score_file(a_store, study))
        write_json(score_file(a_store, study), {**kept, "score": score})
    assert epistemic({}, a_store)["score"] == 0.9


def test_replaced_image_is_scored_anew(a_store: StudyDatastore, epistemic: EpistemicStrategy) -> None:
    epistemic({}, a_store)
    kept = read_json(score_file(a_store, "case-0"))
    write_json(score_file(a_store, "case-0"), {**kept, "score": 99.0})
    write_volume(a_lesion_case(7)[0]["flair"], a_store.root / "case-0" / "flair.nii.gz")
    assert epistemic({}, a_store)["score"] < 99


def test_without_time_one_study_is_scored_and_the_rest_wait(
    a_store: StudyDatastore, epistemic: EpistemicStrategy
) -> None:
    assert "highest of 1 study scored; 1 without a score" in epistemic({"budget_seconds": 0}, a_store)["reason"]
    assert "highest of 2 studies scored" in epistemic({"budget_seconds": 0.001}, a_store)["reason"]


def test_study_that_cannot_be_scored_does_not_stop_the_others(
    a_store: StudyDatastore, epistemic: EpistemicStrategy
) -> None:
    add_study(a_store.root, "only-t1", 2, sequences=("t1",))
    (a_store.root / "case-0" / "flair.nii.gz").write_bytes(b"damaged")
    answer = epistemic({}, a_store)
    assert answer["id"] == "case-1"
    assert "2 without a score" in answer["reason"]


def test_without_a_usable_model_a_study_is_drawn(a_store: StudyDatastore) -> None:
    strategy = EpistemicStrategy(ModelCache(ModelStore(a_store.workspace.models), Segmenter), ["no_such_model"])
    answer = strategy({}, a_store)
    assert answer["id"] in ("case-0", "case-1")
    assert "no study could be scored" in answer["reason"]


@pytest.mark.parametrize("request_", [{"seed": "x"}, {"budget_seconds": -1}, {"budget_seconds": "long"}, {"model": 3}])
def test_unusable_option_is_refused(
    a_store: StudyDatastore, epistemic: EpistemicStrategy, request_: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=next(iter(request_))):
        epistemic(request_, a_store)


def test_unknown_model_is_refused(a_store: StudyDatastore, epistemic: EpistemicStrategy) -> None:
    with pytest.raises(UnknownNameError, match="no model 'nope'"):
        epistemic({"model": "nope"}, a_store)
