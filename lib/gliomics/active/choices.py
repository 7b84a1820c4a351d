"""Which study to label next: pure choices over ids and scores, no files and no networks."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances_argmin_min


@dataclass(frozen=True)
class Choice:
    """A strategy's answer: the study (None when nothing is left), its score and why it was chosen.

    ``slices`` are the axial slices to annotate, by number in the image's own order, where some were asked for.
    """

    id: str | None
    score: float | None
    reason: str
    slices: list[int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The choice as JSON-ready values."""
        return {name: value for name, value in asdict(self).items() if name != "slices" or value is not None}


def nothing_left(labelled: int) -> Choice:
    """The answer when every study has a label; ``labelled`` is how many there are."""
    if labelled == 0:
        return Choice(None, None, "there are no studies to label; add some to the studies folder")
    return Choice(None, None, f"nothing is left to label: all {labelled} studies have a final label")


def choose_random(candidates: Sequence[str], rng: random.Random) -> Choice:
    """One of the candidates (at least one), each with the same probability."""
    return Choice(
        rng.choice(sorted(candidates)),
        None,
        _selection_phrase(candidates, "drawn at random from", "without a final label"),
    )


def choose_highest(candidates: Sequence[str], scores: Mapping[str, float], rng: random.Random, *, score: str) -> Choice:
    """The candidate with the highest score; among equals one at random.

    ``score`` names in the reason what is high; its number is the choice's score.
    When no candidate has a score, one is drawn at random and the reason says so.

    >>> choice = choose_highest(["a", "b", "c"], {"a": 0.1, "b": 0.3}, random.Random(0), score="the model's doubt")
    >>> choice.id, choice.reason
    ('b', "the highest of 2 studies scored by the model's doubt; 1 without a score")
    """
    scored = {name: scores[name] for name in sorted(candidates) if name in scores}
    if not scored:
        fallback = choose_random(candidates, rng)
        return Choice(fallback.id, None, f"no study could be scored by {score}; {fallback.reason}")
    highest = max(scored.values())
    study = rng.choice([name for name, value in scored.items() if value == highest])
    phrase = _selection_phrase(scored, "the highest of", f"scored by {score}")
    return Choice(study, highest, f"{phrase}{_unscored(candidates, scored)}")


def choose_random_with_lesion(candidates: Sequence[str], lesion_studies: Sequence[str], rng: random.Random) -> Choice:
    """One of the candidates among ``lesion_studies``, each with the same probability; without any, one of all.

    The draw that uncertainty must beat: a random one that spends nothing on studies without a lesion, after the random
    patches with foreground of Lueth 2025 (nnActive, arXiv 2511.19183), for whole studies.
    """
    with_lesion = sorted(set(candidates) & set(lesion_studies))
    if not with_lesion:
        fallback = choose_random(candidates, rng)
        return Choice(fallback.id, None, f"no study has a lesion that the model finds; {fallback.reason}")
    phrase = _selection_phrase(with_lesion, "drawn at random from", "in which the model finds a lesion")
    return Choice(rng.choice(with_lesion), None, phrase)


def choose_first(candidates: Sequence[str]) -> Choice:
    """The first of the candidates by id."""
    return Choice(min(candidates), None, _selection_phrase(candidates, "the first by id of", "without a final label"))


def choose_farthest(
    candidates: Sequence[str],
    embeddings: Mapping[str, Sequence[float]],
    labelled: Sequence[str],
    rng: random.Random,
) -> Choice:
    """The candidate least like every labelled study: the greedy step of core-set selection (Sener and Savarese 2018).

    Distances are Euclidean between embeddings whose channels are scaled to unit deviation over all studies. With no
    embedding of a labelled study, the candidate nearest to the others' mean is chosen, as the most typical.
    """
    comparable = [name for name in sorted(candidates) if name in embeddings]
    if not comparable:
        fallback = choose_random(candidates, rng)
        return Choice(fallback.id, None, f"no study could be compared; {fallback.reason}")
    vectors = _scaled({name: embeddings[name] for name in sorted({*comparable, *labelled} & embeddings.keys())})
    candidate_vectors = np.array([vectors[name] for name in comparable])
    labelled_vectors = [vectors[name] for name in labelled if name in vectors]
    if len(comparable) == 1:
        return Choice(comparable[0], None, f"the only study that can be compared{_unscored(candidates, comparable)}")
    if not labelled_vectors:
        typical = comparable[int(cdist(candidate_vectors, candidate_vectors.mean(axis=0)[None]).argmin())]
        return Choice(typical, None, f"the most typical of {_compared(comparable)}, because none is labelled yet")
    distance = pairwise_distances_argmin_min(candidate_vectors, np.array(labelled_vectors))[1]
    farthest = int(distance.argmax())
    labelled_phrase = "labelled one" if len(labelled_vectors) == 1 else f"{len(labelled_vectors)} labelled"
    reason = f"least like the {labelled_phrase}, of {_compared(comparable)}"
    return Choice(comparable[farthest], float(distance[farthest]), reason)


def choose_by_power(
    candidates: Sequence[str],
    by_class: Mapping[str, Mapping[str, float]],
    progress: float,
    rng: random.Random,
) -> Choice:
    """Class-stratified scheduled power predictive entropy (Lueth 2026, arXiv 2601.13677), for whole studies.

    ``by_class`` holds the studies' mean predictive entropy by predicted class. One class is drawn; of the candidates
    that with the highest log entropy plus Gumbel noise is chosen, which draws in proportion to a power of the entropy
    (Kirsch 2023). The power grows with ``progress``, the labelled share of all studies, from 1 to 100: first nearly
    at random, so that the choices differ, and later the most uncertain.
    """
    name = rng.choice(sorted(by_class))
    unlabelled = set(candidates)
    scores = {study: value for study, value in by_class[name].items() if study in unlabelled and value > 0}
    if not scores:
        fallback = choose_random(candidates, rng)
        return Choice(
            fallback.id, None, f"how sure the model is of {name} is not known of any study; {fallback.reason}"
        )
    power = 100.0**progress
    noisy = {study: math.log(value) - math.log(rng.expovariate(1)) / power for study, value in sorted(scores.items())}
    study = max(noisy, key=noisy.__getitem__)
    likelier = f", the likelier the less sure the model is of {name}" if len(scores) > 1 else ""
    phrase = _selection_phrase(scores, "drawn from", "scored")
    reason = f"{phrase}{likelier}{_unscored(candidates, scores)}"
    return Choice(study, scores[study], reason)


def choose_uncertain_and_new(
    candidates: Sequence[str],
    uncertainty: Mapping[str, float],
    embeddings: Mapping[str, Sequence[float]],
    labelled: Sequence[str],
    rng: random.Random,
) -> Choice:
    """Of the more uncertain half of the candidates, the one least like what is labelled."""
    ranked = sorted((name for name in candidates if name in uncertainty), key=lambda name: -uncertainty[name])
    if not ranked:
        return choose_farthest(candidates, embeddings, labelled, rng)
    half = ranked[: (len(ranked) + 1) // 2]
    unscored = _unscored(candidates, ranked)
    if len(half) == 1:
        less_sure = "of 2 studies scored, the one of which the model is less sure"
        phrase = "the only study scored" if len(ranked) == 1 else less_sure
        return Choice(half[0], uncertainty[half[0]], f"{phrase}{unscored}")
    choice = choose_farthest(half, embeddings, labelled, rng)
    return Choice(
        choice.id,
        choice.score,
        f"of {_compared(ranked)}{unscored}, one of the half of which the model is less sure; {choice.reason}",
    )


def _scaled(embeddings: Mapping[str, Sequence[float]]) -> dict[str, npt.NDArray[np.float64]]:
    matrix = np.array(list(embeddings.values()), dtype=np.float64)
    deviation = matrix.std(axis=0)
    scaled = matrix / np.where(deviation > 0, deviation, 1)
    return dict(zip(embeddings, scaled, strict=True))


def _selection_phrase(names: Collection[str], how: str, which: str) -> str:
    """``"the highest of 3 studies scored"``; of a single one there is nothing to say but that it is alone."""
    return f"the only study {which}" if len(names) == 1 else f"{how} {len(names)} studies {which}"


def _unscored(candidates: Collection[str], scored: Collection[str]) -> str:
    """How many studies the choice leaves out, because nothing is known of them yet."""
    count = len(candidates) - len(scored)
    return f"; {count} without a score" if count else ""


def _compared(names: Sequence[str]) -> str:
    return f"{count(len(names), 'study', 'studies')} compared"


def count(number: int, singular: str, plural: str) -> str:
    """``"1 study"`` or ``"3 studies"``."""
    return f"{number} {singular if number == 1 else plural}"
