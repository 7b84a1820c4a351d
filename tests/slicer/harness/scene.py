"""A MRML scene with the logics of the application's modules, without the application."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import slicer
import slicer.util
import vtk

# slicer.util looks the modules' logics up as ``slicer.modules.volumes.logic()``.
_LOGICS = {
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Markups": "vtkSlicerMarkupsLogic",
}


class Module:
    """What ``slicer.modules.<name>`` gives for a module in C++, as far as ``slicer.util`` asks: a logic and a path."""

    def __init__(self, name: str, logic: Any = None, path: str = "") -> None:
        self.name = name
        self.path = path
        self._logic = logic

    def logic(self) -> Any:
        return self._logic


def addRedView(scene: Any) -> Any:
    """The node of the red slice view, as the application's layout makes it; nothing draws it here."""
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    view.SetSingletonTag("Red")
    view.SetLayoutName("Red")
    return view


def makeScene(cacheFolder: Path) -> Any:
    """Build the scene and publish it as ``slicer.mrmlScene`` and ``slicer.modules``; returns the application logic."""
    output = vtk.vtkOutputWindow()
    output.SetDisplayModeToAlwaysStdErr()
    vtk.vtkOutputWindow.SetInstance(output)
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    colors = slicer.vtkSlicerColorLogic()  # before any volume: its display node looks the default colours up
    application.SetColorLogic(colors)
    application.SetHomeDirectory(str(cacheFolder))  # where it looks for tables of colours, and finds none
    application.SetShareDirectory(str(cacheFolder))
    colors.SetMRMLApplicationLogic(application)
    colors.SetMRMLScene(scene)
    colors.AddDefaultColorNodes()
    application.SetModuleLogic("Colors", colors)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.GetCacheManager().SetRemoteCacheDirectory(str(cacheFolder))
    remote.AddDataIOToScene()
    modules = types.SimpleNamespace(colors=Module("Colors", colors))
    for name, className in _LOGICS.items():
        logic = getattr(slicer, className)()
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
        application.SetModuleLogic(name, logic)
        setattr(modules, name.lower(), Module(name, logic))
    slicer.mrmlScene, slicer.modules = scene, modules
    slicer.util.slicer = slicer
    slicer._keepAlive = (remote, output)
    return application
