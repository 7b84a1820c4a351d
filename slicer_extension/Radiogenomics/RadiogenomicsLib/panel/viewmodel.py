"""What the panel shows and allows, from the facts it is told. Pure Python: no Qt, no MRML.

The widget tells the view model what happened and then shows what the view model says. Every action that is not
possible has a reason, which the panel displays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from slicer.i18n import tr as _

from RadiogenomicsLib.panel.facts import (
    ANNOTATE,
    CONNECT,
    MANAGE,
    PanelFacts,
)
from RadiogenomicsLib.panel.refine.corrected import correctingModel, partReason
from RadiogenomicsLib.panel.selected import SlicesAsked
from RadiogenomicsLib.sequences import TITLES
from RadiogenomicsLib.server.backends import addressError, tokenError
from RadiogenomicsLib.server.offer import Model
from RadiogenomicsLib.server.savedlabels import SavedLabel
from RadiogenomicsLib.wording import inWords


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


class PanelModel(PanelFacts):
    """The facts and what follows from them."""

    # What to show

    @property
    def state(self) -> PanelState:
        """Running work comes first, then an error, then a result with or without warnings."""
        if self.isBusy:
            return PanelState.CONNECTING if self.running == CONNECT else PanelState.RUNNING
        if self._failure:
            return PanelState.ERROR
        if self.info is None and self.result is None:
            return PanelState.NO_SERVER
        if self.warnings:
            return PanelState.WARNING
        return PanelState.READY if self.result is None else PanelState.RESULT

    @property
    def message(self) -> str:
        """The status line: what is being done, what went wrong, or what to do next."""
        if self.isBusy:
            progress = f"{self.running}: {self.progressText}" if self.progressText else f"{self.running}\u2026"
            return f"{progress} {self._failure}" if self._failure else progress
        if self._failure:
            return f"{self._failure} {self._message}" if self._message else self._failure
        if self._message:
            return self._message
        if self.info is None and self.result is None:
            return _(
                "Not connected: type the address of your Gliomics server and press Connect, or start a server on this "
                "computer."
            )
        if not self.selection.volumes and self.mode != MANAGE:
            return _("Take the next study.") if self.mode == ANNOTATE else _("Load the examination's images.")
        return ""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about what was done last."""
        return () if self.isBusy else self._notices

    @property
    def isDone(self) -> bool:
        """Whether the message is of something that was done."""
        return bool(self._message) and not self._failure and not self.isBusy

    @property
    def isLive(self) -> bool:
        """Whether the result follows the segment by itself."""
        return self.live and self.result is not None

    @property
    def isUpdating(self) -> bool:
        """Whether the result is being brought to the segment as it is now, by itself."""
        return bool(self.running) and self.yields

    @property
    def readingTitle(self) -> str:
        """What was read."""
        if self.result is None:
            return _("Reading")
        measured = self.result.selection
        text = _("Reading: {segment} of {study}") if measured.studyId else _("Reading: {segment}")
        return text.format(segment=measured.segment, study=measured.studyId)

    @property
    def warnings(self) -> list[str]:
        """Notices, why the result on display is not to be relied on, and what its estimates warn of."""
        reading = self.result.analysis.reading if self.result is not None else None
        cautions = [caution for estimate in reading.estimates for caution in estimate.cautions] if reading else []
        return [*self.notices, *([self.staleness] if self.staleness else []), *cautions]

    @property
    def staleness(self) -> str:
        """Why the result is not of what is selected now; empty when it is."""
        if self.result is None:
            return ""
        if self._otherMeasured():
            return self._otherMeasured()
        if self.result.options is not None and self.result.options != self.options:
            return _("The patient's age or the prevalence has changed since.")
        return ""

    @property
    def isOfOtherCircumstances(self) -> bool:
        """Whether the result is of what is selected, but of another age or prevalence than is given now."""
        return bool(self.staleness) and not self._otherMeasured() and not self.circumstancesError

    def _otherMeasured(self) -> str:
        """Why something else was measured than what is selected now; empty where it is the same."""
        if self.result is None:
            return ""
        measured, selected = self.result.selection, self.selection
        if (measured.segmentationId, measured.segmentId) != (selected.segmentationId, selected.segmentId):
            return _(
                "The numbers are of segment '{segment}' of '{segmentation}', which is not the selected segment."
            ).format(segment=measured.segment, segmentation=measured.segmentation)
        if self.result.edited:
            return _("The segment has changed since it was read.")
        if measured.volumes != selected.volumes:
            return _("The numbers were computed on other volumes than those selected, or these have changed since.")
        return ""

    @property
    def serverLine(self) -> str:
        """The connection in words."""
        if self.running == CONNECT:
            return _("Connecting to {url}…").format(url=self.url)
        if self.info is None:
            return _("Not connected")
        return _("Connected to {name} {version}: {studies} studies, {labelled} labelled").format(
            name=self.info.name, version=self.info.version, studies=self.info.studies, labelled=self.info.labelled
        )

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
    def canStartServer(self) -> Action:
        """One server at a time is started from the panel."""
        return self._unless(self._busy() or (_("Stop the server that runs first.") if self.localServer else ""))

    @property
    def canStopServer(self) -> Action:
        """Only the server that was started from the panel is ended from it."""
        return self._unless(self._busy() or ("" if self.localServer else _("No server was started here.")))

    @property
    def canTakeNextStudy(self) -> Action:
        """The next study needs a server that has studies."""
        empty = self.info is not None and self.info.studies == 0
        return self._unless(self._busy() or self._noServer() or (_("The server has no studies.") if empty else ""))

    @property
    def canSegment(self) -> Action:
        """Automatic segmentation needs a model and the volumes that it requires."""
        return self._unless(self._busy() or self._noServer() or self._modelReason() or self.selection.mixedReason)

    def namesSlices(self, strategy: str) -> bool:
        """Whether the server says, if it chooses so, which slices of the study are worth most."""
        return self.info is not None and strategy in self.info.slicingStrategies

    @property
    def canSubmit(self) -> Action:
        """Submitting needs a segmentation of one of the server's studies."""
        reason = self._busy() or self._noServer()
        if not reason and not self.selection.segmentationId:
            reason = _("Choose a segmentation.")
        if not reason and not self.selection.labelStudyId:
            reason = self.selection.strayReason
        if not reason and self.submitsSlices and not self.slicesOfLabel.doneNumbers:
            reason = _("Tick the slices that are done under Next study, or tick 'The whole study is done'.")
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
            reason = _("The server has no model that corrects a segment by clicks, strokes and boxes.")
        if not reason and not self.selection.segmentId:
            reason = _("To correct a segment with the model, choose one.")
        if not reason:
            reason = partReason(self.refinementModels[0], self.selection)
        if not reason:
            reason = self._missing(correctingModel(self.refinementModels[0], self.selection))
        return reason or self.selection.mixedReason or self.selection.foreignReason

    @property
    def savedLabels(self) -> tuple[SavedLabel, ...]:
        """The labels that the server has of the study whose volumes are chosen, as far as it was asked."""
        return self.labelsByStudy.get(self.selection.studyId, ())

    @property
    def canListLabels(self) -> Action:
        """Labels are of a study of the server."""
        stray = "" if self.selection.studyId else _("Take a study from the server: labels are of its studies.")
        return self._unless(self._busy() or self._noServer() or stray)

    @property
    def user(self) -> str:
        """Who uses the panel: the holder of the token, else the name that was typed; empty where neither is known."""
        return (self.info.user if self.info is not None else "") or self.annotator

    @property
    def managingReason(self) -> str:
        """Why nothing of a server's models and labels can be changed now, whatever it is; empty when it can."""
        return self._busy() or self._noServer()

    @property
    def trainingReason(self) -> str:
        """As :meth:`managingReason`, or that the user's token is for less than training; empty when it can."""
        role = self.info.role if self.info is not None else ""
        if role in ("", "trainer"):
            return self.managingReason
        return self.managingReason or (
            _(
                "Your token is for the role '{role}', and this needs 'trainer': ask whoever runs the server "
                "for another."
            ).format(role=role)
        )

    @property
    def canUndo(self) -> Action:
        """Undo needs a step."""
        return self._unless(self._busy() or ("" if self.hasUndo else _("There is nothing to undo.")))

    @property
    def canCompute(self) -> Action:
        """Features need a segment and at least one volume."""
        reason = self._busy()
        if not reason and not self.computesHere and not self._ofKind("radiomics"):
            reason = _("The server computes no radiomics.")
        if not reason and not self.selection.volumes:
            reason = _("Choose at least one volume under Images.")
        if not reason and not self.selection.segmentId:
            reason = _("Choose a segment under Segmentation.")
        return self._unless(
            reason or self.selection.mixedReason or self.selection.foreignReason or self.circumstancesError
        )

    @property
    def canExport(self) -> Action:
        """An export needs what a reading by the server needs, for it is one."""
        reason = self._busy() or self._noServer()
        if not reason and not self._ofKind("radiomics"):
            reason = _("The server computes no radiomics.")
        return self._unless(reason or self.canCompute.reason)

    @property
    def canReadParts(self) -> Action:
        """All parts at once are read by the server."""
        return self.canExport

    def canExplain(self, network: Model, *, here: bool = False) -> Action:
        """What speaks for an estimate is shown of a segment, on the volumes that the network requires.

        What is measured ``here`` needs no server.
        """
        segment = "" if self.selection.segmentId else _("Choose a segment under Segmentation.")
        reason = self._busy() or ("" if here else self._noServer()) or self._missing(network) or segment
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
        return _("Wait for '{running}' to end, or cancel it.").format(running=self.running) if self.isBusy else ""

    def _noServer(self) -> str:
        return _("Connect to a server first.") if self.info is None else ""

    def _modelReason(self) -> str:
        if self.chosenModel is None:
            return _("The server has no model for segmentation.")
        return self._missing(self.chosenModel)

    def _missing(self, model: Model) -> str:
        missing = [TITLES.get(s, s) for s in model.requiredSequences if s not in self.selection.volumes]
        if missing:
            return _("'{name}' needs {missing}: choose the volume under Images.").format(
                name=model.name, missing=inWords(missing)
            )
        return "" if self.selection.volumes else _("Choose at least one volume under Images.")
