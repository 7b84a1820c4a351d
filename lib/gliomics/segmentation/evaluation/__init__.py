"""How well masks agree with reference masks, and how sure the averages over patients are."""

from gliomics.segmentation.evaluation.bootstrap import Interval, bootstrap_interval
from gliomics.segmentation.evaluation.evaluate import Evaluation, Pair, evaluate_masks
from gliomics.segmentation.evaluation.overlap import dice, iou

__all__ = ["Evaluation", "Interval", "Pair", "bootstrap_interval", "dice", "evaluate_masks", "iou"]
