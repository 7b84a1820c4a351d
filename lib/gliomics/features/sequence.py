"""One sequence of a study on its way to be measured: bias field, voxel size and intensity scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gliomics.errors import InputError
from gliomics.features.config import FeatureConfig
from gliomics.features.windows import Window
from gliomics.preprocess.bias_field import correct_bias_field
from gliomics.preprocess.intensity import foreground
from gliomics.preprocess.resampling import resample_to_spacing
from gliomics.study.volumes import Mask, Volume


@dataclass(frozen=True)
class PreparedSequence:
    """A sequence whose voxels are ``factor * (value - mean) / deviation``, worked out only for the parts asked for."""

    raw: Volume
    mean: float = 0.0
    deviation: float = 1.0
    factor: float = 1.0

    def crop(self, window: Window) -> Volume:
        """The part of the sequence in ``window``; float64 where the intensities are scaled, else of the file's type."""
        part = window.crop(self.raw)
        if (self.mean, self.deviation, self.factor) == (0.0, 1.0, 1.0):
            return part
        return part.with_array((part.array.astype(np.float64) - self.mean) / self.deviation * self.factor)


def prepare_sequence(volume: Volume, config: FeatureConfig, name: str, brain: Mask | None) -> PreparedSequence:
    """Correct, resample and standardise ``volume`` as ``config`` says; ``name`` is the sequence's in errors.

    ``brain`` is a mask on the volume's grid, or None: then its foreground takes the brain's place. Raises
    :class:`InputError` for values that are not finite or all the same.
    """
    if volume.array.dtype.kind == "f" and not np.isfinite(volume.array).all():
        raise InputError(f"{name} has voxels that are NaN or infinite; replace them before computing features")
    if _is_flat(volume.array):
        raise InputError(f"{name} has one intensity everywhere ({volume.array.flat[0]:g}); is it the right file?")
    if config.bias_field:
        volume = correct_bias_field(volume, _inside(volume, brain), name)
    if config.resampling is not None:
        volume = resample_to_spacing(volume, config.resampling, name=name)
        brain = resample_to_spacing(brain, config.resampling, labels=True) if brain is not None else None
    if config.normalisation.method == "none":
        return PreparedSequence(volume)
    values = volume.array[_inside(volume, brain)].astype(np.float64)
    deviation = float(values.std()) if values.size else 0.0
    if not 0 < deviation < math.inf:
        where = "brain mask" if brain is not None else "head"
        raise InputError(
            f"{name} cannot be standardised: the intensities inside the {where} deviate by {deviation:g}; "
            "is it the right file?"
        )
    return PreparedSequence(volume, float(values.mean()), deviation, config.normalisation.scale)


def _is_flat(array: npt.NDArray[Any]) -> bool:
    """Whether all voxels are the same; most images tell after a few planes that they are not."""
    return all(bool((plane == array.flat[0]).all()) for plane in array.T)


def _inside(volume: Volume, brain: Mask | None) -> npt.NDArray[np.bool_]:
    return foreground(volume.array) if brain is None else brain.array > 0
