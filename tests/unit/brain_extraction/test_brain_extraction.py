"""The brain of a synthetic head, by the networks of the installed package."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_closing, binary_fill_holes
from typer.testing import CliRunner, Result

from gliomics.brain_extraction import weights
from gliomics.brain_extraction.study import with_tumour
from gliomics.brain_extraction.weights import FINDER, OUTLINER, load_network
from gliomics.cli.main import app
from gliomics.errors import DependencyError, InputError
from gliomics.evaluation import dice
from gliomics.samples.draw import Drawing, draw
from gliomics.samples.synthetic_patients import synthetic_patients
from gliomics.study import Study, Volume, read_mask, write_mask, write_study_json, write_volume

pytestmark = pytest.mark.slow

MODELS = Path(str(importlib.metadata.distribution("deepbet").locate_file("data/models")))


def masks_brain(*words: object) -> Result:
    return CliRunner().invoke(app, ["masks", "brain", *map(str, words)])


@pytest.fixture(scope="module")
def sample() -> Drawing:
    patient = synthetic_patients()[0]
    return draw(patient, patient.timepoints[0])


@pytest.fixture(scope="module")
def studies(sample: Drawing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head of the samples, T1 alone, and one image in which there is no head; the tumours' masks beside them."""
    root = tmp_path_factory.mktemp("brains")
    blank = Volume(np.full((32, 32, 8), 7, np.int16), np.diag([5.0, 5.0, 14.0, 1.0]))
    for name, image in (("blank", blank), ("head", sample.volumes["t1"])):
        folder = root / "studies" / name
        write_volume(image, folder / "t1.nii.gz")
        write_study_json(folder, [Study(name, name, folder, {"t1": folder / "t1.nii.gz"})])
    write_mask(sample.mask, root / "masks" / "head.nii.gz")
    return root


def test_the_brain_of_a_head_is_outlined_with_its_tumour_and_what_shows_none_is_named(
    sample: Drawing, studies: Path, tmp_path: Path
) -> None:
    answer = masks_brain(studies / "studies", "--masks", studies / "masks", "--out", tmp_path)
    assert answer.exit_code == 1, answer.output
    assert "head: " in answer.output
    assert " ml by t1" in answer.output
    assert "1 mask in" in answer.output
    assert "failed blank: no brain is found in the images of study 'blank'; do they show a head?" in answer.output
    found = read_mask(tmp_path / "head.nii.gz").array > 0
    closed = binary_closing(sample.brain > 0.5, np.ones((5, 5, 1)))
    assert dice(found, binary_fill_holes(closed)) > 0.93
    assert found[sample.mask.array > 0].all()


@pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("file", [FINDER, OUTLINER])
def test_our_network_answers_as_that_of_the_package(file: str) -> None:
    image = torch.rand(1, 1, 32, 64, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        theirs = torch.jit.load(MODELS / file, map_location="cpu").eval()(image)[:, 1]
        torch.testing.assert_close(load_network(file)(image), theirs)


def test_a_missing_package_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(
        DependencyError, match=r"deepbet, which is not installed; pip install --no-deps deepbet==1\.0\.2"
    ):
        load_network(OUTLINER)


def test_weights_of_another_file_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(MODELS, tmp_path / "data" / "models")
    changed = tmp_path / "data" / "models" / FINDER
    changed.write_bytes(changed.read_bytes() + b"x")
    elsewhere = SimpleNamespace(locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(weights.importlib.metadata, "distribution", lambda name: elsewhere)
    with pytest.raises(
        DependencyError, match=r"bbox_model\.pt is not the file of deepbet==1\.0\.2: its SHA-256 is another"
    ):
        load_network(FINDER)


def test_a_tumour_at_the_surface_is_added_and_that_of_another_study_is_refused() -> None:
    voxels = np.indices((10, 10, 4))[0]
    brain, tumour, elsewhere = (
        Volume(inside.astype(np.uint8), np.eye(4)) for inside in (voxels < 6, voxels == 5, voxels > 7)
    )
    wider, added = with_tumour(brain, Volume(tumour.array | (voxels == 6), np.eye(4)), "mask a.nii.gz", "a")
    assert added == 0.5
    np.testing.assert_array_equal(wider.array, voxels < 7)
    with pytest.raises(InputError, match=r"100% of mask a\.nii\.gz lies outside the brain .* of study 'a' show"):
        with_tumour(brain, elsewhere, "mask a.nii.gz", "a")
