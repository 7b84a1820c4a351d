from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from gliomics.cohort.feature_table import read_features_csv, rows_of_features_csv, write_features_csv
from gliomics.cohort.patient_table import patient_table
from gliomics.cohort.pieces import StudyFeatures
from gliomics.cohort.row_store import RowStore
from gliomics.errors import InputError
from gliomics.records import FeatureRow

ROWS = [
    FeatureRow(
        "case-1",
        "whole",
        {"original_shape_MeshVolume": 0.1 + 0.2, "flair_original_firstorder_Mean": -1e-300},
        {"patient_id": "0012", "spacing": [1.0, 1.0, 5.0], "spacing_known": False, "voxels": 77, "flair_bins": 30},
        ["the voxel size is unknown", 'an odd, quoted "warning"'],
    ),
    FeatureRow("case-2", "enhancing", {"t1c_original_firstorder_Mean": 3.0}, {"patient_id": "12", "note": "null"}),
]


def test_large_table_is_read_without_holding_its_rows(tmp_path: Path) -> None:
    names = [f"f{k}" for k in range(500)]
    rows = [FeatureRow(f"p-{n}", "whole", {name: n + 0.5 for name in names[n % 2 :]}) for n in range(200)]
    write_features_csv(rows, tmp_path / "features.csv")
    tracemalloc.start()
    table = patient_table(rows_of_features_csv(tmp_path / "features.csv"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3 * table.values.nbytes  # as rows, seven times as much
    assert table.names == names
    assert table.values[2].tolist() == [2.5] * 500
    assert (table.values[3, 1:] == 3.5).all()
    assert str(table.values[3, 0]) == "nan"


def test_table_reads_back_exactly_as_written(tmp_path: Path) -> None:
    write_features_csv(ROWS, tmp_path / "features.csv")
    assert read_features_csv(tmp_path / "features.csv") == ROWS


def test_study_comes_first_and_provenance_last(tmp_path: Path) -> None:
    write_features_csv(ROWS, tmp_path / "features.csv")
    header = (tmp_path / "features.csv").read_text().splitlines()[0].split(",")
    assert header[:3] == ["study_id", "region", "original_shape_MeshVolume"]
    assert header[-1] == "diagnostics_warnings"
    assert header.index("diagnostics_patient_id") > header.index("t1c_original_firstorder_Mean")


def test_table_of_another_program_needs_only_the_study(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text("study_id,original_outline_Solidity\nA,0.9\n")
    assert read_features_csv(path) == [FeatureRow("A", "whole", {"original_outline_Solidity": 0.9})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'study_id'"),
        ("id,x\n1,2\n", "has no column 'study_id'; its columns begin with id, x"),
        ("study_id,x\n", "has no rows; make it with `gliomics features"),
        ("study_id,x\nA,high\n", "line 2: column 'x' holds 'high'; features must be numbers"),
        ("study_id,x\nA\n", "line 2: the number of cells, 1, differs from the 2 columns"),
        ("study_id,x\nA,1,2\n", "line 2: the number of cells, 3, differs from the 2 columns"),
        ("study_id,x,x\nA,1,2\n", "has the column 'x' twice"),
        ("study_id,x\n,1\n", "line 2: the cell in column 'study_id' is empty"),
        ("study_id,x\nA,1\nA,2\n", "has two rows for study 'A', region 'whole'"),
    ],
)
def test_unusable_table_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"bad.csv.*{message}"):
        read_features_csv(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv does not exist"):
        read_features_csv(tmp_path / "none.csv")


WRITE = """
import resource, sys
from pathlib import Path
from gliomics.cohort.row_store import RowStore, StoredRows
from gliomics.cohort.feature_table import write_features_csv
folder, rows = Path(sys.argv[1]), int(sys.argv[2])
keys = [f"{number % 30:064d}" for number in range(rows)]
write_features_csv(StoredRows(RowStore(folder), keys), folder / "out.csv")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """300 rows of 1,100 features take 30 MB as records."""
    store = RowStore(tmp_path)
    values = {f"flair_wavelet-HHL_glcm_Feature{number}": number / 7 for number in range(1100)}
    for number in range(30):
        store.put(f"{number:064d}", StudyFeatures([FeatureRow(f"case-{number}", "whole", values)], {}))

    def peak(rows: int) -> int:
        command = [sys.executable, "-c", WRITE, str(tmp_path), str(rows)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    few, many = peak(30), peak(300)
    assert (tmp_path / "out.csv").read_text().count("\n") == 301
    assert many - few < 8_000, "kilobytes"
