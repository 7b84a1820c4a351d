"""The order in which a file stores its axes, and which way they run, changes no feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure
from gliomics.cohort.perturb import perturbed
from gliomics.features.config import FeatureConfig, load_config, parse_config, preset_names
from gliomics.features.outline import outline_features
from gliomics.preprocess.orientation import axes_of, to_canonical, to_lps
from gliomics.records import FeatureRow
from gliomics.study import Study, Volume, read_mask, write_mask, write_volume
from tests.unit.features.plain import oblique, ragged_case

pytestmark = pytest.mark.slow

ORDERS = [
    np.array(list(zip(axes, ways, strict=True)), dtype=float)
    for axes in permutations(range(3))
    for ways in product((1, -1), repeat=3)
]
"""The 48 ways to store a volume, as nibabel writes them."""
SOME = ORDERS[1::9]
AXIAL, UNEQUAL = np.diag([-1.0, -1.0, 4.0, 1.0]), np.diag([-0.9, -1.1, 1.7, 1.0])
EVERY_FILTER = {
    "Original": {},
    "LoG": {"sigma": [1.5]},
    "Wavelet": {"binCount": 16},
    "Square": {"binCount": 16},
    "Gradient": {},
    "LBP2D": {"binWidth": 1},
}
CLASSES = {name: None for name in ("shape", "outline", "ellipsoid", "firstorder", "glcm", "glrlm", "ngtdm")}


def stored(volume: Volume, order: npt.NDArray[np.float64]) -> Volume:
    """The same image with its axes stored in another order, its affine as precise as a file's."""
    array = nib.orientations.apply_orientation(volume.array, order)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(order, volume.shape)
    return Volume(np.ascontiguousarray(array), affine.astype(np.float32).astype(float))


def measured(
    folder: Path, order: npt.NDArray[np.float64], config: FeatureConfig, affine: npt.NDArray[np.float64], **options: Any
) -> list[FeatureRow]:
    """The rows of a study whose files are stored in one order."""
    image, mask = ragged_case((19, 18, 13), affine=affine)
    inside = image.with_array((image.array > 1).astype(np.uint8))
    folder.mkdir()
    sequences = {name: folder / f"{name}.nii.gz" for name in config.sequences or ["flair"]}
    for path in sequences.values():
        write_volume(stored(image, order), path)
    write_mask(stored(mask, order), folder / "mask.nii.gz")
    write_mask(stored(inside, order), folder / "brain.nii.gz")
    study = Study("case-1", "case-1", folder, sequences)
    job = StudyFiles(study, folder / "mask.nii.gz", folder / "brain.nii.gz")
    return measure(job, Extraction(config, **options)).rows


@pytest.fixture(scope="module")
def as_first_stored(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[FeatureRow]]:
    """The rows of a study whose files are stored in the first order; measured once for the same arguments."""
    rows: dict[str, list[FeatureRow]] = {}

    def measured_once(config: FeatureConfig, affine: npt.NDArray[np.float64], **options: Any) -> list[FeatureRow]:
        key = repr((config, affine.tolist(), options))
        if key not in rows:
            rows[key] = measured(tmp_path_factory.mktemp("first") / "study", ORDERS[0], config, affine, **options)
        return rows[key]

    return measured_once


def assert_same(tables: list[FeatureRow], reordered_rows: list[FeatureRow]) -> None:
    assert [table.region for table in tables] == [other.region for other in reordered_rows]
    for table, other in zip(tables, reordered_rows, strict=True):
        assert other.values == pytest.approx(table.values, rel=1e-9, abs=1e-12)
        for name in ("size", "spacing", "voxels", "slice"):
            assert other.diagnostics.get(name) == table.diagnostics.get(name)


def turned(*degrees: float) -> npt.NDArray[np.float64]:
    affine = UNEQUAL.copy()
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ UNEQUAL[:3, :3]
    return affine


@pytest.mark.parametrize(
    "affine",
    [UNEQUAL, oblique(), turned(45, 0, 0), turned(0, 45, 45), turned(30, 40, 45), turned(54.7356, 0, 45)],
    ids=["straight", "oblique", "between two axes", "twice so", "tilted", "along the diagonal"],
)
def test_axes_come_to_one_order_however_they_are_stored(affine: npt.NDArray[np.float64]) -> None:
    volume = Volume(np.random.default_rng(0).random((3, 4, 5)), affine)
    for reordered in (to_lps, to_canonical):
        expected = reordered(volume)
        for order in ORDERS:
            turned_back = reordered(stored(volume, order))
            np.testing.assert_array_equal(turned_back.array, expected.array)
            np.testing.assert_allclose(turned_back.affine, expected.affine, atol=1e-5)


def test_volume_of_a_scanner_is_measured_as_it_is_stored() -> None:
    image, _ = ragged_case(affine=AXIAL)
    assert axes_of(image) == "LPS"
    assert np.shares_memory(to_lps(image).array, image.array)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: str(order.astype(int).tolist()))
def test_outline_does_not_depend_on_the_order_of_axes(order: npt.NDArray[np.float64]) -> None:
    _, mask = ragged_case((19, 18, 13), affine=AXIAL)
    names = ["AngularStandardDeviation", "AngularStandardDeviationLegacy", "AspectRatio", "DeepConvexityDefects"]
    assert outline_features(stored(mask, order), names) == outline_features(mask, names)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: str(order.astype(int).tolist()))
def test_panel_does_not_depend_on_the_order_of_axes(
    order: npt.NDArray[np.float64], tmp_path: Path, as_first_stored: Callable[..., list[FeatureRow]]
) -> None:
    panel = load_config("panel")
    regions = ("whole", "peritumoral")
    tables = as_first_stored(panel, AXIAL, regions=regions, boundary_shift=1)
    reordered_rows = measured(tmp_path / "other", order, panel, AXIAL, regions=regions, boundary_shift=1)
    assert_same(tables, reordered_rows)
    assert reordered_rows[0].diagnostics["mask_sha256"] == tables[0].diagnostics["mask_sha256"]


@pytest.mark.parametrize("order", SOME, ids=lambda order: str(order.astype(int).tolist()))
@pytest.mark.parametrize("preset", preset_names())
def test_presets_do_not_depend_on_the_order_of_axes(
    preset: str,
    order: npt.NDArray[np.float64],
    tmp_path: Path,
    as_first_stored: Callable[..., list[FeatureRow]],
) -> None:
    config = load_config(preset)
    tables = as_first_stored(config, turned(10, 5, 20))
    assert_same(tables, measured(tmp_path / "other", order, config, turned(10, 5, 20)))


@pytest.mark.parametrize("order", SOME, ids=lambda order: str(order.astype(int).tolist()))
@pytest.mark.parametrize(
    "content",
    [
        {"imageType": EVERY_FILTER, "featureClass": CLASSES, "setting": {"binWidth": 9}},
        {"biasField": True, "resampling": [1.5, 1, 2], "normalisation": {"method": "zscore"}, "featureClass": CLASSES},
        {"setting": {"resampledPixelSpacing": [1.5, 0, 2], "interpolator": "sitkLinear"}, "featureClass": CLASSES},
        {"setting": {"force2D": True, "force2Ddimension": 1, "preCrop": True, "normalize": True, "binCount": 8}},
        {"setting": {"resegmentRange": [20, 180], "weightingNorm": "euclidean", "distances": [1, 2]}},
        {"slices": "largest", "imageType": {"Original": {}, "Wavelet": {"level": 2, "binCount": 8}}},
        {"slices": "each", "featureClass": {"shape2D": None, "outline": None, "glszm": None}},
    ],
    ids=["filters", "ours", "resampledPixelSpacing", "force2D", "resegmented", "largest", "each"],
)
def test_settings_do_not_depend_on_the_order_of_axes(
    content: dict[str, Any],
    order: npt.NDArray[np.float64],
    tmp_path: Path,
    as_first_stored: Callable[..., list[FeatureRow]],
) -> None:
    config = parse_config(content, "mine.yaml")
    tables = as_first_stored(config, UNEQUAL)
    assert_same(tables, measured(tmp_path / "other", order, config, UNEQUAL))


@pytest.mark.parametrize("order", SOME, ids=lambda order: str(order.astype(int).tolist()))
def test_changes_of_a_mask_do_not_depend_on_the_order_of_axes(order: npt.NDArray[np.float64]) -> None:
    _, mask = ragged_case((19, 18, 13), affine=AXIAL)
    for name, changed in perturbed(mask).items():
        np.testing.assert_array_equal(perturbed(stored(mask, order))[name].array, stored(changed, order).array)


def test_voxels_of_unknown_size_are_measured_alike_in_every_order(tmp_path: Path) -> None:
    unknown = load_config("lgg-shape")
    image, mask = ragged_case((19, 18, 13), affine=np.diag([-1.0, -1.0, 1.0, 1.0]))
    rows = []
    for number, order in enumerate(ORDERS):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_volume(stored(image, order), folder / "flair.nii.gz")
        write_mask(stored(mask, order), folder / "mask.nii.gz")
        study = Study("case-1", "case-1", folder, {"flair": folder / "flair.nii.gz"})
        job = StudyFiles(replace(study, spacing_known=False), folder / "mask.nii.gz")
        rows += measure(job, Extraction(unknown)).rows
        assert read_mask(job.mask).array.sum() == rows[0].diagnostics["voxels"] or unknown.slices == "largest"
    for row in rows:
        assert row.values == pytest.approx(rows[0].values, rel=1e-9)
