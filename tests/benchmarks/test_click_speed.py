"""How long a click takes through the server, from the request to the corrected mask."""

from __future__ import annotations

from pathlib import Path

import torch

from gliomics.files import write_bytes
from gliomics.models import ModelStore
from gliomics.study import Study
from tests.server.servers import start_server

from .test_segmentation_speed import SHAPE, a_study, median_seconds

__all__ = ["a_study"]


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
