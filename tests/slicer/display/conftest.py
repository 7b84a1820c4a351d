"""Views that are really drawn, and a panel with a study of three sequences in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from inprocess import InProcessBackend
from panels import Spin, press
from RadiogenomicsLib.server.volumes import OrientedImage


@pytest.fixture
def screen(scene: Any) -> Iterator[Any]:
    """The application's views."""
    from harness.views import Screen

    screen = Screen(scene)
    yield screen
    screen.close()


@pytest.fixture
def backend() -> InProcessBackend:
    """One study of three sequences, each of another grey, with a bright block in FLAIR."""
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    images = {}
    for sequence, grey in (("flair", 100.0), ("t1", 60.0), ("t1c", 80.0)):
        array = np.full((12, 60, 60), grey, np.float32) + np.arange(60, dtype=np.float32) / 2
        array[4:9, 20:40, 15:30] += 80 if sequence == "flair" else 5
        images[sequence] = OrientedImage(array, affine)
    return InProcessBackend(images)


@pytest.fixture
def views(screen: Any, panel: Any, spin: Spin) -> Any:
    """The panel with views, a study and a segmentation."""
    press(panel, "connectButton", spin)
    press(panel, "nextStudyButton", spin)
    press(panel, "segmentButton", spin)
    return panel
