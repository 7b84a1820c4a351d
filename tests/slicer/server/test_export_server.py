"""The section *Export* on a real server with a study from DICOM: every format, as other programs read it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from panels import Spin, chooseAtRandom, press


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


SUFFIXES = {"Xlsx": ".xlsx", "Csv": ".csv", "Html": ".html", "Seg": ".seg.dcm", "Sr": ".sr.dcm"}


def drawing() -> dict[str, Any]:
    """The parts of the lesion and the whole, as (slice, row, column)."""
    from tests.unit.dicom.examined_study import ENHANCING, OEDEMA, parts

    return {"oedema": parts() == OEDEMA, "enhancing": parts() == ENHANCING, "whole tumour": parts() > 0}


@pytest.fixture
def ready(panel: Any, server: Any, scene: Any, tmp_path: Path, spin: Spin) -> Any:
    """The panel with the server's study, its parts drawn, the enhancing one chosen, and every format ticked."""
    import slicer
    from RadiogenomicsLib.server.backends import ServerBackend

    panel.runner.backendFor = ServerBackend
    panel.ui.serverUrl.text = server.url
    press(panel, "connectButton", spin)
    chooseAtRandom(panel)
    press(panel, "nextStudyButton", spin)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    volume = panel.selection.firstVolume()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name, inside in drawing().items():
        segmentId = segmentation.GetSegmentation().AddEmptySegment("", name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(inside.astype(np.uint8), segmentation, segmentId, volume)
    panel.selection.chooseSegmentation(segmentation)
    chosen = segmentation.GetSegmentation().GetSegmentIdBySegmentName("enhancing")
    panel.ui.segmentSelector.setCurrentSegmentID(chosen)
    assert panel.model.selection.segment == "enhancing"
    for name in SUFFIXES:
        getattr(panel.ui, f"export{name}CheckBox").checked = True
    (tmp_path / "out").mkdir()
    panel.ui.exportFolderEdit.text = str(tmp_path / "out")
    return panel


def test_a_segment_leaves_in_every_format_as_other_programs_read_it(
    ready: Any, server: Any, tmp_path: Path, spin: Spin
) -> None:
    from gliomics.study import on_grid_of, read_volume
    from tests.unit.export.dcmqi_tools import read_report, read_segments

    out = tmp_path / "out"
    press(ready, "computeButton", spin)
    press(ready, "exportButton", spin)
    study = ready.model.selection.studyId
    files = {suffix: out / f"{study}_enhancing{suffix}" for suffix in SUFFIXES.values()}
    assert sorted(out.iterdir()) == sorted(files.values())
    sheet = openpyxl.load_workbook(files[".xlsx"])["Features"]
    measured = {row[0]: row[5] for row in sheet.iter_rows(min_row=2, values_only=True)}
    shown = ready.model.result.analysis.features.values
    assert measured == pytest.approx(shown, rel=1e-9)
    voxels, attributes = read_segments(files[".seg.dcm"], tmp_path)
    image = read_volume(server.studies / study / "flair.nii.gz")
    names = {number: segment["SegmentLabel"] for number, segment in attributes.items()}
    assert names == {1: "oedema", 2: "enhancing"}, "the whole is made of the others"
    for number, name in names.items():
        read = on_grid_of(voxels[number], image, "the segment").array > 0
        np.testing.assert_array_equal(read, drawing()[name].transpose(2, 1, 0))
    assert attributes[2]["recommendedDisplayRGBValue"] == [240, 228, 66]
    (group,) = read_report(files[".sr.dcm"], tmp_path)["Measurements"]
    assert len(group["measurementItems"]) == len(shown) + 2
    assert (group["TrackingIdentifier"], group["ReferencedSegment"]) == ("enhancing", 2)


def test_a_server_that_is_killed_leaves_no_file(ready: Any, server: Any, tmp_path: Path, spin: Spin) -> None:
    os.kill(server.process.pid, signal.SIGSTOP)
    ready.ui.exportButton.click()
    spin(lambda: "writing the files" in ready.model.progressText)
    server.kill()
    spin(lambda: not ready.model.running)
    assert ready.model.state.value == "error"
    assert server.url in ready.model.message
    assert list((tmp_path / "out").iterdir()) == []
