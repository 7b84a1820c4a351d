"""Stand-in for PythonQt's ``qt`` module: the classes the panel and ``slicer.util`` use, and no others.

Modelled on the ``qt`` module of 3D Slicer 5.12, on Qt 5.15; the classes are those of Qt 6, by PySide6.
"""

from __future__ import annotations

import functools
import weakref
import xml.etree.ElementTree as ElementTree
from typing import Any, ClassVar

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets
from PySide6.QtCore import QDir, Qt, QUrl
from PySide6.QtGui import QCursor, QDesktopServices, QIcon, QPalette, QPixmap
from shiboken6 import isValid

from harness import pythonqt
from harness.pythonqt import asPythonQt

__all__ = ["QCursor", "QDesktopServices", "QDir", "QIcon", "QPalette", "QPixmap", "QUrl", "Qt"]


def _widget(name: str) -> type:
    return asPythonQt(type(name, (getattr(QtWidgets, name),), {"__module__": "qt"}))


QWidget = _widget("QWidget")
QFrame = _widget("QFrame")
QLabel = _widget("QLabel")
QPushButton = _widget("QPushButton")
QToolButton = _widget("QToolButton")
QCheckBox = _widget("QCheckBox")
QComboBox = _widget("QComboBox")
QLineEdit = _widget("QLineEdit")
QListWidget = _widget("QListWidget")
QPlainTextEdit = _widget("QPlainTextEdit")
QProgressBar = _widget("QProgressBar")
QSlider = _widget("QSlider")
QSpinBox = _widget("QSpinBox")
QTableView = _widget("QTableView")
QTableWidget = _widget("QTableWidget")


class QHeaderView:
    """With PythonQt's unscoped modes."""

    Stretch = QtWidgets.QHeaderView.ResizeMode.Stretch


# Items are no objects of Qt, so their methods are those of PythonQt.
QTableWidgetItem = QtWidgets.QTableWidgetItem

# Layouts have no attributes worth imitating; their methods are those of PythonQt.
QVBoxLayout = QtWidgets.QVBoxLayout
QHBoxLayout = QtWidgets.QHBoxLayout
QFormLayout = QtWidgets.QFormLayout
QGridLayout = QtWidgets.QGridLayout


@asPythonQt
class QTimer(QtCore.QTimer):
    """``timeout()`` fires while a test runs the event loop.

    Qt holds the slot, the slot its panel, and the panel this timer, so a panel that nobody uses would stay for ever:
    :func:`releaseTimers` is called when a test is over.
    """

    _all: ClassVar[weakref.WeakSet[QtCore.QTimer]] = weakref.WeakSet()

    def __init__(self) -> None:
        super().__init__()
        QTimer._all.add(self)


def releaseTimers() -> None:
    """Stop every timer that was made and let go of its slots; whoever still has it may stop it again."""
    for timer in list(QTimer._all):
        if isValid(timer):
            timer.stop()
            for _signature, _slot, wrapper in timer.__dict__.pop("_connections", []):
                timer.timeout.disconnect(wrapper)


@asPythonQt
class QShortcut(QtGui.QShortcut):
    """A key of a window; ``activated()`` fires when it is pressed there."""


class QKeySequence(QtGui.QKeySequence):
    """A key by its name, as in ``"Ctrl+Return"``."""


class QEventLoop(QtCore.QEventLoop):
    """A loop that a test runs until it is told to quit. PythonQt names its method as Qt 4 did for Python."""

    def exec_(self) -> int:
        return int(self.exec())


class QFile(QtCore.QFile):
    """With PythonQt's unscoped open modes."""

    ReadOnly = QtCore.QIODevice.OpenModeFlag.ReadOnly


class QSettings(QtCore.QSettings):
    """The application's settings, in a file that the harness points at a temporary folder."""

    path = ""

    def __init__(self) -> None:
        if not QSettings.path:
            raise RuntimeError("the harness has not set QSettings.path")
        super().__init__(QSettings.path, QtCore.QSettings.Format.IniFormat)


class QTextCursor(QtGui.QTextCursor):
    """With PythonQt's unscoped ways to move."""

    End = QtGui.QTextCursor.MoveOperation.End


class QFileDialog:
    """The static functions that ask for a file or a folder; one takes the next of the test's answers, empty for none.

    Modelled on ``QFileDialog`` of Qt 5.15 as PythonQt presents it: a path comes back, and nothing else.
    """

    answers: ClassVar[list[str]] = []

    @staticmethod
    def getExistingDirectory(parent: Any, caption: str, folder: str) -> str:
        return QFileDialog._answer(caption)

    @staticmethod
    def getOpenFileName(parent: Any, caption: str, path: str) -> str:
        return QFileDialog._answer(caption)

    @staticmethod
    def _answer(caption: str) -> str:
        if not QFileDialog.answers:
            raise AssertionError(f"a dialog was shown that the test did not expect: {caption}")
        return QFileDialog.answers.pop(0)


class QMessageBox(QtWidgets.QMessageBox):
    """Only the constants; a dialog is a :class:`harness.ctk.ctkMessageBox`, which never blocks a test."""

    def __init__(self) -> None:
        raise RuntimeError("qt.QMessageBox would block; use slicer.util's displays")


class QApplication:
    """The running application's static functions that the panel and ``slicer.util`` use."""

    mouseButtons = staticmethod(QtGui.QGuiApplication.mouseButtons)
    overrideCursor = staticmethod(QtGui.QGuiApplication.overrideCursor)
    restoreOverrideCursor = staticmethod(QtGui.QGuiApplication.restoreOverrideCursor)
    setOverrideCursor = staticmethod(QtGui.QGuiApplication.setOverrideCursor)


@functools.cache
def _standIn(className: str) -> type | None:
    from harness import ctk, qmrml, segmenteditor

    sources = (globals(), vars(ctk), vars(qmrml), vars(segmenteditor))
    return next((source[className] for source in sources if className in source), None)


@functools.cache
def _parts(text: bytes) -> tuple[bytes, ElementTree.Element]:
    """A ``.ui`` file without its connections, and these; the panel's files are read once for all tests."""
    document = ElementTree.fromstring(text)
    connections = document.find("connections")
    document.remove(connections)
    return ElementTree.tostring(document), connections


class _Loader(QtUiTools.QUiLoader):
    """Qt's loader, which takes longer to make than to load a file, so there is one; it makes stand-ins only."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[Any] = []
        self.errors: list[str] = []

    def createWidget(self, className: str, parent: Any = None, name: str = "") -> Any:
        cls = _standIn(className)
        if cls is None:
            self.errors.append(f"widget class '{className}' of '{name}' has no stand-in")
            return super().createWidget("QWidget", parent, name)
        widget = cls(parent)
        widget.setObjectName(name)
        self.created.append(widget)
        return widget


_loader = functools.cache(_Loader)


class QUiLoader:
    """Loads a ``.ui`` file with stand-ins only; what they do not have raises.

    Connections in the file are made by this class, because Qt cannot make them between Python stand-ins.
    """

    def load(self, file: QFile) -> Any:
        document, connections = _parts(bytes(file.readAll().data()))
        buffer = QtCore.QBuffer()
        buffer.setData(document)
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        loader = _loader()
        created, errors = loader.created, loader.errors = [], []
        pythonqt.loadingUi = True
        try:
            root = loader.load(buffer)
        finally:
            pythonqt.loadingUi = False
            loader.created, loader.errors = [], []
        for widget in created:
            for name in widget.dynamicPropertyNames():
                if not bytes(name.data()).startswith(b"_"):
                    errors.append(f"{type(widget).__name__} '{widget.name}' has no property {name.data()!r}")
        byName = {widget.name: widget for widget in created}
        errors += filter(None, (_connect(connection, byName) for connection in connections))
        if errors:
            raise RuntimeError("; ".join(errors))
        root.__dict__["_created"] = created  # Python would collect the stand-ins that only Qt refers to
        return root


def _connect(connection: ElementTree.Element, byName: dict[str, Any]) -> str | None:
    """Make one connection of a file; why not, where it cannot be made."""
    sender, signal, receiver, slot = (connection.findtext(key, "") for key in ("sender", "signal", "receiver", "slot"))
    if sender not in byName or receiver not in byName:
        return f"connection of unknown widgets '{sender}' and '{receiver}'"
    method = getattr(byName[receiver], slot.split("(")[0], None)
    if method is None:
        return f"'{receiver}' has no slot '{slot}'"
    byName[sender].connect(signal, method)
    return None
