"""The source systems' comparisons, made again at a chosen budget on patients that were never seen.

    python -m tests.benchmarks.source_networks --data STUDIES --out FOLDER [--minutes 3] [--size 128] [--base 16]

Each table has one row per training; docs/benchmarks/source_networks.md says what is compared and how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliomics.csv_files import write_csv
from gliomics.errors import GliomicsError, InputError
from gliomics.evaluation.pixelwise import PIXEL_METRICS
from gliomics.files import write_bytes, write_text
from gliomics.models import SequenceNeeds
from gliomics.report.drawing import BLUE, FAINT, GREEN, INK, MUTED, TEXT, TITLE, blank, legend_above, tidy, to_png
from gliomics.report.markdown import markdown_table
from gliomics.segmentation.labelled import LabelledStudy
from gliomics.segmentation.losses import LossName
from gliomics.segmentation.networks.layers import ActivationName, PoolingName
from gliomics.training.budget import with_overrides
from gliomics.training.config import TrainingConfig, load_training_config

from .retraining import (
    FOLDS,
    Prepared,
    Row,
    Work,
    epochs_within,
    interval_columns,
    retrain,
    training_and_test,
    with_interval,
)

LOSS: LossName = "dice_bce"
"""Of every row: after minutes, cross-entropy alone has found no lesion yet."""


@dataclass(frozen=True)
class Entry:
    """A row to be made: its name in the table, the name of its file, and what is trained."""

    label: str
    key: str
    config: TrainingConfig
    pretrained: bool = False


@dataclass(frozen=True)
class Table:
    """Rows that are compared with one another, all on the patients that have every sequence of every row."""

    name: str
    title: str
    entries: list[Entry]

    @property
    def sequences(self) -> set[str]:
        """The sequences that a study needs for all rows."""
        return {name for entry in self.entries for name in entry.config.sequences.required}


def the_tables() -> dict[str, Table]:
    """All comparisons by letter; ``d`` is the sweep of ``c`` on a network that takes far longer."""
    return {
        "a": Table("sequences", "Sequences, U-Net of the GBM system", _sequences()),
        "b": Table("networks", "Networks on FLAIR", _networks()),
        "c": Table("activation_pooling", "Activation and pooling, U-Net of the LGG system", _sweep("lgg_unet")),
        "d": Table(
            "activation_pooling_resnext50", "Activation and pooling, ResNeXt-50 U-Net", _sweep("resnext50_unet")
        ),
    }


def _sequences() -> list[Entry]:
    """The LGG data has no T2: contrast-enhanced T1 stands in its place."""
    t1, stack = load_training_config("gbm_unet_t1"), load_training_config("gbm_unet_stack")
    return [
        Entry("T1", "gbm_unet_t1", t1),
        Entry("T1c", "gbm_unet_t1c", t1.model_copy(update={"sequences": SequenceNeeds(required=["t1c"])})),
        Entry("FLAIR", "gbm_unet_flair_of_all_sequences", load_training_config("gbm_unet_flair")),
        Entry(
            "Stack (T1, T1c, FLAIR)",
            "gbm_unet_stack",
            stack.model_copy(update={"sequences": SequenceNeeds(required=["t1", "t1c", "flair"])}),
        ),
    ]


def _networks() -> list[Entry]:
    configs = {
        "gbm_unet_flair": "GBM U-Net",
        "lgg_unet": "LGG U-Net",
        "resnext50_unet": "U-Net + ResNeXt-50",
        "fpn_resnet34": "U-Net + FPN, ResNet-34",
        "fpn_plain": "U-Net + FPN, plain encoder",
        "segmentation_flair": "EfficientNet U-Net",
    }
    entries = [Entry(label, name, load_training_config(name)) for name, label in configs.items()]
    last = entries[-1]
    return [*entries, replace(last, label=f"{last.label}, pretrained", key=f"{last.key}_pretrained", pretrained=True)]


def _sweep(name: str) -> list[Entry]:
    config = load_training_config(name)
    entries = []
    for activation, pooling in product(get_args(ActivationName), get_args(PoolingName)):
        content = config.model_dump()
        content["model"]["network"] |= {"activation": activation, "pooling": pooling}
        own = TrainingConfig.model_validate(content)
        # As registered it is the row of the networks' table too, and is trained once.
        key = name if own == config else f"{name}_{activation}_{pooling}"
        entries.append(Entry(f"{activation.replace('_', ' ')}, {pooling}", key, own))
    return entries


def run_table(
    table: Table,
    studies: tuple[list[LabelledStudy], list[LabelledStudy]],
    options: argparse.Namespace,
    prepared: Prepared,
) -> bool:
    """Make the rows of a table that are not there yet, and write it after each; false if one could not be made."""
    training, test = (_with_sequences(part, table.sequences) for part in studies)
    done: list[tuple[str, Row]] = []
    whole = True
    for entry in table.entries:
        if options.rows and entry.key not in options.rows:
            continue
        if entry.pretrained and options.encoder_weights is None:
            print(f"{entry.key}: left out, because --encoder-weights is not given")
            continue
        weights = options.encoder_weights if entry.pretrained else None
        config = with_overrides(entry.config, size=options.size, base=options.base, loss=LOSS)
        work = Work(entry.key, config, training, test, f"{options.minutes} minutes", weights)
        epochs = partial(epochs_within, options.minutes, config=config, encoder_weights=weights)
        try:
            done.append((entry.label, retrain(work, epochs, options.out, prepared)))
        except GliomicsError as error:
            print(f"{entry.key}: not made: {error}")
            whole = False
        else:
            write_table(table, done, options.out)
    return whole


def _with_sequences(items: Sequence[LabelledStudy], sequences: set[str]) -> list[LabelledStudy]:
    found = [item for item in items if sequences <= set(item.study.sequences)]
    if not found:
        raise InputError(f"no labelled study of a fold has all of {', '.join(sorted(sequences))}")
    return found


def write_table(table: Table, rows: Sequence[tuple[str, Row]], out: Path) -> None:
    """Write ``<table>.csv``, ``.md`` and ``.png``."""
    best_label, best = max(rows, key=lambda item: float(np.mean(list(item[1].dice.values()))))
    columns = [
        {"row": label, **row.figures(), **interval_columns("difference_to_best", row.less(best))} for label, row in rows
    ]
    write_csv(out / f"{table.name}.csv", columns)
    write_text(out / f"{table.name}.md", _markdown(table, columns, best_label))
    write_bytes(out / f"{table.name}.png", to_png(draw(table.title, rows)))


def _markdown(table: Table, columns: Sequence[dict[str, Any]], best: str) -> str:
    first = columns[0]
    trained = markdown_table(
        ["", "parameters (millions)", "epochs", "steps", "minutes", "mean Dice", "median Dice", "minus the best"],
        [
            [
                row["row"], f"{row['parameters'] / 1e6:.1f}", str(row["epochs"]), str(row["steps"]),
                f"{row['minutes']:.1f}", with_interval(row, "mean_dice"), with_interval(row, "median_dice"),
                "" if row["row"] == best else with_interval(row, "difference_to_best", "+"),
            ]
            for row in columns
        ],
    )  # fmt: skip
    pooled = markdown_table(
        ["", *(metric.replace("_", " ") for metric in PIXEL_METRICS)],
        [[row["row"], *(f"{row[metric]:.3f}" for metric in PIXEL_METRICS)] for row in columns],
    )
    return (
        f"**{table.title}**: trained on {first['patients_trained']} patients, tested on {first['patients_tested']} "
        f"others; slices of {first['size']} x {first['size']} pixels; {first['device']}. Dice per patient with 95 % "
        f"bootstrap interval; last column: mean difference of patient Dice to {best}, patient by patient."
        f"\n\n{trained}\n"
        f"The sources' metrics, pooled over all voxels of the test patients:\n\n{pooled}"
    )


def draw(title: str, rows: Sequence[tuple[str, Row]]) -> Figure:
    """Each row's patients as dots, with mean and interval and with median."""
    figure = blank(5.6, 0.34 * len(rows) + 1.2)
    axis = figure.subplots()
    places = np.arange(len(rows))[::-1]
    axis.hlines(places, 0.0, 1.0, color=FAINT, linewidth=0.6, zorder=0)
    for place, (_, row) in zip(places, rows, strict=True):
        figures = row.figures()
        values = list(row.dice.values())
        axis.plot(
            values, np.full(len(values), place - 0.24), marker="o", linestyle="", color=MUTED, alpha=0.35,
            markersize=3.5, markeredgewidth=0, zorder=1,
        )  # fmt: skip
        interval = (figures["mean_dice_low"], figures["mean_dice_high"])
        axis.plot(interval, (place, place), color=BLUE, linewidth=2.0, zorder=2)
        axis.plot(figures["mean_dice"], place, marker="o", color=BLUE, markersize=6, zorder=3)
        axis.plot(figures["median_dice"], place, marker="|", color=GREEN, markersize=11, markeredgewidth=2, zorder=4)
    axis.set_yticks(places, [label for label, _ in rows], fontsize=TEXT)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlabel("Dice of a test patient (0 to 1)", fontsize=TEXT)
    tidy(axis)
    patients = len(rows[0][1].dice)
    handles = [
        Line2D(
            [], [], marker="o", linestyle="", color=MUTED, alpha=0.5, markersize=4, label=f"patient (n = {patients})"
        ),
        Line2D([], [], marker="o", color=BLUE, linewidth=2.0, label="mean, 95 % interval"),
        Line2D([], [], marker="|", linestyle="", color=GREEN, markersize=9, markeredgewidth=2, label="median"),
    ]
    legend_above(axis, handles, columns=3)
    axis.set_title(title, loc="left", fontsize=TITLE, color=INK, pad=22)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the tables; 1 if a row could not be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of studies with labels/final")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables; the same command goes on")
    parser.add_argument(
        "--minutes", type=float, default=3, help="training time of a row (at least 2 epochs; default 3)"
    )
    parser.add_argument(
        "--size", type=int, default=128, help="pixels of a slice's side, a multiple of 32 (default 128)"
    )
    parser.add_argument("--base", type=int, default=16, help="most channels at the first level (default 16)")
    parser.add_argument("--tables", default="a,b,c", help="of a, b, c and d (default a,b,c)")
    parser.add_argument("--rows", type=lambda text: text.split(","), help="only these, by the name of their file")
    parser.add_argument("--encoder-weights", type=Path, help="for the pretrained EfficientNet")
    parser.add_argument("--folds", type=Path, default=FOLDS, help="the first of these is tested on")
    options = parser.parse_args(arguments)
    tables, letters = the_tables(), options.tables.split(",")
    if not set(letters) <= set(tables):
        parser.error(f"--tables: found {options.tables}, expected some of {', '.join(tables)}")
    keys = [entry.key for letter in letters for entry in tables[letter].entries]
    if not set(options.rows or ()) <= set(keys):
        parser.error(f"--rows: expected some of {', '.join(keys)}")
    studies, prepared = training_and_test(options.data, options.folds), Prepared()
    whole = [run_table(tables[letter], studies, options, prepared) for letter in letters]
    return 0 if all(whole) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GliomicsError as error:
        sys.exit(f"error: {error}")
