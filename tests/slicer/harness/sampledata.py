"""Stand-in for the module *Sample Data*: sources are registered, downloaded, checked and loaded.

Modelled on ``Modules/Scripted/SampleData/SampleData.py`` of 3D Slicer 5.12, for files with volumes; it tries once.
"""

from __future__ import annotations

import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
import slicer.util


@dataclass(frozen=True)
class SampleDataSource:
    """One sample: as many addresses as files, nodes and checksums."""

    sampleName: str
    uris: tuple[str, ...]
    fileNames: tuple[str, ...]
    nodeNames: tuple[str, ...]
    checksums: tuple[str, ...]
    thumbnailFileName: str
    loadFileType: str

    def __post_init__(self) -> None:
        if len({len(self.uris), len(self.fileNames), len(self.nodeNames), len(self.checksums)}) != 1:
            raise ValueError("All fields of sample data source must have the same length")
        if self.loadFileType != "VolumeFile":
            raise ValueError(f"only volumes can be loaded here, not '{self.loadFileType}'")


class SampleDataLogic:
    """Keeps ``slicer.modules.sampleDataSources``: the sources by their category."""

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Any = None,
        thumbnailFileName: str | None = None,
        loadFileType: str = "VolumeFile",
        loadFiles: Any = None,
        loadFileProperties: Any = None,
        checksums: Any = None,
    ) -> None:
        if customDownloader or loadFiles or loadFileProperties:
            raise ValueError("there is no downloader of one's own here, and all files are loaded as they are")
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        sources = slicer.modules.sampleDataSources.setdefault(category, [])
        source = SampleDataSource(
            sampleName,
            tuple(uris),
            tuple(fileNames),
            tuple(nodeNames),
            tuple(checksums or [None] * len(uris)),
            thumbnailFileName,
            loadFileType,
        )
        if source not in sources:
            sources.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category: str) -> list[SampleDataSource]:
        return getattr(slicer.modules, "sampleDataSources", {}).get(category, [])

    def downloadSamples(self, sampleName: str) -> list[Any]:
        """The nodes of the sample of this name, in whatever category it is."""
        sources = [source for sources in slicer.modules.sampleDataSources.values() for source in sources]
        return self.downloadFromSource(next(source for source in sources if source.sampleName == sampleName))

    def downloadFromSource(self, source: SampleDataSource) -> list[Any]:
        """Each file, from the cache or its address, as a node; one whose checksum is another is refused."""
        cache = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
        cache.mkdir(parents=True, exist_ok=True)
        nodes = []
        for uri, fileName, nodeName, checksum in zip(
            source.uris, source.fileNames, source.nodeNames, source.checksums, strict=True
        ):
            path = cache / fileName
            urllib.request.urlretrieve(uri, path)
            algorithm, digest = slicer.util.extractAlgoAndDigest(checksum)
            if algorithm is not None and slicer.util.computeChecksum(algorithm, str(path)) != digest:
                path.unlink()
                raise ValueError(f"Checksum verification failed for {uri}")
            nodes.append(_load(path, nodeName))
        return nodes


def _load(path: Path, name: str) -> Any:
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    if not storage.ReadData(node):
        raise RuntimeError(f"{path} cannot be loaded")
    node.CreateDefaultDisplayNodes()
    slicer.mrmlScene.RemoveNode(storage)
    return node


def install() -> None:
    """Make this module ``SampleData``."""
    sys.modules["SampleData"] = sys.modules[__name__]
