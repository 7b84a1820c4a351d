"""Exports as a server sends them: one archive, from which the files that were asked for are taken."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from gliomics.client.transport import ClientError
from gliomics.files import write_bytes
from gliomics.reading.exports import EXPORT_SUFFIXES

_MOST_BYTES = 1 << 30
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What ``zipfile`` raises for no archive, a damaged one, one compressed in an unknown way, and an encrypted one."""


def unpack_exports(content: bytes, paths: Mapping[str, Path]) -> None:
    """Write the file of each format in an archive to its path, each whole, once all of them were read.

    :class:`ClientError` for an archive that lacks one. What a file is called in the archive tells its format alone.
    """
    files: dict[Path, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name, path in paths.items():
                entries = [entry for entry in archive.infolist() if entry.filename.endswith(EXPORT_SUFFIXES[name])]
                if len(entries) != 1 or entries[0].file_size > _MOST_BYTES:
                    raise ClientError(f"the server sent no {name} file that can be taken; ask again for it alone")
                files[path] = archive.read(entries[0])
    except _DAMAGED as error:
        raise ClientError(f"the server sent no archive of exports ({error}); is it a Gliomics server?") from error
    for path, body in files.items():
        write_bytes(path, body)
