"""Stand-in for the Segment Editor's widget, over ``vtkSlicerSegmentEditorLogic`` and ``vtkSegmentationHistory``.

Buttons, shortcuts and the end of an effect are written here; effects do nothing: a test changes voxels as they do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import slicer
import slicer.util
import vtk
from PySide6 import QtWidgets
from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from shiboken6 import isValid

from harness import qt
from harness.pythonqt import asPythonQt

EFFECTS = (
    *("Threshold", "Paint", "Draw", "Erase", "Level tracing", "Grow from seeds", "Fill between slices", "Margin"),
    *("Hollow", "Smoothing", "Scissors", "Islands", "Logical operators", "Mask volume"),
)
"""The effects that 3D Slicer 5.12 registers, in its order."""

_SCRIPTED = {*EFFECTS} - {"Paint", "Erase", "Scissors"}
"""Effects in Python: they do not end when something is placed in a view, as those in C++ do."""


class Effect:
    """An effect's name, as far as a panel asks."""

    def __init__(self, name: str) -> None:
        self.name = name


def _buttonFlag(attribute: str) -> Property:
    def get(self: Any) -> bool:
        return bool(getattr(self, attribute))

    def set_(self: Any, value: bool) -> None:
        setattr(self, attribute, bool(value))
        self._showRows()

    return Property(bool, get, set_)


@asPythonQt
class qMRMLSegmentEditorWidget(QtWidgets.QWidget):
    """Segments, effects, undo and redo of one segmentation.

    Choosing a segmentation chooses the volume that it was drawn on and its first segment, begins a history of its own
    and ends the active effect. Activating an effect ends placing; placing ends an effect that is written in C++. The
    state of a segmentation is saved before a change by whoever changes it; the history of another is forgotten.

    Modelled on ``Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.cxx`` of 3D Slicer 5.12, which is the
    same in 5.10 as far as a panel sees.
    """

    SIGNALS: ClassVar[dict[str, str]] = {
        "currentSegmentIDChanged(QString)": "currentSegmentIDChanged",
        "segmentationNodeChanged(vtkMRMLSegmentationNode*)": "segmentationNodeChanged",
        "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)": "sourceVolumeNodeChanged",
    }
    currentSegmentIDChanged = Signal(str)
    segmentationNodeChanged = Signal(object)
    sourceVolumeNodeChanged = Signal(object)
    _scene = _node = _interaction = _logic = _history = None
    _effects: ClassVar[dict[str, Effect]] = {name: Effect(name) for name in EFFECTS}
    _order: tuple[str, ...] = ()
    _active = _last = _segmentation = _volume = None
    _unordered = _segmentationRow = _volumeRow = _switchButton = _autoShow = True
    _readOnly = _jump = _updating = False
    _segmentId = ""
    _table = _effectRow = _selectors = None
    _buttons: ClassVar[dict[str, Any]] = {}
    _nodeTags: tuple[Any, ...] = ()
    _segmentTags: tuple[Any, ...] = ()
    _shortcuts: ClassVar[list[Any]] = []

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._logic, self._history = slicer.vtkSlicerSegmentEditorLogic(), slicer.vtkSegmentationHistory()
        self._logic.SetSegmentationHistory(self._history)
        self._history.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onHistory)
        self._shortcuts, self._buttons = [], {}
        self._layOut()

    def _layOut(self) -> None:
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._selectors = {name: QtWidgets.QLabel(f"{name}:") for name in ("Segmentation", "Source volume")}
        for label in self._selectors.values():
            layout.addWidget(label)
        self._table = QtWidgets.QListWidget()
        self._table.setFixedHeight(70)
        self._table.currentRowChanged.connect(lambda row: self._onRow(row))
        layout.addWidget(self._table)
        self._effectRow = QtWidgets.QGridLayout()
        layout.addLayout(self._effectRow)
        row = QtWidgets.QHBoxLayout()
        for name, slot in (("Undo", self.undo), ("Redo", self.redo)):
            button = self._buttons[name] = _namedButton(f"{name}Button", name)
            button.setEnabled(False)
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
            row.addWidget(button)
        layout.addLayout(row)
        self._showEffects()

    # Scene and nodes

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        self._scene = scene
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMRMLScene(scene)
        if scene is not None:
            self._interaction = slicer.app.applicationLogic().GetInteractionNode()
            self._interaction.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onInteraction)
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        if node is self._node:
            return
        for caller, tag in self._nodeTags:
            caller.RemoveObserver(tag)
        self._node, self._nodeTags = node, ()
        self._logic.SetSegmentEditorNode(node)
        if node is not None:
            event = vtk.vtkCommand.ModifiedEvent
            self._nodeTags = ((node, node.AddObserver(event, lambda *_: self.updateWidgetFromMRML())),)
            self.updateWidgetFromMRML()

    def segmentationNode(self) -> Any:
        return self._node.GetSegmentationNode() if self._node is not None else None

    def setSegmentationNode(self, node: Any) -> None:
        if node is self.segmentationNode():
            return
        if self._node is None:
            _critical("setSegmentationNode", "need to set segment editor node first")
            return
        self._node.SetAndObserveSegmentationNode(node)
        self.setActiveEffect(None)

    def segmentationNodeID(self) -> str:
        node = self.segmentationNode()
        return node.GetID() if node is not None else ""

    def sourceVolumeNode(self) -> Any:
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def setSourceVolumeNode(self, node: Any) -> None:
        if self._node is None or self._node.GetSegmentationNode() is None:
            if node is not None:
                _critical("setSourceVolumeNode", "need to set segment editor and segmentation nodes first")
            return
        self._node.SetAndObserveSourceVolumeNode(node)

    def currentSegmentID(self) -> str:
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def setCurrentSegmentID(self, segmentId: str) -> None:
        if self._node is not None:
            self._node.SetSelectedSegmentID(segmentId)

    def updateWidgetFromMRML(self) -> None:
        if self._node is None or self._scene is None or self._updating or not isValid(self):
            return
        self._updating = True
        try:
            self._followSegmentation()
            self._followVolume()
            self._showSegments()
            self._followEffect()
        finally:
            self._updating = False
        self._onHistory()

    def _followSegmentation(self) -> None:
        node = self._node.GetSegmentationNode()
        if node is self._segmentation:
            return
        for caller, tag in self._segmentTags:
            caller.RemoveObserver(tag)
        self._segmentation, self._segmentTags = node, ()
        self._history.SetSegmentation(node.GetSegmentation() if node is not None else None)
        if node is not None:
            kind = slicer.vtkSegmentation
            events = (kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified)
            self._segmentTags = tuple((node, node.AddObserver(event, self._onSegments)) for event in events)
            reference = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
            self._node.SetAndObserveSourceVolumeNode(reference)
            node.CreateDefaultDisplayNodes()
            if node.GetSegmentation().GetNumberOfSegments():
                self._node.SetSelectedSegmentID(node.GetSegmentation().GetNthSegmentID(0))
        self.segmentationNodeChanged.emit(node)

    def _followVolume(self) -> None:
        volume = self._node.GetSourceVolumeNode()
        if volume is self._volume:
            return
        self._volume = volume
        if volume is not None and self._autoShow:
            slicer.util.setSliceViewerLayers(background=volume)
        self.sourceVolumeNodeChanged.emit(volume)

    def _onSegments(self, *_arguments: Any) -> None:
        if isValid(self):
            self._showSegments()

    def _showSegments(self) -> None:
        blocked = self._table.blockSignals(True)
        self._table.clear()
        ids = list(self._segmentation.GetSegmentation().GetSegmentIDs()) if self._segmentation is not None else []
        for segmentId in ids:
            self._table.addItem(self._segmentation.GetSegmentation().GetSegment(segmentId).GetName())
        current = self.currentSegmentID()
        self._table.setCurrentRow(ids.index(current) if current in ids else -1)
        self._table.blockSignals(blocked)
        if current != self._segmentId:
            self._segmentId = current
            self.currentSegmentIDChanged.emit(current)

    def _onRow(self, row: int) -> None:
        """The user chooses a segment in the table."""
        if row >= 0:
            self.setCurrentSegmentID(self._segmentation.GetSegmentation().GetNthSegmentID(row))

    # Effects

    def effectByName(self, name: str) -> Effect | None:
        return self._effects.get(name)

    def availableEffectNames(self) -> list[str]:
        return list(EFFECTS)

    def effectNameOrder(self) -> list[str]:
        return list(self._order)

    def setEffectNameOrder(self, names: list[str]) -> None:
        self._order = tuple(names)
        self._showEffects()

    def displayedEffects(self) -> list[str]:
        """For tests: the effects that have a button, in their order."""
        ordered = [name for name in self._order if name in EFFECTS]
        return ordered + ([name for name in EFFECTS if name not in ordered] if self._unordered else [])

    def _showEffects(self) -> None:
        while self._effectRow.count():
            button = self._effectRow.takeAt(0).widget()
            button.hide()  # Qt deletes it later, and tests have no loop in which it does
            button.deleteLater()
        for position, name in enumerate(self.displayedEffects()):
            button = _namedButton(name, name)
            button.setCheckable(True)
            button.clicked.connect(lambda _checked=False, name=name: self.setActiveEffectByName(name))
            self._buttons[name] = button
            self._effectRow.addWidget(button, *divmod(position, 3))

    def activeEffect(self) -> Effect | None:
        return self._active

    def setActiveEffectByName(self, name: str) -> None:
        self.setActiveEffect(self.effectByName(name))

    def setActiveEffect(self, effect: Effect | None) -> None:
        if self._node is None:
            if effect is not None:
                _critical("setActiveEffect", "Invalid segment editor parameter set node")
            return
        self._node.SetActiveEffectName(effect.name if effect is not None else "")

    def _followEffect(self) -> None:
        effect = self.effectByName(self._node.GetActiveEffectName() or "")
        if effect is self._active:
            return
        self._last, self._active = self._active, effect
        for name in self.displayedEffects():
            self._buttons[name].setChecked(effect is not None and name == effect.name)
        if effect is not None and self._interaction.GetCurrentInteractionMode() != self._interaction.ViewTransform:
            self._interaction.SetCurrentInteractionMode(self._interaction.ViewTransform)

    def _onInteraction(self, *_arguments: Any) -> None:
        # The real one stops observing when it is deleted.
        placing = isValid(self) and self._interaction.GetCurrentInteractionMode() != self._interaction.ViewTransform
        if placing and self._active is not None and self._active.name not in _SCRIPTED:
            self.setActiveEffect(None)

    # Undo

    def saveStateForUndo(self) -> None:
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        self._logic.Undo()

    def redo(self) -> None:
        self._logic.Redo()

    def _onHistory(self, *_arguments: Any) -> None:
        if isValid(self):
            self._buttons["Undo"].setEnabled(not self._readOnly and self._logic.CanUndo())
            self._buttons["Redo"].setEnabled(not self._readOnly and self._logic.CanRedo())

    # Views and keys

    def setupViewObservations(self) -> None:
        """The views' events go to the active effect; the effects here take none."""

    def removeViewObservations(self) -> None:
        """They go to it no more."""

    def installKeyboardShortcuts(self, parent: Any = None) -> None:
        self.uninstallKeyboardShortcuts()
        parent = parent or slicer.util.mainWindow()
        for number in range(1, 11):
            for prefix, index in (("", number), ("Shift+", number + 10)):
                self._addShortcut(f"{prefix}{number % 10}", parent, lambda index=index: self._toggle(index))
        self._addShortcut("Esc", parent, lambda: self.setActiveEffect(None))
        self._addShortcut("Space", parent, lambda: self.setActiveEffect(self._last))
        for key in ("Z", QKeySequence.StandardKey.Undo):
            self._addShortcut(key, parent, self.undo)
        for key in ("Y", QKeySequence.StandardKey.Redo):
            self._addShortcut(key, parent, self.redo)
        for before, after in (("Q", "W"), ("/", "*"), (",", "."), (">", "<")):
            self._addShortcut(before, parent, lambda: self._moveSegment(-1))
            self._addShortcut(after, parent, lambda: self._moveSegment(1))
        self._addShortcut("I", parent, self._logic.ToggleSourceVolumeIntensityMask)

    def uninstallKeyboardShortcuts(self) -> None:
        for shortcut in self._shortcuts:
            if isValid(shortcut):
                shortcut.setParent(None)
                shortcut.deleteLater()
        self._shortcuts = []

    def shortcutKeys(self) -> list[str]:
        """For tests: the keys that are taken now."""
        return [shortcut.key().toString() for shortcut in self._shortcuts]

    def _addShortcut(self, key: Any, parent: Any, slot: Callable[[], None]) -> None:
        shortcut = QShortcut(QKeySequence(key), parent)
        shortcut.activated.connect(lambda: slot())  # PySide cannot connect a method of a class that a .ui file makes
        self._shortcuts.append(shortcut)

    def _toggle(self, index: int) -> None:
        names = self.displayedEffects()
        effect = self.effectByName(names[index - 1]) if index <= len(names) else None
        self.setActiveEffect(None if effect is self._active else effect)

    def _moveSegment(self, offset: int) -> None:
        self._logic.SelectSegmentAtOffset(offset, False)

    # Properties

    def _showRows(self) -> None:
        self._selectors["Segmentation"].setVisible(self._segmentationRow)
        self._selectors["Source volume"].setVisible(self._volumeRow)
        self._showEffects()
        self._onHistory()

    segmentationNodeSelectorVisible = _buttonFlag("_segmentationRow")
    sourceVolumeNodeSelectorVisible = _buttonFlag("_volumeRow")
    switchToSegmentationsButtonVisible = _buttonFlag("_switchButton")
    autoShowSourceVolumeNode = _buttonFlag("_autoShow")
    unorderedEffectsVisible = _buttonFlag("_unordered")
    readOnly = _buttonFlag("_readOnly")
    jumpToSelectedSegmentEnabled = _buttonFlag("_jump")

    def _getMost(self) -> int:
        return int(self._history.GetMaximumNumberOfStates())

    def _setMost(self, count: int) -> None:
        self._history.SetMaximumNumberOfStates(count)

    maximumNumberOfUndoStates = Property(int, _getMost, _setMost)


def _namedButton(name: str, text: str) -> Any:
    button = qt.QToolButton()
    button.setObjectName(name)
    button.setText(text)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def _critical(method: str, message: str) -> None:
    """What the widget writes into the application's error log, which a test must not fill."""
    raise AssertionError(f"qMRMLSegmentEditorWidget::{method} failed: {message}")
