"""A version of a model with packed weights: what ships.

    python -m tests.benchmarks.pack_model FOLDER --version NUMBER --out NEW

The card stays as it is but for the version; say on its page what packing changed, measured on studies with labels.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from gliomics.models import load_model_folder, write_model_folder
from gliomics.segmentation.weights import WEIGHTS, load_weights, save_packed_weights


def main() -> None:
    """Write the model's folder anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model = load_model_folder(options.folder)
    card = model.card.model_copy(update={"version": options.version})
    print(write_model_folder(options.out, card, {WEIGHTS: partial(save_packed_weights, load_weights(model))}).path)


if __name__ == "__main__":
    main()
