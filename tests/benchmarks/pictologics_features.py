"""What pictologics takes for the classes of ``test_native_engine.py``, in an environment of its own.

``PICTOLOGICS_NUM_THREADS=1 python -P tests/benchmarks/pictologics_features.py IMAGE MASK``, by a Python 3.12 or later
that has ``pictologics`` and nothing of ours. Images are read before, and kernels compiled.
"""

from __future__ import annotations

import sys
import time

FAMILIES = ["intensity", "morphology", "texture"]


def main(image_path: str, mask_path: str) -> None:
    """Print CPU seconds of the import, and of the quickest of four runs."""
    began = time.process_time()
    from pictologics import RadiomicsPipeline, load_image

    print(f"import: {time.process_time() - began:.1f} s")
    pipeline = RadiomicsPipeline()
    families = {"families": FAMILIES, "include_spatial_intensity": False, "include_local_intensity": False}
    steps = [
        {"step": "discretise", "params": {"method": "FBN", "n_bins": 32}},
        {"step": "extract_features", "params": families},
    ]
    pipeline.add_config("classes", steps)
    image, mask = load_image(image_path), load_image(mask_path)
    taken = []
    for _ in range(4):
        began = time.process_time()
        values = pipeline.run(image, mask, config_names=["classes"])["classes"]
        taken.append(time.process_time() - began)
    print(f"{len(values)} features: {min(taken):.3f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
