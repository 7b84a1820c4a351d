"""Ten thousand requests from seeds, over all routes of a real server: no fault, no hang, nothing left, no growth."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from gliomics.study import write_volume
from tests.server.fuzz import TIMEOUT, Fuzzer, Outcome, leftovers
from tests.server.servers import start_server
from tests.server.studies import (
    CORRECTING,
    TINY,
    a_card,
    a_lesion_case,
    add_label,
    add_model,
    add_study,
    add_subtype_model,
    an_untrained_state,
)

REQUESTS = int(os.environ.get("GLIOMICS_FUZZ_REQUESTS", "10000"))
FIRST_SEED = int(os.environ.get("GLIOMICS_FUZZ_SEED", "0"))
THREADS = 4
WARM_UP = 0.2
"""Share of the requests after which memory counts."""

MOST_GROWTH_MB = 250
"""Memory may grow by so much after the warm-up: caches of studies and models, and no more."""

pytestmark = pytest.mark.timeout(3600)


def small_studies(root: Path) -> Path:
    """Small studies with and without labels, and tiny models of every kind."""
    for seed in range(4):
        add_study(root, f"case-{seed}", seed)
    for seed in range(10, 13):
        add_label(root, add_study(root, f"labelled-{seed - 10}", seed), seed)
    write_volume(a_lesion_case(20)[0]["flair"], root / "single.nii.gz")
    add_model(root, a_card("segmentation_flair", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    add_model(root, a_card("segmentation_multi", TINY, ["flair"], ["t1"]), an_untrained_state(TINY, 2))
    correction = a_card("correction", CORRECTING, ["flair"], []).model_copy(update={"task": "refinement"})
    add_model(root, correction, an_untrained_state(CORRECTING, 4))
    add_subtype_model(root)
    return root


def test_ten_thousand_requests_make_no_fault_and_leave_nothing(tmp_path: Path) -> None:
    server = start_server(small_studies(tmp_path / "studies"))
    files = tmp_path / "files"
    files.mkdir()
    try:
        fuzzer, process = Fuzzer(server, files), psutil.Process(server.process.pid)
        warm_up = int(REQUESTS * WARM_UP)
        first = fuzzer.send(range(FIRST_SEED, FIRST_SEED + warm_up), THREADS)
        warm = process.memory_info().rss / 2**20
        rest = fuzzer.send(range(FIRST_SEED + warm_up, FIRST_SEED + REQUESTS), THREADS)
        grown = process.memory_info().rss / 2**20 - warm
        both = Outcome(first.statuses + rest.statuses, first.faults + rest.faults, max(first.longest, rest.longest))
        print(f"\n{both.tell()}; memory {warm:.0f} MB warm, {grown:+.0f} MB at the end")
        server.client.stop_training()
        assert not both.faults, "\n".join(both.faults[:20])
        assert both.longest < TIMEOUT
        assert server.client.info()["name"] == "Gliomics"
        assert not leftovers(server.studies)
        assert grown < MOST_GROWTH_MB
    finally:
        server.stop()
