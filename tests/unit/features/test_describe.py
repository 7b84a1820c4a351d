from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from gliomics.errors import UnknownNameError
from gliomics.features import ellipsoid, outline
from gliomics.features.config import FeatureConfig, parse_config
from gliomics.features.describe import (
    FEATURE_CLASSES,
    NOT_COMPUTED,
    describe,
    describe_table,
    descriptions,
    feature_list,
)
from gliomics.features.engines import native
from gliomics.features.engines import pyradiomics as engine
from gliomics.features.extract import StudyImages, extract_features
from gliomics.features.glioma import measure as glioma
from gliomics.features.ibsi.catalogue import measured_tags
from gliomics.radiology.vasari import NUMBERS
from tests.unit.features.heads import head, lesion
from tests.unit.features.pages import FEATURE_PAGE

UNIT = re.compile(r"none|bits|radians|(1/)?(mm|intensity|grey levels|voxels)[2-4]?( mm3)?")


def shown(table: Table) -> str:
    text = io.StringIO()
    Console(width=200, file=text).print(table)
    return text.getvalue()


def test_every_feature_that_exists_is_described_and_no_other() -> None:
    ours = {"outline": list(outline.FEATURES), "ellipsoid": list(ellipsoid.FEATURES), "glioma": list(glioma.FEATURES)}
    ours["ibsi"] = measured_tags()
    known = [f"{kind}_{name}" for kind, names in (engine.feature_names() | ours).items() for name in names]
    described = [f"{feature.feature_class}_{feature.name}" for feature in descriptions()]
    assert sorted([*described, *NOT_COMPUTED]) == sorted([*known, *NUMBERS])


def test_both_engines_have_the_same_names() -> None:
    assert native.feature_names() == engine.feature_names()
    assert native.image_types() == engine.image_types()


def test_features_called_not_computed_give_no_value_where_all_others_do() -> None:
    names = {kind: engine.feature_names()[kind] for kind in ("glcm", "gldm", "shape", "firstorder")}
    # parse_config refuses the names that PyRadiomics still lists and no longer computes
    config = FeatureConfig.model_validate({"featureClass": names, "setting": {"binWidth": 10}})
    features = extract_features(StudyImages("case-1", {"flair": head()}), lesion(), config).values
    missing = {f"{kind}_{name}" for kind in names for name in names[kind]} - {
        "_".join(column.split("_")[-2:]) for column in features
    }
    assert missing == set(NOT_COMPUTED)


def test_every_column_of_a_real_extraction_is_described() -> None:
    config = parse_config(
        {"imageType": {"Original": {}, "LoG": {"sigma": [3.0]}, "Wavelet": {}}, "featureClass": {"ngtdm": None}}, "x"
    )
    columns = extract_features(StudyImages("case-1", {"flair": head()}), lesion(), config).values
    assert len(columns) == 5 * (1 + 1 + 8)
    features = {column: describe(column) for column in columns}
    assert all(feature is not None and column.endswith(feature.name) for column, feature in features.items())


@pytest.mark.parametrize(
    ("column", "unit", "code"),
    [
        ("flair_wavelet-HHL_glcm_Contrast", "grey levels2", "ACUI"),
        ("t1c_log-sigma-1-0-mm-3D_firstorder_10Percentile", "intensity", "QG58"),
        ("original_shape_MeshVolume", "mm3", "RNU0"),
        ("original_outline_Solidity", "none", ""),
        ("ngtdm_Contrast", "grey levels3", "65HE"),
        ("location_midline_atlas_mm", "mm", ""),
        ("location_share_frontal_lobe", "none", ""),
    ],
)
def test_column_is_found_whatever_the_sequence_and_the_filter(column: str, unit: str, code: str) -> None:
    feature = describe(column)
    assert feature is not None
    assert (feature.unit, feature.ibsi_code) == (unit, code)


@pytest.mark.parametrize("column", ["study_id", "diagnostics_voxels", "Contrast", "", "original_glcm_Contras"])
def test_column_that_is_no_feature_has_no_description(column: str) -> None:
    assert describe(column) is None


def test_every_description_is_one_sentence_with_a_unit_and_a_known_class() -> None:
    for feature in descriptions():
        assert feature.feature_class in FEATURE_CLASSES
        assert UNIT.fullmatch(feature.unit), feature
        assert feature.description.endswith(".") and ". " not in feature.description, feature
        assert re.fullmatch(r"[0-9A-Z]{4}|", feature.ibsi_code), feature
    codes = [one.ibsi_code for one in descriptions() if one.ibsi_code and one.feature_class != "ibsi"]
    assert len(codes) == len(set(codes))


def test_table_shows_each_feature_of_the_named_columns_once() -> None:
    text = shown(describe_table(["flair_original_glcm_Contrast", "t1c_original_glcm_Contrast", "ngtdm", "Elongation"]))
    rows = [match[1] for line in text.splitlines() if (match := re.match(r"[│|] (\w+_\w+) ", line))]
    ngtdm = ["ngtdm_Busyness", "ngtdm_Coarseness", "ngtdm_Complexity", "ngtdm_Contrast", "ngtdm_Strength"]
    assert rows == ["glcm_Contrast", *ngtdm, "shape_Elongation", "shape2D_Elongation"]
    assert "ACUI" in text
    assert "in voxels where the voxel size is unknown" in text


def test_table_without_names_shows_all() -> None:
    assert describe_table().row_count == len(descriptions())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flair_original_glcm_Contrst", "'flair_original_glcm_Contrst' is unknown; did you mean 'glcm_Contrast'?"),
        ("glcn", "'glcn' is unknown; did you mean 'glcm'?"),
        ("xyz", "'xyz' is unknown; feature classes are shape, shape2D, firstorder"),
        ("Dissimilarity", "'glcm_Dissimilarity' is not computed: DifferenceAverage equals it"),
        ("t1_original_glcm_SumVariance", "'glcm_SumVariance' is not computed: ClusterTendency equals it"),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        describe_table([name])


def test_page_of_the_features_is_up_to_date() -> None:
    assert FEATURE_PAGE.read_text(encoding="utf-8") == feature_list(), (
        "docs/reference/feature_list.md is out of date; run python -m tests.unit.features.pages"
    )
