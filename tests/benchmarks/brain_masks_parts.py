"""Whether a network of tumour parts finds the whole tumour better where all but the brain is made air.

    python -m tests.benchmarks.brain_masks_parts --studies STUDIES --brains BRAINS --weights RUN/weights.safetensors

BRAINS are those of `gliomics masks brain`, of patients that the fold never saw (`tests/benchmarks/parts_folds.py`).
Studies without a mask there, or without the sequences that the network needs, are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gliomics.evaluation import dice
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.weights import read_weights
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.study import list_studies, load_sequences, read_mask
from gliomics.study.labels import find_label, find_mask
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.config import load_training_config


def main() -> None:
    """Print the Dice of each study, and the mean gain with its interval."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--studies", "--brains", "--weights"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    card = draft_card(TrainingPlan(load_training_config("segmentation_parts"), population=""), [])
    segmenter = Segmenter.from_state(card, read_weights(options.weights))
    gains = []
    for study in list_studies(options.studies):
        label, brain = find_label(options.studies, study.id), find_mask(options.brains, study.id)
        if label is None or brain is None or not set(card.sequences.required) <= study.sequences.keys():
            continue
        volumes, truth, inside = load_sequences(study, study.sequences), read_mask(label).array > 0, read_mask(brain)
        brains = {
            name: volume.with_array(np.where(inside.array > 0, volume.array, volume.array.min()))
            for name, volume in volumes.items()
        }
        before, after = (dice(segmenter.segment(images).mask.array > 0, truth) for images in (volumes, brains))
        gains.append(after - before)
        print(f"{study.id}: {before:.3f} as it is, {after:.3f} of the brain alone", flush=True)
    gain = bootstrap_interval(gains)
    print(f"gain {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], {gain.n} patients")


if __name__ == "__main__":
    main()
