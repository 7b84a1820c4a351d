"""Closing studies in one action; what would be lost is asked about first."""

from __future__ import annotations

import slicer.util

from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.scene.finished import FinishedStudies, studiesOfScene


class Closing(Controller):
    """Binds the button that closes studies."""

    def __init__(self, context: PanelContext, finished: FinishedStudies) -> None:
        super().__init__(context)
        self._finished = finished
        self._toolTip = self._ui.closeStudiesButton.toolTip
        self._subscriptions.connect(self._ui.closeStudiesButton, "clicked(bool)", self.onClose)

    def update(self) -> None:
        """After any change: say whether there is something to close."""
        reason = f"Wait for '{self._model.running}' to end, or cancel it." if self._model.running else ""
        if not reason and not studiesOfScene():
            reason = "There is no study of the server in the scene."
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
        kept = f" {_listed(list(atRisk))} stayed open." if atRisk and not closesAll else ""
        self._model.actionDone(f"{_listed(closed)} {'was' if len(closed) == 1 else 'were'} closed.{kept}".strip())
        self._onChanged()

    def _agreed(self, atRisk: dict[str, tuple[str, ...]]) -> bool:
        lines = "\n".join(f"\u2022 {studyId}: {', '.join(names)}" for studyId, names in atRisk.items())
        return bool(
            slicer.util.confirmYesNoDisplay(
                f"This is not on the server, and is lost when its study is closed:\n\n{lines}\n\n"
                "Close these studies, too? With No they stay open; submit their labels first.",
                windowTitle="Radiogenomics",
            )
        )


def _listed(studyIds: list[str]) -> str:
    if not studyIds:
        return "No study"
    return studyIds[0] if len(studyIds) == 1 else f"{', '.join(studyIds[:-1])} and {studyIds[-1]}"
