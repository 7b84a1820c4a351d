from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gliomics.cli.main import app
from gliomics.errors import InputError, UnknownNameError
from gliomics.models import ModelStore, write_model_folder


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """A folder of studies with a version of its own of segmentation_flair, which serves."""
    store = ModelStore(tmp_path / ".gliomics" / "models")
    shipped = store.current("segmentation_flair")
    card = shipped.card.model_copy(update={"parent": shipped.card.version, "reason": "published: better"})
    added = store.add(card, {name: lambda path: path.write_bytes(b"weights") for name in card.sha256})
    store.publish("segmentation_flair", added.card.version, "mean Dice 0.90 after, 0.88 before")
    return tmp_path


def said(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["models", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def serving(studies: Path) -> str:
    return ModelStore(studies / ".gliomics" / "models").current("segmentation_flair").card.version


def test_damaged_model_is_told_beside_the_list_of_the_others(studies: Path) -> None:
    record = studies / ".gliomics" / "models" / "segmentation_flair" / "current.json"
    record.write_text("[]")
    text = said("list", "--studies", studies)
    assert "subtype_idh" in text
    assert "broken: model segmentation_flair: " in text
    assert "which version of model 'segmentation_flair' serves" in text


def test_models_are_listed_with_what_serves(studies: Path) -> None:
    shipped = ModelStore().current("segmentation_flair").card.version
    row = next(line for line in said("list", "--studies", studies).splitlines() if "segmentation_flair" in line)
    assert row.split()[:3] == ["segmentation_flair", "segmentation", str(int(shipped) + 1)]
    assert "subtype_idh" in said("list")


def test_version_is_shown_with_its_parent_and_the_record(studies: Path) -> None:
    text = said("show", "segmentation_flair", "--studies", studies)
    assert "from version" in text
    assert "mean Dice 0.90 after, 0.88 before" in text
    assert "For research use only" in text or "not a medical device" in text


def test_rollback_lets_the_shipped_version_serve_again(studies: Path) -> None:
    shipped = ModelStore().current("segmentation_flair").card.version
    text = said("rollback", "segmentation_flair", "--studies", studies, "--reason", "it draws ventricles")
    assert f"version {shipped} serves" in text
    assert serving(studies) == shipped
    assert "it draws ventricles" in said("show", "segmentation_flair", "--studies", studies)


def test_version_that_was_kept_back_is_listed_as_such_and_cannot_be_rolled_back_to(studies: Path) -> None:
    store = ModelStore(studies / ".gliomics" / "models")
    shipped = store.current("segmentation_flair")
    card = shipped.card.model_copy(update={"reason": "kept, not published: no better"})
    kept = store.add(card, {name: lambda path: path.write_bytes(b"weights") for name in card.sha256}).card.version
    for listing in (said("list", "--studies", studies), said("show", "segmentation_flair", "--studies", studies)):
        assert f"{kept} (kept back)" in listing
    before = serving(studies)
    with pytest.raises(InputError, match=r"never served .*no better"):
        said("rollback", "segmentation_flair", "--studies", studies, "--to", kept)
    assert serving(studies) == before


def test_mistakes_are_named(studies: Path) -> None:
    with pytest.raises(UnknownNameError, match="no model 'nope'"):
        said("show", "nope")
    with pytest.raises(InputError, match="serves already"):
        said("rollback", "segmentation_flair", "--studies", studies, "--to", serving(studies))
    with pytest.raises(InputError, match="is not a folder"):
        said("list", "--studies", studies / "nothing")


def test_model_of_ones_own_serves_as_the_next_version_of_its_name(studies: Path, tmp_path: Path) -> None:
    store = ModelStore(studies / ".gliomics" / "models")
    shipped = ModelStore().current("subtype_idh")
    files = {name: partial(shutil.copyfile, shipped.file(name)) for name in shipped.card.sha256}
    own = write_model_folder(tmp_path / "own", shipped.card.model_copy(update={"name": "subtype_own"}), files)
    assert "subtype_own: version 1 serves" in said("add", own.path, "--studies", studies)
    assert "version 2 serves" in said("add", own.path, "--studies", studies, "--reason", "refitted")
    assert [entry["reason"] for entry in store.history("subtype_own")] == ["added by hand", "refitted"]
    served = store.current("subtype_own")
    assert {name: served.card.sha256[name] for name in files} == own.card.sha256


def test_model_of_another_task_takes_no_model_s_place(studies: Path, tmp_path: Path) -> None:
    shipped = ModelStore().current("subtype_idh")
    files = {name: partial(shutil.copyfile, shipped.file(name)) for name in shipped.card.sha256}
    card = shipped.card.model_copy(update={"name": "segmentation_multi"})
    own = write_model_folder(tmp_path / "own", card, files)
    with pytest.raises(InputError, match="is a subtype model named 'segmentation_multi', and the segmentation model"):
        said("add", own.path, "--studies", studies)
    own.file(next(iter(files))).write_bytes(b"damaged")
    with pytest.raises(InputError, match="is damaged"):
        said("add", own.path, "--studies", studies)
