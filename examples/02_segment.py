"""Segment studies with one model, loaded once: writes masks/<study id>.nii.gz."""

from pathlib import Path

import gliomics

model = gliomics.load_model("segmentation_flair")
print(model)

for study in gliomics.list_studies(Path("sample_studies"))[:3]:
    segmentation = gliomics.segment(study, model)
    gliomics.write_mask(segmentation.mask, Path("masks") / f"{study.id}.nii.gz")
    print(segmentation)
    for warning in segmentation.warnings:
        print("  beware:", warning)
