"""One server with tokens and one browser for all tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gliomics.bundled import bundled
from gliomics.client import GliomicsClient
from gliomics.models import ModelStore
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.server.gate.tokens import Tokens
from gliomics.server.workspace import Workspace
from gliomics.study import Study, Volume, write_study_json, write_volume
from tests.server.servers import Server, start_server
from tests.server.studies import TINY, a_card, add_model, add_study, an_untrained_state
from tests.server.web.browser import Visit, launched, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
"""What a name, a comment or a label's metadata may hold."""

BROKEN = "no-<b>study"
"""A folder that cannot be used."""

OBLIQUE_SHAPE = (36, 48, 10)
BALL = np.array([-18.0, 20.0, 10.0])
"""The middle of the oblique study's bright ball in RAS, millimetres: the patient's left, in front, above the middle."""


def oblique_affine() -> np.ndarray:
    """Voxels of 2 x 1.5 x 6 mm whose axes run S, L and A in their order, turned by 12 degrees about two axes."""
    angle = np.radians(12)
    about_s = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    about_r = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    axes = np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]]).astype(float)  # columns: where i, j and k run in R, A, S
    affine = np.eye(4)
    affine[:3, :3] = about_s @ about_r @ axes @ np.diag([2.0, 1.5, 6.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(OBLIQUE_SHAPE) - 1) / 2)
    return affine


def add_oblique_study(root: Path) -> None:
    """A head with one bright ball, on anisotropic voxels that lie askew; T1 on another grid of its own."""
    affine = oblique_affine()
    grids = {"flair": (OBLIQUE_SHAPE, affine), "t1": ((60, 60, 40), np.diag([-1.5, -1.5, 2.0, 1.0]))}
    grids["t1"][1][:3, 3] = [44, 44, -39]
    paths = {}
    for name, (shape, grid) in grids.items():
        voxels = np.stack([*np.indices(shape), np.ones(shape)]).reshape(4, -1)
        places = (grid @ voxels)[:3].T
        head = (np.linalg.norm(places / [36, 38, 36], axis=1) < 1) * 60.0
        head[np.linalg.norm(places - BALL, axis=1) < 7] = 240
        paths[name] = root / "oblique" / f"{name}.nii.gz"
        write_volume(Volume(head.reshape(shape).astype(np.float32), grid), paths[name])
    study = Study(id="oblique", patient_id=HOSTILE, folder=root / "oblique", sequences=paths)
    write_study_json(root / "oblique", [study])


TRAINED = "segmentation_flair"
"""Strategies ask its versions here, and trainings begin with them."""


def add_versions_of_a_model(root: Path) -> None:
    """Three small untrained versions, which cost little: the second serves, the first did, the third was kept back."""
    card, state = a_card(TRAINED, TINY, ["flair"], []), an_untrained_state(TINY, 1)
    add_model(root, card, state)
    add_model(root, card, state)
    store, weights = ModelStore(root / ".gliomics" / "models"), {WEIGHTS: partial(save_weights, state)}
    store.add(card.model_copy(update={"reason": "kept, not published: worse"}), weights)


@dataclass
class Served:
    """The server of the page, and the token of each role."""

    server: Server
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return self.server.url

    def client(self, role: str) -> GliomicsClient:
        """A client in the name of a role."""
        return GliomicsClient(self.url, timeout=120, token=self.tokens[role])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser; skips where there is none."""
    with launched() as running:
        yield running


@pytest.fixture(scope="session")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over one sample study, an oblique one and four small ones, with a token for each role."""
    root = tmp_path_factory.mktemp("web") / "studies"
    shutil.copytree(bundled("sample_studies") / "sample-05", root / "sample-05")
    add_oblique_study(root)
    cases = [add_study(root, f"case-{seed}", seed) for seed in range(4)]
    later = replace(cases[3], patient_id="patient-2", timepoint="follow-up", date="2024-05-01")
    write_study_json(root / "case-3", [later])
    add_versions_of_a_model(root)
    (root / BROKEN).mkdir()
    (root / BROKEN / "study.json").write_text("{}", encoding="utf-8")
    tokens = Tokens(Workspace(root.resolve()).tokens)
    names = {"reader": "R. Reader", "annotator": "A. Annotator", "trainer": "T. Trainer"}
    given = {role: tokens.add(name, role) for role, name in names.items()}
    server = start_server(root)
    yield Served(server, given)
    server.stop()


@pytest.fixture(scope="session")
def annotator(browser: Browser, served: Served) -> Iterator[Visit]:
    """An annotator who has signed in, and goes from test to test."""
    person = visit(browser)
    person.sign_in(served.url, served.tokens["annotator"])
    yield person
    person.context.close()
    assert person.complaints == []
