"""Damaged files are named or read, whatever bytes are wrong; nothing else fails for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gliomics.dicom import find_examinations, read_series
from gliomics.errors import GliomicsError
from tests.unit.dicom.dicom_files import TIMES, series_pixels, without_preamble, write_enhanced, write_series

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def examination(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Single images with and without preamble, and a multi-frame file."""
    folder = tmp_path_factory.mktemp("exam")
    write_series(folder, 1, "AX T1", pixels=series_pixels(slices=3), **TIMES["t1"])
    write_enhanced(folder, 2, "AX T2", pixels=series_pixels(slices=3), echoes=(90.0,), repetition_time=4000.0)
    for path in write_series(folder, 3, "AX FLAIR", pixels=series_pixels(slices=3), **TIMES["flair"]).iterdir():
        without_preamble(path)
    return folder


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.integers(0, 1400),
    byte=st.integers(0, 255),
    series=st.integers(1, 3),
    cut=st.booleans(),
)
def test_a_damaged_file_never_fails_the_others(
    examination: Path, tmp_path: Path, position: int, byte: int, series: int, cut: bool
) -> None:
    folder = tmp_path / "exam"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(examination, folder)
    path = sorted((folder / f"series{series}").iterdir())[0]
    content = bytearray(path.read_bytes())
    position = min(position, len(content) - 1)
    content[position] = byte
    path.write_bytes(content[:position] if cut else content)
    examinations, _ = find_examinations(sorted(file for file in folder.rglob("*") if file.is_file()))
    readable = 0
    for item in (item for examination in examinations for item in examination.series):
        try:
            readable += read_series(item).array.size > 0
        except GliomicsError as error:
            assert str(error)
    assert readable >= 2
