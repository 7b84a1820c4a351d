"""Synthetic glioma studies: heads with a planted tumour, drawn from formulas and a seed.

No patient's image enters them. The anatomy is a set of implicit surfaces in RAS
millimetres (:mod:`~gliomics.samples.anatomy`), the tumour displaces and replaces tissue
(:mod:`~gliomics.samples.tumour`), and each sequence gives every tissue its intensity
(:mod:`~gliomics.samples.scanner`).
"""

from gliomics.samples.make import make_samples
from gliomics.samples.synthetic_patients import DEFAULT_SEED

__all__ = ["DEFAULT_SEED", "make_samples"]
