"""The panel's widgets: a ``.ui`` file for the frame and one for each section, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer.util

FRAME = "Radiogenomics"
SECTIONS = (
    "Server", "Study", "Volumes", "Segmentation", "Refine", "Submit", "Results", "Patient", "Views", "Export", "Learn",
    "Leases", "Review",
)  # fmt: skip
"""The files in ``Resources/UI``, in the order in which they are shown. Each one's outer widget is a ``qMRMLWidget``,
which passes the scene on to those of its widgets that the file connects with it."""


@dataclass(frozen=True)
class PanelWidgets:
    """``frame`` holds everything, ``sections`` are by the name of their file, ``byName`` has all widgets as attributes.

    No two widgets share a name, in whichever files they are.
    """

    frame: Any
    sections: dict[str, Any]
    byName: Any

    def setScene(self, scene: Any) -> None:
        """Let every selector list the nodes of this scene; None takes the widgets off the scene."""
        for section in self.sections.values():
            section.setMRMLScene(scene)


def loadWidgets(folder: str | Path) -> PanelWidgets:
    """Load the files of a ``Resources/UI`` folder; the widgets have no scene yet."""
    frame = slicer.util.loadUI(str(Path(folder) / f"{FRAME}.ui"))
    layout = slicer.util.childWidgetVariables(frame).sectionsArea.layout()
    sections = {}
    for name in SECTIONS:
        sections[name] = slicer.util.loadUI(str(Path(folder) / f"{name}.ui"))
        layout.addWidget(sections[name])
    return PanelWidgets(frame, sections, slicer.util.childWidgetVariables(frame))
