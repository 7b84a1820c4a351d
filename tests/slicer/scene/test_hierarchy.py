"""A study's volumes and segmentations in one folder of the subject hierarchy, on real MRML."""

from __future__ import annotations

from typing import Any

import pytest
from panels import tree
from RadiogenomicsLib.server.volumes import OrientedImage


@pytest.fixture
def twoStudies(logic: Any, scene: Any, flairImage: OrientedImage, tumourMask: OrientedImage) -> Any:
    for study in ("glioma-01", "glioma-02"):
        volumes = [logic.addVolume(flairImage, study, sequence) for sequence in ("flair", "t1")]
        logic.addSegmentation(tumourMask, volumes[0], {"tumour": 1}, f"{study} segmentation")
    return scene


def test_each_study_has_one_folder_with_its_volumes_and_segmentations(twoStudies: Any) -> None:
    assert tree(twoStudies) == {
        study: [f"{study} FLAIR", f"{study} T1", f"{study} segmentation"] for study in ("glioma-01", "glioma-02")
    }


def test_a_node_that_has_an_item_already_is_moved_and_not_doubled(
    logic: Any, scene: Any, flairImage: OrientedImage
) -> None:
    import slicer
    from RadiogenomicsLib.scene.hierarchy import fileUnderStudy

    node = slicer.util.addVolumeFromArray(flairImage.array, flairImage.ijkToRas, "a volume")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)  # the application makes it when the node is added
    fileUnderStudy(node, "glioma-01")
    assert tree(scene) == {"glioma-01": ["a volume"]}


def test_a_segmentation_of_one_s_own_volume_has_no_study_s_folder(
    logic: Any, scene: Any, flairImage: OrientedImage, tumourMask: OrientedImage
) -> None:
    import slicer

    node = slicer.util.addVolumeFromArray(flairImage.array, flairImage.ijkToRas, "mine")
    logic.addSegmentation(tumourMask, node, {"tumour": 1}, "seg")
    assert tree(scene) == {}


def test_a_folder_of_the_same_name_that_is_the_user_s_is_left_alone(
    logic: Any, scene: Any, flairImage: OrientedImage
) -> None:
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    mine = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "glioma-01")
    logic.addVolume(flairImage, "glioma-01", "flair")
    items: list[int] = []
    hierarchy.GetItemChildren(mine, items, False)
    assert items == []


def test_a_saved_scene_keeps_the_folder_and_uses_it_again(
    twoStudies: Any, tmp_path: Any, flairImage: OrientedImage
) -> None:
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    path = str(tmp_path / "scene.mrb")
    assert twoStudies.WriteToMRB(path)
    twoStudies.Clear(False)
    twoStudies.SetURL(path)
    assert twoStudies.ReadFromMRB(path)
    RadiogenomicsLogic().addVolume(flairImage, "glioma-02", "t2")
    assert "glioma-02 T2" in tree(twoStudies)["glioma-02"]


def test_a_study_lies_under_its_patient_and_both_go_with_its_last_node(
    logic: Any, scene: Any, flairImage: OrientedImage
) -> None:
    import slicer

    for study in ("visit-1", "visit-2"):
        logic.studyIsOf(study, "TCGA-CS-4941")
    nodes = [logic.addVolume(flairImage, study, "flair") for study in ("visit-1", "visit-2", "alone")]
    assert tree(scene) == {"TCGA-CS-4941": ["visit-1", "visit-2"], "alone": ["alone FLAIR"]}
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(nodes[0]))
    assert hierarchy.GetItemLevel(study) == "Study"
    assert hierarchy.GetItemLevel(hierarchy.GetItemParent(study)) == "Patient"
    logic.removeVolume(nodes[0], "visit-1")
    assert tree(scene) == {"TCGA-CS-4941": ["visit-2"], "alone": ["alone FLAIR"]}
    logic.removeVolume(nodes[1], "visit-2")
    assert tree(scene) == {"alone": ["alone FLAIR"]}
