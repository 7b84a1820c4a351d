"""Where two labels of the open study disagree: chosen, asked for, shown over the images and put in words."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.panel.view.writer import Writer, escape
from RadiogenomicsLib.panel.viewmodel import Action
from RadiogenomicsLib.scene.difference import BOTH, ONLY_FIRST, ONLY_SECOND, Difference
from RadiogenomicsLib.scene.display.disagreement import (
    COLOURS,
    addDisagreement,
    disagreementsOfScene,
    jumpTo,
    referenceOf,
    removeDisagreements,
    showDisagreement,
)
from RadiogenomicsLib.scene.labels import volumeOfGrid
from RadiogenomicsLib.server import reviewcalls
from RadiogenomicsLib.server.savedlabels import SavedLabel
from RadiogenomicsLib.server.volumes import VolumeError, describeGrid

_LEAST_DICE = 0.995
"""From here on Dice is written with more digits: 1.00 would say that there is no difference."""


class Disagreement(Controller):
    """Binds the two selectors of labels and their buttons. There is one map at most; it goes with its study."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._writer = Writer()
        self._difference: Difference | None = None
        self._names = ("", "")
        self._labels: tuple[SavedLabel, ...] = ()
        self._studyId = ""
        ui, connect = self._ui, self._subscriptions.connect
        connect(ui.disagreementButton, "clicked(bool)", self.onShow)
        connect(ui.farthestButton, "clicked(bool)", self.onJump)
        connect(ui.firstLabelSelector, "currentIndexChanged(int)", self.onLabels)
        connect(ui.secondLabelSelector, "currentIndexChanged(int)", self.onLabels)

    # What is shown

    def update(self, studyId: str) -> None:
        """After any change: list the labels of the study that is open and selected, and say what can be done."""
        labels = tuple(label for label in self._model.labelsByStudy.get(studyId, ()) if not label.slices)
        if (studyId, labels) != (self._studyId, self._labels):
            self._studyId, self._labels = studyId, labels
            self._list()
            self._clear()
        node = self._node()
        isOurs = node is not None and self._difference is not None and referenceOf(node) is not None
        if not isOurs:  # its volume has gone, or it came with a scene, without its figures
            self._clear()
        self._writer.set(self._ui.disagreementArea, visible=len(labels) > 1)
        reason = self._reason()
        self._writer.enable(
            self._ui.disagreementButton,
            Action(not reason, reason),
            _("Show where these labels disagree, over the images of the slice views."),
        )
        self._write(self._ui.disagreementButton, checked=self._difference is not None)
        farthest = "" if self._difference is not None and self._difference.farthest else _("There is none.")
        self._writer.set(self._ui.farthestButton, visible=self._difference is not None)
        self._writer.enable(
            self._ui.farthestButton,
            Action(not farthest, farthest),
            _("Move all slice views to where the edges of the two labels are farthest apart."),
        )
        text = "" if self._difference is None else describe(self._difference, self._names)
        self._writer.text(self._ui.disagreementText, text)

    def _list(self) -> None:
        """Offer the labels: the current one of the study first, another annotator's or an earlier one second."""
        items = [(label.title, str(place)) for place, label in enumerate(self._labels)]
        self._writer.fill(self._ui.firstLabelSelector, items, str(self._first()))
        self._writer.fill(self._ui.secondLabelSelector, items, str(self._second()))

    def _first(self) -> int:
        return next((place for place, label in enumerate(self._labels) if label.tag == "final" and label.isCurrent), 0)

    def _second(self) -> int:
        first = self._first()
        others = [place for place in range(len(self._labels)) if place != first]
        byOthers = [place for place in others if self._labels[place].isCurrent]
        return next(iter((*byOthers, *others)), 0)

    def _reason(self) -> str:
        if self._model.isBusy:
            return _("Wait for '{work}' to end, or cancel it.").format(work=self._model.running)
        if self._ui.firstLabelSelector.currentIndex == self._ui.secondLabelSelector.currentIndex:
            return _("Choose two different labels.")
        return ""

    # Actions

    @shown
    def onLabels(self) -> None:
        """Another label was chosen: the map is not of it."""
        self._clear()
        self._onChanged()

    @shown
    def onShow(self) -> None:
        """Show the map, or take it away."""
        if self._difference is not None:
            self._clear()
            self._onChanged()
            return
        ui, reason, studyId = self._ui, self._reason(), self._studyId
        if reason:
            self.runner.fail(reason)
            return
        pair = self._labels[ui.firstLabelSelector.currentIndex], self._labels[ui.secondLabelSelector.currentIndex]
        backend = self.runner.backend()

        def onResult(difference: Difference) -> None:
            self._add(studyId, pair, difference)

        self.runner.start(
            facts.COMPARE,
            lambda job: reviewcalls.compare(job, backend, studyId, pair),
            onResult,
            backend=backend,
        )

    @shown
    def onJump(self) -> None:
        """Move the views to where the labels are farthest apart."""
        node = self._node()
        if node is not None and self._difference is not None and self._difference.farthest is not None:
            jumpTo(node, self._difference.farthest)

    def _add(self, studyId: str, pair: tuple[SavedLabel, SavedLabel], difference: Difference) -> None:
        volume = volumeOfGrid(difference.image, self._logic.volumesOfStudy(studyId).values())
        if volume is None:
            raise VolumeError(
                _(
                    "The labels of '{study}' have {grid}, and no volume of this study in the scene has this grid: open "
                    "the study again."
                ).format(study=studyId, grid=describeGrid(difference.image))
            )
        self._clear()
        title = _("{study}: {first} against {second}").format(study=studyId, first=pair[0].name, second=pair[1].name)
        self._difference, self._names = difference, (_shortTitle(pair[0]), _shortTitle(pair[1]))
        showDisagreement(addDisagreement(difference, volume, title))
        if difference.farthest is not None:
            jumpTo(volume, difference.farthest)
        self._model.jobFinished(_("The labels of '{study}' are compared.").format(study=studyId))

    # The map

    def _node(self) -> Any:
        return next(iter(disagreementsOfScene()), None)

    def _clear(self) -> None:
        """Take the map out of the scene, also one that came with it."""
        if self._difference is not None or self._node() is not None:
            self._difference = None
            removeDisagreements()


def describe(difference: Difference, names: tuple[str, str]) -> str:
    """The legend with volumes, and in words how far the labels agree; rich text."""
    first, second = (escape(name) for name in names)
    parts = {
        BOTH: _("both"),
        ONLY_FIRST: _("only {label}").format(label=first),
        ONLY_SECOND: _("only {label}").format(label=second),
    }
    lines = [
        _("{part}: {volume} ml").format(
            part=f'<span style="background-color: #505050; color: {COLOURS[value]};">&nbsp;\u25a0&nbsp;</span> {part}',
            volume=f"{difference.volumes[value]:.1f}",
        )
        for value, part in parts.items()
    ]
    return "<br>".join([*lines, escape(_agreement(difference, names))])


def _agreement(difference: Difference, names: tuple[str, str]) -> str:
    if not any(difference.volumes.values()):
        return _("Both labels are empty: they agree that there is no tumour.")
    if difference.farthest is None:
        return _("The labels are alike: Dice 1.")
    if difference.distance is None:
        empty = names[1] if difference.side == ONLY_FIRST else names[0]
        return _("{label} is empty: Dice 0, and no distance can be told.").format(label=empty)
    dice = f"{difference.dice:.2f}" if difference.dice < _LEAST_DICE else f"{difference.dice:.4f}"
    return _("Dice {dice}. Largest distance {distance} mm: so far {label} reaches beyond the other.").format(
        dice=dice, distance=f"{difference.distance:.1f}", label=names[0 if difference.side == ONLY_FIRST else 1]
    )


def _shortTitle(label: SavedLabel) -> str:
    return f"{label.name} ({label.user})" if label.user else label.name
