"""Stand-ins for the application: ``slicer.app`` and the ``ScriptedLoadableModule`` base classes."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
import unittest
from pathlib import Path
from typing import Any, ClassVar

import slicer
import slicer.util
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QApplication, QVBoxLayout

from harness import ctk, qmrml, qt
from harness.pythonqt import asPythonQt, keepSingletons
from harness.scene import Module, makeScene


@asPythonQt
class _ModuleManager(qt.QtCore.QObject):
    SIGNALS: ClassVar[dict[str, str]] = {"moduleAboutToBeUnloaded(QString)": "moduleAboutToBeUnloaded"}
    moduleAboutToBeUnloaded = Signal(str)


class Application:
    """``slicer.app``, as far as the panel and ``slicer.util`` ask."""

    applicationName = "Slicer"

    def __init__(self, logic: Any, temporaryPath: Path) -> None:
        self._logic = logic
        self._modules = _ModuleManager()
        self.temporaryPath = str(temporaryPath)

    def applicationLogic(self) -> Any:
        return self._logic

    def moduleManager(self) -> Any:
        return self._modules

    def layoutManager(self) -> None:
        return None

    def topLevelWidgets(self) -> list[Any]:
        return []

    def processEvents(self) -> None:
        QApplication.processEvents()

    def testingEnabled(self) -> bool:
        return False


class ScriptedLoadableModule:
    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title, parent.helpText, parent.acknowledgementText = "", "", ""
        parent.categories, parent.dependencies, parent.contributors = [], [], []

    def resourcePath(self, name: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / name)


class ScriptedLoadableModuleWidget:
    def __init__(self, parent: Any) -> None:
        super().__init__()  # the application's class passes on to mixins
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.parent = parent
        self.layout = parent.layout()

    def resourcePath(self, name: str) -> str:
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / name)

    def setup(self) -> None:
        """The application adds its developer section here."""


class ScriptedLoadableModuleLogic:
    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> Any:
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(self.moduleName)
            node.SetModuleName(self.moduleName)
            node.SetAttribute("ModuleName", self.moduleName)
            node.SetName(self.moduleName)
            node = slicer.mrmlScene.AddNode(node)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)

    def runTest(self) -> None:
        """The application runs the module's tests through this method."""


def startApplication(folder: Path) -> QApplication:
    """Publish the scene, ``slicer.app``, ``qt``, ``ctk`` and the base classes; call once in a process."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    keepSingletons()
    running = QApplication.instance() or QApplication(["slicer-harness"])
    qt.QSettings.path = str(folder / "settings.ini")
    slicer.app = Application(makeScene(folder / "cache"), folder)
    sys.modules["qt"], sys.modules["ctk"] = qt, ctk
    for name in ("qMRMLWidget", "qMRMLNodeComboBox", "qMRMLSegmentSelectorWidget", "qMRMLTableView"):
        setattr(slicer, name, getattr(qmrml, name))
    base = types.ModuleType("slicer.ScriptedLoadableModule")
    for cls in (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    ):
        setattr(base, cls.__name__, cls)
    sys.modules["slicer.ScriptedLoadableModule"] = slicer.ScriptedLoadableModule = base
    return running


def loadModule(path: Path) -> Any:
    """Import a scripted module's file and make its module object, as the application does at start."""
    sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    description = Module(path.stem, path=str(path))
    setattr(slicer.modules, path.stem.lower(), description)
    getattr(module, path.stem)(description)
    return module


def openPanel(module: Any) -> Any:
    """Make the module's widget in a fresh panel, as selecting the module does; returns the widget object."""
    parent = qmrml.qMRMLWidget()
    parent.setLayout(QVBoxLayout())
    parent.setMRMLScene(slicer.mrmlScene)
    widget = getattr(module, module.__name__ + "Widget")(parent)
    widget.setup()
    return widget
