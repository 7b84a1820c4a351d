"""Files that fail: temporary results that do not stay then, and what it means for a client."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gliomics.errors import ConflictError, StorageError

ROOM = 1 << 20
"""Bytes that a training writes at least before it has a new version."""

_REASONS = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "the disk of the studies folder is full ({}); free some space"
    ),
    **dict.fromkeys(
        (errno.EROFS, errno.EACCES, errno.EPERM),
        "the server's user may not do that in the studies folder ({}); give it the permission",
    ),
    errno.EIO: "the disk of the studies folder failed ({}); look at the disk",
}


def storage_error(error: BaseException | None) -> StorageError | None:
    """The error for people of a failure to write, also of one that is the cause of ``error``; None for other errors."""
    while error is not None:
        if isinstance(error, OSError) and (reason := _REASONS.get(error.errno or 0)) is not None:
            why = reason.format(os.strerror(error.errno or 0))
            return StorageError(f"nothing was kept: {why}, and send the request again")
        error = error.__cause__
    return None


def removed_meanwhile(error: BaseException, root: Path) -> ConflictError | None:
    """The error for people where a file below ``root`` was there and is not any more; None for other errors.

    Whoever asked is told to ask again: the answer then is about what there is.
    """
    if not isinstance(error, FileNotFoundError) or not isinstance(error.filename, str | os.PathLike):
        return None
    path = Path(error.filename)
    if not path.is_relative_to(root) or os.path.lexists(path):
        return None
    return ConflictError(f"{path} was removed or renamed while this was answered; look what there is, and ask again")


@contextlib.contextmanager
def temporary_file(folder: Path, prefix: str, suffix: str) -> Iterator[Path]:
    """A new empty file in ``folder``, which is made if need be; it is removed again if the block cannot write it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
    os.close(handle)
    try:
        yield Path(name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_room(folder: Path) -> None:
    """Raise the :class:`OSError` that writing a file of :data:`ROOM` bytes in ``folder`` ends with, if it does."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(ROOM))
        file.flush()
