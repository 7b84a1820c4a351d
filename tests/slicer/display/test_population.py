"""Where the patient lies among the training patients: real MRML charts, drawn by VTK's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inprocess import InProcessBackend
from layouts import choose, reading
from panels import Spin, press, tree

POPULATION = "Sequences and training patients"


@pytest.fixture
def computed(views: Any, backend: InProcessBackend, spin: Spin, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The panel with a reading whose key features are known among the training patients."""
    from dataclasses import replace

    analyse = backend.analyse
    monkeypatch.setattr(backend, "analyse", lambda *case: replace(analyse(*case), reading=reading()))
    press(views, "computeButton", spin)
    return views


def chartIn(screen: Any, tag: str) -> Any:
    return screen.node(tag).GetPlotChartNode()


def series(chart: Any) -> dict[str, tuple[list[float], list[float]]]:
    points = {}
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        node = chart.GetNthPlotSeriesNode(index)
        table = node.GetTableNode().GetTable()
        columns = [table.GetColumnByName(name) for name in (node.GetXColumnName(), node.GetYColumnName())]
        x, y = ([column.GetValue(i) for i in range(column.GetNumberOfValues())] for column in columns)
        points[node.GetName()] = x, y
    return points


def test_key_features_are_marked_at_their_percentiles(computed: Any, screen: Any, spin: Spin) -> None:
    choose(computed, POPULATION, spin)
    chart = chartIn(screen, "GliomicsKeyFeatures")
    points = series(chart)
    assert chart.GetXAxisTitle() == "Percentile among the training patients, %"
    assert points["1. Volume: 40.0 cm³, 50.0"] == ([50.0] * 2, [1.0] * 2)
    assert points["2. Elongation: 0.4, 7th"] == ([7.0] * 2, [2.0] * 2)
    assert points["95 %"][0] == [95.0, 95.0]
    assert not any("Unused" in name for name in points)


def test_one_feature_is_plotted_in_its_unit_by_class_with_the_patient_across(
    computed: Any, screen: Any, spin: Spin
) -> None:
    choose(computed, POPULATION, spin)
    chart = chartIn(screen, "GliomicsFeature")
    points = series(chart)
    assert chart.GetTitle() == "Volume among 88 training patients"
    assert (chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("Volume, cm³", "Patients with a lower value, %")
    assert points["codeleted"] == ([5.0, 20.0, 55.0, 95.0, 180.0], [5.0, 25.0, 50.0, 75.0, 95.0])
    assert points["this patient: 40.0 cm³"] == ([40.0, 40.0], [0.0, 100.0])
    assert list(points) == ["all", "codeleted", "wild type", "this patient: 40.0 cm³"]


def test_another_feature_can_be_chosen(computed: Any, screen: Any, spin: Spin) -> None:
    choose(computed, POPULATION, spin)
    selector = computed.ui.plotFeatureSelector
    assert [selector.itemText(row) for row in range(selector.count)] == ["Volume", "Elongation"]
    selector.setCurrentIndex(1)
    assert chartIn(screen, "GliomicsFeature").GetXAxisTitle() == "Elongation"


def test_the_plots_are_made_anew_in_the_same_nodes(computed: Any, screen: Any, spin: Spin, scene: Any) -> None:
    choose(computed, POPULATION, spin)

    def counts() -> dict[str, int]:
        kinds = ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode")
        return {kind: scene.GetNumberOfNodesByClass(kind) for kind in kinds}

    first = counts()
    press(computed, "computeButton", spin)
    assert counts() == first
    assert first["vtkMRMLPlotChartNode"] == 2


def test_the_charts_lie_in_the_folder_of_the_study_and_their_parts_are_not_listed(
    computed: Any, screen: Any, spin: Spin, scene: Any
) -> None:
    choose(computed, POPULATION, spin)
    names = tree(scene)["glioma-01"]
    assert "Key features among the training patients" in names
    assert "One feature among the training patients" in names
    assert not [name for name in names if name.startswith("1. Volume")]


def test_the_marks_and_the_patient_s_line_are_seen(computed: Any, screen: Any, spin: Spin) -> None:
    from harness.charts import picture

    choose(computed, POPULATION, spin)
    for tag in ("GliomicsKeyFeatures", "GliomicsFeature"):
        pixels = picture(chartIn(screen, tag), (500, 400)).astype(int)
        red = (pixels[..., 0] > 150) & (pixels[..., 1] < 80) & (pixels[..., 2] < 60)
        assert red.sum() > 100
        blue = (pixels[..., 2] > 120) & (pixels[..., 0] < 60) & (pixels[..., 1] < 130)
        assert (blue.sum() > 200) == (tag == "GliomicsFeature")


def test_colours_can_be_read_on_white() -> None:
    from RadiogenomicsLib.scene.display import plots

    def luminance(colour: tuple[float, float, float]) -> float:
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for colour in (plots._PATIENT, plots._ALL, *plots._CLASSES):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, colour


def test_what_is_missing_for_a_plot_is_said(views: Any, screen: Any, spin: Spin) -> None:
    choose(views, POPULATION, spin)
    assert views.ui.plotHint.text == "There is nothing to compare yet: press Read segment."
    press(views, "computeButton", spin)
    assert "No model of the server uses these features" in views.ui.plotHint.text
    assert chartIn(screen, "GliomicsFeature") is None
