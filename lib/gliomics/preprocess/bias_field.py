"""The slow change of brightness across an MR image that its coils cause, taken out by N4."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from gliomics.study.images import from_sitk, to_sitk
from gliomics.study.records import Volume

_SHRINK = 4
"""The field is smooth, so it is estimated on every fourth voxel in each direction and applied to all."""
_ITERATIONS = [50, 50, 50]


def correct_bias_field(volume: Volume, inside: npt.NDArray[np.bool_]) -> Volume:
    """``volume`` (float64) over its bias field, estimated from the voxels that are true (N4ITK; Tustison 2010)."""
    image = sitk.Cast(to_sitk(volume), sitk.sitkFloat32)
    mask = to_sitk(volume.with_array(inside.astype(np.uint8)))
    shrink = [max(1, min(_SHRINK, size // _SHRINK)) for size in image.GetSize()]
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetMaximumNumberOfIterations(_ITERATIONS)
    corrector.Execute(sitk.Shrink(image, shrink), sitk.Shrink(mask, shrink))
    field = from_sitk(corrector.GetLogBiasFieldAsImage(image)).array
    return volume.with_array(volume.array.astype(np.float64) / np.exp(field.astype(np.float64)))
