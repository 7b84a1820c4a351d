"""Twenty studies one after another, each segmented, read, corrected and saved: the application does not grow."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections import Counter
from typing import Any

import psutil
import pytest
from fragileserver import ACTIONS, FragileServer, succeed
from panels import Spin

STUDIES = tuple(f"case-{number:02}" for number in range(21))
WARM_UP = 6
MOST_GROWTH_MB = 40.0
"""Studies that stayed would take 120: fourteen of four volumes of half a million voxels."""

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quietConsole"), pytest.mark.timeout(1200)]


def megabytes() -> float:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return float(psutil.Process().memory_info().rss / 2**20)


def nodeClasses(scene: Any) -> Counter[str]:
    return Counter(scene.GetNthNode(index).GetClassName() for index in range(scene.GetNumberOfNodes()))


def test_memory_and_scene_stay_as_they_are(session: Any, fragile: FragileServer, scene: Any, spin: Spin) -> None:
    connect, *actions = ACTIONS
    succeed(session, connect, spin)
    session.ui.removeFinishedCheckBox.checked = True
    taken: list[str] = []
    for number in range(1, 21):
        for action in actions:
            succeed(session, action, spin)
        taken.append(session.model.selection.studyId)
        if number == WARM_UP:
            nodes, memory = nodeClasses(scene), megabytes()
    growth = megabytes() - memory
    sys.stderr.write(f"{growth:.0f} MB more after {len(taken)} studies than after {WARM_UP} ({memory:.0f} MB)\n")
    assert len(set(taken)) == 20
    assert nodeClasses(scene) == nodes
    assert growth < MOST_GROWTH_MB
