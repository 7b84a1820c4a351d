"""What the controllers of the panel's sections have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from RadiogenomicsLib.panel.jobrunner import Work
from RadiogenomicsLib.panel.selection import SceneSelection
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.panel.viewmodel import PanelModel
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic


class Controller(ABC):
    """Binds the widgets of one section; ``onChanged`` is called when the view model changed."""

    def __init__(
        self,
        ui: Any,
        logic: RadiogenomicsLogic,
        selection: SceneSelection,
        model: PanelModel,
        work: Work,
        subscriptions: Subscriptions,
        onChanged: Callable[[], None],
    ) -> None:
        self._ui, self._logic, self._selection, self._model, self.work = ui, logic, selection, model, work
        self._subscriptions, self._onChanged = subscriptions, onChanged
        self._setUp()

    @abstractmethod
    def _setUp(self) -> None:
        """Make what the section keeps, and connect its widgets; called once."""
