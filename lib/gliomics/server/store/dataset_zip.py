"""The labelled studies of a store as one ZIP, for other programs to learn from."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gliomics.errors import GliomicsError, InputError
from gliomics.files import open_file, suffix_of

AsNifti = Callable[[Path], AbstractContextManager[Path]]
"""Gives a label's file as ``.nii.gz`` while a block runs."""


def write_dataset(
    path: Path, rows: Sequence[dict[str, Any]], metadata: dict[str, Any], as_nifti: AsNifti, root: Path
) -> None:
    """Write ``image/<id>/<sequence>`` and ``label/<id>`` of the studies in ``rows``, and ``metadata.json``.

    A study of which a file cannot be read is left out, and ``left_out`` in ``metadata.json`` says why, with paths
    below ``root``. Raises :class:`InputError` when there is none, or none is left.
    """
    if not rows:
        raise InputError("no study has a final label yet; there is nothing to put into the archive")
    left_out: dict[str, str] = {}
    with zipfile.ZipFile(path, "w") as archive:
        for row in rows:
            try:
                files = _files_of(row, as_nifti)
            except GliomicsError as error:
                left_out[row["id"]] = str(error).replace(f"{root}{os.sep}", "")
                continue
            for name, content in files.items():
                archive.writestr(name, content)
        if len(left_out) == len(rows):
            reasons = "; ".join(list(left_out.values())[:3])
            raise InputError(f"none of the {len(rows)} labelled studies can be read: {reasons}")
        archive.writestr("metadata.json", json.dumps({**metadata, "left_out": left_out}))


def _files_of(row: dict[str, Any], as_nifti: AsNifti) -> dict[str, bytes]:
    """The images and the label of one row of the store's list, by their names in the archive."""
    images = {f"{sequence}{suffix_of(Path(file))}": Path(file) for sequence, file in row["sequences"].items()}
    files = {f"image/{row['id']}/{name}": _content(file) for name, file in images.items()}
    with as_nifti(Path(row["label"])) as label:
        return {**files, f"label/{row['id']}.nii.gz": _content(label)}


def _content(path: Path) -> bytes:
    with open_file(path) as file:
        return file.read()
