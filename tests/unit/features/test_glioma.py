"""The glioma block on heads with planted lesions: every value is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from gliomics.errors import InputError
from gliomics.features.config import FeatureConfig, load_config, parse_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.glioma.measure import ENHANCEMENT, FEATURES, INTENSITY, LOCATION, MISMATCH, SIZE
from gliomics.records import FeatureRow
from gliomics.study.volumes import Mask, Volume
from tests.unit.features.test_stored_order import SOME, stored

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SHAPE = (100, 116, 12)
AFFINE = np.diag([-2.0, -2.0, 6.0, 1.0])
CENTRE, RADII = np.array([50.0, 58.0, 6.0]), np.array([36.0, 44.0, 20.0])
PLACE, RADIUS = np.array([66.0, 62.0]), 14.0
INDICES = np.indices(SHAPE).transpose(1, 2, 3, 0).astype(float)
HEAD: Bools = np.linalg.norm((INDICES - CENTRE) / RADII, axis=3) < 1
FROM_PLACE: Floats = np.linalg.norm(INDICES[..., :2] - PLACE, axis=3)
IN_SLICES: Bools = np.abs(INDICES[..., 2] - 6) <= 2
LESION: Bools = (FROM_PLACE < RADIUS) & IN_SLICES
GLIOMA = load_config("glioma")


def brain(seed: int = 0) -> Floats:
    """A head of 72 x 88 voxels with tissue of mean 100 and standard deviation 10, and dark air."""
    rng = np.random.default_rng(seed)
    return np.where(HEAD, rng.normal(100, 10, SHAPE), np.abs(rng.normal(0, 1, SHAPE)))


def with_lesion(value: float | Floats, where: Bools = LESION, seed: int = 0) -> Volume:
    """A head with a lesion that is nearly of one value, or of those of an image."""
    noise = np.random.default_rng(100 + seed).normal(0, 0.5, SHAPE)
    return Volume(np.where(where, value + noise, brain(seed)), AFFINE)


def mask_of(inside: Bools) -> Mask:
    return Volume(inside.astype(np.uint8), AFFINE)


def measured(
    volumes: dict[str, Volume], mask: Mask | None = None, config: FeatureConfig = GLIOMA, **options: Any
) -> FeatureRow:
    return extract_features(StudyImages("case-1", volumes, **options), mask or mask_of(LESION), config)


def of(row: FeatureRow, prefix: str = "flair") -> dict[str, float]:
    """The features of one sequence, or of none, by their names alone."""
    start = f"{prefix}_original_glioma_" if prefix else "original_glioma_"
    return {name.removeprefix(start): value for name, value in row.values.items() if name.startswith(start)}


def test_even_lesion_lies_as_many_deviations_above_the_tissue_as_it_was_painted() -> None:
    flair = of(measured({"flair": with_lesion(130.0)}))
    assert set(flair) == set(INTENSITY)
    assert [flair[name] for name in ("Mean", "10Percentile", "90Percentile")] == pytest.approx([3, 3, 3], abs=0.12)
    assert flair["StandardDeviation"] == pytest.approx(0.05, abs=0.003)
    assert flair["CoreMinusRim"] == pytest.approx(0, abs=0.01)
    assert flair["RingLevel"] == pytest.approx(0, abs=0.05)
    assert flair["EdgeStep"] == pytest.approx(3, abs=0.07)


def test_spread_of_a_mixed_lesion_is_that_of_its_voxels() -> None:
    values = np.random.default_rng(1).normal(120, 30, SHAPE)
    flair = of(measured({"flair": with_lesion(values)}))
    expected = (values[LESION] - 100) / 10
    got = [flair[name] for name in ("Mean", "StandardDeviation", "10Percentile", "90Percentile")]
    assert got == pytest.approx([expected.mean(), expected.std(), *np.percentile(expected, (10, 90))], rel=0.03)


def test_dark_core_in_a_bright_rim_is_as_dark_as_it_was_painted() -> None:
    row = measured({"flair": with_lesion(np.where(FROM_PLACE < 0.4 * RADIUS, 120.0, 150.0))})
    assert -3 < of(row)["CoreMinusRim"] < -1.5
    whole_core = with_lesion(np.where(FROM_PLACE < 0.6 * RADIUS, 120.0, 150.0))
    assert of(measured({"flair": whole_core}))["CoreMinusRim"] == pytest.approx(-3, abs=0.05)


def test_step_at_the_edge_is_that_from_the_shell_outside() -> None:
    halo = with_lesion(130.0).array
    halo[(FROM_PLACE >= RADIUS) & (FROM_PLACE < RADIUS + 4) & IN_SLICES] = 115
    flair = of(measured({"flair": Volume(halo, AFFINE)}))
    assert (flair["RingLevel"], flair["EdgeStep"]) == pytest.approx((1.5, 1.5), abs=0.05)


def test_edge_is_sharper_than_a_blurred_one_and_no_sharper_than_noise() -> None:
    noise = np.random.default_rng(2).normal(0, 1, SHAPE)
    painted = np.where(LESION, 130.0, 100.0)
    blurred = np.where(HEAD, gaussian_filter(painted, (4, 4, 0)) + noise, 0)
    sharp, soft, none = (
        of(measured({"flair": Volume(np.where(HEAD, image + noise, 0), AFFINE)}))["RimGradientRatio"]
        for image in (painted, blurred, np.full(SHAPE, 100.0))
    )
    assert sharp > 1.5 * soft > 1.5 * none
    assert none == pytest.approx(1, abs=0.1)


def test_enhancement_is_what_contrast_adds() -> None:
    before = with_lesion(90.0)
    bright = LESION & (INDICES[..., 1] > 66)
    after = before.with_array(before.array + np.where(bright, 25.0, 0.0))
    t1c = of(measured({"t1": before, "t1c": after}), "t1c")
    assert set(t1c) == {*INTENSITY, *ENHANCEMENT}
    share = bright.sum() / LESION.sum()
    assert t1c["EnhancementMean"] == pytest.approx(2.5 * share, rel=0.02)
    assert t1c["Enhancement95Percentile"] == t1c["Enhancement99Percentile"] == pytest.approx(2.5, rel=0.02)
    assert t1c["EnhancingFraction"] == t1c["StronglyEnhancingFraction"] == pytest.approx(share)
    weak = before.with_array(before.array + np.where(bright, 15.0, 0.0))
    fractions = of(measured({"t1": before, "t1c": weak}), "t1c")
    assert (fractions["EnhancingFraction"], fractions["StronglyEnhancingFraction"]) == (pytest.approx(share), 0)


def test_mismatch_is_a_core_that_flair_suppresses() -> None:
    core = LESION & (FROM_PLACE < 0.6 * RADIUS)
    t2, flair = with_lesion(140.0), with_lesion(np.where(core, 110.0, 140.0), seed=1)
    values = of(measured({"t2": t2, "flair": flair}), "t2")
    assert set(values) == {*INTENSITY, *MISMATCH}
    share = core.sum() / LESION.sum()
    assert values["MismatchCoreMinusRim"] == pytest.approx(3, abs=0.05)
    assert values["MismatchMean"] == pytest.approx(3 * share, abs=0.06)
    assert values["MismatchFraction"] == pytest.approx(share)


def test_place_is_told_in_shares_of_the_head() -> None:
    """The head runs from 14.5 to 85.5 across and from 14.5 to 101.5 backwards, its middle is at 50."""
    values = of(measured({"flair": with_lesion(130.0)}), "")
    assert set(values) == {*LOCATION, *SIZE}
    assert values["CentroidLeft"] == pytest.approx((66 - 14.5) / 71, abs=0.01)
    assert values["CentroidBack"] == pytest.approx((62 - 14.5) / 87, abs=0.01)
    assert values["CentroidUp"] == pytest.approx(0.54, abs=0.01)  # the seventh of twelve slices
    assert values["MidlineDistance"] == pytest.approx(16 / 71, abs=0.01)
    assert values["MidlineShare"] == 0


@pytest.mark.parametrize(("across", "share"), [(50.0, 0.5), (44.0, None), (57.0, None)])
def test_share_across_the_midline_is_that_of_the_smaller_side(across: float, share: float | None) -> None:
    inside = (np.linalg.norm(INDICES[..., :2] - (across, 60), axis=3) < 10) & IN_SLICES
    values = of(measured({"flair": with_lesion(130.0, inside)}, mask_of(inside)), "")
    left = (INDICES[..., 0][inside] > 50).mean() + 0.5 * (INDICES[..., 0][inside] == 50).mean()
    assert values["MidlineShare"] == pytest.approx(min(left, 1 - left), abs=0.03)
    assert share is None or values["MidlineShare"] == pytest.approx(share, abs=0.03)


def test_mirrored_head_changes_left_to_right_and_nothing_else() -> None:
    flair = with_lesion(np.random.default_rng(1).normal(120, 30, SHAPE))
    one = measured({"flair": flair}).values
    other = measured({"flair": flair.with_array(flair.array[::-1])}, mask_of(LESION[::-1])).values
    left = "original_glioma_CentroidLeft"
    assert other.pop(left) == pytest.approx(1 - one.pop(left), abs=0.02)
    assert other == pytest.approx(one, rel=0.03, abs=0.03)


def test_size_is_a_share_of_the_head_and_parts_are_counted() -> None:
    values = of(measured({"flair": with_lesion(130.0)}), "")
    assert values["RelativeVolume"] == pytest.approx(LESION.sum() / HEAD.sum(), rel=0.01)
    assert values["RelativeArea"] == pytest.approx(14**2 / (36 * 44), rel=0.03)
    assert values["Components"] == 1
    specks = LESION.copy()
    specks[30:38, 40:48, 6] = True  # 2 % of the lesion
    specks[30, 60, 6] = True  # a speck
    assert of(measured({"flair": with_lesion(130.0)}, mask_of(specks)), "")["Components"] == 2


def rescaled(volume: Volume) -> Volume:
    return volume.with_array(7.5 * volume.array + 1000)


def shifted(volume: Volume) -> Volume:
    """The same head elsewhere in the image: its midline is no longer the image's."""
    return volume.with_array(np.roll(volume.array, (9, -8), axis=(0, 1)))


def finer(volume: Volume) -> Volume:
    """The same image in pixels of half the size."""
    return Volume(volume.array.repeat(2, axis=0).repeat(2, axis=1), volume.affine @ np.diag([0.5, 0.5, 1, 1]))


def in_thin_slices(volume: Volume) -> Volume:
    return Volume(volume.array.repeat(3, axis=2), volume.affine @ np.diag([1, 1, 1 / 3, 1]))


def of_unknown_size(volume: Volume) -> Volume:
    return Volume(volume.array, np.diag([-1.0, -1.0, 1.0, 1.0]))


@pytest.mark.parametrize(
    ("change", "tolerance"),
    [(rescaled, 1e-5), (shifted, 1e-5), (of_unknown_size, 1e-5), (finer, 0.15), (in_thin_slices, 0.05)],
)
def test_scale_offset_position_and_voxel_size_do_not_count(
    change: Callable[[Volume], Volume], tolerance: float
) -> None:
    values = np.random.default_rng(1).normal(120, 30, SHAPE)
    volumes = {name: with_lesion(values + 14 * n, seed=n) for n, name in enumerate(("t1", "t1c", "flair", "t2"))}
    known = measured(volumes).values
    assert len(known) == len(SIZE) + len(LOCATION) + 4 * len(INTENSITY) + len(ENHANCEMENT) + len(MISMATCH)
    mask = mask_of(LESION) if change is rescaled else change(mask_of(LESION))
    changed = measured({name: change(volume) for name, volume in volumes.items()}, mask, spacing_known=False).values
    assert changed == pytest.approx(known, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("order", SOME, ids=str)
def test_order_in_which_axes_are_stored_does_not_count(order: Floats) -> None:
    volumes = {name: with_lesion(120.0 + 10 * n, seed=n) for n, name in enumerate(("t1", "t1c", "flair"))}
    known = measured(volumes).values
    turned = {name: stored(volume, order) for name, volume in volumes.items()}
    assert measured(turned, stored(mask_of(LESION), order)).values == pytest.approx(known, rel=1e-9, abs=1e-12)


def test_what_lies_outside_brain_or_scalp_does_not_count() -> None:
    flair = with_lesion(130.0)
    scalp = HEAD & (np.linalg.norm((INDICES - CENTRE) / (RADII - 3), axis=3) > 1)
    fat = flair.with_array(np.where(scalp, 400.0, flair.array))
    plain, drawn = of(measured({"flair": flair})), mask_of(HEAD & ~scalp)
    sharpness = plain.pop("RimGradientRatio")
    for values in (of(measured({"flair": fat})), of(measured({"flair": fat}, brain=drawn))):
        assert values.pop("RimGradientRatio") == pytest.approx(sharpness, rel=0.15)  # a smaller head is smoothed less
        assert values == pytest.approx(plain, abs=0.1)
    share = of(measured({"flair": fat}, brain=drawn), "")["RelativeVolume"]
    assert share == pytest.approx(LESION.sum() / (HEAD & ~scalp).sum(), rel=0.01)


@pytest.mark.parametrize("sequences", [("flair",), ("t1", "flair"), ("t1c", "flair"), ("t1", "t2")])
def test_what_needs_a_sequence_that_is_not_there_is_absent(sequences: tuple[str, ...]) -> None:
    row = measured({name: with_lesion(130.0) for name in sequences})
    assert not [name for name in row.values if name.split("_")[-1] in (*ENHANCEMENT, *MISMATCH)]
    assert not [warning for warning in row.warnings if "undefined" in warning or "left out" in warning]
    assert {name.split("_")[0] for name in row.values} == {*sequences, "original"}


def test_only_the_features_that_are_named_are_measured() -> None:
    config = parse_config({"featureClass": {"glioma": ["Mean", "RelativeArea"]}}, "mine.yaml")
    assert set(measured({"flair": with_lesion(130.0)}, config=config).values) == {
        "flair_original_glioma_Mean", "original_glioma_RelativeArea",
    }  # fmt: skip


def test_largest_slice_does_not_change_what_describes_the_whole() -> None:
    largest = parse_config({"featureClass": {"glioma": []}, "slices": "largest"}, "mine.yaml")
    volumes = {"flair": with_lesion(130.0)}
    assert measured(volumes, config=largest).values == measured(volumes).values


def test_resampled_images_have_the_same_place_and_brightness() -> None:
    config = parse_config({"featureClass": {"glioma": []}, "resampling": [3, 3, 6]}, "mine.yaml")
    smooth = Volume(gaussian_filter(with_lesion(130.0).array, (1, 1, 0)), AFFINE)
    known, coarser = measured({"flair": smooth}).values, measured({"flair": smooth}, config=config).values
    for name in ("original_glioma_CentroidLeft", "original_glioma_MidlineDistance", "original_glioma_RelativeVolume"):
        assert coarser[name] == pytest.approx(known[name], abs=0.02)
    assert coarser["flair_original_glioma_Mean"] == pytest.approx(known["flair_original_glioma_Mean"], rel=0.1)


def test_lesion_at_the_border_of_head_and_image_is_measured() -> None:
    cut = slice(14, None)  # the head now ends at the image's border
    beside = (np.linalg.norm(INDICES[..., :2] - (18, 58), axis=3) < 9) & IN_SLICES & HEAD
    volume, mask = with_lesion(130.0, beside), mask_of(beside)
    whole = of(measured({"flair": volume}, mask))
    assert set(whole) == set(INTENSITY)
    assert (whole["Mean"], whole["RingLevel"]) == pytest.approx((3, 0), abs=0.1)
    at_border = of(measured({"flair": Volume(volume.array[cut], AFFINE)}, Volume(mask.array[cut], AFFINE)))
    assert (at_border["Mean"], at_border["RingLevel"]) == pytest.approx((3, 0), abs=0.1)


def test_tiny_lesion_has_no_core_and_the_row_says_so() -> None:
    two = np.zeros(SHAPE, bool)
    two[60:62, 60:62, 6] = True
    row = measured({"flair": with_lesion(130.0, two)}, mask_of(two))
    assert of(row)["Mean"] == pytest.approx(3, abs=0.05)
    assert set(INTENSITY) - set(of(row)) == {"CoreMinusRim", "RimGradientRatio"}
    (warning,) = (text for text in row.warnings if "undefined" in text)
    assert warning.endswith("flair_original_glioma_CoreMinusRim, flair_original_glioma_RimGradientRatio")


def test_mask_in_the_air_is_not_measured_and_the_row_asks_for_the_right_one() -> None:
    air = np.zeros(SHAPE, bool)
    air[2:8, 2:8, 4:8] = True
    row = measured({"flair": with_lesion(130.0)}, mask_of(air))
    assert row.values == {}
    (warning,) = (text for text in row.warnings if "glioma" in text)
    assert warning.startswith("0% of the region's voxels lie in the head that the images show; expected at least 50%")


@pytest.mark.parametrize("reason", ["unplaced", "no air"])
def test_place_is_left_out_where_it_cannot_be_told(reason: str) -> None:
    flair = with_lesion(130.0)
    if reason == "no air":
        flair = flair.with_array(np.where(LESION, 130.0, np.random.default_rng(0).normal(100, 10, SHAPE)))
    row = measured({"flair": replace(flair, placed=reason != "unplaced")})
    assert set(of(row, "")) == set(SIZE)
    assert of(row)["Mean"] == pytest.approx(3, abs=0.05)
    assert "where the head lies cannot be told: the location in it is left out" in row.warnings


def test_head_without_tissue_to_compare_with_has_no_intensities_and_the_row_says_which() -> None:
    flat = Volume(np.where(LESION, 130.0, np.where(HEAD, 100.0, 0.0)), AFFINE)
    row = measured({"t1": flat, "flair": with_lesion(130.0)})
    assert of(row, "t1") == {}
    assert set(of(row)) == set(INTENSITY)
    assert [text for text in row.warnings if text.startswith("t1: no tissue outside the region")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"featureClass": {"glioma": ["Enhancement"]}}, "feature of class 'glioma' 'Enhancement' is unknown; did you "),
        ({"featureClass": {"gliomas": []}}, "feature class 'gliomas' is unknown; did you mean 'glioma'"),
        ({"featureClass": {"glioma": []}, "slices": "each"}, "feature class 'glioma' describes volumes"),
    ],
)
def test_configuration_that_cannot_be_measured_is_refused(content: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_config(content, "mine.yaml")


def test_preset_measures_every_feature() -> None:
    volumes = {name: with_lesion(130.0, seed=n) for n, name in enumerate(("t1", "t1c", "flair", "t2"))}
    assert {name.split("_")[-1] for name in measured(volumes).values} == set(FEATURES)
