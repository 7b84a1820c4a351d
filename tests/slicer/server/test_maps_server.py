"""A model's maps, asked of a real server process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from harness import EXTENSION
from panels import Spin, addVolume, paint, press

SAMPLES = EXTENSION.parents[1] / "sample_studies"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """``gliomics serve`` with the models that ship and a tumour network, over a sample study."""
    from tests.server.servers import start_server
    from tests.server.studies import add_tumour_network

    studies = tmp_path_factory.mktemp("server") / "studies"
    shutil.copytree(SAMPLES / "sample-01", studies / "sample-01")
    add_tumour_network(studies)
    server = start_server(studies)
    yield server
    server.stop()


def test_a_server_s_maps_are_probabilities_and_their_entropy_on_the_grid_of_the_study(
    server: Any, tmp_path: Path
) -> None:
    from RadiogenomicsLib.server.backends import CaseFiles, ServerBackend
    from RadiogenomicsLib.server.volumes import readNifti

    backend = ServerBackend(server.url)
    maps = {
        kind: readNifti(backend.voxelMap("segmentation_flair", CaseFiles("sample-01"), kind, tmp_path))
        for kind in ("probability", "uncertainty")
    }
    image = nibabel.load(SAMPLES / "sample-01" / "flair.nii.gz")
    truth = np.asarray(nibabel.load(SAMPLES / "truth" / "sample-01.nii.gz").dataobj).T > 0
    p = maps["probability"].array.astype(float)
    assert p.shape == truth.shape
    assert np.allclose(maps["probability"].ijkToRas, image.affine, atol=1e-4)
    assert p[truth].mean() > 0.5 > 0.1 > p[~truth].mean()
    entropy = -(p * np.log2(p.clip(1e-9)) + (1 - p) * np.log2((1 - p).clip(1e-9)))
    assert np.allclose(maps["uncertainty"].array, entropy, atol=0.01)


def test_another_kind_of_map_is_refused_in_the_server_s_words(server: Any, tmp_path: Path) -> None:
    from RadiogenomicsLib.server.backends import CaseFiles, ServerBackend

    from gliomics.client import ClientError

    with pytest.raises(ClientError, match="result is 'certainty'; expected mask, probability or uncertainty"):
        ServerBackend(server.url).voxelMap("segmentation_flair", CaseFiles("sample-01"), "certainty", tmp_path)


def test_what_speaks_for_a_network_s_estimate_is_what_the_network_reads(
    server: Any, spin: Spin, panel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Volumes of the user's own, whose segment the network sees for the first time."""
    import slicer
    from RadiogenomicsLib.server.backends import ServerBackend
    from RadiogenomicsLib.server.volumes import readNifti

    from gliomics.models import ModelStore
    from gliomics.study import read_mask, read_volume
    from gliomics.tumour_network.predict import TumourNetworkModel

    monkeypatch.setattr(panel.runner, "backendFor", ServerBackend)
    panel.ui.serverUrl.text = server.url
    press(panel, "connectButton", spin)
    image, truth = SAMPLES / "sample-01" / "flair.nii.gz", SAMPLES / "truth" / "sample-01.nii.gz"
    volume = addVolume("case7_flair", readNifti(image))
    panel.selection.chooseVolumes({"flair": volume}, "chosen")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().AddEmptySegment("", "tumour")
    panel.selection.chooseSegmentation(segmentation)
    paint(panel, lambda array: array.__iadd__(readNifti(truth).array > 0))
    assert panel.ui.networkSelector.currentText == "Spots"
    press(panel, "evidenceButton", spin)

    network = TumourNetworkModel(ModelStore(server.studies / ".gliomics" / "models").current("network_spots"))
    reading = network.read({"flair": read_volume(image)}, read_mask(truth), study_id="", patient_id="")
    (node,) = (node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node is not volume)
    drawn, heat = slicer.util.arrayFromVolume(node), reading.heat_map.array.T
    inside = readNifti(truth).array > 0
    assert np.allclose(drawn[inside], heat[inside], rtol=1e-3, atol=1e-4)
    assert (drawn[~inside] == -1000).all() and (heat[~inside] == 0).all()
    probability = reading.estimate.probabilities[reading.estimate.predicted]
    assert f"spot by network_spots: {reading.estimate.predicted} {probability:.2f} (" in panel.ui.evidenceText.text
    assert "Fitted on 16 patients: drawn tumours." in panel.ui.evidenceText.text
    assert panel.ui.evidenceText.text.endswith(
        "For research use only; not a medical device and not for diagnosis or treatment decisions."
    )


def test_every_part_of_a_tumour_is_measured_in_one_request(server: Any, tmp_path: Path) -> None:
    from RadiogenomicsLib.server.analysis import Analysis
    from RadiogenomicsLib.server.backends import CaseFiles, ServerBackend
    from RadiogenomicsLib.server.volumes import OrientedImage, writeNifti

    image = nibabel.load(SAMPLES / "sample-01" / "flair.nii.gz")
    truth = np.asarray(nibabel.load(SAMPLES / "truth" / "sample-01.nii.gz").dataobj).T > 0
    columns = np.nonzero(truth)[2]
    label = np.where(truth, np.where(np.arange(truth.shape[2]) < np.median(columns), 2, 3), 0).astype(np.uint8)
    writeNifti(OrientedImage(label, image.affine), tmp_path / "label.nii.gz")
    parts = ServerBackend(server.url).analyseParts(
        CaseFiles("sample-01"), tmp_path / "label.nii.gz", "2=oedema,3=enhancing", {}
    )
    assert list(parts) == ["whole", "tumour-core", "enhancing", "oedema", "peritumoral"]
    voxels = {}
    for region, analysis in parts.items():
        assert isinstance(analysis, Analysis), analysis
        assert analysis.reading is not None and analysis.reading.region == region
        voxels[region] = analysis.features.values["original_shape_VoxelVolume"]
    assert voxels["whole"] == pytest.approx(voxels["enhancing"] + voxels["oedema"])
    assert voxels["tumour-core"] == voxels["enhancing"]
    only = ServerBackend(server.url).analyseParts(
        CaseFiles("sample-01"), tmp_path / "label.nii.gz", "2=enhancing,3=enhancing", {}
    )
    assert isinstance(only["oedema"], str) and "oedema" in only["oedema"]
