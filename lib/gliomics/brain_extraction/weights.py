"""The weights of deepbet, from the files of the installed package.

Each of its two files is a TorchScript archive: a ZIP with code, pickles and, one file for each parameter, its numbers.
Only the numbers are read, and only from a file whose SHA-256 is that of the release: nothing is unpickled, and no code
of the package or the archive runs.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import zipfile
from pathlib import Path

import numpy as np
import torch

from gliomics.brain_extraction.network import LinkNet
from gliomics.errors import DependencyError
from gliomics.files import open_file
from gliomics.packages import BRAIN_EXTRACTION

FINDER, OUTLINER = "bbox_model.pt", "model.pt"
"""The network that finds the brain in a head, and the one that outlines it."""
_FOLDER = "data/models"
_SHA256 = {
    FINDER: "39a7b2b5f799faa1391ea97bfcdc0b9299f20d84f2316a4ff8918dc4685e40aa",
    OUTLINER: "de8ee7c69654d0dd3935dc4a5d84571d8ecf4637a6bfc01df399c4c2bc86e0fd",
}
_REMEDY = f"pip install --no-deps {BRAIN_EXTRACTION}"


def load_network(file: str) -> LinkNet:
    """The network with the weights of a file of the package: :data:`FINDER` or :data:`OUTLINER`.

    Raises :class:`DependencyError` that says what to install, where the package is missing or its file another.
    """
    path = _folder() / file
    with open_file(path) as stream:
        content = stream.read()
    if hashlib.sha256(content).hexdigest() != _SHA256[file]:
        raise DependencyError(
            f"{path} is not the file of {BRAIN_EXTRACTION}: its SHA-256 is another; install it anew: {_REMEDY} "
            "--force-reinstall"
        )
    network = LinkNet()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, torch.no_grad():
        root = archive.namelist()[0].split("/")[0]
        for place, parameter in enumerate(network.parameters()):
            numbers = np.frombuffer(archive.read(f"{root}/data/{place}"), dtype="<f4").astype(np.float32)
            parameter.copy_(torch.from_numpy(numbers).reshape(parameter.shape))
    return network.eval()


def _folder() -> Path:
    """The package's folder of weights."""
    try:
        distribution = importlib.metadata.distribution("deepbet")
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    folder = Path(str(distribution.locate_file(_FOLDER))) if distribution else None
    if folder is None or not folder.is_dir():
        raise DependencyError(
            f"outlining the brain needs the networks of the package deepbet, which is not installed; {_REMEDY}"
        )
    return folder
