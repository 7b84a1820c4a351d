"""Every file that the server keeps, replaced by everything that may lie in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.odd_files import KINDS, OddFolder


@pytest.mark.parametrize("kind", KINDS)
def test_every_kept_file_that_is_replaced_is_told_and_hinders_nothing_else(tmp_path: Path, kind: str) -> None:
    folder = OddFolder(tmp_path)
    try:
        kept = folder.kept()
        for path in kept:
            with folder.replaced({path: kind}):
                folder.check(path, kind)
        print(f"{kind}: {len(kept)} files, each replaced in turn")
    finally:
        folder.server.stop()
