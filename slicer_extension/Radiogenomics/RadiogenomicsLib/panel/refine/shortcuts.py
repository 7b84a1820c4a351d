"""Keys for the annotator's round. They work in the whole main window, and only while the module is chosen.

None is one of the Segment Editor's: 0 to 9 (also with Shift), Esc, Space, Z, Y, Q, W, I, comma, full stop, /, *, <, >
and the system's keys to undo and redo, which the embedded editor has itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import qt
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.facts import ANNOTATE
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.panel.subscriptions import Subscriptions

ADD, REMOVE, NEXT_SLICE, SUBMIT_NEXT = "A", "D", "N", "Ctrl+Return"


class Shortcuts(Controller):
    """Presses the panel's buttons; where one cannot be pressed, the message says why."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        ui = self._ui
        self._actions: dict[str, Callable[[], None]] = {
            ADD: lambda: self._press(ui.addLesionButton),
            REMOVE: lambda: self._press(ui.removeLesionButton),
            NEXT_SLICE: self._nextSlice,
            SUBMIT_NEXT: lambda: self._press(ui.submitNextButton),
        }
        self._shortcuts: list[Any] = []
        self._connections = Subscriptions()

    def enter(self) -> None:
        """Take the keys; without a main window there are none."""
        self.exit()
        window = slicer.util.mainWindow()
        if window is None:
            return
        for key in self._actions:
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            self._connections.connect(shortcut, "activated()", self._slot(key))
            self._shortcuts.append(shortcut)

    def exit(self) -> None:
        """Give the keys back."""
        self._connections.end()
        for shortcut in self._shortcuts:
            with suppress(ValueError):  # PythonQt's word for an object that Qt has deleted
                shortcut.setParent(None)
                shortcut.deleteLater()
        self._shortcuts = []

    def _slot(self, key: str) -> Callable[[], None]:
        return lambda: self.onKey(key)

    @shown
    def onKey(self, key: str) -> None:
        """A key was pressed."""
        if self._model.mode == ANNOTATE:
            self._actions[key]()
        else:
            self.runner.fail(_("The key {key} is for annotating: choose Annotate at the top first.").format(key=key))

    def _press(self, button: Any) -> None:
        if button.enabled:
            button.click()
        else:
            self.runner.fail(button.toolTip)

    def _nextSlice(self) -> None:
        """Go to the next slice of those that were asked for; after the last to the first."""
        sliceList = self._ui.sliceList
        if not sliceList.count:
            self.runner.fail(_("No slices were asked for: set their number under Study, and take the next study."))
            return
        sliceList.currentRow = (sliceList.currentRow + 1) % sliceList.count
