"""Masks that come with the images: brought to their grid, numbered by their segments, or left out by name."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from gliomics.intake import import_folder, plan_import, write_plan
from gliomics.study import read_mask, to_sitk
from gliomics.study.labels import label_path
from gliomics.study.volumes import Volume
from tests.unit.intake.trees import AFFINE, mask_voxels, write_image, write_label


def test_a_cropped_mask_is_brought_to_the_grid_of_its_image(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "p" / "flair.nii.gz")
    affine = AFFINE.copy()
    affine[:3, 3] = (AFFINE @ [1, 0, 1, 1])[:3]
    nib.save(nib.Nifti1Image(mask_voxels((1, 2))[1:6, :4, 1:], affine), tmp_path / "in" / "p" / "seg.nii.gz")
    import_folder(tmp_path / "in", tmp_path / "out")
    label = read_mask(label_path(tmp_path / "out", "p"))
    np.testing.assert_array_equal(label.array, mask_voxels((1, 2)))
    np.testing.assert_array_equal(label.affine, AFFINE)


def test_a_mask_on_the_grid_of_any_sequence_is_a_label(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "p" / "t1.nii.gz", affine=np.diag([3.0, 3.0, 3.0, 1.0]))
    write_image(tmp_path / "in" / "p" / "flair.nii.gz")
    write_label(tmp_path / "in" / "p" / "seg.nii.gz", (1,))
    import_folder(tmp_path / "in", tmp_path / "out")
    np.testing.assert_array_equal(read_mask(label_path(tmp_path / "out", "p")).affine, AFFINE)


def test_segments_of_slicer_are_the_label_and_their_names_its_numbering(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "p" / "flair.nii.gz")
    image = to_sitk(Volume(mask_voxels((1, 2)), AFFINE))
    for number, name in enumerate(("edema", "enhancing tumor")):
        image.SetMetaData(f"Segment{number}_Name", name)
        image.SetMetaData(f"Segment{number}_LabelValue", str(number + 1))
        image.SetMetaData(f"Segment{number}_Layer", "0")
    sitk.WriteImage(image, str(tmp_path / "in" / "p" / "Segmentation.seg.nrrd"))
    (study,) = import_folder(tmp_path / "in", tmp_path / "out")
    np.testing.assert_array_equal(read_mask(label_path(tmp_path / "out", "p")).array, mask_voxels((1, 2)))
    assert study.numbering == "1=oedema,2=enhancing"


def test_an_empty_mask_is_named_and_its_study_imported_without_label(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "p" / "flair.nii.gz")
    write_label(tmp_path / "in" / "p" / "seg.nii.gz", ())
    report = write_plan(plan_import(tmp_path / "in"), tmp_path / "out")
    assert [study.id for study in report.written] == ["p"]
    assert "is empty" in report.left_out[0].reason
    assert not label_path(tmp_path / "out", "p").exists()


def test_an_expert_mask_that_is_unusable_is_not_replaced_by_an_automated_one(tmp_path: Path) -> None:
    name = "UPENN-GBM-00001_11"
    write_image(tmp_path / "in" / f"{name}_FLAIR.nii.gz")
    write_label(tmp_path / "in" / f"{name}_segm.nii.gz", ())
    write_label(tmp_path / "in" / f"{name}_automated_approx_segm.nii.gz", (1, 2, 4))
    report = write_plan(plan_import(tmp_path / "in"), tmp_path / "out")
    assert [item.what for item in report.left_out] == [f"{name}_segm.nii.gz"]
    assert not label_path(tmp_path / "out", name).exists()
