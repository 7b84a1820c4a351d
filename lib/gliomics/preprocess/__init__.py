"""Reorientation, intensity normalisation, what a lesion's mask is, and the slice grid that networks see."""

from gliomics.preprocess.intensity import foreground, standardise
from gliomics.preprocess.lesion import is_mask_like, lesion_mask, lesion_mask_of_study
from gliomics.preprocess.orientation import Plane, axial, from_canonical, in_plane, to_canonical
from gliomics.preprocess.slices import SliceGrid

__all__ = [
    "Plane",
    "SliceGrid",
    "axial",
    "foreground",
    "from_canonical",
    "in_plane",
    "is_mask_like",
    "lesion_mask",
    "lesion_mask_of_study",
    "standardise",
    "to_canonical",
]
