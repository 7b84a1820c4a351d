"""What tests do with the panel's layouts."""

from __future__ import annotations

from typing import Any

from panels import Spin

from gliomics.reading.record import KeyFeature, Population, Reading

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


LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]


def reading(volume: float = 40.0) -> Reading:
    """A reading with two key features that are known among the training patients."""
    patients = Population(
        "patients with lower-grade glioma",
        88,
        LEVELS,
        [3.0, 15.0, 40.0, 80.0, 170.0],
        {"coc1": [5.0, 20.0, 55.0, 95.0, 180.0], "coc2": [2.0, 9.0, 20.0, 50.0, 120.0]},
        {"coc1": "codeleted", "coc2": "wild type"},
    )
    return Reading(
        "glioma-01",
        "tumour",
        "Tumour",
        [],
        key_features=[
            KeyFeature("v", "Volume", volume, f"{volume} cm³", "cm³", percentile=50.0, population=patients),
            KeyFeature("d", "Elongation", 0.4, "0.4", percentile=7.0, percentile_text="7th", population=patients),
            KeyFeature("u", "Unused", 1.0, "1.0"),
        ],
    )
