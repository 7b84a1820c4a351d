"""PyRadiomics as its documentation calls it, to compare with: ``python -m tests.benchmarks.plain_features``.

Arguments: a study's folder, its mask, a preset or YAML file, and where to write the values (JSON, named as ours).
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import yaml
from radiomics.featureextractor import RadiomicsFeatureExtractor

import gliomics.features
from gliomics.preprocess.intensity import foreground

PRESETS = Path(gliomics.features.__file__).parent / "presets"
OURS = ("outline", "ellipsoid")


def main(study: str, mask: str, config: str, out: str) -> None:
    """Measure every sequence of a study, whole images through PyRadiomics' own extractor."""
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    path = Path(config) if Path(config).is_file() else PRESETS / f"{config}.yaml"
    parameters = yaml.safe_load(path.read_text())
    zscore = (parameters.pop("normalisation", None) or {}).get("method") == "zscore"
    wanted = parameters.pop("sequences", None) or ["t1", "t1c", "t2", "flair"]
    for name in OURS:
        parameters["featureClass"].pop(name, None)
    parameters["featureClass"] = {name: features or [] for name, features in parameters["featureClass"].items()}
    parameters["imageType"] = {name: own or {} for name, own in parameters["imageType"].items()}
    roi = sitk.ReadImage(mask) > 0
    values: dict[str, float] = {}
    for sequence in wanted:
        image_path = Path(study) / f"{sequence}.nii.gz"
        if not image_path.is_file():
            continue
        found = RadiomicsFeatureExtractor(parameters).execute(_scaled(image_path, zscore), roi)
        for name, value in found.items():
            if not name.startswith("diagnostics_"):
                values[name if "_shape_" in name else f"{sequence}_{name}"] = float(value)
    Path(out).write_text(json.dumps(values))


def _scaled(path: Path, zscore: bool) -> sitk.Image:
    image = sitk.ReadImage(str(path))
    if not zscore:
        return image
    array = sitk.GetArrayFromImage(image)
    inside = array[foreground(array)].astype(np.float64)
    scaled = sitk.GetImageFromArray((array.astype(np.float64) - inside.mean()) / inside.std() * 100)
    scaled.CopyInformation(image)
    return scaled


if __name__ == "__main__":
    main(*sys.argv[1:])
