"""What the panel shows and allows, from the facts it is told. Pure Python: no Qt, no MRML.

The widget tells the view model what happened and then shows what the view model says. Every action that is not
possible has a reason, which the panel displays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from RadiogenomicsLib.panel.selected import Selection, SlicesAsked
from RadiogenomicsLib.sequences import TITLES
from RadiogenomicsLib.server.backends import Analysis, Model, ServerInfo, addressError, hostOf, tokenError


class PanelState(Enum):
    """The panel's state; it is in one of these at any time."""

    NO_SERVER = "no server"
    CONNECTING = "connecting"
    READY = "ready"
    RUNNING = "running"
    RESULT = "result"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Action:
    """Whether something can be done, and if not, why."""

    enabled: bool
    reason: str = ""


@dataclass
class DisplayedResult:
    """An analysis and what it was made from."""

    analysis: Analysis
    selection: Selection
    edited: bool = False


class PanelModel:
    """The facts and what follows from them."""

    def __init__(self) -> None:
        self.url = ""
        self._tokens: dict[str, str] = {}
        self.annotator = ""
        """The user's name, with which labels are saved where no token says who it is."""
        self.info: ServerInfo | None = None
        self.connectedUrl = ""
        self.selection = Selection()
        self.modelName = ""
        self.result: DisplayedResult | None = None
        self.reason = ""
        self.slicesAsked: dict[str, SlicesAsked] = {}
        """By study; kept for every study, lest a label of some slices is submitted for a whole one."""
        self.hasUndo = False
        """Whether the Segment Editor's history has a step to go back to."""
        self.running = ""
        self.progressText = ""
        self.fraction: float | None = None
        self._message = ""
        self._failure = ""
        self._notices: tuple[str, ...] = ()

    # What happened

    def addressChanged(self, url: str) -> None:
        """Another address was typed: the connection to the former one is over."""
        self.url = url.strip()
        if self.info is not None and self.url != self.connectedUrl:
            self.info = None
            self._say("")

    def tokenChanged(self, token: str) -> None:
        """A token was typed; it belongs to the server whose address is typed now, and goes to no other."""
        if not addressError(self.url):
            self._tokens[hostOf(self.url)] = token.strip()

    def annotatorChanged(self, name: str) -> None:
        """The user typed a name."""
        self.annotator = " ".join(name.split())

    def jobStarted(self, title: str) -> None:
        """Work began in the background."""
        self.running, self.progressText, self.fraction = title, "", None
        self._say("")

    def jobProgressed(self, text: str, fraction: float | None) -> None:
        """The work reported how far it is."""
        self.progressText, self.fraction = text, fraction

    def jobFinished(self, message: str, notices: tuple[str, ...] = ()) -> None:
        """The work is done; ``notices`` are what the user should know about its result.

        What went wrong beside it since it began is still said.
        """
        self.running = ""
        self._message, self._notices = message, notices

    def jobFailed(self, message: str) -> None:
        """The work ended with an error; a failed connection leaves no server."""
        if self.running == CONNECT:
            self.info = None
        self.running = ""
        self._say("", failure=message)

    def jobCancelled(self) -> None:
        """The user stopped the work."""
        after = " The server may have saved the label already." if self.running == SUBMIT else ""
        self.running, title = "", self.running
        self._say(f"{title}: cancelled.{after}")

    def failed(self, message: str, *, busy: bool) -> None:
        """Something could not be done; ``busy`` says whether other work goes on."""
        if not busy:
            self.running = ""
        self._say("", failure=message)

    def actionDone(self, message: str) -> None:
        """Something was done at once."""
        self._say(message)

    def connected(self, url: str, info: ServerInfo) -> None:
        """The server answered."""
        self.connectedUrl, self.info = url, info
        names = [model.name for model in self.segmentationModels]
        if self.modelName not in names:
            self.modelName = names[0] if names else ""

    def slicesNamed(self, studyId: str, numbers: tuple[int, ...]) -> None:
        """The server named slices of a study, none for the whole; those that are done among them stay so."""
        earlier = self.slicesAsked.pop(studyId, SlicesAsked(()))
        if numbers:
            self.slicesAsked[studyId] = SlicesAsked(numbers, tuple(n for n in earlier.doneNumbers if n in numbers))

    def segmentEdited(self) -> None:
        """The voxels of a segment changed."""
        if self.result is not None:
            self.result.edited = True

    def sceneClosed(self) -> None:
        """The scene was closed: its results are gone, the server stays."""
        self.selection, self.result, self.reason, self.slicesAsked = Selection(), None, "", {}
        if not self.running:
            self._say("")

    def _say(self, message: str, *, failure: str = "") -> None:
        self._message, self._failure, self._notices = message, failure, ()

    # What to show

    def tokenFor(self, url: str) -> str:
        """The token that was typed for the server at this address; empty when there is none."""
        return "" if addressError(url) else self._tokens.get(hostOf(url), "")

    @property
    def state(self) -> PanelState:
        """Running work comes first, then an error, then a result with or without warnings."""
        if self.running:
            return PanelState.CONNECTING if self.running == CONNECT else PanelState.RUNNING
        if self._failure:
            return PanelState.ERROR
        if self.info is None:
            return PanelState.NO_SERVER
        if self.warnings:
            return PanelState.WARNING
        return PanelState.READY if self.result is None else PanelState.RESULT

    @property
    def message(self) -> str:
        """The status line: what is being done, what went wrong, or what to do next."""
        if self.running:
            progress = f"{self.running}: {self.progressText}" if self.progressText else f"{self.running}\u2026"
            return f"{progress} {self._failure}" if self._failure else progress
        if self._failure:
            return f"{self._failure} {self._message}" if self._message else self._failure
        if self._message:
            return self._message
        if self.info is None:
            return "Not connected. Start a server with `gliomics serve` and press Connect."
        if not self.selection.volumes:
            return "Ready. Take the next study, or load a volume and choose it under Study."
        return "Ready."

    @property
    def warnings(self) -> list[str]:
        """Notices of the last work, and why the result on display is not to be relied on."""
        warnings = list(self._notices)
        if self.staleness:
            warnings.append(self.staleness)
        if self.result is not None:
            warnings += [
                f"{estimate.target} is estimated outside its training range"
                for estimate in self.result.analysis.estimates
                if not estimate.inside_training_range
            ]
            warnings += [
                f"{estimate.target} is no prediction: the model was fitted on this patient"
                for estimate in self.result.analysis.estimates
                if estimate.in_sample
            ]
            warnings += [
                f"{estimate.target} ({estimate.predicted}) hardly goes with {', '.join(estimate.contradicts)}"
                for estimate in self.result.analysis.estimates
                if estimate.contradicts
            ]
        return warnings

    @property
    def staleness(self) -> str:
        """Why the result is not of what is selected now; empty when it is."""
        if self.result is None:
            return ""
        measured, selected = self.result.selection, self.selection
        segment = f"segment '{measured.segment}' of '{measured.segmentation}'"
        if (measured.segmentationId, measured.segmentId) != (selected.segmentationId, selected.segmentId):
            return f"The numbers are of {segment}, which is not the selected segment."
        if self.result.edited:
            return f"The {segment} has changed since the numbers were computed."
        if measured.volumes != selected.volumes:
            return "The numbers were computed on other volumes than those selected, or these have changed since."
        return ""

    @property
    def serverLine(self) -> str:
        """The connection in words."""
        if self.running == CONNECT:
            return f"Connecting to {self.url}\u2026"
        if self.info is None:
            return "Not connected"
        return (
            f"Connected to {self.info.name} {self.info.version}: {self.info.studies} studies, "
            f"{self.info.labelled} labelled"
        )

    @property
    def segmentationModels(self) -> list[Model]:
        """Models for automatic segmentation."""
        return self._ofKind("segmentation")

    @property
    def chosenModel(self) -> Model | None:
        """The model with which the user segments; None where the server has none of that name."""
        return self.info.model(self.modelName) if self.info is not None else None

    @property
    def slicesOnDisplay(self) -> SlicesAsked:
        """The slices that were asked for of the study whose volumes are chosen."""
        return self.slicesAsked.get(self.selection.studyId, SlicesAsked(()))

    @property
    def slicesOfLabel(self) -> SlicesAsked:
        """The slices that were asked for of the study that the segmentation is a label of."""
        return self.slicesAsked.get(self.selection.labelStudyId, SlicesAsked(()))

    @property
    def submitsSlices(self) -> bool:
        """Whether a label is submitted for the slices that are done, and not for the whole study."""
        return bool(self.slicesOfLabel.numbers) and not self.slicesOfLabel.isWholeStudy

    @property
    def refinementModels(self) -> list[Model]:
        """Models that correct a segment by clicks, strokes and boxes."""
        return self._ofKind("refinement")

    @property
    def knownLabels(self) -> dict[str, int]:
        """What the server's models draw, by name, with the label values."""
        return {name: value for model in self.segmentationModels for name, value in model.labels.items()}

    # What can be done

    @property
    def canConnect(self) -> Action:
        """Connect needs an address."""
        return self._unless(self._busy() or addressError(self.url) or tokenError(self.tokenFor(self.url)))

    @property
    def canTakeNextStudy(self) -> Action:
        """The next study needs a server that has studies."""
        empty = self.info is not None and self.info.studies == 0
        return self._unless(self._busy() or self._noServer() or ("The server has no studies." if empty else ""))

    @property
    def canSegment(self) -> Action:
        """Automatic segmentation needs a model and the volumes that it requires."""
        return self._unless(self._busy() or self._noServer() or self._modelReason() or self.selection.mixedReason)

    @property
    def canSubmit(self) -> Action:
        """Submitting needs a segmentation of one of the server's studies."""
        reason = self._busy() or self._noServer()
        if not reason and not self.selection.segmentationId:
            reason = "Choose a segmentation."
        if not reason and not self.selection.labelStudyId:
            reason = self.selection.strayReason
        if not reason and self.submitsSlices and not self.slicesOfLabel.doneNumbers:
            reason = "Tick the slices that are done under Study, or tick 'The whole study is done'."
        return self._unless(reason)

    @property
    def isAnonymous(self) -> bool:
        """Whether a label would be saved without a name."""
        return not self.annotator and not self.tokenFor(self.connectedUrl)

    @property
    def correctionReason(self) -> str:
        """Why a model cannot correct, whether or not other work runs; empty when it can."""
        reason = self._noServer()
        if not reason and not self.refinementModels:
            reason = "The server has no model that corrects a segment by clicks, strokes and boxes."
        if not reason and not self.selection.segmentId:
            reason = "To correct a segment with the model, choose one."
        if not reason:
            reason = self._missing(self.refinementModels[0])
        return reason or self.selection.mixedReason or self.selection.foreignReason

    @property
    def canUndo(self) -> Action:
        """Undo needs a step."""
        return self._unless(self._busy() or ("" if self.hasUndo else "There is nothing to undo."))

    @property
    def canCompute(self) -> Action:
        """Features need a segment and at least one volume."""
        reason = self._busy() or self._noServer()
        if not reason and not self._ofKind("radiomics"):
            reason = "The server computes no radiomics."
        if not reason and not self.selection.volumes:
            reason = "Choose at least one volume under Study."
        if not reason and not self.selection.segmentId:
            reason = "Choose a segment under Segmentation."
        return self._unless(reason or self.selection.mixedReason or self.selection.foreignReason)

    @property
    def unchosenOfModel(self) -> tuple[str, ...]:
        """Sequences that the chosen model takes from the study although they are not chosen."""
        sequences = self.chosenModel.sequences if self.chosenModel is not None else ()
        return tuple(sequence for sequence in self.selection.unchosen if sequence in sequences)

    @property
    def uploadsVolumes(self) -> bool:
        """Whether computing sends the volumes themselves, because the server does not have them."""
        return not self.selection.isOnServer

    def _unless(self, reason: str) -> Action:
        return Action(not reason, reason)

    def _busy(self) -> str:
        return f"Wait for '{self.running}' to end, or cancel it." if self.running else ""

    def _noServer(self) -> str:
        return "Connect to a server first." if self.info is None else ""

    def _modelReason(self) -> str:
        if self.chosenModel is None:
            return "The server has no model for segmentation."
        return self._missing(self.chosenModel)

    def _ofKind(self, kind: str) -> list[Model]:
        return self.info.ofKind(kind) if self.info is not None else []

    def _missing(self, model: Model) -> str:
        missing = [TITLES.get(s, s) for s in model.requiredSequences if s not in self.selection.volumes]
        if missing:
            return f"'{model.name}' needs {' and '.join(missing)}: choose the volume under Study."
        return "" if self.selection.volumes else "Choose at least one volume under Study."


CONNECT = "Connect"
NEXT_STUDY = "Next study"
SEGMENT = "Auto segment"
SUBMIT = "Submit label"
COMPUTE = "Compute"
MAP = "Map"
CORRECT = "Correct"
