"""The native engine against plain PyRadiomics: the largest difference by class and case, its speed and its memory.

What is measured is written to ``docs/benchmarks/native_engine.md``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from scipy.ndimage import distance_transform_edt

from gliomics.features.config import parse_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.intake import import_folder
from gliomics.study import Mask, Volume, label_path, open_studies, read_mask, read_volume
from tests.conftest import PROJECT
from tests.unit.features.plain import EVERY_CLASS, plain_pyradiomics
from tests.unit.features.random_regions import Case, cases, differences

pytestmark = pytest.mark.realdata

PAGE = PROJECT / "docs" / "benchmarks" / "native_engine.md"
ORIGINAL: dict[str, Any] = {"Original": {}}
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


def cpu_seconds(work: Callable[[], object]) -> float:
    """The fewer CPU seconds of two runs."""
    taken = []
    for _ in range(2):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def test_speed_and_memory(named_cases: dict[str, tuple[Volume, Mask]], page: list[str]) -> None:
    image, small = named_cases["TCGA-DU-7294"]
    distance = distance_transform_edt(small.array == 0)
    distance[image.array <= 0] = np.inf
    large = small.with_array((distance <= np.sort(distance, axis=None)[LARGE_REGION]).astype(np.uint8))
    full = {"Original": {}, "LoG": {"sigma": [1.0, 3.0, 5.0]}, "Wavelet": {}}
    page += [
        "## Speed", "",
        "CPU seconds in one run of one process, the image (240 x 240 x 155) read before; times as fast as plain "
        "PyRadiomics in brackets.", "",
        "| images | voxels | plain PyRadiomics | PyRadiomics engine | native engine |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for title, images in (("original", ORIGINAL), ("original, LoG 1, 3, 5 mm, wavelet", full)):
        for mask in (small, large):
            parameters = {"imageType": images, "featureClass": EVERY_CLASS, "setting": {"binCount": 32}}
            plain = cpu_seconds(lambda p=parameters, m=mask: plain_pyradiomics(image, m, p))  # type: ignore[misc]
            today, native = (
                cpu_seconds(lambda p=parameters, m=mask, e=engine: measured(image, m, p, e))  # type: ignore[misc]
                for engine in ("pyradiomics", "native")
            )
            voxels = np.count_nonzero(mask.array)
            cells = [f"{plain:.2f}", *(f"{taken:.2f} ({plain / taken:.1f})" for taken in (today, native))]
            page.append(f"| {title} | {voxels:,} | " + " | ".join(cells) + " |")
            assert native < today
    for levels in (32, 400):
        measured(image, large, {"featureClass": EVERY_CLASS, "setting": {"binCount": levels}}, "native")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    page += [
        "",
        f"The process of all of this page, plain PyRadiomics included, took at most {memory / 2**30:.1f} GB of memory.",
    ]
    assert memory < 2 * 2**30
