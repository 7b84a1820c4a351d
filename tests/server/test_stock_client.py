"""MONAI Label's own client, the one inside its Slicer plugin, works with ``gliomics serve`` unchanged."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import requests
from monailabel.client import MONAILabelClient

from gliomics.study import read_mask, read_volume
from tests.server.servers import Server
from tests.server.studies import a_lesion_case


@pytest.fixture
def stock(a_server: Server, tmp_path: Path) -> MONAILabelClient:
    return MONAILabelClient(a_server.url, str(tmp_path), "plugin")


def test_plugin_sees_models_labels_and_that_no_login_is_needed(stock: MONAILabelClient) -> None:
    info = stock.info()
    assert info["labels"] == ["tumour", "core-without-enhancement", "oedema", "enhancing"]
    assert info["models"]["segmentation_flair"]["type"] == "segmentation"
    assert stock.auth_enabled() is False


def test_plugin_segments_the_next_sample_and_saves_its_label(stock: MONAILabelClient) -> None:
    sample = stock.next_sample("random", {})
    params = {"result_extension": ".nrrd", "result_dtype": "uint8"}
    file, answer = stock.infer("segmentation_flair", sample["id"], params)
    assert answer["label_names"] == {"tumour": 1}
    assert read_mask(Path(file)).shape == a_lesion_case(0)[1].shape
    label_info = [{"name": "tumour", "idx": 1}]
    assert stock.save_label(sample["id"], file, "plugin", {"label_info": label_info})["image"] == sample["id"]
    kept = stock.datastore()["objects"][sample["id"]]["labels"]["plugin"]["info"]
    assert (kept["label_info"], kept["user"]) == (label_info, "plugin")
    np.testing.assert_array_equal(
        read_mask(Path(stock.download_label(sample["id"], "plugin"))).array, read_mask(Path(file)).array
    )


def test_plugin_loads_the_image_by_the_path_and_name_it_is_told(
    stock: MONAILabelClient, a_server: Server, tmp_path: Path
) -> None:
    sample = stock.next_sample("random", {})
    local = read_volume(Path(sample["path"])).array
    downloaded = tmp_path / sample["name"]
    url = f"{a_server.url}/datastore/image"
    downloaded.write_bytes(requests.get(url, params={"image": sample["id"]}, timeout=30).content)
    np.testing.assert_array_equal(read_volume(downloaded).array, local)


def test_plugin_works_on_an_uploaded_volume(stock: MONAILabelClient, a_studies_folder: Path) -> None:
    session = stock.create_session(str(a_studies_folder / "case-0" / "flair.nii.gz"))["session_id"]
    file, _ = stock.infer("segmentation_flair", "", {}, session_id=session)
    assert read_mask(Path(file)).array.any()
    assert stock.get_session(session)["name"] == session
    assert stock.remove_session(session)["name"] == session


def test_plugin_starts_and_stops_a_training(stock: MONAILabelClient) -> None:
    stock.train_start("segmentation_flair", {"max_epochs": 200})
    end = time.monotonic() + 60
    while stock.train_status()["status"] != "RUNNING":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert stock.train_status(check_if_running=True) is True
    assert stock.train_stop()["status"] == "STOPPED"


def test_weights_and_their_checksum_can_be_asked_for(a_server: Server) -> None:
    info = requests.get(f"{a_server.url}/model/info/segmentation_flair", timeout=30).json()
    weights = requests.get(f"{a_server.url}/model/segmentation_flair", timeout=30).content
    assert info["card"]["name"] == "segmentation_flair"
    assert len(weights) > 1000
    assert info["checksum"].startswith("SHA256:")
