"""Features of many studies whose masks lie in one folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gliomics.errors import InputError
from gliomics.radiomics.config import FeatureConfig
from gliomics.radiomics.extract import extract_features
from gliomics.radiomics.regions import select_region, shift_boundary
from gliomics.records import FeatureTable
from gliomics.study.geometry import load_sequences
from gliomics.study.images import IMAGE_SUFFIXES, read_mask
from gliomics.study.labels import check_mask
from gliomics.study.records import Study


def find_mask(folder: Path, study_id: str) -> Path | None:
    """``folder/<study id>.nii.gz`` (or ``.nii``, ``.nrrd``); None if there is none, InputError if there are several."""
    found = [path for suffix in IMAGE_SUFFIXES if (path := folder / f"{study_id}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(f"study '{study_id}' has several masks: {', '.join(path.name for path in found)}; keep one")
    return found[0] if found else None


def study_features(
    study: Study,
    mask_path: Path,
    config: FeatureConfig,
    *,
    region: str = "whole",
    resample_to: str | None = None,
    boundary_shift: int = 0,
) -> FeatureTable:
    """Measure one region of one study from its files; the row's diagnostics name the patient.

    ``region`` is a key of :data:`~gliomics.radiomics.regions.REGIONS` or a label value; ``resample_to`` brings the
    sequences to the grid of the one named, on which the mask must lie; ``boundary_shift`` grows (or shrinks) the
    region by so many voxels within the slice, to see what depends on exactly where its edge was drawn.
    """
    names = config.sequences if config.sequences is not None else list(study.sequences)
    volumes = load_sequences(study, names, resample_to=resample_to)
    mask = read_mask(mask_path)
    for name, volume in volumes.items():
        check_mask(mask, volume, f"mask {mask_path.name} (image: sequence '{name}')")
    chosen = select_region(mask, region, name=mask_path.name)
    table = extract_features(
        volumes,
        shift_boundary(chosen, boundary_shift) if boundary_shift else chosen,
        config,
        study_id=study.id,
        region=region,
        spacing_known=study.spacing_known,
        label=1,
    )
    origin = {"patient_id": study.patient_id, "timepoint": study.timepoint, "boundary_shift": boundary_shift}
    return replace(table, diagnostics=origin | table.diagnostics)
