"""What the segments of a glioma are in SNOMED CT, read back by 3D Slicer's own terminology logic."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk
from RadiogenomicsLib.scene.terminology import CORE, EDEMA, ENHANCING, NECROSIS, TUMOUR, meaningOf
from RadiogenomicsLib.server.volumes import OrientedImage

from gliomics.study import Volume, numbering, write_segments
from gliomics.study.numbering import CAVITY, OEDEMA, UNDIVIDED
from gliomics.study.numbering import CORE as CORE_PART
from gliomics.study.numbering import ENHANCING as ENHANCING_PART

MASTER_LIST = "Segmentation category and type - DICOM master list"


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("tumour", TUMOUR),
        ("Whole tumor", TUMOUR),
        ("lesion", TUMOUR),
        ("WT", TUMOUR),
        ("tumour-core", CORE),
        ("TC", CORE),
        ("core without enhancement", CORE),
        ("non-enhancing tumor", CORE),
        ("nonenhancing", CORE),
        ("enhancing", ENHANCING),
        ("Enhancing_Tumor", ENHANCING),
        ("ET", ENHANCING),
        ("necrosis", NECROSIS),
        ("NCR", NECROSIS),
        ("necrotic core", NECROSIS),
        ("oedema", EDEMA),
        ("peritumoral edema", EDEMA),
        ("Ödem", EDEMA),
        ("œdème", EDEMA),
    ],
)
def test_a_name_tells_the_part(name: str, meaning: Any) -> None:
    assert meaningOf(name) is meaning


@pytest.mark.parametrize(
    "name",
    ["", "label 2", "Segment_1", "ventricle", "whole brain", "oedema and necrosis", "enhancing + oedema",
     "tumour without oedema", "resection cavity", "editor", "score"],
)  # fmt: skip
def test_a_name_that_tells_nothing_or_several_things_is_not_guessed(name: str) -> None:
    assert meaningOf(name) is None


@pytest.mark.parametrize(
    ("part", "meanings"),
    [(CORE_PART, (CORE, NECROSIS)), (OEDEMA, (EDEMA, None)), (ENHANCING_PART, (ENHANCING,)), (CAVITY, (None,)),
     (UNDIVIDED, (TUMOUR,))],
)  # fmt: skip
def test_a_name_means_the_same_as_to_the_server(part: str, meanings: tuple[Any, ...]) -> None:
    for name in numbering._SPELLINGS[part].split(", "):
        assert meaningOf(name) in meanings, name


def test_the_parts_have_colours_that_can_be_told_apart() -> None:
    colours = [np.array(meaning.colour) for meaning in (TUMOUR, CORE, ENHANCING, NECROSIS, EDEMA)]
    assert min(np.abs(a - b).max() for a, b in itertools.combinations(colours, 2)) > 0.2


@pytest.fixture
def segments(logic: Any, flairImage: OrientedImage) -> dict[str, Any]:
    """The segments of a mask with every part, by name."""
    labels = {"necrosis": 1, "oedema": 2, "label-3": 3, "enhancing": 4, "tumour": 5, "tumour-core": 6}
    array = np.zeros(flairImage.array.shape, np.uint8)
    for value in labels.values():
        array[1, value, 3] = value
    flair = logic.addVolume(flairImage, "glioma-01", "flair")
    inner = logic.addSegmentation(OrientedImage(array, flairImage.ijkToRas), flair, labels, "seg").GetSegmentation()
    return {inner.GetNthSegment(i).GetName(): inner.GetNthSegment(i) for i in range(inner.GetNumberOfSegments())}


def entryOf(segment: Any) -> Any:
    """The terminology entry of a segment, read by 3D Slicer."""
    import slicer
    import vtk

    text, entry = vtk.reference(""), slicer.vtkSlicerTerminologyEntry()
    assert segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), text)
    assert slicer.vtkSlicerTerminologiesModuleLogic.DeserializeTerminologyEntry(str(text), entry)
    assert slicer.vtkSlicerTerminologiesModuleLogic.SerializeTerminologyEntry(entry) == str(text)
    return entry


@pytest.mark.parametrize(
    ("name", "code", "meaning"),
    [
        ("tumour", "108369006", "Neoplasm"),
        ("tumour-core", "108369006", "Neoplasm"),
        ("enhancing", "108369006", "Neoplasm"),
        ("necrosis", "6574001", "Necrosis"),
        ("oedema", "79654002", "Edema"),
    ],
)
def test_slicer_reads_the_code_of_a_segment(segments: dict[str, Any], name: str, code: str, meaning: str) -> None:
    entry = entryOf(segments[name])
    assert entry.GetTerminologyContextName() == MASTER_LIST
    category, type_ = entry.GetCategoryObject(), entry.GetTypeObject()
    assert (category.GetCodingSchemeDesignator(), category.GetCodeValue()) == ("SCT", "49755003")
    assert (type_.GetCodingSchemeDesignator(), type_.GetCodeValue(), type_.GetCodeMeaning()) == ("SCT", code, meaning)
    assert entry.GetRegionObject().GetCodeMeaning() == "Brain"


def test_enhancement_is_the_modifier(segments: dict[str, Any]) -> None:
    assert entryOf(segments["enhancing"]).GetTypeModifierObject().GetCodeMeaning() == "Enhancing Lesion"
    assert not entryOf(segments["tumour"]).GetTypeModifierObject().GetCodeValue()


def test_no_two_segments_have_one_colour(segments: dict[str, Any]) -> None:
    assert segments["oedema"].GetColor() == pytest.approx(EDEMA.colour)
    assert len({segment.GetColor() for segment in segments.values()}) == len(segments)


def test_choosing_another_terminology_keeps_the_names(segments: dict[str, Any]) -> None:
    assert not any(segment.GetNameAutoGenerated() for segment in segments.values())


def test_a_value_without_a_known_meaning_keeps_slicer_s_own(segments: dict[str, Any]) -> None:
    assert entryOf(segments["label-3"]).GetTypeObject().GetCodeMeaning() == "Tissue"


def test_a_second_segment_of_a_kind_has_a_colour_of_its_own(logic: Any, flairImage: OrientedImage) -> None:
    array = np.zeros(flairImage.array.shape, np.uint8)
    array[1, 1, 1], array[2, 2, 2] = 1, 2
    flair = logic.addVolume(flairImage, "glioma-01", "flair")
    labels = {"left tumour": 1, "right tumour": 2}
    inner = logic.addSegmentation(OrientedImage(array, flairImage.ijkToRas), flair, labels, "seg").GetSegmentation()
    first, second = inner.GetNthSegment(0), inner.GetNthSegment(1)
    assert entryOf(second).GetTypeObject().GetCodeMeaning() == "Neoplasm"
    assert first.GetColor() != second.GetColor()


def test_a_segment_of_the_user_is_left_alone(logic: Any, scene: Any, flairImage: OrientedImage) -> None:
    import slicer

    flair = logic.addVolume(flairImage, "glioma-01", "flair")
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(flair)
    segmentId = segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    segment = segmentation.GetSegmentation().GetSegment(segmentId)
    segment.SetColor(0.1, 0.2, 0.3)
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), NECROSIS.terminology)
    logic.replaceSegment(
        segmentation, segmentId, OrientedImage((flairImage.array > 150).astype(np.uint8), flairImage.ijkToRas), flair
    )
    logic.exportLabels(segmentation, flair, {"tumour": 1})
    assert segment.GetColor() == pytest.approx((0.1, 0.2, 0.3))
    assert entryOf(segment).GetTypeObject().GetCodeMeaning() == "Necrosis"


def test_a_saved_scene_keeps_the_terminology(logic: Any, scene: Any, segments: dict[str, Any], tmp_path: Any) -> None:
    import slicer

    path = str(tmp_path / "scene.mrb")
    assert scene.WriteToMRB(path)
    scene.Clear(False)
    scene.SetURL(path)
    assert scene.ReadFromMRB(path)
    inner = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0].GetSegmentation()
    assert (
        entryOf(inner.GetSegment(inner.GetSegmentIdBySegmentName("oedema"))).GetTypeObject().GetCodeValue()
        == "79654002"
    )


def test_segments_that_the_command_line_wrote_have_colour_and_code_in_3d_slicer(scene: Any, tmp_path: Path) -> None:
    import slicer

    array = np.zeros((6, 7, 8), np.uint8)
    array[1:3], array[3:5] = 1, 3
    path = tmp_path / "case.seg.nrrd"
    write_segments(Volume(array, np.eye(4)), {"core-without-enhancement": 1, "enhancing": 3}, path)
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    assert storage.ReadData(node)
    for number, meaning in enumerate((CORE, ENHANCING)):
        segment = node.GetSegmentation().GetNthSegment(number)
        assert segment.GetColor() == pytest.approx(meaning.colour, abs=1e-4)
        tag = slicer.vtkSegment.GetTerminologyEntryTagName()
        found = vtk.mutable("")
        segment.GetTag(tag, found)
        assert str(found) == meaning.terminology
