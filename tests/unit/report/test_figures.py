"""Probabilities, features beside the training patients, versions of a model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from gliomics.errors import InputError
from gliomics.reading.record import EstimateReading
from gliomics.report.drawing import BLUE, VERMILLION, to_png
from gliomics.report.figures import features_against_population, probability_bars, version_comparison

from .conftest import key_feature


def texts(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.texts]


def row_names(axis: Axes) -> list[str]:
    return [label.get_text() for label in axis.get_yticklabels()]


def test_bars_are_as_long_as_the_probabilities_and_only_what_is_sure_is_blue(estimate: EstimateReading) -> None:
    for tone, blue in (("plain", ["coc2 (a note)"]), ("weak", []), ("caution", [])):
        axis = probability_bars([replace(estimate, tone=tone)]).axes[0]
        bars = {name: bar for name, bar in zip(row_names(axis), axis.patches, strict=True)}
        assert {name: bar.get_width() for name, bar in bars.items()} == {
            bar.title: bar.probability for bar in estimate.bars
        }
        assert [name for name, bar in bars.items() if to_hex(bar.get_facecolor()).upper() == BLUE] == blue
        assert "0.70 (0.50 to 0.80)" in texts(axis)
        assert axis.get_title(loc="left") == "COC cluster: not decided: unlike the training patients"


def test_the_share_of_the_training_patients_is_a_tick(estimate: EstimateReading) -> None:
    axis = probability_bars([estimate]).axes[0]
    ticks = [line for line in axis.lines if len(set(line.get_xdata())) == 1]
    assert sorted(float(line.get_xdata()[0]) for line in ticks) == [0.2, 0.2, 0.6]


def test_no_estimate_is_refused() -> None:
    with pytest.raises(InputError, match="no estimate"):
        probability_bars([])


def test_feature_stands_at_its_distance_from_the_median_in_interquartile_ranges() -> None:
    axis = features_against_population([key_feature("a", 3.5)]).axes[0]
    marks = [line for line in axis.lines if line.get_marker() == "o"]
    assert [float(mark.get_xdata()[0]) for mark in marks] == [0.25]
    assert "3.50  (1.00 to 5.00)" in texts(axis)


def test_feature_far_outside_is_an_arrow_at_the_edge_in_another_colour() -> None:
    axis = features_against_population([key_feature("a", 9.5)]).axes[0]
    arrow = next(line for line in axis.lines if line.get_marker() == ">" and line.get_color() == VERMILLION)
    assert float(arrow.get_xdata()[0]) == 3.0


def test_features_keep_their_order() -> None:
    axis = features_against_population([key_feature(name, 3.0) for name in "cab"], study_name="x").axes[0]
    assert row_names(axis)[::-1] == ["c", "a", "b"]
    assert axis.get_title(loc="left") == "Key features of x among n = 74 training patients"


def test_class_medians_are_drawn_and_named() -> None:
    by_class = {"coc1": [0.0, 1.0, 2.0, 3.0, 4.0], "coc2": [2.0, 3.0, 4.0, 5.0, 6.0]}
    key = key_feature("a", 3.5, by_class=by_class, titles={"coc2": "second"})
    axis = features_against_population([key]).axes[0]
    assert {"median coc1", "median second"} <= {text.get_text() for text in axis.get_legend().get_texts()}
    marks = {line.get_marker(): float(line.get_xdata()[0]) for line in axis.lines if line.get_marker() in ("^", "s")}
    assert marks == {"^": -0.5, "s": 0.5}


def test_feature_that_never_varied_in_training_can_be_drawn() -> None:
    axis = features_against_population([key_feature("a", 2.0, overall=[2.0] * 5)]).axes[0]
    assert "2.00  (2.00 to 2.00)" in texts(axis)


def test_study_without_any_of_the_models_features_is_refused() -> None:
    with pytest.raises(InputError, match="none of the study's features"):
        features_against_population([replace(key_feature("a", 2.0), population=None)])


def test_versions_are_compared_study_by_study_and_by_the_mean_of_the_shared_ones() -> None:
    scores = {"version 1": {"a": 0.8, "b": 0.6}, "version 2": {"a": 0.9, "b": 0.8, "c": 0.5}}
    axis = version_comparison(scores).axes[0]
    assert row_names(axis) == ["mean of 2", "c", "b", "a"]
    means = sorted(float(line.get_xdata()[0]) for line in axis.lines if line.get_markersize() == 9.0)
    assert means == pytest.approx([0.7, 0.85])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["version 1 (n = 2)", "version 2 (n = 3)"]


def test_comparison_does_not_make_a_leap_of_thousandths() -> None:
    axis = version_comparison({"version 1": {"a": 0.914}, "version 2": {"a": 0.919}}).axes[0]
    low, high = axis.get_xlim()
    assert high - low == pytest.approx(0.1)
    assert low < 0.914 < 0.919 < high


def test_comparison_without_scores_is_refused() -> None:
    with pytest.raises(InputError, match="no scores"):
        version_comparison({"version 1": {}})


def test_png_is_the_same_every_time(estimate: EstimateReading) -> None:
    first, second = (to_png(probability_bars([estimate])) for _ in range(2))
    assert first.startswith(b"\x89PNG")
    assert first == second
