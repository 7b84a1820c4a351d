"""The pages of the documentation that are computed: ``python -m tests.unit.features.pages`` writes them anew."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from gliomics.features.describe import descriptions, feature_list
from gliomics.files import write_text
from tests.unit.features.ibsi import AGGREGATIONS, Comparison, compare, read_phantom
from tests.unit.features.ibsi_ct import CONFIGURATIONS, Reached, compare_ct

_PROJECT = Path(__file__).resolve().parents[3]
FEATURE_PAGE = _PROJECT / "docs" / "reference" / "feature_list.md"
IBSI_PAGE = _PROJECT / "docs" / "reference" / "ibsi.md"

_FAMILIES = {
    "morph": "Morphology",
    "loc": "Local intensity",
    "stat": "Intensity statistics",
    "ih": "Intensity histogram",
    "ivh": "Intensity-volume histogram",
    "cm": "Grey level co-occurrence matrix",
    "rlm": "Grey level run length matrix",
    "szm": "Grey level size zone matrix",
    "dzm": "Grey level distance zone matrix",
    "ngt": "Neighbourhood grey tone difference matrix",
    "ngl": "Neighbouring grey level dependence matrix",
}
_REASONS = {
    "excess": "PyRadiomics gives the kurtosis itself, 3 for a normal distribution; IBSI subtracts 3.",
    "unbiased": "PyRadiomics divides the covariance of the voxel centres by their number N, the consensus by N - 1; "
    "IBSI's length is ours times sqrt(N / (N - 1)), 0.7 % more for the phantom's 74 voxels and 0.05 % for 1,000.",
}
_INTRODUCTION = """# IBSI compliance

The Image Biomarker Standardisation Initiative defines radiomic features and gives, for a digital phantom of 74 voxels,
the values on which independent groups agreed (Zwanenburg et al., Radiology 2020). Gliomics measures the phantom with
`extract_regions`, bin width 1, unfiltered image, no normalisation. Each value of the phantom's table falls in one of
three:
"""
_METHOD = """
A value matches where it lies within the tolerance that the table gives or, where that is 0, rounds to the same three
digits; the percentages below are the deviation from the rounded consensus value. {aliases} of the values that match
belong to features that PyRadiomics leaves out because another of its features equals them: these are marked with `=`.

## Slices and directions

IBSI gives texture in several ways of joining slices and directions. The first line is what you get without asking and
from the preset `panel`:

| IBSI | setting |
|---|---|
| 3-D, averaged (3-D) | none |
| 3-D, merged | `weightingNorm: no_weighting` |
| 2.5-D, averaged (2.5-D) | `force2D: true` |
| 2.5-D, merged | `force2D: true`, `weightingNorm: no_weighting` |
| 2-D, averaged (2-D) | `slices: each`, the rows averaged |
| 2-D, merged | `slices: each`, `weightingNorm: no_weighting`, the rows averaged |

With `weightingNorm`, features are computed from the sum of the directions' matrices instead of averaged over them. It
acts on `glcm` and `glrlm`; zones, dependences and tone differences have no direction, so that 3-D is always one matrix.

3-D and 2.5-D are reached by these settings. 2-D is reached only where each slice has the region's grey levels, as the
phantom's have: `slices: each` measures every slice as a region of its own, whose bins begin anew (with `binCount`, over
the slice's own range), and leaves out slices that are one voxel wide.

## What differs
"""
_LIMITS = """
## What the phantom does not show

- **Filters.** LoG, wavelet and the other image types are not part of it: the features above are of the unfiltered
  image. IBSI's second part, with phantoms of its own, is about filters; nothing is claimed about it here.
- **Grey levels.** Its intensities are whole numbers and the bin width is 1, so all ways of cutting agree. Elsewhere the
  bins of PyRadiomics begin at a multiple of the bin width, IBSI's at the region's lowest intensity (or at the lower end
  of the range to which it was cut).
- **Preprocessing.** Resampling, bias correction and normalisation come before; the phantom needs none.
- **Voxels that are not cubes**, which the phantom's are.

## On a real image

IBSI's CT phantom is a lung tumour with configurations A to E of resampling, cutting of intensities and bins. These are
the consensus values, of features that PyRadiomics has, that are matched with the settings nearest to each:

{reached}

{configurations}

So without resampling, what PyRadiomics computes is IBSI's, but for 2-D; after resampling, most of it is not.
"""
_OUT_OF_REACH = {
    "A": "2-D, see above",
    "B": "2-D; and as C",
    "C": "IBSI interpolates the mask, too, takes the voxels that are at least half inside, lays the new grid about the "
    "image's centre and rounds the intensities to whole numbers; PyRadiomics takes the nearest voxel of the mask, lays "
    "the grid from the image's corner and does not round",
    "D": "as C",
    "E": "as C; a range together with outliers of 3 sigma",
}
_LEGEND = """
Ours: class and name of the column, e.g. `flair_original_glcm_Contrast`. `=`: equal to what IBSI names. **Bold**:
differs, see above. Asterisk: IBSI gives no consensus value.
"""
_NEAR = """
`BoundingEllipsoidVolumeRatio` is near to `morph_vol_dens_mvee`, which takes the surface mesh instead of the voxels and
for which IBSI gives no consensus value.
"""


def ibsi_page(comparisons: list[Comparison], reached: list[Reached]) -> str:
    """``docs/reference/ibsi.md``."""
    parts = [_INTRODUCTION, _summary(comparisons)]
    parts.append(_METHOD.format(aliases=sum(one.of.relation == "alias" for one in comparisons)))
    parts += [
        _differences(comparisons),
        _LIMITS.format(reached=_reached(reached), configurations=_configurations()),
        "\n## Feature by feature\n",
    ]
    parts.append(_LEGEND)
    for prefix, family in _FAMILIES.items():
        members = [one for one in comparisons if one.tag.startswith(f"{prefix}_")]
        parts.append(f"\n### {family}\n\n{_family(members)}")
    return "".join([*parts, _beyond()])


def _summary(comparisons: list[Comparison]) -> str:
    values = Counter(one.outcome for one in comparisons)
    features = {outcome: len({one.of for one in comparisons if one.outcome == outcome}) for outcome in values}
    without = sum(one.outcome == "not in PyRadiomics" and not one.has_reference for one in comparisons)
    lines = [
        "| | values | features |",
        "|---|---|---|",
        f"| match | {values['matches']} | {features['matches']} |",
        f"| differ, for a known reason | {values['differs']} | {features['differs']} |",
        f"| not in PyRadiomics ({without} of them without a consensus value) "
        f"| {values['not in PyRadiomics']} | {features['not in PyRadiomics']} |",
        f"| all | {sum(values.values())} | {len({one.of for one in comparisons})} |",
    ]
    return "\n" + "\n".join(lines) + "\n"


def _differences(comparisons: list[Comparison]) -> str:
    lines = ["| IBSI | ours | deviation | with the reason taken out | reason |", "|---|---|---|---|---|"]
    for one in comparisons:
        if one.of.relation in _REASONS:
            within = " (within the tolerance)" if one.outcome == "matches" else ""
            lines.append(
                f"| `{one.tag}` | `{one.of.feature}` | {_deviation(one)}{within} "
                f"| {_percent(one.related_deviation)} | {_REASONS[one.of.relation]} |"
            )
    return "\n" + "\n".join(lines) + "\n"


def _configurations() -> str:
    lines = ["| | settings | what they do not reach |", "|---|---|---|"]
    for name, configuration in CONFIGURATIONS.items():
        settings = ", ".join(f"`{key}: {value}`" for key, value in configuration.setting.items())
        lines.append(f"| {name} | {settings} | {_OUT_OF_REACH[name]} |")
    return "\n".join(lines)


def _reached(reached: list[Reached]) -> str:
    ways = list(dict.fromkeys(one.way for one in reached))
    cells = {(one.configuration, one.way): f"{one.matched} of {one.values}" for one in reached}
    lines = [f"| | {' | '.join(ways)} |", "|---" * (len(ways) + 1) + "|"]
    for name in dict.fromkeys(one.configuration for one in reached):
        lines.append(f"| {name} | {' | '.join(cells.get((name, way), '') for way in ways)} |")
    return "\n".join(lines)


def _family(members: list[Comparison]) -> str:
    suffixes = [suffix for suffix in AGGREGATIONS if any(one.aggregation == suffix for one in members)]
    headers = ["deviation"] if len(suffixes) == 1 else [AGGREGATIONS[suffix].name for suffix in suffixes]
    lines = [f"| IBSI | tag | code | ours | {' | '.join(headers)} |", "|---" * (4 + len(headers)) + "|"]
    cells = {(one.of, one.aggregation): _cell(one) for one in members}
    for of in dict.fromkeys(one.of for one in members):
        ours = f"{'= ' if of.relation == 'alias' else ''}`{of.feature}`" if of.feature else "not in PyRadiomics"
        row = [of.ibsi_name, f"`{of.tag}`", of.code, ours, *(cells[of, suffix] for suffix in suffixes)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _cell(one: Comparison) -> str:
    if one.outcome == "not in PyRadiomics":
        return "" if one.has_reference else "*"
    return f"**{_deviation(one)}**" if one.outcome == "differs" else _deviation(one)


def _deviation(one: Comparison) -> str:
    # Of a kurtosis near 0 the 3 that is added would be a percentage without meaning.
    return "+3" if one.of.relation == "excess" else _percent(one.deviation)


def _percent(deviation: float | None) -> str:
    assert deviation is not None
    return f"{round(100 * deviation, 2) + 0.0:.2f} %"


def _beyond() -> str:
    classes: dict[str, list[str]] = {}
    for one in descriptions():
        if not one.ibsi_code:
            classes.setdefault(one.feature_class, []).append(f"`{one.name}`")
    listed = "\n".join(f"- `{kind}`: {', '.join(names)}" for kind, names in classes.items())
    return f"\n## Ours that IBSI does not define\n\n{listed}\n{_NEAR}"


def main() -> None:
    """Write both pages."""
    data = Path(os.environ.get("GLIOMICS_DATA", _PROJECT.parent / "shared" / "data"))
    write_text(FEATURE_PAGE, feature_list())
    write_text(IBSI_PAGE, ibsi_page(compare(read_phantom(data / "ibsi")), compare_ct(data / "ibsi" / "ct_phantom")))


if __name__ == "__main__":
    main()
