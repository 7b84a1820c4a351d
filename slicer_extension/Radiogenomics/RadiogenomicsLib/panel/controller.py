"""What the controllers of the panel's sections have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from RadiogenomicsLib.panel.jobrunner import JobRunner
from RadiogenomicsLib.panel.selection import SceneSelection
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.viewmodel import PanelModel
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic


@dataclass(frozen=True)
class PanelContext:
    """The parts of the panel that its sections share.

    ``ui`` has the widgets by name; ``onChanged`` is to be called when the view model changed,
    ``onSelection`` when what is selected is to be read anew.
    """

    ui: Any
    logic: RadiogenomicsLogic
    selection: SceneSelection
    model: PanelModel
    runner: JobRunner
    subscriptions: Subscriptions
    onChanged: Callable[[], None]
    onSelection: Callable[[], None]


class Controller:
    """Binds the widgets of one section."""

    def __init__(self, context: PanelContext) -> None:
        self.runner = context.runner
        self._ui = context.ui
        self._logic = context.logic
        self._selection = context.selection
        self._model = context.model
        self._subscriptions = context.subscriptions
        self._onChanged = context.onChanged
        self._onSelection = context.onSelection
        self._visible: dict[str, bool] = {}
        """What :meth:`_show` was told last; Qt says of a widget in a folded section that it is not visible."""

    def _show(self, widget: Any, visible: bool) -> None:
        """Show or hide a widget; what has not changed is not written again, for Qt would lay the panel out."""
        if self._visible.get(widget.name) != visible:
            widget.visible = self._visible[widget.name] = visible

    def _write(self, widget: Any, **properties: Any) -> None:
        """Set properties of a widget that have another value."""
        for name, value in properties.items():
            if getattr(widget, name) != value:
                setattr(widget, name, value)
