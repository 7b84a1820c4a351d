"""The classifiers of a configuration, as scikit-learn has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from gliomics.subtype.estimators import config


def classifier_of(settings: config.Classifier, seed: int) -> Any:
    """An unfitted classifier. Class frequencies are those of the patients: nothing is reweighted."""
    makers: dict[type[Any], Callable[[Any, int], Any]] = {
        config.Ridge: _ridge,
        config.ElasticNet: _elastic_net,
        config.DecisionTree: _tree,
        config.RandomForest: _forest,
        config.SupportVectors: _support_vectors,
        config.GradientBoosting: _boosting,
        config.Perceptron: _perceptron,
    }
    return makers[type(settings)](settings, seed)


def _ridge(settings: config.Ridge, seed: int) -> Any:
    return LogisticRegression(C=settings.c, max_iter=2000)


def _elastic_net(settings: config.ElasticNet, seed: int) -> Any:
    return LogisticRegression(
        C=settings.c, l1_ratio=settings.l1_ratio, solver="saga", tol=1e-3, max_iter=2000, random_state=seed
    )


def _tree(settings: config.DecisionTree, seed: int) -> Any:
    return DecisionTreeClassifier(min_samples_leaf=settings.leaf, random_state=seed)


def _forest(settings: config.RandomForest, seed: int) -> Any:
    return RandomForestClassifier(n_estimators=settings.trees, random_state=seed)


def _support_vectors(settings: config.SupportVectors, seed: int) -> Any:
    """It has decision scores only: see :func:`gliomics.subtype.estimators.estimator.calibrated`."""
    return SVC(kernel=settings.kernel, degree=settings.degree, C=settings.c, random_state=seed)


def _boosting(settings: config.GradientBoosting, seed: int) -> Any:
    return GradientBoostingClassifier(
        n_estimators=settings.trees,
        max_depth=settings.depth,
        learning_rate=settings.learning_rate,
        max_features="sqrt",
        random_state=seed,
    )


def _perceptron(settings: config.Perceptron, seed: int) -> Any:
    return MLPClassifier(settings.layers, max_iter=settings.epochs, random_state=seed)
