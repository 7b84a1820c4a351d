"""Active learning: which study is worth labelling next."""

from gliomics.active.strategies import Choice, choose_highest, choose_random, nothing_left

__all__ = ["Choice", "choose_highest", "choose_random", "nothing_left"]
