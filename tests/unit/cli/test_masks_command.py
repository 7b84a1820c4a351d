from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner, Result

from gliomics.cli.main import app
from gliomics.errors import InputError
from gliomics.study import Volume, read_mask, read_volume, same_grid, write_mask, write_volume
from gliomics.study.images import to_sitk

AFFINE = np.diag([-2.0, 2.0, 5.0, 1.0])


def a_ball(spacing: tuple[float, float, float], shape: tuple[int, int, int], radius: float = 14.0) -> Volume:
    """Labels 2 and, inside, 1 of a ball in the middle of 64 x 64 x 60 mm."""
    affine = np.diag([-spacing[0], spacing[1], spacing[2], 1.0])
    affine[:3, 3] = affine[:3, :3] @ ((np.array([64, 64, 60]) / spacing - shape) / 2) + [-1.3, 0.4, 0.7]
    places = np.indices(shape).transpose(1, 2, 3, 0) * np.array(spacing)
    distance = np.linalg.norm(places - (np.array(shape) - 1) / 2 * np.array(spacing), axis=-1)
    return Volume(np.where(distance < radius / 2, 1, np.where(distance < radius, 2, 0)).astype(np.uint8), affine)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """The study ``case1`` as a single image, and an empty folder of masks."""
    (tmp_path / "masks").mkdir()
    image = np.random.default_rng(1).normal(100, 10, (32, 32, 12)).astype(np.float32)
    write_volume(Volume(image, AFFINE), tmp_path / "studies" / "case1.nii.gz")
    return tmp_path


def resample(folders: Path, *more: object) -> Result:
    arguments = ["masks", "resample", folders / "masks", folders / "studies", "--out", folders / "out", *more]
    return CliRunner().invoke(app, [str(word) for word in arguments])


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_mask_of_finer_voxels_comes_to_its_image_with_nearly_its_volume(folders: Path, suffix: str) -> None:
    fine = a_ball((1.0, 1.0, 1.2), (60, 60, 50))
    image = read_volume(folders / "studies" / "case1.nii.gz")
    affine = fine.affine.copy()
    affine[:3, 3] = (image.affine @ [15.5, 15.5, 5.5, 1])[:3] - fine.affine[:3, :3] @ [29.5, 29.5, 24.5]
    write_mask(Volume(fine.array, affine), folders / "masks" / f"case1{suffix}")
    done = resample(folders)
    assert done.exit_code == 0, done.output
    after = read_mask(folders / "out" / "case1.nii.gz")
    assert same_grid(after, image)
    before_ml, after_ml = (np.count_nonzero(mask.array) * np.prod(mask.spacing) for mask in (fine, after))
    assert after_ml == pytest.approx(before_ml, rel=0.04)
    assert set(np.unique(after.array)) == {0, 1, 2}
    for value in (1, 2):
        assert f"label {value}: {np.count_nonzero(fine.array == value)} voxels, now" in done.output


def test_a_mask_on_the_lattice_comes_back_exactly(folders: Path) -> None:
    array = np.zeros((32, 32, 12), np.uint8)
    array[10:14, 11:20, 3:6] = 4
    part = Volume(array[8:16, 10:22, 2:8][::-1], AFFINE @ np.array(
        [[-1, 0, 0, 15], [0, 1, 0, 10], [0, 0, 1, 2], [0, 0, 0, 1]]))  # fmt: skip
    write_mask(part, folders / "masks" / "case1.nii")
    assert "volume +0.0 %" in resample(folders).output
    np.testing.assert_array_equal(read_mask(folders / "out" / "case1.nii.gz").array, array)


def test_names_of_segments_are_told_where_the_file_cannot_keep_them(folders: Path) -> None:
    array = np.zeros((32, 32, 12), np.uint8)
    array[10:14, 11:20, 3:6] = 4
    mask = to_sitk(Volume(array, AFFINE))
    mask.SetMetaData("Segment0_Name", "Necrosis")
    mask.SetMetaData("Segment0_LabelValue", "4")
    sitk.WriteImage(mask, str(folders / "masks" / "case1.seg.nrrd"))
    assert "case1: .nii.gz keeps no names; its segments were 4 'Necrosis'" in resample(folders).output


def test_a_mask_elsewhere_is_refused_and_the_exit_code_tells(folders: Path) -> None:
    ball = a_ball((1.0, 1.0, 1.2), (60, 60, 50))
    write_mask(Volume(ball.array, ball.affine + 900 * np.eye(4, k=3)), folders / "masks" / "case1.nii.gz")
    done = resample(folders)
    assert done.exit_code == 1
    assert "labelled voxels outside sequence 'image'" in done.output
    assert not (folders / "out").exists()


def test_files_of_no_study_are_named(folders: Path) -> None:
    write_mask(Volume(np.ones((2, 2, 2), np.uint8), AFFINE), folders / "masks" / "case1.nrrd")
    (folders / "masks" / "case2.nii.gz").touch()
    assert "not used: case2.nii.gz: there is no study 'case2'" in resample(folders).output


def test_masks_are_not_written_among_those_that_they_come_from(folders: Path) -> None:
    arguments = ["masks", "resample", folders / "masks", folders / "studies", "--out", folders / "masks"]
    done = CliRunner().invoke(app, [str(word) for word in arguments])
    assert isinstance(done.exception, InputError)
