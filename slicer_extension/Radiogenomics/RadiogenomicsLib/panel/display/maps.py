"""A model's map over the images: asked of the server once, then shown and hidden at once."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from RadiogenomicsLib.panel import viewmodel
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import Steps, shown
from RadiogenomicsLib.scene.display import layouts
from RadiogenomicsLib.scene.display.overlays import (
    PROBABILITY,
    TITLES,
    UNCERTAINTY,
    addMap,
    isMadeOf,
    kindOf,
    mapOf,
    mapsOfScene,
    showMap,
)
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.offer import Model
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError

_MAP, _OPACITY = "map", "mapOpacity"
_DEFAULT_OPACITY = 50


class Maps(Controller):
    """Binds the buttons of the maps and the slider of their opacity.

    The map is the chosen model's, of the chosen volumes: when either changes, it goes from the views.
    """

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._parameters: Parameters | None = None
        self._buttons = {
            "": self._ui.noMapButton,
            PROBABILITY: self._ui.probabilityButton,
            UNCERTAINTY: self._ui.uncertaintyButton,
        }
        self._toolTips = {kind: button.toolTip for kind, button in self._buttons.items()}
        self._shownId = ""
        self._layout = 0
        connect = self._subscriptions.connect
        for kind, button in self._buttons.items():
            connect(button, "clicked(bool)", self._slot(kind))
        connect(self._ui.mapOpacitySlider, "valueChanged(int)", self.onOpacity)

    def _slot(self, kind: str) -> Any:
        return lambda: self.onMap(kind)

    # Scene

    def restore(self, parameters: Parameters) -> None:
        """Take up which map the scene remembers, and how strong it is."""
        self._parameters = parameters
        opacity = parameters.text(_OPACITY)
        blocked = self._ui.mapOpacitySlider.blockSignals(True)
        self._ui.mapOpacitySlider.value = int(opacity) if opacity.isdigit() else _DEFAULT_OPACITY
        self._ui.mapOpacitySlider.blockSignals(blocked)
        node = parameters.reference(_MAP)
        self._shownId = node.GetID() if node is not None else ""

    def update(self) -> None:
        """After any change: take a map off that is not of what is chosen now, and say what can be shown."""
        self._selection.hide(mapsOfScene())
        node = self._shown()
        if self._shownId and (node is None or not self._isOfSelection(node)):
            self._showMap(None)
            node = None
        elif node is not None and layouts.arrangement() != self._layout:
            showMap(node, self._ui.mapOpacitySlider.value / 100)  # the layout may have brought new views
        self._layout = layouts.arrangement()
        kind = kindOf(node) if node is not None else ""
        for key, button in self._buttons.items():
            reason = self._model.canSegment.reason if key and self._find(key) is None else ""
            self._write(button, enabled=not reason, toolTip=reason or self._toolTips[key], checked=key == kind)
        self._write(self._ui.mapOpacitySlider, enabled=node is not None)

    # Actions

    @shown
    def onMap(self, kind: str) -> None:
        """A map was chosen, or none."""
        node = self._find(kind) if kind else None
        if node is not None or not kind:
            self._showMap(node)
            self.update()
            return
        model = self._model.chosenModel
        if model is None or not self._model.canSegment.enabled:
            self.runner.fail(self._model.canSegment.reason)
        else:
            self._ask(kind, model)
        self.update()

    @shown
    def onOpacity(self, percent: int) -> None:
        """The map shall be stronger or weaker."""
        if self._parameters is not None:
            self._parameters.setText(_OPACITY, str(percent))
        if self._shown() is not None:
            showMap(self._shown(), percent / 100)

    def _ask(self, kind: str, model: Model) -> None:
        """Have the server make the map."""
        sequences = model.sequences or SEQUENCES
        reference, contents = self._selection.firstVolume(sequences), self._contents(sequences)
        referenceId, name = reference.GetID(), reference.GetName()
        images = self.runner.attempt(lambda: self._selection.images(sequences))
        if images is None or (images.volumes and not self.runner.mayUpload()):
            return
        backend = self.runner.backend()

        def onResult(image: OrientedImage) -> Steps:
            node = slicer.mrmlScene.GetNodeByID(referenceId)
            if node is None:
                raise VolumeError(
                    _("volume '{name}' was removed while its map was made; the map was dropped").format(name=name)
                )
            self._showMap((yield from addMap(image, kind, node, model=_title(model), contents=contents)))
            self._model.jobFinished(
                _("{map} of '{name}' is shown over the images.").format(map=TITLES[kind], name=name)
            )

        self.runner.start(
            viewmodel.MAP,
            lambda job: servercalls.voxelMap(job, backend, model.name, images, kind),
            onResult,
            backend=backend,
        )

    # What is shown

    def _showMap(self, node: Any) -> None:
        self._shownId = node.GetID() if node is not None else ""
        if self._parameters is not None:
            self._parameters.setReference(_MAP, node)
        showMap(node, self._ui.mapOpacitySlider.value / 100)

    def _shown(self) -> Any:
        return slicer.mrmlScene.GetNodeByID(self._shownId) if self._shownId else None

    def _isOfSelection(self, node: Any) -> bool:
        if self._model.chosenModel is not None:
            return self._find(kindOf(node)) is node
        return isMadeOf(node, self._contents(SEQUENCES))

    def _find(self, kind: str) -> Any:
        """The map of a kind that the scene has of what is chosen, or None."""
        model = self._model.chosenModel
        sequences = (model.sequences or SEQUENCES) if model is not None else ()
        reference = self._selection.firstVolume(sequences) if model is not None else None
        if model is None or reference is None:
            return None
        return mapOf(kind, reference, model=_title(model), contents=self._contents(sequences))

    def _contents(self, sequences: tuple[str, ...]) -> dict[str, str]:
        """A text for each chosen volume of these sequences, which changes with the image."""
        volumes = self._model.selection.volumes
        return {sequence: volumes[sequence].contents for sequence in sequences if sequence in volumes}


def _title(model: Model) -> str:
    return f"{model.name} {model.version}".strip()
