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
    chosen = rng.choice(sorted(candidates))
    return Choice(chosen, None, _of(candidates, "drawn at random from", "without a final label"))


def choose_highest(candidates: Sequence[str], scores: Mapping[str, float], rng: random.Random, *, score: str) -> Choice:
    """The candidate with the highest score; among equals one at random.

    ``score`` names in the reason what is high, with its unit in the form of a suffix.
    When no candidate has a score, one is drawn at random and the reason says so.
    """
    scored = {name: scores[name] for name in sorted(candidates) if name in scores}
    if not scored:
        drawn = choose_random(candidates, rng)
        return Choice(drawn.id, None, f"no study could be scored by {score}; {drawn.reason}")
    best = max(scored.values())
    chosen = rng.choice([name for name, value in scored.items() if value == best])
    reason = f"{score} {best:.4g}, {_of(scored, 'the highest of', 'scored')}{_unscored(candidates, scored)}"
    return Choice(chosen, best, reason)


def choose_random_with_lesion(candidates: Sequence[str], found: Sequence[str], rng: random.Random) -> Choice:
    """One of the candidates in which a lesion was ``found``, each with the same probability; without any, one of all.

    The draw that uncertainty must beat: a random one that spends nothing on studies without a lesion, after the random
    patches with foreground of Lueth 2025 (nnActive, arXiv 2511.19183), for whole studies.
    """
    with_lesion = sorted(set(candidates) & set(found))
    if not with_lesion:
        drawn = choose_random(candidates, rng)
        return Choice(drawn.id, None, f"no study has a lesion that the model finds; {drawn.reason}")
    chosen = rng.choice(with_lesion)
    return Choice(chosen, None, _of(with_lesion, "drawn at random from", "in which the model finds a lesion"))


def choose_first(candidates: Sequence[str]) -> Choice:
    """The first of the candidates by id."""
    return Choice(min(candidates), None, _of(candidates, "the first by id of", "without a final label"))


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
    known = [name for name in sorted(candidates) if name in embeddings]
    if not known:
        drawn = choose_random(candidates, rng)
        return Choice(drawn.id, None, f"no study could be compared; {drawn.reason}")
    vectors = _scaled({name: embeddings[name] for name in sorted({*known, *labelled} & embeddings.keys())})
    of_known = np.array([vectors[name] for name in known])
    others = [vectors[name] for name in labelled if name in vectors]
    if len(known) == 1:
        return Choice(known[0], None, f"the only study that can be compared{_unscored(candidates, known)}")
    if not others:
        typical = known[int(cdist(of_known, of_known.mean(axis=0)[None]).argmin())]
        return Choice(typical, None, f"the most typical of {_compared(known)}, because none is labelled yet")
    distance = pairwise_distances_argmin_min(of_known, np.array(others))[1]
    farthest = int(distance.argmax())
    labelled_ones = "labelled one" if len(others) == 1 else f"{len(others)} labelled"
    reason = f"least like the {labelled_ones}, of {_compared(known)}: distance {distance[farthest]:.3g}"
    return Choice(known[farthest], float(distance[farthest]), reason)


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
    among = set(candidates)
    scores = {study: value for study, value in by_class[name].items() if study in among and value > 0}
    if not scores:
        drawn = choose_random(candidates, rng)
        return Choice(drawn.id, None, f"no study has an entropy of {name}; {drawn.reason}")
    power = 100.0**progress
    noisy = {study: math.log(value) - math.log(rng.expovariate(1)) / power for study, value in sorted(scores.items())}
    chosen = max(noisy, key=lambda study: noisy[study])
    drawn_by = f", in proportion to its power {power:.3g}" if len(scores) > 1 else ""
    reason = (
        f"predictive entropy {scores[chosen]:.3g} nats of {name}; {_of(scores, 'drawn from', 'with one')}{drawn_by}"
        f"{_unscored(candidates, scores)}"
    )
    return Choice(chosen, scores[chosen], reason)


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
    left = _unscored(candidates, ranked)
    if len(half) == 1:
        reason = f"uncertainty {uncertainty[half[0]]:.3g}, {_of(ranked, 'the higher of', 'scored')}{left}"
        return Choice(half[0], uncertainty[half[0]], reason)
    choice = choose_farthest(half, embeddings, labelled, rng)
    return Choice(
        choice.id,
        choice.score,
        f"uncertainty {uncertainty[str(choice.id)]:.3g}, in the higher half of {_compared(ranked)}{left}; "
        f"{choice.reason}",
    )


def _scaled(embeddings: Mapping[str, Sequence[float]]) -> dict[str, npt.NDArray[np.float64]]:
    matrix = np.array(list(embeddings.values()), dtype=np.float64)
    deviation = matrix.std(axis=0)
    scaled = matrix / np.where(deviation > 0, deviation, 1)
    return dict(zip(embeddings, scaled, strict=True))


def _of(names: Collection[str], how: str, which: str) -> str:
    """``"the highest of 3 studies scored"``; of a single one there is nothing to say but that it is alone."""
    return f"the only study {which}" if len(names) == 1 else f"{how} {len(names)} studies {which}"


def _unscored(candidates: Collection[str], scored: Collection[str]) -> str:
    """How many studies the choice leaves out, because nothing is known of them yet."""
    left = len(candidates) - len(scored)
    return f"; {left} without a score" if left else ""


def _compared(names: Sequence[str]) -> str:
    return f"{count(len(names), 'study', 'studies')} compared"


def count(number: int, singular: str, plural: str) -> str:
    """``"1 study"`` or ``"3 studies"``."""
    return f"{number} {singular if number == 1 else plural}"
