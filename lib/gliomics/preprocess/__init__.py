"""Reorientation, intensity normalisation, what a lesion's mask is, and the slice grid that networks see."""

from gliomics.preprocess.intensity import foreground, standardise
from gliomics.preprocess.lesion import is_mask_like, lesion_mask, lesion_mask_of_study
from gliomics.preprocess.orientation import axial, from_canonical, to_canonical
from gliomics.preprocess.slices import SliceGrid

__all__ = [
    "SliceGrid",
    "axial",
    "foreground",
    "from_canonical",
    "is_mask_like",
    "lesion_mask",
    "lesion_mask_of_study",
    "standardise",
    "to_canonical",
]
