"""Stand-ins for the qMRML widgets, over real MRML nodes.

Each class names the widget of 3D Slicer that it is modelled on, and where its behaviour was read. What a panel does not
need of a widget is not there, so that asking for it raises.
"""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
import vtk
from PySide6 import QtWidgets
from PySide6.QtCore import Property, QModelIndex, QSortFilterProxyModel, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from shiboken6 import isValid

from harness.pythonqt import asPythonQt
from harness.scenemodel import UID, NodeFilter, SceneModel


@asPythonQt
class qMRMLWidget(QtWidgets.QWidget):
    """Passes its scene on only to the widgets that the ``.ui`` file connects, and only when it is another one.

    Modelled on ``Libs/MRML/Widgets/qMRMLWidget.cxx`` of 3D Slicer 5.12.
    """

    SIGNALS: ClassVar[dict[str, str]] = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}
    mrmlSceneChanged = Signal(object)
    _scene = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        _checkAlive(self)
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


def _checkAlive(widget: Any) -> None:
    """Raise what PythonQt raises when a widget that Qt has deleted is asked for something."""
    if not isValid(widget):
        raise ValueError(f"a {type(widget).__name__} that Qt has deleted is called")


def _flag(attribute: str) -> Property:
    def get(self: Any) -> bool:
        return bool(getattr(self, attribute))

    def set_(self: Any, value: bool) -> None:
        setattr(self, attribute, bool(value))
        self._showItems()

    return Property(bool, get, set_)


def _filterFlag(name: str) -> Property:
    def get(self: Any) -> bool:
        return bool(getattr(self._filter, name))

    def set_(self: Any, value: bool) -> None:
        setattr(self._filter, name, bool(value))
        self._filter.invalidate()

    return Property(bool, get, set_)


@asPythonQt
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A combo box over the scene's nodes of some types.

    Disabled until it has a scene. When the current node goes, Qt's combo box moves on to a neighbour. The signals come
    when the current row changes, and also when the current node is renamed. After a scene was imported or closed the
    nodes are listed anew, and the current one is lost.

    Modelled on ``Libs/MRML/Widgets/qMRMLNodeComboBox.cxx`` of 3D Slicer 5.12, on Qt 5.15.
    """

    SIGNALS: ClassVar[dict[str, str]] = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "currentNodeValid",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
    }
    currentNodeChanged = Signal(object)
    currentNodeValid = Signal(bool)
    currentNodeIDChanged = Signal(str)
    _model = _filter = _combo = None
    _none = _rename = _edit = False
    _add = _remove = _selectNew = True
    _switching = False
    _requested = ""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._model = SceneModel(self)
        self._filter = NodeFilter(self)
        self._filter.setSourceModel(self._model)
        self._combo = QtWidgets.QComboBox(self)
        self._combo.setModel(self._filter)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        # PySide cannot connect a bound method of a class that a .ui file makes; it can connect a function. The source
        # model's signals come to it after the combo box has followed the filter's, which is the order in C++.
        for signal in (self._model.rowsRemoved, self._model.dataChanged, self._filter.layoutChanged):
            signal.connect(lambda *_arguments: self._refreshIfHidden())
        self._filter.dataChanged.connect(lambda first, last, _roles: self._onData(first, last))
        self._combo.currentIndexChanged.connect(lambda _row: self._emitCurrentNode())
        self.setEnabled(False)

    noneEnabled, addEnabled, removeEnabled = _flag("_none"), _flag("_add"), _flag("_remove")
    renameEnabled, editEnabled, selectNodeUponCreation = _flag("_rename"), _flag("_edit"), _flag("_selectNew")
    showHidden, showChildNodeTypes = _filterFlag("showHidden"), _filterFlag("showChildNodeTypes")

    def _getTypes(self) -> list[str]:
        return list(self._filter.nodeTypes)

    def _setTypes(self, types: list[str]) -> None:
        unknown = [name for name in types if not hasattr(slicer, name)]
        if unknown:
            raise ValueError(f"qMRMLNodeComboBox: unknown node types {unknown}")
        self._filter.nodeTypes = tuple(types)
        self._filter.invalidate()

    nodeTypes = Property("QStringList", _getTypes, _setTypes)

    def mrmlScene(self) -> Any:
        return self._model.mrmlScene()

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self.mrmlScene():
            return
        before, hadNodes = self._currentId(), self.nodeCount() > 0
        self._switching = True
        self._model.setMRMLScene(scene)
        self._switching = False
        self._showItems()
        self._combo.setRootModelIndex(self._filter.index(0, 0))
        self.setCurrentNodeID(before if hadNodes else self._requested or self.currentNodeID())
        self._requested = ""
        self.setEnabled(scene is not None)

    def sortFilterProxyModel(self) -> NodeFilter:
        return self._filter

    def nodeCount(self) -> int:
        return self._combo.count() - self._model.extraItems if self.mrmlScene() is not None else 0

    def _showItems(self) -> None:
        """List *None* and the actions."""
        self._model.setItemsBefore(["None"] if self._none else [])
        actions = [self._rename, self._edit, self._add, self._remove]
        texts = ["Rename current", "Edit current", "Create new", "Delete current"]
        actionTexts = [text for text, on in zip(texts, actions, strict=True) if on]
        current = self._combo.currentIndex()
        self._model.setItemsAfter(["separator", *actionTexts] if actionTexts else [])
        self._combo.setCurrentIndex(current)

    def _refreshIfHidden(self) -> None:
        if self.currentNode() is None:
            self.setCurrentNode(None)

    def _onData(self, first: QModelIndex, last: QModelIndex) -> None:
        inside = first.parent() == self._combo.rootModelIndex()
        if inside and first.row() <= self._combo.currentIndex() <= last.row():
            self._emitCurrentNode()

    def _emitCurrentNode(self) -> None:
        if self._switching or not isValid(self):
            return
        node, row = self.currentNode(), self._combo.currentIndex()
        if node is None and row != (0 if self._none else -1):
            last = self._combo.itemData(self.nodeCount() - 1 + (1 if self._none else 0), UID)
            if last:
                self.setCurrentNodeID(last)
            return
        self.currentNodeChanged.emit(node)
        self.currentNodeValid.emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def _currentId(self) -> str:
        return self._combo.itemData(self._combo.currentIndex(), UID) or ""

    def currentNode(self) -> Any:
        scene, nodeId = self.mrmlScene(), self._currentId()
        return scene.GetNodeByID(nodeId) if scene is not None and nodeId else None

    def currentNodeID(self) -> str:
        node = self.currentNode()
        return node.GetID() if node is not None else ""

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, nodeId: str) -> None:
        if self.mrmlScene() is None:
            self._requested = nodeId
        row = self._combo.findData(nodeId, UID) if nodeId else -1
        self._combo.setCurrentIndex(row if row >= 0 else (0 if self._none else -1))


@asPythonQt
class qMRMLSegmentSelectorWidget(QtWidgets.QWidget):
    """A segmentation and one segment of it.

    With ``noneEnabled`` and no segment chosen it stays at *None* when a segmentation is chosen or segments are added.
    A chosen segment stays chosen as long as its segmentation has one with its ID; otherwise the first takes its place,
    and ``currentSegmentChanged`` comes before ``currentNodeChanged``. What stays chosen is restored without a signal.
    The ID of the last segment is kept when its segmentation is no longer chosen, or has no segments.

    Modelled on ``Modules/Loadable/Segmentations/Widgets/qMRMLSegmentSelectorWidget.cxx`` of 3D Slicer 5.8 to 5.12.
    """

    SIGNALS: ClassVar[dict[str, str]] = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "currentNodeValid",
        "currentSegmentChanged(QString)": "currentSegmentChanged",
    }
    currentNodeChanged = Signal(object)
    currentNodeValid = Signal(bool)
    currentSegmentChanged = Signal(str)
    _nodes = _segments = _segmentation = None
    _tags: tuple[int, ...] = ()
    _segmentId = ""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._nodes = qMRMLNodeComboBox()
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = self._nodes.removeEnabled = False
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
        self._nodes.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: self.currentNodeChanged.emit(node))
        self._nodes.connect("currentNodeChanged(bool)", lambda valid: self.currentNodeValid.emit(valid))
        self._segments.currentIndexChanged.connect(lambda index: self._onSegment(index))

    def _getNone(self) -> bool:
        return bool(self._nodes.noneEnabled)

    def _setNone(self, enabled: bool) -> None:
        self._nodes.noneEnabled = enabled
        self._populate()

    noneEnabled = Property(bool, _getNone, _setNone)

    def setMRMLScene(self, scene: Any) -> None:
        self._nodes.setMRMLScene(scene)

    def mrmlScene(self) -> Any:
        return self._nodes.mrmlScene()

    def _onNode(self, node: Any) -> None:
        if node is self._segmentation:
            return
        for tag in self._tags:
            self._segmentation.RemoveObserver(tag)
        self._segmentation, kind = node, slicer.vtkSegmentation
        events = (kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified)
        self._tags = tuple(node.AddObserver(event, self._onSegments) for event in events) if node is not None else ()
        self._populate()

    def _onSegments(self, *_arguments: Any) -> None:
        if isValid(self):
            self._populate()

    def _populate(self) -> None:
        blocked = self._segments.blockSignals(True)
        self._segments.clear()
        self._segments.blockSignals(blocked)
        segmentation = self._segmentation.GetSegmentation() if self._segmentation is not None else None
        if segmentation is None or segmentation.GetNumberOfSegments() == 0:
            return
        blocked = self._segments.blockSignals(True)
        if self.noneEnabled:
            self._segments.addItem("None", "None")
        for segmentId in segmentation.GetSegmentIDs():
            self._segments.addItem(segmentation.GetSegment(segmentId).GetName(), segmentId)
        keepsNone = self.noneEnabled and not self._segmentId
        if keepsNone or self._segmentId in segmentation.GetSegmentIDs():
            self.setCurrentSegmentID(self._segmentId)
            self._segments.blockSignals(blocked)
        else:
            self._segments.setCurrentIndex(-1)
            self._segments.blockSignals(blocked)
            self._segments.setCurrentIndex(1 if self.noneEnabled else 0)

    def _onSegment(self, index: int) -> None:
        if self._segmentation is not None:
            segmentId = self._segments.itemData(index) or ""
            self._segmentId = "" if segmentId == "None" else segmentId
            self.currentSegmentChanged.emit(self._segmentId)

    def currentNode(self) -> Any:
        return self._nodes.currentNode()

    def currentNodeID(self) -> str:
        return str(self._nodes.currentNodeID())

    def setCurrentNode(self, node: Any) -> None:
        self._nodes.setCurrentNode(node)

    def setCurrentNodeID(self, nodeId: str) -> None:
        self._nodes.setCurrentNodeID(nodeId)

    def currentSegmentID(self) -> str:
        return self._segmentId

    def setCurrentSegmentID(self, segmentId: str) -> None:
        if not segmentId and self.noneEnabled:
            self._segments.setCurrentIndex(0)
            return
        index = self._segments.findData(segmentId)
        if index != -1 and index != self._segments.currentIndex():
            self._segments.setCurrentIndex(index)


@asPythonQt
class qMRMLTableView(QtWidgets.QTableView):
    """Shows a table node; its columns are fitted when a node is set, not when it changes.

    A view that is given a scene but no view node forgets its table at the end of a batch, so this one takes no scene.
    Modelled on ``Libs/MRML/Widgets/qMRMLTableView.cxx`` and ``qMRMLTableModel.cxx`` of 3D Slicer 5.12.
    """

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
        _checkAlive(self)
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
