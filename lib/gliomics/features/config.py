"""What to extract: PyRadiomics' own YAML as it is in the field, plus the sections of Gliomics, validated."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gliomics.errors import InputError, UnknownNameError
from gliomics.features.engines.interface import EngineName
from gliomics.features.ibsi.settings import IbsiSettings
from gliomics.features.settings import (
    FILTER_OF_SETTING,
    FOR_ALL_FILTERS,
    MOST_VALUE,
    NOT_PASSED_ON,
    ONLY_AT_DEFAULT,
    SETTINGS,
    VOXEL_SETTINGS,
    Settings,
    VoxelSettings,
    at_most,
)
from gliomics.study.numbering import NamedPart
from gliomics.validated import problem
from gliomics.yaml_files import read_yaml

_PRESETS = Path(__file__).parent / "presets"

_CLASSES = ("shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")
"""What an empty ``featureClass`` stands for: every class of PyRadiomics but ``shape2D``, which is for single slices."""
VOLUME_CLASSES = ("shape", "ellipsoid")
"""Feature classes that describe the region's mask as a volume."""
SLICE_CLASSES = ("shape2D", "outline")
"""Feature classes that describe the region's mask in one slice."""
MASK_CLASSES = (*VOLUME_CLASSES, *SLICE_CLASSES)
"""Feature classes for which the intensities do not count."""
STUDY_CLASSES = ("glioma", "ibsi")
"""Feature classes of the unfiltered sequences and the whole region, which no engine and no setting of one decides."""
_SECTIONS = (
    "imageType", "featureClass", "setting", "sequences", "regions", "slices", "biasField", "resampling",
    "normalisation", "ibsi", "engine", "voxelSetting",
)  # fmt: skip

_OF_NO_VALUE = {"engine", "voxel_setting"}
"""What decides no value of a row."""

Millimetres = Annotated[float, Field(gt=0), at_most(200, "no head is wider, in mm")]


def _every_class() -> dict[str, list[str]]:
    return {name: [] for name in _CLASSES}


def _without_nulls(section: Any, empty: Any) -> Any:
    """YAML reads a key without a value as null; in these sections it means "as by default"."""
    if not isinstance(section, dict):
        return section
    return {key: empty if item is None else item for key, item in section.items()}


class Normalisation(BaseModel):
    """How the intensities of each sequence come to one scale before anything is measured.

    ``zscore``: ``scale * (x - mean) / sd``, with mean and standard deviation over the brain mask where one is given,
    else over the foreground of that sequence (the head, or the brain where the skull is stripped). ``none``: as they
    are in the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Literal["none", "zscore"] = "none"
    scale: Annotated[float, Field(gt=0), at_most(1e6, "images keep no such values")] = 100.0


class Region(BaseModel):
    """Which voxels of a label map are measured: those of ``parts`` or with ``labels`` (the whole tumour when None).

    ``parts`` are of :data:`gliomics.study.numbering.PARTS`, whatever their values in a mask. ``ring_mm``: instead of
    these voxels, the brain within so many millimetres outside of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    parts: list[NamedPart] | None = Field(default=None, min_length=1)
    labels: list[Annotated[int, Field(gt=0, le=MOST_VALUE)]] | None = Field(default=None, min_length=1)
    ring_mm: Millimetres | None = None

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Region:
        if self.parts is not None and self.labels is not None:
            raise ValueError("parts and labels are both set; keep one")
        return self


class FeatureConfig(BaseModel):
    """A feature extraction, completely described; extractions with equal :attr:`digest` are comparable.

    ``image_type``, ``feature_class`` and ``setting`` are PyRadiomics' ``imageType``, ``featureClass`` and ``setting``;
    an empty list of features means every feature of the class. ``featureClass`` knows four classes more than
    PyRadiomics: ``outline`` (:mod:`gliomics.features.outline`), ``ellipsoid`` (:mod:`gliomics.features.ellipsoid`),
    ``glioma`` (:mod:`gliomics.features.glioma`) and ``ibsi`` (:mod:`gliomics.features.ibsi`), whose settings are the
    section ``ibsi``. ``sequences`` names the sequences to measure, all that a study has
    when None.

    ``regions`` adds names to those of :data:`gliomics.features.regions.REGIONS`. ``slices``: measure the region as a
    ``volume``, in its ``largest`` slice, or in ``each`` slice by itself (one row per slice); in slices textures are
    two-dimensional. ``biasField`` corrects each sequence with N4, ``resampling`` brings images (B-spline) and regions
    (nearest neighbour) to voxels of so many millimetres, both before ``normalisation``. ``engine``: what measures,
    PyRadiomics if it is installed and else the native engine when None; as their values are the same, it is no part of
    :attr:`digest`, nor is ``voxel_setting``, which says how :mod:`maps <gliomics.features.maps>` are measured.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True, allow_inf_nan=False)

    image_type: dict[str, Settings] = Field(default_factory=lambda: {"Original": Settings()}, alias="imageType")
    feature_class: dict[str, list[str]] = Field(default_factory=_every_class, alias="featureClass")
    setting: Settings = Field(default_factory=Settings)
    sequences: list[str] | None = None
    regions: dict[str, Region] = Field(default_factory=dict)
    slices: Literal["volume", "largest", "each"] = "volume"
    bias_field: bool = Field(default=False, alias="biasField")
    resampling: tuple[Millimetres, Millimetres, Millimetres] | None = None
    normalisation: Normalisation = Field(default_factory=Normalisation)
    ibsi: IbsiSettings | None = None
    engine: EngineName | None = None
    voxel_setting: VoxelSettings = Field(default_factory=VoxelSettings, alias="voxelSetting")

    @field_validator("image_type", mode="before")
    @classmethod
    def _filters_without_settings(cls, value: Any) -> Any:
        return _without_nulls(value, {}) or {"Original": {}}

    @field_validator("feature_class", mode="before")
    @classmethod
    def _classes_without_a_list(cls, value: Any) -> Any:
        return _without_nulls(value, []) or _every_class()

    @field_validator("setting", "normalisation", "regions", "voxel_setting", mode="before")
    @classmethod
    def _empty_sections(cls, value: Any) -> Any:
        return {} if value is None else value

    @model_validator(mode="after")
    def _settings_fit_together(self) -> FeatureConfig:
        if self.setting.binWidth is not None and self.setting.binCount is not None:
            raise ValueError("binWidth and binCount are both set; PyRadiomics would ignore binWidth, so keep one")
        if self.resampling is not None and self.setting.resampledPixelSpacing is not None:
            raise ValueError("resampling and setting.resampledPixelSpacing are both set; keep one")
        if self.normalisation.method != "none" and self.setting.normalize:
            raise ValueError("normalisation and setting.normalize are both set; keep one")
        if "LoG" in self.image_type and not (self.image_type["LoG"].sigma or self.setting.sigma):
            raise ValueError("imageType.LoG needs sigma, the width of its Gaussian in mm, e.g. LoG: {sigma: [1, 3, 5]}")
        if ("ibsi" in self.feature_class) != (self.ibsi is not None):
            raise ValueError("feature class 'ibsi' and section 'ibsi', which holds its settings, go together")
        return self

    @model_validator(mode="after")
    def _settings_of_filters_count(self) -> FeatureConfig:
        for filter_name, settings in self.image_type.items():
            for name in FOR_ALL_FILTERS:
                if getattr(settings, name) is not None:
                    raise ValueError(
                        f"'{name}' stands in imageType.{filter_name}, but holds for all image types: "
                        "move it under 'setting'"
                    )
            for name, owner in FILTER_OF_SETTING.items():
                if owner != filter_name and getattr(settings, name) is not None:
                    raise ValueError(
                        f"'{name}' stands in imageType.{filter_name}, but is a setting of {owner}; "
                        f"move it to imageType.{owner}"
                    )
            if settings.binWidth is not None and (settings.binCount is not None or self.setting.binCount is not None):
                raise ValueError(
                    f"imageType.{filter_name} has a binWidth beside a binCount; PyRadiomics would ignore binWidth, "
                    "so keep one"
                )
        return self

    @model_validator(mode="after")
    def _classes_fit_the_slices(self) -> FeatureConfig:
        for name in (*VOLUME_CLASSES, *STUDY_CLASSES) if self.slices == "each" else ():
            if name in self.feature_class:
                raise ValueError(
                    f"feature class '{name}' describes volumes; with 'slices: each' use shape2D or outline"
                )
        if self.slices == "volume" and "shape2D" in self.feature_class:
            raise ValueError("feature class 'shape2D' describes one slice; set 'slices: largest' or 'slices: each'")
        if self.slices != "volume" and self.setting.force2D is False:
            raise ValueError(f"'slices: {self.slices}' and 'force2D: false' contradict each other; keep one")
        return self

    @property
    def default_regions(self) -> tuple[str, ...]:
        """The regions that are measured unless others are named: those given here, the label given, or the whole."""
        label = self.setting.label
        return tuple(self.regions) or ("whole" if label is None else str(label),)

    @property
    def mask_classes(self) -> dict[str, list[str]]:
        """Feature classes for which only the mask counts: measured once per region."""
        return {name: features for name, features in self.feature_class.items() if name in MASK_CLASSES}

    @property
    def image_classes(self) -> dict[str, list[str]]:
        """Feature classes that are measured in every sequence by itself."""
        others = (*MASK_CLASSES, *STUDY_CLASSES)
        return {name: features for name, features in self.feature_class.items() if name not in others}

    @property
    def study_classes(self) -> dict[str, list[str]]:
        """Feature classes that are measured of all sequences at once."""
        return {name: features for name, features in self.feature_class.items() if name in STUDY_CLASSES}

    @property
    def new_spacing(self) -> list[float] | None:
        """The voxels that regions are resampled to, by either section, in mm; None where they stay as they are."""
        return list(self.resampling) if self.resampling is not None else self.setting.resampledPixelSpacing

    @property
    def general_settings(self) -> dict[str, Any]:
        """PyRadiomics' settings that hold for every image type, as it takes them."""
        return {key: value for key, value in self.setting if value is not None and key not in NOT_PASSED_ON}

    def settings_of(self, image_type: str) -> dict[str, Any]:
        """PyRadiomics' settings for one image type: the general ones, replaced by its own."""
        of_type = {key: value for key, value in self.image_type[image_type] if value is not None}
        return {**self.general_settings, **of_type}

    @property
    def digest(self) -> str:
        """Hex SHA-256 of everything that decides a value and differs from the defaults."""
        content = self.model_dump(by_alias=True, exclude_defaults=True, exclude=_OF_NO_VALUE)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def parameters(self) -> dict[str, Any]:
        """The same, by the names of the file and ready for JSON: what a row keeps of its configuration."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_OF_NO_VALUE)

    @property
    def preparation(self) -> str:
        """What makes a sequence ready to be measured: configurations of which it is equal can share the ready one."""
        sections = self.model_dump_json(include={"bias_field", "resampling", "normalisation"})
        return f"{sections} {self.setting.normalize}"


def preset_names() -> list[str]:
    """The configurations that ship with Gliomics."""
    return sorted(path.stem for path in _PRESETS.glob("*.yaml"))


def preset_of(digest: str | None) -> str | None:
    """The configuration that ships with Gliomics and has this digest; None where there is none."""
    return next((name for name in preset_names() if load_config(name).digest == digest), None)


def load_config(preset_or_path: str | Path) -> FeatureConfig:
    """Read a configuration: the name of a preset, or the path of a PyRadiomics YAML (or JSON) file.

    Raises :class:`UnknownNameError` where neither exists and :class:`InputError` for anything that
    cannot be extracted as written: an unknown section, setting, image type, feature class or feature.
    """
    name = str(preset_or_path)
    path = _PRESETS / f"{name}.yaml" if name in preset_names() else Path(preset_or_path)
    if not path.is_file():
        raise UnknownNameError(
            f"feature configuration '{name}' is neither a preset ({', '.join(preset_names())}) nor an existing file"
        )
    content = read_yaml(path)
    if path.parent == _PRESETS:  # tested to be right: the names need not be looked up
        return FeatureConfig.model_validate(content)
    return parse_config(content, name)


def parse_config(content: Any, name: str) -> FeatureConfig:
    """Validate the content of a configuration file; ``name`` says in errors which file it was."""
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise InputError(f"feature configuration '{name}' must have the sections {', '.join(_SECTIONS)}")
    try:
        _check_layout(content)
        config = FeatureConfig.model_validate(_without_defaults(content))
        _check_names(config)
    except ValidationError as error:
        raise InputError(f"feature configuration '{name}': {problem(error)}") from error
    except InputError as error:
        raise InputError(f"feature configuration '{name}': {error}") from error
    return config


def _check_names(config: FeatureConfig) -> None:
    """Raise :class:`InputError` for an image type, a wavelet, a feature class or a feature that does not exist."""
    import pywt

    from gliomics.features import ellipsoid, outline
    from gliomics.features.describe import NOT_COMPUTED
    from gliomics.features.engines import native
    from gliomics.features.glioma import measure as glioma
    from gliomics.features.ibsi.catalogue import measured_tags

    ours = {"outline": list(outline.FEATURES), "ellipsoid": list(ellipsoid.FEATURES), "glioma": list(glioma.FEATURES)}
    ours["ibsi"] = measured_tags()
    classes = native.feature_names() | ours
    image_types = native.image_types()
    for name in config.image_type:
        _check_name(name, "image type", list(image_types))
        if image_types[name]:
            raise InputError(f"image type '{name}' cannot be used: {image_types[name]}")
    for settings in (config.setting, *config.image_type.values()):
        if settings.wavelet is not None:
            _check_name(settings.wavelet, "wavelet", pywt.wavelist(kind="discrete"))
    for name, features in config.feature_class.items():
        _check_name(name, "feature class", list(classes))
        for feature in features:
            _check_name(feature, f"feature of class '{name}'", classes[name])
            if f"{name}_{feature}" in NOT_COMPUTED:
                raise InputError(f"feature '{feature}' of class '{name}' is gone: {NOT_COMPUTED[f'{name}_{feature}']}")


def _check_name(name: str, kind: str, names: list[str]) -> None:
    if name not in names:
        raise InputError(f"{kind} '{name}' is unknown; {_hint(name, names)}")


def _check_layout(content: dict[str, Any]) -> None:
    """Refuse unknown keys with the place where they belong; the commonest mistake is a key one level off."""
    for key in content:
        if key not in _SECTIONS:
            raise InputError(_misplaced(key, "the top level", _SECTIONS))
    _check_keys(content, "voxelSetting", VOXEL_SETTINGS)
    _check_keys(content, "setting", (*SETTINGS, *ONLY_AT_DEFAULT))
    filters = content.get("imageType")
    for name, settings in filters.items() if isinstance(filters, dict) else ():
        if name in SETTINGS or name in _SECTIONS:
            raise InputError(_misplaced(name, "'imageType'", ()))
        for key in settings if isinstance(settings, dict) else ():
            if key not in SETTINGS:
                raise InputError(_misplaced(key, f"'imageType: {name}'", tuple(SETTINGS)))


def _check_keys(content: dict[str, Any], section: str, names: Sequence[str]) -> None:
    keys = content.get(section)
    for key in keys if isinstance(keys, dict) else ():
        if key not in names:
            raise InputError(_misplaced(key, f"'{section}'", names))


def _misplaced(key: Any, place: str, names: Sequence[str]) -> str:
    if key in VOXEL_SETTINGS:
        return f"'{key}' stands in {place}; it is a setting of maps: move it under 'voxelSetting:'"
    if key in _SECTIONS:
        return f"'{key}' stands in {place}; it is a section of its own: move it to the top level, beside 'setting'"
    if key in SETTINGS or key in ONLY_AT_DEFAULT:
        return f"'{key}' stands in {place}; it is a setting: move it under 'setting:'"
    return f"'{key}' in {place} is unknown; {_hint(str(key), names)}"


def _without_defaults(content: dict[str, Any]) -> dict[str, Any]:
    """The content without settings that are accepted at PyRadiomics' default only; others are refused."""
    setting = content.get("setting")
    if not isinstance(setting, dict):
        return content
    for key, (default, reason) in ONLY_AT_DEFAULT.items():
        value = setting.get(key)
        if value is not None and not _equal(value, default):
            raise InputError(f"'{key}' is not supported, found {value!r}: {reason}")
    return {**content, "setting": {key: value for key, value in setting.items() if key not in ONLY_AT_DEFAULT}}


def _equal(value: Any, default: Any) -> bool:
    return isinstance(value, bool) == isinstance(default, bool) and value == default


def _hint(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names)}"
