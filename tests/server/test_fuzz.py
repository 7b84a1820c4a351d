"""Some hundred requests of the fuzz that ``make bench`` runs ten thousand of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.fuzz import Fuzzer, leftovers
from tests.server.servers import Server, start_server

REQUESTS = 400
NOT_COPIED = shutil.ignore_patterns("slow", "logs", "tmp", "*.lock")


@pytest.fixture(scope="module")
def a_server_of_its_own(a_studies_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a copy of the studies, which the requests may change and remove."""
    studies = tmp_path_factory.mktemp("fuzz") / "studies"
    shutil.copytree(a_studies_folder, studies, ignore=NOT_COPIED)
    server = start_server(studies)
    yield server
    server.stop()


def test_no_request_makes_the_server_fail_break_a_connection_or_leave_files(
    a_server_of_its_own: Server, tmp_path: Path
) -> None:
    server = a_server_of_its_own
    outcome = Fuzzer(server, tmp_path).send(range(REQUESTS))
    assert not outcome.faults, "\n".join([outcome.tell(), *outcome.faults[:10]])
    assert {200, 400, 404} <= outcome.statuses.keys(), outcome.tell()
    assert server.process.poll() is None
    assert not leftovers(server.studies)
    assert server.client.info()["name"] == "Gliomics"
