from __future__ import annotations

import csv
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from gliomics.errors import InputError
from gliomics.intake import import_folder, plan_import, write_plan
from gliomics.study import label_path, list_studies, load_sequences, read_mask, read_volume
from tests.processes import Process

PATIENTS = ("TCGA_AA_0001_19990101", "TCGA_AA_0002_20000229")
TABLE = "Patient,COCCluster\nTCGA_AA_0001,2\nTCGA_AA_0002,\n"


def write_patient(
    root: Path, name: str, slices: int = 12, size: tuple[int, int] = (9, 8), copy_of_flair: str = ""
) -> None:
    """A patient in the public layout; each voxel is unlike its neighbours, rows differ from columns."""
    folder = root / name
    folder.mkdir(parents=True)
    random = np.random.default_rng(len(name) + slices)
    for number in range(1, slices + 1):
        pixels = random.integers(0, 255, (*size, 3), dtype=np.uint8)
        for channel in copy_of_flair:
            pixels[..., int(channel)] = pixels[..., 1]
        pixels[0, 0] = number
        mask = np.zeros(size, np.uint8)
        mask[2:4, 1 : 2 + number % 5] = 255
        sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(folder / f"{name}_{number}.tif"))
        sitk.WriteImage(sitk.GetImageFromArray(mask), str(folder / f"{name}_{number}_mask.tif"))


@pytest.fixture
def a_download(tmp_path: Path) -> Path:
    """A folder that contains ``kaggle_3m`` with two patients, 12 slices each, and data.csv."""
    for name in PATIENTS:
        write_patient(tmp_path / "download" / "kaggle_3m", name)
    (tmp_path / "download" / "kaggle_3m" / "data.csv").write_text(TABLE)
    return tmp_path / "download"


def slice_pixels(source: Path, name: str, number: int, suffix: str = "") -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(source / "kaggle_3m" / name / f"{name}_{number}{suffix}.tif")))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_slice_lies_in_numeric_order_with_its_mask(a_download: Path, tmp_path: Path) -> None:
    studies = import_folder(a_download, tmp_path / "studies")
    assert [study.id for study in studies] == list(PATIENTS)
    study = studies[0]
    volumes = load_sequences(study, ["t1", "flair", "t1c"])
    mask = read_mask(label_path(tmp_path / "studies", study.id))
    for number in range(1, 13):
        pixels = slice_pixels(a_download, study.id, number)
        for channel, name in enumerate(("t1", "flair", "t1c")):
            assert volumes[name].array.dtype == np.uint8
            np.testing.assert_array_equal(volumes[name].array[:, :, number - 1], pixels[..., channel].T)
        np.testing.assert_array_equal(
            mask.array[:, :, number - 1], (slice_pixels(a_download, study.id, number, "_mask") > 0).T
        )
    assert set(np.unique(mask.array)) == {0, 1}
    np.testing.assert_array_equal(mask.affine, volumes["flair"].affine)


def test_picture_right_is_patient_left_picture_down_is_back_and_slices_go_up(a_download: Path, tmp_path: Path) -> None:
    study = import_folder(a_download, tmp_path / "studies", slice_spacing=6.5)[0]
    affine = read_volume(study.path("flair")).affine
    np.testing.assert_array_equal(affine, np.diag([-1, -1, 6.5, 1]))


def test_studies_record_patient_date_source_and_unknown_spacing(a_download: Path, tmp_path: Path) -> None:
    import_folder(a_download, tmp_path / "placeholder")
    study = list_studies(tmp_path / "placeholder")[1]
    assert (study.patient_id, study.date, study.spacing_known) == ("TCGA-AA-0002", "2000-02-29", False)
    assert study.source["slice_spacing"] == "unknown (1 mm placeholder)"
    import_folder(a_download, tmp_path / "given", slice_spacing=5)
    study = list_studies(tmp_path / "given")[0]
    assert not study.spacing_known
    assert study.source["slice_spacing"] == "5 mm (given at import)"
    assert study.source["in_plane_spacing"] == "unknown (1 mm placeholder)"


@pytest.mark.parametrize(("channels", "present"), [("0", {"flair", "t1c"}), ("2", {"t1", "flair"}), ("02", {"flair"})])
def test_a_channel_that_copies_flair_is_left_out(tmp_path: Path, channels: str, present: set[str]) -> None:
    write_patient(tmp_path / "kaggle_3m", PATIENTS[0], copy_of_flair=channels)
    (study,) = import_folder(tmp_path, tmp_path / "studies")
    assert set(study.sequences) == present
    assert {path.name for path in study.folder.glob("*.nii.gz")} == {f"{name}.nii.gz" for name in present}


def test_the_genomic_table_gets_a_patient_id_column(a_download: Path, tmp_path: Path) -> None:
    import_folder(a_download, tmp_path / "studies")
    with (tmp_path / "studies" / "genomics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"patient_id": "TCGA-AA-0001", "Patient": "TCGA_AA_0001", "COCCluster": "2"},
        {"patient_id": "TCGA-AA-0002", "Patient": "TCGA_AA_0002", "COCCluster": ""},
    ]


def test_a_missing_genomic_table_is_named(a_download: Path, tmp_path: Path) -> None:
    (a_download / "kaggle_3m" / "data.csv").unlink()
    (missing,) = plan_import(a_download).left_out
    assert missing.what == "data.csv"
    assert "no genomics.csv is written" in missing.reason
    assert len(import_folder(a_download, tmp_path / "studies")) == 2
    assert not (tmp_path / "studies" / "genomics.csv").exists()


@pytest.mark.parametrize("nesting", [".", "kaggle_3m", "lgg-mri-segmentation/kaggle_3m"])
def test_the_download_is_found_at_each_usual_depth(tmp_path: Path, nesting: str) -> None:
    write_patient(tmp_path / "src" / nesting, PATIENTS[0], slices=2)
    assert [study.id for study in import_folder(tmp_path / "src", tmp_path / "studies")] == [PATIENTS[0]]


def test_other_things_beside_the_patients_are_named(a_download: Path) -> None:
    (a_download / "kaggle_3m" / "notes").mkdir()
    assert [item.what for item in plan_import(a_download).left_out] == ["notes"]


def test_a_table_that_the_user_changed_is_kept(a_download: Path, tmp_path: Path) -> None:
    import_folder(a_download, tmp_path / "studies")
    (tmp_path / "studies" / "genomics.csv").write_text("patient_id,COCCluster\nTCGA-AA-0001,3\n")
    with pytest.raises(InputError, match=r"genomics\.csv exists with other content and is kept"):
        import_folder(a_download, tmp_path / "studies")
    assert (tmp_path / "studies" / "genomics.csv").read_text().endswith("TCGA-AA-0001,3\n")


def test_a_folder_without_patients_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kaggle_3m").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        import_folder(tmp_path, tmp_path / "studies")
    with pytest.raises(InputError, match="nowhere is not a folder"):
        import_folder(tmp_path / "nowhere", tmp_path / "studies")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("_7.tif", "_7.tif is missing: slices go up to 12"),
        ("_1.tif", "_1.tif is missing"),
        ("_3_mask.tif", "_3_mask.tif is missing: the slice has no mask"),
        ("_12.tif", "_12.tif is missing"),
    ],
)
def test_a_missing_file_is_named_and_the_other_patients_are_imported(
    a_download: Path, tmp_path: Path, missing: str, message: str
) -> None:
    (a_download / "kaggle_3m" / PATIENTS[1] / f"{PATIENTS[1]}{missing}").unlink()
    with pytest.raises(InputError) as caught:
        import_folder(a_download, tmp_path / "studies")
    assert PATIENTS[1] + message in str(caught.value)
    assert [study.id for study in list_studies(tmp_path / "studies")] == [PATIENTS[0]]


def test_a_patient_without_slices_is_refused(a_download: Path, tmp_path: Path) -> None:
    shutil.rmtree(a_download / "kaggle_3m" / PATIENTS[0])
    (a_download / "kaggle_3m" / PATIENTS[0]).mkdir()
    with pytest.raises(InputError, match=f"{PATIENTS[0]} holds no slices"):
        import_folder(a_download, tmp_path / "studies")


@pytest.mark.parametrize(
    ("suffix", "pixels", "message"),
    [
        ("_5", np.zeros((4, 4, 3), np.uint8), "_5.tif has (4, 4) pixels"),
        ("_5", np.zeros((9, 8), np.uint8), "_5.tif has 2 dimensions and 1 channels of 8-bit unsigned integer"),
        ("_5", np.zeros((9, 8, 3), np.uint16), "_5.tif has 2 dimensions and 3 channels of vector of 16-bit"),
    ],
)
def test_a_slice_of_another_kind_is_refused_by_name_and_leaves_no_half_study(
    a_download: Path, tmp_path: Path, suffix: str, pixels: np.ndarray, message: str
) -> None:
    path = a_download / "kaggle_3m" / PATIENTS[1] / f"{PATIENTS[1]}{suffix}.tif"
    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=pixels.ndim == 3), str(path))
    with pytest.raises(InputError) as caught:
        import_folder(a_download, tmp_path / "studies")
    assert PATIENTS[1] + message in str(caught.value)
    assert [study.id for study in list_studies(tmp_path / "studies")] == [PATIENTS[0]]
    assert not list((tmp_path / "studies").rglob(f"*{PATIENTS[1]}*"))


@pytest.mark.parametrize("keep", [0, 5, 150])
def test_a_damaged_slice_is_refused_by_name(a_download: Path, tmp_path: Path, keep: int) -> None:
    path = a_download / "kaggle_3m" / PATIENTS[0] / f"{PATIENTS[0]}_4.tif"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=f"{PATIENTS[0]}_4.tif"):
        import_folder(a_download, tmp_path / "studies")


def test_masks_of_another_size_are_named_and_added_once_they_are_right(tmp_path: Path) -> None:
    write_patient(tmp_path / "kaggle_3m", PATIENTS[0], slices=2)
    masks = [tmp_path / "kaggle_3m" / PATIENTS[0] / f"{PATIENTS[0]}_{number}_mask.tif" for number in (1, 2)]
    right = [path.read_bytes() for path in masks]
    for path in masks:
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 4), np.uint8)), str(path))
    with pytest.raises(InputError, match=r"_1_mask\.tif: is no label of .*geometry"):
        import_folder(tmp_path, tmp_path / "studies")
    assert not label_path(tmp_path / "studies", PATIENTS[0]).exists()
    for path, content in zip(masks, right, strict=True):
        path.write_bytes(content)
    (study,) = import_folder(tmp_path, tmp_path / "studies")
    assert read_mask(label_path(tmp_path / "studies", PATIENTS[0])).array.any()
    assert study.numbering == list_studies(tmp_path / "studies")[0].numbering == "whole"


def test_importing_again_keeps_what_exists_and_a_corrected_label(a_download: Path, tmp_path: Path) -> None:
    dest = tmp_path / "studies"
    import_folder(a_download, dest)
    label_path(dest, PATIENTS[0]).write_bytes(b"corrected by an annotator")
    shutil.rmtree(dest / PATIENTS[1])
    before = contents(dest)
    assert [study.id for study in import_folder(a_download, dest)] == list(PATIENTS)
    after = contents(dest)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {
        f"{PATIENTS[1]}/{n}" for n in ("study.json", "t1.nii.gz", "t1c.nii.gz", "flair.nii.gz")
    }


def test_another_slice_spacing_is_not_mixed_into_existing_studies(a_download: Path, tmp_path: Path) -> None:
    import_folder(a_download, tmp_path / "studies", slice_spacing=5)
    before = contents(tmp_path / "studies")
    with pytest.raises(InputError, match=r"slice_spacing was '5 mm \(given at import\)' and is now '6 mm"):
        import_folder(a_download, tmp_path / "studies", slice_spacing=6)
    assert contents(tmp_path / "studies") == before


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_slice_spacing_is_refused(a_download: Path, tmp_path: Path, spacing: float) -> None:
    with pytest.raises(InputError, match="slice spacing"):
        import_folder(a_download, tmp_path / "studies", slice_spacing=spacing)


def test_a_killed_import_leaves_whole_studies_only_and_can_be_run_again(tmp_path: Path) -> None:
    names = [f"TCGA_AA_{number:04d}_19990101" for number in range(15)]
    write_patient(tmp_path / "kaggle_3m", names[0], slices=6, size=(64, 64))
    for name in names[1:]:
        shutil.copytree(tmp_path / "kaggle_3m" / names[0], tmp_path / "kaggle_3m" / name)
        for path in (tmp_path / "kaggle_3m" / name).iterdir():
            path.rename(path.with_name(path.name.replace(names[0], name)))
    dest = tmp_path / "studies"
    process = Process("import", tmp_path, dest, "--yes")
    deadline = time.monotonic() + 60
    while not (dest / names[2]).exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed = list_studies(dest)
    assert 3 <= len(killed) < 15
    for study in killed:
        assert set(load_sequences(study, study.sequences)) == {"t1", "flair", "t1c"}
        assert read_mask(label_path(dest, study.id)).array.any()
    assert len(import_folder(tmp_path, dest)) == 15
    assert not [path for path in dest.iterdir() if path.name.startswith(".incomplete")]


def test_progress_counts_the_patients(a_download: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    write_plan(plan_import(a_download), tmp_path / "studies", lambda *state: calls.append(state))
    assert calls == [(1, 2, PATIENTS[0]), (2, 2, PATIENTS[1])]


@pytest.mark.realdata
def test_two_real_patients_become_studies_with_their_tumours(lgg_kaggle: Path, tmp_path: Path) -> None:
    source = tmp_path / "two"
    for name in ("TCGA_CS_4941_19960909", "TCGA_CS_4942_19970222"):
        shutil.copytree(lgg_kaggle / "kaggle_3m" / name, source / "kaggle_3m" / name)
    shutil.copy(lgg_kaggle / "kaggle_3m" / "data.csv", source / "kaggle_3m" / "data.csv")
    studies = import_folder(source, tmp_path / "studies")
    assert [(study.id, len(study.sequences)) for study in studies] == [
        ("TCGA_CS_4941_19960909", 3),
        ("TCGA_CS_4942_19970222", 3),
    ]
    volume = read_volume(studies[0].path("flair"))
    mask = read_mask(label_path(tmp_path / "studies", studies[0].id))
    assert volume.shape == mask.shape == (256, 256, 23)
    tumour, head = mask.array > 0, volume.array > 30
    centre_of_tumour, centre_of_head = (volume.affine[:3, :3] @ np.argwhere(part).mean(0) for part in (tumour, head))
    right, front, _ = centre_of_tumour - centre_of_head
    assert right > 10 and front > 10, "this patient's tumour lies on the right, in front"
    assert volume.array[tumour].mean() > 1.5 * volume.array[head & ~tumour].mean()
