"""The folder of the subject hierarchy in which a study's volumes and segmentations are kept together."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from RadiogenomicsLib.origin import STUDY_ATTRIBUTE


def fileUnderStudy(node: Any, studyId: str) -> None:
    """Put a node into its study's folder, which is made where there is none yet."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder, item = _folder(hierarchy, studyId), hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(folder, node)
    else:
        hierarchy.SetItemParent(item, folder)


def _folder(hierarchy: Any, studyId: str) -> int:
    scene = hierarchy.GetSceneItemID()
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(scene, items)
    for item in (items.GetId(index) for index in range(items.GetNumberOfIds())):
        if hierarchy.GetItemAttribute(item, STUDY_ATTRIBUTE) == studyId:
            return int(item)
    folder = hierarchy.CreateFolderItem(scene, studyId)
    hierarchy.SetItemAttribute(folder, STUDY_ATTRIBUTE, studyId)
    return int(folder)
