from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gliomics.active.strategies import MODEL_BASED, MODEL_FREE
from gliomics.errors import InputError, UnknownNameError
from gliomics.files import read_json, write_json
from gliomics.models import ModelStore
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.weights import State
from gliomics.server.choosing.scoring import ModelScoring, ScoreKeeper
from gliomics.server.choosing.strategies import (
    PlainStrategy,
    ScoredStrategy,
    ServingModels,
    StudyStrategy,
    SubtypeStrategy,
)
from gliomics.server.choosing.subtype_change import SubtypeScoring
from gliomics.server.model_cache import ModelCache
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.store.leases import Leases
from gliomics.study import write_volume
from tests.server.studies import (
    TINY,
    a_card,
    a_lesion_case,
    a_trained_state,
    add_label,
    add_model,
    add_study,
    add_subtype_model,
    an_untrained_state,
)

pytestmark = pytest.mark.slow

Turn = Callable[[str], AbstractContextManager[object]]


def make_strategies(
    store: StudyDatastore, models: list[str], seconds: float = 60, turn: Turn = nullcontext
) -> dict[str, StudyStrategy]:
    segmenters = ModelCache(ModelStore(store.workspace.models), Segmenter)
    keeper = ScoreKeeper(ModelScoring(), segmenters, store, store.workspace.scores, turn)
    serving = ServingModels(segmenters, models)
    leases = Leases(store.workspace.leases, store.records, seconds)
    scored = {name: ScoredStrategy(name, keeper, serving, leases) for name in MODEL_BASED}
    store_of_models = ModelStore(store.workspace.models)
    subtype = SubtypeScoring(store_of_models, store_of_models.names("subtype"))
    changes = ScoreKeeper(subtype, segmenters, store, store.workspace.scores / "subtype", turn)
    return {
        **{name: PlainStrategy(name, leases) for name in MODEL_FREE},
        **scored,
        "subtype": SubtypeStrategy(changes, serving, leases),
    }


@pytest.fixture
def strategies(a_store: StudyDatastore) -> dict[str, StudyStrategy]:
    """All strategies, with an untrained model."""
    add_model(a_store.root, a_card("test_model", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    return make_strategies(a_store, ["model_without_weights", "test_model"])


@pytest.fixture
def epistemic(strategies: dict[str, StudyStrategy]) -> StudyStrategy:
    return strategies["epistemic"]


@pytest.fixture(params=[*MODEL_FREE, *MODEL_BASED, "subtype"])
def a_strategy(request: pytest.FixtureRequest, strategies: dict[str, StudyStrategy]) -> StudyStrategy:
    return strategies[request.param]


def score_file(store: StudyDatastore, study: str) -> Path:
    return store.workspace.scores / "test_model-1" / f"{study}.json"


def kept_scores(store: StudyDatastore, study: str) -> dict[str, Any]:
    return dict(read_json(score_file(store, study)))


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


def test_highest_uncertainty_is_chosen(a_store: StudyDatastore, epistemic: StudyStrategy) -> None:
    answer = epistemic({}, a_store)
    scores = {study: kept_scores(a_store, study)["scores"]["epistemic"] for study in ("case-0", "case-1")}
    assert answer["id"] == max(scores, key=lambda study: scores[study])
    assert answer["score"] == max(scores.values()) > 0
    assert "test_model version 1" in answer["reason"]


def test_scores_are_kept_for_a_model_version(a_store: StudyDatastore, epistemic: StudyStrategy) -> None:
    epistemic({}, a_store)
    for study, score in (("case-0", 0.1), ("case-1", 0.9)):
        kept = kept_scores(a_store, study)
        write_json(score_file(a_store, study), {**kept, "scores": {**kept["scores"], "epistemic": score}})
    restarted = make_strategies(a_store, ["test_model"])["epistemic"]
    assert restarted({}, a_store)["score"] == 0.9


def test_broken_file_of_scores_is_made_anew(a_store: StudyDatastore, epistemic: StudyStrategy) -> None:
    epistemic({}, a_store)
    score_file(a_store, "case-0").write_text("[]")
    assert "2 studies scored" in make_strategies(a_store, ["test_model"])["epistemic"]({}, a_store)["reason"]
    assert kept_scores(a_store, "case-0")["scores"]


def test_replaced_image_is_scored_anew(a_store: StudyDatastore, epistemic: StudyStrategy) -> None:
    epistemic({}, a_store)
    kept = kept_scores(a_store, "case-0")
    write_json(score_file(a_store, "case-0"), {**kept, "scores": {**kept["scores"], "epistemic": 99.0}})
    write_volume(a_lesion_case(7)[0]["flair"], a_store.root / "case-0" / "flair.nii.gz")
    restarted = make_strategies(a_store, ["test_model"])["epistemic"]
    for _ in range(100):
        if restarted({}, a_store)["score"] < 99:
            return
        time.sleep(0.1)
    pytest.fail("the old score was kept")


@pytest.mark.parametrize("name", [*MODEL_BASED, "subtype"])
def test_without_time_no_score_is_waited_for_and_the_reason_says_so(
    a_store: StudyDatastore, found_lesions: State, name: str
) -> None:
    add_model(a_store.root, a_card("test_model", TINY, ["flair"], []), found_lesions)
    never = threading.Lock()
    with never:
        strategy = make_strategies(a_store, ["test_model"], turn=lambda task: never)[name]
        started = time.monotonic()
        answer = strategy({"budget_seconds": 0.5}, a_store)
    assert 0.5 <= time.monotonic() - started < 5
    assert answer["id"] in ("case-0", "case-1")
    assert answer["score"] is None
    assert "not all were scored in time" in answer["reason"]


def test_annotators_get_different_studies_until_none_is_left(
    a_store: StudyDatastore, a_strategy: StudyStrategy
) -> None:
    first, second = (a_strategy({"client_id": user}, a_store) for user in ("anna", "ben"))
    assert {first["id"], second["id"]} == {"case-0", "case-1"}
    third = a_strategy({"client_id": "carla"}, a_store)
    assert third["id"] in ("case-0", "case-1")
    assert "all 2 left are with other annotators" in third["reason"]


def test_annotators_who_ask_at_once_get_different_studies(tmp_path: Path) -> None:
    users = [f"annotator-{number}" for number in range(6)]
    for number in range(len(users)):
        add_study(tmp_path / "studies", f"case-{number}", number)
    store = StudyDatastore(tmp_path / "studies")
    strategy = make_strategies(store, [])["first"]
    with ThreadPoolExecutor(len(users)) as threads:
        choices = list(threads.map(lambda user: strategy({"client_id": user}, store)["id"], users))
    assert sorted(choices) == sorted(store.list_images())


def test_study_handed_out_is_offered_again_when_time_is_over(a_store: StudyDatastore) -> None:
    strategy = make_strategies(a_store, [], seconds=0.2)["first"]
    assert strategy({"client_id": "anna"}, a_store)["id"] == "case-0"
    assert strategy({"client_id": "ben"}, a_store)["id"] == "case-1"
    time.sleep(0.3)
    assert strategy({"client_id": "carla"}, a_store)["id"] == "case-0"


def test_handed_out_studies_are_remembered_by_a_new_server(a_store: StudyDatastore) -> None:
    assert make_strategies(a_store, [])["first"]({"client_id": "anna"}, a_store)["id"] == "case-0"
    assert make_strategies(a_store, [])["first"]({"client_id": "ben"}, a_store)["id"] == "case-1"


def test_study_that_cannot_be_scored_does_not_stop_the_others(
    a_store: StudyDatastore, epistemic: StudyStrategy
) -> None:
    add_study(a_store.root, "only-t1", 2, sequences=("t1",))
    (a_store.root / "case-0" / "flair.nii.gz").write_bytes(b"damaged")
    answer = epistemic({}, a_store)
    assert answer["id"] == "case-1"
    assert "2 without a score" in answer["reason"]


def test_without_a_usable_model_a_study_is_drawn(a_store: StudyDatastore) -> None:
    answer = make_strategies(a_store, ["no_such_model"])["epistemic"]({}, a_store)
    assert answer["id"] in ("case-0", "case-1")
    assert "no study could be scored" in answer["reason"]


def test_slices_are_named_on_which_the_model_is_least_sure(a_store: StudyDatastore, epistemic: StudyStrategy) -> None:
    answer = epistemic({"slices": 2}, a_store)
    entropy = kept_scores(a_store, answer["id"])["scores"]["slices"]
    assert len(answer["slices"]) == 2
    assert int(np.argmax(entropy)) in answer["slices"]
    assert f"slices in which it is least sure: {answer['slices'][0]}" in answer["reason"]


def test_slices_that_are_done_are_not_named_again(a_store: StudyDatastore, epistemic: StudyStrategy) -> None:
    first = epistemic({"slices": 2}, a_store)
    for study in ("case-0", "case-1"):
        a_store.keep_label(study, "partial", a_lesion_case(0)[1], {"slices_done": first["slices"]})
    second = epistemic({"slices": 2}, a_store)
    assert second["id"] == first["id"], "a study of which some slices are done is not labelled yet"
    assert not set(first["slices"]) & set(second["slices"])


def test_strategy_that_asks_no_model_knows_no_slices(
    a_store: StudyDatastore, strategies: dict[str, StudyStrategy]
) -> None:
    for name in ("random", "first", "subtype"):
        with pytest.raises(InputError, match=r"an option of epistemic, .*; this strategy scores no slices"):
            strategies[name]({"slices": 2}, a_store)
        assert not strategies[name].info()["names_slices"]
    assert "slices" not in strategies["random"]({}, a_store)
    assert strategies["epistemic"].info()["names_slices"]


@pytest.fixture(scope="module")
def found_lesions(tmp_path_factory: pytest.TempPathFactory) -> State:
    return a_trained_state(tmp_path_factory.mktemp("training"))


def test_study_whose_subtype_estimate_changes_most_is_chosen(a_store: StudyDatastore, found_lesions: State) -> None:
    add_model(a_store.root, a_card("test_model", TINY, ["flair"], []), found_lesions)
    add_subtype_model(a_store.root)
    answer = make_strategies(a_store, ["test_model"])["subtype"]({"budget_seconds": 60}, a_store)
    folder = next((a_store.workspace.scores / "subtype").glob("test_model-1+*"))
    assert "subtype_size-1" in folder.name
    kept = {study: read_json(folder / f"{study}.json")["scores"]["by_model"] for study in ("case-0", "case-1")}
    assert all(set(changes) >= {"subtype_size"} for changes in kept.values())
    assert all(0 <= change <= 1 for changes in kept.values() for change in changes.values())
    mean = {study: np.mean(list(changes.values())) for study, changes in kept.items()}
    assert answer["score"] == pytest.approx(mean[answer["id"]]) == pytest.approx(max(mean.values()))
    assert "total variation" in answer["reason"]


@pytest.mark.parametrize(
    "request_",
    [
        {"slices": 0},
        {"slices": "all"},
        {"slices": True},
        {"seed": "x"},
        {"budget_seconds": -1},
        {"budget_seconds": "long"},
        {"model": 3},
    ],
)
def test_unusable_option_is_refused(
    a_store: StudyDatastore, epistemic: StudyStrategy, request_: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=next(iter(request_))):
        epistemic(request_, a_store)


def test_unknown_model_is_refused(a_store: StudyDatastore, epistemic: StudyStrategy) -> None:
    with pytest.raises(UnknownNameError, match="no model 'nope'"):
        epistemic({"model": "nope"}, a_store)
