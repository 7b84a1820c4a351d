"""Whatever is in the place of a file that the server keeps, it answers, and everything else works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.odd_files import KINDS, STUDIES, OddFolder
from tests.server.servers import start_server


@pytest.fixture(scope="module")
def a_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OddFolder]:
    """A running server over studies with labels, reviews, notes, a session and a model."""
    folder = OddFolder(tmp_path_factory.mktemp("odd"))
    yield folder
    folder.server.stop()


def test_every_kept_file_that_is_replaced_is_told_and_hinders_nothing_else(a_folder: OddFolder) -> None:
    for number, path in enumerate(a_folder.kept()):
        kind = KINDS[number % len(KINDS)]  # all of them with all files: tests/benchmarks/test_odd_files.py
        with a_folder.replaced({path: kind}):
            a_folder.check(path, kind)
    assert a_folder.ask("GET", "/datastore/?output=all").json()["broken"] == {}


def test_a_server_starts_again_over_files_that_are_all_something_else(a_folder: OddFolder) -> None:
    a_folder.server.stop()
    files = [path for path in a_folder.kept() if ".lock" not in path.name]
    odd = {path: KINDS[number % len(KINDS)] for number, path in enumerate(files)}
    with a_folder.replaced(odd):
        a_folder.server = start_server(a_folder.studies)
        assert sorted(a_folder.ask("GET", "/datastore/?output=all").json()["objects"]) == [*STUDIES, "single"]
        a_folder.work_on(STUDIES[2])
        assert "broken_models" in a_folder.ask("GET", "/info/").json()
