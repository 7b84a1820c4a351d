"""Labelled tumours of four kinds as cases of a network of tumour parts; each says what it knows, and no more.

Whole brains with parts; patches of lesions with parts (central ones: the outer oedema is cut off); clinical slices of
contrast-enhanced T1 with the outlined core; lower-grade gliomas with the whole outlined in another convention.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from gliomics.models import ModelCard
from gliomics.preprocess import SliceGrid
from gliomics.segmentation.inputs import Inputs, LabelledCase, prepare, prepare_case
from gliomics.segmentation.labelled import LabelledStudy, prepare_labelled
from gliomics.segmentation.settings import InputSettings
from gliomics.study import Volume, list_studies, read_mask, read_volume
from gliomics.study.labels import find_label
from gliomics.study.patients import canonical_patient

SEQUENCES = ("t1c", "t1", "t2", "flair")
INNER = ({1, 3}, {3})
"""Values of the core and of what enhances in BraTS's labels since 2023."""

TILE, TILES = 32, 6
"""Voxels along a patch, and patches along a mosaic of them."""

_PLANES = ((1, 2, 0), (0, 2, 1), (0, 1, 2))
"""Orders of a patch's axes with its slices last."""

SAME_PATIENT = {
    "01476": "TCGA_CS_4942", "01478": "TCGA_CS_5393", "01479": "TCGA_CS_5396",
    "01481": "TCGA_CS_6186", "01482": "TCGA_CS_6188", "01483": "TCGA_CS_6665",
}  # fmt: skip
"""Brains of BraTS 2021 that are of patients of the lower-grade cohort, too."""


def brains(folder: Path, settings: InputSettings) -> list[LabelledCase]:
    """The whole brains of BraTS 2021, ``BraTS2021_<number>_<sequence>.nii.gz`` with ``_seg``."""
    cases = []
    for label in sorted(folder.glob("BraTS2021_*_seg.nii.gz")):
        number = label.name.split("_")[1]
        volumes = {name: read_volume(label.with_name(f"BraTS2021_{number}_{name}.nii.gz")) for name in SEQUENCES}
        patient = canonical_patient(SAME_PATIENT.get(number, number))
        mask = read_mask(label)
        cases.append(prepare_case(number, patient, volumes, mask, sequences=SEQUENCES, settings=settings, inner=INNER))
    return cases


@dataclass(frozen=True)
class Patches:
    """Patches of lesions: standardised images (n, sequence, i, j, k), labels (n, i, j, k) and patients.

    ``filled`` (n, i, j, k) is where a patch was filled up: nothing is known there.
    """

    images: npt.NDArray[np.float16]
    labels: npt.NDArray[np.uint8]
    filled: npt.NDArray[np.bool_]
    patients: npt.NDArray[np.str_]

    @classmethod
    def read(cls, path: Path) -> Patches:
        stored = np.load(path, allow_pickle=False)
        order = [list(stored["sequences"]).index(name) for name in SEQUENCES]
        images = stored["x"][:, order]
        patients = np.array([re.sub(r"_lesion\d+$", "", name) for name in stored["id"]])
        scaled = (images.astype(np.float32) / 21.25 - 4).astype(np.float16)
        return cls(scaled, stored["y"], (images == 85).all(axis=1), patients)

    def regions(self, number: int) -> npt.NDArray[np.float16]:
        """What is known of the three regions of a patch, (region, i, j, k); NaN where it was filled up."""
        labels = self.labels[number]
        regions = np.stack([labels > 0, np.isin(labels, [1, 3]), labels == 3]).astype(np.float16)
        regions[:, self.filled[number]] = np.nan
        return regions


def mosaics(patches: Patches, numbers: Sequence[int], *, seed: int) -> list[LabelledCase]:
    """Patches side by side, turned at random, so that as many are seen at once as fill an image; in three planes."""
    rng, cases = np.random.default_rng(seed), []
    for axes in _PLANES:
        order = rng.permutation(numbers)
        order = np.concatenate([order, rng.choice(numbers, -len(order) % TILES**2)])
        for first in range(0, len(order), TILES**2):
            turns = [(int(rng.integers(4)), bool(rng.integers(2))) for _ in range(TILES**2)]
            name = f"mosaic {axes[2]} {first}"
            cases.append(mosaic(patches, order[first : first + TILES**2].tolist(), name, axes, turns))
    return cases


def mosaic(
    patches: Patches,
    numbers: Sequence[int],
    name: str,
    axes: tuple[int, int, int] = (0, 1, 2),
    turns: Sequence[tuple[int, bool]] | None = None,
) -> LabelledCase:
    """Up to 36 patches side by side, each with quarter turns and mirrored or not."""
    side = TILE * TILES
    images = np.zeros((len(SEQUENCES), side, side, TILE), np.float16)
    regions = np.full((3, side, side, TILE), np.nan, np.float16)
    for place, number in enumerate(numbers):
        quarters, mirrored = turns[place] if turns else (0, False)
        row, column = (TILE * index for index in divmod(place, TILES))
        for whole, tile in ((images, patches.images[number]), (regions, patches.regions(number))):
            turned = np.rot90(tile.transpose(0, *(1 + axis for axis in axes)), quarters, (1, 2))
            whole[:, row : row + TILE, column : column + TILE] = turned[:, ::-1] if mirrored else turned
    slices = torch.from_numpy(np.moveaxis(images, 3, 1).copy())
    grid = SliceGrid((0, 0), (side, side), side)
    inputs = Inputs(slices, (True,) * len(SEQUENCES), grid, Volume(images[0].astype(np.float32), np.eye(4)), step=2)
    known = torch.from_numpy(np.moveaxis(regions, 3, 1).copy())
    return LabelledCase(name, name, inputs, known[0], regions[0] == 1, inner=known[1:])


def outlined_slices(archive: Path, settings: InputSettings) -> list[LabelledCase]:
    """Clinical slices with the core outlined, each a case of its patient; whether a voxel enhances is known outside."""
    cases = []
    with zipfile.ZipFile(archive) as content:
        rows = list(csv.DictReader(TextIOWrapper(content.open("manifest.csv"), "utf-8")))
        for row in rows:
            number = f"{int(row['figshare_id']):04d}"
            image, mask = (
                np.asarray(Image.open(BytesIO(content.read(name))).convert("L")).T[:, ::-1, None]
                for name in (f"images/{number}.webp", f"masks/{number}.png")
            )
            inputs = prepare({"t1c": Volume(image.astype(np.float32), np.eye(4))}, SEQUENCES, settings)
            core = torch.from_numpy(inputs.grid.sample((mask > 0).astype(np.float32)).astype(np.float16))
            enhancing = torch.where(core > 0, torch.nan, 0.0).to(core.dtype)
            inner = torch.stack([core, enhancing])
            unknown = torch.full_like(core, torch.nan)
            cases.append(LabelledCase(number, row["patient"], inputs, unknown, mask > 0, inner=inner))
    return cases


def whole_alone(studies: Path, card: ModelCard) -> list[LabelledCase]:
    """The labelled studies of a folder whose labels do not tell parts apart, and that have the sequences needed."""
    labelled = [
        LabelledStudy(replace(study, numbering="whole"), label)
        for study in list_studies(studies)
        if (label := find_label(studies, study.id)) is not None
    ]
    cases, _ = prepare_labelled(labelled, card)
    return [replace(case, patient_id=canonical_patient(case.patient_id)) for case in cases]


def folds_of(patients: Sequence[str], count: int, *, seed: int = 7) -> Mapping[str, int]:
    """The fold of each patient, drawn at random."""
    names = sorted(set(patients))
    return {
        name: int(number) % count
        for name, number in zip(names, np.random.default_rng(seed).permutation(len(names)), strict=True)
    }
