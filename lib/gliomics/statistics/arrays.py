"""The arrays that statistics are of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
"""Values; the docstrings say of what along each axis."""

Classes = npt.NDArray[np.int64]
"""The class of each patient, as its position in a list of classes."""
