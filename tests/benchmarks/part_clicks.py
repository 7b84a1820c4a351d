"""What clicks on a part of a tumour bring: with a network of parts, with the correction model, and with a brush.

    python -m tests.benchmarks.part_clicks --data DATA --weights FILE --fold N --out FOLDER

DATA is as in `parts_folds`, whose fold N the weights are of: its patches and its brain are of patients that they never
saw. `--brains` adds the fold's brain, in which the model that corrects a whole lesion can be
asked, too. docs/benchmarks/correction.md says what is compared and how.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gliomics.csv_files import write_csv
from gliomics.evaluation import dice
from gliomics.interactive.parts import REGIONS, PartCorrector
from gliomics.interactive.refine import Refiner
from gliomics.interactive.simulated_user import next_click
from gliomics.models import ModelStore
from gliomics.preprocess import SliceGrid, to_canonical
from gliomics.records import Click
from gliomics.report.markdown import markdown_table
from gliomics.segmentation.inputs import Inputs
from gliomics.segmentation.model import PreparedStudy
from gliomics.segmentation.postprocess import labels_of
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import PostprocessSettings
from gliomics.segmentation.weights import read_weights
from gliomics.statistics.bootstrap import bootstrap_interval
from gliomics.study import Mask, Volume, read_mask, read_volume
from gliomics.training.card import TrainingPlan, draft_card
from gliomics.training.config import load_training_config

from .parts_data import SEQUENCES, TILE, TILES, Patches, folds_of, mosaic

JUDGED = ("whole", "tumour-core", "enhancing")
SHOWN = (0, 1, 3, 5)
BRUSH = 4
"""Radius of the brush in voxels of the slice."""
MOVED = {"edges moved by 1 voxel": 1.0, "by 2.5 voxels": 2.5}
"""Standard deviations in voxels of how far the edges of a moved mask lie from the true ones."""

Tool = Callable[[Mask, str, Sequence[Click]], Mask]


class Remembering(Segmenter):
    """Answers for all slices of a study once, so that many clicks on it take no longer than one."""

    def remember(self, inputs: Inputs, probabilities: npt.NDArray[np.float32] | None = None) -> None:
        """Answer for a study from now on, as ``probabilities`` (region, i, j, k) where they are given."""
        every = range(inputs.canonical.shape[2])
        self._answered = inputs, super().probabilities_in(inputs, every) if probabilities is None else probabilities

    def probabilities_in(self, inputs: Inputs, slices: Sequence[int]) -> npt.NDArray[np.float32]:
        """What was answered; the errors of a study that was not."""
        answered, probabilities = self._answered
        if answered is not inputs:
            return super().probabilities_in(inputs, slices)
        return probabilities[..., list(slices)]


@dataclass(frozen=True)
class Case:
    """A tumour with its true label map, and the network's; nothing is known where ``known`` is false."""

    name: str
    patient: str
    study: PreparedStudy
    truth: Mask
    known: npt.NDArray[np.bool_]
    volumes: dict[str, Volume]
    automatic: Mask


def patch_cases(patches: Patches, numbers: Sequence[int], segmenter: Remembering) -> Iterator[Case]:
    """The patches of a fold, each as the network sees it among others in a mosaic."""
    for first in range(0, len(numbers), TILES**2):
        shown = list(numbers[first : first + TILES**2])
        inputs = mosaic(patches, shown, "judged").inputs
        probabilities = segmenter.probabilities(inputs)
        # Which pieces are small can be told of a whole tumour, not of a patch.
        inner = tuple(item.model_copy(update={"smallest_component": 0.0}) for item in segmenter.settings.inner)
        kept = {"postprocess": PostprocessSettings(smallest_component=0), "inner": inner}
        every = segmenter.settings.model_copy(update=kept)
        automatic = labels_of(probabilities, every)
        for place, number in enumerate(shown):
            row, column = (slice(TILE * at, TILE * at + TILE) for at in divmod(place, TILES))
            image = Volume(inputs.canonical.array[row, column], np.eye(4))
            tile = Inputs(
                inputs.images[:, :, row, column], inputs.present, SliceGrid((0, 0), (TILE, TILE), TILE), image
            )
            segmenter.remember(tile, probabilities[:, row, column])
            truth, mask = (image.with_array(array) for array in (patches.labels[number], automatic[row, column]))
            study = PreparedStudy(tile, image, list(SEQUENCES), [])
            yield Case(
                f"patch {number}", str(patches.patients[number]), study, truth, ~patches.filled[number], {}, mask
            )


def brain_case(folder: Path, number: str, segmenter: Remembering) -> Case:
    """A whole brain."""
    volumes = {name: read_volume(folder / f"BraTS2021_{number}_{name}.nii.gz") for name in SEQUENCES}
    volumes = {name: to_canonical(volume) for name, volume in volumes.items()}
    truth = to_canonical(read_mask(folder / f"BraTS2021_{number}_seg.nii.gz"))
    study = segmenter.prepare(volumes)
    segmenter.remember(study.inputs)
    automatic = truth.with_array(segmenter.mask_of(study.inputs))
    return Case(number, number, study, truth, np.ones(truth.shape, bool), volumes, automatic)


def moved(truth: Mask, by: float) -> Mask:
    """A label map whose regions have edges moved by smooth noise, each inside the one before."""
    rng = np.random.default_rng(0)
    labels, around = np.zeros(truth.shape, np.uint8), np.ones(truth.shape, bool)
    for region, value in zip(JUDGED, (2, 1, 3), strict=True):
        inside = np.isin(truth.array, REGIONS[region])
        depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        noise = ndimage.gaussian_filter(rng.normal(size=truth.shape), (4, 4, 2))
        around = around & (depth + by * noise / noise.std() > 0)
        labels[around] = value
    return truth.with_array(labels)


def brushed(labels: Mask, region: str, clicks: Sequence[Click]) -> Mask:
    """The label map with a disc around the last click: of the region, or of what lies around it."""
    (i, j, k), added = clicks[-1].voxel, clicks[-1].lesion
    rows, columns = np.indices(labels.shape[:2])
    disc = np.zeros(labels.shape, bool)
    disc[:, :, k] = (rows - i) ** 2 + (columns - j) ** 2 <= BRUSH**2
    disc &= np.isin(labels.array, REGIONS[region]) != added
    painted = {"whole": (2, 0), "tumour-core": (1, 2), "enhancing": (3, 1)}[region][0 if added else 1]
    return labels.with_array(np.where(disc, painted, labels.array).astype(np.uint8))


def whole_lesion_model(refiner: Refiner, case: Case) -> Tool:
    """What the model that corrects a whole lesion makes of a region, as if this were the lesion."""
    study = refiner.prepare(case.volumes)

    def tool(labels: Mask, region: str, clicks: Sequence[Click]) -> Mask:
        before = np.isin(labels.array, REGIONS[region])
        after = refiner.refine(study, labels.with_array(before.astype(np.uint8)), clicks).array > 0
        added, removed = {"whole": (2, 0), "tumour-core": (1, 2), "enhancing": (3, 1)}[region]
        array = np.where(after & ~before, added, np.where(before & ~after, removed, labels.array))
        return labels.with_array(array.astype(np.uint8))

    return tool


def judged_case(case: Case, corrector: PartCorrector, refiner: Refiner) -> Iterator[dict[str, Any]]:
    """Trials with each tool, from the network's own label map and from one with moved edges."""
    tools: dict[str, Tool] = {
        "network of parts": lambda labels, region, clicks: corrector.click(case.study, labels, region, clicks),
        "brush": brushed,
        **({"correction model": whole_lesion_model(refiner, case)} if case.volumes else {}),
    }
    starts = {"automatic": case.automatic, **{name: moved(case.truth, by) for name, by in MOVED.items()}}
    for begin, start in starts.items():
        for region in JUDGED:
            if not (np.isin(case.truth.array, REGIONS[region]) & case.known).any():
                continue
            for name, tool in tools.items():
                scores = trial(case, start, region, tool, max(SHOWN))
                judged = {"start": begin, "region": region, "tool": name, "patient": case.patient, "case": case.name}
                yield {**judged, **{f"after_{n}": scores[n] for n in SHOWN}}


def trial(case: Case, start: Mask, region: str, tool: Tool, clicks: int) -> list[float]:
    """The Dice of the region before the first click and after each."""
    rng = np.random.default_rng(0)
    truth, known = np.isin(case.truth.array, REGIONS[region]), case.known
    labels, said = start, list[Click]()
    scores = []
    while True:
        inside = np.isin(labels.array, REGIONS[region])
        scores.append(dice(inside & known, truth & known))
        if len(scores) > clicks:
            return scores
        now, wanted = (
            case.truth.with_array(array.astype(np.uint8)) for array in (inside, np.where(known, truth, inside))
        )
        click = next_click(now, wanted, rng, slice_axis=2)
        if click is None:
            return scores + [scores[-1]] * (clicks + 1 - len(scores))
        said.append(click)
        labels = tool(labels, region, said)


def main() -> None:
    """Print a table of each kind of case and start, and write all trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--data", "--weights", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--fold", type=int, required=True)
    parser.add_argument("--brains", action="store_true")
    options = parser.parse_args()
    config = load_training_config("segmentation_parts")
    card = draft_card(TrainingPlan(config, population="see docs/models/segmentation_parts.md"), [])
    segmenter = Remembering.from_state(card, read_weights(options.weights))
    corrector, refiner = PartCorrector(segmenter), Refiner(ModelStore(None).current("correction"))
    patches = Patches.read(options.data / "brats2020_lesion_patches.npz")
    numbers = sorted(path.name.split("_")[1] for path in (options.data / "brats2021").glob("*_seg.nii.gz"))
    fold_of = folds_of(patches.patients.tolist(), len(numbers))
    judged = [at for at, patient in enumerate(patches.patients) if fold_of[str(patient)] == options.fold]
    rows: list[dict[str, Any]] = []

    def judge(kind: str, case: Case) -> None:
        rows.extend({"kind": kind, **row} for row in judged_case(case, corrector, refiner))
        write_csv(options.out / "part_clicks.csv", rows)
        print(kind, case.name, flush=True)

    for case in patch_cases(patches, judged, segmenter):
        judge("patches", case)
    if options.brains:
        judge("brain", brain_case(options.data / "brats2021", numbers[options.fold], segmenter))
    print(summary(rows))


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """Mean Dice after so many clicks, with its interval over patients where there are several."""
    scores: dict[tuple[str, ...], dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        key = tuple(str(row[name]) for name in ("kind", "start", "region", "tool"))
        scores[key][str(row["patient"])].append([float(row[f"after_{n}"]) for n in SHOWN])
    table = []
    for key, patients in sorted(scores.items()):
        means = np.array([np.mean(values, axis=0) for values in patients.values()])
        intervals = [bootstrap_interval(column) for column in means.T.tolist()]
        texts = [
            f"{each.value:.3f}" + ("" if each.low is None else f" ({each.low:.3f} to {each.high:.3f})")
            for each in intervals
        ]
        table.append([*key, str(len(patients)), *texts])
    return markdown_table(["cases", "begin with", "region", "with", "n", *(f"{n} clicks" for n in SHOWN)], table)


if __name__ == "__main__":
    main()
