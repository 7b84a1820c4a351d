"""Stand-ins for the qMRML widgets, over real MRML nodes.

They follow the parts of the C++ widgets' behaviour that a panel can trip over; each class says which.
"""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
import vtk
from PySide6 import QtWidgets
from PySide6.QtCore import Property, QSortFilterProxyModel, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from shiboken6 import isValid

from harness.pythonqt import asPythonQt


@asPythonQt
class qMRMLWidget(QtWidgets.QWidget):
    """Passes its scene on only to the widgets that the ``.ui`` file connects."""

    SIGNALS: ClassVar[dict[str, str]] = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}
    mrmlSceneChanged = Signal(object)
    _scene = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)


def _flag(attribute: str) -> Property:
    def get(self: Any) -> bool:
        return bool(getattr(self, attribute))

    def set_(self: Any, value: bool) -> None:
        setattr(self, attribute, bool(value))
        self._refresh()

    return Property(bool, get, set_)


@asPythonQt
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Disabled until it has a scene. Without ``noneEnabled`` it selects the first node by itself. When the current
    node is removed, the row before it becomes current, be it another node, as in a QComboBox."""

    SIGNALS: ClassVar[dict[str, str]] = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
    }
    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    _scene = _tags = _combo = None
    _last = ""
    _filling = False
    _types: tuple[str, ...] = ()
    _none = _rename = _hidden = _edit = False
    _add = _remove = _children = _selectNew = True

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._combo = QtWidgets.QComboBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self._combo.currentIndexChanged.connect(lambda _index: self._emitIfChanged())
        self.setEnabled(False)

    noneEnabled, addEnabled, removeEnabled = _flag("_none"), _flag("_add"), _flag("_remove")
    renameEnabled, editEnabled, showHidden = _flag("_rename"), _flag("_edit"), _flag("_hidden")
    showChildNodeTypes, selectNodeUponCreation = _flag("_children"), _flag("_selectNew")

    def _getTypes(self) -> list[str]:
        return list(self._types)

    def _setTypes(self, types: list[str]) -> None:
        unknown = [name for name in types if not hasattr(slicer, name)]
        if unknown:
            raise ValueError(f"qMRMLNodeComboBox: unknown node types {unknown}")
        self._types = tuple(types)
        self._refresh()

    nodeTypes = Property("QStringList", _getTypes, _setTypes)

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        for tag in self._tags or ():
            self._scene.RemoveObserver(tag)
        self._scene = scene
        events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent)
        self._tags = [scene.AddObserver(event, self._onScene) for event in events]
        self.setEnabled(True)
        self._refresh()

    def _onScene(self, *_arguments: Any) -> None:
        if isValid(self):
            self._refresh()
        else:  # Qt has deleted the widget; the real one stops observing then
            for tag in self._tags:
                self._scene.RemoveObserver(tag)

    def _shows(self, node: Any) -> bool:
        ofType = any(node.GetClassName() == t or (self._children and node.IsA(t)) for t in self._types)
        return ofType and (self._hidden or not node.GetHideFromEditors())

    def _refresh(self) -> None:
        if self._scene is None or self._filling:
            return
        self._filling = True
        row, current = self._combo.currentIndex(), self._currentId()
        self._combo.clear()
        if self._none:
            self._combo.addItem("None", "")
        for index in range(self._scene.GetNumberOfNodes()):
            node = self._scene.GetNthNode(index)
            if self._shows(node):
                self._combo.addItem(node.GetName() or node.GetID(), node.GetID())
        found = self._combo.findData(current) if current else -1
        self._combo.setCurrentIndex(found if found >= 0 else max(row - 1 if current else 0, 0))
        self._filling = False
        self._emitIfChanged()

    def _emitIfChanged(self) -> None:
        if not self._filling and self._currentId() != self._last:
            self._last = self._currentId()
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(self._last)

    def _currentId(self) -> str:
        return self._combo.currentData() or ""

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._currentId()) if self._currentId() else None

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, nodeId: str) -> None:
        self._combo.setCurrentIndex(self._combo.findData(nodeId))


@asPythonQt
class qMRMLSegmentSelectorWidget(QtWidgets.QWidget):
    """Selects the first segment again whenever segments are added or removed, and keeps returning the last segment's
    ID after its segmentation has gone."""

    SIGNALS: ClassVar[dict[str, str]] = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentSegmentChanged(QString)": "currentSegmentChanged",
    }
    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)
    _nodes = _segments = _segmentation = None
    _tags: tuple[int, ...] = ()
    _segmentId = ""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._nodes = qMRMLNodeComboBox()
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = False
        self._segments = QtWidgets.QComboBox()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._nodes)
        row = QtWidgets.QHBoxLayout()
        row.addWidget(QtWidgets.QLabel("Segment:"))
        row.addWidget(self._segments, 1)
        layout.addLayout(row)
        self._nodes.connect("currentNodeChanged(vtkMRMLNode*)", self._onNode)
        self._segments.currentIndexChanged.connect(lambda index: self._onSegment(index))

    def _getNone(self) -> bool:
        return bool(self._nodes.noneEnabled)

    def _setNone(self, enabled: bool) -> None:
        self._nodes.noneEnabled = enabled

    noneEnabled = Property(bool, _getNone, _setNone)

    def setMRMLScene(self, scene: Any) -> None:
        self._nodes.setMRMLScene(scene)

    def _onNode(self, node: Any) -> None:
        for tag in self._tags:
            self._segmentation.RemoveObserver(tag)
        self._segmentation = node.GetSegmentation() if node is not None else None
        events = (slicer.vtkSegmentation.SegmentAdded, slicer.vtkSegmentation.SegmentRemoved)
        self._tags = tuple(self._segmentation.AddObserver(e, self._fill) for e in events) if node is not None else ()
        self._fill()
        self.currentNodeChanged.emit(node)

    def _fill(self, *_arguments: Any) -> None:
        self._segments.blockSignals(True)
        self._segments.clear()
        count = self._segmentation.GetNumberOfSegments() if self._segmentation is not None else 0
        if count:
            if self.noneEnabled:
                self._segments.addItem("None")
            for index in range(count):
                segment = self._segmentation.GetNthSegment(index)
                self._segments.addItem(segment.GetName(), self._segmentation.GetNthSegmentID(index))
            self._segments.setCurrentIndex(-1)
        self._segments.blockSignals(False)
        if count:
            self._segments.setCurrentIndex(1 if self.noneEnabled else 0)

    def _onSegment(self, index: int) -> None:
        if self._segmentation is not None:
            self._segmentId = self._segments.itemData(index) or ""
            self.currentSegmentChanged.emit(self._segmentId)

    def currentNode(self) -> Any:
        return self._nodes.currentNode()

    def setCurrentNode(self, node: Any) -> None:
        self._nodes.setCurrentNode(node)

    def currentSegmentID(self) -> str:
        return self._segmentId

    def setCurrentSegmentID(self, segmentId: str) -> None:
        index = self._segments.findData(segmentId)
        if index >= 0:
            self._segments.setCurrentIndex(index)


@asPythonQt
class qMRMLTableView(QtWidgets.QTableView):
    """Shows a table node; a view that is given a scene but no view node forgets its table, so it is given none."""

    _table = _model = None
    _tag = 0

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._model = QStandardItemModel(self)
        proxy = QSortFilterProxyModel(self)
        proxy.setSourceModel(self._model)
        self.setModel(proxy)

    def mrmlTableNode(self) -> Any:
        return self._table

    def setMRMLTableNode(self, node: Any) -> None:
        if self._table is not None:
            self._table.RemoveObserver(self._tag)
        self._table = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._update)
        self._update()
        self.resizeColumnsToContents()

    def _update(self, *_arguments: Any) -> None:
        self._model.clear()
        if self._table is None:
            return
        columns = range(self._table.GetNumberOfColumns())
        for row in range(self._table.GetNumberOfRows()):
            self._model.appendRow([QStandardItem(self._table.GetCellText(row, column)) for column in columns])
        if self._table.GetUseColumnTitleAsColumnHeader():
            self._model.setHorizontalHeaderLabels(
                [self._table.GetColumnTitle(self._table.GetColumnName(column)) for column in columns]
            )
