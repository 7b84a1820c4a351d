"""Keeps the widgets of the panel as the view model says. It decides nothing and asks the scene nothing."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from RadiogenomicsLib.panel.facts import MODES
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.uifiles import PanelWidgets
from RadiogenomicsLib.panel.view.arrangement import Arrangement
from RadiogenomicsLib.panel.view.explanations import bindEmphasis, bindExplanations
from RadiogenomicsLib.panel.view.palette import coloursOf
from RadiogenomicsLib.panel.view.parts import PartsView
from RadiogenomicsLib.panel.view.results import ResultView
from RadiogenomicsLib.panel.view.status import StatusView
from RadiogenomicsLib.panel.view.strategies import strategiesHtml, strategyTitle
from RadiogenomicsLib.panel.view.writer import Writer, escape, sentence
from RadiogenomicsLib.panel.viewmodel import Action, PanelModel
from RadiogenomicsLib.sequences import SEQUENCES, TITLES
from RadiogenomicsLib.wording import inWords

MOST_NOTES = 6
"""An examination may have thirty series; the panel lists no more of those that it leaves."""


def _unchosenHint(sequences: tuple[str, ...]) -> str:
    """That the server takes these sequences of a study although they are not chosen; empty where there are none."""
    titles = [TITLES.get(sequence, sequence) for sequence in sequences]
    return (
        _("The server uses the study's {titles}, too, though not chosen.").format(titles=inWords(titles))
        if titles
        else ""
    )


class PanelView:
    """The whole panel, over widgets that :func:`RadiogenomicsLib.panel.uifiles.loadWidgets` made."""

    def __init__(self, widgets: PanelWidgets, subscriptions: Subscriptions) -> None:
        self.ui = widgets.byName
        self._frame = widgets.frame
        self._writer = Writer()
        self._arrangement = Arrangement(widgets, self._writer)
        self._status = StatusView(self.ui, self._arrangement, self._writer)
        self._results = ResultView(self.ui, self._writer, subscriptions)
        self.parts = PartsView(self.ui, self._writer, subscriptions)
        self._info: Any = None
        bindExplanations(self.ui, subscriptions)
        for button in (getattr(self.ui, f"{mode}Button") for mode in MODES):
            bindEmphasis(button, subscriptions)

    def show(self, model: PanelModel) -> None:
        """Bring every widget to what the view model says."""
        colours = coloursOf(self._frame)
        self._arrangement.show(model)
        self._status.show(model, colours)
        self._showServer(model)
        self._showActions(model)
        self._showHints(model)
        self._showSubmit(model)
        self._results.show(model, colours)
        self.parts.show(model, colours)

    @property
    def isFolding(self) -> bool:
        """Whether :meth:`show` is folding or unfolding a section, and goes on to show what follows from that."""
        return self._arrangement.isFolding

    def showVolumes(self, hints: dict[str, str], notes: tuple[str, ...]) -> None:
        """Say how the volumes were recognised: beside each, or once where it is the same of all.

        ``notes`` say which volumes were not chosen, and why.
        """
        texts = {hints[sequence] for sequence in SEQUENCES if hints[sequence]}
        isCommon = len(texts) == 1 and sum(map(bool, hints.values())) > 1
        for sequence in SEQUENCES:
            text = hints[sequence]
            self._writer.set(getattr(self.ui, f"{sequence}Hint"), text=text, visible=bool(text) and not isCommon)
        self._writer.text(self.ui.volumesHint, texts.pop() if isCommon else "")
        more = len(notes) - MOST_NOTES
        lines = [escape(note) for note in notes[:MOST_NOTES]]
        self._writer.text(
            self.ui.recognitionLabel,
            "<br>".join([*lines, _("And {more} more.").format(more=more)] if more > 0 else lines),
        )

    def showLabelValues(self, text: str) -> None:
        """Say which label values the segments have."""
        self._writer.text(self.ui.labelValuesLabel, text)

    def _showServer(self, model: PanelModel) -> None:
        self._writer.set(self.ui.serverStateLabel, text=model.serverLine, visible=model.info is not None)
        self._writer.set(self.ui.modelsInfo, visible=model.info is not None)
        self._writer.set(self.ui.strategyInfo, visible=model.info is not None)
        models = [(entry.name, entry.name) for entry in model.segmentationModels]
        self._writer.fill(self.ui.modelSelector, models, model.modelName)
        if model.info is self._info:
            return
        self._info, lines = model.info, []
        for entry in model.info.models if model.info is not None else ():
            if entry.kind not in ("segmentation", "refinement", "subtype", "tumour_network"):
                continue
            needs = [TITLES.get(s, s) for s in entry.requiredSequences]
            needs += [_("{sequence} optional").format(sequence=TITLES.get(s, s)) for s in entry.optionalSequences]
            version = f" {entry.version}" if entry.version else ""
            detail = f" ({', '.join(needs)})" if needs else ""
            lines.append(f"<b>{escape(entry.name)}</b>{escape(version)}: {escape(entry.description)}{escape(detail)}")
        self._writer.set(self.ui.modelsInfoText, text="<br>".join(lines))
        strategies = model.info.strategies if model.info is not None else ()
        current = self.ui.strategySelector.currentData
        self._writer.fill(self.ui.strategySelector, [(strategyTitle(name), name) for name in strategies], current)
        self._writer.set(self.ui.strategyInfoText, text=strategiesHtml(strategies))

    def _showActions(self, model: PanelModel) -> None:
        enable, ui = self._writer.enable, self.ui
        enable(ui.connectButton, model.canConnect, _("Ask the server at this address what it offers."))
        enable(
            ui.nextStudyButton, model.canTakeNextStudy, _("Download the study that the server wants annotated next.")
        )
        names = model.info is None or model.namesSlices(str(ui.strategySelector.currentData))
        enable(
            ui.sliceCount,
            Action(names, _("This way of choosing names no slices: you draw the whole study.")),
            _("How many slices you want to draw: those of which the model is least sure. All: the whole study."),
        )
        enable(ui.segmentButton, model.canSegment, _("Draw the tumour on the chosen images, as a new segmentation."))
        correctable = Action(not model.correctionReason, model.correctionReason)
        enable(ui.addLesionButton, correctable, _("Click, draw or put a box where lesion is missing. (A)"))
        enable(ui.removeLesionButton, correctable, _("Click, draw or put a box on what is no lesion. (D)"))
        enable(ui.undoClickButton, model.canUndo, _("Go back one step, drawn by hand or by the model. (Z, Ctrl+Z)"))
        enable(ui.computeButton, model.canCompute, _("Measure the chosen segment and estimate its molecular subtype."))

    def _showHints(self, model: PanelModel) -> None:
        """Why something is not possible, unless it is only that work runs, and what would be sent."""
        text, says = self._writer.text, model.info is not None and not model.isBusy
        text(self.ui.segmentHint, (model.canSegment.reason or _unchosenHint(model.unchosenOfModel)) if says else "")
        anonymous = _("The label will be saved without a name: type yours under Server.") if model.isAnonymous else ""
        text(self.ui.submitHint, (model.canSubmit.reason or anonymous) if says else "")
        text(self.ui.correctHint, model.correctionReason if says else "")
        text(self.ui.computeHint, self._computeHint(model) if not model.isBusy else "")
        self._writer.set(self.ui.hereCheckBox, checked=model.computesHere, enabled=model.info is not None)
        text(self.ui.reasonLabel, sentence(model.reason))
        self._writer.set(self.ui.slicesArea, visible=bool(model.slicesOnDisplay.numbers))

    def _showSubmit(self, model: PanelModel) -> None:
        study, sliceCount = model.selection.labelStudyId, len(model.slicesOfLabel.doneNumbers)
        self._writer.set(self.ui.wholeStudyCheckBox, visible=bool(model.slicesOfLabel.numbers))
        text, toolTip = _("Submit label of {study}"), _("Save all segments as the final label of their study.")
        if model.submitsSlices:
            text = _("Submit 1 slice of {study}") if sliceCount == 1 else _("Submit {count} slices of {study}")
            toolTip = _("Save what is drawn in the slices that are ticked; the study stays open.")
        text = text.format(count=sliceCount, study=study) if study else _("Submit label")
        self._writer.set(self.ui.submitButton, text=text)
        self._writer.enable(self.ui.submitButton, model.canSubmit, toolTip)

    def _computeHint(self, model: PanelModel) -> str:
        if model.computesHere:
            without = _("No server is connected: 3D Slicer itself measures and estimates, with the same values.")
            chosen = _("3D Slicer itself measures and estimates; nothing is sent.")
            line = without if model.info is None else chosen
            return line if model.canCompute.enabled else f"{line} {model.canCompute.reason}"
        if not model.canCompute.enabled:
            return model.canCompute.reason
        if model.uploadsVolumes:
            return _("The chosen images and the segment will be sent to the server.")
        return _unchosenHint(model.selection.unchosen)
