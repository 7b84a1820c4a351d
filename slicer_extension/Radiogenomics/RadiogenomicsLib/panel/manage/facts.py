"""What the panel knows of a server's trainings, and what can be done about them. Pure Python: no Qt, no MRML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from slicer.i18n import tr as _

from RadiogenomicsLib.server.learning import RUNNING, Lease, Outlook, Training, Version, stateOf


@dataclass
class LearningFacts:
    """What a server said last; nothing of it is kept when another server or another model is asked.

    ``silentSince`` is when it ceased to answer, and ``silence`` why; both are empty while it answers. ``isRefusal``
    says that it does answer, but not what it was asked.
    """

    server: str = ""
    modelName: str = ""
    training: Training | None = None
    versions: tuple[Version, ...] = ()
    versionsOf: str = ""
    """The state that ``versions`` are of."""
    leases: tuple[Lease, ...] = ()
    versionNumber: str = ""
    """The version that the user looks at."""
    silence: str = ""
    isRefusal: bool = False
    silentSince: datetime | None = None

    def ask(self, server: str, modelName: str) -> None:
        """From now on it is of this server and this model."""
        if server != self.server:
            self.leases = ()
        if (server, modelName) != (self.server, self.modelName):
            self.server, self.modelName = server, modelName
            self.training, self.versions, self.versionsOf, self.versionNumber = None, (), "", ""
            self.silence, self.silentSince = "", None

    def answered(self, outlook: Outlook) -> bool:
        """The server answered; returns whether anything is another than before."""
        before = (self.training, self.versions, self.leases, self.silence)
        self.training, self.leases = outlook.training, outlook.leases
        self.silence, self.silentSince = "", None
        if outlook.versions is not None:
            self.versions, self.versionsOf = outlook.versions, stateOf(outlook.training)
        return before != (self.training, self.versions, self.leases, self.silence)

    def silent(self, reason: str, now: datetime, *, isRefusal: bool) -> None:
        """The server did not answer, or refused to."""
        self.silence, self.silentSince, self.isRefusal = reason, self.silentSince or now, isRefusal

    @property
    def official(self) -> Version | None:
        """The version that serves."""
        return next((version for version in self.versions if version.serves), None)

    @property
    def chosenVersion(self) -> Version | None:
        """The version that the user looks at: the official one unless another was chosen."""
        return next((each for each in self.versions if each.number == self.versionNumber), self.official)

    @property
    def isRunning(self) -> bool:
        """Whether the chosen model is being trained, as far as is known."""
        training = self.training
        return training is not None and training.running is not None and training.running.model == training.model

    @property
    def fraction(self) -> float | None:
        """How far the training of the chosen model is; None where that is not known."""
        progress = self.training.progress if self.training is not None else None
        if not self.isRunning or progress is None or progress.state != RUNNING or not progress.total:
            return None
        return min(1.0, progress.done / progress.total)

    @property
    def trainReason(self) -> str:
        """Why no training can begin; empty where one can."""
        training = self.training
        if training is None:
            return _("Wait until the server has told what there is to train on.")
        if training.running is not None:
            return _("A training runs already: wait for it, or stop it.")
        if training.refused:
            return training.refused
        if not training.labelled + training.partlyLabelled:
            return _("No study is labelled yet: hand in labels under Annotate.")
        if training.withOutcome == 0:
            return _("No labelled study has an outcome in the server's table genomics.csv: add its patient there.")
        return ""

    @property
    def stopReason(self) -> str:
        """Why there is nothing to stop; empty where there is."""
        isAny = self.training is not None and self.training.running is not None
        return "" if isAny else _("No training runs.")

    def publishReason(self, why: str) -> str:
        """Why the chosen version cannot be put in use, ``why`` being the user's reason; empty where it can."""
        version = self.chosenVersion
        if version is None:
            return _("Choose a version.")
        if version.serves:
            return _("Version {number} is in use.").format(number=version.number)
        if version.damage:
            return _("Version {number} is damaged: {reason}.").format(number=version.number, reason=version.damage)
        if not version.served:
            return _(
                "Version {number} was never in use, for it was not better: only a version that was can be put back."
            ).format(number=version.number)
        return "" if why.strip() else _("Say why, for the record.")
