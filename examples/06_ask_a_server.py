"""Let a server segment and measure one of its studies; needs no PyTorch here.

Start one first: gliomics serve --studies sample_studies
"""

import sys
from pathlib import Path

from gliomics import GliomicsClient

client = GliomicsClient(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
info = client.info()
print(info["name"], "with the models", ", ".join(sorted(info["models"])))

study_id = client.studies()[0]
answer = client.infer("segmentation_flair", study_id)
Path(f"{study_id}.nii.gz").write_bytes(answer.label)
for warning in answer.params.get("warnings", []):
    print("beware:", warning)

print(client.features(study_id, label=Path(f"{study_id}.nii.gz")))
