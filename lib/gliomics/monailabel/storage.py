"""What it means for a client that the server could not write: a full disk, a folder that is read-only."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gliomics.errors import StorageError

_REASONS = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "the disk of the studies folder is full ({}); free some space"
    ),
    **dict.fromkeys(
        (errno.EROFS, errno.EACCES, errno.EPERM),
        "the studies folder cannot be written ({}); give the server's user the permission",
    ),
    errno.EIO: "the disk of the studies folder failed ({}); look at the disk",
}


def storage_error(error: BaseException | None) -> StorageError | None:
    """The error for people of a failure to write, also of one that is the cause of ``error``; None for other errors."""
    while error is not None:
        if isinstance(error, OSError) and (reason := _REASONS.get(error.errno or 0)) is not None:
            what = os.strerror(error.errno or 0)
            file = f": {Path(error.filename).name}" if isinstance(error.filename, str) else ""
            return StorageError(f"nothing was kept, because {reason.format(what + file)}, and send the request again")
        error = error.__cause__
    return None
