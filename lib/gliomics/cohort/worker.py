"""What a process that measures loads once, before it is given studies."""

from __future__ import annotations

import SimpleITK as sitk

from gliomics.cohort import extraction
from gliomics.radiomics import engine

engine.feature_names()  # loads PyRadiomics and what it needs

__all__ = ["extraction", "start"]


def start() -> None:
    """One thread for each process: the processes share the cores already."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
