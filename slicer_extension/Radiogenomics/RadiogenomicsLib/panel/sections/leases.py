"""The section *Studies with annotators*: who has which study until when, and giving one back."""

from __future__ import annotations

from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts, viewmodel
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.panel.manage.words import leaseLine
from RadiogenomicsLib.panel.sections.learning import Learning
from RadiogenomicsLib.panel.view.writer import Writer
from RadiogenomicsLib.server.learning import Lease

MOST_ROWS = 5
"""Studies that are seen at once; the others are scrolled to."""


class Leases(Controller):
    """Binds the list of studies that are kept for somebody, as far as the section *Learn* has heard of them."""

    def __init__(self, context: PanelContext, learning: Learning) -> None:
        super().__init__(context)
        self._learning = learning
        self._facts = context.model.learning
        self._writer = Writer()
        self._lines: list[str] = []
        self._subscriptions.connect(self._ui.leaseList, "currentRowChanged(int)", self.onRow)
        self._subscriptions.connect(self._ui.releaseButton, "clicked(bool)", self.onRelease)

    def update(self) -> None:
        """After any change: list what the server said last."""
        if self._model.mode != facts.MANAGE:
            return
        ui, writer, leases = self._ui, self._writer, self._facts.leases
        lines = [leaseLine(lease, self._model.user) for lease in leases]
        if lines != self._lines:
            self._lines, row = lines, ui.leaseList.currentRow
            blocked = ui.leaseList.blockSignals(True)
            ui.leaseList.clear()
            for line in lines:
                ui.leaseList.addItem(line)
            ui.leaseList.currentRow = min(row, len(lines) - 1)
            rows = min(len(lines), MOST_ROWS) * ui.leaseList.sizeHintForRow(0) if lines else 0
            ui.leaseList.setFixedHeight(rows + 2 * ui.leaseList.frameWidth)
            ui.leaseList.blockSignals(blocked)
        for widget in (ui.leaseList, ui.releaseButton):
            writer.set(widget, visible=bool(lines))
        text = "" if lines else _("No study is kept for anybody.")
        writer.text(ui.leasesLabel, self._model.managingReason or text)
        action = viewmodel.Action(not self._reason(), self._reason())
        writer.enable(ui.releaseButton, action, _("Keep this study for nobody any more: whoever asks next may get it."))

    @shown
    def onRow(self) -> None:
        """Another study was chosen."""
        self._onChanged()

    @shown
    def onRelease(self) -> None:
        """Give the chosen study back."""
        reason, lease = self._reason(), self._chosen()
        if reason or lease is None:
            self.runner.fail(reason)
            return
        server = self._learning.server()

        def onResult(wasKept: bool) -> None:
            text = _("{study} is kept for nobody now.") if wasKept else _("{study} was kept for nobody already.")
            self._model.jobFinished(text.format(study=lease.study))
            self._onChanged()
            self._learning.askNow()

        self.runner.start(facts.RELEASE, lambda job: server.release(lease.study), onResult, backend=server)

    def _chosen(self) -> Lease | None:
        row = self._ui.leaseList.currentRow
        return self._facts.leases[row] if 0 <= row < len(self._facts.leases) else None

    def _reason(self) -> str:
        return self._model.managingReason or ("" if self._chosen() is not None else _("Choose a study in the list."))
