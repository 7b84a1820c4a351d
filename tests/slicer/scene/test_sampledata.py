"""The study in the module *Sample Data*: registered once, loaded without a network, and recognised by the panel."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION
from PIL import Image

SAMPLES = EXTENSION.parents[1] / "sample_studies"
TITLE = "Glioma (synthetic)"


@pytest.fixture
def sampleData(scene: Any) -> Iterator[Any]:
    """The module, without a sample, also of the copies of the extension that other tests loaded."""
    import slicer
    from harness import sampledata

    slicer.app.completeStartup()
    vars(slicer.modules).pop("sampleDataSources", None)
    yield sampledata
    vars(slicer.modules).pop("sampleDataSources", None)


def test_the_application_has_the_sample_when_it_has_started(sampleData: Any) -> None:
    import slicer
    from harness.application import loadModule

    loadModule(EXTENSION / "Radiogenomics.py")
    assert sampleData.SampleDataLogic.sampleDataSourcesByCategory("Gliomics") == []
    slicer.app.completeStartup()
    (source,) = sampleData.SampleDataLogic.sampleDataSourcesByCategory("Gliomics")
    assert source.sampleName == TITLE
    with Image.open(source.thumbnailFileName) as thumbnail:
        assert thumbnail.size == (288, 288)
    loadModule(EXTENSION / "Radiogenomics.py")
    slicer.app.completeStartup()
    assert sampleData.SampleDataLogic.sampleDataSourcesByCategory("Gliomics") == [source]


def test_the_sample_is_loaded_and_its_sequences_are_recognised(sampleData: Any, panel: Any) -> None:
    from RadiogenomicsLib import sampledata

    sampledata.register(EXTENSION)
    nodes = sampleData.SampleDataLogic().downloadSamples(TITLE)
    assert [node.GetName() for node in nodes] == [
        "sample-02 FLAIR",
        "sample-02 T1",
        "sample-02 T1 contrast",
        "sample-02 T2",
    ]
    assert {node.GetImageData().GetDimensions() for node in nodes} == {(144, 144, 24)}
    panel.selection.recogniseVolumes()
    chosen = {name: panel.selection.volumes()[name].GetID() for name in panel.selection.volumes()}
    assert chosen == {name: node.GetID() for name, node in zip(("flair", "t1", "t1c", "t2"), nodes, strict=True)}


def test_checksums_are_those_of_the_sample_studies() -> None:
    from RadiogenomicsLib.sampledata import SHA256, STUDY

    studies = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))["studies"]
    (sums,) = [study["sha256"] for study in studies if study["id"] == STUDY]
    assert {name: sums[f"{STUDY}/{name}.nii.gz"] for name in SHA256} == SHA256


def test_a_file_with_another_content_is_refused(sampleData: Any, tmp_path: Path) -> None:
    from RadiogenomicsLib import sampledata

    folder = tmp_path / "SampleStudies" / sampledata.STUDY
    shutil.copytree(SAMPLES / sampledata.STUDY, folder)
    (folder / "t1.nii.gz").write_bytes((folder / "t2.nii.gz").read_bytes())
    sampledata.register(tmp_path)
    with pytest.raises(ValueError, match="Checksum"):
        sampleData.SampleDataLogic().downloadSamples(TITLE)


def test_without_its_files_it_comes_from_the_published_repository(sampleData: Any, tmp_path: Path) -> None:
    from RadiogenomicsLib import sampledata

    (tmp_path / "a" / "b").mkdir(parents=True)
    sampledata.register(tmp_path / "a" / "b")
    (source,) = sampleData.SampleDataLogic.sampleDataSourcesByCategory("Gliomics")
    assert all(uri.startswith("https://") and uri.endswith(".nii.gz") for uri in source.uris)
    assert {uri.removeprefix(f"{sampledata.PUBLISHED}/") for uri in source.uris} == {
        str(path.relative_to(SAMPLES)) for path in (SAMPLES / sampledata.STUDY).glob("*.nii.gz")
    }
