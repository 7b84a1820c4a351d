"""``gliomics subtype fit-network`` and ``predict-network`` as a person runs them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gliomics.models import ModelFolder, ModelStore, load_model_folder
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.study import Study, read_volume, write_mask, write_study_json, write_volume
from tests.unit.features.command import Done, gliomics
from tests.unit.tumour_network.planted import a_tumour

pytestmark = pytest.mark.slow

Run = Callable[..., Done]
PATIENTS = 17


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: gliomics(capsys, "subtype", *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies of 17 patients, masks of 16 of them and a table of outcomes by number."""
    root = tmp_path_factory.mktemp("studies")
    outcomes = ["patient_id,kind"]
    for number in range(PATIENTS):
        flair, mask, _ = a_tumour(number, spot=number % 2 == 1)
        name = f"case-{number:02d}"
        write_volume(flair, root / name / "flair.nii.gz")
        study = Study(id=name, patient_id=name, folder=root / name, sequences={"flair": root / name / "flair.nii.gz"})
        write_study_json(root / name, [study])
        if number < PATIENTS - 1:
            write_mask(mask, root / "labels" / "final" / f"{name}.nii.gz")
        outcomes.append(f"{name},{number % 4}")
    (root / "outcomes.csv").write_text("\n".join(outcomes))
    return root


def options(folder: Path, **changes: str) -> list[str | Path]:
    """What all fits here have in common."""
    classes = [part for value in range(4) for part in ("--class", f"{value}={'spotted' if value % 2 else 'plain'}")]
    given = {"outcomes": folder / "outcomes.csv", "target": "kind", "repeats": "1", **changes}
    return [
        folder, "--masks", folder / "labels" / "final", *classes,
        *(part for name, value in given.items() for part in (f"--{name}", value)),
    ]  # fmt: skip


def test_network_of_an_own_encoder_is_fitted_and_compared(
    run: Run, folder: Path, tiny_source: Segmenter, tmp_path: Path
) -> None:
    store = ModelStore(tmp_path / "models")
    write_weights = partial(save_weights, tiny_source.network.state_dict())
    store.publish("tiny", store.add(tiny_source.card, {WEIGHTS: write_weights}).card.version, "to see it used")
    out, oof = tmp_path / "spots", tmp_path / "oof.csv"
    given = options(folder, against="tuned", epochs="1", encoder="tiny", models=str(tmp_path / "models"))
    answer = run("fit-network", *given, "--out", out, "--save-oof", oof)
    assert answer.returncode == 0, answer.stderr
    assert "left out case-16: no mask case-16.nii.gz in" in answer.stderr
    assert "16 patients: plain 8, spotted 8" in answer.stderr
    assert "AUC less that of tuned, paired: " in answer.stderr
    assert load_model_folder(out).card.description == "The encoder is that of tiny version 1, unchanged."
    with oof.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "patient_id", "outcome", "variant", "repeat", "probability_plain", "probability_spotted",
    ]  # fmt: skip
    assert [row["variant"] for row in rows] == ["frozen"] * 16 + ["tuned"] * 16
    assert {row["repeat"] for row in rows} == {"1"} and rows[1]["outcome"] == "spotted"


def test_estimates_and_heat_maps_of_studies(run: Run, folder: Path, a_model: ModelFolder, tmp_path: Path) -> None:
    masks, maps = folder / "labels" / "final", tmp_path / "maps"
    given = ("--masks", masks, "--model", a_model.path, "--out", tmp_path / "out.csv", "--heat-maps", maps)
    answer = run("predict-network", folder, *given)
    assert answer.returncode == 1
    assert "failed case-16: no mask case-16.nii.gz in" in answer.stderr
    assert "16 estimates of spot in" in answer.stderr and "1 study failed" in answer.stderr
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted"] for row in rows] == ["plain", "spotted"] * 8
    heat, image = read_volume(maps / "case-01.nii.gz"), read_volume(folder / "case-01" / "flair.nii.gz")
    np.testing.assert_allclose(heat.affine, image.affine)
    assert heat.shape == image.shape and heat.array.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"against": "frozen"}, "--against frozen is the start itself; give another of frozen, tuned or scratch"),
        ({"start": "warm"}, "--start"),
        ({"target": "grade"}, "has no column 'grade'"),
        ({"class": "0"}, "--class '0' is not VALUE=NAME"),
        ({"encoder": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_any_work(
    run: Run, folder: Path, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    answer = run("fit-network", *options(folder, **changes), "--out", tmp_path / "spots")
    assert answer.returncode == 2 and answer.stderr.startswith("error: ") and message in answer.stderr
    assert not (tmp_path / "spots").exists()


def test_value_without_a_class_ends_the_fit(run: Run, folder: Path, tmp_path: Path) -> None:
    masks = folder / "labels" / "final"
    given = ("--masks", masks, "--outcomes", folder / "outcomes.csv", "--target", "kind", "--class", "0=plain")
    answer = run("fit-network", folder, *given, "--out", tmp_path / "spots")
    assert answer.returncode == 2
    assert "the outcome has the value '1', for which no class was given" in answer.stderr
