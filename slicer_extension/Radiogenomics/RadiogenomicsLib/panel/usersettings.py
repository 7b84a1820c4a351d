"""What 3D Slicer's settings remember of the user: it is never in the scene, for a scene may come from somebody else."""

from __future__ import annotations

import qt
import slicer
import slicer.util

DEFAULT_URL = "http://127.0.0.1:8000"

_URL, _ANNOTATOR = "Gliomics/ServerUrl", "Gliomics/Annotator"
_COMMAND, _STUDIES = "Gliomics/Command", "Gliomics/StudiesFolder"
_MODE = "Gliomics/PanelMode"
_EXPORT_FOLDER, _EXPORT_FORMATS = "Gliomics/ExportFolder", "Gliomics/ExportFormats"
_REMOVE_FINISHED = "Gliomics/RemoveFinishedStudies"
_SLICES = "Gliomics/SlicesToDraw"

SLICES = 2
"""Slices of a study that a user who has not said otherwise is asked to draw: docs/benchmarks/active_learning.md."""


def serverUrl() -> str:
    """The address of the server that answered last."""
    return str(slicer.util.settingsValue(_URL, DEFAULT_URL))


def rememberServerUrl(url: str) -> None:
    """Keep the address of a server that answered."""
    qt.QSettings().setValue(_URL, url)


def command() -> str:
    """The path of the command ``gliomics`` that the user chose; empty where it was never chosen."""
    return str(slicer.util.settingsValue(_COMMAND, ""))


def rememberCommand(path: str) -> None:
    """Keep the path of a command with which a server was started."""
    qt.QSettings().setValue(_COMMAND, path)


def studiesFolder() -> str:
    """The folder of studies that was served from here last; empty where there was none."""
    return str(slicer.util.settingsValue(_STUDIES, ""))


def rememberStudiesFolder(path: str) -> None:
    """Keep the folder of studies that a server was started for."""
    qt.QSettings().setValue(_STUDIES, path)


def annotator() -> str:
    """The user's name: as typed in the panel, else as in 3D Slicer's own settings; empty where neither has one."""
    typed = str(slicer.util.settingsValue(_ANNOTATOR, ""))
    return typed or slicer.app.applicationLogic().GetUserInformation().GetName() or ""


def rememberAnnotator(name: str) -> None:
    """Keep the name that the user typed."""
    qt.QSettings().setValue(_ANNOTATOR, name)


def removesFinishedStudies() -> bool:
    """Whether studies whose label was saved shall be taken out of the scene; no unless the user said so."""
    return bool(slicer.util.settingsValue(_REMOVE_FINISHED, False, converter=slicer.util.toBool))


def rememberRemovesFinishedStudies(remove: bool) -> None:
    """Keep what the user said."""
    qt.QSettings().setValue(_REMOVE_FINISHED, remove)


def slicesToDraw() -> int:
    """How many slices of a study the user wants to draw; 0 for all of it."""
    return int(slicer.util.settingsValue(_SLICES, SLICES, converter=int))


def rememberSlicesToDraw(count: int) -> None:
    """Keep how many."""
    qt.QSettings().setValue(_SLICES, count)


def panelMode() -> str:
    """How the user used the panel last, as the view model names it; empty where the user has not chosen."""
    return str(slicer.util.settingsValue(_MODE, ""))


def rememberPanelMode(mode: str) -> None:
    """Keep how the user uses the panel."""
    qt.QSettings().setValue(_MODE, mode)


def exportFolder() -> str:
    """The folder into which results were written last; empty where they never were."""
    return str(slicer.util.settingsValue(_EXPORT_FOLDER, ""))


def exportFormats() -> tuple[str, ...]:
    """The formats in which they were written; empty where they never were."""
    return tuple(str(slicer.util.settingsValue(_EXPORT_FORMATS, "")).split())


def rememberExport(folder: str, formats: list[str]) -> None:
    """Keep where results were written and in which formats."""
    qt.QSettings().setValue(_EXPORT_FOLDER, folder)
    qt.QSettings().setValue(_EXPORT_FORMATS, " ".join(formats))
