from __future__ import annotations

import json
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import GeometryError, InputError, UnknownNameError
from gliomics.files import write_json
from gliomics.server.store import label_check
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.tasks.training import labelled_studies
from gliomics.study import Volume, label_path, read_mask, write_mask, write_volume
from tests.server.studies import a_lesion_case, add_label, add_study


def a_mask_file(folder: Path, seed: int = 0) -> str:
    path = folder / f"mask-{seed}.nii.gz"
    write_mask(a_lesion_case(seed)[1], path)
    return str(path)


def test_sequences_of_a_study_are_one_image(a_store: StudyDatastore) -> None:
    assert sorted(a_store.list_images()) == ["case-0", "case-1"]
    assert a_store.get_image_info("case-0")["sequences"] == ["flair", "t1"]
    assert a_store.get_image_uri("case-0").endswith("case-0/flair.nii.gz")


def test_name_for_downloads_differs_between_studies(a_store: StudyDatastore) -> None:
    names = {a_store.get_image_info(study)["name"] for study in a_store.list_images()}
    assert names == {"case-0_flair.nii.gz", "case-1_flair.nii.gz"}


def test_study_added_while_running_is_seen(a_store: StudyDatastore) -> None:
    assert len(a_store.list_images()) == 2
    add_study(a_store.root, "case-2", 2)
    assert "case-2" in a_store.list_images()


def test_study_description_written_into_an_existing_folder_is_seen(a_store: StudyDatastore) -> None:
    study = add_study(a_store.root, "case-2", 2)
    description = study.folder / "study.json"
    content = description.read_text()
    description.unlink()
    assert "case-2" not in a_store.list_images()
    description.write_text(content)
    assert "case-2" in a_store.list_images()


def test_description_edited_in_place_is_read_again(a_store: StudyDatastore) -> None:
    assert "t1" in a_store.study("case-0").sequences
    description = a_store.root / "case-0" / "study.json"
    content = json.loads(description.read_text())
    del content["sequences"]["t1"]
    description.write_text(json.dumps(content))
    assert "t1" not in a_store.study("case-0").sequences


def test_removed_study_is_gone(a_store: StudyDatastore) -> None:
    a_store.study("case-1")
    (a_store.root / "case-1").rename(a_store.root.parent / "elsewhere")
    assert a_store.list_images() == ["case-0"]
    with pytest.raises(UnknownNameError, match="no study 'case-1'"):
        a_store.study("case-1")


def test_broken_study_hides_no_other_and_says_what_is_wrong(a_store: StudyDatastore) -> None:
    (a_store.root / "case-1" / "study.json").write_text("{")
    assert a_store.list_images() == ["case-0"]
    assert a_store.status()["broken"] == 1
    with pytest.raises(InputError, match="not valid JSON"):
        a_store.study("case-1")


def test_labelled_and_unlabelled_follow_the_files(a_store: StudyDatastore, tmp_path: Path) -> None:
    assert sorted(a_store.get_unlabeled_images()) == ["case-0", "case-1"]
    a_store.save_label("case-1", a_mask_file(tmp_path, 1), "final", {})
    a_store.save_label("case-0", a_mask_file(tmp_path, 0), "original", {})
    assert a_store.get_labeled_images() == ["case-1"]
    assert a_store.get_unlabeled_images() == ["case-0"]
    assert a_store.status()["label_tags"] == {"final": 1, "original": 1}


def test_label_of_a_study_that_is_not_there_is_not_counted(a_store: StudyDatastore) -> None:
    write_mask(a_lesion_case(0)[1], label_path(a_store.root, "stranger"))
    assert a_store.get_labeled_images() == []
    assert a_store.status()["completed"] == 0


def test_label_on_the_grid_of_any_sequence_is_accepted(a_store: StudyDatastore, tmp_path: Path) -> None:
    coarse = Volume(np.ones((20, 22, 3), np.float32), np.diag([-4.0, 4.0, 10.0, 1.0]))
    write_volume(coarse, a_store.root / "case-0" / "t1.nii.gz")
    write_mask(
        coarse.with_array((np.arange(1320) < 9).reshape(coarse.shape).astype(np.uint8)), tmp_path / "mask.nii.gz"
    )
    assert a_store.save_label("case-0", str(tmp_path / "mask.nii.gz"), "final", {}) == "case-0"
    with pytest.raises(GeometryError, match="case-1"):
        a_store.save_label("case-1", str(tmp_path / "mask.nii.gz"), "final", {})


def test_notes_are_kept_and_cannot_change_what_a_study_is(a_store: StudyDatastore) -> None:
    a_store.update_image_info("case-0", {"reviewer": "A. B."})
    a_store.update_image_info("case-0", {"quality": "good"})
    for taken in ({"path": "/etc/passwd"}, {"strategy": 5}, {"quality": "bad", "patient_id": "another"}):
        with pytest.raises(InputError, match="what the server itself tells"):
            a_store.update_image_info("case-0", taken)
    info = StudyDatastore(a_store.root).get_image_info("case-0")
    assert (info["reviewer"], info["quality"]) == ("A. B.", "good")
    assert info["path"].endswith("case-0/flair.nii.gz")


def test_strategies_are_noted_whatever_was_noted_under_their_name_before(a_store: StudyDatastore) -> None:
    a_store.note_strategy("case-0", "first", {"ts": 1})
    a_store.note_strategy("case-0", "random", {"ts": 2})
    assert a_store.get_image_info("case-0")["strategy"] == {"first": {"ts": 1}, "random": {"ts": 2}}
    write_json(a_store.workspace.image_info / "case-0.json", {"strategy": 5, "quality": "good"})
    a_store.note_strategy("case-0", "first", {"ts": 3})
    info = a_store.get_image_info("case-0")
    assert (info["strategy"], info["quality"]) == ({"first": {"ts": 3}}, "good")


def test_notes_do_not_grow_without_end_however_often_something_is_added(a_store: StudyDatastore) -> None:
    with pytest.raises(InputError, match="at most 100000"):
        for number in range(100):
            a_store.update_image_info("case-0", {f"note-{number}": "x" * 9_000})
    assert len(a_store.get_image_info("case-0")) < 30


def test_notes_on_a_label_neither_change_who_saved_it_nor_what_the_server_tells(
    a_store: StudyDatastore, tmp_path: Path
) -> None:
    sent = {"user": "Dr A", "review": {"state": "approved"}, "version": 7, "origin": {"kind": "drawn"}}
    a_store.save_label("case-0", a_mask_file(tmp_path, 0), "final", sent)
    a_store.update_label_info("case-0", "final", {"quality": "good", "user": "Dr B", "client_id": "c"})
    info = a_store.get_label_info("case-0", "final")
    assert (info["user"], info["quality"], info["version"], info["origin"]["kind"]) == ("Dr A", "good", 1, "unknown")
    assert "review" not in info
    assert a_store.labels.versions("case-0", "final")[0].info["user"] == "Dr A"
    with pytest.raises(InputError, match="version of label 'final' of study 'case-0'"):
        a_store.update_label_info("case-0", "final", {"version": 3})


@pytest.mark.parametrize("slices", [5, [], ["1"], [1.5], [-1], [99], {"0": True}, None])
def test_slices_done_are_held_to_the_mask_when_they_are_noted_as_when_they_are_saved(
    a_store: StudyDatastore, tmp_path: Path, slices: object
) -> None:
    a_store.save_label("case-0", a_mask_file(tmp_path, 0), "partial", {"slices_done": [1]})
    with pytest.raises(InputError, match="slices_done"):
        a_store.update_label_info("case-0", "partial", {"slices_done": slices})
    with pytest.raises(InputError, match="slices_done"):
        a_store.save_label("case-0", a_mask_file(tmp_path, 0), "partial", {"slices_done": slices})
    a_store.update_label_info("case-0", "partial", {"slices_done": [1, 2]})
    assert a_store.slices_done("case-0") == [1, 2]


def an_image_file(folder: Path, seed: int, name: str = "image.nii.gz") -> Path:
    path = folder / f"seed-{seed}" / name
    write_volume(a_lesion_case(seed)[0]["flair"], path)
    return path


def test_an_image_is_replaced_only_when_asked_and_kept_aside_with_its_labels(
    a_store: StudyDatastore, tmp_path: Path
) -> None:
    old, new = an_image_file(tmp_path, 5), an_image_file(tmp_path, 6)
    a_store.add_image("upload", str(old), {})
    a_store.save_label("upload", a_mask_file(tmp_path, 5), "final", {})
    with pytest.raises(InputError, match=r"exists and has labels \(final\), and its image is another.*replace=true"):
        a_store.add_image("upload", str(new), {})
    assert (a_store.root / "upload.nii.gz").read_bytes() == old.read_bytes()
    added = a_store.add_new_image(new, "upload", {}, replace=True)
    assert added.labels == ["final"]
    assert sorted(a_store.get_unlabeled_images()) == ["case-0", "case-1", "upload"]
    assert added.replaced is not None
    assert (added.replaced / "upload.nii.gz").read_bytes() == old.read_bytes()
    np.testing.assert_array_equal(
        read_mask(added.replaced / "labels" / "final" / "upload.nii.gz").array, a_lesion_case(5)[1].array
    )
    assert (a_store.root / "upload.nii.gz").read_bytes() == new.read_bytes()
    assert len(a_store.labels.versions("upload", "final")) == 1


def test_the_same_image_sent_again_changes_nothing(a_store: StudyDatastore, tmp_path: Path) -> None:
    a_store.add_image("upload", str(an_image_file(tmp_path, 5)), {})
    a_store.save_label("upload", a_mask_file(tmp_path, 5), "final", {})
    for replace in (False, True):
        added = a_store.add_new_image(an_image_file(tmp_path, 5), "upload", {}, replace=replace)
        assert added.replaced is None
    assert a_store.get_labeled_images() == ["upload"]
    assert not a_store.workspace.removed.exists()


def test_an_image_is_not_paired_with_a_label_that_was_there_before(a_store: StudyDatastore, tmp_path: Path) -> None:
    write_mask(a_lesion_case(5)[1], label_path(a_store.root, "upload"))
    with pytest.raises(InputError, match="label 'final' for 'upload', which was not drawn on this image"):
        a_store.add_image("upload", str(an_image_file(tmp_path, 5)), {})
    assert not (a_store.root / "upload.nii.gz").exists()


def test_an_image_that_comes_back_keeps_the_labels_that_were_drawn_on_it(
    a_store: StudyDatastore, tmp_path: Path
) -> None:
    a_store.add_image("upload", str(an_image_file(tmp_path, 5)), {})
    a_store.save_label("upload", a_mask_file(tmp_path, 5), "final", {})
    (a_store.root / "upload.nii.gz").unlink()
    a_store.add_image("upload", str(an_image_file(tmp_path, 5)), {})
    assert a_store.get_labeled_images() == ["upload"]


def test_a_label_whose_image_was_replaced_by_hand_is_named_and_not_learned_from(
    a_store: StudyDatastore, tmp_path: Path
) -> None:
    for seed in range(2):
        a_store.save_label(f"case-{seed}", a_mask_file(tmp_path, seed), "final", {})
    write_volume(a_lesion_case(7)[0]["flair"], a_store.root / "case-0" / "flair.nii.gz")
    labelled, skipped = labelled_studies(a_store)
    assert [item.study.id for item in labelled] == ["case-1"]
    assert "was drawn on another image: flair changed since" in skipped["case-0"]
    assert a_store.get_label_info("case-0", "final")["images_changed"] == ["flair"]
    assert list(a_store.json()["unused_labels"]) == ["labels/final/case-0.nii.gz"]
    a_store.save_label("case-0", a_mask_file(tmp_path, 7), "final", {})
    assert len(labelled_studies(a_store)[0]) == 2


def test_a_sequence_that_is_added_later_leaves_the_label_as_it_was(a_store: StudyDatastore, tmp_path: Path) -> None:
    a_store.save_label("case-0", a_mask_file(tmp_path), "final", {})
    write_volume(a_lesion_case(0)[0]["t1"], a_store.root / "case-0" / "t2.nii.gz")
    description = a_store.root / "case-0" / "study.json"
    content = json.loads(description.read_text())
    content["sequences"]["t2"] = "t2.nii.gz"
    description.write_text(json.dumps(content))
    assert "t2" in a_store.study("case-0").sequences
    assert a_store.labels.changed_images("case-0", a_store.labels.current("case-0", "final")) == []


def test_removed_study_and_its_labels_can_be_found_again(a_store: StudyDatastore, tmp_path: Path) -> None:
    a_store.save_label("case-0", a_mask_file(tmp_path), "final", {})
    a_store.remove_image("case-0")
    assert a_store.list_images() == ["case-1"]
    assert a_store.labels.labelled("final") == set()
    assert list(a_store.workspace.removed.rglob("case-0/flair.nii.gz"))
    assert len(a_store.labels.versions("case-0", "final")) == 1


def test_one_time_point_is_not_removed_with_the_other(a_store: StudyDatastore) -> None:
    description = a_store.root / "case-0" / "study.json"
    points = [{"name": "baseline", "sequences": {"flair": "flair.nii.gz"}}]
    points.append({"name": "followup", "sequences": {"flair": "t1.nii.gz"}})
    description.write_text(json.dumps({"format": 1, "id": "case-0", "patient_id": "p", "timepoints": points}))
    assert "case-0_followup" in a_store.list_images()
    with pytest.raises(InputError, match="case-0_followup"):
        a_store.remove_image("case-0")


def test_archive_holds_the_sequences_and_labels_of_labelled_studies(a_store: StudyDatastore) -> None:
    with pytest.raises(InputError, match="no study has a final label"):
        a_store.get_dataset_archive(None)
    add_label(a_store.root, a_store.study("case-1"), 1)
    with zipfile.ZipFile(a_store.get_dataset_archive(None)) as archive:
        names = set(archive.namelist())
    assert names == {"image/case-1/flair.nii.gz", "image/case-1/t1.nii.gz", "label/case-1.nii.gz", "metadata.json"}


def test_archive_leaves_out_a_study_that_cannot_be_read_and_says_why(a_store: StudyDatastore) -> None:
    for study_id in ("case-0", "case-1"):
        add_label(a_store.root, a_store.study(study_id), 1)
    label = a_store.root / "labels/final/case-0.nii.gz"
    a_store.list_images()
    label.unlink()
    label.with_name("case-0.nrrd").write_bytes(b"no label")
    with zipfile.ZipFile(a_store.get_dataset_archive(None)) as archive:
        assert {name.split("/")[1] for name in archive.namelist() if "/" in name} == {"case-1", "case-1.nii.gz"}
        assert "labels/final/case-0.nrrd" in json.loads(archive.read("metadata.json"))["left_out"]["case-0"]
    a_store.remove_image("case-1")
    with pytest.raises(InputError, match=r"none of the 1 labelled studies can be read: .*case-0"):
        a_store.get_dataset_archive(None)
    assert len(list(a_store.workspace.temporary.glob("dataset-*"))) == 1, "only the first archive"


def test_saved_label_is_read_back_voxel_for_voxel(a_store: StudyDatastore, tmp_path: Path) -> None:
    a_store.save_label("case-0", a_mask_file(tmp_path), "final", {"client_id": "me"})
    saved = read_mask(Path(a_store.get_label_uri("case-0", "final")))
    np.testing.assert_array_equal(saved.array, a_lesion_case(0)[1].array)
    assert a_store.get_label_info("case-0", "final")["user"] == "me"


def test_label_of_some_slices_is_no_final_label(a_store: StudyDatastore, tmp_path: Path) -> None:
    a_store.save_label("case-0", a_mask_file(tmp_path), "partial", {"slices_done": [1, 2]})
    assert a_store.get_labeled_images() == []
    assert a_store.get_label_info("case-0", "partial")["slices_done"] == [1, 2]


@pytest.mark.parametrize("slices", [None, [], [6], [-1], [True], ["1"], "12"])
def test_label_of_some_slices_must_say_which(a_store: StudyDatastore, tmp_path: Path, slices: object) -> None:
    with pytest.raises(InputError, match=r"slices_done of study 'case-0'.*0 to 5"):
        a_store.save_label("case-0", a_mask_file(tmp_path), "partial", {"slices_done": slices})
    assert a_store.labels.all_tags() == []


def test_listing_tells_how_many_labels_were_not_looked_into_yet(
    a_store: StudyDatastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mask(Volume(np.ones((2, 2, 2), np.uint8), np.eye(4)), label_path(a_store.root, "case-0"))
    monkeypatch.setattr(label_check, "SECONDS", 0.0)
    everything = a_store.json()
    assert (everything["unused_labels"], everything["unchecked_labels"]) == ({}, 1)
    a_store.label_check.report()
    everything = a_store.json()
    assert (list(everything["unused_labels"]), everything["unchecked_labels"]) == (["labels/final/case-0.nii.gz"], 0)


def test_listing_does_not_wait_for_the_look_into_all_labels(
    a_store: StudyDatastore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_store.save_label("case-0", a_mask_file(tmp_path), "final", {})
    monkeypatch.setattr(label_check, "_REST", float("inf"))
    monkeypatch.setattr(label_check.time, "sleep", lambda seconds: (resting.set(), done.wait(60)))
    resting, done = threading.Event(), threading.Event()
    looking = threading.Thread(target=a_store.label_check.report)
    looking.start()
    try:
        assert resting.wait(60)
        assert a_store.json()["objects"]["case-0"]["labels"].keys() == {"final"}
    finally:
        done.set()
        looking.join()
