"""Stand-in for the item models under the node selectors, made of the same Qt classes as the real ones.

Modelled on 3D Slicer 5.12's ``Libs/MRML/Widgets/qMRMLSceneModel.cxx`` and ``qMRMLSortFilterProxyModel.cxx``: what a
selector does when a node comes, goes or is renamed follows from Qt's own models and combo box, as in the application.
"""

from __future__ import annotations

from typing import Any

import vtk
from PySide6.QtCore import Property, QModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from shiboken6 import isValid

UID = Qt.ItemDataRole.UserRole + 1


class SceneModel(QStandardItemModel):
    """One item for the scene; under it the items before the nodes (*None*), the nodes, and those after (actions).

    Nodes are added and removed one by one, also in a batch; while a scene is imported or closed nothing is done until
    its end, when all are removed and added anew.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._sceneTags: list[int] = []
        self._nodeTags: dict[str, tuple[Any, int]] = {}
        self._names: dict[str, str] = {}
        self._before: list[str] = []
        self._after: list[str] = []

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        self._stopObserving()
        self._scene = scene
        self.updateScene()
        if scene is not None:
            for event, slot, priority in (
                (scene.NodeAddedEvent, self._onNodeAdded, 10.0),
                (scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved, -10.0),
                (scene.EndCloseEvent, self._onEnd, 0.0),
                (scene.EndImportEvent, self._onEnd, 0.0),
            ):
                self._sceneTags.append(scene.AddObserver(event, slot, priority))

    def setItemsBefore(self, texts: list[str]) -> None:
        root = self._root()
        if root is not None:
            root.removeRows(0, len(self._before))
            for row, text in enumerate(texts):
                root.insertRow(row, [_extraItem(text, selectable=True)])
            self._before = list(texts)

    def setItemsAfter(self, texts: list[str]) -> None:
        root = self._root()
        if root is not None:
            root.removeRows(root.rowCount() - len(self._after), len(self._after))
            for text in texts:
                root.appendRow([_extraItem(text, selectable=False)])
            self._after = list(texts)

    @property
    def extraItems(self) -> int:
        return len(self._before) + len(self._after)

    def updateScene(self) -> None:
        """Remove all the nodes' items and add them anew."""
        self._observeNoNode()
        if self._scene is None:
            self.removeRows(0, self.rowCount())
            self._before, self._after = [], []
            return
        if self._root() is None:
            item = QStandardItem("Scene")
            item.setData("scene", UID)
            self.appendRow([item])
        self._root().removeRows(len(self._before), self._root().rowCount() - self.extraItems)
        for index in range(self._scene.GetNumberOfNodes()):
            self._insert(self._scene.GetNthNode(index))

    def _root(self) -> QStandardItem | None:
        return self.item(0)

    def _insert(self, node: Any) -> None:
        item = QStandardItem(node.GetName())
        item.setData(node.GetID(), UID)
        item.setToolTip(node.GetNodeTagName())
        self._names[node.GetID()] = node.GetName()
        self._nodeTags[node.GetID()] = (node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onNodeModified))
        self._root().insertRow(self._root().rowCount() - len(self._after), [item])

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, scene: Any, _event: str, node: Any) -> None:
        if self._alive() and not scene.IsImporting():
            self._insert(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, scene: Any, _event: str, node: Any) -> None:
        if self._alive() and not scene.IsClosing() and node.GetID() in self._nodeTags:
            node.RemoveObserver(self._nodeTags.pop(node.GetID())[1])
            for row in range(self._root().rowCount()):
                if self._root().child(row).data(UID) == node.GetID():
                    self._root().removeRow(row)
                    break

    def _onEnd(self, *_arguments: Any) -> None:
        if self._alive():
            self.updateScene()

    def _onNodeModified(self, node: Any, _event: str) -> None:
        if not self._alive() or self._scene.IsClosing() or self._scene.IsImporting() or node.GetScene() is None:
            return
        if self._names.get(node.GetID()) == node.GetName():
            return
        self._names[node.GetID()] = node.GetName()
        for row in range(self._root().rowCount()):
            item = self._root().child(row)
            if item.data(UID) == node.GetID():
                item.setText(node.GetName())

    def _alive(self) -> bool:
        """Whether Qt still has this object; the real one stops observing when it is deleted."""
        if isValid(self):
            return True
        self._stopObserving()
        return False

    def _stopObserving(self) -> None:
        for tag in self._sceneTags:
            self._scene.RemoveObserver(tag)
        self._sceneTags = []
        self._observeNoNode()

    def _observeNoNode(self) -> None:
        for node, tag in self._nodeTags.values():
            node.RemoveObserver(tag)
        self._nodeTags = {}


class NodeFilter(QSortFilterProxyModel):
    """Shows nodes of some types but those of some IDs, and those that are hidden from editors only where asked to."""

    _hiddenIds: tuple[str, ...] = ()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.nodeTypes: tuple[str, ...] = ()
        self.showHidden = False
        self.showChildNodeTypes = True

    def _getHiddenIds(self) -> list[str]:
        return list(self._hiddenIds)

    def _setHiddenIds(self, nodeIds: list[str]) -> None:
        if list(nodeIds) != list(self._hiddenIds):
            self._hiddenIds = tuple(nodeIds)
            self.invalidateFilter()

    hiddenNodeIDs = Property("QStringList", _getHiddenIds, _setHiddenIds)

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        source = self.sourceModel()
        index = source.index(row, 0, parent)
        nodeId = index.data(UID)
        scene = source.mrmlScene()
        if nodeId == "scene" or not nodeId or scene is None:
            return scene is not None
        node = scene.GetNodeByID(nodeId)
        if node is None or nodeId in self._hiddenIds:
            return False
        ofType = any(node.GetClassName() == t or (self.showChildNodeTypes and node.IsA(t)) for t in self.nodeTypes)
        return ofType and (self.showHidden or not node.GetHideFromEditors())


def _extraItem(text: str, *, selectable: bool) -> QStandardItem:
    item = QStandardItem(text)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled | (Qt.ItemFlag.ItemIsSelectable if selectable else Qt.ItemFlag.NoItemFlags))
    return item
