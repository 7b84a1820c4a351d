"""Keeps the widgets of the panel as the view model says. It decides nothing and asks the scene nothing."""

from __future__ import annotations

import html
from typing import Any

from RadiogenomicsLib.panel.viewmodel import Action, PanelModel, PanelState
from RadiogenomicsLib.sequences import TITLES
from RadiogenomicsLib.wording import WARNING_SIGN, estimateHtml, stabilityLegend

MOST_NOTES = 6
"""An examination may have thirty series; the panel lists no more of those that it leaves."""

_TONES = {
    PanelState.NO_SERVER: ("#eceff1", "#37474f"),
    PanelState.CONNECTING: ("#e3f2fd", "#0d47a1"),
    PanelState.READY: ("#eceff1", "#37474f"),
    PanelState.RUNNING: ("#e3f2fd", "#0d47a1"),
    PanelState.RESULT: ("#e8f5e9", "#1b5e20"),
    PanelState.WARNING: ("#fff4e0", "#7a4100"),
    PanelState.ERROR: ("#fdecea", "#8e1b10"),
}


def escape(text: str) -> str:
    """``text`` as it is to be read in a rich text label."""
    return html.escape(text, quote=False)


def sentence(text: str) -> str:
    """``text`` with a capital and, where it has no mark at its end, a full stop."""
    return escape(text[:1].upper() + text[1:] + ("." if text and text[-1] not in ".!?\u2026:" else ""))


def _unchosenHint(sequences: tuple[str, ...]) -> str:
    """That the server takes these sequences of a study although they are not chosen; empty where there are none."""
    titles = [TITLES.get(sequence, sequence) for sequence in sequences]
    return f"The server uses the study's {' and '.join(titles)}, too, though not chosen." if titles else ""


class PanelView:
    """``ui`` has the panel's widgets by name.

    It is told to show everything after every event of a job and every stroke of a brush, so what has not changed is
    neither built nor written again: a style sheet that is set anew, for one, makes Qt lay the whole panel out.
    """

    def __init__(self, ui: Any) -> None:
        self.ui = ui
        self._written: dict[tuple[str, str], Any] = {}
        self._analysis: Any = None
        self._info: Any = None

    def show(self, model: PanelModel) -> None:
        """Bring every widget to what the view model says."""
        self._showStatus(model)
        self._showServer(model)
        self._enable(self.ui.connectButton, model.canConnect, "Ask the server at this address what it offers.")
        self._enable(
            self.ui.nextStudyButton, model.canTakeNextStudy, "Download the study that the server wants annotated next."
        )
        self._enable(self.ui.segmentButton, model.canSegment, "Segment the tumour on the chosen volumes.")
        correctable = Action(not model.correctionReason, model.correctionReason)
        self._enable(
            self.ui.addLesionButton, correctable, "Click, draw or put a box where lesion is missing from the segment."
        )
        self._enable(
            self.ui.removeLesionButton, correctable, "Click, draw or put a box where the segment has what is no lesion."
        )
        self._enable(self.ui.undoClickButton, model.canUndo, "Go back one step, drawn by hand or by the model.")
        self._enable(self.ui.computeButton, model.canCompute, "Features and subtypes of the chosen segment.")
        showsReasons = model.info is not None and not model.running
        self._text(
            self.ui.segmentHint,
            (model.canSegment.reason or _unchosenHint(model.unchosenOfModel)) if showsReasons else "",
        )
        anonymous = "The label will be saved without a name: type yours under Server." if model.isAnonymous else ""
        self._text(self.ui.submitHint, (model.canSubmit.reason or anonymous) if showsReasons else "")
        self._text(self.ui.correctHint, model.correctionReason if showsReasons else "")
        self._text(self.ui.computeHint, self._computeHint(model) if showsReasons else "")
        self._text(self.ui.reasonLabel, sentence(model.reason))
        self._set(self.ui.slicesArea, visible=bool(model.slicesOnDisplay.numbers))
        self._showSubmit(model)
        self._showResult(model)

    def showModels(self, model: PanelModel) -> None:
        """Fill the lists of models and strategies after a connection."""
        names = [entry.name for entry in model.segmentationModels]
        self._fill(self.ui.modelSelector, names, model.modelName)
        strategies = list(model.info.strategies) if model.info is not None else []
        self._fill(self.ui.strategySelector, strategies, self.ui.strategySelector.currentText)

    def showSequenceHint(self, sequence: str, text: str) -> None:
        """Say beside a volume selector how its volume was recognised."""
        self._text(getattr(self.ui, f"{sequence}Hint"), text)

    def showRecognition(self, notes: tuple[str, ...]) -> None:
        """Say which volumes were not chosen, and why."""
        more = len(notes) - MOST_NOTES
        lines = [escape(note) for note in notes[:MOST_NOTES]]
        self._text(self.ui.recognitionLabel, "<br>".join([*lines, f"And {more} more."] if more > 0 else lines))

    def showLabelValues(self, text: str) -> None:
        """Say which label values the segments have."""
        self._text(self.ui.labelValuesLabel, text)

    def _showStatus(self, model: PanelModel) -> None:
        background, colour = _TONES[model.state]
        style = f"background-color: {background}; color: {colour}; padding: 6px; border-radius: 3px;"
        lines = [sentence(model.message)]
        if model.state is PanelState.WARNING:
            lines += [f"{WARNING_SIGN} {sentence(warning)}" for warning in model.warnings]
        self._set(self.ui.statusLabel, styleSheet=style, text="<br>".join(lines))
        self._set(self.ui.progressRow, visible=bool(model.running))
        if model.running:
            maximum, value = (0, 0) if model.fraction is None else (100, round(100 * model.fraction))
            self._set(self.ui.progressBar, maximum=maximum, value=value)

    def _showServer(self, model: PanelModel) -> None:
        self._set(self.ui.serverStateLabel, text=escape(model.serverLine))
        if model.info is self._info:
            return
        self._info, lines = model.info, []
        for entry in model.info.models if model.info is not None else ():
            if entry.kind not in ("segmentation", "refinement", "subtype"):
                continue
            needs = [TITLES.get(s, s) for s in entry.requiredSequences]
            needs += [f"{TITLES.get(s, s)} optional" for s in entry.optionalSequences]
            version = f" {entry.version}" if entry.version else ""
            detail = f" ({', '.join(needs)})" if needs else ""
            lines.append(f"<b>{escape(entry.name)}</b>{escape(version)}: {escape(entry.description)}{escape(detail)}")
        self._text(self.ui.modelsLabel, "<br>".join(lines))

    def _showSubmit(self, model: PanelModel) -> None:
        study, sliceCount = model.selection.labelStudyId, len(model.slicesOfLabel.doneNumbers)
        self._set(self.ui.wholeStudyCheckBox, visible=bool(model.slicesOfLabel.numbers))
        content, toolTip = "label", "Save all segments as the final label of their study."
        if model.submitsSlices:
            content = "1 slice" if sliceCount == 1 else f"{sliceCount} slices"
            toolTip = "Save what is drawn in the slices that are ticked; the study stays open."
        self._set(self.ui.submitButton, text=f"Submit {content} of {study}" if study else "Submit label")
        self._enable(self.ui.submitButton, model.canSubmit, toolTip)

    def _showResult(self, model: PanelModel) -> None:
        result = model.result
        self._set(self.ui.resultArea, visible=result is not None)
        self._set(self.ui.noResultLabel, visible=result is None)
        if result is None:
            return
        measured = result.selection
        study = f" of study '{measured.studyId}'" if measured.studyId else ""
        age = ' <span style="color:#c05a00"><b>(out of date)</b></span>' if model.staleness else ""
        heading = f"Segment '{escape(measured.segment)}' in '{escape(measured.segmentation)}'{study}{age}"
        self._set(self.ui.resultHeading, text=heading)
        if result.analysis is self._analysis:
            return
        self._analysis = result.analysis
        estimates = "".join(estimateHtml(estimate) for estimate in result.analysis.estimates)
        self._set(self.ui.estimatesLabel, text=estimates or "No subtype was estimated.")
        features = result.analysis.features
        self._text(self.ui.featureNotesLabel, "<br>".join(sentence(note) for note in features.warnings))
        self._text(self.ui.stabilityLabel, escape(stabilityLegend(features)))

    def _computeHint(self, model: PanelModel) -> str:
        if not model.canCompute.enabled:
            return model.canCompute.reason
        if model.uploadsVolumes:
            return "The chosen volumes and the segment will be sent to the server."
        hint = f"The segment will be sent; the server has the images of '{model.selection.studyId}'."
        return f"{hint} {_unchosenHint(model.selection.unchosen)}".strip()

    def _enable(self, button: Any, action: Action, toolTip: str) -> None:
        self._set(button, enabled=action.enabled, toolTip=toolTip if action.enabled else action.reason)

    def _text(self, label: Any, text: str) -> None:
        self._set(label, text=text, visible=bool(text))

    def _set(self, widget: Any, **properties: Any) -> None:
        for name, value in properties.items():
            if self._written.get((widget.name, name)) != value:
                setattr(widget, name, value)
                self._written[widget.name, name] = value

    def _fill(self, comboBox: Any, names: list[str], current: str) -> None:
        blocked = comboBox.blockSignals(True)
        comboBox.clear()
        for name in names:
            comboBox.addItem(name)
        comboBox.setCurrentIndex(max(comboBox.findText(current), 0) if names else -1)
        comboBox.blockSignals(blocked)
