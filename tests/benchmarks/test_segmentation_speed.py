"""How much longer a segmentation takes than the network's bare forward passes over the same slices."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch

from gliomics.bundled import bundled
from gliomics.models import ModelStore
from gliomics.segmentation.cases import prepare
from gliomics.segmentation.labelled import load_volumes
from gliomics.segmentation.predict import Segmenter
from gliomics.segmentation.train import bfloat16_is_fast
from gliomics.study import find_study

pytestmark = pytest.mark.bench


def median_seconds(work: Callable[[], object], runs: int = 5) -> float:
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[runs // 2]


@pytest.mark.parametrize("model", ["segmentation_flair", "segmentation_multi"])
def test_segmentation_takes_little_more_than_the_forward_passes(model: str) -> None:
    folder = ModelStore().current(model)
    segmenter = Segmenter(folder)
    study = find_study(bundled("sample_studies"), "sample-01")
    volumes = load_volumes(study, folder.card)
    inputs = prepare(volumes, segmenter.sequences, segmenter.settings.input)
    count = inputs.images.shape[1]

    def forward() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_fast()):
            for start in range(0, count, 8):
                batch = inputs.slices(range(start, min(start + 8, count)), segmenter.settings.input.context)
                segmenter.network(batch.contiguous(memory_format=torch.channels_last))

    bare, whole = median_seconds(forward), median_seconds(lambda: segmenter.segment(volumes))
    print(f"\n{model}: {whole:.2f} s for {count} slices, forward passes {bare:.2f} s, ratio {whole / bare:.2f}")
    assert whole / bare < 2
