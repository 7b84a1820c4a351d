"""How well masks agree with reference masks, and annotators with each other. No torch."""

from gliomics.evaluation.masks import Evaluation, Pair, evaluate_masks
from gliomics.evaluation.overlap import dice, iou

__all__ = ["Evaluation", "Pair", "dice", "evaluate_masks", "iou"]
