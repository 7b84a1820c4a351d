"""Which weights of a fine-tuning are taken: those of its best epoch, or half way back to where it started."""

from __future__ import annotations

from collections.abc import Callable

from gliomics.segmentation.weights import State

PATIENCE = 3
"""Epochs without a better one after which a training stops."""


class BestEpoch:
    """Keeps the weights of the epoch with the highest ``score``, and says when to stop looking for a better one.

    An instance is what ``stop`` of :func:`~gliomics.training.loop.train` takes.
    """

    def __init__(self, score: Callable[[State], float], patience: int = PATIENCE) -> None:
        self._score = score
        self._patience = patience
        self._epochs = 0
        self.epoch = 0
        """Number of the best epoch, from 1."""
        self.best = self.last = float("-inf")
        self.state: State = {}

    def __call__(self, state: State) -> bool:
        """Score the weights after one more epoch; true when the last epochs brought nothing better."""
        self._epochs += 1
        score = self.last = self._score(state)
        if score > self.best:
            self.epoch, self.best = self._epochs, score
            self.state = {name: value.clone() for name, value in state.items()}
        return self._epochs - self.epoch >= self._patience


def average_weights(start: State, end: State) -> State:
    """The mean of the weights before and after a fine-tuning.

    It often keeps more of what the network knew before than the end does, at little cost in what it has learned
    (WiSE-FT, Wortsman 2022). Counters are those of the end.
    """
    return {
        name: (start[name] + value) / 2 if value.is_floating_point() else value.clone() for name, value in end.items()
    }
