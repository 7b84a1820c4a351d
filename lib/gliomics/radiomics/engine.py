"""The one place that knows PyRadiomics."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gliomics.errors import DependencyError, InputError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from gliomics.radiomics.config import FeatureConfig

SHAPE = "shape"
_WITHOUT_EFFECT = ("additionalInfo", "correctMask", "geometryTolerance", "label")


def _pyradiomics() -> Any:
    try:
        import radiomics
        import radiomics.featureextractor
    except ImportError as error:
        raise DependencyError(
            "computing features needs PyRadiomics; install the server part: pip install .[server]"
        ) from error
    # It warns about its own defaults on every extraction; what a user should know is in FeatureTable.warnings.
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    return radiomics


def version() -> str:
    """PyRadiomics' version."""
    return str(_pyradiomics().__version__).lstrip("v")


def image_types() -> list[str]:
    """Names of PyRadiomics' filters, ``Original`` among them."""
    return sorted(_pyradiomics().getImageTypes())


def feature_names() -> dict[str, list[str]]:
    """Names of PyRadiomics' features by class."""
    return {name: sorted(kind.getFeatureNames()) for name, kind in _pyradiomics().getFeatureClasses().items()}


def shape_features(mask: sitk.Image, config: FeatureConfig, names: list[str]) -> dict[str, float]:
    """3-D shape features (all where ``names`` is empty) of the voxels that are 1, as ``original_shape_MeshVolume``."""
    import SimpleITK as sitk

    extractor = _extractor(config)
    extractor.enabledImagetypes = {}
    extractor.enabledFeatures = {SHAPE: names}
    return _execute(extractor, sitk.Cast(mask, sitk.sitkFloat32), mask)


def intensity_features(
    image: sitk.Image, mask: sitk.Image, config: FeatureConfig, classes: dict[str, list[str]]
) -> dict[str, float]:
    """Features, by class, of the voxels whose mask is 1, after each filter; names like ``original_firstorder_Mean``."""
    extractor = _extractor(config)
    extractor.enabledImagetypes = {name: _given(own) for name, own in config.image_type.items()}
    extractor.enabledFeatures = classes
    return _execute(extractor, image, mask)


def _extractor(config: FeatureConfig) -> Any:
    extractor = _pyradiomics().featureextractor.RadiomicsFeatureExtractor(**_given(config.setting))
    extractor.settings["additionalInfo"] = False
    return extractor


def _given(settings: Any) -> dict[str, Any]:
    return {key: value for key, value in settings if value is not None and key not in _WITHOUT_EFFECT}


def _execute(extractor: Any, image: sitk.Image, mask: sitk.Image) -> dict[str, float]:
    try:
        values = extractor.execute(image, mask, label=1)
    except ValueError as error:
        raise InputError(f"PyRadiomics cannot measure this region: {error}") from error
    return {name: float(value) for name, value in values.items() if not name.startswith("diagnostics_")}
