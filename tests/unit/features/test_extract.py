from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gliomics
from gliomics.errors import GeometryError, InputError, UnknownNameError
from gliomics.features.config import FeatureConfig, load_config, parse_config
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.provenance import content_sha256
from gliomics.preprocess.orientation import to_lps
from gliomics.records import FeatureRow
from gliomics.study import Mask, Volume, read_mask, read_volume
from tests.unit.features.heads import SHAPE, head, lesion
from tests.unit.features.plain import EVERY_CLASS, assert_equal_to_plain, plain_pyradiomics

QUICK = parse_config(
    {
        "featureClass": {"shape": ["MeshVolume"], "firstorder": ["Mean", "Entropy"], "glcm": ["Contrast"]},
        "setting": {"binWidth": 10},
        "normalisation": {"method": "zscore"},
    },
    "quick.yaml",
)


def measured(
    mask: Mask | None = None, config: FeatureConfig = QUICK, *, label: int | None = None, **facts: Any
) -> FeatureRow:
    images = StudyImages("case-1", {"flair": head()}, **facts)
    return extract_features(images, lesion() if mask is None else mask, config, label=label)


def test_values_equal_plain_pyradiomics_on_the_whole_image() -> None:
    parameters = {"imageType": {"Original": {}}, "setting": {"binWidth": 5}}
    ours = measured(config=parse_config(parameters, "plain.yaml"))
    assert len(ours.values) == 107
    plain = plain_pyradiomics(head(), lesion(), {**parameters, "featureClass": EVERY_CLASS})
    assert_equal_to_plain(ours.values, plain, "flair")


@pytest.mark.realdata
def test_real_brain_equals_plain_pyradiomics(real_data: Path) -> None:
    image, mask = (
        read_volume(real_data / "pyradiomics" / "brain1_image.nrrd"),
        read_mask(real_data / "pyradiomics" / "brain1_label.nrrd"),
    )
    config = parse_config(
        {"setting": {"binWidth": 25}, "featureClass": {"shape": None, "firstorder": None, "glszm": None}}, "x"
    )
    ours = extract_features(StudyImages("brain1", {"t1": image}), mask, config, label=1)
    plain = {"setting": {"binWidth": 25}, "featureClass": {"shape": [], "firstorder": [], "glszm": []}}
    assert_equal_to_plain(ours.values, plain_pyradiomics(image, mask, plain), "t1")


def test_intensity_features_carry_the_sequence_and_shape_is_measured_once() -> None:
    table = extract_features(StudyImages("case-1", {"t1c": head(seed=1), "flair": head()}), lesion(), QUICK)
    assert list(table.values) == [
        "original_shape_MeshVolume",
        "t1c_original_firstorder_Mean", "t1c_original_firstorder_Entropy", "t1c_original_glcm_Contrast",
        "flair_original_firstorder_Mean", "flair_original_firstorder_Entropy", "flair_original_glcm_Contrast",
    ]  # fmt: skip


def test_panel_adds_outline_ellipsoid_and_glioma_block_to_what_pyradiomics_measures() -> None:
    values = measured(config=load_config("panel")).values
    of_glioma = {name for name in values if "_glioma_" in name}
    assert len(values) == 107 + 10 + 1 + len(of_glioma)
    assert len(of_glioma) == 11
    assert {"original_outline_Solidity", "flair_original_ngtdm_Busyness"} <= set(values)


@settings(max_examples=10, deadline=None)
@given(gain=st.floats(0.01, 1000), offset=st.floats(-500, 500))
def test_unit_of_the_intensities_does_not_count_after_normalisation(gain: float, offset: float) -> None:
    image = head()
    changed = image.with_array(image.array.astype(np.float64) * gain + offset)
    plain = measured().values
    scaled = extract_features(StudyImages("case-1", {"flair": changed}), lesion(), QUICK).values
    assert scaled["flair_original_firstorder_Mean"] == pytest.approx(plain["flair_original_firstorder_Mean"], rel=1e-3)
    assert scaled["flair_original_firstorder_Entropy"] == pytest.approx(
        plain["flair_original_firstorder_Entropy"], rel=0.02
    )


def test_normalisation_is_the_z_score_within_the_head_times_100() -> None:
    image = head()
    inside = image.array > image.array.min() + 0.05 * (np.percentile(image.array, 99.5) - image.array.min())
    values = image.array[inside].astype(float)
    expected = 100 * (image.array[lesion().array > 0].mean() - values.mean()) / values.std()
    assert measured().values["flair_original_firstorder_Mean"] == pytest.approx(expected, rel=1e-6)


def test_label_chooses_the_voxels_and_none_means_any() -> None:
    mask = lesion(0)
    by_label = {label: measured(mask, label=label).diagnostics["voxels"] for label in (1, 2, 4, None)}
    assert by_label[None] == np.count_nonzero(mask.array) == by_label[1] + by_label[2] + by_label[4]


def test_label_of_the_configuration_is_used_when_none_is_asked_for() -> None:
    config = parse_config({"featureClass": {"firstorder": ["Mean"]}, "setting": {"label": 2}}, "label.yaml")
    assert measured(lesion(0), config).diagnostics["voxels"] == np.count_nonzero(lesion(0).array == 2)


def test_row_tells_how_it_came_about() -> None:
    diagnostics = measured().diagnostics
    assert diagnostics["gliomics_version"] == gliomics.__version__
    assert diagnostics["pyradiomics_version"].startswith("3.")
    assert diagnostics["config_sha256"] == QUICK.digest
    assert FeatureConfig.model_validate(diagnostics["config"]) == QUICK
    assert diagnostics["flair_image_sha256"] == content_sha256(to_lps(head()))
    assert diagnostics["mask_sha256"] == content_sha256(to_lps(lesion()))
    assert diagnostics["stored_axes"] == "RAS"
    assert (diagnostics["size"], diagnostics["spacing"], diagnostics["spacing_known"]) == (
        [40, 44, 10],
        [2.0, 2.0, 5.0],
        True,
    )
    assert diagnostics["voxels"] == np.count_nonzero(lesion().array)
    assert 16 <= diagnostics["flair_bins"]["original"] <= 128


def test_hash_follows_the_voxels_and_the_grid() -> None:
    image = head()
    changed, moved = image.array.copy(), image.affine.copy()
    changed[0, 0, 0] += 1
    moved[0, 3] += 1
    assert len({content_sha256(v) for v in (image, image.with_array(changed), Volume(image.array, moved))}) == 3


def test_empty_mask_is_refused_with_its_study() -> None:
    with pytest.raises(InputError, match=r"mask of 'case-1' is empty for region 'tumour'.*no voxel is segmented"):
        measured(lesion().with_array(np.zeros(SHAPE, np.uint8)))


def test_absent_label_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(InputError, match=r"empty for region 'tumour' \(label 3\): the mask holds only label 1, 2, 4"):
        measured(lesion(0), label=3)


def test_one_voxel_is_refused() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[14, 24, 5] = 1
    with pytest.raises(InputError, match="region 'tumour' of 'case-1' is one voxel; features need"):
        measured(lesion().with_array(array))


def test_mask_of_the_whole_image_is_refused() -> None:
    with pytest.raises(InputError, match="region 'tumour' of 'case-1' is the whole image"):
        measured(lesion().with_array(np.ones(SHAPE, np.uint8)))


def test_line_of_voxels_is_refused_with_pyradiomics_reason() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[10:16, 24, 5] = 1
    with pytest.raises(
        InputError, match=r"region .tumour. of .case-1. cannot be measured: mask has too few dimensions"
    ):
        measured(lesion().with_array(array))


def test_mask_on_another_grid_is_refused_with_both_grids_and_the_remedy() -> None:
    other = Volume(lesion().array, np.diag([2.0, 2.0, 6.0, 1.0]))
    with pytest.raises(GeometryError, match=r"sequence 'flair' of 'case-1'.*\(2, 2, 5\) vs \(2, 2, 6\).*resample"):
        measured(other)


def test_sequence_that_the_study_does_not_have_is_refused() -> None:
    config = QUICK.model_copy(update={"sequences": ["flair", "t2"]})
    with pytest.raises(UnknownNameError, match=r"study 'case-1' has no sequence 't2'.*it has flair"):
        measured(config=config)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_a_value_are_refused_with_the_sequence(value: float) -> None:
    image = head()
    image.array[0, 0, 0] = value
    with pytest.raises(InputError, match="sequence 'flair' of 'case-1' has voxels that are NaN"):
        extract_features(StudyImages("case-1", {"flair": image}), lesion(), QUICK)


@pytest.mark.parametrize("method", ["none", "zscore"])
def test_image_of_one_intensity_is_refused(method: str) -> None:
    flat = head().with_array(np.full(SHAPE, 7.0))
    config = parse_config({"normalisation": {"method": method}}, "x.yaml")
    with pytest.raises(
        InputError, match=r"'flair' of 'case-1' has one intensity everywhere \(7\); is it the right file"
    ):
        extract_features(StudyImages("case-1", {"flair": flat}), lesion(), config)


def test_brain_of_one_intensity_cannot_be_standardised() -> None:
    image = head().with_array(np.where(lesion().array > 0, 7.0, head().array))
    with pytest.raises(
        InputError, match=r"'flair' of 'case-1' cannot be standardised: .*inside the brain mask deviate b"
    ):
        extract_features(StudyImages("case-1", {"flair": image}, brain=lesion()), lesion(), QUICK)


def test_empty_brain_mask_is_refused() -> None:
    nothing = lesion().with_array(np.zeros(SHAPE, np.uint8))
    with pytest.raises(InputError, match="the brain mask of 'case-1' is empty"):
        measured(brain=nothing)


def test_brain_mask_on_another_grid_is_refused() -> None:
    with pytest.raises(GeometryError, match=r"brain mask of 'case-1': spacing \(2, 2, 5\) vs \(1, 1, 1\)"):
        measured(brain=Volume(np.ones(SHAPE, np.uint8), np.eye(4)))


@pytest.mark.parametrize("content", [{"resampling": [2, 2, 2]}, {"setting": {"resampledPixelSpacing": [2, 2, 2]}}])
def test_voxels_of_unknown_size_are_not_resampled_to_millimetres(content: dict[str, object]) -> None:
    with pytest.raises(InputError, match="'case-1' cannot be resampled to millimetres: its voxel size is unknown"):
        measured(config=parse_config(content, "x.yaml"), spacing_known=False)


def test_region_that_vanishes_in_large_voxels_is_refused() -> None:
    config = parse_config({"resampling": [100, 100, 100]}, "x.yaml")
    with pytest.raises(
        InputError, match="nothing is left of region 'tumour' of 'case-1' in voxels of 100 x 100 x 100 mm"
    ):
        measured(config=config)


def test_flat_region_is_measured_although_texture_says_little() -> None:
    image = head()
    image.array[lesion().array > 0] = 150.0
    table = extract_features(StudyImages("case-1", {"flair": image}), lesion(), parse_config(None, "x.yaml"))
    plain = plain_pyradiomics(image, lesion(), {"imageType": {"Original": {}}, "featureClass": EVERY_CLASS})
    assert_equal_to_plain(table.values, plain, "flair")
    assert any("spans fewer grey levels" in warning for warning in table.warnings)


def test_line_of_voxels_is_refused_whatever_is_measured() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[10:16, 24, 5] = 1
    with pytest.raises(InputError, match="region 'tumour' of 'case-1' cannot be measured: mask has too few dimensions"):
        measured(lesion().with_array(array), parse_config({"featureClass": {"ellipsoid": None}}, "x.yaml"))


def test_study_without_a_sequence_is_refused() -> None:
    with pytest.raises(InputError, match="study 'case-1' has no sequence to measure"):
        extract_features(StudyImages("case-1", {}), lesion(), QUICK)


def test_sequences_on_different_grids_are_refused() -> None:
    moved = Volume(head().array, np.diag([2.0, 2.0, 4.0, 1.0]))
    with pytest.raises(GeometryError, match=r"sequence 'flair' of 'case-1' differs from sequence 't1': spacing"):
        extract_features(StudyImages("case-1", {"t1": head(), "flair": moved}), lesion(), QUICK)


@pytest.mark.parametrize("filters", [{"Original": {}}, {"LBP2D": {}}])
def test_nothing_is_printed_where_pyradiomics_would_warn(
    filters: dict[str, object], recwarn: pytest.WarningsRecorder
) -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[8:20:3, 20:28:3, 3:8:3] = 1
    config = parse_config({"imageType": filters, "setting": {"binWidth": 1}}, "x.yaml")
    assert any("left out because undefined" in text for text in measured(lesion().with_array(array), config).warnings)
    assert [str(warning.message) for warning in recwarn] == []


def test_region_at_the_border_of_the_image_is_measured() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[:5, :5, :3] = 1
    values = measured(lesion().with_array(array)).values
    assert values["original_shape_MeshVolume"] == pytest.approx(75 * 20, rel=0.15)


def test_unknown_voxel_size_is_said_beside_shape_features() -> None:
    assert any(
        "voxel size is unknown: shape features are in voxels" in w for w in measured(spacing_known=False).warnings
    )
    assert measured().warnings == []


def test_too_few_grey_levels_and_too_few_voxels_are_said() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[12:15, 22:25, 4:6] = 1
    coarse = QUICK.model_copy(update={"setting": QUICK.setting.model_copy(update={"binWidth": 200.0})})
    warnings = measured(lesion().with_array(array), coarse).warnings
    assert any("flair: the region spans fewer grey levels than the 16 to 128" in warning for warning in warnings)
    assert any("the region has 18 voxels" in warning for warning in warnings)


def test_voxels_far_from_cubes_are_said() -> None:
    grid = np.diag([1.0, 1.0, 6.0, 1.0])
    table = extract_features(
        StudyImages("x", {"flair": Volume(head().array, grid)}), Volume(lesion().array, grid), QUICK
    )
    assert any("1 x 1 x 6 mm are far from cubes" in warning for warning in table.warnings)


def test_undefined_feature_is_left_out_with_a_warning() -> None:
    image = head()
    image.array[lesion().array > 0] = 150.0
    config = parse_config({"featureClass": {"firstorder": ["Mean", "Kurtosis"], "glcm": ["MCC"]}}, "flat.yaml")
    table = extract_features(StudyImages("case-1", {"flair": image}), lesion(), config)
    assert table.values["flair_original_firstorder_Mean"] == 150
    assert all(np.isfinite(value) for value in table.values.values())


def test_extraction_leaves_images_and_standard_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    image, mask = head(), lesion()
    before = content_sha256(image), content_sha256(mask)
    extract_features(StudyImages("case-1", {"flair": image}), mask, load_config("panel"))
    assert (content_sha256(image), content_sha256(mask)) == before
    assert capfd.readouterr() == ("", "")


def test_pyradiomics_is_imported_in_one_module() -> None:
    package = Path(gliomics.__file__).parent
    importers = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None) or ""]
            )
            if isinstance(node, ast.Import | ast.ImportFrom) and any(n.split(".")[0] == "radiomics" for n in names):
                importers.add(path.relative_to(package).as_posix())
    assert importers == {"features/engines/pyradiomics.py"}
