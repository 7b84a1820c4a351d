"""How much longer a segmentation through the server takes than the network's bare forward passes, and its memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from gliomics.bundled import bundled
from gliomics.models import ModelStore
from gliomics.segmentation.device import best_device, mixed_precision
from gliomics.segmentation.inputs import prepare
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.segmenter import Segmenter
from gliomics.study import Study, Volume, find_study, load_sequences, write_study_json, write_volume
from tests.server.servers import start_server

SHAPE = (256, 256, 36)
RUNS = 7


def median_seconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[RUNS // 2]


@pytest.fixture(scope="module")
def a_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A sample study on a grid of 256 x 256 x 36, by nearest neighbour."""
    sample = find_study(bundled("sample_studies"), "sample-01")
    folder = tmp_path_factory.mktemp("studies") / "large"
    paths = {name: folder / f"{name}.nii.gz" for name in ("flair", "t1", "t1c")}
    for name, volume in load_sequences(sample, list(paths)).items():
        where = [np.arange(n) * m // n for n, m in zip(SHAPE, volume.shape, strict=True)]
        write_volume(
            Volume(np.ascontiguousarray(volume.array[np.ix_(*where)]), np.diag([0.85, 0.85, 3.3, 1])), paths[name]
        )
    study = Study(id="large", patient_id="large", folder=folder, sequences=paths)
    write_study_json(folder, [study])
    return study


def forward_passes(segmenter: Segmenter, study: Study) -> Callable[[], None]:
    """The network over all slices, and over their mirror images where the model averages over these."""
    settings, device = segmenter.settings.input, best_device()
    inputs = prepare(load_volumes(study, segmenter.card), segmenter.sequences, settings)
    slices = range(inputs.images.shape[1])
    batches = [
        inputs.windows(slices[start : start + 8], settings).contiguous(memory_format=torch.channels_last)
        for start in range(0, len(slices), 8)
    ]

    def run() -> None:
        with torch.inference_mode(), mixed_precision(device):
            for batch in batches:
                for _ in range(2 if segmenter.settings.mirror else 1):
                    segmenter.answering(batch)

    return run


@pytest.mark.parametrize("model", ["segmentation_flair", "segmentation_multi"])
def test_segmentation_takes_little_more_than_the_forward_passes(a_study: Study, model: str) -> None:
    segmenter = Segmenter(ModelStore().current(model))
    bare = median_seconds(forward_passes(segmenter, a_study))
    volumes = load_volumes(a_study, segmenter.card)
    inside = median_seconds(lambda: segmenter.segment(volumes))
    server = start_server(a_study.folder.parent, threads=torch.get_num_threads())
    try:
        idle = memory(server.process.pid)
        whole = median_seconds(lambda: server.client.infer(model, changed(a_study).id))
        again = median_seconds(lambda: server.client.infer(model, a_study.id))
        peak = memory(server.process.pid)
    finally:
        server.stop()
    print(
        f"\n{model} on {SHAPE}: forward passes {bare:.2f} s, "
        f"in the library {inside:.2f} s (ratio {inside / bare:.2f}), "
        f"through the server {whole:.2f} s (ratio {whole / bare:.2f}), "
        f"of a study that it has seen {again:.2f} s (ratio {again / bare:.2f}); "
        f"peak memory {peak:.0f} MB, {idle:.0f} MB idle"
    )
    assert again / bare <= 1.3
    assert whole / bare <= 1.5


def changed(study: Study) -> Study:
    """The study with files that look new, so that the server reads them again."""
    for path in study.sequences.values():
        os.utime(path)
    return study


def memory(process: int) -> float:
    """The most memory a process ever held, in MB."""
    status = Path(f"/proc/{process}/status")
    if not status.is_file():
        return psutil.Process(process).memory_info().rss / 1e6
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3
