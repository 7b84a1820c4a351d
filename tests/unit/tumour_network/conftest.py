from __future__ import annotations

import pytest

from gliomics.models import ModelFolder
from gliomics.segmentation.segmenter import Segmenter
from gliomics.tumour_network.cohort import TumourCohort
from gliomics.tumour_network.fit_model import NetworkOptions, fit_model
from gliomics.tumour_network.settings import FittingSettings
from tests.unit.tumour_network.planted import a_cohort, a_source, a_tiny_source


@pytest.fixture(scope="session")
def source() -> Segmenter:
    return a_source()


@pytest.fixture(scope="session")
def cohort(source: Segmenter) -> TumourCohort:
    return a_cohort(source, 32)


@pytest.fixture(scope="session")
def tiny_source() -> Segmenter:
    return a_tiny_source()


@pytest.fixture(scope="session")
def tiny_cohort(tiny_source: Segmenter) -> TumourCohort:
    return a_cohort(tiny_source, 24)


@pytest.fixture(scope="session")
def a_model(tmp_path_factory: pytest.TempPathFactory, source: Segmenter, cohort: TumourCohort) -> ModelFolder:
    """The network that tells spotted from plain tumours, fitted to all 32 patients."""
    options = NetworkOptions(
        name="spots",
        target="spot",
        title="Spots",
        population="32 drawn patients",
        repeats=1,
        fitting=FittingSettings(members=5),
    )
    return fit_model(cohort, source, tmp_path_factory.mktemp("models") / "spots", options)[0]
