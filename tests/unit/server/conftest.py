from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gliomics.server.store.datastore import StudyDatastore
from tests.server.studies import add_study

torch.set_num_threads(1)  # tiny networks lose more to threads than they gain


@pytest.fixture
def a_store(tmp_path: Path) -> StudyDatastore:
    """A store with the studies case-0 and case-1 (flair and t1), without labels."""
    root = tmp_path / "studies"
    for seed in range(2):
        add_study(root, f"case-{seed}", seed)
    return StudyDatastore(root)
