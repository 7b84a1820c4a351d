"""Whether the shape features tell the genomic clusters of lower-grade glioma apart, as was published.

Buda 2019 (110 patients, automatic masks): RNASeq with the bounding ellipsoid volume ratio p < 0.0002, with margin
fluctuation p < 0.005, with the angular standard deviation p < 0.02. Mazurowski 2017 (110 patients, manual masks):
angular standard deviation with RNASeq p < 0.0002, with the cluster of clusters (COC) p < 0.0002, with copy number (CN)
p < 0.001. Here the manual masks of 88 patients of the same series; feature cut at the median of the patients whose
cluster is known, Fisher's exact test for r x c tables (Freeman and Halton 1951), beside it Kruskal and Wallis' test.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.stats import kruskal

from gliomics.features.ellipsoid import ellipsoid_features
from gliomics.features.outline import outline_features
from gliomics.intake import import_folder
from gliomics.intake.layouts.kaggle import GENOMICS_FILE
from gliomics.statistics.contingency import freeman_halton
from gliomics.study import Mask, label_path, read_mask

pytestmark = pytest.mark.realdata

ASD, LEGACY, FLUCTUATION = "AngularStandardDeviation", "AngularStandardDeviationLegacy", "MarginFluctuation"
BEVR, LARGEST = "BoundingEllipsoidVolumeRatio", "BoundingEllipsoidVolumeRatio of the largest part"

PUBLISHED = [
    (BEVR, "RNASeq", "Buda 2019 < 0.0002"),
    (FLUCTUATION, "RNASeq", "Buda 2019 < 0.005"),
    (ASD, "RNASeq", "Buda 2019 < 0.02, Mazurowski 2017 < 0.0002"),
    (ASD, "COC", "Mazurowski 2017 < 0.0002"),
    (ASD, "CN", "Mazurowski 2017 < 0.001"),
]
OTHER_READINGS = [
    (LARGEST, "RNASeq", "only the largest connected part in 3-D"),
    (LEGACY, "RNASeq", "SD of the angles, not of the distances"),
    (LEGACY, "COC", "SD of the angles, not of the distances"),
    (LEGACY, "CN", "SD of the angles, not of the distances"),
]


@dataclass(frozen=True)
class Association:
    """A feature in each cluster: numbers of patients and medians, and the p-values of both tests."""

    counts: dict[int, int]
    medians: dict[int, float]
    fisher: float
    kruskal: float


@dataclass(frozen=True)
class Cohort:
    """Features and clusters by patient id."""

    features: dict[str, dict[str, float]]
    clusters: dict[str, dict[str, str]]

    def association(self, feature: str, clustering: str) -> Association:
        known = [name for name in self.features if self.clusters[name][f"{clustering}Cluster"]]
        values = np.array([self.features[name][feature] for name in known])
        cluster = np.array([int(self.clusters[name][f"{clustering}Cluster"]) for name in known])
        groups = {int(number): values[cluster == number] for number in np.unique(cluster)}
        return Association(
            {number: len(group) for number, group in groups.items()},
            {number: float(np.median(group)) for number, group in groups.items()},
            freeman_halton(cut_at_median(groups)).p,
            float(kruskal(*groups.values()).pvalue),
        )


def cut_at_median(groups: dict[int, np.ndarray]) -> list[list[int]]:
    """Patients above the median of all, and the others, in each group."""
    middle = np.median(np.concatenate(list(groups.values())))
    above = [int((group > middle).sum()) for group in groups.values()]
    return [above, [len(group) - count for group, count in zip(groups.values(), above, strict=True)]]


def largest_part(mask: Mask) -> Mask:
    parts, _ = label(mask.array > 0, np.ones((3, 3, 3)))
    return mask.with_array(parts == 1 + np.bincount(parts.ravel())[1:].argmax())


def shape_of(mask: Mask) -> dict[str, float]:
    found = outline_features(mask, (ASD, LEGACY, FLUCTUATION)) | ellipsoid_features(mask)
    named = {name.rsplit("_", 1)[1]: value for name, value in found.items()}
    return named | {LARGEST: next(iter(ellipsoid_features(largest_part(mask)).values()))}


@pytest.fixture(scope="module")
def cohort(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Every real patient, imported from the layout of the public download."""
    folder = tmp_path_factory.mktemp("lgg")
    restore = [sys.executable, str(real_data / "lgg" / "restore.py"), str(folder / "download")]
    subprocess.run(restore, check=True, capture_output=True)
    studies = import_folder(folder / "download", folder / "studies")
    with (folder / "studies" / GENOMICS_FILE).open(encoding="utf-8", newline="") as file:
        clusters = {row["patient_id"]: row for row in csv.DictReader(file)}
    masks = {study.patient_id: read_mask(label_path(folder / "studies", study.id)) for study in studies}
    return Cohort({name: shape_of(mask) for name, mask in masks.items()}, clusters)


def test_associations_beside_the_published_ones(cohort: Cohort) -> None:
    print(f"\n{len(cohort.features)} patients, manual masks, feature cut at its median")
    print(f"{'feature':49} {'clusters':8} {'Fisher':>8} {'Kruskal':>8}  median (n) of cluster 1, 2, ...; published")
    for feature, clustering, note in PUBLISHED + OTHER_READINGS:
        found = cohort.association(feature, clustering)
        medians = "  ".join(f"{found.medians[number]:.4f} ({n})" for number, n in found.counts.items())
        print(f"{feature:49} {clustering:8} {found.fisher:8.2g} {found.kruskal:8.2g}  {medians}; {note}")
    for feature, clustering, _ in PUBLISHED:
        assert cohort.association(feature, clustering).fisher < 0.01, (feature, clustering)


def test_volume_ratio_and_angular_deviation_reach_the_published_level(cohort: Cohort) -> None:
    assert cohort.association(BEVR, "RNASeq").fisher < 0.0002
    assert cohort.association(ASD, "RNASeq").fisher < 0.0002


def test_most_irregular_lesions_are_those_of_rnaseq_cluster_2(cohort: Cohort) -> None:
    # 13 of the 16 IDH wild types whose cluster is known are in it.
    deviation, ratio = cohort.association(ASD, "RNASeq").medians, cohort.association(BEVR, "RNASeq").medians
    assert max(deviation, key=deviation.__getitem__) == min(ratio, key=ratio.__getitem__) == 2


def test_deviation_of_the_angles_tells_no_clusters_apart(cohort: Cohort) -> None:
    for clustering in ("RNASeq", "COC", "CN"):
        assert cohort.association(LEGACY, clustering).fisher > 0.05
