"""IBSI's configurations against the native engine's default classes: the time of the same families, way by way."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from gliomics.features.config import FeatureConfig, load_config, parse_config
from gliomics.features.extract import StudyImages, extract_regions
from gliomics.features.ibsi.catalogue import catalogue
from gliomics.study import Mask, Volume, read_mask, read_volume
from tests.unit.features.ibsi import AGGREGATIONS, CONFIGURATIONS

pytestmark = pytest.mark.realdata

CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
SAME = [entry.tag for entry in catalogue().values() if entry.feature]
"""Features that PyRadiomics has, too."""
MOST = 1.5


@pytest.fixture(scope="module")
def ct(real_data: Path) -> tuple[Volume, Mask]:
    folder = real_data / "ibsi" / "ct_phantom"
    return read_volume(folder / "ct_phantom_image.nii.gz"), read_mask(folder / "ct_phantom_mask.nii.gz")


@pytest.mark.parametrize("letter", "ABCDE")
def test_a_configuration_costs_at_most_half_more_than_the_default_s_ways(
    letter: str, ct: tuple[Volume, Mask], capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config(f"ibsi-{letter.lower()}")
    same = config.model_copy(update={"feature_class": {"ibsi": SAME}})
    ways = [_default(letter, way) for way in CONFIGURATIONS[letter].aggregations if way.endswith(("avg", "comb"))]
    default = sum(_seconds(ct, one) for one in ways)
    alike, everything = _seconds(ct, same), _seconds(ct, config)
    with capsys.disabled():
        print(
            f"\n{letter}: default {default:.2f} s for {len(ways)} ways; by IBSI the same families take "
            f"{alike / default:.2f} times as long, all {everything / default:.2f} times"
        )
    assert alike <= MOST * default


def _default(letter: str, way: str) -> FeatureConfig:
    """The default classes in one way of joining slices and directions; shape with the first, as it has no ways."""
    aggregation = AGGREGATIONS[way]
    first = way == next(one for one in CONFIGURATIONS[letter].aggregations if one.endswith(("avg", "comb")))
    classes: dict[str, Any] = dict.fromkeys((*CLASSES, *(["shape"] if first else [])))
    setting = {**CONFIGURATIONS[letter].setting, **aggregation.setting}
    slices = "each" if aggregation.each else "volume"
    content = {"featureClass": classes, "setting": setting, "slices": slices, "engine": "native"}
    return parse_config(content, "default.yaml")


def _seconds(ct: tuple[Volume, Mask], config: FeatureConfig) -> float:
    """The shortest processor time of three runs."""
    image, mask = ct
    times = []
    for _ in range(3):
        start = time.process_time()
        extract_regions(StudyImages("phantom", {"ct": image}), {"whole": mask}, config)
        times.append(time.process_time() - start)
    return min(times)
