"""The section *Segmentation*: a mask drawn by a model of the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError


class Segmenting(Controller):
    """Binds the choice of a model and the button that asks it."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self.fill: Callable[[OrientedImage, Any, dict[str, int]], str] = lambda _mask, _volume, _labels: ""
        """Puts a mask into the chosen segmentation where it fits; returns its name, or an empty text."""
        self._subscriptions.connect(self._ui.segmentButton, "clicked(bool)", self.onSegment)
        self._subscriptions.connect(self._ui.modelSelector, "currentIndexChanged(int)", self.onModel)

    def restore(self, parameters: Parameters) -> None:
        """Take up the model that the scene remembers."""
        self._model.modelName = parameters.text("model") or self._model.modelName

    def remember(self, parameters: Parameters) -> None:
        """Let the scene remember the model."""
        parameters.setText("model", self._model.modelName)

    @shown
    def onModel(self) -> None:
        """Another model was chosen."""
        self._model.modelName = self._ui.modelSelector.currentText
        self._onChanged()

    @shown
    def onSegment(self) -> None:
        """Segment the chosen volumes with the chosen model."""
        self._model.selection = self._selection.read()
        model = self._model.chosenModel
        if model is None or not self._model.canSegment.enabled:
            self.runner.fail(self._model.canSegment.reason)
            return
        modelName, sequences = model.name, model.sequences or SEQUENCES
        reference = self._selection.firstVolume(sequences)
        referenceId, name = reference.GetID(), reference.GetName()
        images = self.runner.attempt(lambda: self._selection.images(sequences))
        if images is None or (images.volumes and not self.runner.mayUpload()):
            return
        backend = self.runner.backend()

        def onResult(answer: servercalls.MaskImage) -> None:
            node = slicer.mrmlScene.GetNodeByID(referenceId)
            if node is None:
                raise VolumeError(
                    _("volume '{name}' was removed while it was segmented; the mask was dropped").format(name=name)
                )
            filled = self.fill(answer.mask, node, answer.labels)
            if filled:
                self._model.jobFinished(
                    _("The empty segments of '{filled}' were filled.").format(filled=filled), answer.warnings
                )
                self._onChanged()
                return
            title = f"{images.studyId or name} {modelName}"
            segmentation = self._logic.addSegmentation(answer.mask, node, answer.labels, title)
            self._model.jobFinished(
                _("'{segmentation}' was added.").format(segmentation=segmentation.GetName()), answer.warnings
            )
            self._selection.chooseSegmentation(segmentation)

        self.runner.start(
            facts.SEGMENT,
            lambda job: servercalls.segment(job, backend, modelName, images),
            onResult,
            backend=backend,
        )
