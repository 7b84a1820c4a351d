"""Stand-ins for the application: ``slicer.app`` and the ``ScriptedLoadableModule`` base classes."""

from __future__ import annotations

import importlib
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

from harness import ctk, i18n, qmrml, qt, sampledata, segmenteditor
from harness.pythonqt import asPythonQt, keepSingletons
from harness.scene import makeScene

_MODULE_PROPERTIES = {
    "title",
    "categories",
    "contributors",
    "helpText",
    "acknowledgementText",
    "icon",
    "hidden",
    "index",
    "dependencies",
    "associatedNodeTypes",
    "widgetRepresentationCreationEnabled",
}


@asPythonQt
class _ModuleManager(qt.QtCore.QObject):
    """Says when a module goes. Modelled on ``qSlicerModuleManager`` of 3D Slicer 5.12."""

    SIGNALS: ClassVar[dict[str, str]] = {"moduleAboutToBeUnloaded(QString)": "moduleAboutToBeUnloaded"}
    moduleAboutToBeUnloaded = Signal(str)


class Application:
    """``slicer.app``, as far as the panel, the base classes and ``slicer.util`` ask; anything else raises.

    Modelled on ``qSlicerApplication`` of 3D Slicer 5.12 without a layout; its main window is empty and not shown until
    a test shows it.
    """

    applicationName = "Slicer"
    applicationVersion = "5.12.3-2026-05-15"

    def __init__(self, logic: Any, temporaryPath: Path) -> None:
        self._logic = logic
        self._modules = _ModuleManager()
        self._layout: Any = None
        """A :class:`harness.layout.LayoutManager` while a test has drawn views."""
        self._mainWindow = qt.QWidget()
        self._mainWindow.name = "qSlicerMainWindow"
        self.temporaryPath = str(temporaryPath)
        self._atStartup: list[Any] = []
        self._startupEnvironment = qt.QtCore.QProcessEnvironment.systemEnvironment()

    def connect(self, signature: str, slot: Any) -> bool:
        """The signal of the end of the start, which :meth:`completeStartup` sends, and Qt's of another style."""
        if signature == "paletteChanged(QPalette)":
            QApplication.instance().paletteChanged.connect(slot)
        elif signature == "startupCompleted()":
            self._atStartup.append(slot)
        else:
            raise AttributeError(f"the application has no signal '{signature}' here")
        return True

    def disconnect(self, signature: str, slot: Any) -> bool:
        if signature != "paletteChanged(QPalette)":
            raise AttributeError(f"the application has no signal '{signature}' here that ends")
        QApplication.instance().paletteChanged.disconnect(slot)
        return True

    def completeStartup(self) -> None:
        """All modules are there."""
        slots, self._atStartup = self._atStartup, []
        for slot in slots:
            slot()

    def applicationLogic(self) -> Any:
        return self._logic

    def moduleManager(self) -> Any:
        return self._modules

    def layoutManager(self) -> Any:
        return self._layout

    def topLevelWidgets(self) -> list[Any]:
        return [self._mainWindow]

    def startupEnvironment(self) -> Any:
        """The environment before the application changed it for itself, which here is that of its start."""
        return self._startupEnvironment

    def translate(self, context: str, text: str) -> str:
        return str(QApplication.translate(context, text))

    def processEvents(self) -> None:
        QApplication.processEvents()

    def testingEnabled(self) -> bool:
        return False

    def restart(self) -> None:
        raise RuntimeError("a test restarts nothing")


class ScriptedModule:
    """``slicer.modules.<name>`` of a scripted module, and ``parent`` of its ``ScriptedLoadableModule``.

    Modelled on ``qSlicerScriptedLoadableModule`` of 3D Slicer 5.12: it takes its properties and nothing else.
    """

    def __init__(self, name: str, path: str) -> None:
        self.__dict__.update(name=name, path=path, _representation=None)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _MODULE_PROPERTIES:
            raise AttributeError(f"a module has no property '{name}'")
        self.__dict__[name] = value

    def widgetRepresentation(self) -> Any:
        """The module's widget, made when it is asked for first."""
        if self._representation is None:
            self.__dict__["_representation"] = ModuleWidget(self.name)
        return self._representation


class ModuleWidget(qmrml.qMRMLWidget):
    """The widget that the module panel shows, around the Python object of a module's ``...Widget`` class.

    Modelled on ``qSlicerScriptedLoadableModuleWidget`` of 3D Slicer 5.12: it takes the Python methods when it makes the
    object, makes another one on :meth:`reload`, and publishes it as ``slicer.modules.<name>Widget``.
    """

    _name = ""
    _methods: ClassVar[dict[str, Any]] = {}

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.setLayout(QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)
        self.reload()

    def reload(self) -> None:
        widget = getattr(sys.modules[self._name], f"{self._name}Widget")(self)
        setattr(slicer.modules, f"{self._name}Widget", widget)
        self._methods = {name: getattr(widget, name, None) for name in ("setup", "enter", "exit")}
        self._call("setup")

    def enter(self) -> None:
        """The user chooses the module."""
        self._call("enter")

    def exit(self) -> None:
        """The user chooses another module."""
        self._call("exit")

    def _call(self, name: str) -> None:
        if self._methods[name] is not None:
            self._methods[name]()


class ScriptedLoadableModule:
    """Modelled on ``Base/Python/slicer/ScriptedLoadableModule.py`` of 3D Slicer 5.12."""

    def __init__(self, parent: Any) -> None:
        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title, parent.helpText, parent.acknowledgementText = "", "(from the template)", "(from the template)"
        parent.categories, parent.dependencies, parent.contributors = [], [], ["(from the template)"]
        if not hasattr(slicer, "selfTests"):
            slicer.selfTests = {}
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, name: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / name)

    def runTest(self, msec: int = 100, **options: Any) -> None:
        test = getattr(importlib.import_module(type(self).__module__), f"{self.moduleName}Test")()
        test.messageDelay = msec
        test.runTest(**options)


class ScriptedLoadableModuleWidget:
    """Without a parent it makes one itself, calls ``setup`` and shows it; in developer mode it has buttons to reload.

    Modelled on ``Base/Python/slicer/ScriptedLoadableModule.py`` of 3D Slicer 5.12.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__()  # the application's class passes on to mixins
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = slicer.util.settingsValue("Developer/DeveloperMode", False, converter=slicer.util.toBool)
        self.parent = parent
        if parent is None:
            self.parent = qmrml.qMRMLWidget()
            self.parent.setLayout(QVBoxLayout())
            self.parent.setMRMLScene(slicer.mrmlScene)
        self.layout = self.parent.layout()
        if parent is None:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, name: str) -> str:
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / name)

    def cleanup(self) -> None:
        """The module may say here what is to be done before it goes."""

    def _onModuleAboutToBeUnloaded(self, moduleName: str) -> None:
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def setup(self) -> None:
        if self.developerMode:
            self.reloadCollapsibleButton = ctk.ctkCollapsibleButton()
            self.reloadCollapsibleButton.text = "Reload && Test"
            self.layout.addWidget(self.reloadCollapsibleButton)
            form = qt.QFormLayout(self.reloadCollapsibleButton)
            self.reloadButton = qt.QPushButton("Reload")
            self.reloadButton.connect("clicked()", self.onReload)
            form.addWidget(self.reloadButton)

    def onReload(self) -> None:
        slicer.util.reloadScriptedModule(self.moduleName)

    def onReloadAndTest(self, **options: Any) -> None:
        with slicer.util.tryWithErrorDisplay("Reload and Test failed."):
            self.onReload()
            slicer.selfTests[self.moduleName](**options)


class ScriptedLoadableModuleLogic:
    """Modelled on ``Base/Python/slicer/ScriptedLoadableModule.py`` of 3D Slicer 5.12."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> Any:
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            return slicer.mrmlScene.AddNode(self.createParameterNode())
        node.SetAttribute("ModuleName", self.moduleName)  # it may be lost when a scene is closed
        return node

    def createParameterNode(self) -> Any:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Modelled on ``Base/Python/slicer/ScriptedLoadableModule.py`` of 3D Slicer 5.12, without its delays."""

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
    i18n.install()
    sampledata.install()
    for name in ("qMRMLWidget", "qMRMLNodeComboBox", "qMRMLSegmentSelectorWidget", "qMRMLTableView"):
        setattr(slicer, name, getattr(qmrml, name))
    slicer.qMRMLSegmentEditorWidget = segmenteditor.qMRMLSegmentEditorWidget
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
    """Import a scripted module's file and make its module object, as the application does at start.

    As ``qSlicerScriptedLoadableModuleFactory`` does, it makes the module's folder one that Python imports from.
    """
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    description = ScriptedModule(path.stem, str(path))
    setattr(slicer.modules, path.stem.lower(), description)
    getattr(module, path.stem)(description)
    return module


def openPanel(module: Any) -> Any:
    """The module's widget object, made as selecting the module does."""
    name = module.__name__
    getattr(slicer.modules, name.lower()).widgetRepresentation().enter()
    return getattr(slicer.modules, f"{name}Widget")


def unload(module: Any) -> None:
    """Let a module go, as the application does when it ends."""
    slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(module.__name__)
