from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from gliomics.cohort.extraction import Extraction
from gliomics.cohort.perturb import PERTURBATIONS
from gliomics.cohort.stability import (
    FeatureStability,
    measure_stability,
    read_stability_csv,
    shipped_stability,
    stability,
    stability_diagnostics,
    stability_notes,
    write_stability_csv,
)
from gliomics.errors import GliomicsError, InputError
from gliomics.features.config import load_config, parse_config
from gliomics.preprocess.intensity import foreground
from gliomics.records import FeatureRow
from gliomics.statistics.icc import Icc, icc_2_1
from gliomics.study import Study, read_volume, write_mask
from gliomics.study.images import to_sitk
from tests.unit.features.heads import lesion, write_study
from tests.unit.statistics.test_icc import SHROUT_FLEISS

QUICK = parse_config({"featureClass": {"shape": ["VoxelVolume"], "firstorder": ["Mean", "Range"]}}, "quick.yaml")


def extraction(*regions: str) -> Extraction:
    return Extraction(QUICK, regions)


@pytest.mark.parametrize(
    ("low", "grade", "unstable"),
    [(0.95, "excellent", False), (0.8, "good", False), (0.6, "moderate", True), (-0.2, "poor", True)],
)
def test_grade_follows_the_lower_end_of_the_interval(low: float, grade: str, unstable: bool) -> None:
    feature = FeatureStability("x", Icc(0.97, low, 0.99, 5, 5), 0.1)
    assert (feature.grade, feature.is_unstable) == (grade, unstable)


def test_a_feature_without_an_icc_is_neither_stable_nor_unstable() -> None:
    feature = FeatureStability("x", icc_2_1([[1.0, 2.0]]), 0.1)
    assert (feature.grade, feature.is_unstable) == ("unknown", False)


def rows(**features: list[float]) -> list[FeatureRow]:
    count = len(next(iter(features.values())))
    return [
        FeatureRow(f"case-{row}", "whole", {name: values[row] for name, values in features.items()})
        for row in range(count)
    ]


def test_stability_is_the_icc_of_each_feature_over_the_rows_that_all_raters_have() -> None:
    judges = {f"judge-{k}": rows(x=[row[k] for row in SHROUT_FLEISS], y=[1.0] * 6) for k in range(4)}
    judges["judge-1"] = [FeatureRow("case-9", "whole", {"x": 5.0}), *reversed(judges["judge-1"])]
    x, y = stability(judges)
    assert (x.feature, x.icc) == ("x", icc_2_1(SHROUT_FLEISS))
    assert y.icc.reason == "the feature has one value everywhere"


def test_regions_of_one_study_are_targets() -> None:
    tables = {
        f"rater-{k}": [FeatureRow("case", region, {"x": base + k}) for region, base in (("whole", 9), ("enhancing", 2))]
        for k in range(3)
    }
    (feature,) = stability(tables)
    assert (feature.icc.n, feature.icc.k) == (2, 3)


def test_a_feature_that_one_rater_lacks_loses_that_target_only() -> None:
    judges = {
        f"judge-{k}": rows(x=[row[k] for row in SHROUT_FLEISS], y=[row[k] for row in SHROUT_FLEISS]) for k in range(4)
    }
    del judges["judge-2"][3].values["y"]
    x, y = stability(judges)
    assert (x.icc.n, y.icc.n) == (6, 5)
    assert y.icc == icc_2_1([row for number, row in enumerate(SHROUT_FLEISS) if number != 3])


def test_variation_is_the_median_of_sd_over_mean_within_targets() -> None:
    tables = {rater: rows(x=values) for rater, values in {"a": [9.0, 1.0, 10.0], "b": [11.0, 1.0, 30.0]}.items()}
    (feature,) = stability(tables)
    assert feature.variation == pytest.approx(math.sqrt(2) / 10)


def test_tables_without_a_common_row_are_refused() -> None:
    tables = {"a": [FeatureRow("x", "whole", {"f": 1.0})], "b": [FeatureRow("x", "enhancing", {"f": 1.0})]}
    with pytest.raises(InputError, match="tables of a, b have no study and region in common"):
        stability(tables)


def test_tables_of_different_configurations_are_refused() -> None:
    tables = {
        rater: [FeatureRow("x", "whole", {"f": 1.0}, {"config_sha256": digest})]
        for rater, digest in {"a": "1" * 64, "b": "2" * 64}.items()
    }
    with pytest.raises(InputError, match="'x' was measured with configuration 222222222222, others with 111111111111"):
        stability(tables)


def test_table_reads_back_as_written(tmp_path: Path) -> None:
    features = [
        FeatureStability("x", Icc(0.29, 0.0188, 0.7611, 6, 4), 0.25, "ab" * 32),
        FeatureStability("y", icc_2_1([[1.0, 2.0]]), 0.5, "ab" * 32),
    ]
    write_stability_csv(features, tmp_path / "icc.csv")
    x, y = read_stability_csv(tmp_path / "icc.csv")
    assert x == features[0]
    assert (y.icc.reason, y.icc.n, y.variation, y.grade) == ("1 target; an ICC needs 2", 1, 0.5, "unknown")
    header, first, second = (tmp_path / "icc.csv").read_text().splitlines()
    assert header == "feature,icc,low,high,grade,cv,n,k,config_sha256,note"
    assert first == f"x,0.290000,0.018800,0.761100,poor,0.25,6,4,{'ab' * 32},"
    assert second.startswith("y,,,,unknown,0.5,1,2,")


@pytest.mark.parametrize(
    "text", ["study_id,x\nA,1\n", "feature,icc,low,high,grade,cv,n,k,config_sha256,note\nx,high,,,,,,,,\n"]
)
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(InputError, match=r"other.csv is not a stability table: expected the columns feature, icc, low"):
        read_stability_csv(tmp_path / "other.csv")


def test_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv does not exist"):
        read_stability_csv(tmp_path / "none.csv")


def test_few_targets_and_missing_iccs_are_said() -> None:
    features = [
        FeatureStability("x", Icc(0.9, 0.2, 0.99, 4, 5), 0.1),
        FeatureStability("y", icc_2_1([[1.0, 2.0]]), 0.1),
    ]
    few, missing = stability_notes(features)
    assert few.startswith("4 targets only: the intervals are wide")
    assert missing == "1 of 2 features have no ICC; the column note says why"
    assert stability_notes([FeatureStability("x", Icc(0.9, 0.8, 0.99, 88, 9), 0.1)]) == []


def test_shipped_table_is_of_the_preset_panel_as_it_is() -> None:
    shipped = shipped_stability(load_config("panel"))
    assert len({name.removeprefix("flair_") for name in shipped if name.startswith("flair_")}) == 93 + 8
    assert {feature.icc.n for name, feature in shipped.items() if name.startswith(("flair_", "original_"))} == {88}
    assert {feature.icc.k for feature in shipped.values()} == {len(PERTURBATIONS)}


def test_size_is_shipped_as_stable_and_the_darkest_voxel_as_unstable() -> None:
    shipped = shipped_stability(load_config("panel"))
    assert shipped["original_shape_VoxelVolume"].grade == "excellent"
    assert shipped["flair_original_firstorder_Minimum"].is_unstable


def test_diagnostics_are_of_the_features_that_are_asked_for_and_known() -> None:
    names = ["flair_original_firstorder_Mean", "flair_original_firstorder_Minimum", "t2_original_firstorder_Mean"]
    diagnostics = stability_diagnostics(names, load_config("panel"))
    assert list(diagnostics["stability"]) == names[:2]
    assert diagnostics["unstable"] == names[1:2]
    assert diagnostics["stability_source"].startswith("88 whole lower-grade gliomas")


def test_nothing_is_known_of_another_configuration() -> None:
    assert shipped_stability(QUICK) == {}
    assert stability_diagnostics(["flair_original_firstorder_Mean"], QUICK) == {}


# Measuring


@pytest.fixture
def studies(tmp_path: Path) -> list[Study]:
    return [write_study(tmp_path / "studies", f"case-{number}", seed=number) for number in range(3)]


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return tmp_path / "studies" / "labels" / "final"


def test_one_folder_is_measured_under_every_perturbation(studies: list[Study], masks: Path) -> None:
    features = {feature.feature: feature for feature in measure_stability(studies, [masks], extraction())}
    assert set(features) == {
        "original_shape_VoxelVolume",
        *(f"{sequence}_original_firstorder_{name}" for sequence in ("flair", "t1c") for name in ("Mean", "Range")),
    }
    mean = features["flair_original_firstorder_Mean"]
    assert (mean.icc.n, mean.icc.k) == (3, len(PERTURBATIONS))
    assert mean.config_sha256 == QUICK.digest
    assert 0 < mean.variation < 0.2


def test_several_folders_are_raters(studies: list[Study], masks: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    for study in studies:
        write_mask(lesion(0).with_array((lesion(0).array == 1).astype(np.uint8)), small / f"{study.id}.nii.gz")
    volume = {feature.feature: feature for feature in measure_stability(studies, [masks, small], extraction())}[
        "original_shape_VoxelVolume"
    ]
    assert (volume.icc.n, volume.icc.k) == (3, 2)
    sizes = np.array([np.count_nonzero(lesion().array), np.count_nonzero(lesion(0).array == 1)])
    assert volume.variation == pytest.approx(sizes.std(ddof=1) / sizes.mean())


def test_segments_of_each_rater_are_parts_by_their_names(studies: list[Study], tmp_path: Path) -> None:
    named = to_sitk(lesion(0))
    for number, (name, value) in enumerate([("ET", 1), ("ED", 2), ("NCR", 4)]):
        named.SetMetaData(f"Segment{number}_Name", name)
        named.SetMetaData(f"Segment{number}_LabelValue", str(value))
    (tmp_path / "named").mkdir()
    for study in studies:
        write_mask(lesion(0), tmp_path / "unnamed" / f"{study.id}.nii.gz")
        sitk.WriteImage(named, str(tmp_path / "named" / f"{study.id}.seg.nrrd"))
    features = measure_stability(studies, [tmp_path / "unnamed", tmp_path / "named"], extraction("enhancing"))
    volume = {feature.feature: feature for feature in features}["original_shape_VoxelVolume"]
    sizes = np.array([np.count_nonzero(lesion(0).array == value) for value in (4, 1)])
    assert volume.variation == pytest.approx(sizes.std(ddof=1) / sizes.mean())


def test_what_one_rater_lacks_is_reported_and_left_out_for_all(
    studies: list[Study], masks: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write_mask(lesion(), other / "case-0.nii.gz")
    write_mask(lesion(0), other / "case-1.nii.gz")
    write_mask(lesion(0), masks / "case-1.nii.gz")
    reports: list[tuple[str, str]] = []

    def on_error(study_id: str, error: GliomicsError) -> None:
        reports.append((study_id, str(error)))

    features = measure_stability(studies, [masks, other], extraction("whole", "enhancing"), on_error=on_error)
    assert features[0].icc.n == 3, "whole of case-0 and case-1, enhancing of case-1"
    assert [study_id for study_id, _ in reports] == ["case-0", "case-2"]
    assert "region 'enhancing' of" in reports[0][1]
    assert "is ambiguous: the mask holds label 1" in reports[0][1]
    assert f"no mask case-2.nii.gz in {other}" in reports[1][1]


def test_a_region_that_cannot_be_measured_does_not_hide_the_others(studies: list[Study], masks: Path) -> None:
    labels = lesion(2).array.copy()
    labels[14, 24, 5] = 4
    write_mask(lesion().with_array(labels), masks / "case-0.nii.gz")
    reports: list[str] = []
    features = measure_stability(
        studies[:1], [masks], extraction("enhancing", "whole"), on_error=lambda _, error: reports.append(str(error))
    )
    assert features[0].icc.n == 1
    assert len(reports) == 1
    assert "'case-0' is one voxel" in reports[0]


def test_one_study_has_no_icc_but_a_variation(studies: list[Study], masks: Path) -> None:
    features = measure_stability(studies[:1], [masks], extraction())
    assert {feature.icc.reason for feature in features} == {"1 target; an ICC needs 2"}
    assert all(feature.variation > 0 for feature in features)


def test_slices_are_targets_where_the_configuration_measures_each(studies: list[Study], masks: Path) -> None:
    content = {"featureClass": {"firstorder": ["Mean"]}, "slices": "each", "sequences": ["flair"]}
    (feature,) = measure_stability(studies[:1], [masks], Extraction(parse_config(content, "slices.yaml")))
    assert feature.icc.n == np.count_nonzero(lesion().array.sum(axis=(0, 1)) > 1)


def test_a_ring_lies_inside_the_brain_mask(studies: list[Study], masks: Path, tmp_path: Path) -> None:
    brain = tmp_path / "brain"
    for study in studies:
        image = read_volume(study.sequences["flair"])
        half = foreground(image.array)
        half[:, 31:] = False
        write_mask(image.with_array(half.astype(np.uint8)), brain / f"{study.id}.nii.gz")
    head, halves = (
        measure_stability(studies, [masks], extraction("peritumoral"), brain_masks=folder) for folder in (None, brain)
    )
    assert head[0].feature == halves[0].feature == "original_shape_VoxelVolume"
    assert halves[0].variation > head[0].variation, "a smaller ring changes more"


@pytest.mark.parametrize("folders", [[], ["a", "b", "a"]])
def test_raters_must_be_different_folders(studies: list[Study], folders: list[str]) -> None:
    with pytest.raises(InputError, match="give one folder of masks, or several different ones"):
        measure_stability(studies, [Path(folder) for folder in folders], extraction())


def test_what_the_tables_of_stability_cannot_hold_is_refused(studies: list[Study], masks: Path) -> None:
    for whole in (replace(extraction(), boundary_shift=1), replace(extraction(), deep_model="segmentation_flair")):
        with pytest.raises(InputError, match="stability is that of regions as they are drawn"):
            measure_stability(studies, [masks], whole)


def test_nothing_measured_is_an_error(studies: list[Study], tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no region was measured under all masks"):
        measure_stability(studies, [tmp_path / "none"], extraction())
