"""Next sample and label save with ten thousand studies beside ten, in one run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gliomics.study import Study, write_mask, write_study_json, write_volume
from tests.server.servers import Server, start_server
from tests.server.studies import a_lesion_case

pytestmark = pytest.mark.bench

FEW, MANY = 10, 10_000
REQUESTS = 60


def a_folder(root: Path, count: int) -> Path:
    """So many studies that share one image file by hard links."""
    volumes, _ = a_lesion_case(0)
    first = root / "flair.nii.gz.kept"
    write_volume(volumes["flair"], root / "kept.nii.gz")
    (root / "kept.nii.gz").rename(first)
    studies = root / "studies"
    for number in range(count):
        folder = studies / f"case-{number:05d}"
        folder.mkdir(parents=True)
        os.link(first, folder / "flair.nii.gz")
        study = Study(folder.name, folder.name, folder, {"flair": folder / "flair.nii.gz"})
        write_study_json(folder, [study])
    return studies


def p95(work: Callable[[int], object]) -> float:
    times = []
    for number in range(REQUESTS):
        started = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - started)
        time.sleep(0.15)
    return float(np.percentile(times, 95))


def measured(server: Server, mask: Path) -> dict[str, float]:
    client = server.client
    client.next_sample("first")
    return {
        "next sample": p95(lambda number: client.next_sample("random", seed=number)),
        "label save": p95(lambda number: client.save_label(f"case-{number % FEW:05d}", mask)),
    }


def test_ten_thousand_studies_are_as_fast_as_ten(tmp_path: Path) -> None:
    mask = tmp_path / "mask.nii.gz"
    write_mask(a_lesion_case(0)[1], mask)
    found = {}
    for count in (FEW, MANY):
        root = tmp_path / str(count)
        root.mkdir()
        server = start_server(a_folder(root, count))
        try:
            found[count] = measured(server, mask)
        finally:
            server.stop()
    for name in found[FEW]:
        few, many = found[FEW][name], found[MANY][name]
        print(f"\n{name}: p95 {1e3 * few:.0f} ms with {FEW} studies, {1e3 * many:.0f} ms with {MANY}")
        assert many <= 2 * few
