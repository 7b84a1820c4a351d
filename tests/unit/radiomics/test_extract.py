from __future__ import annotations

import ast
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gliomics
from gliomics.errors import GeometryError, InputError, UnknownNameError
from gliomics.radiomics.config import FeatureConfig, load_config, parse_config
from gliomics.radiomics.extract import extract_features
from gliomics.radiomics.provenance import content_sha256
from gliomics.records import FeatureTable
from gliomics.study import Mask, Volume, read_mask, read_volume, to_sitk
from tests.unit.radiomics.heads import SHAPE, head, lesion

QUICK = parse_config(
    {
        "featureClass": {"shape": ["MeshVolume"], "firstorder": ["Mean", "Entropy"], "glcm": ["Contrast"]},
        "setting": {"binWidth": 10},
        "normalisation": {"method": "zscore"},
    },
    "quick.yaml",
)


def measured(mask: Mask | None = None, config: FeatureConfig = QUICK, **options: object) -> FeatureTable:
    return extract_features({"flair": head()}, lesion() if mask is None else mask, config, study_id="case-1", **options)  # type: ignore[arg-type]


def plain_pyradiomics(image: Volume, mask: Volume, parameters: dict[str, object]) -> dict[str, float]:
    """PyRadiomics as its own documentation calls it, on the whole image."""
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    found = RadiomicsFeatureExtractor(parameters).execute(to_sitk(image), to_sitk(mask), label=1)
    return {name: float(value) for name, value in found.items() if not name.startswith("diagnostics_")}


def assert_equal_to_plain(ours: dict[str, float], plain: dict[str, float], sequence: str) -> None:
    named = {k if k.startswith("original_shape_") else f"{sequence}_{k}": v for k, v in plain.items()}
    assert set(ours) == set(named)
    for name, value in named.items():
        # ITK's LoG computes in single precision, and the part of the image that it sees here starts elsewhere.
        rel = 1e-6 if "log-sigma" in name else 1e-9
        assert ours[name] == pytest.approx(value, rel=rel, abs=1e-12), name


def test_values_equal_plain_pyradiomics_on_the_whole_image() -> None:
    parameters = {"imageType": {"Original": {}}, "setting": {"binWidth": 5}}
    ours = measured(config=parse_config(parameters, "plain.yaml"))
    every_class = {name: [] for name in ("shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")}
    assert len(ours.values) == 107
    assert_equal_to_plain(
        ours.values, plain_pyradiomics(head(), lesion(), {**parameters, "featureClass": every_class}), "flair"
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"imageType": {"LoG": {"sigma": [2.0]}, "Wavelet": {}, "Square": {}}, "featureClass": {"firstorder": ["Mean"]}},
        {"setting": {"normalize": True, "normalizeScale": 100}, "featureClass": {"firstorder": ["Mean"]}},
        {
            "setting": {"resampledPixelSpacing": [3, 3, 3]},
            "featureClass": {"firstorder": ["Mean"], "shape": ["Flatness"]},
        },
    ],
    ids=["filters", "normalize", "resampling"],
)
def test_what_looks_beyond_the_region_equals_plain_pyradiomics(parameters: dict[str, object]) -> None:
    plain = {"imageType": {"Original": {}}, **parameters}
    ours = measured(config=parse_config(parameters, "filters.yaml"))
    assert_equal_to_plain(ours.values, plain_pyradiomics(head(), lesion(), plain), "flair")


@pytest.mark.realdata
def test_real_brain_equals_plain_pyradiomics(real_data: Path) -> None:
    image, mask = (
        read_volume(real_data / "pyradiomics" / "brain1_image.nrrd"),
        read_mask(real_data / "pyradiomics" / "brain1_label.nrrd"),
    )
    config = parse_config(
        {"setting": {"binWidth": 25}, "featureClass": {"shape": None, "firstorder": None, "glszm": None}}, "x"
    )
    ours = extract_features({"t1": image}, mask, config, study_id="brain1", label=1)
    plain = {"setting": {"binWidth": 25}, "featureClass": {"shape": [], "firstorder": [], "glszm": []}}
    assert_equal_to_plain(ours.values, plain_pyradiomics(image, mask, plain), "t1")


def test_intensity_features_carry_the_sequence_and_shape_is_measured_once() -> None:
    table = extract_features({"t1c": head(seed=1), "flair": head()}, lesion(), QUICK, study_id="case-1")
    assert list(table.values) == [
        "original_shape_MeshVolume",
        "t1c_original_firstorder_Mean", "t1c_original_firstorder_Entropy", "t1c_original_glcm_Contrast",
        "flair_original_firstorder_Mean", "flair_original_firstorder_Entropy", "flair_original_glcm_Contrast",
    ]  # fmt: skip


def test_panel_adds_the_outline_to_what_pyradiomics_measures() -> None:
    values = measured(config=load_config("panel")).values
    assert len(values) == 107 + 10
    assert {"original_outline_Solidity", "flair_original_ngtdm_Busyness"} <= set(values)


@settings(max_examples=10, deadline=None)
@given(gain=st.floats(0.01, 1000), offset=st.floats(-500, 500))
def test_unit_of_the_intensities_does_not_count_after_normalisation(gain: float, offset: float) -> None:
    image = head()
    changed = image.with_array(image.array.astype(np.float64) * gain + offset)
    plain = measured().values
    scaled = extract_features({"flair": changed}, lesion(), QUICK, study_id="case-1").values
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
    told = measured().diagnostics
    assert told["gliomics_version"] == gliomics.__version__
    assert told["pyradiomics_version"].startswith("3.")
    assert told["config_sha256"] == QUICK.digest
    assert told["flair_image_sha256"] == content_sha256(head())
    assert told["mask_sha256"] == content_sha256(lesion())
    assert (told["size"], told["spacing"], told["spacing_known"]) == ([40, 44, 10], [2.0, 2.0, 5.0], True)
    assert told["voxels"] == np.count_nonzero(lesion().array)
    assert 16 <= told["flair_bins"]["original"] <= 128


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
    with pytest.raises(InputError, match="cannot measure this region: mask has too few dimensions"):
        measured(lesion().with_array(array))


def test_mask_on_another_grid_is_refused_with_both_grids_and_the_remedy() -> None:
    other = Volume(lesion().array, np.diag([2.0, 2.0, 6.0, 1.0]))
    with pytest.raises(GeometryError, match=r"sequence 'flair' of 'case-1'.*\(2, 2, 5\) vs \(2, 2, 6\).*resample"):
        measured(other)


def test_sequence_that_the_study_does_not_have_is_refused() -> None:
    config = QUICK.model_copy(update={"sequences": ["flair", "t2"]})
    with pytest.raises(UnknownNameError, match=r"study 'case-1' has no sequence 't2'.*it has flair"):
        measured(config=config)


def test_nan_voxels_are_refused_with_the_sequence() -> None:
    image = head()
    image.array[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="sequence 'flair' of 'case-1' has voxels that are NaN"):
        extract_features({"flair": image}, lesion(), QUICK, study_id="case-1")


def test_image_of_one_intensity_is_refused() -> None:
    flat = head().with_array(np.full(SHAPE, 7.0))
    with pytest.raises(InputError, match="'flair' of 'case-1' has one intensity everywhere"):
        extract_features({"flair": flat}, lesion(), QUICK, study_id="case-1")


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
    table = extract_features({"flair": Volume(head().array, grid)}, Volume(lesion().array, grid), QUICK, study_id="x")
    assert any("1 x 1 x 6 mm are far from cubes" in warning for warning in table.warnings)


def test_undefined_feature_is_left_out_with_a_warning() -> None:
    image = head()
    image.array[lesion().array > 0] = 150.0
    config = parse_config({"featureClass": {"firstorder": ["Mean", "Kurtosis"], "glcm": ["MCC"]}}, "flat.yaml")
    table = extract_features({"flair": image}, lesion(), config, study_id="case-1")
    assert table.values["flair_original_firstorder_Mean"] == 150
    assert all(np.isfinite(value) for value in table.values.values())


def test_extraction_leaves_images_and_standard_error_alone(capfd: pytest.CaptureFixture[str]) -> None:
    image, mask = head(), lesion()
    before = content_sha256(image), content_sha256(mask)
    extract_features({"flair": image}, mask, load_config("panel"), study_id="case-1")
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
    assert importers == {"radiomics/engine.py"}
