"""The programs of dcmqi, which read and write DICOM by the libraries that 3D Slicer uses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import dcmqi
import numpy as np
import numpy.typing as npt

from gliomics.study import Mask, read_mask, write_mask

BIN = Path(dcmqi.__file__).parent / "bin"


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run one of the programs."""
    answer = subprocess.run([BIN / name, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def read_report(path: Path, folder: Path) -> dict[str, Any]:
    """What ``tid1500reader`` reads of a Structured Report."""
    run_tool("tid1500reader", "--inputDICOM", path, "--outputMetadata", folder / "report.json")
    content: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return content


def read_segments(path: Path, folder: Path) -> tuple[dict[int, Mask], dict[int, dict[str, Any]]]:
    """The voxels of each segment and what is said of it, as ``segimage2itkimage`` reads them."""
    run_tool("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nii", "-p", "s")
    described = json.loads((folder / "s-meta.json").read_text())["segmentAttributes"]
    attributes = {segment["labelID"]: segment for group in described for segment in group}
    return {number: read_mask(folder / f"s-{number}.nii.gz") for number in attributes}, attributes


def write_segments(source: Path, label: Mask, names: dict[int, str], folder: Path) -> Path:
    """A Segmentation of the series in ``source`` that ``itkimage2segimage`` writes, a segment for each value."""
    files, attributes = [], []
    for value, name in names.items():
        voxels: npt.NDArray[np.uint8] = (label.array == value).astype(np.uint8)
        files.append(folder / f"segment-{value}.nii.gz")
        write_mask(label.with_array(voxels), files[-1])
        attributes.append([_attributes(name)])
    meta = folder / "meta.json"
    meta.write_text(
        json.dumps({"SeriesDescription": "Corrected", "SeriesNumber": "400", "segmentAttributes": attributes})
    )
    out = folder / "corrected.dcm"
    run_tool(
        "itkimage2segimage",
        "--inputImageList", ",".join(map(str, files)),
        "--inputDICOMDirectory", source,
        "--inputMetadata", meta,
        "--outputDICOM", out,
        "--skip",
    )  # fmt: skip
    return out


def _attributes(name: str) -> dict[str, Any]:
    def code(value: str, meaning: str) -> dict[str, str]:
        return {"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}

    return {
        "labelID": 1,
        "SegmentLabel": name,
        "SegmentAlgorithmType": "MANUAL",
        "SegmentedPropertyCategoryCodeSequence": code("49755003", "Morphologically Altered Structure"),
        "SegmentedPropertyTypeCodeSequence": code("108369006", "Neoplasm"),
    }
