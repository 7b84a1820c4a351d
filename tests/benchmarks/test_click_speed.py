"""How long a click takes through the server, from the request to the corrected mask."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pytest
import torch

from gliomics.files import write_bytes
from gliomics.models import ModelStore
from gliomics.study import Mask, Study, Volume, read_mask, read_volume, write_mask, write_study_json, write_volume
from tests.server.servers import Server, start_server

from .test_segmentation_speed import SHAPE, a_study, median_seconds

__all__ = ["a_study"]

BRATS_SHAPE = (240, 240, 155)


def test_click_updates_the_mask_in_less_than_a_second(a_study: Study, tmp_path: Path) -> None:
    model = next(iter(ModelStore().names("refinement")))
    server = start_server(a_study.folder.parent, threads=torch.get_num_threads())
    mask = tmp_path / "mask.nii.gz"
    try:
        automatic = server.client.infer("segmentation_multi", a_study.id).label
        assert automatic is not None
        write_bytes(mask, automatic)
        clicks = [{"voxel": [i, 128, 18], "lesion": True} for i in (100, 104, 108)]
        seconds = median_seconds(lambda: server.client.infer(model, a_study.id, label=mask, params={"clicks": clicks}))
    finally:
        server.stop()
    print(f"\na click on {SHAPE}, through the server: {1e3 * seconds:.0f} ms")
    assert seconds < 1


@pytest.mark.realdata
def test_click_and_stroke_on_a_part_of_a_whole_brain_take_less_than_a_second(real_data: Path, tmp_path: Path) -> None:
    folder, brain = tmp_path / "studies" / "brain", real_data / "brats2021" / "BraTS2021_00006"
    sequences = {name: folder / f"{name}.nii.gz" for name in ("t1", "t1c", "t2", "flair")}
    for name, path in sequences.items():
        image = read_volume(Path(f"{brain}_{name}.nii.gz"))
        write_volume(Volume(_in_the_middle(image.array), image.affine), path)
    write_study_json(folder, [Study(id="brain", patient_id="brain", folder=folder, sequences=sequences)])
    labels = read_mask(Path(f"{brain}_seg.nii.gz"))
    labels = Mask(_in_the_middle(labels.array), labels.affine)
    mask = tmp_path / "mask.nii.gz"
    write_mask(labels, mask)
    places = np.random.default_rng(0).permutation(np.argwhere(labels.array == 2)).tolist()
    clicks = [{"clicks": [{"voxel": place, "lesion": True}]} for place in places[:21]]
    rows = [[voxel for voxel in places if voxel[1:] == place[1:]] for place in places[:21]]
    strokes = [{"stroke": {"voxels": row, "lesion": True}} for row in rows]
    server = start_server(folder.parent, threads=torch.get_num_threads())
    try:
        cold, *warm = (_cost(server, mask, said) for said in clicks)
        stroked = [_cost(server, mask, said) for said in strokes[1:]]
    finally:
        server.stop()
    print(f"\nthe first click on a part of {labels.shape}: {cold[0]:.1f} s, of processor cores {cold[1]:.1f} s")
    for name, costs in (("click", warm), ("stroke", stroked)):
        seconds, of_cores = (statistics.median(each) for each in zip(*costs, strict=True))
        print(f"a {name}, median of {len(costs)}: {seconds:.2f} s, of processor cores {of_cores:.2f} s")
        assert of_cores < 1


def _in_the_middle(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A brain that was cut out, on the grid of 240 x 240 x 155 voxels that BraTS has."""
    missing = [whole - count for whole, count in zip(BRATS_SHAPE, array.shape, strict=True)]
    return np.pad(array, [(number // 2, number - number // 2) for number in missing])


def _cost(server: Server, mask: Path, said: dict[str, object]) -> tuple[float, float]:
    """Seconds of a correction of the core, which an annotator waits, and which the server computes."""
    process = psutil.Process(server.process.pid)
    start, before = time.perf_counter(), process.cpu_times()
    params = {"part": "tumour-core", "numbering": "brats-2023", **said}
    server.client.infer("correction", "brain", label=mask, params=params)
    after = process.cpu_times()
    return time.perf_counter() - start, after.user + after.system - before.user - before.system
