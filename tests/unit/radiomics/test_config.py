from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.radiomics.config import FeatureConfig, load_config, parse_config, preset_names


def test_panel_is_a_preset_with_every_class_of_pyradiomics_and_the_outline() -> None:
    assert "panel" in preset_names()
    panel = load_config("panel")
    assert set(panel.mask_classes) == {"shape", "outline"}
    assert set(panel.image_classes) == {"firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm"}
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
        ({"setting": {"binWidth": 0}}, "binWidth is 0; it must be above 0"),
        ({"setting": {"binWidth": "wide"}}, "setting.binWidth: Input should be a valid number"),
        ({"setting": {"binWidth": 5, "binCount": 32}}, "binWidth and binCount are both set"),
        ({"setting": {"resegmentShape": True}}, "'resegmentShape' is not supported"),
        ({"voxelSetting": {"kernelRadius": 1}}, "'voxelSetting' is not supported"),
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


def test_unknown_preset_is_refused_with_the_presets_that_exist() -> None:
    with pytest.raises(
        UnknownNameError,
        match=r"'full-body' is neither a preset \(full, gbm-2022, lgg-shape, panel\) nor an existing file",
    ):
        load_config("full-body")


def test_broken_yaml_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("setting: {binWidth: [")
    with pytest.raises(InputError, match=r"broken.yaml' is not valid YAML"):
        load_config(path)


def test_digest_follows_the_content_and_not_its_spelling() -> None:
    written = FeatureConfig.model_validate({"setting": {"binWidth": 25}, "imageType": {"Original": None}})
    same = FeatureConfig.model_validate({"setting": {"binWidth": 25.0}})
    other = FeatureConfig.model_validate({"setting": {"binWidth": 26}})
    assert written.digest == same.digest != other.digest
