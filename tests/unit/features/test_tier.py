"""When the native engine counts by compiled kernels, and that these come about safely wherever it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gliomics.features.native import tier
from tests.conftest import PROJECT

pytest.importorskip("numba")
pytestmark = pytest.mark.slow

COUNT = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from gliomics.features.native.counts import count
from gliomics.features.native.neighbours import RegionLevels, offsets_of
from gliomics.features.native.tier import counting_by
classes, bytes_of_file = sys.argv[1].split(","), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_of_file, bytes_of_file))
matrix = np.random.default_rng(0).integers(0, 4, (12, 11, 9))
def counted(way):
    with counting_by(way):
        region = RegionLevels.of(matrix)
        offsets = offsets_of(region.shape, [1], {})
        return repr(count(region, offsets, offsets, wanted=classes))
with ThreadPoolExecutor(2) as pool:
    ways = [*pool.map(counted, ["compiled", "compiled"])]
assert ways == [counted("numpy")] * 2
from gliomics.features.native import counts, tier
print("equal", tier.kernel.cache_info().currsize)
"""


def start(classes: str, *, bytes_of_file: int = -1, **variables: str) -> subprocess.Popen[str]:
    """A Python process that counts by kernels in two threads at once and compares with NumPy."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "lib"), **variables}
    command = [sys.executable, "-c", COUNT, classes, str(bytes_of_file)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_and_threads_compile_at_once_and_what_they_compiled_is_kept(tmp_path: Path) -> None:
    processes = [start("glcm,gldm,glrlm,glszm,ngtdm", NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert output == "equal 5\n", errors
    assert len(list(tmp_path.rglob("*.nbi"))) == 5


def test_folder_that_cannot_be_written_costs_the_keeping_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "folder")}
    process = start("ngtdm", NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator", **nowhere)
    output, errors = process.communicate(timeout=300)
    assert output == "equal 1\n", errors


def test_full_disk_costs_the_keeping_alone(tmp_path: Path) -> None:
    process = start("gldm", bytes_of_file=1000, NUMBA_CACHE_DIR=str(tmp_path))
    output, errors = process.communicate(timeout=300)
    assert output == "equal 1\n", errors
    assert list(tmp_path.rglob("*.nbc")) == []


def test_process_goes_over_to_kernels_once_it_has_counted_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tier._Work, "voxels", 0)
    assert not tier.compiled_for(600_000)
    assert tier.compiled_for(600_000)
    assert tier.compiled_for(1)
    with tier.counting_by("numpy"):
        assert not tier.compiled_for(600_000)
