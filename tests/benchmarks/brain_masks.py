"""What a brain mask changes in what is measured of studies that show the skull, by patient with 95 % intervals.

    gliomics masks brain STUDIES --out BRAINS
    python -m tests.benchmarks.brain_masks --studies STUDIES --brains BRAINS

STUDIES has the tumours' masks as its final labels. Studies without a mask in BRAINS are left out. Where the voxel size
is not known, a ring is drawn as if slices were five pixels apart: without, it would reach over five of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gliomics.features.glioma.surroundings import reference_of, surroundings_of
from gliomics.features.regions import select_region
from gliomics.preprocess import foreground, lesion_mask
from gliomics.preprocess.brain import brain_mask
from gliomics.preprocess.orientation import to_lps
from gliomics.report.markdown import markdown_table
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.study import Mask, Study, Volume, list_studies, load_sequences, read_mask
from gliomics.study.labels import find_label, find_mask

Figures = dict[str, float]


def figures_of(study: Study, label: Path, brain_file: Path) -> Figures:
    """The figures of one study, each by what it says."""
    volumes = {name: to_lps(volume) for name, volume in load_sequences(study, study.sequences).items()}
    first = next(iter(volumes.values()))
    lesion = lesion_mask(read_mask(label), first, label.name)
    brain = brain_mask(read_mask(brain_file), first, brain_file.name, spacing_known=study.spacing_known)
    inside, tumour = brain.array > 0, lesion.array > 0
    apart = lesion if study.spacing_known else Volume(lesion.array, np.diag([1.0, 1.0, 5.0, 1.0]))
    ring = select_region(apart, "peritumoral", name=label.name, brain=foreground(first.array)).array > 0
    figures = {
        "tumour outside the brain mask, %": 100 * float((~inside)[tumour].mean()),
        "ring in the head but outside the brain, %": 100 * float((~inside)[ring].mean()),
        "brain in the head, %": 100 * float(inside.sum() / foreground(first.array).sum()),
    }
    for name, volume in volumes.items():
        values = volume.array.astype(np.float64)
        figures |= _of_ring(f"{name}: ", values, ring, inside) | _of_tissue(f"{name}: ", volumes, name, lesion, brain)
    return figures


def _of_ring(
    prefix: str, values: npt.NDArray[np.float64], ring: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]
) -> Figures:
    """How far the ring's mean moves, and the scale of ``zscore``, in standard deviations within the brain."""
    deviation = values[inside].std()
    head = values[foreground(values)]
    return {
        f"{prefix}ring's mean, moved by (sd)": float((values[ring & inside].mean() - values[ring].mean()) / deviation),
        f"{prefix}sd of the head over that of the brain": float(head.std() / deviation),
    }


def _of_tissue(prefix: str, volumes: dict[str, Volume], name: str, lesion: Mask, brain: Mask) -> Figures:
    """How far the tissue that class ``glioma`` compares with moves: its median in its spread, and the spread."""
    references = []
    for given in (None, brain):
        head = surroundings_of(volumes, given, placed=True, spacing_known=False)
        references.append(reference_of(volumes[name], head.outside(lesion)))
    if references[0] is None or references[1] is None:
        return {}
    (middle, spread), (moved, other) = references
    return {
        f"{prefix}tissue's median, moved by (spreads)": (moved - middle) / spread,
        f"{prefix}tissue's spread, times": other / spread,
    }


def main() -> None:
    """Print a table of medians with intervals."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("studies", "brains"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    rows: dict[str, list[float]] = {}
    for study in list_studies(options.studies):
        label, brain = find_label(options.studies, study.id), find_mask(options.brains, study.id)
        if label is None or brain is None:
            continue
        for figure, value in figures_of(study, label, brain).items():
            rows.setdefault(figure, []).append(value)
    print(markdown_table(["", "median [95 % interval]", "range", "n"], [_row(*item) for item in rows.items()]))


def _row(figure: str, values: list[float]) -> list[str]:
    array = np.array(values)
    interval = bootstrap_interval(values, statistic=np.median)
    return [
        figure,
        f"{np.median(array):.2f} [{interval.low:.2f}, {interval.high:.2f}]",
        f"{array.min():.2f} to {array.max():.2f}",
        str(array.size),
    ]


if __name__ == "__main__":
    main()
