"""Quicker loading of what takes seconds to load."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Look for no garbage while modules are loaded, and never again among what they have made.

    The hundred thousands of objects that torch, MONAI and what they import make are all kept, and looking through them
    again and again is a fifth of the work of a server's start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
