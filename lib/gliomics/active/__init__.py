"""Active learning: which study is worth labelling next."""

from gliomics.active.strategies import (
    Choice,
    choose_by_power,
    choose_farthest,
    choose_first,
    choose_highest,
    choose_random,
    choose_uncertain_and_new,
    nothing_left,
)

__all__ = [
    "Choice",
    "choose_by_power",
    "choose_farthest",
    "choose_first",
    "choose_highest",
    "choose_random",
    "choose_uncertain_and_new",
    "nothing_left",
]
