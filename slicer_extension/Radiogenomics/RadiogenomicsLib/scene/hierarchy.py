"""Where nodes are in the subject hierarchy: all that belongs to a study under it, and the study under its patient."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from RadiogenomicsLib.scene.origin import STUDY_ATTRIBUTE

_PATIENT_ATTRIBUTE = "Gliomics.PatientId"


def fileUnderStudy(node: Any, studyId: str, patientId: str = "") -> None:
    """Put a node under its study, which is made where there is none yet: under its patient, where one is told."""
    hierarchy = _hierarchy()
    _put(hierarchy, node, _study(hierarchy, studyId, patientId))


def fileBeside(node: Any, other: Any) -> None:
    """Put a node where another one is: under the same study, or at the top where that is in none."""
    hierarchy = _hierarchy()
    beside = hierarchy.GetItemByDataNode(other)
    if beside != hierarchy.GetInvalidItemID():
        _put(hierarchy, node, hierarchy.GetItemParent(beside))


def removeNode(node: Any) -> None:
    """Take a node out of the scene, with its item and with how it is displayed and stored."""
    if node.GetScene() is None:
        return
    parts = [node.GetStorageNode()] if node.IsA("vtkMRMLStorableNode") else []
    if node.IsA("vtkMRMLDisplayableNode"):
        parts += [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    hierarchy = _hierarchy()
    item = hierarchy.GetItemByDataNode(node)
    if item != hierarchy.GetInvalidItemID():
        hierarchy.RemoveItem(item, False)
    # The node first: the display of an image that is in a view is made anew where only that goes.
    for part in (node, *parts):
        if part is not None:
            slicer.mrmlScene.RemoveNode(part)


def removeEmptyFolder(studyId: str) -> None:
    """Remove a study's item, and its patient's, unless something is in it."""
    hierarchy = _hierarchy()
    study = _find(hierarchy, STUDY_ATTRIBUTE, studyId)
    if study is None or _children(hierarchy, study):
        return
    patient = hierarchy.GetItemParent(study)
    hierarchy.RemoveItem(study)
    if hierarchy.GetItemAttribute(patient, _PATIENT_ATTRIBUTE) and not _children(hierarchy, patient):
        hierarchy.RemoveItem(patient)


def _hierarchy() -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def _put(hierarchy: Any, node: Any, parent: int) -> None:
    item = hierarchy.GetItemByDataNode(node)
    if item == hierarchy.GetInvalidItemID():
        hierarchy.CreateItem(parent, node)
    else:
        hierarchy.SetItemParent(item, parent)


def _study(hierarchy: Any, studyId: str, patientId: str) -> int:
    study = _find(hierarchy, STUDY_ATTRIBUTE, studyId)
    if study is None:
        parent = hierarchy.GetSceneItemID()
        if patientId and patientId != studyId:
            parent = _patient(hierarchy, patientId)
        study = int(hierarchy.CreateStudyItem(parent, studyId))
        hierarchy.SetItemAttribute(study, STUDY_ATTRIBUTE, studyId)
    return study


def _patient(hierarchy: Any, patientId: str) -> int:
    patient = _find(hierarchy, _PATIENT_ATTRIBUTE, patientId)
    if patient is None:
        patient = int(hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), patientId))
        hierarchy.SetItemAttribute(patient, _PATIENT_ATTRIBUTE, patientId)
    return patient


def _find(hierarchy: Any, attribute: str, value: str) -> int | None:
    items = _children(hierarchy, hierarchy.GetSceneItemID(), recursive=True)
    return next((item for item in items if hierarchy.GetItemAttribute(item, attribute) == value), None)


def _children(hierarchy: Any, item: int, *, recursive: bool = False) -> list[int]:
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, items, recursive)
    return [int(items.GetId(index)) for index in range(items.GetNumberOfIds())]
