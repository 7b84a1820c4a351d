"""Labels put into the studies folder by hand, in every type that masks have; and those that are not used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import nrrd
import numpy as np
import pytest
import requests

from gliomics.study import Mask, Volume, label_path, on_grid_of, read_mask, same_grid, write_mask
from tests.server.servers import Server, start_server
from tests.server.studies import AFFINE, a_lesion_case, add_study

TYPES = (".nii.gz", ".nii", ".nrrd", ".seg.nrrd")


def cropped(mask: Mask) -> Mask:
    """The mask without the background around it."""
    at = np.argwhere(mask.array)
    low, high = at.min(0), at.max(0) + 1
    affine = mask.affine.copy()
    affine[:3, 3] = (mask.affine @ [*low, 1])[:3]
    return Volume(mask.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], affine)


def write_segments(mask: Mask, path: Path, name: str) -> None:
    """A segmentation as 3D Slicer saves it, with one segment."""
    lps = np.diag([-1.0, -1.0, 1.0]) @ mask.affine[:3]
    header = {"space": "left-posterior-superior", "space origin": lps[:, 3], "space directions": lps[:, :3].T}
    segment = {"ID": "Segment_1", "Name": name, "LabelValue": "1", "Layer": "0"}
    fields = {f"Segment0_{key}": value for key, value in segment.items()}
    nrrd.write(str(path), mask.array, {**header, "kinds": ["domain"] * 3, "encoding": "gzip", **fields})


@pytest.fixture(scope="module")
def a_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over ``case-0`` to ``case-6``: one label of each type, and three that cannot be used."""
    root = tmp_path_factory.mktemp("types") / "studies"
    for number in range(7):
        add_study(root, f"case-{number}", number)
    for number, suffix in enumerate(TYPES):
        path = label_path(root, f"case-{number}").with_name(f"case-{number}{suffix}")
        if suffix == ".seg.nrrd":
            write_segments(cropped(a_lesion_case(number)[1]), path, "enhancing tumor")
        else:
            write_mask(a_lesion_case(number)[1], path)
    folder = label_path(root, "case-0").parent
    for name in ("case-4.nii.gz", "case-4.nrrd", "CASE-5.nii.gz", "stranger.nii"):
        write_mask(a_lesion_case(4)[1], folder / name)
    write_mask(Volume(np.ones((5, 5, 5), np.uint8), AFFINE @ np.diag([1.5, 1, 1, 1])), folder / "case-6.nii.gz")
    (folder / "case-5.mha").write_text("another type")
    (folder / "notes.txt").write_text("ask again")
    server = start_server(root)
    yield server
    server.stop()


def everything(server: Server) -> dict:
    return requests.get(f"{server.url}/datastore/", params={"output": "all"}, timeout=60).json()


def test_labels_of_every_type_count_and_are_not_offered_again(a_server: Server) -> None:
    objects = everything(a_server)["objects"]
    labelled = sorted(name for name, entry in objects.items() if "final" in entry["labels"])
    assert labelled == ["case-0", "case-1", "case-2", "case-3", "case-6"]
    assert a_server.client.next_sample("first")["id"] == "case-4"


@pytest.mark.parametrize("number", range(len(TYPES)))
def test_a_label_of_any_type_is_served_as_nifti_with_its_voxels(a_server: Server, number: int, tmp_path: Path) -> None:
    (tmp_path / "label.nii.gz").write_bytes(a_server.client.download_label(f"case-{number}"))
    image, truth = a_lesion_case(number)[0]["flair"], a_lesion_case(number)[1]
    served = on_grid_of(read_mask(tmp_path / "label.nii.gz"), image, "the label")
    np.testing.assert_array_equal(served.array, truth.array)


def test_files_that_are_not_used_are_listed_with_the_reason_and_logged(a_server: Server) -> None:
    unused = everything(a_server)["unused_labels"]
    reasons = {
        "case-4.nii.gz": "several masks",
        "case-4.nrrd": "several masks",
        "CASE-5.nii.gz": "name it case-5.nii.gz",
        "stranger.nii": "no study 'stranger'",
        "case-6.nii.gz": "geometry of label 'final' of study 'case-6' differs",
        "case-5.mha": "it is no file of the types",
    }
    assert set(unused) == {f"labels/final/{name}" for name in reasons}
    for name, reason in reasons.items():
        assert reason in unused[f"labels/final/{name}"]
    assert a_server.client.info()["datastore"]["unused_labels"] == 5  # those that their names tell
    log = a_server.studies / ".gliomics" / "logs" / "server.log"
    for _ in range(100):
        if all(f"label not used: labels/final/{name}" in log.read_text() for name in reasons):
            break
        time.sleep(0.1)
    else:
        pytest.fail(log.read_text())


def test_a_segmentation_is_saved_on_the_grid_of_its_image_with_the_names_of_its_segments(
    a_server: Server, tmp_path: Path
) -> None:
    image, truth = a_lesion_case(5)[0]["flair"], a_lesion_case(5)[1]
    write_segments(cropped(truth), tmp_path / "label.seg.nrrd", "oedema")
    a_server.client.save_label("case-5", tmp_path / "label.seg.nrrd", tag="review")
    saved = read_mask(label_path(a_server.studies, "case-5", "review"))
    assert same_grid(saved, image)
    np.testing.assert_array_equal(saved.array, truth.array)
    assert a_server.client.label_history("case-5", "review")[0]["info"]["segments"] == {"oedema": 1}


def test_a_label_of_another_type_is_kept_as_a_version_when_it_is_replaced(a_server: Server, tmp_path: Path) -> None:
    path = label_path(a_server.studies, "case-3").with_name("case-3.seg.nrrd")
    content = path.read_bytes()
    write_mask(a_lesion_case(3)[1], tmp_path / "label.nii.gz")
    a_server.client.save_label("case-3", tmp_path / "label.nii.gz")
    first, second = a_server.client.label_history("case-3", "final")
    assert first["info"]["source"] == "found in labels/final"
    assert first["info"]["segments"] == {"enhancing tumor": 1}
    assert not path.exists()
    kept = a_server.studies / ".gliomics" / "history" / "case-3" / "final" / "0001.seg.nrrd"
    assert kept.read_bytes() == content
    (tmp_path / "first.nii.gz").write_bytes(a_server.client.download_label("case-3", version=1))
    assert read_mask(tmp_path / "first.nii.gz").array.sum() == second["voxels"]["1"]
