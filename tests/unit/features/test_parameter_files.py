"""PyRadiomics' parameter files: every setting has its effect, or is refused; none is ignored."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import radiomics
import yaml

from gliomics.cohort.extraction import Extraction
from gliomics.errors import InputError
from gliomics.features.config import parse_config
from gliomics.features.extract import StudyImages, extract_features
from tests.unit.features.plain import assert_measured_as_plain, plain_pyradiomics, ragged_case

pytestmark = pytest.mark.slow

SCHEMA = Path(radiomics.__file__).parent / "schemas" / "paramSchema.yaml"
CLASSES = {"firstorder": ["Energy", "Mean", "Entropy", "Maximum"], "glcm": ["Contrast"], "gldm": ["DependenceEntropy"]}
LOG, WAVELET = {"LoG": {"sigma": [2.0]}}, {"Wavelet": {}}

EFFECTS: dict[str, list[dict[str, Any]]] = {
    "binWidth": [{"setting": {"binWidth": 7}}],
    "binCount": [{"setting": {"binCount": 9}}],
    "normalize": [{"setting": {"normalize": True, "binCount": 9}}],
    "normalizeScale": [{"setting": {"normalize": True, "normalizeScale": 50, "binCount": 9}}],
    "removeOutliers": [{"setting": {"normalize": True, "removeOutliers": 1.2, "binCount": 9}}],
    "resampledPixelSpacing": [{"setting": {"resampledPixelSpacing": [1.5, 1.5, 1.5]}}],
    "interpolator": [{"setting": {"resampledPixelSpacing": [1.5, 1.5, 1.5], "interpolator": "sitkLinear"}}],
    "padDistance": [{"imageType": WAVELET, "setting": {"preCrop": True, "padDistance": 2}}],
    "preCrop": [{"imageType": WAVELET, "setting": {"preCrop": True}}],
    "distances": [{"setting": {"distances": [2]}}],
    "force2D": [{"setting": {"force2D": True}}],
    "force2Ddimension": [{"setting": {"force2D": True, "force2Ddimension": 2}}],
    "resegmentRange": [{"setting": {"resegmentRange": [90, 200]}}],
    "resegmentMode": [{"setting": {"resegmentRange": [-1, 1], "resegmentMode": "sigma"}}],
    "sigma": [{"imageType": {"LoG": {"sigma": [3.0]}}}, {"imageType": {"LoG": {}}, "setting": {"sigma": [3.0]}}],
    "start_level": [{"imageType": {"Wavelet": {"start_level": 1}}}],
    "level": [{"imageType": {"Wavelet": {"level": 2}}}],
    "wavelet": [{"imageType": {"Wavelet": {"wavelet": "haar"}}}, {"imageType": WAVELET, "setting": {"wavelet": "db2"}}],
    "gradientUseSpacing": [{"imageType": {"Gradient": {"gradientUseSpacing": False}}}],
    "lbp2DRadius": [{"imageType": {"LBP2D": {"lbp2DRadius": 2.5, "binWidth": 1}}}],
    "lbp2DSamples": [{"imageType": {"LBP2D": {"lbp2DSamples": 5, "binWidth": 1}}}],
    "lbp2DMethod": [{"imageType": {"LBP2D": {"lbp2DMethod": "ror", "binWidth": 1}}}],
    "voxelArrayShift": [{"setting": {"voxelArrayShift": 300}}],
    "symmetricalGLCM": [{"featureClass": {"glcm": ["Imc1", "MCC"]}, "setting": {"symmetricalGLCM": False}}],
    "weightingNorm": [{"setting": {"weightingNorm": "euclidean"}}],
    "gldm_a": [{"setting": {"gldm_a": 1}}],
}
"""Each setting in files where it changes values; without it they are other files."""

REFUSED: dict[str, list[tuple[Any, str]]] = {
    "additionalInfo": [(False, "'additionalInfo' is not supported, found False: each row tells where it comes from")],
    "correctMask": [(True, "'correctMask' is not supported, found True: .*gliomics masks resample")],
    "geometryTolerance": [(0.1, "setting.geometryTolerance: Input should be less than or equal to 0.01, found 0.1")],
    "label_channel": [(1, "'label_channel' is not supported, found 1: masks are single label maps")],
    "resegmentShape": [(True, "'resegmentShape' is not supported, found True: shape features are computed once")],
}
DEFAULTS: dict[str, Any] = {
    "additionalInfo": True,
    "binCount": None,
    "binWidth": 25,
    "correctMask": False,
    "distances": [1],
    "force2D": False,
    "force2Ddimension": 0,
    "geometryTolerance": 0.0001,
    "gldm_a": 0,
    "gradientUseSpacing": True,
    "interpolator": "sitkBSpline",
    "label": 1,
    "label_channel": 0,
    "lbp2DMethod": "uniform",
    "lbp2DRadius": 1,
    "lbp2DSamples": 8,
    "lbp3DIcosphereRadius": 1,
    "lbp3DIcosphereSubdivision": 1,
    "lbp3DLevels": 2,
    "level": 1,
    "minimumROIDimensions": 2,
    "minimumROISize": None,
    "normalize": False,
    "normalizeScale": 1,
    "padDistance": 5,
    "preCrop": False,
    "removeOutliers": None,
    "resampledPixelSpacing": None,
    "resegmentMode": "absolute",
    "resegmentRange": None,
    "resegmentShape": False,
    "sigma": [],
    "start_level": 0,
    "symmetricalGLCM": True,
    "voxelArrayShift": 0,
    "wavelet": "coif1",
    "weightingNorm": None,
}
"""What each setting is in PyRadiomics unless it is given."""
ELSEWHERE = {"label", "minimumROIDimensions", "minimumROISize"}
"""Settings with a test of their own, because what they change is not a value of one region."""
ONLY_LBP3D = {"lbp3DLevels", "lbp3DIcosphereRadius", "lbp3DIcosphereSubdivision"}
"""Settings of a filter that is refused."""

GLCM = [
    "Autocorrelation", "JointAverage", "ClusterProminence", "ClusterShade", "ClusterTendency", "Contrast",
    "Correlation", "DifferenceAverage", "DifferenceEntropy", "DifferenceVariance", "JointEnergy", "JointEntropy",
    "Imc1", "Imc2", "Idm", "Idmn", "Id", "Idn", "InverseVariance", "MaximumProbability", "SumEntropy",
    "SumSquares",
]  # fmt: skip
VOLUME = {"shape": None, "firstorder": None, "glcm": GLCM, "glrlm": None, "glszm": None, "gldm": None}
MR = {"normalize": True, "normalizeScale": 100, "binWidth": 5, "voxelArrayShift": 300, "label": 1}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Params": {
        "setting": {"binWidth": 25, "label": 1, "interpolator": "sitkBSpline", "resampledPixelSpacing": None,
                    "weightingNorm": None},
        "imageType": {"Original": {}},
        "featureClass": {**VOLUME, "firstorder": []},
    },
    "exampleCT": {
        "imageType": {"Original": {}, "LoG": {"sigma": [1.0, 2.0, 3.0, 4.0, 5.0]}, "Wavelet": {}},
        "featureClass": VOLUME,
        "setting": {"interpolator": "sitkBSpline", "resampledPixelSpacing": [1, 1, 1], "padDistance": 10,
                    "binWidth": 25, "voxelArrayShift": 1000, "label": 1},
    },
    "exampleMR_3mm": {
        "imageType": {"Original": {}, "LoG": {"sigma": [2.0, 3.0, 4.0, 5.0]}, "Wavelet": {}},
        "featureClass": VOLUME,
        "setting": {**MR, "interpolator": "sitkBSpline", "resampledPixelSpacing": [2, 2, 2]},
    },
    "exampleMR_5mm": {
        "imageType": {"Original": {}, "LoG": {"sigma": [3.0, 5.0]}, "Wavelet": {}},
        "featureClass": VOLUME,
        "setting": {**MR, "interpolator": "sitkBSpline", "resampledPixelSpacing": [3, 3, 3]},
    },
    "exampleMR_NoResampling": {
        "imageType": {"Original": {}, "LoG": {"sigma": [1.0, 3.0, 5.0]}, "Wavelet": {}},
        "featureClass": VOLUME,
        "setting": {**MR, "preCrop": True, "force2D": True, "force2Ddimension": 0},
    },
}  # fmt: skip
"""What PyRadiomics' own example files of these names say."""


def named(value: Any) -> str:
    return str(value)


def settings_of_schema() -> set[str]:
    return set(yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["mapping"]["setting"]["mapping"])


def without(parameters: dict[str, Any], key: str) -> dict[str, Any]:
    """The same file without one setting, wherever it stands."""
    changed = copy.deepcopy(parameters)
    for section in (changed.get("setting", {}), *changed.get("imageType", {}).values()):
        section.pop(key, None)
    return changed


def test_what_becomes_of_every_setting_of_pyradiomics_is_tested() -> None:
    assert set(EFFECTS) | set(REFUSED) | ELSEWHERE | ONLY_LBP3D == settings_of_schema() == set(DEFAULTS)


@pytest.mark.parametrize(("key", "parameters"), [(k, p) for k, files in EFFECTS.items() for p in files], ids=named)
def test_setting_changes_values_as_in_pyradiomics(key: str, parameters: dict[str, Any]) -> None:
    image, mask = ragged_case((22, 23, 12), where="border")
    ours = assert_measured_as_plain(image, mask, {"featureClass": CLASSES, **parameters})
    if key == "sigma":
        assert all("log-sigma-3-0-mm-3D" in name for name in ours)
        return
    other = {"imageType": {"Original": {}}, "featureClass": CLASSES, **without(parameters, key)}
    config = parse_config(copy.deepcopy(other), "without.yaml")
    assert ours != extract_features(StudyImages("case-1", {"flair": image}), mask, config).values


@pytest.mark.parametrize(("key", "default"), DEFAULTS.items(), ids=named)
def test_setting_at_its_default_is_accepted_and_changes_nothing(key: str, default: Any) -> None:
    image, mask = ragged_case((16, 17, 9))
    classes = {"firstorder": ["Mean", "Entropy"], "glcm": ["Contrast"], "shape": ["MeshVolume"]}
    plain = extract_features(
        StudyImages("case-1", {"flair": image}), mask, parse_config({"featureClass": classes}, "without.yaml")
    )
    config = parse_config({"featureClass": classes, "setting": {key: default}}, "default.yaml")
    assert extract_features(StudyImages("case-1", {"flair": image}), mask, config).values == plain.values


@pytest.mark.parametrize(("key", "value", "reason"), [(k, v, r) for k, some in REFUSED.items() for v, r in some])
def test_setting_that_has_no_effect_here_is_refused_with_the_reason(key: str, value: Any, reason: str) -> None:
    with pytest.raises(InputError, match=f"feature configuration 'mine.yaml': .*{reason}"):
        parse_config({"setting": {key: value}}, "mine.yaml")


def test_label_chooses_the_value_that_is_measured_unless_regions_are_named() -> None:
    image, mask = ragged_case((16, 17, 9))
    two = mask.with_array(np.where(np.arange(mask.shape[0])[:, None, None] > 7, 2 * mask.array, mask.array))
    config = parse_config({"featureClass": {"firstorder": ["Mean"]}, "setting": {"label": 2}}, "mine.yaml")
    ours = extract_features(StudyImages("case-1", {"flair": image}), two, config).values
    chosen = mask.with_array((two.array == 2).astype(np.uint8))
    plain = plain_pyradiomics(image, chosen, {"featureClass": {"firstorder": ["Mean"]}})
    assert ours["flair_original_firstorder_Mean"] == pytest.approx(plain["original_firstorder_Mean"])
    assert Extraction(config).regions == ("2",)
    assert Extraction(config, ("whole",)).regions == ("whole",)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_file_of_pyradiomics_is_measured_as_pyradiomics_does(name: str) -> None:
    image, mask = ragged_case((30, 32, 14), affine=np.diag([-1.3, -1.3, 2.6, 1.0]))
    assert_measured_as_plain(image, mask, EXAMPLES[name])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"voxelSetting": {"kernelRadius": 0}}, "voxelSetting.kernelRadius: Input should be greater than 0, found 0"),
        ({"voxelSetting": {"kernelRadius": 11}}, "voxelSetting.kernelRadius: a larger kernel holds more than 9,261"),
        ({"voxelSetting": {"voxelBatch": -2}}, "voxelSetting.voxelBatch: Input should be greater than or equal to -1"),
        ({"voxelSetting": {"kernelradius": 1}}, "'kernelradius' in 'voxelSetting' is unknown; did you mean 'kernelRad"),
        ({"voxelSetting": True}, "voxelSetting: Input should be a valid dictionary"),
        (
            {"setting": {"kernelRadius": 1}},
            "'kernelRadius' stands in 'setting'; it is a setting of maps: move it under",
        ),
        ({"setting": {"correctmask": True}}, "'correctmask' in 'setting' is unknown; did you mean 'correctMask'?"),
        ({"setting": {"label_channel": False}}, "'label_channel' is not supported, found False"),
        ({"label_channel": 0}, "'label_channel' stands in the top level; it is a setting"),
        (
            {"imageType": {"Original": {"sigma": [1.0]}}},
            "'sigma' stands in imageType.Original, but is a setting of LoG",
        ),
        (
            {"imageType": {"Gradient": {"wavelet": "haar"}}},
            "'wavelet' stands in imageType.Gradient, but is a setting of Wavelet; move it to imageType.Wavelet",
        ),
    ],
    ids=named,
)
def test_setting_that_pyradiomics_or_we_would_ignore_is_refused(content: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=f"feature configuration 'mine.yaml': .*{reason.replace('?', '[?]')}"):
        parse_config(content, "mine.yaml")


def test_voxel_settings_are_those_of_pyradiomics_and_decide_no_value_of_a_row() -> None:
    section = {"kernelRadius": 1, "maskedKernel": True, "initValue": 0, "voxelBatch": -1}
    assert parse_config({"voxelSetting": section}, "x.yaml") == parse_config({}, "x.yaml")
    assert parse_config({"voxelSetting": None}, "x.yaml") == parse_config({}, "x.yaml")
    other = parse_config({"voxelSetting": {"kernelRadius": 3, "initValue": float("nan")}}, "x.yaml")
    assert other.voxel_setting.kernelRadius == 3
    assert other.digest == parse_config({}, "x.yaml").digest
