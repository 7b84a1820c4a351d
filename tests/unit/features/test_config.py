from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gliomics.errors import InputError, UnknownNameError
from gliomics.features.config import FeatureConfig, load_config, parse_config, preset_names
from gliomics.features.extract import StudyImages, extract_features
from gliomics.study import find_study, load_sequences, read_mask


def test_panel_is_a_preset_with_every_class_of_pyradiomics_and_ours() -> None:
    assert "panel" in preset_names()
    panel = load_config("panel")
    assert set(panel.mask_classes) == {"shape", "outline", "ellipsoid"}
    assert set(panel.image_classes) == {"firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"}
    assert "glioma" in panel.feature_class
    assert (panel.normalisation.method, panel.normalisation.scale, panel.setting.binWidth) == ("zscore", 100, 10)


def test_pyradiomics_file_of_the_field_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "exampleMR_3mm.yaml"
    path.write_text(
        "imageType:\n  Original: {}\n  LoG:\n    sigma: [2.0, 4.0]\n  Wavelet: {}\n"
        "featureClass:\n  shape:\n  firstorder: [Energy, Mean]\n  glcm:\n    - Autocorrelation\n    - JointAverage\n"
        "setting:\n  normalize: true\n  normalizeScale: 100\n  interpolator: 'sitkBSpline'\n"
        "  resampledPixelSpacing: [3, 3, 3]\n  binWidth: 5\n  voxelArrayShift: 300\n  label: 1\n"
        "  geometryTolerance: 0.001\n"
    )
    config = load_config(path)
    assert config.image_type["LoG"].sigma == [2.0, 4.0]
    assert config.feature_class == {
        "shape": [],
        "firstorder": ["Energy", "Mean"],
        "glcm": ["Autocorrelation", "JointAverage"],
    }
    assert config.setting.resampledPixelSpacing == [3, 3, 3]
    assert config.normalisation.method == "none"


def test_empty_feature_class_means_every_class_but_the_two_dimensional_shape() -> None:
    assert set(parse_config(None, "empty.yaml").feature_class) == {
        "shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"setting": {"binWidth": 25, "imageType": {"Original": {}}}}, "'imageType' stands in 'setting'.*top level"),
        ({"binWidth": 25}, "'binWidth' stands in the top level; it is a setting: move it under 'setting:'"),
        ({"imageType": {"Original": {}, "binWidth": 25}}, "'binWidth' stands in 'imageType'; it is a setting"),
        ({"settings": {"binWidth": 25}}, "'settings' in the top level is unknown; did you mean 'setting'?"),
        ({"setting": {"binwidth": 25}}, "did you mean 'binWidth'?"),
        ({"setting": {"binWidth": 0}}, "setting.binWidth: Input should be greater than 0, found 0"),
        ({"setting": {"binWidth": "wide"}}, "setting.binWidth: Input should be a valid number"),
        ({"setting": {"binWidth": 5, "binCount": 32}}, "binWidth and binCount are both set"),
        ({"setting": {"resegmentShape": True}}, "'resegmentShape' is not supported"),
        (
            {"voxelSetting": {"kernelradius": 2}},
            "'kernelradius' in 'voxelSetting' is unknown; did you mean 'kernelRadius'",
        ),
        ({"imageType": {"Wavelets": {}}}, "image type 'Wavelets' is unknown; did you mean 'Wavelet'?"),
        ({"imageType": {"LoG": {"sigmas": [1]}}}, "'sigmas' in 'imageType: LoG' is unknown; did you mean 'sigma'?"),
        ({"featureClass": {"glcmm": None}}, "feature class 'glcmm' is unknown; did you mean 'glcm'?"),
        ({"featureClass": {"firstorder": ["Meen"]}}, "feature of class 'firstorder' 'Meen' is unknown; did you mean"),
        ({"featureClass": {"outline": ["Roundness"]}}, "'Roundness' is unknown; known are AngularStandardDeviation"),
        ({"featureClass": ["glcm"]}, "featureClass: Input should be a valid dictionary"),
        ({"normalisation": {"method": "minmax"}}, "normalisation.method: Input should be 'none' or 'zscore'"),
        ([1, 2], "must have the sections imageType"),
    ],
)
def test_mistake_is_refused_in_words(content: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"feature configuration 'mine.yaml'.*{message.replace('?', '[?]')}"):
        parse_config(content, "mine.yaml")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"binWidth": float("nan")}, "binWidth: Input should be a finite number, found nan"),
        ({"binCount": 2.5}, "binCount: Input should be a valid integer.*found 2.5"),
        ({"label": 0}, "label: Input should be greater than 0, found 0"),
        ({"minimumROIDimensions": 4}, "minimumROIDimensions: Input should be 1, 2 or 3, found 4"),
        ({"normalizeScale": -1}, "normalizeScale: Input should be greater than 0, found -1"),
        ({"resampledPixelSpacing": [1, 1]}, "resampledPixelSpacing: List should have at least 3 items.*not 2"),
        ({"resampledPixelSpacing": [1, 1, -1]}, "resampledPixelSpacing.2: Input should be greater than or equal to 0"),
        ({"interpolator": "sitkCubic"}, "interpolator: Input should be .*'sitkBSpline'.*found 'sitkCubic'"),
        ({"interpolator": 3}, "interpolator: Input should be 'sitkNearestNeighbor'.*found 3"),
        ({"padDistance": -1}, "padDistance: Input should be greater than or equal to 0, found -1"),
        ({"distances": []}, "distances: List should have at least 1 item"),
        ({"distances": [1, 0]}, "distances.1: Input should be greater than 0, found 0"),
        ({"resegmentRange": [1, 2, 3]}, "resegmentRange: List should have at most 2 items.*not 3"),
        ({"resegmentMode": "percent"}, "resegmentMode: Input should be 'absolute', 'relative' or 'sigma'"),
        ({"sigma": [-1]}, "sigma.0: Input should be greater than 0, found -1"),
        ({"sigma": 3.0}, "sigma: Input should be a valid list, found 3.0"),
        ({"level": 0}, "level: Input should be greater than 0, found 0"),
        ({"start_level": -1}, "start_level: Input should be greater than or equal to 0, found -1"),
        ({"wavelet": "coif"}, "wavelet 'coif' is unknown; did you mean 'coif"),
        ({"wavelet": "gaus1"}, "wavelet 'gaus1' is unknown"),
        ({"lbp2DRadius": 0}, "lbp2DRadius: Input should be greater than 0, found 0"),
        ({"lbp2DSamples": 0}, "lbp2DSamples: Input should be greater than 0, found 0"),
        ({"weightingNorm": "euclid"}, "weightingNorm: Input should be 'euclidean'.*found 'euclid'"),
        ({"gldm_a": -1}, "gldm_a: Input should be greater than or equal to 0, found -1"),
    ],
    ids=str,
)
def test_setting_out_of_range_is_refused_with_what_was_found(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"feature configuration 'mine.yaml': .*{message}"):
        parse_config({"setting": setting}, "mine.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"imageType": {"LoG": None}}, r"imageType.LoG needs sigma.*LoG: \{sigma: \[1, 3, 5\]\}"),
        ({"imageType": {"LoG": {"sigma": []}}}, "imageType.LoG needs sigma"),
        ({"imageType": {"LoG": {"sigma": [0]}}}, "imageType.LoG.sigma.0: Input should be greater than 0, found 0"),
        ({"imageType": {"LBP3D": {}}}, "image type 'LBP3D' cannot be used: .*use LBP2D"),
        ({"imageType": {"Wavelet": {"wavelet": "db0"}}}, "wavelet 'db0' is unknown; did you mean 'db"),
        ({"imageType": {"Original": {"label": 2}}}, "'label' stands in imageType.Original, but holds for all image ty"),
        (
            {"imageType": {"LoG": {"sigma": [1], "normalize": True}}},
            "'normalize' stands in imageType.LoG.*move it under 'setting'",
        ),
        (
            {"imageType": {"Original": {"binWidth": 5}}, "setting": {"binCount": 8}},
            "imageType.Original has a binWidth beside a binCount.*keep one",
        ),
        ({"imageType": {"Original": {"binWidth": 5, "binCount": 8}}}, "has a binWidth beside a binCount"),
        (
            {"normalisation": {"method": "zscore"}, "setting": {"normalize": True}},
            "normalisation and setting.normalize are both set; keep one",
        ),
        (
            {"resampling": [1, 1, 1], "setting": {"resampledPixelSpacing": [1, 1, 1]}},
            "resampling and setting.resampledPixelSpacing are both set; keep one",
        ),
        ({"resampling": [1, 1, 0]}, "resampling.2: Input should be greater than 0, found 0"),
        ({"resampling": 1}, "resampling: Input should be a valid tuple, found 1"),
        ({"biasField": "N5"}, "biasField: Input should be a valid boolean.*found 'N5'"),
        ({"normalisation": {"scale": float("inf")}}, "normalisation.scale: Input should be a finite number, found inf"),
        ({"setting": {"resegmentRange": [1, 2, 3]}}, "setting.resegmentRange: List should have at most 2 items, not 3"),
        (
            {"slices": "largest", "setting": {"force2D": False}},
            "'slices: largest' and 'force2D: false' contradict",
        ),
        ({"featureClass": {"glcm": ["Homogeneity1"]}}, "'Homogeneity1' of class 'glcm' is gone: Id equals it"),
        (
            {"featureClass": {"firstorder": "Mean"}},
            "featureClass.firstorder: Input should be a valid list, found 'Mean'",
        ),
    ],
    ids=str,
)
def test_sections_that_contradict_each_other_or_pyradiomics_are_refused(content: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"feature configuration 'mine.yaml': .*{message}"):
        parse_config(content, "mine.yaml")


@pytest.mark.parametrize("name", preset_names())
def test_preset_is_valid_as_a_file_would_have_to_be(name: str) -> None:
    from gliomics.features import config

    path = Path(config.__file__).parent / "presets" / f"{name}.yaml"
    assert parse_config(yaml.safe_load(path.read_text(encoding="utf-8")), name) == load_config(name)


@pytest.mark.parametrize(
    ("name", "count"), [("full", 1141), ("gbm-2022", 102), ("glioma", 16), ("lgg-shape", 14), ("panel", 134)]
)
def test_preset_runs_on_a_sample_study(name: str, count: int) -> None:
    root = Path(__file__).parents[3] / "sample_studies"
    study = find_study(root, "sample-01")
    config = load_config(name)
    volumes = load_sequences(study, config.sequences or ["flair"])
    mask = read_mask(root / "truth" / "sample-01.nii.gz")
    table = extract_features(StudyImages(study.id, volumes), mask, config)
    assert len(table.values) == count
    assert not any("left out" in text for text in table.warnings)


def test_whole_sigma_stays_whole_because_pyradiomics_names_its_features_by_it() -> None:
    config = parse_config({"imageType": {"LoG": {"sigma": [1, 3.0]}}}, "mine.yaml")
    assert [str(sigma) for sigma in config.image_type["LoG"].sigma] == ["1", "3.0"]


def test_filters_own_settings_replace_the_general_ones() -> None:
    config = parse_config(
        {"imageType": {"Original": {}, "LoG": {"sigma": [1.0], "binWidth": 4}}, "setting": {"binWidth": 10}}, "x.yaml"
    )
    assert config.settings_of("Original") == {"binWidth": 10}
    assert config.settings_of("LoG") == {"binWidth": 4, "sigma": [1.0]}


def test_settings_without_effect_are_accepted_and_not_passed_on() -> None:
    setting = {"geometryTolerance": 0.001, "label": 1}
    assert parse_config({"setting": setting}, "x.yaml").general_settings == {}


def test_unknown_preset_is_refused_with_the_presets_that_exist() -> None:
    with pytest.raises(
        UnknownNameError,
        match=r"'full-body' is neither a preset \(full, gbm-2022, glioma, ibsi, .*, panel\) nor an existing file",
    ):
        load_config("full-body")


def test_broken_yaml_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("setting: {binWidth: [")
    with pytest.raises(InputError, match=r"broken.yaml is not valid YAML"):
        load_config(path)


def test_setting_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("setting:\n  binWidth: 5\n  label: 1\n  binWidth: 25\n")
    with pytest.raises(InputError, match=r"twice.yaml is not valid YAML: 'binWidth' stands there twice; keep one"):
        load_config(path)


def test_digest_follows_the_content_and_not_its_spelling() -> None:
    written = FeatureConfig.model_validate({"setting": {"binWidth": 25}, "imageType": {"Original": None}})
    same = FeatureConfig.model_validate({"setting": {"binWidth": 25.0}})
    other = FeatureConfig.model_validate({"setting": {"binWidth": 26}})
    assert written.digest == same.digest != other.digest
