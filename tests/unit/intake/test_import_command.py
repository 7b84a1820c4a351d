"""``gliomics import`` as a person runs it: the plan, the questions, interruptions and inputs that are none."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from gliomics.study import list_studies, load_sequences, read_mask, write_mask
from gliomics.study.labels import label_path
from gliomics.study.volumes import Volume
from tests.processes import Process
from tests.unit.dicom.dicom_files import TIMES, write_series
from tests.unit.intake.trees import (
    AFFINE,
    assert_images,
    gliomics,
    imported,
    mask_voxels,
    voxels,
    write_image,
    write_json_file,
    write_label,
    write_volumes,
)

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_a_terminal(*arguments: str | Path, answers: tuple[str, ...]) -> tuple[int, str]:
    """Run the command at a terminal and type the answers; its exit code and what the screen showed."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[3] / "lib"),
        "COLUMNS": "200",
        "TERM": "xterm",
    }
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "gliomics", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    screen = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the terminal is gone once the command has ended
            break
        if not piece:
            break
        screen += piece
    os.close(ours)
    return process.wait(timeout=60), screen.decode()


def a_patient(folder: Path, name: str = "p1") -> None:
    write_image(folder / name / f"{name}_t1.nii.gz")
    write_image(folder / name / f"{name}_flair.nii.gz")
    write_label(folder / name / f"{name}_seg.nii.gz", (1, 2))


def test_without_a_terminal_and_without_yes_the_plan_is_shown_and_nothing_is_written(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    process = gliomics("import", tmp_path / "in", tmp_path / "out")
    assert process.returncode == 2
    assert not (tmp_path / "out").exists()
    assert "p1/p1_flair.nii.gz" in process.stderr
    assert "nothing was written" in process.stderr.splitlines()[-1]
    assert "--yes" in process.stderr.splitlines()[-1]


def test_at_a_terminal_each_undecided_name_is_asked_once_and_the_plan_is_confirmed(tmp_path: Path) -> None:
    for name in ("p1", "p2"):
        write_image(tmp_path / "in" / name / "t1.nii.gz", f"{name} t1")
        write_image(tmp_path / "in" / name / "SPACE_X.nii.gz", f"{name} x")
    code, screen = in_a_terminal("import", tmp_path / "in", tmp_path / "out", answers=("flair", "y"))
    assert code == 0, screen
    assert screen.count("which is it?") == 1
    assert "Write these studies" in screen
    for study in list_studies(tmp_path / "out"):
        assert_images(study, {"t1": f"{study.id} t1", "flair": f"{study.id} x"})


def test_at_a_terminal_no_writes_nothing(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    code, screen = in_a_terminal("import", tmp_path / "in", tmp_path / "out", answers=("n",))
    assert code == 1, screen
    assert "nothing was written" in screen
    assert not (tmp_path / "out").exists()


def test_nothing_is_asked_where_all_studies_are_there_already(tmp_path: Path) -> None:
    for sequence in ("t1", "flair"):
        write_image(tmp_path / "in" / "p1" / f"p1_{sequence}.nii.gz")
    imported(tmp_path / "in", tmp_path / "out")
    code, screen = in_a_terminal("import", tmp_path / "in", tmp_path / "out", answers=())
    assert code == 0, screen
    assert "Write these studies" not in screen
    assert "1 were there already and are kept" in screen


def test_at_a_terminal_the_volumes_of_4d_files_are_asked(tmp_path: Path) -> None:
    write_volumes(tmp_path / "in" / "case7.nii.gz", ("a", "b"))
    code, screen = in_a_terminal("import", tmp_path / "in", tmp_path / "out", answers=("t1c,t2", "y"))
    assert code == 0, screen
    assert_images(list_studies(tmp_path / "out")[0], {"t1c": "a", "t2": "b"})


def test_what_is_undecided_is_left_out_and_the_rest_is_imported_with_exit_code_1(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    write_image(tmp_path / "in" / "p1" / "p1_SPACE_X.nii.gz")
    write_image(tmp_path / "in" / "p2" / "AX_T1.nii.gz")
    write_image(tmp_path / "in" / "p2" / "SAG_T1.nii.gz")
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert set(studies) == {"p1"}, "p2 would have no sequence"
    assert set(studies["p1"].sequences) == {"t1", "flair"}
    for name in ("p1_SPACE_X.nii.gz", "p2/AX_T1.nii.gz", "p2/SAG_T1.nii.gz"):
        assert any(name in line for line in message.splitlines() if line.startswith("undecided"))
    assert "3 left for you to settle" in message


def test_running_again_keeps_studies_with_their_corrected_labels_and_adds_new_ones(tmp_path: Path) -> None:
    a_patient(tmp_path / "in", "p1")
    imported(tmp_path / "in", tmp_path / "out")
    corrected = mask_voxels((2, 2))
    write_mask(Volume(corrected, AFFINE), label_path(tmp_path / "out", "p1"))
    before = contents(tmp_path / "out")
    a_patient(tmp_path / "in", "p2")
    studies, message = imported(tmp_path / "in", tmp_path / "out")
    assert set(studies) == {"p1", "p2"}
    assert "1 were there already and are kept" in message
    after = contents(tmp_path / "out")
    assert {name: after[name] for name in before} == before


def test_a_study_made_of_other_files_is_reported_and_not_overwritten(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    imported(tmp_path / "in", tmp_path / "out")
    before = contents(tmp_path / "out")
    nib.save(nib.Nifti1Image(np.zeros((8, 7, 6), np.int16), AFFINE), tmp_path / "in" / "p1" / "p1_t1.nii.gz")
    _, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert "made of something else (t1 was" in message
    assert contents(tmp_path / "out") == before


def test_a_label_without_its_study_is_a_users_and_is_not_overwritten(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    write_mask(Volume(mask_voxels((3,)), AFFINE), label_path(tmp_path / "out", "p1"))
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert studies == {}
    assert "exists without its study and differs" in message
    np.testing.assert_array_equal(read_mask(label_path(tmp_path / "out", "p1")).array, mask_voxels((3,)))


def test_an_interrupted_import_leaves_whole_studies_and_goes_on(tmp_path: Path) -> None:
    names = [f"p{number:02d}" for number in range(60)]  # far from done when the signal comes, on a busy machine, too
    for name in names:
        (tmp_path / "in" / name).mkdir(parents=True)
        for tail in ("t1", "flair"):
            array = np.tile(voxels(name + tail), (12, 12, 12))
            nib.save(nib.Nifti1Image(array, AFFINE), tmp_path / "in" / name / f"{tail}.nii")
    out = tmp_path / "out"
    process = Process("import", tmp_path / "in", out, "--yes")
    deadline = time.monotonic() + 60
    while not (out / names[1]).exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "run the same command to go on" in message
    whole = list_studies(out)
    assert 2 <= len(whole) < len(names)
    for study in whole:
        load_sequences(study, study.sequences)
    assert not [path for path in out.iterdir() if path.name.startswith(".incomplete")]
    for name in names[len(whole) + 2 :]:
        shutil.rmtree(tmp_path / "in" / name)
    studies, _ = imported(tmp_path / "in", out)
    assert set(studies) == set(names[: len(whole) + 2])


def test_a_damaged_image_is_named_and_the_others_are_imported(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    path = tmp_path / "in" / "p1" / "p1_t1.nii.gz"
    path.write_bytes(path.read_bytes()[:300])
    (tmp_path / "in" / "p1" / "p1_t2.nii.gz").write_bytes(b"no image")
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert set(studies["p1"].sequences) == {"flair"}
    assert "p1_t1.nii.gz" in message
    assert "p1_t2.nii.gz" in message


def test_a_mask_that_is_none_is_named_and_the_images_are_imported(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    fractions = mask_voxels((1,)) * np.float32(0.5)
    nib.save(nib.Nifti1Image(fractions, AFFINE), tmp_path / "in" / "p1" / "p1_seg.nii.gz")
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert set(studies) == {"p1"}
    assert not label_path(tmp_path / "out", "p1").exists()
    assert "p1_seg.nii.gz: is no label of 'p1'" in message


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data.zip", "an archive; unpack it"),
        ("data.tar.gz", "an archive; unpack it"),
        ("scan.nii.gz", "a file; give its folder"),
        ("nowhere", "is not a folder"),
    ],
)
def test_what_is_no_folder_is_refused_with_what_to_do(tmp_path: Path, name: str, expected: str) -> None:
    if name != "nowhere":
        (tmp_path / name).write_bytes(b"x")
    process = gliomics("import", tmp_path / name, tmp_path / "out", "--yes")
    assert process.returncode == 2
    assert expected in process.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), "holds no images (0 files: none); expected DICOM files"),
        (("notes.txt", "table.csv"), "holds no images (2 files: notes.txt, table.csv)"),
        (("p1.zip",), "an archive; unpack it"),
        (("p1.mgz",), "images of type .mgz are not read; convert"),
        (("case1/study.json",), "holds studies already"),
    ],
)
def test_a_folder_without_images_is_refused_with_what_was_found(
    tmp_path: Path, files: tuple[str, ...], expected: str
) -> None:
    (tmp_path / "in").mkdir()
    for name in files:
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    process = gliomics("import", tmp_path / "in", tmp_path / "out", "--yes")
    assert process.returncode == 2
    assert expected in process.stderr
    assert not (tmp_path / "out").exists()


def test_dicom_and_images_in_one_folder_are_refused_naming_both(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "t1.nii.gz")
    write_series(tmp_path / "in", 4, "AX FLAIR", **TIMES["flair"])
    process = gliomics("import", tmp_path / "in", tmp_path / "out", "--yes")
    assert process.returncode == 2
    assert "1 images (t1.nii.gz) and 6 DICOM files" in process.stderr


def test_archives_and_dead_links_beside_images_are_named(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "in" / "p2.zip", "w") as archive:
        archive.writestr("t1.nii", b"x")
    (tmp_path / "in" / "p3_t1.nii.gz").symlink_to(tmp_path / "annex" / "missing")
    studies, message = imported(tmp_path / "in", tmp_path / "out", code=1)
    assert set(studies) == {"p1"}
    assert "p2.zip: an archive; unpack it" in message
    assert "p3_t1.nii.gz: a link to a file that is not there" in message


def test_the_source_of_a_bids_data_set_is_named_and_not_mixed_in(tmp_path: Path) -> None:
    write_json_file(tmp_path / "in" / "dataset_description.json", {"Name": "x", "BIDSVersion": "1.8.0"})
    write_image(tmp_path / "in" / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz")
    write_series(tmp_path / "in" / "sourcedata" / "sub-01", 4, "AX FLAIR", **TIMES["flair"])
    studies, message = imported(tmp_path / "in", tmp_path / "out")
    assert set(studies) == {"sub-01"}
    assert "sourcedata/: what the images of a BIDS data set were made of" in message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--channels", "t1,t2"], "--channels t1,t2 is of no use"),
        (["--numbering", "msd"], "--numbering msd is of masks"),
        (["--numbering", "brats"], "numbering 'brats' is unknown"),
        (["--slice-spacing", "5"], "--slice-spacing is for pictures"),
        (["--sequence", "t1=nothing"], "selects nothing"),
    ],
)
def test_an_option_without_effect_is_refused(tmp_path: Path, options: list[str], expected: str) -> None:
    write_image(tmp_path / "in" / "p1" / "t1.nii.gz")
    process = gliomics("import", tmp_path / "in", tmp_path / "out", "--yes", *options)
    assert process.returncode == 2
    assert expected in process.stderr
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "p1" / "t1.nii.gz", "a")
    write_image(tmp_path / "in" / "p1" / "t1.nii", "b")
    _, message = imported(tmp_path / "in", tmp_path / "out", code=2)
    assert "--sequence t1='p1/t1.nii'" in message
    studies, _ = imported(tmp_path / "in", tmp_path / "out", "--sequence", "t1=p1/t1.nii")
    assert_images(studies["p1"], {"t1": "b"})


def test_out_inside_the_folder_is_not_imported_again(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    for _ in range(2):
        studies, _ = imported(tmp_path / "in", tmp_path / "in" / "studies")
        assert set(studies) == {"p1"}


def test_folder_and_out_being_one_is_refused(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    process = gliomics("import", tmp_path / "in", tmp_path / "in", "--yes")
    assert process.returncode == 2
    assert "give a new folder" in process.stderr


def test_id_and_patient_are_set_for_one_study_and_refused_for_several(tmp_path: Path) -> None:
    a_patient(tmp_path / "in")
    studies, _ = imported(tmp_path / "in", tmp_path / "out", "--id", "mine", "--patient", "anon7")
    assert [(study.id, study.patient_id) for study in studies.values()] == [("mine", "anon7")]
    a_patient(tmp_path / "in", "p2")
    for option in ("--id", "--patient"):
        process = gliomics("import", tmp_path / "in", tmp_path / "two", "--yes", option, "x")
        assert process.returncode == 2
        assert f"{option} x names one" in process.stderr


def test_uncompressed_and_nrrd_images_are_written_as_compressed_nifti(tmp_path: Path) -> None:
    import SimpleITK as sitk

    write_image(tmp_path / "in" / "p" / "t1.nii")
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 5, 6), np.float32)), str(tmp_path / "in" / "p" / "t2.nrrd"))
    studies, _ = imported(tmp_path / "in", tmp_path / "out")
    assert {path.name for path in studies["p"].folder.iterdir()} == {"study.json", "t1.nii.gz", "t2.nii.gz"}
    np.testing.assert_array_equal(load_sequences(studies["p"], ["t1"])["t1"].array, voxels("t1.nii"))


def test_large_folders_are_summarised_and_every_reason_is_said_once(tmp_path: Path) -> None:
    for number in range(30):
        write_image(tmp_path / "in" / f"p{number:02d}" / "t1.nii.gz")
        write_image(tmp_path / "in" / f"p{number:02d}" / "ADC.nii.gz")
    process = gliomics("import", tmp_path / "in", tmp_path / "out")
    assert "... and 18 more studies: 30 with t1 in all" in process.stderr
    assert "and 25 more: the name says 'adc'" in process.stderr
    assert len(process.stderr.splitlines()) < 25


@pytest.mark.parametrize(("former", "options"), [("import-dicom", ["--sequence", "flair=4"]), ("import-lgg", [])])
def test_former_names_run_the_same_import_and_say_so(tmp_path: Path, former: str, options: list[str]) -> None:
    write_series(tmp_path / "in", 4, "AX FLAIR", **TIMES["flair"])
    process = gliomics(former, tmp_path / "in", tmp_path / "out", *options)
    assert process.returncode == 0, process.stderr
    assert f"{former} is now: gliomics import" in process.stderr
    assert former not in gliomics("--help").stdout
    (study,) = list_studies(tmp_path / "out")
    assert set(study.sequences) == {"flair"}
    assert json.loads((study.folder / "study.json").read_text())["source"]["format"] == "DICOM"
