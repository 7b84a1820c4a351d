"""Whether images are of the sequences that they are given as, on images that were drawn."""

from __future__ import annotations

import numpy as np

from gliomics.statistics.arrays import Array
from gliomics.subtype.doubt.identity import SequenceIdentity, columns, describe_brightness, describe_mistaken

SEQUENCES = ("t1", "t1c", "flair")
BRIGHT = {"t1": -0.5, "t1c": 0.5, "flair": 3.0}


def images(sequence: str, patients: int, seed: int) -> Array:
    """Features as of lesions that are brighter in one sequence than in another."""
    drawn = np.random.default_rng(seed).normal(0, 0.5, (patients, len(columns(sequence))))
    return drawn + BRIGHT[sequence]


def an_identity() -> SequenceIdentity:
    values = {name: images(name, 40, seed) for seed, name in enumerate(SEQUENCES)}
    values["t1c"][30:] = np.nan
    return SequenceIdentity.fit(SEQUENCES, values)


def a_study(**given: str) -> dict[str, float]:
    """A study whose image given as one sequence shows another."""
    values: dict[str, float] = {}
    for seed, (name, shown) in enumerate(given.items()):
        values |= dict(zip(columns(name), images(shown, 1, 50 + seed)[0].tolist(), strict=True))
    return values


def test_right_images_are_right_and_exchanged_ones_are_named_with_what_they_look_like() -> None:
    identity = an_identity()
    assert identity.mistaken(a_study(t1="t1", t1c="t1c", flair="flair")) == {}
    assert identity.mistaken(a_study(t1="t1", t1c="flair", flair="t1c")) == {"t1c": "flair", "flair": "t1c"}
    assert identity.mistaken(a_study(flair="t1")) == {"flair": "t1"}


def test_contrast_that_shows_nothing_is_not_mistaken() -> None:
    assert an_identity().mistaken(a_study(t1="t1", t1c="t1", flair="flair")) == {}


def test_training_patients_are_not_taken_for_something_else() -> None:
    identity = an_identity()
    for name, seed in zip(SEQUENCES, range(3), strict=True):
        rows = images(name, 40, seed)
        mistaken = [identity.mistaken(dict(zip(columns(name), row.tolist(), strict=True))) for row in rows]
        assert sum(map(bool, mistaken)) <= 1


def test_sequence_that_the_study_lacks_is_not_mistaken() -> None:
    assert an_identity().mistaken({}) == {}


def test_what_is_said_names_the_image_and_what_it_looks_like() -> None:
    assert describe_mistaken({"flair": "t1c"}) == [
        "the image given as FLAIR looks like T1 contrast to the model: check it"
    ]


def test_only_scales_that_differ_are_told() -> None:
    assert describe_brightness({}) == []
    assert describe_brightness({"t1c_normalisation": [100.0, 1.0]}) == []
    assert describe_brightness({"t1c_normalisation": [100.0, 1.0], "t1_normalisation": [60.0, 1.0]}) == []
    assert len(describe_brightness({"t1c_normalisation": [10.0, 1.0], "t1_normalisation": [60.0, 1.0]})) == 1
