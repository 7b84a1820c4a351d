"""The facts of the panel, and what happens to them. Pure Python: no Qt, no MRML.

What follows from them, and what can be done, is in ``viewmodel.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from gliomics.reading.record import Reading
from RadiogenomicsLib.panel.circumstances import Circumstances, ageError, ageOf, optionsOf, prevalenceError
from RadiogenomicsLib.panel.history import KeptReading, ReadingHistory
from RadiogenomicsLib.panel.manage.facts import LearningFacts
from RadiogenomicsLib.panel.selected import Selection, SlicesAsked
from RadiogenomicsLib.server.analysis import Analysis
from RadiogenomicsLib.server.backends import addressError, hostOf
from RadiogenomicsLib.server.localserver import LocalServer
from RadiogenomicsLib.server.offer import Model, ServerInfo
from RadiogenomicsLib.server.savedlabels import SavedLabel

ANNOTATE, READ, MANAGE = MODES = ("annotate", "read", "manage")
"""The ways to use the panel: label studies, read one case, look after the models and the labels."""

CONNECT = _("Connect")
START_SERVER = _("Start server")
STOP_SERVER = _("Stop server")
NEXT_STUDY = _("Next study")
SEGMENT = _("Auto segment")
SUBMIT = _("Submit label")
COMPUTE = _("Read segment")
MAP = _("Map")
PARTS = _("All parts")
CORRECT = _("Correct")
FIND_LABELS = _("Find labels")
LOAD_LABEL = _("Load label")
TRAIN = _("Train")
STOP_TRAINING = _("Stop training")
PUBLISH = _("Publish")
RELEASE = _("Give back")
EXPORT = _("Export")
INSTALL = _("Install packages")
LIST_STUDIES = _("List studies")
OPEN_STUDY = _("Open study")
REVIEW = _("Review")
COMPARE = _("Compare labels")
SECTION_OF = {
    CONNECT: "Server",
    START_SERVER: "Server",
    STOP_SERVER: "Server",
    NEXT_STUDY: "Study",
    SEGMENT: "Segmentation",
    CORRECT: "Refine",
    FIND_LABELS: "Segmentation",
    LOAD_LABEL: "Segmentation",
    SUBMIT: "Submit",
    COMPUTE: "Results",
    INSTALL: "Results",
    PARTS: "Results",
    EXPORT: "Export",
    MAP: "Views",
    TRAIN: "Learn",
    STOP_TRAINING: "Learn",
    PUBLISH: "Learn",
    RELEASE: "Leases",
    LIST_STUDIES: "Review",
    OPEN_STUDY: "Review",
    REVIEW: "Review",
    COMPARE: "Review",
}
"""The section of the button that starts each kind of work; what comes of it is said there."""


@dataclass
class DisplayedResult:
    """An analysis and what it was made from; ``readAt`` says when, where it came with a saved scene."""

    analysis: Analysis
    selection: Selection
    edited: bool = False
    readAt: str = ""
    options: dict[str, Any] | None = None
    """What was said of the patient besides the images; None where that is not known any more."""


@dataclass
class PartsReading:
    """What was read of all parts of a segmentation, by their titles, the whole tumour first."""

    readings: dict[str, Reading]
    segmentationId: str
    segmentation: str
    readAt: str
    edited: bool = False


class PanelFacts:
    """What the panel was told."""

    def __init__(self) -> None:
        self.mode = READ
        self.live = False
        """Whether the segment is read again by itself when it was changed."""
        self.url = ""
        self._tokens: dict[str, str] = {}
        self.annotator = ""
        """The user's name, with which labels are saved where no token says who it is."""
        self.info: ServerInfo | None = None
        self.connectedUrl = ""
        self.here = False
        """Whether the user wants 3D Slicer itself to compute although there is a server."""
        self.offerHere: ServerInfo | None = None
        """The subtype models that 3D Slicer computes with, once it did."""
        self.localServer: LocalServer | None = None
        """The server that was started from the panel and has not ended."""
        self.selection = Selection()
        self.modelName = ""
        self.networkName = ""
        """The tumour network that is asked what speaks for its estimate."""
        self.result: DisplayedResult | None = None
        self.parts: PartsReading | None = None
        self.reason = ""
        self.slicesAsked: dict[str, SlicesAsked] = {}
        """By study; kept for every study, lest a label of some slices is submitted for a whole one."""
        self.labelsByStudy: dict[str, tuple[SavedLabel, ...]] = {}
        """What the server said it has of each study that was asked for."""
        self.hasUndo = False
        """Whether the Segment Editor's history has a step to go back to."""
        self.circumstances = Circumstances()
        self.history = ReadingHistory()
        self.learning = LearningFacts()
        """What the server says of its trainings."""
        self.running = ""
        self.yields = False
        """Whether the running work gives way to any other, as that of live updates does."""
        self.section = ""
        """The section whose button was pressed last: what there is to say stands beside it."""
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

    def modeChanged(self, mode: str) -> None:
        """The user wants to use the panel in another way; what was done in the former is no news any more."""
        self.mode = mode
        if not self.running and not self._failure:
            self._say("")

    def pressedIn(self, section: str) -> None:
        """A button of a section was pressed."""
        if not self.isBusy:
            self.section = section

    def jobStarted(self, title: str, *, yields: bool = False) -> None:
        """Work began in the background."""
        self.running, self.progressText, self.fraction, self.yields = title, "", None, yields
        if not yields:
            self.section = SECTION_OF.get(title, self.section)
            self._say("")

    def jobProgressed(self, text: str, fraction: float | None) -> None:
        """The work reported how far it is."""
        self.progressText, self.fraction = text, fraction

    def jobFinished(self, message: str, notices: tuple[str, ...] = ()) -> None:
        """The work is done; ``notices`` are what the user should know about its result.

        What went wrong beside it since it began is still said.
        """
        quietly, self.running = self.yields and not message, ""
        if not quietly:
            self._message, self._notices = message, notices

    def jobFailed(self, message: str) -> None:
        """The work ended with an error; a failed connection leaves no server."""
        if self.running == CONNECT:
            self.info = None
        self.running = ""
        self._say("", failure=message)

    def jobCancelled(self) -> None:
        """The user stopped the work, or it gave way to other work."""
        if self.yields:
            self.running = ""
            return
        text = _("{work}: cancelled.")
        if self.running == SUBMIT:
            text = _("{work}: cancelled. The server may have saved the label already.")
        if self.running in (TRAIN, STOP_TRAINING, PUBLISH, RELEASE):
            text = _("{work}: cancelled. The server may have done it already.")
        if self.running == REVIEW:
            text = _("{work}: cancelled. The server may have noted it already: list the studies again.")
        self.running, work = "", self.running
        self._say(text.format(work=work))

    def failed(self, message: str, *, busy: bool) -> None:
        """Something could not be done; ``busy`` says whether other work goes on."""
        if not busy:
            self.running = ""
        self._say("", failure=message)

    def recall(self, message: str, notices: tuple[str, ...] = ()) -> None:
        """Say again, before what is said now, what was done before, and its notices."""
        self._message = f"{message} {self._message}".strip()
        self._notices = (*notices, *self._notices)

    def actionDone(self, message: str) -> None:
        """Something was done at once."""
        self._say(message)

    def connected(self, url: str, info: ServerInfo) -> None:
        """The server answered."""
        if url != self.connectedUrl:
            self.labelsByStudy.clear()
        self.connectedUrl, self.info = url, info
        names = [model.name for model in self.segmentationModels]
        if self.modelName not in names:
            self.modelName = names[0] if names else ""
        networks = [network.name for network in self.tumourNetworks]
        if self.networkName not in networks:
            self.networkName = networks[0] if networks else ""

    def localServerEnded(self) -> None:
        """The server that was started from the panel is no more, and so is a connection to it."""
        server, self.localServer = self.localServer, None
        if server is not None and server.url == self.connectedUrl:
            self.info = None

    def slicesNamed(self, studyId: str, numbers: tuple[int, ...]) -> None:
        """The server named slices of a study, none for the whole; those that are done among them stay so."""
        earlier = self.slicesAsked.pop(studyId, SlicesAsked(()))
        if numbers:
            self.slicesAsked[studyId] = SlicesAsked(numbers, tuple(n for n in earlier.doneNumbers if n in numbers))

    def read(self, result: DisplayedResult, when: str, *, isLive: bool = False) -> None:
        """A segment was read, or a scene came with a reading; it can be compared with, too."""
        self.result = result
        if result.analysis.reading is not None:
            selection = result.selection
            self.history.add(
                KeptReading(result.analysis.reading, selection.segmentationId, selection.segmentId, when, isLive)
            )

    def ageChanged(self, text: str) -> None:
        """The age of the patient whose images are chosen was typed."""
        self.circumstances.ages[self.selection.imagesKey] = text.strip()

    def segmentEdited(self, segmentationId: str) -> None:
        """The voxels of a segmentation changed."""
        if self.result is not None and self.result.selection.segmentationId == segmentationId:
            self.result.edited = True
        if self.parts is not None and self.parts.segmentationId == segmentationId:
            self.parts.edited = True

    def sceneClosed(self) -> None:
        """The scene was closed: its results are gone, the server stays."""
        self.selection, self.result, self.reason, self.slicesAsked = Selection(), None, "", {}
        self.parts = None
        self.circumstances.ages.clear()
        self.history = ReadingHistory()
        if not self.running:
            self._say("")

    def _say(self, message: str, *, failure: str = "") -> None:
        self._message, self._failure, self._notices = message, failure, ()

    # What is known

    @property
    def computesHere(self) -> bool:
        """Whether 3D Slicer itself measures and estimates: without a server, and where the user wants it."""
        return self.here or self.info is None

    @property
    def isBusy(self) -> bool:
        """Whether work runs that other work waits for."""
        return bool(self.running) and not self.yields

    def tokenFor(self, url: str) -> str:
        """The token that was typed for the server at this address; empty when there is none."""
        return "" if addressError(url) else self._tokens.get(hostOf(url), "")

    @property
    def segmentationModels(self) -> list[Model]:
        """Models for automatic segmentation."""
        return self._ofKind("segmentation")

    @property
    def subtypeModels(self) -> list[Model]:
        """Models that estimate a molecular subtype."""
        if self.computesHere and self.offerHere is not None:
            return self.offerHere.ofKind("subtype")
        return self._ofKind("subtype")

    @property
    def tumourNetworks(self) -> list[Model]:
        """Networks that estimate from the tumour's image, and show what speaks for it."""
        return self._ofKind("tumour_network")

    @property
    def ageText(self) -> str:
        """The age, as typed, of the patient whose images are chosen."""
        return self.circumstances.ages.get(self.selection.imagesKey, "")

    @property
    def prevalence(self) -> dict[str, float]:
        """How common classes are where the user said so."""
        return self.circumstances.prevalence(self.subtypeModels)

    @property
    def circumstancesError(self) -> str:
        """What is wrong with what was said of the patient; empty where nothing is."""
        return ageError(self.ageText) or prevalenceError(self.subtypeModels, self.circumstances)

    @property
    def options(self) -> dict[str, Any]:
        """What a request says of the patient besides the images."""
        return {} if self.circumstancesError else optionsOf(ageOf(self.ageText), self.prevalence)

    def _ofKind(self, kind: str) -> list[Model]:
        return self.info.ofKind(kind) if self.info is not None else []
