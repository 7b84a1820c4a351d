"""A scene that was loaded: its volumes are compared with what came from the server, one in each event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import slicer

from RadiogenomicsLib.panel.jobrunner import JobRunner, Steps, hasNext, makeTimer, shown
from RadiogenomicsLib.scene.finished import volumesOfStudies
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.sequences import SEQUENCES


class SceneLoading:
    """Calls ``restore`` when the voxels of the chosen volumes were looked at; those of the others follow.

    A volume takes a while, and 3D Slicer answers between two of them.
    """

    def __init__(self, logic: RadiogenomicsLogic, runner: JobRunner, restore: Callable[[], None]) -> None:
        self.runner = runner
        self._logic, self._restore = logic, restore
        self._steps: Steps | None = None
        self._timer = makeTimer(0, self.goOn, singleShot=False)

    def begin(self, parameters: Parameters) -> None:
        """A scene was loaded; ``parameters`` are what it remembers."""
        self._steps = self._load(parameters)
        self._timer.start()

    def stop(self) -> None:
        """Another scene comes, or the panel goes."""
        self._timer.stop()
        self._steps = None

    @shown
    def goOn(self) -> None:
        """Look at one more volume, or show the scene."""
        if self._steps is None or not hasNext(self._steps):
            self.stop()

    def _load(self, parameters: Parameters) -> Steps:
        yield from self._compare(parameters.reference(sequence) for sequence in SEQUENCES)
        self._restore()
        yield
        yield from self._compare(volumesOfStudies())

    def _compare(self, volumes: Iterable[Any]) -> Steps:
        for nodeId in [volume.GetID() for volume in volumes if volume is not None]:
            node = slicer.mrmlScene.GetNodeByID(nodeId)
            if node is not None:
                self._logic.contents(node)
                yield
