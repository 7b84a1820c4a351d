"""What takes seconds to make and is the same for all tests of a run: made by the process that asks for it first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from torch import Tensor

folder: Path | None = None
"""Where all processes of this run find it; set by ``tests/conftest.py``."""


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` has filled. It is for reading: others read it too."""
    assert folder is not None, "only tests share what they make"
    made = folder / name
    with FileLock(folder / f"{name}.lock"):
        if not made.is_dir():
            unfinished = folder / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(made)
    return made


def trained_once(name: str, train: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The weights that ``train`` returns, bit for bit."""
    from safetensors.torch import load_file, save_file

    def make(folder: Path) -> None:
        state = {key: value.contiguous() for key, value in train().items()}
        save_file(state, folder / "weights.safetensors")

    return dict(load_file(made_once(name, make) / "weights.safetensors"))
