"""How well masks agree with reference masks, and how sure the averages over patients are."""

from gliomics.segmentation.evaluation.bootstrap import Interval, bootstrap_interval
from gliomics.segmentation.evaluation.overlap import dice, iou

__all__ = ["Interval", "bootstrap_interval", "dice", "iou"]
