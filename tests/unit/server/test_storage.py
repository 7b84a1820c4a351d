"""What clients are told where a file cannot be written, or has gone."""

from __future__ import annotations

from pathlib import Path

from gliomics.errors import InputError
from gliomics.server.storage import removed_meanwhile


def test_a_file_of_the_studies_folder_that_has_gone_is_told(tmp_path: Path) -> None:
    def error_of(path: Path) -> OSError:
        try:
            path.open()
        except OSError as error:
            return error
        return OSError()

    told = removed_meanwhile(error_of(tmp_path / "labels" / "final" / "case.nii.gz"), tmp_path)
    assert told is not None
    assert told.status == 409 and "case.nii.gz was removed or renamed" in str(told)
    (tmp_path / "is_there").mkdir()
    assert removed_meanwhile(error_of(tmp_path / "is_there"), tmp_path) is None
    assert removed_meanwhile(error_of(tmp_path.parent / "missing"), tmp_path) is None, "nothing of the studies"
    assert removed_meanwhile(InputError("else"), tmp_path) is None
