"""Packages lib/gliomics, with the MONAI Label app and the sample studies inside the wheel."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
LIGHT = [
    "numpy>=1.26",
    "nibabel>=5.2",
    "SimpleITK>=2.4",
    "pydicom>=2.4,<3",
    "scipy>=1.11",
    "requests>=2.31",
    "typer>=0.15",
    "rich>=13",
    "pydantic>=2.7",
    "pyyaml>=6",
]
SERVER = [
    "numpy==1.26.4",
    "torch>=2.6",
    "monai>=1.5.2,<1.6",
    "monailabel==0.8.5",
    "pyradiomics==3.0.1",
    "scikit-learn>=1.5",
    "scikit-image>=0.22",
    "threadpoolctl>=3.1",
    "safetensors>=0.5",
    "matplotlib>=3.9",
]
CLUSTER = ["distributed>=2024.1"]
# Folders of the checkout that travel in the wheel; gliomics.bundled finds them in both places.
BUNDLED = {
    "gliomics.bundle.apps.radiogenomics": "apps/radiogenomics",
    "gliomics.bundle.sample_studies": "sample_studies",
}


def files_under(folder: str) -> list[str]:
    """Every file of a bundled folder, relative to it, without caches."""
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path.relative_to(ROOT / folder).as_posix() for path in paths)


setup(
    name="gliomics",
    version="0.1.0",
    description="From a glioma MRI to its mask, radiomic features and an estimate of its molecular subtype",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=[*find_packages("lib"), *BUNDLED],
    package_dir={"": "lib", **BUNDLED},
    package_data={
        "gliomics": ["py.typed"],
        "gliomics.models": ["shipped/*/*"],
        "gliomics.radiomics": ["descriptions/*", "presets/*", "stability/*"],
        "gliomics.report": ["*.css"],
        "gliomics.segmentation": ["configs/*"],
        "gliomics.segmentation.interactive": ["*.yaml"],
        **{package: files_under(folder) for package, folder in BUNDLED.items()},
    },
    install_requires=LIGHT,
    extras_require={"server": SERVER, "cluster": CLUSTER},
    entry_points={"console_scripts": ["gliomics = gliomics.cli.main:main"]},
)
