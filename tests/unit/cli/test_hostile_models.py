"""Model folders whose hashes are right and whose content is not a model's: one line, and nothing is unpickled."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from gliomics.cli.main import main
from gliomics.models import ModelStore, write_model_folder
from gliomics.study import Study, Volume, write_study_json, write_volume


class Touch:
    """Unpickling one makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


def weights(folder: Path) -> dict[str, bytes]:
    tensors = save({"layer.weight": np.ones((3, 3), np.float32)})
    return {
        "nothing": b"",
        "garbage": bytes(range(256)) * 8,
        "a pickle": pickle.dumps(Touch(folder / "unpickled")),
        "half": tensors[: len(tensors) // 2],
        "a header of many bytes": (1 << 60).to_bytes(8, "little") + b"{}",
        "of another network": tensors,
    }


SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "too large": {"input": {"size": 10**6}},
    "of another kind": {"network": {"kind": "perceptron"}},
    "not numbers": {"calibration": {"slope": "steep"}},
    "lists": {"input": [[[]]]},
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "studies" / "case-1"
    write_volume(Volume(np.ones((32, 32, 4), np.float32), np.diag([-1.0, -1.0, 3.0, 1.0])), folder / "flair.nii.gz")
    write_study_json(folder, [Study("case-1", "case-1", folder, {"flair": folder / "flair.nii.gz"})])
    (tmp_path / "table.csv").write_text("study_id,flair_original_firstorder_Mean\ncase-1,1.5\n")
    return folder


def add_version(models: Path, name: str, **changes: Any) -> None:
    """A published version of a shipped model with another card, or with other files."""
    content = changes.pop("content", None)
    shipped = ModelStore().current(name)
    files = {file: shipped.file(file).read_bytes() for file in shipped.card.sha256}
    if content is not None:
        files[next(iter(files))] = content
    card = shipped.card.model_copy(update={"version": "2", **changes})
    writers = {file: (lambda path, bytes_=bytes_: path.write_bytes(bytes_)) for file, bytes_ in files.items()}
    write_model_folder(models / name / "2", card, writers)
    ModelStore(models).publish(name, "2", "by hand")


def line(arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.argv", ["gliomics", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("error: ")
    return last


COMMANDS = {
    "segmentation_flair": "segment STUDY --model segmentation_flair --models MODELS --out OUT",
    "subtype_idh": "subtype predict TABLE --model subtype_idh --models MODELS --out OUT",
}


@pytest.fixture
def line_of(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """The line in which one of :data:`COMMANDS` ends."""
    places = {"STUDY": study, "MODELS": tmp_path / "models", "TABLE": tmp_path / "table.csv", "OUT": tmp_path / "out"}
    return lambda name: line(
        " ".join(str(places.get(word, word)) for word in COMMANDS[name].split()), capsys, monkeypatch
    )


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "kind", ["nothing", "garbage", "a pickle", "half", "a header of many bytes", "of another network"]
)
def test_weights_that_are_none_are_named_and_never_unpickled(
    name: str, kind: str, tmp_path: Path, line_of: Callable[[str], str]
) -> None:
    add_version(tmp_path / "models", name, content=weights(tmp_path)[kind])
    said = line_of(name)
    assert name in said
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kind", SETTINGS)
def test_settings_that_are_none_are_named(name: str, kind: str, tmp_path: Path, line_of: Callable[[str], str]) -> None:
    add_version(tmp_path / "models", name, settings=SETTINGS[kind])
    said = line_of(name)
    assert name in said
