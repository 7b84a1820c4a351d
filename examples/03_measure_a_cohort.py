"""Measure every study of a folder and look at the table with pandas: writes features.csv."""

from pathlib import Path

import gliomics

rows = []
for study in gliomics.list_studies(Path("sample_studies")):
    try:
        rows.append(gliomics.measure(study, Path("sample_studies/truth") / f"{study.id}.nii.gz"))
    except gliomics.GliomicsError as error:
        print(f"left out {study.id}: {error}")

frame = gliomics.features_frame(rows).set_index("study_id")
print(frame[["original_shape_MeshVolume", "original_shape_Sphericity", "flair_original_firstorder_Mean"]])

gliomics.write_features_csv(rows, Path("features.csv"))  # what `gliomics subtype predict` reads
print(f"{len(rows)} rows in features.csv, each with {len(rows[0].values)} features")
