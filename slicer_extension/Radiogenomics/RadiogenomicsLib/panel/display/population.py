"""Where the patient lies among the training patients: fills the plots when their layout is shown."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.scene.display import layouts
from RadiogenomicsLib.scene.display.plots import comparable, plotReading
from RadiogenomicsLib.scene.parameters import Parameters

_FEATURE = "plotFeature"


class PopulationView(Controller):
    """Binds the selector of the feature that is plotted by class."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._parameters: Parameters | None = None
        self._plotted: tuple[Any, str] | None = None
        self._names: list[str] = []
        self._subscriptions.connect(self._ui.plotFeatureSelector, "currentIndexChanged(int)", self.onFeature)

    def restore(self, parameters: Parameters) -> None:
        """Take up which feature the scene remembers."""
        self._parameters, self._plotted = parameters, None

    def update(self) -> None:
        """After any change: plot the reading on display, if the layout is that of the plots."""
        isShown = layouts.arrangement() == layouts.POPULATION_LAYOUT
        if not isShown:
            self._show(self._ui.plotRows, False)
            self._show(self._ui.plotHint, False)
            self._plotted = None
            return
        result = self._model.result
        reading = result.analysis.reading if result is not None else None
        features = comparable(reading)
        self._fill(list(features))
        self._show(self._ui.plotRows, bool(features))
        hint = ""
        if result is None:
            hint = _("There is nothing to compare yet: press Read segment.")
        elif not features:
            hint = _("No model of the server uses these features, so there are no patients to compare them with.")
        self._write(self._ui.plotHint, text=hint)
        self._show(self._ui.plotHint, bool(hint))
        name = self._ui.plotFeatureSelector.currentText
        if result is None or reading is None or name not in features or self._plotted == (reading, name):
            return
        self._plotted = reading, name
        plotReading(reading, features[name], slicer.mrmlScene.GetNodeByID(result.selection.segmentationId))

    @shown
    def onFeature(self) -> None:
        """Another feature shall be plotted by class."""
        if self._parameters is not None:
            self._parameters.setText(_FEATURE, self._ui.plotFeatureSelector.currentText)
        self.update()

    def _fill(self, names: list[str]) -> None:
        if names == self._names:
            return
        self._names, selector = names, self._ui.plotFeatureSelector
        chosen = self._parameters.text(_FEATURE) if self._parameters is not None else ""
        blocked = selector.blockSignals(True)
        selector.clear()
        for name in names:
            selector.addItem(name)
        selector.setCurrentIndex(max(selector.findText(chosen), 0) if names else -1)
        selector.blockSignals(blocked)
