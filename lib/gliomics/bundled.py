"""Where the folders lie that come with Gliomics beside its code: the MONAI Label app and the sample studies."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from gliomics.errors import InputError

_PACKAGE = Path(__file__).parent


def bundled(name: Literal["apps/radiogenomics", "sample_studies"]) -> Path:
    """The folder in an installed wheel, else in the checkout that this code runs from."""
    for folder in (_PACKAGE / "bundle" / name, _PACKAGE.parents[1] / name):
        if folder.is_dir():
            return folder
    raise InputError(f"the folder '{name}' did not come with this installation; install Gliomics again")
