"""What tests do with the panel's layouts."""

from __future__ import annotations

from typing import Any

from panels import Spin

SLICES = ["GliomicsFLAIR", "GliomicsT1", "GliomicsT1C", "GliomicsT2"]
FOUR, SURFACE, FEATURES = "FLAIR, T1, T1 contrast, T2", "Sequences and 3-D", "Sequences and all features"


def choose(panel: Any, title: str, spin: Spin) -> None:
    """Choose a layout as the user does, and wait until its views are filled."""
    selector = panel.ui.layoutSelector
    assert selector.enabled and selector.findText(title) >= 0
    selector.setCurrentIndex(selector.findText(title))
    timers = (panel.views._settleTimer, panel.views._surfaceTimer)
    spin(lambda: not any(timer.isActive() for timer in timers))
    assert panel.model.state.value != "error", panel.model.message
