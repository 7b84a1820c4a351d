"""The native engine against plain PyRadiomics: the largest difference by class and case, its speed and its memory.

What is measured is written to ``docs/benchmarks/native_engine.md``.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from scipy.ndimage import distance_transform_edt, gaussian_filter

from gliomics.features.config import parse_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.native.tier import Tier, counting_by
from gliomics.features.provenance import content_sha256
from gliomics.intake import import_folder
from gliomics.preprocess.intensity import foreground
from gliomics.study import Mask, Volume, label_path, open_studies, read_mask, read_volume, write_mask, write_volume
from tests.conftest import PROJECT
from tests.unit.features.plain import EVERY_CLASS, plain_pyradiomics
from tests.unit.features.random_regions import Case, cases, differences

pytestmark = pytest.mark.realdata

PAGE = PROJECT / "docs" / "benchmarks" / "native_engine.md"
ORIGINAL: dict[str, Any] = {"Original": {}}
FULL: dict[str, Any] = {"Original": {}, "LoG": {"sigma": [1.0, 3.0, 5.0]}, "Wavelet": {}}
FILTERS: dict[str, Any] = {
    "LoG": {"sigma": [1.0, 3.0], "binCount": 32}, "Wavelet": {"binCount": 32}, "Gradient": {"binCount": 32},
    "Square": {"binCount": 32}, "SquareRoot": {"binCount": 32}, "Logarithm": {"binCount": 32},
    "Exponential": {"binCount": 32}, "LBP2D": {"binCount": 10},
}  # fmt: skip
RELATIVE = 1e-6
LARGE_REGION = 200_000


def measured(image: Volume, mask: Mask, parameters: dict[str, Any], engine: str) -> dict[str, float]:
    config = parse_config({**parameters, "engine": engine}, "parameters.yaml")
    row = extract_features(StudyImages("case", {"image": image}), mask, config)
    return {name.removeprefix("image_"): value for name, value in row.values.items()}


def largest_by_class(image: Volume, mask: Mask, images: dict[str, Any]) -> dict[str, float]:
    """The largest relative difference from plain PyRadiomics by class, of values that are not 0 but for rounding."""
    parameters = {"imageType": images, "featureClass": EVERY_CLASS, "setting": {"binCount": 32}}
    ours, plain = measured(image, mask, parameters, "native"), plain_pyradiomics(image, mask, parameters)
    defined = {name: value for name, value in plain.items() if np.isfinite(value)}
    assert ours.keys() == defined.keys()
    found: dict[str, float] = {}
    for name, value in defined.items():
        kind = name.split("_")[-2]
        found[kind] = max(found.get(kind, 0.0), abs(ours[name] - value) / max(abs(value), 1e-6))
    return found


@pytest.fixture(scope="module")
def named_cases(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Volume, Mask]]:
    """PyRadiomics' own cases, the sample studies, and real patients."""
    found = {}
    for name in ("brain1", "brain2"):
        folder = real_data / "pyradiomics"
        found[name] = read_volume(folder / f"{name}_image.nrrd"), read_mask(folder / f"{name}_label.nrrd")
    samples = PROJECT / "sample_studies"
    for number in (1, 2, 4, 7):
        name = f"sample-{number:02}"
        found[name] = read_volume(samples / name / "flair.nii.gz"), read_mask(samples / "truth" / f"{name}.nii.gz")
    brats = real_data / "brats"
    found["TCGA-DU-7294"] = read_volume(brats / "TCGA-DU-7294_fla.nii.gz"), read_mask(brats / "TCGA-DU-7294_seg.nii.gz")
    folder = tmp_path_factory.mktemp("lgg")
    restore = [sys.executable, str(real_data / "lgg" / "restore.py"), str(folder)]
    subprocess.run(restore, check=True, capture_output=True)
    import_folder(folder, folder / "studies")
    for study in open_studies(folder / "studies", lambda path, error: None)[::22]:
        found[study.id] = read_volume(study.path("flair")), read_mask(label_path(folder / "studies", study.id))
    whole = {name: (image, mask.with_array((mask.array > 0).astype(np.uint8))) for name, (image, mask) in found.items()}
    return whole


@pytest.fixture(scope="module")
def page() -> Iterator[list[str]]:
    """The lines of the page, which is written when all is measured."""
    lines: list[str] = []
    yield lines
    PAGE.write_text("\n".join(lines) + "\n")


def test_values_equal_those_of_plain_pyradiomics(named_cases: dict[str, tuple[Volume, Mask]], page: list[str]) -> None:
    tables = {
        "Original image": {name: largest_by_class(*case, ORIGINAL) for name, case in named_cases.items()},
        "Filtered images (LoG, wavelet, gradient, square, square root, logarithm, exponential, LBP)": {
            name: largest_by_class(*case, FILTERS)
            for name, case in named_cases.items()
            if name in ("brain1", "brain2", "sample-02", "TCGA-DU-7294")
        },
    }
    page += [
        "# The native engine beside PyRadiomics",
        "",
        "Written by `python -m pytest tests/benchmarks/test_native_engine.py`. Each cell is the largest relative",
        "difference of a class's features from plain PyRadiomics 3.0.1, called as its documentation says, on the whole",
        "image; values below 1e-6 count as 1e-6. ITK computes LoG in single precision.",
        "",
    ]
    for title, table in tables.items():
        classes = sorted({kind for row in table.values() for kind in row})
        page += [f"## {title}", "", "| case | " + " | ".join(classes) + " |", "|---" * (len(classes) + 1) + "|"]
        for name, row in table.items():
            page.append(
                f"| {name} | " + " | ".join(f"{row[kind]:.0e}" if kind in row else "" for kind in classes) + " |"
            )
        page.append("")
    largest = max(value for table in tables.values() for row in table.values() for value in row.values())
    assert largest < RELATIVE


def test_two_thousand_random_regions_have_the_values_of_pyradiomics(page: list[str]) -> None:
    largest: dict[str, float] = {}

    @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases())
    def compare(case: Case) -> None:
        for name, share in differences(case).items():
            largest[name] = max(largest.get(name, 0.0), share)
            assert share <= 1, (name, case)

    compare()
    page += [
        "## Random regions",
        "",
        "2,000 random images, regions and settings, up to 9 voxels along an axis",
        "(`tests/unit/features/random_regions.py`): every feature within 1e-9 of PyRadiomics', relative or absolute",
        f"(1e-6 for axes of flat regions), and at most at {max(largest.values()):.0%} of that.",
        "",
    ]


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of the run of two that took fewer of the first."""
    taken = []
    for _ in range(2):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        taken.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(taken)


def around_lesion(image: Volume, mask: Mask) -> Mask:
    """The voxels of the head that are nearest to the lesion, as many as :data:`LARGE_REGION`."""
    distance = distance_transform_edt(mask.array == 0)
    distance[image.array <= 0] = np.inf
    return mask.with_array((distance <= np.sort(distance, axis=None)[LARGE_REGION]).astype(np.uint8))


def sarcomas() -> list[tuple[Volume, Mask]]:
    """Four balls of 270,000 voxels in images of smoothed noise: as large as sarcomas of the limbs are, of 80 mm."""
    found = []
    for seed in range(4):
        noise = gaussian_filter(np.random.default_rng(seed).normal(size=(96, 96, 96)), 1)
        inside = np.linalg.norm(np.indices(noise.shape) - 47.5, axis=0) < 40
        found.append((Volume(300 + 100 * noise / noise.std(), np.eye(4)), Volume(inside.astype(np.uint8), np.eye(4))))
    return found


def scaled(image: Volume) -> Volume:
    """As the preset ``panel`` scales images: 100 for a standard deviation of the head."""
    inside = image.array[foreground(image.array)].astype(np.float64)
    return image.with_array((image.array - inside.mean()) / inside.std() * 100)


def most_memory(image: Volume, mask: Mask) -> int:
    """Bytes that this process took at most, after measuring a region in several ways."""
    tiers: list[Tier] = ["numpy", "compiled"]
    for tier, levels, images in product(tiers, (32, 400), (ORIGINAL, FULL)):
        with counting_by(tier):
            parameters = {"imageType": images, "featureClass": EVERY_CLASS, "setting": {"binCount": levels}}
            measured(image, mask, parameters, "native")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


Job = tuple[str, list[tuple[Volume, Mask]], dict[str, Any], float]


def jobs(real_data: Path, flair: Volume, small: Mask) -> list[Job]:
    """What is timed: its name, images and regions, parameters, and how many times as fast as PyRadiomics it must be."""
    large = around_lesion(flair, small)
    images = [read_volume(real_data / "brats" / f"TCGA-DU-7294_{name}.nii.gz") for name in ("t1", "t1c", "t2", "fla")]
    textures = {name: names for name, names in EVERY_CLASS.items() if name not in ("shape", "firstorder")}

    def parameters(image_types: dict[str, Any], classes: Any = EVERY_CLASS, **setting: Any) -> dict[str, Any]:
        return {"imageType": image_types, "featureClass": classes, "setting": setting or {"binCount": 32}}

    return [
        ("original, FLAIR, 24,188 voxels", [(flair, small)], parameters(ORIGINAL), 5),
        ("full set, FLAIR, 24,188 voxels", [(flair, small)], parameters(FULL), 6),
        ("full set, four sequences, 24,188 voxels", [(image, small) for image in images], parameters(FULL), 6),
        ("panel preset, four sequences, 24,188 voxels", [(scaled(image), small) for image in images],
         parameters(ORIGINAL, binWidth=10), 5),
        ("original, FLAIR, 200,064 voxels", [(flair, large)], parameters(ORIGINAL), 8),
        ("full set, FLAIR, 200,064 voxels", [(flair, large)], parameters(FULL), 6),
        ("textures, four regions of 268,096 voxels", sarcomas(), parameters(ORIGINAL, textures), 8),
    ]  # fmt: skip


def beside_pictologics(image: Volume, mask: Mask) -> list[str]:
    """A paragraph on the same classes by pictologics, whose interpreter ``PICTOLOGICS_PYTHON`` names; none without."""
    interpreter = os.environ.get("PICTOLOGICS_PYTHON")
    if interpreter is None:
        return []
    parameters = {"imageType": ORIGINAL, "featureClass": EVERY_CLASS, "setting": {"binCount": 32}}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("image.nii.gz", "mask.nii.gz")]
        write_volume(image, paths[0])
        write_mask(mask, paths[1])
        command = [interpreter, "-P", str(Path(__file__).with_name("pictologics_features.py")), *map(str, paths)]
        environment = {**os.environ, "PICTOLOGICS_NUM_THREADS": "1"}
        taken = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split("\n")
    with counting_by("compiled"):
        ours, _ = min(seconds(lambda: measured(image, mask, parameters, "native")) for _ in range(4))
    hashes, _ = min(seconds(lambda: [content_sha256(volume) for volume in (image, mask)]) for _ in range(4))
    return [
        "",
        "The region of 200,064 voxels beside `pictologics` in an environment of its own, in CPU seconds on one thread",
        f"at best: {taken[1]} (intensity, morphology and texture; {taken[0]}), all classes here {ours:.3f} s; of that",
        f"{hashes:.3f} s are hashes of image and mask, which `pictologics` does not make.",
    ]


def test_speed_and_memory(real_data: Path, named_cases: dict[str, tuple[Volume, Mask]], page: list[str]) -> None:
    flair, small = named_cases["TCGA-DU-7294"]
    page += [
        "## Speed", "",
        "CPU seconds / wall seconds in one run of one process, images read before and Numba's loops compiled before;",
        "times as fast as plain PyRadiomics, by CPU seconds, in brackets. The full set is original, LoG 1, 3, 5 mm and",
        "wavelets. Other programs that run beside lengthen wall seconds.", "",
        "| measured | plain PyRadiomics | PyRadiomics engine | native, NumPy | native, compiled |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    with counting_by("compiled"):
        measured(flair, small, {"featureClass": EVERY_CLASS, "setting": {"binCount": 32}}, "native")
    slow = []
    for title, cases_of_job, parameters, floor in jobs(real_data, flair, small):
        ways: dict[str, Callable[[Volume, Mask], object]] = {
            "plain": lambda image, mask, p=parameters: plain_pyradiomics(image, mask, p),
            "today": lambda image, mask, p=parameters: measured(image, mask, p, "pyradiomics"),
            "numpy": lambda image, mask, p=parameters: measured(image, mask, p, "native"),
            "compiled": lambda image, mask, p=parameters: measured(image, mask, p, "native"),
        }  # type: ignore[misc]
        taken = {}
        for name, way in ways.items():
            with counting_by("compiled" if name == "compiled" else "numpy"):
                taken[name] = seconds(lambda way=way, of=cases_of_job: [way(*case) for case in of])  # type: ignore[misc]
        cells = [
            f"{cpu:.2f} / {wall:.2f}" + (f" ({taken['plain'][0] / cpu:.1f})" if name != "plain" else "")
            for name, (cpu, wall) in taken.items()
        ]
        page.append(f"| {title} | " + " | ".join(cells) + " |")
        print(page[-1], flush=True)
        if taken["plain"][0] < floor * taken["compiled"][0] or taken["numpy"][0] > taken["today"][0]:
            slow.append(page[-1])
    large = around_lesion(flair, small)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        memory = pool.apply(most_memory, (flair, large))
    page += [
        "",
        "A process that measures the original image and the full set of the region of 200,064 voxels, with 32 and 400",
        f"grey levels and by both tiers, took at most {memory / 2**30:.1f} GB of memory, libraries and image included.",
    ]
    page += beside_pictologics(flair, large)
    print(page[-1], slow)
    assert memory < 2 * 2**30
    assert slow == []
