"""What clicks, drawn slices and strokes bring, with the correction model and without it.

    python -m tests.benchmarks.correction --data STUDIES --masks MASKS --split SPLIT --out FOLDER

docs/benchmarks/correction.md says what is compared and how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from skimage.morphology import skeletonize

from gliomics.csv_files import write_csv
from gliomics.errors import GliomicsError, InputError
from gliomics.evaluation import dice
from gliomics.files import write_bytes, write_text
from gliomics.interactive.click_benchmark import TRIAL_CLICKS, Trial, run_trial
from gliomics.interactive.refine import LESION, NOT_LESION, Refiner
from gliomics.models import ModelStore
from gliomics.preprocess import axial
from gliomics.records import Click
from gliomics.report.drawing import BLUE, FAINT, INK, MUTED, ORANGE, TEXT, blank, legend_above, to_png
from gliomics.report.markdown import markdown_table
from gliomics.segmentation.labelled import LabelledStudy, load_volumes
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.study import Mask, Volume, label_path, list_studies, read_mask
from gliomics.training.split import Split, read_split

BRUSH = 4
"""Radius of the brush in voxels of the slice."""

SHOWN = (0, 1, 3, 5, 10, 20)
DRAWN = (1, 2, 3)
STROKED = (0, 1, 3, 5)
MODEL, PLAIN = "correction model", f"brush of radius {BRUSH}"
DIFFERENCE = "difference"


@dataclass(frozen=True)
class Brush:
    """What a click does without a network: it paints a disc in its slice."""

    axis: int

    def prepare(self, volumes: Mapping[str, Volume]) -> None:
        """There is nothing to prepare."""

    def refine(self, study: None, mask: Mask, clicks: Sequence[Click]) -> Mask:
        """The mask with a disc around the last click."""
        last, array = clicks[-1], (mask.array > 0).astype(np.uint8)
        apart = [(index - at) ** 2 for index, at in zip(np.indices(array.shape), last.voxel, strict=True)]
        in_slice = sum(apart[axis] for axis in range(3) if axis != self.axis)
        array[(in_slice <= BRUSH**2) & (apart[self.axis] == 0)] = last.lesion
        return mask.with_array(array)


def clicked(refiner: Refiner, items: Sequence[LabelledStudy], masks: Path) -> dict[str, list[Trial]]:
    """Trials of the simulated annotator with the model and with the brush."""
    trials: dict[str, list[Trial]] = {MODEL: [], PLAIN: []}
    for item in items:
        mask = read_mask(masks / f"{item.study.id}.nii.gz")
        tools: dict[str, Any] = {MODEL: refiner, PLAIN: Brush(axial(mask)[0])}
        for name, tool in tools.items():
            trial = run_trial(
                tool,
                load_volumes(item.study, refiner.card),
                mask,
                read_mask(item.label),
                study_id=item.study.id,
                patient_id=item.study.patient_id,
            )
            trials[name].append(trial)
        print(f"{item.study.id}: {trials[MODEL][-1].dice[0]:.3f}, {trials[MODEL][-1].after(TRIAL_CLICKS):.3f}")
    return trials


def drawn(refiner: Refiner, items: Sequence[LabelledStudy]) -> list[dict[str, Any]]:
    """Dice of the whole lesion from so many drawn slices, continued by the model or copied from the nearest one."""
    scores: dict[tuple[str, int], list[float]] = {}
    for item in items:
        truth = read_mask(item.label)
        axis, _ = axial(truth)
        prepared = refiner.prepare(load_volumes(item.study, refiner.card))
        for count in DRAWN:
            slices = evenly(truth, axis, count)
            only = np.zeros_like(truth.array)
            place = tuple(slices if dimension == axis else slice(None) for dimension in range(3))
            only[place] = truth.array[place]
            start = truth.with_array((only > 0).astype(np.uint8))
            answers = {
                "continued by the model": refiner.propagate(prepared, start, slices).array,
                "copied": copied(start.array, slices, axis),
            }
            for name, array in answers.items():
                scores.setdefault((name, count), []).append(dice(array, truth.array))
    return [{"how": name, "slices": count, **figures(values)} for (name, count), values in scores.items()]


def stroked(refiner: Refiner, items: Sequence[LabelledStudy], masks: Path) -> list[dict[str, Any]]:
    """Dice after strokes along the middle of all errors of the worst slices: cut, or the strokes alone."""
    scores: dict[tuple[str, int], list[float]] = {}
    for item in items:
        mask, truth = read_mask(masks / f"{item.study.id}.nii.gz"), read_mask(item.label)
        axis, _ = axial(truth)
        prepared = refiner.prepare(load_volumes(item.study, refiner.card))
        for count in STROKED:
            start = mask.with_array(with_strokes(mask.array > 0, truth.array > 0, axis, count))
            answers = {
                "cut by the model": refiner.from_scribbles(prepared, start).array if count else mask.array,
                "the strokes alone": np.isin(start.array, (1, LESION)),
            }
            for name, array in answers.items():
                scores.setdefault((name, count), []).append(dice(array, truth.array))
    return [{"how": name, "slices": count, **figures(values)} for (name, count), values in scores.items()]


def with_strokes(
    mask: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], axis: int, count: int
) -> npt.NDArray[np.uint8]:
    """A mask with a user's strokes in ``count`` slices: the skeleton of what is missing, and of what is too much."""
    marked = np.moveaxis(mask.astype(np.uint8), axis, 0)
    missing, surplus = np.moveaxis(truth & ~mask, axis, 0), np.moveaxis(mask & ~truth, axis, 0)
    errors = (missing | surplus).sum(axis=(1, 2))
    for number in np.argsort(-errors, kind="stable")[:count]:
        marked[number][skeletonize(missing[number])] = LESION
        marked[number][skeletonize(surplus[number])] = NOT_LESION
    return np.moveaxis(marked, 0, axis)


def evenly(truth: Mask, axis: int, count: int) -> list[int]:
    """Slices of a lesion in the middle of its first, second, ... part of equal height."""
    others = tuple(dimension for dimension in range(3) if dimension != axis)
    inside = np.flatnonzero((truth.array > 0).any(axis=others))
    return sorted({int(part[len(part) // 2]) for part in np.array_split(inside, count) if len(part)})


def copied(array: npt.NDArray[np.uint8], slices: Sequence[int], axis: int) -> npt.NDArray[np.uint8]:
    """Every slice taken from the nearest drawn one, within the distance at which a lesion of two slices would end."""
    moved = np.moveaxis(array, axis, 0).copy()
    reach = max(2, max(np.diff(slices), default=4) // 2)
    for number in range(len(moved)):
        nearest = min(slices, key=lambda other: abs(other - number))
        if 0 < abs(nearest - number) <= reach:
            moved[number] = moved[nearest]
    return np.moveaxis(moved, 0, axis)


def figures(values: Sequence[float]) -> dict[str, Any]:
    """Mean with its 95 % bootstrap interval over studies; here each patient has one."""
    found = bootstrap_interval(values)
    return {"mean_dice": found.value, "low": found.low, "high": found.high, "n": found.n}


def curve(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Mean Dice after each number of clicks."""
    return [{"clicks": k, **figures([trial.after(k) for trial in trials])} for k in range(TRIAL_CLICKS + 1)]


def paired(trials: Mapping[str, Sequence[Trial]]) -> list[dict[str, Any]]:
    """The mean difference, patient by patient, of the model and the brush after each number of clicks."""
    both = list(zip(trials[MODEL], trials[PLAIN], strict=True))
    return [{"clicks": k, **figures([a.after(k) - b.after(k) for a, b in both])} for k in range(TRIAL_CLICKS + 1)]


def draw(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Mean Dice against the number of clicks, with intervals."""
    figure = blank(5.6, 3.4)
    axis = figure.subplots()
    for (name, rows), colour in zip(curves.items(), (BLUE, ORANGE), strict=True):
        clicks, value, low, high = (
            np.array([row[key] for row in rows]) for key in ("clicks", "mean_dice", "low", "high")
        )
        axis.fill_between(clicks, low, high, color=colour, alpha=0.15, linewidth=0)
        axis.plot(clicks, value, color=colour, marker="o", markersize=3, linewidth=1.4, label=name)
    axis.set_xticks(SHOWN)
    axis.set_xlabel("clicks", fontsize=TEXT, color=INK)
    axis.set_ylabel("mean Dice of the lesion (0 to 1)", fontsize=TEXT, color=INK)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(MUTED)
    axis.tick_params(labelsize=TEXT, colors=MUTED)
    axis.grid(axis="y", color=FAINT, linewidth=0.6)
    legend_above(axis, axis.get_lines(), columns=2)
    return figure


def write(
    trials: Mapping[str, Sequence[Trial]],
    from_slices: Sequence[Mapping[str, Any]],
    from_strokes: Sequence[Mapping[str, Any]],
    out: Path,
) -> None:
    """Write the tables and the picture."""
    curves = {name: curve(each) for name, each in trials.items()}
    tables = {**curves, DIFFERENCE: paired(trials)}
    write_csv(out / "correction_clicks.csv", [{"how": name, **row} for name, rows in tables.items() for row in rows])
    write_csv(out / "correction_slices.csv", from_slices)
    write_csv(out / "correction_strokes.csv", from_strokes)
    write_bytes(out / "correction_clicks.png", to_png(draw(curves)))
    seconds = [second for trial in trials[MODEL] for second in trial.seconds]
    text = markdown_table(
        ["", *(f"{k} clicks" for k in SHOWN)],
        [[name, *(in_words(rows[k]) for k in SHOWN)] for name, rows in tables.items()],
    )
    text += "\n\n" + slices_table("drawn slices", DRAWN, from_slices)
    text += "\n\n" + slices_table("slices with strokes", STROKED, from_strokes)
    text += f"\n\nA click takes {1e3 * float(np.median(seconds)):.0f} ms (median of {len(seconds)})."
    write_text(out / "correction.md", text)
    print(text)


def slices_table(what: str, counts: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> str:
    """Mean Dice of each way by the number of slices."""
    cells = [[str(k), *(in_words(row) for row in rows if row["slices"] == k)] for k in counts]
    return markdown_table([what, *dict.fromkeys(str(row["how"]) for row in rows)], cells)


def in_words(row: Mapping[str, Any]) -> str:
    """A mean with its interval."""
    return f"{row['mean_dice']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Let the simulated annotator correct the test patients' masks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of studies with labels/final")
    parser.add_argument("--masks", type=Path, required=True, help="masks by networks that never saw their study")
    parser.add_argument("--split", type=Path, required=True, help='JSON file {"test": [patients the model never saw]}')
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables and the picture")
    options = parser.parse_args(arguments)
    split = read_split(options.split)
    if not isinstance(split, Split) or not split.test:
        raise InputError(f'{options.split} names no "test" patients')
    studies = list_studies(options.data)
    test = split.apply([LabelledStudy(study, label_path(options.data, study.id)) for study in studies])["test"]
    refiner = Refiner(ModelStore().current("correction"))
    if set(split.test) & set(refiner.card.training.split["training"]):
        raise InputError(f"the model was trained on patients of {options.split}; its figures on them mean nothing")
    masks = options.masks
    write(clicked(refiner, test, masks), drawn(refiner, test), stroked(refiner, test, masks), options.out)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GliomicsError as error:
        sys.exit(f"error: {error}")
