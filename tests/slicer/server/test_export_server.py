"""The section *Export* on a real server with a study from DICOM: every format, as other programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from panels import Spin, press


@pytest.fixture(scope="module")
def server(application: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server over one study that was imported from oblique DICOM slices."""
    from tests.server.servers import start_server
    from tests.unit.dicom.dicom_files import OBLIQUE
    from tests.unit.dicom.examined_study import import_examination, write_examination

    root = tmp_path_factory.mktemp("export")
    study = import_examination(write_examination(root / "dicom", axes=OBLIQUE), root / "studies")
    (root / "studies" / "labels" / "final" / f"{study.id}.nii.gz").unlink()
    server = start_server(root / "studies")
    yield server
    server.stop()


def test_a_segment_leaves_in_every_format_as_other_programs_read_it(
    panel: Any, server: Any, scene: Any, tmp_path: Path, spin: Spin
) -> None:
    import slicer
    from RadiogenomicsLib.server.backends import ServerBackend

    from gliomics.study import on_grid_of, read_volume
    from tests.unit.dicom.examined_study import ENHANCING, OEDEMA, parts
    from tests.unit.export.dcmqi_tools import read_report, read_segments

    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    press(panel, "connectButton", spin)
    panel.ui.strategySelector.setCurrentIndex(panel.ui.strategySelector.findData("random"))
    press(panel, "nextStudyButton", spin)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    volume = panel.selection.firstVolume()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    drawn = {"oedema": parts() == OEDEMA, "enhancing": parts() == ENHANCING, "whole tumour": parts() > 0}
    for name, inside in drawn.items():
        segmentId = segmentation.GetSegmentation().AddEmptySegment("", name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(inside.astype(np.uint8), segmentation, segmentId, volume)
    panel.selection.chooseSegmentation(segmentation)
    chosen = segmentation.GetSegmentation().GetSegmentIdBySegmentName("enhancing")
    panel.ui.segmentSelector.setCurrentSegmentID(chosen)
    assert panel.model.selection.segment == "enhancing"
    press(panel, "computeButton", spin)
    for name in ("Xlsx", "Csv", "Html", "Seg", "Sr"):
        getattr(panel.ui, f"export{name}CheckBox").checked = True
    out = tmp_path / "out"
    out.mkdir()
    panel.ui.exportFolderEdit.text = str(out)
    press(panel, "exportButton", spin)
    study = panel.model.selection.studyId
    files = {suffix: out / f"{study}_enhancing{suffix}" for suffix in (".xlsx", ".csv", ".html", ".seg.dcm", ".sr.dcm")}
    assert sorted(out.iterdir()) == sorted(files.values())
    sheet = openpyxl.load_workbook(files[".xlsx"])["Features"]
    measured = {row[0]: row[5] for row in sheet.iter_rows(min_row=2, values_only=True)}
    shown = panel.model.result.analysis.features.values
    assert measured == pytest.approx(shown, rel=1e-9)
    voxels, attributes = read_segments(files[".seg.dcm"], tmp_path)
    image = read_volume(server.studies / study / "flair.nii.gz")
    names = {number: segment["SegmentLabel"] for number, segment in attributes.items()}
    assert names == {1: "oedema", 2: "enhancing"}, "the whole is made of the others"
    for number, name in names.items():
        read = on_grid_of(voxels[number], image, "the segment").array > 0
        np.testing.assert_array_equal(read, drawn[name].transpose(2, 1, 0))
    assert attributes[2]["recommendedDisplayRGBValue"] == [240, 228, 66]
    (group,) = read_report(files[".sr.dcm"], tmp_path)["Measurements"]
    assert len(group["measurementItems"]) == len(shown) + 2
    assert (group["TrackingIdentifier"], group["ReferencedSegment"]) == ("enhancing", 2)
