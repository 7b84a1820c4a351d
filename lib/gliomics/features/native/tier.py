"""Which tier counts: NumPy alone, or small loops that Numba compiles, where it is installed. Their counts are the same.

Numba takes half a second to load, which a single small region would not win back, so that a process begins with NumPy
and goes over once it has counted enough to expect more. What is compiled is kept on disk, beside the module or in the
user's cache folder, and lost at the end of the process where neither can be written.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any, Literal

Tier = Literal["numpy", "compiled"]

_ENOUGH = 1_000_000
"""Voxels, each counted once for each filtered image, that NumPy counts in the time in which Numba is loaded."""
_wanted: ContextVar[Tier | None] = ContextVar("wanted", default=None)


class _Work:
    """What this process has counted; threads that add at once may lose some, which changes no value."""

    voxels = 0


def compiled_for(voxels: int) -> bool:
    """Whether the kernels count a region of so many ``voxels``, which are then taken as counted."""
    wanted = _wanted.get()
    if wanted is not None:
        return wanted == "compiled"
    _Work.voxels += voxels
    return _Work.voxels > _ENOUGH and find_spec("numba") is not None and _njit() is not None


@contextlib.contextmanager
def counting_by(tier: Tier) -> Iterator[None]:
    """Count by one tier, whatever there is to count: for tests and measurements."""
    token = _wanted.set(tier)
    try:
        yield
    finally:
        _wanted.reset(token)


@functools.cache
def _njit() -> Callable[..., Any] | None:
    """Numba's decorator; None where it is not installed, or does not load beside the NumPy that is."""
    try:
        from numba import njit
    except (ImportError, OSError):
        return None
    decorator: Callable[..., Any] = njit
    return decorator


@functools.cache
def kernel(function: Callable[..., None]) -> Callable[..., None]:
    """A function of loops, compiled when it is first called. It lets other threads run, and starts none itself."""
    njit = _njit()
    if njit is None:
        raise ModuleNotFoundError("the compiled tier needs Numba: pip install 'gliomics[fast]'", name="numba")
    try:
        run = njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder to keep it in
        run = njit(nogil=True)(function)

    def call(*arguments: Any) -> None:
        try:
            run(*arguments)
        except OSError:  # compiled, before anything was counted, but not kept: the disk may be full
            run(*arguments)

    return call
