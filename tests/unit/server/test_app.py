from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from monailabel.config import settings
from safetensors.torch import load_file, save_file

from gliomics.errors import InputError, UnknownNameError
from gliomics.models import ModelStore
from gliomics.segmentation.postprocess import PART_VALUES
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.app import GliomicsApp
from gliomics.server.input_cache import PreparedStudies
from gliomics.server.model_cache import ModelCache
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.tasks.infer import SegmentationTask
from gliomics.study import read_label_names, read_mask
from gliomics.study.numbering import CORE
from gliomics.tumour_network.fit_model import HEADS
from tests.server.studies import TINY, a_card, add_model, add_tumour_network, an_untrained_state
from tests.unit.ring_tumours import PARTS


@pytest.fixture(autouse=True)
def settings_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MONAI_LABEL_SESSION_PATH", "MONAI_LABEL_TRACKING_ENABLED"):
        monkeypatch.setattr(settings, name, getattr(settings, name))


@pytest.fixture
def an_app(a_store: StudyDatastore) -> GliomicsApp:
    state = an_untrained_state(TINY, 1)
    state["head.bias"] += 10  # marks everything as lesion
    add_model(a_store.root, a_card("test_model", TINY, ["flair"], []), state)
    return GliomicsApp("unused", str(a_store.root), {})


def test_model_without_weights_is_not_offered(a_store: StudyDatastore) -> None:
    store = ModelStore(a_store.workspace.models, shipped=a_store.root / "nothing")
    task = SegmentationTask(
        "segmentation_flair", ModelCache(store, Segmenter), PreparedStudies(), a_store.workspace.temporary
    )
    assert not task.is_valid()


def test_model_whose_weights_are_damaged_is_not_offered_any_more(an_app: GliomicsApp) -> None:
    assert "test_model" in an_app.info()["models"]
    weights = an_app.store.current("test_model").file("weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    assert "test_model" not in an_app.info()["models"]


def test_tumour_network_that_cannot_be_loaded_is_reported_and_not_offered(a_store: StudyDatastore) -> None:
    add_tumour_network(a_store.root)
    app = GliomicsApp("unused", str(a_store.root), {})
    assert app.info()["models"]["network_spots"]["class_titles"] == {"plain": "plain", "spotted": "spotted"}
    folder = app.store.current("network_spots")
    files = {name: partial(shutil.copyfile, folder.file(name)) for name in folder.card.sha256}
    heads = load_file(folder.file(HEADS))
    files[HEADS] = partial(save_file, {**heads, "bias": heads["bias"] * float("nan")})
    app.store.publish("network_spots", app.store.add(folder.card, files).card.version, "whole files, no network")
    info = app.info()
    assert "network_spots" not in info["models"]
    assert "holds weights that are NaN" in info["broken_models"]["network_spots"]
    app.store.rollback("network_spots", reason="the other is none")
    assert "network_spots" in app.info()["models"]
    folder.file(HEADS).write_bytes(b"")
    assert "heads.safetensors is damaged" in app.info()["broken_models"]["network_spots"]


def test_published_version_serves_without_a_restart(an_app: GliomicsApp, tmp_path: Path) -> None:
    assert an_app.infer({"model": "test_model", "image": "case-0"})["params"]["model_version"] == "1"
    add_model(Path(an_app.studies), a_card("test_model", TINY, ["flair"], []), an_untrained_state(TINY, 1))
    assert an_app.infer({"model": "test_model", "image": "case-0"})["params"]["model_version"] == "2"


@pytest.mark.parametrize("suffix", [".nii.gz", ".seg.nrrd"])
def test_parts_of_a_tumour_come_with_their_names(a_store: StudyDatastore, suffix: str) -> None:
    state = an_untrained_state(PARTS, 1)
    state["head.bias"] += torch.tensor([10.0, 10.0, -10.0])  # marks everything as core
    card = a_card("parts", PARTS, ["flair"], []).model_copy(update={"labels": PART_VALUES})
    add_model(a_store.root, card, state)
    app = GliomicsApp("unused", str(a_store.root), {})
    assert app.info()["models"]["parts"]["labels"] == PART_VALUES
    answer = app.infer({"model": "parts", "image": "case-0", "result_extension": suffix})
    assert answer["params"]["label_names"] == PART_VALUES
    assert set(np.unique(read_mask(answer["file"]).array)) - {0} == {PART_VALUES[CORE]}
    assert (read_label_names(Path(answer["file"])) != {}) == (suffix == ".seg.nrrd")


@pytest.mark.parametrize("request_", [{"image": "/etc/passwd"}, {"image": "case-0", "label": "/etc/passwd"}])
def test_path_that_the_server_did_not_receive_is_refused(an_app: GliomicsApp, request_: dict[str, str]) -> None:
    with pytest.raises(InputError, match="is a path"):
        an_app.infer({"model": "radiomics", **request_})


def test_unknown_model_names_those_that_exist(an_app: GliomicsApp) -> None:
    with pytest.raises(UnknownNameError, match="test_model"):
        an_app.infer({"model": "nope", "image": "case-0"})


def test_batch_goes_on_after_a_study_that_fails(an_app: GliomicsApp) -> None:
    (Path(an_app.studies) / "case-0" / "flair.nii.gz").write_bytes(b"damaged")
    answers = an_app.batch_infer({"model": "test_model", "images": "all", "label_tag": "auto"})
    assert "error" in answers["case-0"]
    assert answers["case-1"]["label"] == "case-1"
    assert an_app.datastore().get_labeled_images("auto") == ["case-1"]
    assert not list(an_app.workspace.temporary.iterdir())
