from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import requests

from gliomics.client import ClientError
from gliomics.study import Mask, read_mask, read_volume, write_mask, write_volume
from tests.server.servers import Server
from tests.server.studies import a_lesion_case


def a_mask_with(values: dict[int, int], folder: Path, name: str = "mask.nii.gz") -> Path:
    """A mask file for the small grid with this many voxels of each value."""
    _, mask = a_lesion_case(0)
    array = np.zeros(mask.shape, np.uint8)
    for value, count in values.items():
        array[value, :count, 2] = value
    path = folder / name
    write_mask(mask.with_array(array), path)
    return path


def downloaded(server: Server, study: str, folder: Path, **options: int) -> Mask:
    path = folder / "downloaded.nii.gz"
    path.write_bytes(server.client.download_label(study, "review", **options))
    return read_mask(path)


def test_tag_that_is_final_in_other_letters_is_refused(a_server: Server, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="label tag 'Final' is not 'final'"):
        a_server.client.save_label("case-2", a_mask_with({1: 3}, tmp_path), tag="Final")


def test_every_saved_version_is_kept_with_who_when_and_from_which_model(a_server: Server, tmp_path: Path) -> None:
    for count in (5, 7):
        mask = a_mask_with({1: count}, tmp_path)
        params = {"model": "segmentation_flair", "model_version": "1"}
        a_server.client.save_label("case-1", mask, tag="review", params=params)
    history = a_server.client.label_history("case-1", "review")
    assert [version["voxels"] for version in history] == [{"1": 5}, {"1": 7}]
    assert [version["user"] for version in history] == ["tester", "tester"]
    assert history[1]["info"]["model"] == "segmentation_flair"
    assert history[0]["saved"] < history[1]["saved"]
    assert downloaded(a_server, "case-1", tmp_path).array.sum() == 7
    assert downloaded(a_server, "case-1", tmp_path, version=1).array.sum() == 5


def test_label_values_are_kept(a_server: Server, tmp_path: Path) -> None:
    a_server.client.save_label("case-2", a_mask_with({1: 3, 4: 6, 9: 2}, tmp_path), tag="review")
    assert set(np.unique(downloaded(a_server, "case-2", tmp_path).array)) == {0, 1, 4, 9}


def test_label_in_nrrd_is_kept_as_nifti(a_server: Server, tmp_path: Path) -> None:
    a_server.client.save_label("case-3", a_mask_with({2: 8}, tmp_path, "mask.nrrd"), tag="review")
    assert downloaded(a_server, "case-3", tmp_path).array.max() == 2


def test_labels_saved_at_the_same_time_are_all_kept(a_server: Server, tmp_path: Path) -> None:
    masks = [a_mask_with({1: count}, tmp_path, f"mask-{count}.nii.gz") for count in range(1, 13)]
    threads = [
        threading.Thread(target=a_server.client.save_label, args=(f"case-{number % 2}", mask), kwargs={"tag": "busy"})
        for number, mask in enumerate(masks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [
        version["voxels"]["1"]
        for study in ("case-0", "case-1")
        for version in a_server.client.label_history(study, "busy")
    ]
    assert sorted(kept) == list(range(1, 13))


def test_removed_label_stays_in_the_history(a_server: Server, tmp_path: Path) -> None:
    a_server.client.save_label("case-2", a_mask_with({1: 3}, tmp_path), tag="gone")
    answer = requests.delete(f"{a_server.url}/datastore/label", params={"id": "case-2", "tag": "gone"}, timeout=30)
    assert answer.status_code == 200
    with pytest.raises(ClientError, match="no label 'gone'"):
        a_server.client.download_label("case-2", "gone")
    assert len(a_server.client.label_history("case-2", "gone")) == 1


def test_chosen_sequence_is_served_and_flair_by_default(a_server: Server, tmp_path: Path) -> None:
    volumes, _ = a_lesion_case(0)
    for sequence, expected in ((None, "flair"), ("t1", "t1")):
        path = a_server.client.download_image("case-0", tmp_path / "image.nii.gz", sequence)
        np.testing.assert_array_equal(read_volume(path).array, volumes[expected].array)


def test_image_kept_as_nrrd_is_served_as_nifti(a_server: Server, a_studies_folder: Path, tmp_path: Path) -> None:
    volume = a_lesion_case(30)[0]["flair"]
    write_volume(volume, a_studies_folder / "nrrd_flair.nrrd")
    try:
        path = a_server.client.download_image("nrrd_flair", tmp_path / "image.nii.gz")
        np.testing.assert_array_equal(read_volume(path).array, volume.array)
    finally:
        (a_studies_folder / "nrrd_flair.nrrd").unlink()


def test_uploaded_image_becomes_a_study_and_can_be_removed_again(a_server: Server, tmp_path: Path) -> None:
    volume = a_lesion_case(31)[0]["flair"]
    write_volume(volume, tmp_path / "new_flair.nii.gz")
    assert a_server.client.upload_image(tmp_path / "new_flair.nii.gz") == "new_flair"
    assert a_server.client.image_info("new_flair")["sequences"] == ["flair"]
    requests.delete(f"{a_server.url}/datastore/image", params={"id": "new_flair"}, timeout=30)
    assert "new_flair" not in a_server.client.studies()


def test_answers_have_the_format_of_monai_labels_own_datastore(a_server: Server) -> None:
    everything = requests.get(f"{a_server.url}/datastore/", params={"output": "all"}, timeout=30).json()
    entry = everything["objects"]["labelled-0"]
    assert entry["image"]["ext"] == ".nii.gz"
    assert entry["labels"]["final"]["info"]["name"] == "labelled-0.nii.gz"
    training = requests.get(f"{a_server.url}/datastore/", params={"output": "train"}, timeout=30).json()
    assert {"image", "label"} <= set(training[0])
    head = requests.head(f"{a_server.url}/datastore/image", params={"image": "case-0"}, timeout=30)
    assert head.status_code == 200
