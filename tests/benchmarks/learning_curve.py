"""What more patients bring: one configuration trained on more and more of them, tested on others.

    python -m tests.benchmarks.learning_curve --data STUDIES --out FOLDER --config segmentation_multi [--passes 10]

docs/benchmarks/learning_curve.md says what is compared and how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gliomics.csv_files import write_csv
from gliomics.errors import GliomicsError, InputError
from gliomics.files import write_bytes, write_text
from gliomics.report.drawing import BLUE, FAINT, GREEN, INK, MUTED, TEXT, TITLE, blank, legend_above, to_png
from gliomics.report.markdown import markdown_table
from gliomics.segmentation.inputs import LabelledCase
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.training.budget import batches_per_epoch, with_overrides
from gliomics.training.config import TrainingConfig, load_training_config

from .retraining import (
    FOLDS,
    Prepared,
    Row,
    Work,
    retrain,
    training_and_test,
    with_interval,
)

_SEED = 0


def nested(items: Sequence[LabelledStudy], sizes: Sequence[int]) -> dict[int, list[LabelledStudy]]:
    """The studies of so many patients drawn at random, each set inside the next larger one."""
    patients = sorted({item.study.patient_id for item in items})
    if max(sizes) > len(patients):
        raise InputError(f"{max(sizes)} patients to train on were asked for; the folds have {len(patients)}")
    order = [patients[i] for i in np.random.default_rng(_SEED).permutation(len(patients))]
    return {size: [item for item in items if item.study.patient_id in order[:size]] for size in sorted(set(sizes))}


def epochs_for_equal_steps(
    cases: Sequence[LabelledCase],
    passes: int,
    largest: Sequence[LabelledStudy],
    config: TrainingConfig,
    prepared: Prepared,
) -> int:
    """Epochs over ``cases`` with as many optimiser steps as ``passes`` over the largest set."""
    steps = passes * batches_per_epoch(prepared(largest, config), config)
    return max(1, round(steps / batches_per_epoch(cases, config)))


def write_curve(title: str, rows: Sequence[Row], out: Path) -> None:
    """Write ``learning_curve.csv``, ``.md`` and ``.png``."""
    columns = [row.figures() for row in rows]
    write_csv(out / "learning_curve.csv", columns)
    table = markdown_table(
        ["patients", "epochs", "steps", "minutes", "mean Dice", "median Dice"],
        [
            [
                str(row["patients_trained"]), str(row["epochs"]), str(row["steps"]), f"{row['minutes']:.1f}",
                with_interval(row, "mean_dice"), with_interval(row, "median_dice"),
            ]
            for row in columns
        ],
    )  # fmt: skip
    first = columns[0]
    write_text(
        out / "learning_curve.md",
        f"**{title}**: tested on {first['patients_tested']} other patients; slices of {first['size']} x "
        f"{first['size']} pixels; {first['device']}. Dice per patient with 95 % bootstrap interval.\n\n{table}",
    )
    write_bytes(out / "learning_curve.png", to_png(draw(title, rows)))


def draw(title: str, rows: Sequence[Row]) -> Figure:
    """Patient Dice by the number of patients trained on: the test patients, their mean and their median."""
    figure = blank(5.6, 3.6)
    axis = figure.subplots()
    columns = [row.figures() for row in rows]
    sizes = np.array([row.patients for row in rows], dtype=float)
    for row in rows:
        axis.plot(
            np.full(len(row.dice), row.patients), list(row.dice.values()), marker="o", linestyle="", color=MUTED,
            alpha=0.35, markersize=3.5, markeredgewidth=0, zorder=1,
            label=f"test patient (n = {len(row.dice)})" if row is rows[0] else None,
        )  # fmt: skip
    for name, colour, shift in (("mean", BLUE, 0.975), ("median", GREEN, 1.025)):
        value, low, high = (np.array([c[f"{name}_dice{end}"] for c in columns]) for end in ("", "_low", "_high"))
        axis.vlines(sizes * shift, low, high, color=colour, linewidth=2.0, zorder=2)
        axis.plot(
            sizes * shift, value, color=colour, marker="o", markersize=5, linewidth=1.4,
            label=f"{name}, 95 % interval", zorder=3,
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_xticks(sizes, [str(row.patients) for row in rows])
    axis.set_xticks([], minor=True)
    axis.set_xlim(sizes.min() / 1.2, sizes.max() * 1.2)
    axis.set_ylim(-0.02, 1.02)
    axis.set_xlabel("patients trained on", fontsize=TEXT, color=INK)
    axis.set_ylabel("Dice of a test patient (0 to 1)", fontsize=TEXT, color=INK)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(MUTED)
    axis.tick_params(labelsize=TEXT, colors=MUTED)
    axis.grid(axis="y", color=FAINT, linewidth=0.6)
    axis.set_title(title, loc="left", fontsize=TITLE, color=INK, pad=20)
    named = [line for line in axis.get_lines() if not str(line.get_label()).startswith("_")]
    legend_above(axis, named, columns=3)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of studies with labels/final")
    parser.add_argument("--out", type=Path, required=True, help="folder of the curve; the same command goes on")
    parser.add_argument("--config", required=True, help="a configuration that comes with Gliomics, or a YAML file")
    parser.add_argument("--passes", type=int, default=10, help="epochs over the largest set (default 10)")
    parser.add_argument(
        "--size", type=int, default=160, help="pixels of a slice's side, a multiple of 32 (default 160)"
    )
    parser.add_argument("--patients", default="10,20,40,70", help="patients trained on (default 10,20,40,70)")
    parser.add_argument("--encoder-weights", type=Path, help="pretrained weights for the network's encoder")
    parser.add_argument("--folds", type=Path, default=FOLDS, help="the first of these is tested on")
    options = parser.parse_args(arguments)
    training, test = training_and_test(options.data, options.folds)
    sets = nested(training, [int(size) for size in options.patients.split(",")])
    largest, prepared = sets[max(sets)], Prepared()
    config = with_overrides(load_training_config(options.config), size=options.size)
    budget = f"{options.passes} passes over {max(sets)} patients"
    epochs = partial(epochs_for_equal_steps, passes=options.passes, largest=largest, config=config, prepared=prepared)
    rows = []
    for size, items in sets.items():
        work = Work(f"{size}_patients", config, items, test, budget, options.encoder_weights)
        rows.append(retrain(work, epochs, options.out, prepared))
        write_curve(f"{config.name}, {budget}", rows, options.out)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GliomicsError as error:
        sys.exit(f"error: {error}")
