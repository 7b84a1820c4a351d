"""How the lesion of one patient changed between two examinations."""

from pathlib import Path

import gliomics
from gliomics.cohort.delta import delta

rows = {}
for name in ("sample-03", "sample-03_followup"):
    study = gliomics.open_study("sample_studies/sample-03", name)
    rows[study.timepoint] = gliomics.measure(study, Path("sample_studies/truth") / f"{name}.nii.gz")

change = delta(rows["baseline"], rows["followup"])
print(change.diagnostics["patient_id"], "after", change.diagnostics["days"], "days")
for feature in ("original_shape_MeshVolume", "original_shape_Sphericity"):
    absolute, relative = change.values[f"{feature}_delta"], change.values[f"{feature}_relative"]
    print(f"{feature}: {absolute:+.3g} ({relative:+.0%})")
