"""Reorientation, intensity normalisation and the slice grid that networks see."""

from gliomics.preprocess.intensity import foreground, standardise
from gliomics.preprocess.orientation import axial, from_canonical, to_canonical
from gliomics.preprocess.slices import SliceGrid

__all__ = ["SliceGrid", "axial", "foreground", "from_canonical", "standardise", "to_canonical"]
