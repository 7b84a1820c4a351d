"""Labels that the server has of the study: listed, loaded as segmentations, and continued."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.panel.view.writer import Writer
from RadiogenomicsLib.scene.finished import FinishedStudies
from RadiogenomicsLib.scene.labels import markLabel, outlineOthers, volumeOfGrid
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.savedlabels import SavedLabel
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError, describeGrid


class Labels(Controller):
    """Binds the list of saved labels. What is loaded becomes a segmentation of its own; nothing takes its place."""

    def __init__(self, context: PanelContext, finished: FinishedStudies) -> None:
        super().__init__(context)
        self._finished = finished
        self._writer = Writer()
        ui, connect = self._ui, self._subscriptions.connect
        connect(ui.findLabelsButton, "clicked(bool)", self.onFind)
        connect(ui.loadLabelButton, "clicked(bool)", self.onLoad)

    def show(self) -> None:
        """List the labels of the study that is chosen."""
        ui, model = self._ui, self._model
        titles = [label.title for label in model.savedLabels]
        selector = ui.savedLabelSelector
        if [selector.itemText(row) for row in range(selector.count)] != titles:
            selector.clear()
            for title in titles:
                selector.addItem(title)
        for widget in (selector, ui.loadLabelButton):
            self._writer.set(widget, visible=bool(titles))
        self._writer.enable(
            ui.findLabelsButton,
            model.canListLabels,
            _(
                "List the labels that the server has of this study: final ones, some slices, automatic ones, "
                "other annotators'."
            ),
        )
        self._writer.enable(
            ui.loadLabelButton,
            model.canListLabels,
            _("Add this label as a segmentation, to look at or to continue; others are shown by their outlines."),
        )

    @shown
    def onFind(self) -> None:
        """Ask the server for the study's labels."""
        if not self._model.canListLabels.enabled:
            self.runner.fail(self._model.canListLabels.reason)
            return
        backend, studyId = self.runner.backend(), self._model.selection.studyId

        def onResult(labels: tuple[SavedLabel, ...]) -> None:
            self._model.labelsByStudy[studyId] = labels
            text = (
                _("The server has {count} labels of '{study}'.")
                if labels
                else _("The server has no label of '{study}'.")
            )
            text = _("The server has 1 label of '{study}'.") if len(labels) == 1 else text
            self._model.jobFinished(text.format(count=len(labels), study=studyId))

        self.runner.start(
            facts.FIND_LABELS,
            lambda job: servercalls.listLabels(job, backend, studyId),
            onResult,
            backend=backend,
        )

    @shown
    def onLoad(self) -> None:
        """Load the label that is chosen in the list."""
        labels, row = self._model.savedLabels, self._ui.savedLabelSelector.currentIndex
        if not self._model.canListLabels.enabled or not 0 <= row < len(labels):
            self.runner.fail(self._model.canListLabels.reason or _("Choose a label in the list."))
            return
        backend, studyId, label = self.runner.backend(), self._model.selection.studyId, labels[row]

        def onResult(mask: OrientedImage) -> None:
            self.add(studyId, label, mask)
            text = _("{label} of '{study}' is loaded.")
            if label.slices:
                text = _("{label} of '{study}' is loaded. Slices {slices} are done.")
            slices = ", ".join(map(str, label.slices))
            self._model.jobFinished(text.format(label=label.title, study=studyId, slices=slices))

        self.runner.start(
            facts.LOAD_LABEL,
            lambda job: servercalls.loadLabel(job, backend, studyId, label),
            onResult,
            backend=backend,
        )

    def add(self, studyId: str, label: SavedLabel, mask: OrientedImage) -> Any:
        """A segmentation of a label, on the volume of its study whose grid it has; it is chosen."""
        volume = volumeOfGrid(mask, self._logic.volumesOfStudy(studyId).values())
        if volume is None:
            raise VolumeError(
                _(
                    "{name} of '{study}' has {mask}, and no volume of this study in the scene has this grid: "
                    "take the study again with all its sequences"
                ).format(name=label.name, study=studyId, mask=describeGrid(mask))
            )
        names = dict(label.segments)
        if not names:
            labels = self._model.knownLabels.items()
            names = {name: value for name, value in labels if (mask.array == value).any()}
        segmentation = self._logic.addSegmentation(mask, volume, names, f"{studyId} {label.name}")
        markLabel(segmentation, label.name)
        self._finished.loaded(studyId, segmentation, mask, self._model.knownLabels)
        outlineOthers(segmentation)
        self._selection.chooseSegmentation(segmentation)
        return segmentation
