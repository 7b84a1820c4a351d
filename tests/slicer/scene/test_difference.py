"""Two labels compared, against what scipy and the library compute; and colours that everybody can tell apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from RadiogenomicsLib.scene.difference import BOTH, ONLY_FIRST, ONLY_SECOND, differenceOf, squaredDistances
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError
from scipy import ndimage

from gliomics.evaluation import dice

GRID = np.array([[0.0, 0.9, 0.1, 3.0], [-1.2, 0.0, 0.0, 4.0], [0.1, 0.0, 3.0, 5.0], [0.0, 0.0, 0.0, 1.0]])
NAMES = ("final", "second")


def image(array: np.ndarray, ijkToRas: np.ndarray = GRID) -> OrientedImage:
    return OrientedImage(array.astype(np.uint8), ijkToRas)


def ellipsoid(centre: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    k, j, i = np.ogrid[:14, :40, :36]
    return sum(((x - c) / r) ** 2 for x, c, r in zip((k, j, i), centre, radii, strict=True)) < 1


@pytest.mark.parametrize(
    "second",
    [
        ellipsoid((6, 18, 18), (4, 9, 6)),
        ellipsoid((8, 25, 15), (3, 6, 9)),
        ellipsoid((6, 18, 18), (2, 3, 3)),
        ellipsoid((3, 6, 30), (2, 3, 3)),
    ],
    ids=["overlapping", "shifted", "inside", "apart"],
)
def test_the_figures_are_those_of_the_library_and_of_scipy(second: np.ndarray) -> None:
    first = ellipsoid((6, 18, 18), (4, 8, 7))
    difference = differenceOf(image(first), image(second), NAMES)
    spacing = image(first).spacing[::-1]
    distances = {
        ONLY_FIRST: ndimage.distance_transform_edt(~second, sampling=spacing) * first,
        ONLY_SECOND: ndimage.distance_transform_edt(~first, sampling=spacing) * second,
    }
    assert difference.dice == pytest.approx(dice(first, second))
    assert difference.distance == pytest.approx(max(values.max() for values in distances.values()), rel=1e-5)
    assert difference.farthest is not None
    assert distances[difference.side][difference.farthest[::-1]] == pytest.approx(difference.distance, rel=1e-5)
    voxel = abs(np.linalg.det(GRID[:3, :3])) / 1000
    assert difference.volumes == pytest.approx(
        {
            BOTH: (first & second).sum() * voxel,
            ONLY_FIRST: (first & ~second).sum() * voxel,
            ONLY_SECOND: (second & ~first).sum() * voxel,
        }
    )


def test_distances_are_exact_for_any_set_of_voxels() -> None:
    inside = np.random.default_rng(3).random((9, 11, 13)) < 0.01
    expected = ndimage.distance_transform_edt(~inside, sampling=(3.0, 1.0, 0.7))
    assert np.sqrt(squaredDistances(inside, (3.0, 1.0, 0.7))) == pytest.approx(expected, rel=1e-5)


def test_labels_that_are_alike_have_no_farthest_voxel_and_empty_ones_agree() -> None:
    first, empty = ellipsoid((6, 18, 18), (4, 8, 7)), np.zeros((14, 40, 36), bool)
    alike = differenceOf(image(first), image(2 * first), NAMES)
    assert (alike.dice, alike.distance, alike.farthest) == (1.0, 0.0, None)
    neither = differenceOf(image(empty), image(empty), NAMES)
    assert (neither.dice, neither.distance, neither.farthest) == (1.0, None, None)
    one = differenceOf(image(empty), image(first), NAMES)
    assert (one.dice, one.distance, one.side) == (0.0, None, ONLY_SECOND)


def test_labels_of_two_grids_are_refused_by_name() -> None:
    first = ellipsoid((6, 18, 18), (4, 8, 7))
    with pytest.raises(VolumeError, match=r"final has 36 x 40 x 14 voxels .* second has 18 x 40 x 14"):
        differenceOf(image(first), image(first[..., ::2]), NAMES)


DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What is left of linear red, green and blue (Machado et al., IEEE TVCG 2009; 15: 1291, severity 1)."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def seen(colour: str, deficiency: str) -> np.ndarray:
    """A colour in CIE L*a*b* as somebody with that colour vision sees it."""
    channels = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    ratios = TO_XYZ @ np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0, 1) / WHITE
    x, y, z = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_three_colours_are_told_apart_with_any_colour_vision(application: object, deficiency: str) -> None:
    from RadiogenomicsLib.scene.display.disagreement import COLOURS

    colours = [seen(colour, deficiency) for colour in COLOURS.values()]
    assert min(float(np.linalg.norm(one - other)) for one, other in combinations(colours, 2)) > 40
