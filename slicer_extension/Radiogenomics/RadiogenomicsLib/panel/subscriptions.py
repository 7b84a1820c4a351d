"""What calls the panel: signals of widgets and events of nodes, ended together.

3D Slicer's ``VTKObservationMixin`` keeps every object that it ever observed, with its voxels, until it goes itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

Slot = Callable[..., Any]


class Subscriptions:
    """Connections and observers; after :meth:`end` nothing is called any more and nothing is kept alive."""

    def __init__(self) -> None:
        self._connections: list[tuple[Any, str, Slot]] = []
        self._observers: list[tuple[Any, int, Slot]] = []

    @property
    def slots(self) -> list[Slot]:
        """What is called."""
        return [entry[2] for entry in (*self._connections, *self._observers)]

    def connect(self, sender: Any, signal: str, slot: Slot) -> None:
        """Call ``slot`` at a signal of a widget."""
        sender.connect(signal, slot)
        self._connections.append((sender, signal, slot))

    def observe(self, caller: Any, event: Any, slot: Slot, *, priority: float = 0.0) -> int:
        """Call ``slot`` at an event of a VTK object, before those of a lower priority; returns the observer's tag."""
        tag = int(caller.AddObserver(event, slot, priority))
        self._observers.append((caller, tag, slot))
        return tag

    def end(self) -> None:
        """Disconnect and stop observing."""
        for caller, tag, _ in self._observers:
            caller.RemoveObserver(tag)
        for sender, signal, slot in self._connections:
            with suppress(ValueError):  # PythonQt's word for a widget that Qt has deleted
                sender.disconnect(signal, slot)
        self._observers, self._connections = [], []
