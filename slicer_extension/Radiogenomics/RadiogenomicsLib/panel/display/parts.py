"""All parts of the tumour read in one go, side by side in one table."""

from __future__ import annotations

import time

import slicer
from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.display.views import PARTS_TABLE, Views
from RadiogenomicsLib.panel.facts import PartsReading
from RadiogenomicsLib.panel.history import KeptReading
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.scene.parts import labelledParts
from RadiogenomicsLib.scene.tables import publishRegions
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.analysis import Analysis
from RadiogenomicsLib.server.volumes import VolumeError

WHOLE = "whole"
_WITH_WHOLE = (WHOLE, "oedema", "peritumoral")
"""The regions that are unknown where it is not known how far the tumour reaches."""

_TITLES = {
    WHOLE: _("Whole tumour"),
    "tumour-core": _("Tumour core"),
    "enhancing": _("Enhancing part"),
    "oedema": "Oedema",
    "peritumoral": _("Ring around it"),
}


class Parts(Controller):
    """Binds the button that reads all parts."""

    def __init__(self, context: PanelContext, views: Views) -> None:
        super().__init__(context)
        self._views = views
        self._parameters: Parameters | None = None
        self._toolTip = self._ui.allPartsButton.toolTip
        self._subscriptions.connect(self._ui.allPartsButton, "clicked(bool)", self.onParts)

    def restore(self, parameters: Parameters) -> None:
        """Keep the table in this parameter node."""
        self._parameters = parameters

    def update(self) -> None:
        """After any change: say whether the parts can be read."""
        action, parts = self._model.canReadParts, self._model.parts
        if parts is not None and slicer.mrmlScene.GetNodeByID(parts.segmentationId) is None:
            self._model.parts = None
        self._write(self._ui.allPartsButton, enabled=action.enabled, toolTip=action.reason or self._toolTip)

    @shown
    def onParts(self) -> None:
        """Send all segments of the chosen segmentation as one label, and show what is measured as one table."""
        self._model.selection = self._selection.read()
        if not self._model.canReadParts.enabled:
            self.runner.fail(self._model.canReadParts.reason)
            return
        segmentation, reference = self._selection.segmentation(), self._selection.firstVolume()
        parts = self.runner.attempt(lambda: labelledParts(segmentation, reference))
        if parts is None or not self.runner.mayUpload():
            return
        images = self.runner.attempt(self._selection.images)
        if images is None:
            return
        backend, segmentationId, name = self.runner.backend(), segmentation.GetID(), segmentation.GetName()
        options = self._model.options

        def onResult(answers: dict[str, Analysis | str]) -> None:
            node = slicer.mrmlScene.GetNodeByID(segmentationId)
            if node is None:
                raise VolumeError(
                    _("'{name}' was removed while its parts were read; the answer was dropped").format(name=name)
                )
            rows = {_title(region): each.features for region, each in answers.items() if isinstance(each, Analysis)}
            lacking = [region for region, each in answers.items() if isinstance(each, str)]
            if self._parameters is not None:
                self._parameters.setReference(PARTS_TABLE, publishRegions(rows, node))
            self._views.showParts()
            readAt = time.strftime("%H:%M")
            readings = {
                _title(region): each.reading
                for region, each in answers.items()
                if isinstance(each, Analysis) and each.reading is not None
            }
            for reading in readings.values():
                self._model.history.keep(KeptReading(reading, segmentationId, "", readAt))
            self._model.parts = PartsReading(readings, segmentationId, name, readAt, edited=self.runner.segmentEdited)
            text = _("Read of '{name}': {rows}.").format(name=name, rows=", ".join(rows))
            self._model.jobFinished(text, _notices(lacking, name))
            self._onSelection()

        self.runner.start(
            facts.PARTS,
            lambda job: servercalls.analyseParts(
                job, backend, images, label=parts.mask, numbering=parts.numbering, options=options
            ),
            onResult,
            backend=backend,
        )


def _notices(lacking: list[str], name: str) -> tuple[str, ...]:
    """What is said of regions that were not measured; without a whole tumour what lies beyond its core is unknown."""
    unknown = [region for region in lacking if WHOLE in lacking and region in _WITH_WHOLE]
    sentences = (
        (
            _(
                "Unknown: {regions}. '{name}' does not say how far the tumour reaches beyond its core; add a segment "
                "'oedema', empty where there is none."
            ),
            unknown,
        ),
        (_("Not in '{name}': {regions}."), [region for region in lacking if region not in unknown]),
    )
    return tuple(
        text.format(name=name, regions=", ".join(_title(region).lower() for region in regions))
        for text, regions in sentences
        if regions
    )


def _title(region: str) -> str:
    return _TITLES.get(region, region)
