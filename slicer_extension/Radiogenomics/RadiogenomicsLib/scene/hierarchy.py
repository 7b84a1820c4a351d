"""The folder of the subject hierarchy in which a study's volumes and segmentations are kept together."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from RadiogenomicsLib.scene.origin import STUDY_ATTRIBUTE


def fileUnderStudy(node: Any, studyId: str) -> None:
    """Put a node into its study's folder, which is made where there is none yet."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder, item = _folder(hierarchy, studyId), hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(folder, node)
    else:
        hierarchy.SetItemParent(item, folder)


def fileBeside(node: Any, other: Any) -> None:
    """Put a node where another one is: in the same study's folder, or at the top where that is in none."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    beside, item = hierarchy.GetItemByDataNode(other), hierarchy.GetItemByDataNode(node)
    if beside == hierarchy.GetInvalidItemID():
        return
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(hierarchy.GetItemParent(beside), node)
    else:
        hierarchy.SetItemParent(item, hierarchy.GetItemParent(beside))


def removeFromHierarchy(node: Any) -> None:
    """Remove a node's item, and leave the node."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    if item != hierarchy.GetInvalidItemID():
        hierarchy.RemoveItem(item, False)


def removeEmptyFolder(studyId: str) -> None:
    """Remove a study's folder, unless something is in it."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = _find(hierarchy, studyId)
    if folder is not None and not _children(hierarchy, folder):
        hierarchy.RemoveItem(folder)


def _folder(hierarchy: Any, studyId: str) -> int:
    folder = _find(hierarchy, studyId)
    if folder is None:
        folder = int(hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), studyId))
        hierarchy.SetItemAttribute(folder, STUDY_ATTRIBUTE, studyId)
    return folder


def _find(hierarchy: Any, studyId: str) -> int | None:
    items = _children(hierarchy, hierarchy.GetSceneItemID())
    return next((item for item in items if hierarchy.GetItemAttribute(item, STUDY_ATTRIBUTE) == studyId), None)


def _children(hierarchy: Any, item: int) -> list[int]:
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, items)
    return [int(items.GetId(index)) for index in range(items.GetNumberOfIds())]
