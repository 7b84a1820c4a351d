from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.evaluation import dice
from gliomics.segmentation.inputs import LabelledCase, prepare_case
from gliomics.segmentation.postprocess import calibrate, to_mask
from gliomics.segmentation.settings import CalibrationSettings, PostprocessSettings
from gliomics.training.calibration import (
    COMPONENTS,
    THRESHOLDS,
    ScoredCase,
    choose_calibration,
    choose_rule,
    dice_of_rules,
    expected_calibration_error,
)
from tests.unit.tiny_networks import TINY, a_lesion_case

NONE = CalibrationSettings()


def a_case(seed: int = 0) -> LabelledCase:
    volumes, mask = a_lesion_case(seed)
    return prepare_case(f"case-{seed}", f"patient-{seed}", volumes, mask, sequences=["flair"], settings=TINY.input)


def test_calibration_recovers_the_slope_and_intercept_of_the_truth() -> None:
    """Logits twice too steep and shifted, for labels drawn with the true probabilities."""
    rng = np.random.default_rng(0)
    case = a_case()
    true = rng.normal(-1, 2, case.target.shape).astype(np.float32)
    drawn = torch.from_numpy(rng.random(true.shape) < calibrate(true, NONE))
    judged = ScoredCase(LabelledCase(**{**vars(case), "target": drawn.half()}), 2 * true + 0.5)
    calibration = choose_calibration([judged])
    assert calibration.slope == pytest.approx(0.5, abs=0.05)
    assert calibration.intercept == pytest.approx(-0.25, abs=0.15)
    before = expected_calibration_error([(judged, NONE)])
    assert expected_calibration_error([(judged, calibration)]) < before / 2


def test_voxels_of_which_nothing_is_known_do_not_calibrate() -> None:
    rng = np.random.default_rng(0)
    case = a_case()
    logits = rng.normal(-1, 2, case.target.shape).astype(np.float32)
    target = torch.from_numpy(rng.random(logits.shape) < calibrate(logits, NONE)).half()
    target[:, :, ::2], logits[:, :, ::2] = torch.nan, 50.0
    calibration = choose_calibration([ScoredCase(LabelledCase(**{**vars(case), "target": target}), logits)])
    assert calibration.slope == pytest.approx(1, abs=0.2)
    assert calibration.intercept == pytest.approx(0, abs=0.15)


def test_perfect_separation_keeps_the_rules_usable() -> None:
    case = a_case()
    judged = ScoredCase(case, np.where(case.target > 0.5, 9.0, -9.0))
    calibration = choose_calibration([judged])
    rule = choose_rule([("patient-0", dice_of_rules(judged))], calibration)
    assert 0 < rule.threshold < 1
    mask = to_mask(judged.restore(calibrate(judged.logits.astype(np.float32), calibration)), rule)
    assert dice(mask, case.lesion) > 0.85


def test_table_of_rules_is_what_the_masks_score() -> None:
    case = a_case(1)
    rng = np.random.default_rng(1)
    logits = np.where(case.target > 0.5, 1.0, -1.0) + rng.normal(0, 1, case.target.shape)
    judged = ScoredCase(case, logits.astype(np.float32))
    table = dice_of_rules(judged)
    probability = judged.restore(calibrate(judged.logits.astype(np.float32), NONE))
    for row, column in ((0, 0), (6, 3), (12, 6)):
        rule = PostprocessSettings(threshold=THRESHOLDS[row], smallest_component=COMPONENTS[column])
        assert table[row, column] == pytest.approx(dice(to_mask(probability, rule), case.lesion))


def test_rule_is_the_best_for_the_mean_patient() -> None:
    """Two studies of one patient count as one."""
    tables = [np.zeros((len(THRESHOLDS), len(COMPONENTS))) for _ in range(3)]
    tables[0][2, 4] = tables[1][2, 4] = 0.6
    tables[2][9, 1] = 0.9
    rule = choose_rule([("a", tables[0]), ("a", tables[1]), ("b", tables[2])], NONE)
    assert (rule.threshold, rule.smallest_component) == (pytest.approx(THRESHOLDS[9]), COMPONENTS[1])


def test_among_equal_rules_the_plain_one_is_taken() -> None:
    rule = choose_rule([("a", np.ones((len(THRESHOLDS), len(COMPONENTS))))], NONE)
    assert (rule.threshold, rule.smallest_component) == (0.5, 0.1)


def test_threshold_follows_the_calibration() -> None:
    table = np.zeros((len(THRESHOLDS), len(COMPONENTS)))
    table[2, 3] = 1
    calibration = CalibrationSettings(slope=0.5, intercept=-1.0)
    rule = choose_rule([("a", table)], calibration)
    logit = np.log(THRESHOLDS[2] / (1 - THRESHOLDS[2]))
    assert rule.threshold == pytest.approx(1 / (1 + np.exp(-(0.5 * logit - 1))), abs=1e-4)
