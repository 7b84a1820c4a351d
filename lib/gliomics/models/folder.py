"""One model folder: ``model.json`` and the files whose hashes it records."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from gliomics.errors import InputError
from gliomics.files import check_file, flush, is_file, move, read_json, safe_name, sha256_of, sync_folder, write_json
from gliomics.models.card import ModelCard, content_hash
from gliomics.validated import validated

CARD = "model.json"

MAX_MODEL_FILE_BYTES = 2**30
"""Largest file of a model that is read."""


class ModelFolder:
    """A model on disk whose files were found to match their hashes."""

    def __init__(self, path: Path, card: ModelCard) -> None:
        self.path = path
        self.card = card

    def __repr__(self) -> str:
        return f"ModelFolder({self.card.name} version {self.card.version}, {self.card.task}, in {self.path})"

    def file(self, name: str) -> Path:
        """A file that the card lists; anything else in the folder is not part of the model."""
        if name not in self.card.sha256:
            listed = ", ".join(sorted(self.card.sha256))
            raise InputError(f"model folder {self.path} has no file '{name}'; its card lists {listed}")
        return self.path / name


def load_model_folder(path: Path) -> ModelFolder:
    """Open a model folder, verifying the card's schema and hash, and the hash of every file it lists.

    The hashes tell damage and careless editing, not forgery: whoever can write the folder can write new ones.
    """
    card = _read_card(path / CARD)
    for name, expected in card.sha256.items():
        file = path / safe_name(name, "model file")
        if not is_file(file):
            raise InputError(f"model folder {path} lacks '{name}', which its card lists; copy the whole folder again")
        if sha256_of(check_file(file, MAX_MODEL_FILE_BYTES)) != expected:
            raise InputError(f"{file} is damaged: its SHA-256 differs from the card's; copy the whole folder again")
    return ModelFolder(path, card)


def _read_card(path: Path) -> ModelCard:
    content = read_json(path)
    if isinstance(content, dict) and content.get("format") == 1:
        raise InputError(
            f"{path} is of format 1, which told neither the patients that the model learned from nor its own hash; "
            "train or fit the model again"
        )
    card = validated(ModelCard, content, f"{path} is not a valid model card")
    if content_hash(content) != card.card_sha256:
        raise InputError(
            f"{path} was changed after it was written: its content differs from its hash; copy the whole folder again"
        )
    return card


def write_model_folder(path: Path, card: ModelCard, files: Mapping[str, Callable[[Path], None]]) -> ModelFolder:
    """Write a model folder so that it appears whole or not at all.

    ``files`` maps each file name to a function that writes it at the path it is given.
    An existing folder is never replaced: versions are immutable.
    """
    if path.exists():
        raise InputError(f"{path} exists already; a model version is never overwritten, choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=path.parent, prefix=".tmp-"))
    try:
        hashes = {}
        for name, write in files.items():
            file = building / safe_name(name, "model file")
            write(file)
            file.chmod(0o644)
            flush(file)
            hashes[name] = sha256_of(file)
        card = card.model_copy(update={"sha256": hashes})
        card = card.model_copy(update={"card_sha256": content_hash(card.model_dump())})
        write_json(building / CARD, card.model_dump())
        building.chmod(0o755)
        move(building, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return ModelFolder(path, card)
