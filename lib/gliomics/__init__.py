"""Gliomics takes a glioma MRI from mask to molecular estimate.

The names that a session needs are here and are loaded when they are first used, so that ``import gliomics`` is fast and
needs nothing but Python. docs/python.md shows them at work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gliomics.version import __version__

if TYPE_CHECKING:
    from gliomics.client import GliomicsClient
    from gliomics.cohort.feature_frame import features_frame, rows_from_frame
    from gliomics.cohort.feature_table import read_features_csv, write_features_csv
    from gliomics.errors import GliomicsError
    from gliomics.models import ModelStore
    from gliomics.records import FeatureRow, SubtypeEstimate
    from gliomics.session import estimate_subtype, load_model, measure, measure_edge, open_study, segment
    from gliomics.study import Mask, Study, Volume, list_studies, load_sequences, read_mask, write_mask
    from gliomics.subtype.who import who_estimate

_HOMES = {
    "FeatureRow": "records",
    "GliomicsClient": "client",
    "GliomicsError": "errors",
    "Mask": "study",
    "ModelStore": "models",
    "Study": "study",
    "SubtypeEstimate": "records",
    "Volume": "study",
    "estimate_subtype": "session",
    "features_frame": "cohort.feature_frame",
    "list_studies": "study",
    "load_model": "session",
    "load_sequences": "study",
    "measure": "session",
    "measure_edge": "session",
    "open_study": "session",
    "read_features_csv": "cohort.feature_table",
    "read_mask": "study",
    "rows_from_frame": "cohort.feature_frame",
    "segment": "session",
    "who_estimate": "subtype.who",
    "write_features_csv": "cohort.feature_table",
    "write_mask": "study",
}
"""The module that each name comes from."""

__all__ = [
    "FeatureRow",
    "GliomicsClient",
    "GliomicsError",
    "Mask",
    "ModelStore",
    "Study",
    "SubtypeEstimate",
    "Volume",
    "__version__",
    "estimate_subtype",
    "features_frame",
    "list_studies",
    "load_model",
    "load_sequences",
    "measure",
    "measure_edge",
    "open_study",
    "read_features_csv",
    "read_mask",
    "rows_from_frame",
    "segment",
    "who_estimate",
    "write_features_csv",
    "write_mask",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gliomics' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"gliomics.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
