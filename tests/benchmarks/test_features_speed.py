"""Features against plain PyRadiomics in the same run: how much faster the whole command is, and whether it agrees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from gliomics.cohort.cache_key import cache_key
from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.feature_table import read_features_csv
from gliomics.features.config import load_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.intake import import_folder
from gliomics.study import (
    Study,
    find_study,
    label_path,
    load_sequences,
    open_studies,
    read_mask,
    read_volume,
    write_mask,
    write_study_json,
)
from tests.benchmarks.plain_features import PRESETS

pytestmark = pytest.mark.realdata

CASE = "TCGA-DU-7294"
SEQUENCES = {"t1": "t1", "t1c": "t1c", "t2": "t2", "flair": "fla"}
LARGEST_DIFFERENCE = 1e-5
LARGE_REGION = 200_000


@pytest.fixture(scope="module")
def case(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TCGA-DU-7294 as a study, with its mask and one of 200,000 voxels in ``labels`` and ``large``."""
    root = tmp_path_factory.mktemp("case")
    folder = root / "studies" / CASE
    folder.mkdir(parents=True)
    paths = {name: folder / f"{name}.nii.gz" for name in SEQUENCES}
    for name, path in paths.items():
        shutil.copy(real_data / "brats" / f"{CASE}_{SEQUENCES[name]}.nii.gz", path)
    write_study_json(folder, [Study(id=CASE, patient_id=CASE, folder=folder, sequences=paths)])
    mask = read_mask(real_data / "brats" / f"{CASE}_seg.nii.gz")
    distance = distance_transform_edt(mask.array == 0)
    distance[read_volume(paths["flair"]).array <= 0] = np.inf
    reach = np.sort(distance, axis=None)[LARGE_REGION]
    for name, inside in (("labels", mask.array > 0), ("large", distance <= reach)):
        write_mask(mask.with_array(inside.astype(np.uint8)), root / name / f"{CASE}.nii.gz")
    flair = (PRESETS / "full.yaml").read_text() + "\nsequences: [flair]\n"
    (root / "flair.yaml").write_text(flair)
    return root


def seconds(command: list[str | Path]) -> float:
    start = time.perf_counter()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - start


@pytest.mark.parametrize(
    ("masks", "config", "at_least"), [("labels", "full", 6.0), ("large", "flair.yaml", 2.0)], ids=["filters", "texture"]
)
def test_whole_command_is_several_times_as_fast_and_agrees(
    case: Path, tmp_path: Path, masks: str, config: str, at_least: float
) -> None:
    config = str(case / config) if config.endswith(".yaml") else config
    mask = case / masks / f"{CASE}.nii.gz"
    plain_command = [sys.executable, "-m", "tests.benchmarks.plain_features", case / "studies" / CASE, mask, config]
    ours_command = [Path(sys.executable).parent / "gliomics", "features", case / "studies", "--masks", mask.parent]
    plain, ours = [], []
    for run in range(2):
        plain.append(seconds([*plain_command, tmp_path / "plain.json"]))
        options = ["--config", config, "--cache", tmp_path / f"cache-{run}", "--out", tmp_path / "ours.csv"]
        ours.append(seconds([*ours_command, *options]))
    (row,) = read_features_csv(tmp_path / "ours.csv")
    differences = compared(row.values, json.loads((tmp_path / "plain.json").read_text()))
    show(differences)
    ratio = min(plain) / min(ours)
    print(
        f"{row.diagnostics['voxels']} voxels, {len(row.diagnostics['sequences'])} sequences: plain {min(plain):.1f} s, "
        f"ours {min(ours):.1f} s, {ratio:.1f} times as fast; {len(differences)} features, largest relative difference "
        f"{max(differences.values()):.1e}"
    )
    assert max(differences.values()) <= LARGEST_DIFFERENCE
    assert ratio >= at_least


def compared(ours: dict[str, float], plain: dict[str, float]) -> dict[str, float]:
    """Relative difference of every feature that PyRadiomics measures."""
    kept = {name for name in ours if "_outline_" not in name and "_ellipsoid_" not in name}
    assert kept == {name for name, value in plain.items() if np.isfinite(value)}
    return {name: abs(ours[name] - plain[name]) / max(abs(plain[name]), 1e-9) for name in sorted(kept)}


def show(differences: dict[str, float]) -> None:
    """The largest difference of each feature over sequences and filtered images."""
    features: dict[str, list[float]] = {}
    for name, difference in differences.items():
        features.setdefault("_".join(name.split("_")[-2:]), []).append(difference)
    print("\nlargest relative difference, feature by feature")
    for name, found in sorted(features.items(), key=lambda item: -max(item[1])):
        print(f"  {name:45s} {max(found):.1e}  (median of {len(found)}: {np.median(found):.1e})")


@pytest.fixture(scope="module")
def lgg_studies(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All real patients of the Kaggle set as studies."""
    folder = tmp_path_factory.mktemp("lgg")
    subprocess.run(
        [sys.executable, str(real_data / "lgg" / "restore.py"), str(folder)], check=True, capture_output=True
    )
    import_folder(folder, folder / "studies")
    return folder / "studies"


def test_panel_and_lgg_shape_of_a_real_case_take_half_a_second(lgg_studies: Path) -> None:
    times = {}
    for study in open_studies(lgg_studies, lambda path, error: None)[::4]:
        volumes = load_sequences(study, study.sequences)
        mask = read_mask(label_path(lgg_studies, study.id))

        def both(volumes=volumes, mask=mask, study=study) -> None:  # type: ignore[no-untyped-def]
            for preset in ("panel", "lgg-shape"):
                extract_features(StudyImages(study.id, volumes, spacing_known=False), mask, load_config(preset))

        both()
        start = time.perf_counter()
        both()
        times[int((mask.array > 0).sum())] = time.perf_counter() - start
    found = np.array(list(times.values()))
    for voxels in sorted(times):
        print(f"  {voxels:7d} voxels: {times[voxels]:.2f} s")
    print(f"panel + lgg-shape, warm, {len(found)} cases: median {np.median(found):.2f} s, largest {found.max():.2f} s")
    assert np.median(found) <= 0.5


def test_cohort_time_per_study_stays_flat_and_memory_bounded(lgg_studies: Path, tmp_path: Path) -> None:
    ids = [study.id for study in open_studies(lgg_studies, lambda path, error: None)]
    per_study = {}
    for count in (8, 22, 44, 88):
        some = tmp_path / f"first-{count}"
        some.mkdir()
        for study_id in ids[:count]:
            shutil.copytree(lgg_studies / study_id, some / study_id)
        command = [Path(sys.executable).parent / "gliomics", "features", some, "--out", tmp_path / "table.csv"]
        command += ["--masks", lgg_studies / "labels" / "final", "--cache", tmp_path / f"cache-{count}"]
        taken, memory = measured([str(part) for part in command])
        per_study[count] = taken / count
        print(f"{count:3d} patients: {taken:.1f} s, {taken / count:.2f} s a study, {memory / 2**20:.0f} MiB at most")
    again = seconds(command)
    print(f" 88 patients again, from the cache: {again:.1f} s")
    assert len(read_features_csv(tmp_path / "table.csv")) == 88
    assert per_study[88] <= 1.2 * per_study[8]
    assert memory < 2**31


def measured(command: list[str]) -> tuple[float, int]:
    """Seconds of a command, and the largest sum of resident memory (bytes) of its processes on the way."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    most = 0
    while process.poll() is None:
        most = max(most, resident(process.pid))
        time.sleep(0.1)
    assert process.returncode == 0
    return time.perf_counter() - start, most


def resident(session: int) -> int:
    """Private memory of all processes of a session, and what they share counted once for each: an upper bound."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/statm"):
        try:
            pid = int(status.parent.name)
            if os.getsid(pid) == session:
                total += int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (ProcessLookupError, FileNotFoundError):
            continue
    return total


def test_key_of_a_row_is_found_in_a_fraction_of_its_measuring(case: Path) -> None:
    study = find_study(case / "studies", CASE)
    job = StudyFiles(study, case / "labels" / f"{CASE}.nii.gz")
    cache_key(job, Extraction(load_config("full")))
    start = time.perf_counter()
    cache_key(job, Extraction(load_config("full")))
    taken = time.perf_counter() - start
    print(f"\nkey of four sequences of {CASE}: {1000 * taken:.0f} ms")
    assert taken < 0.5
