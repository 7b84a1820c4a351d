from __future__ import annotations

import numpy as np
import pytest

from gliomics.active.scores import AcquisitionScores, score_study
from gliomics.segmentation.segmenter import Segmenter
from gliomics.study import Volume
from tests.unit.tiny_networks import a_lesion_case, labelled, trained

pytestmark = pytest.mark.slow

__all__ = ["labelled", "trained"]

NEW = 60


@pytest.fixture(scope="module")
def volumes() -> dict[str, Volume]:
    return {"flair": a_lesion_case(NEW)[0]["flair"]}


def test_scores_repeat_and_survive_json(trained: Segmenter, volumes: dict[str, Volume]) -> None:
    scores = score_study(trained, volumes, seed=3)
    assert scores == score_study(trained, volumes, seed=3)
    assert AcquisitionScores.from_json(scores.to_json()) == scores
    assert len(scores.slices) == 6
    assert 0 < scores.epistemic < np.log(2)
    assert 0 < scores.disagreement < 1
    assert scores.finds_lesion


def test_faint_lesion_is_more_uncertain(trained: Segmenter, volumes: dict[str, Volume]) -> None:
    flair, lesion = volumes["flair"], a_lesion_case(NEW)[1]
    faint = {"flair": flair.with_array(flair.array - 35 * lesion.array)}
    clear, unclear = score_study(trained, volumes), score_study(trained, faint)
    assert unclear.disagreement > clear.disagreement
    assert unclear.entropy_lesion + unclear.entropy_rest > clear.entropy_lesion + clear.entropy_rest


def test_slices_are_in_the_images_own_order(trained: Segmenter, volumes: dict[str, Volume]) -> None:
    flair = volumes["flair"]
    flipped = Volume(np.ascontiguousarray(flair.array[:, :, ::-1]), flair.affine @ np.diag([1.0, 1.0, -1.0, 1.0]))
    there, back = score_study(trained, volumes).slices, score_study(trained, {"flair": flipped}).slices
    np.testing.assert_allclose(there, back[::-1], rtol=1e-3)


def test_embedding_without_a_lesion_is_of_the_middle_slice(trained: Segmenter, volumes: dict[str, Volume]) -> None:
    undecided = {"calibration": {"slope": 0.001, "intercept": 0.0}, "postprocess": {"threshold": 0.9}}
    strict = Segmenter.from_state(
        trained.card.model_copy(update={"settings": trained.card.settings | undecided}), trained.network.state_dict()
    )
    scores = score_study(strict, volumes)
    assert np.isfinite(scores.embedding).all()
    assert not scores.finds_lesion
    assert score_study(trained, volumes).finds_lesion
