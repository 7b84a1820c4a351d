"""Whatever lies in the folder of models, the others serve, and it is told which are damaged."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gliomics.errors import GliomicsError, InputError
from gliomics.models import ModelFolder, ModelStore
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.model_cache import DamagedModels, ModelCache
from tests.unit.models.test_store import a_card, word


@pytest.fixture
def a_store(tmp_path: Path) -> ModelStore:
    """A store whose model ``odd`` has the published versions 1 and 2, and ``good`` version 1."""
    store = ModelStore(tmp_path / "local", shipped=tmp_path / "none")
    for name in ("odd", "odd", "good"):
        version = store.add(a_card(name), word("weights")).card.version
        store.publish(name, version, "first")
    return store


def replaced(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Something else in the place of a file."""

    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


ODD: dict[str, Callable[[Path], object]] = {
    "list": lambda path: path.write_text("[]"),
    "object": lambda path: path.write_text("{}"),
    "number": lambda path: path.write_text("5"),
    "history of numbers": lambda path: path.write_text('{"history": [5]}'),
    "brackets": lambda path: path.write_text("[" * 100_000),
    "garbage": lambda path: path.write_bytes(b"\xff\x00\xfe"),
    "empty": lambda path: path.write_bytes(b""),
    "folder": replaced(Path.mkdir),
    "pipe": replaced(os.mkfifo),
    "link to nothing": replaced(lambda path: path.symlink_to("nothing")),
    "link out": replaced(lambda path: path.symlink_to("/etc/passwd")),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("file", ["current.json", "2/model.json", "2/weights.bin"])
def test_an_odd_file_of_a_model_is_told_and_others_serve(
    a_store: ModelStore, tmp_path: Path, file: str, odd: Callable[[Path], object]
) -> None:
    damaged = DamagedModels(a_store)
    assert damaged.reasons() == {}
    odd(tmp_path / "local" / "odd" / file)
    assert list(damaged.reasons()) == list(a_store.damaged()) == ["odd"]
    assert "good" in a_store.names()
    if file == "current.json":  # which version is to serve is not known, and not guessed
        assert a_store.names() == ["good"]
        with pytest.raises(InputError, match=r"current\.json .*which version of model 'odd' serves"):
            a_store.publish("odd", "1", "again")
    else:
        assert a_store.current("odd").card.version == "1"
        assert a_store.add(a_card("odd"), word("more")).card.version == "3"


def test_what_lies_beside_models_and_versions_hides_none(a_store: ModelStore, tmp_path: Path) -> None:
    for folder in (tmp_path / "local", tmp_path / "local" / "odd"):
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to("loop")
        (folder / "99").symlink_to("/etc")
        (folder / os.fsdecode(b"\xff")).mkdir()
    assert a_store.names() == ["good", "odd"]
    assert a_store.current("odd").card.version == "2"
    assert a_store.add(a_card("odd"), word("more")).card.version == "100"


def test_a_version_that_a_link_brings_from_elsewhere_does_not_serve(a_store: ModelStore, tmp_path: Path) -> None:
    shutil.move(tmp_path / "local" / "odd" / "2", tmp_path / "elsewhere")
    (tmp_path / "local" / "odd" / "2").symlink_to(tmp_path / "elsewhere")
    assert a_store.current("odd").card.version == "1"


def test_weights_that_are_none_with_the_right_hash_are_an_error_that_names_the_model(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    files = {"weights.safetensors": lambda path: path.write_bytes(b"garbage" * 100)}
    settings = store.current("segmentation_flair").card.settings
    folder = store.add(a_card("odd").model_copy(update={"settings": settings}), files)
    with pytest.raises(InputError, match=r"odd.1.weights\.safetensors is not a safetensors file"):
        Segmenter(folder)


def test_a_damaged_model_is_loaded_again_only_when_it_changed(a_store: ModelStore, tmp_path: Path) -> None:
    loads = []

    def load(folder: ModelFolder) -> str:
        loads.append(folder.card.version)
        raise InputError("it is damaged")

    models = ModelCache(a_store, load)
    for _ in range(3):
        with pytest.raises(GliomicsError, match="it is damaged"):
            models.get("odd")
    assert loads == ["2"]
    record = tmp_path / "local" / "odd" / "current.json"
    record.write_text(json.dumps(json.loads(record.read_text())))
    assert not models.usable("odd")
    assert loads == ["2", "2"]
