"""Lesion-wise scores of real brains beside those of the BraTS challenges' own programs, where these are installed.

``pip install brats-evaluation==0.0.10`` (AGPL) gives the one of 2026, ``brats_2023_metrics``
(github.com/rachitsaluja/BraTS-2023-Metrics, Apache-2.0) the one of 2023; Gliomics imports neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from gliomics.evaluation.lesionwise import lesionwise, matched
from gliomics.study import read_mask

pytestmark = pytest.mark.realdata

REGIONS = {"WT": (1, 2, 3), "TC": (1, 3), "ET": (3,)}
Labels = npt.NDArray[np.uint8]


def perturbed(reference: Labels) -> Iterator[tuple[str, Labels]]:
    """What goes wrong with masks: too small, too large, a lesion dropped, one added, enhancement or all missing."""
    for name, change in (("eroded", ndimage.binary_erosion), ("dilated", ndimage.binary_dilation)):
        mask = np.zeros_like(reference)
        for value in (2, 1, 3):
            mask[change(reference == value)] = value
        yield name, mask
    lesions, count = ndimage.label(reference == 3, structure=np.ones((3, 3, 3)))
    largest = 1 + int(np.argmax(np.bincount(lesions.ravel())[1:])) if count else 0
    yield "dropped", np.where((lesions == largest) & (lesions > 0), 2, reference).astype(np.uint8)
    added = reference.copy()
    added[2:7, 2:7, 2:7] = 3
    yield "added", added
    yield "without enhancement", np.where(reference == 3, 1, reference).astype(np.uint8)
    yield "empty", np.zeros_like(reference)


@pytest.fixture(scope="module")
def pairs(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path]]:
    """Files of masks and references, cut to every second voxel around the tumours."""
    folder, files = tmp_path_factory.mktemp("pairs"), []
    for path in sorted((real_data / "brats2021").glob("*_seg.nii.gz")):
        whole = read_mask(path).array
        (box,) = ndimage.find_objects((whole > 0).astype(np.uint8))
        near = tuple(slice(max(0, side.start - 12), side.stop + 12, 2) for side in box)
        reference = np.ascontiguousarray(whole[near]).astype(np.uint8)
        for name, mask in perturbed(reference):
            both = folder / f"{path.name[:15]} {name}.nii.gz", folder / f"{path.name[:15]} {name} reference.nii.gz"
            for array, file in zip((mask, reference), both, strict=True):
                nib.save(nib.Nifti1Image(array, np.eye(4)), file)
            files.append(both)
    return files


def inside(path: Path, region: str) -> npt.NDArray[np.bool_]:
    return np.isin(read_mask(path).array, REGIONS[region])


def test_lesionwise_beside_the_program_of_2023(pairs: list[tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "Inf", np.inf, raising=False)  # as NumPy 1 called it, for which the program is written
    program = pytest.importorskip("brats_2023_metrics.surface_distance.brats_metrics")
    for mask, reference in pairs:
        rows = program.get_lesion_wise_results(str(mask), str(reference), "BraTS-GLI").set_index("Labels")
        for region in REGIONS:
            scores = lesionwise(inside(mask, region), inside(reference, region))
            expected = rows.loc[region]
            assert [scores.dice, scores.hausdorff_95] == pytest.approx(
                [expected["Lesion_Wise_Score_Dice"], expected["Lesion_Wise_Score_HD95"]], abs=1e-9
            ), (mask.name, region)
            counts = [expected["Num_TP"], expected["Num_FN"], expected["Num_FP"]]
            assert [scores.found, scores.missed, scores.false] == counts, (mask.name, region)


def test_matched_beside_the_program_of_2026(pairs: list[tuple[Path, Path]]) -> None:
    program, panoptica = pytest.importorskip("brats_evaluation"), pytest.importorskip("panoptica")
    evaluator = panoptica.Panoptica_Evaluator.load_from_config(str(program.config_path("gli")))
    for mask, reference in pairs:
        results = program.evaluate_single_exam(
            prediction_filepath=str(mask),
            reference_filepath=str(reference),
            subject_identifier=mask.name,
            evaluator=evaluator,
        )
        for region in REGIONS:
            scores, expected = matched(inside(mask, region), inside(reference, region)), results[region.lower()]
            distance = expected["sq_hd95"] if np.isfinite(expected["sq_hd95"]) else np.nan
            assert [scores.dice, scores.hausdorff_95, scores.count] == pytest.approx(
                [expected["sq_dsc"], distance, expected["tp"]], abs=1e-9, nan_ok=True
            ), (mask.name, region)
