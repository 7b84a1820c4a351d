"""The pages of the documentation that are computed: ``python -m tests.unit.features.pages`` writes them anew."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gliomics.features.describe import feature_list
from gliomics.features.ibsi.catalogue import FAMILIES, NOT_MEASURED, split_tag
from gliomics.features.ibsi.comparison import ConsensusValue, consensus_values
from gliomics.features.ibsi.filters.comparison import (
    FILTERS,
    ResponseMap,
    filtered_values,
    response_maps,
)
from gliomics.files import write_text
from tests.unit.features.ibsi import CONFIGURATIONS, Plain, measure_plain

_PROJECT = Path(__file__).resolve().parents[3]
FEATURE_PAGE = _PROJECT / "docs" / "reference" / "feature_list.md"
IBSI_PAGE = _PROJECT / "docs" / "reference" / "ibsi.md"
FILTERS_PAGE = _PROJECT / "docs" / "reference" / "ibsi_filters.md"

_INTRODUCTION = """# IBSI compliance

The Image Biomarker Standardisation Initiative (IBSI) defines radiomic features and gives, for a digital phantom of 74
voxels and for a CT of a lung tumour under five configurations, the values on which independent groups agreed
(Zwanenburg et al., Radiology 2020; values and tolerances below are the initiative's, CC BY 4.0). Gliomics measures
them in two ways: the feature class `ibsi` follows the standard in everything, and the classes of PyRadiomics
(`firstorder`, `glcm`, ...) follow PyRadiomics, whichever engine measures.
"""
_TOTALS = """
| configuration | values with a consensus | class `ibsi` within | PyRadiomics has | of these within |
|---|---|---|---|---|
{totals}

A value is within the tolerance that the initiative gives or, where that is 0, rounds to the same three digits.
PyRadiomics' are those of the settings nearest to each configuration; where its definition is known to differ (see
below) the difference is taken out before.

## Measure by the standard

`--config ibsi` measures every feature of the standard on the voxels as they are; `ibsi-a` to `ibsi-e` are the five
configurations of the CT. In a file of your own:

```yaml
featureClass:
  ibsi:                       # or tags, such as [cm_contrast, morph_volume]
ibsi:
  voxelSize: [2, 2, 2]        # mm along i, j, k; 0 keeps those of the image. Left out: as they are
  interpolation: linear       # or cubic; the mask's is linear, and the region is where it is at least one half
  rounding: true              # to whole numbers, as for CT
  range: [-1000, 400]         # voxels outside count for morphology alone
  outliers: 3                 # so many standard deviations from the mean, of the voxels in range
  bins: {{width: 25}}           # from the lower end of range, else the lowest intensity; or {{count: 32}}
  volumeHistogram: {{width: 2.5}}   # or {{count: 1000}}; left out: steps of 1
  dimensions: [3D]            # and 2D (features averaged over slices), 2.5D (slices merged)
```

The new grid lies about the centre of the image. Bins begin once for all slices. Columns are
`<sequence>_original_ibsi_<tag>`, `original_ibsi_<tag>` where the mask alone decides; a texture's tag ends in its way
of joining: `2D`, `2_5D` or `3D`, and for co-occurrence and runs `_avg` (directions averaged) or `_comb` (merged). The
sections `biasField`, `resampling` and `normalisation` come before; `imageType` and `setting` do not act on this
class.

`gliomics ibsi FOLDER [--out FILE.csv]` repeats the comparison on this computer, with the initiative's files in a
folder (https://github.com/theibsi/data_sets): `digital_phantom_image.nii.gz`, `digital_phantom_mask.nii.gz`,
`digital_phantom_reference.csv`, and in `ct_phantom` `ct_phantom_image.nii.gz`, `ct_phantom_mask.nii.gz`,
`config_a.csv` to `config_e.csv`. It names what misses, and then ends with exit status 1. [Filters](ibsi_filters.md)
are the standard's second part.

The area of the approximate enclosing ellipsoid is the manual's: 4 pi a b times the sum over n from 0 to 20 of (alpha
beta)^n / (1 - 4 n^2) times the Legendre polynomial n of (alpha^2 + beta^2) / (2 alpha beta), with alpha^2 = 1 - b^2 /
a^2 and beta^2 = 1 - c^2 / a^2. That is not the area of an ellipsoid (for the digital phantom 286 mm2 instead of 298),
but what the consensus values were computed with. Five features are not measured, because their values have no
consensus: {without}.

## What PyRadiomics' classes reach

IBSI gives texture in several ways of joining slices and directions:

| IBSI | setting |
|---|---|
| 3-D, averaged (3-D) | none |
| 3-D, merged | `weightingNorm: no_weighting` |
| 2.5-D, averaged (2.5-D) | `force2D: true` |
| 2.5-D, merged | `force2D: true`, `weightingNorm: no_weighting` |
| 2-D, averaged (2-D) | `slices: each`, the rows averaged |
| 2-D, merged | `slices: each`, `weightingNorm: no_weighting`, the rows averaged |

- **2-D** is reached only where each slice has the region's grey levels: `slices: each` measures every slice as a
  region of its own, whose bins begin anew, and leaves out slices that are one voxel wide.
- **Bins** begin at a multiple of the bin width, IBSI's at the lower end of the range or the lowest intensity.
- **Resampling.** PyRadiomics takes the nearest voxel of the mask, lays the new grid from the image's corner and does
  not round.
- **Outliers** of so many standard deviations and a range exclude each other.
- **Axes.** PyRadiomics divides the covariance of the voxel centres by their number N, the consensus by N - 1; IBSI's
  length is PyRadiomics' times sqrt(N / (N - 1)), 0.7 % more for 74 voxels and 0.05 % for 1,000.
- **Kurtosis** is 3 for a normal distribution; IBSI subtracts 3.

| | settings |
|---|---|
{configurations}

`BoundingEllipsoidVolumeRatio` is near to `morph_vol_dens_mvee`, which takes the surface mesh instead of the voxels and
for which IBSI gives no consensus value.

## Value by value

In each cell: consensus ± tolerance; class `ibsi`; PyRadiomics, in *italics* outside of the tolerance, - where it has
none. {bold}
"""


def ibsi_page(values: list[ConsensusValue], plain: Mapping[str, Plain]) -> str:
    """``docs/reference/ibsi.md``."""
    names = list(dict.fromkeys(value.test for value in values))
    missed = sum(not value.matches for value in values)
    text = _TOTALS.format(
        totals="\n".join(_total([one for one in values if one.test == name], plain[name]) for name in names),
        without=", ".join(f"`{tag}`" for tag in NOT_MEASURED),
        configurations="\n".join(
            f"| {name} | {', '.join(f'`{key}: {value}`' for key, value in one.setting.items())} |"
            for name, one in CONFIGURATIONS.items()
        ),
        bold="None of class `ibsi` is outside." if not missed else f"**Bold**: the {missed} of class `ibsi` outside.",
    )
    parts = [_INTRODUCTION, text]
    for prefix, family in FAMILIES.items():
        members = [one for one in values if one.of.family == prefix]
        in_space = [one for one in members if split_tag(one.tag)[1].startswith("3D")]
        in_slices = [one for one in members if split_tag(one.tag)[1].startswith("2")]
        parts.append(f"\n### {family}\n")
        for some in (in_slices, in_space) if in_space else (members,):
            parts.append(f"\n{_values(some, plain)}")
    return "".join(parts)


def _total(values: list[ConsensusValue], plain: Plain) -> str:
    existing = [value for value in values if plain.value(value) is not None]
    counts = [len(values), sum(value.matches for value in values), len(existing)]
    counts.append(sum(plain.matches(value) for value in existing))
    return f"| {values[0].test} | {' | '.join(map(str, counts))} |"


def _values(values: list[ConsensusValue], plain: Mapping[str, Plain]) -> str:
    names = list(dict.fromkeys(value.test for value in values))
    lines = [f"| tag | code | PyRadiomics' | {' | '.join(names)} |", "|---" * (3 + len(names)) + "|"]
    cells = {(value.tag, value.test): _cell(value, plain[value.test]) for value in values}
    for tag, of in dict.fromkeys((value.tag, value.of) for value in values):
        row = [tag, of.code, of.feature or "-", *(cells.get((tag, name), "") for name in names)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _cell(value: ConsensusValue, plain: Plain) -> str:
    ours, theirs = f"{value.ours:.4g}", plain.value(value)
    other = "-" if theirs is None else f"{theirs:.4g}"
    if theirs is not None and not plain.matches(value, related=False):
        other = f"*{other}*"
    ours = ours if value.matches else f"**{ours}**"
    return f"{value.consensus:g} ± {value.tolerance:g}; {ours}; {other}"


_FILTERS = """# IBSI filters

The second part of the [Image Biomarker Standardisation Initiative](ibsi.md) standardises convolutional filters:
response maps of digital phantoms, and statistics of the lung CT after each filter (Whybra et al., Radiology 2024;
values and tolerances are the initiative's, CC BY 4.0). {maps} of {all_maps} response maps that have a consensus are
within its tolerance, 1 % of their range, and {values} of {all_values} values within theirs.

The section `ibsi` of a [configuration](ibsi.md#measure-by-the-standard) takes one filter, after whose response the
class `ibsi` measures intensities and textures; interpolation, rounding, range and outliers come before it:

```yaml
ibsi:
  voxelSize: [1, 1, 1]
  bins: {{count: 32}}
  filter: {{kind: log, sigma: 1.5}}    # mm
```

| kind | settings |
|---|---|
| `mean` | `size`: voxels along each axis, odd |
| `log` | `sigma` in mm, `truncate` (4 sigma), `riesz`: orders of the Riesz transform along i, j and k |
| `laws` | `kernels`, such as L5E5S5; `pooling` (max, min, average); `energy`: mean over so many voxels |
| `gabor` | `sigma`, `wavelength` in mm, `ratio`, `angle` or `angleStep` in degrees; in 3-D the mean of three planes |
| `wavelet` | `family` of PyWavelets, `band` such as LLH, `level`, `pooling` over rotations |
| `simoncelli` | `level`, `riesz`; made in the Fourier domain, the image goes on periodically |

Each takes `dimensions` (3D, or 2D: in slices across k) and `boundary` (mirror, zero, nearest, periodic). Columns are
`<sequence>_<kind>-<dimensions>_ibsi_<tag>`. Lengths in voxels are those of the grid on which is measured; `gabor`,
`simoncelli` and `riesz` need voxels of one edge, within slices in 2-D. Bins of a width begin at the lowest response.
`gliomics ibsi FOLDER` compares filters where FOLDER has a folder `filters` with the initiative's phantoms,
`response_<test>.nii.gz` and `reference_values.csv`.

Frequencies of `simoncelli` and `riesz` go from -1 to 1 in equal steps, both ends included on even axes too, as in the
consensus maps: a step is 2 / (n - 1) of n voxels, where a discrete Fourier transform has 2 / n.

## Response maps

| test | phantom | filter | largest deviation, of the range |
|---|---|---|---|
{response_maps}

## Values of the CT phantom

In each cell: consensus ± tolerance; ours. A: slices as they are, filters in two dimensions; B: voxels of 1 mm, in
three. Tests: {tests}.
"""


def filters_page(maps: list[ResponseMap], values: list[ConsensusValue]) -> str:
    """``docs/reference/ibsi_filters.md``."""
    text = _FILTERS.format(
        maps=sum(one.matches for one in maps),
        all_maps=len(maps),
        values=sum(value.matches for value in values),
        all_values=len(values),
        response_maps="\n".join(map_line(one) for one in maps),
        tests="; ".join(f"{number}, {_in_words(settings[1])}" for number, settings in FILTERS.items()),
    )
    tables = [f"\n{_filtered_table([value for value in values if value.test.endswith(letter)])}" for letter in "AB"]
    return "".join([text, *tables])


def map_line(one: ResponseMap) -> str:
    """A line of the table of response maps."""
    return f"| {one.test.replace('_', '.')} | {one.phantom} | {_in_words(one.settings)} | {one.deviation:.2%} |"


def filtered_cell(value: ConsensusValue) -> str:
    """A cell of the table of the filtered CT phantom."""
    ours = f"{value.ours:.4g}" if value.matches else f"**{value.ours:.4g}**"
    return f"{value.consensus:g} ± {value.tolerance:g}; {ours}"


def _filtered_table(values: list[ConsensusValue]) -> str:
    tests = list(dict.fromkeys(value.test for value in values))
    cells = {(value.tag, value.test): filtered_cell(value) for value in values}
    lines = [f"| tag | {' | '.join(tests)} |", "|---" * (1 + len(tests)) + "|"]
    for tag in dict.fromkeys(value.tag for value in values):
        lines.append(f"| {tag} | {' | '.join(cells.get((tag, test), '') for test in tests)} |")
    return "\n".join(lines) + "\n"


def _in_words(settings: Mapping[str, Any] | None) -> str:
    if settings is None:
        return "no filter"
    return " ".join([f"`{settings['kind']}`", *(f"{key} {value}" for key, value in settings.items() if key != "kind")])


def main() -> None:
    """Write the pages."""
    data = Path(os.environ.get("GLIOMICS_DATA", _PROJECT.parent / "shared" / "data"))
    write_text(FEATURE_PAGE, feature_list())
    filters = list(response_maps(data / "ibsi")), list(filtered_values(data / "ibsi"))
    write_text(FILTERS_PAGE, filters_page(*filters))
    write_text(IBSI_PAGE, ibsi_page(list(consensus_values(data / "ibsi")), measure_plain(data / "ibsi")))


if __name__ == "__main__":
    main()
