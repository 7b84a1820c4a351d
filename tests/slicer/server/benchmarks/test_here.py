"""How long 3D Slicer itself takes to read a real tumour, and how it fares meanwhile: in a process, and in a thread."""

from __future__ import annotations

import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from RadiogenomicsLib.here.calls import analyse
from RadiogenomicsLib.here.process import Asking, HereProcess
from RadiogenomicsLib.server.servercalls import CaseImages
from RadiogenomicsLib.server.volumes import OrientedImage, readNifti
from slicerloop import SlicerLoop

CASE = "TCGA-DU-7294"
NAMES = {"flair": "fla", "t1": "t1", "t1c": "t1c", "t2": "t2"}
RUNS = 5

pytestmark = [pytest.mark.alone, pytest.mark.realdata, pytest.mark.timeout(1200)]


@pytest.fixture
def case(real_data: Path) -> tuple[CaseImages, OrientedImage, dict[str, Any]]:
    """The images and the mask as the panel has them, and the request about their files."""
    folder = real_data / "brats"
    files = {sequence: folder / f"{CASE}_{name}.nii.gz" for sequence, name in NAMES.items()}
    volumes = {sequence: readNifti(path) for sequence, path in files.items()}
    label = folder / f"{CASE}_seg.nii.gz"
    mask = OrientedImage((readNifti(label).array > 0).astype(np.uint8), readNifti(label).ijkToRas)
    paths = {sequence: str(path) for sequence, path in files.items()}
    return CaseImages(CASE, volumes), mask, {"study_id": CASE, "files": paths, "region": "tumour", "task": "subtype"}


def longestBlock(runner: Any, work: Any, worker: Any) -> tuple[float, float, list[Any]]:
    """Seconds until the work is done, and the longest time in ms for which the event loop was held up."""
    loop, results = SlicerLoop(), []
    start = time.perf_counter()
    runner.start("measuring", work, results.append, backend=worker)
    loop.until(lambda: not runner._model.running, 300)
    return time.perf_counter() - start, max(block.milliseconds for block in loop.blocks), results


def test_a_real_tumour_is_read_as_by_the_server_and_the_application_stays_quick(
    application: Any, case: tuple[CaseImages, OrientedImage, dict[str, Any]], tmp_path: Path
) -> None:
    from RadiogenomicsLib.panel.jobrunner import JobRunner
    from RadiogenomicsLib.panel.viewmodel import PanelModel

    from gliomics.answers.images import MeasuredStudies
    from gliomics.answers.process import Answerer
    from gliomics.models import ModelStore
    from gliomics.server.tasks.reading import SubtypeTask
    from gliomics.study import Study

    images, mask, request = case
    runner, process = JobRunner(PanelModel(), lambda url, token: None, lambda: None), HereProcess()
    seconds, blocks, answers = [], [], []
    for _ in range(RUNS + 1):
        asking = Asking(process)
        reads = partial(analyse, asking=asking, images=images, mask=mask, region="tumour", options={})
        took, block, results = longestBlock(runner, reads, asking)
        assert results, runner._model.message
        seconds.append(took)
        blocks.append(block)
        answers += results
    process.close()

    label = tmp_path / "label.nii.gz"
    nibabel.save(nibabel.Nifti1Image(mask.array.T, mask.ijkToRas), label)
    answerer = Answerer()
    threaded = [longestBlock(runner, lambda job: answerer.answer({**request, "label": str(label)}), Asking(process))]
    threaded += [longestBlock(runner, lambda job: answerer.answer({**request, "label": str(label)}), Asking(process))]
    runner.stop()

    store = ModelStore()
    task = SubtypeTask(store, store.names("subtype"), MeasuredStudies())
    study = Study(CASE, CASE, tmp_path, {name: Path(path) for name, path in request["files"].items()})
    started = time.perf_counter()
    expected = task({**request, "study": study, "label": str(label)})[1]
    server = time.perf_counter() - started
    largest = 0.0
    for answer in answers:
        assert answer.analysis.reading.to_json() == expected["reading"]
        values = answer.analysis.features.values
        assert values.keys() == expected["features"]["values"].keys()
        differences = [abs(values[name] - v) / max(abs(v), 1e-9) for name, v in expected["features"]["values"].items()]
        largest = max(largest, *differences)
        for here, there in zip(answer.analysis.estimates, expected["estimates"], strict=True):
            for name, share in there["probabilities"].items():
                largest = max(largest, abs(here.probabilities[name] - share))
    sys.stderr.write(
        f"{np.count_nonzero(mask.array)} voxels, {len(images.volumes)} sequences; largest difference {largest:.1g}\n"
        f"process: first {seconds[0]:.1f} s, then a median of {statistics.median(seconds[1:]):.2f} s; longest block "
        f"{max(blocks):.0f} ms, median {statistics.median(blocks):.0f} ms\n"
        f"thread: {threaded[0][0]:.1f} s, then {threaded[1][0]:.2f} s; longest block "
        f"{max(block for _, block, _ in threaded):.0f} ms\nthe server's own task, first time: {server:.2f} s\n"
    )
    assert largest < 1e-6
