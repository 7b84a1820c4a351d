"""The last reading, kept with the scene as text, so that it is shown again when the scene is loaded."""

from __future__ import annotations

import json
import time
from typing import Any

from gliomics.reading.record import Reading
from gliomics.records import FeatureRow
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.facts import DisplayedResult
from RadiogenomicsLib.panel.selected import Selection
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.scene.tables import segmentOf
from RadiogenomicsLib.server.analysis import Analysis

_TEXT, _EDITED, _TABLE = "reading", "readingEdited", "features"


class KeptResult(Controller):
    """Writes the result on display to the parameter node, and takes it up again from there.

    The table that the scene has of it says which segment it is of. Nothing of the server's address is kept.
    """

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._parameters: Parameters | None = None
        self._kept: DisplayedResult | None = None

    def hold(self) -> None:
        """Write nothing until :meth:`restore`: a scene is being closed or loaded."""
        self._parameters = None

    def restore(self, parameters: Parameters) -> None:
        """Show the reading that the scene has again, after the selection was restored."""
        self._parameters = parameters
        if self._model.result is None:
            self._kept = self._fromText(parameters)
            if self._kept is not None:
                self._model.read(self._kept, self._kept.readAt)
                self._onChanged()

    def update(self) -> None:
        """After any change: keep what is displayed now, and whether it is out of date."""
        if self._parameters is None:
            return
        result = self._model.result
        if result is not self._kept:
            self._kept = result
            self._parameters.setText(_TEXT, _toText(result))
        self._parameters.setFlag(_EDITED, result is not None and result.edited)

    def _fromText(self, parameters: Parameters) -> DisplayedResult | None:
        table = parameters.reference(_TABLE)
        try:
            kept = json.loads(parameters.text(_TEXT) or "{}")
            reading, contents = Reading.from_json(kept["reading"]), dict(kept["volumes"])
            readAt = str(kept["readAt"])
        except (AttributeError, ValueError, TypeError, KeyError):
            return None
        if table is None:
            return None
        features = FeatureRow(reading.study_id, reading.region, {})
        return DisplayedResult(
            Analysis(features, (), reading), self._measured(table, contents), parameters.flag(_EDITED), readAt
        )

    def _measured(self, table: Any, contents: dict[str, str]) -> Selection:
        """What the reading is of: the table's segment, on the chosen volumes if these are those that were measured."""
        present = self._model.selection
        isSame = {sequence: volume.contents for sequence, volume in present.volumes.items()} == contents
        node, segmentId = segmentOf(table)
        segment = node.GetSegmentation().GetSegment(segmentId) if node is not None else None
        return Selection(
            volumes=present.volumes if isSame else {},
            segmentationId=node.GetID() if node is not None else "",
            segmentation=node.GetName() if node is not None else "",
            segmentId=segmentId,
            segment=segment.GetName() if segment is not None else "",
        )


def _toText(result: DisplayedResult | None) -> str:
    if result is None or result.analysis.reading is None:
        return ""
    volumes = {sequence: volume.contents for sequence, volume in result.selection.volumes.items()}
    readAt = result.readAt or time.strftime("%Y-%m-%d %H:%M")
    return json.dumps({"readAt": readAt, "volumes": volumes, "reading": result.analysis.reading.to_json()})
