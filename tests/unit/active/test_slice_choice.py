from __future__ import annotations

from gliomics.active.slice_choice import choose_slices

ENTROPY = [0.0, 0.1, 0.9, 0.8, 0.3, 0.7, 0.2]


def test_least_sure_slices_are_chosen_but_no_neighbours() -> None:
    assert choose_slices(ENTROPY, 2) == [2, 5]


def test_slices_that_are_done_are_not_asked_for_again_nor_first_their_neighbours() -> None:
    assert choose_slices(ENTROPY, 1, annotated=[2]) == [5]
    assert 2 not in choose_slices(ENTROPY, 7, annotated=[2])


def test_neighbour_that_is_unsure_comes_before_a_sure_slice() -> None:
    assert choose_slices(ENTROPY, 2, annotated=[2]) == [3, 5]


def test_distance_is_given_up_when_too_few_slices_are_left() -> None:
    assert choose_slices(ENTROPY, 5, annotated=[2]) == [1, 3, 4, 5, 6]
    assert choose_slices(ENTROPY, 20) == list(range(7))


def test_nothing_is_chosen_of_a_study_that_is_done() -> None:
    assert choose_slices([0.5], 3, annotated=[0]) == []
