from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.subtype.estimators.config import load_estimator, load_estimators, presets

SOURCES = ["tree", "forest-100", "forest-500", "svm-linear", "svm-polynomial", "mlp-6", "mlp-4"]


@pytest.mark.parametrize(("letter", "steps"), [("a", ("standardise", "pca")), ("b", ("pca", "standardise"))])
def test_both_pipelines_come_with_every_classifier_of_the_source(letter: str, steps: tuple[str, ...]) -> None:
    pipelines = {name: config for name, config in presets().items() if name.startswith(f"pipeline-{letter}-")}
    assert [name.removeprefix(f"pipeline-{letter}-") for name in pipelines] == SOURCES
    assert {(config.steps, config.pca_variance) for config in pipelines.values()} == {(steps, 0.99)}


def test_perceptrons_have_the_layers_of_the_source() -> None:
    layers = [load_estimator(f"pipeline-a-mlp-{n}").classifier.model_dump()["layers"] for n in (6, 4)]
    assert layers == [(1024, 1024, 512, 256, 64, 32), (256, 256, 128, 64)]


def test_presets_hold_every_filter_and_classifier() -> None:
    filters = {one.kind for config in presets().values() for one in config.filters}
    assert filters == {"variance", "correlation", "lasso", "elimination", "mutual_information", "stability"}
    classifiers = {config.classifier.kind for config in presets().values()}
    assert classifiers == {"ridge", "elastic_net", "decision_tree", "random_forest", "svm", "gradient_boosting", "mlp"}
    assert any(config.harmonisation is not None for config in presets().values())


def test_own_configuration_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "title: Mine\nharmonisation: {preserve: [clinical_age]}\nfilters: [{kind: correlation, above: 0.8}]\n"
        "classifier: {kind: svm, kernel: poly, degree: 2}\n"
    )
    config = load_estimator(file)
    assert config.harmonisation is not None
    assert (config.harmonisation.preserve, config.classifier.kind) == (("clinical_age",), "svm")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title: Mine\n", "classifier: Field required"),
        ("title: Mine\nclassifier: {kind: oracle}\n", "oracle"),
        ("title: Mine\nclassifier: {kind: ridge, c: 0}\n", "greater than 0"),
        ("title: Mine\nclassifier: {kind: ridge}\nfilter: []\n", "filter: Extra inputs"),
        ("title: Mine\nclassifier: {kind: ridge}\nsteps: [whiten]\n", "standardise"),
        ("title: Mine\nclassifier: {kind: mlp, layers: []}\n", "at least 1"),
        ("- title\n", "Input should be a valid dictionary"),
    ],
)
def test_file_that_describes_no_estimator_is_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=message) as error:
        load_estimator(file)
    assert str(file) in str(error.value)


def test_unknown_name_is_refused_with_the_one_that_is_meant() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'pipeline-a-tree'"):
        load_estimator("pipeline-a-trees")


def test_estimator_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="'ridge' is named twice"):
        load_estimators(["ridge", "forest", "ridge"])
