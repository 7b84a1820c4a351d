"""Closing studies in one action; what would be lost is asked about first."""

from __future__ import annotations

import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.scene.finished import FinishedStudies, studiesOfScene
from RadiogenomicsLib.wording import inWords


class Closing(Controller):
    """Binds the button that closes studies."""

    def __init__(self, context: PanelContext, finished: FinishedStudies) -> None:
        super().__init__(context)
        self._finished = finished
        self._toolTip = self._ui.closeStudiesButton.toolTip
        self._subscriptions.connect(self._ui.closeStudiesButton, "clicked(bool)", self.onClose)

    def update(self) -> None:
        """After any change: say whether there is something to close."""
        reason = (
            _("Wait for '{running}' to end, or cancel it.").format(running=self._model.running)
            if self._model.running
            else ""
        )
        if not reason and not studiesOfScene():
            reason = _("There is no study of the server in the scene.")
        self._write(self._ui.closeStudiesButton, enabled=not reason, toolTip=reason or self._toolTip)

    @shown
    def onClose(self) -> None:
        """Close every study; those with something unsaved only if the user agrees."""
        unsaved = {studyId: self._finished.unsaved(studyId) for studyId in studiesOfScene()}
        atRisk = {studyId: names for studyId, names in unsaved.items() if names}
        closesAll = not atRisk or self._agreed(atRisk)
        closed = [studyId for studyId in unsaved if closesAll or studyId not in atRisk]
        for studyId in closed:
            self._finished.close(studyId)
        self._model.actionDone(_closedInWords(closed, [] if closesAll else list(atRisk)))
        self._onChanged()

    def _agreed(self, atRisk: dict[str, tuple[str, ...]]) -> bool:
        lines = "\n".join(f"\u2022 {studyId}: {', '.join(names)}" for studyId, names in atRisk.items())
        return bool(
            slicer.util.confirmYesNoDisplay(
                _(
                    "This is not on the server, and is lost when its study is closed:\n\n{lines}\n\nClose these "
                    "studies, too? With No they stay open; submit their labels first."
                ).format(lines=lines),
                windowTitle="Radiogenomics",
            )
        )


def _closedInWords(closed: list[str], open_: list[str]) -> str:
    """What was closed, and what stayed open."""
    text = _("No study was closed.")
    if closed:
        text = _("{study} was closed.") if len(closed) == 1 else _("{studies} were closed.")
        text = text.format(study=closed[0], studies=inWords(closed))
    return _("{text} {studies} stayed open.").format(text=text, studies=inWords(open_)) if open_ else text
