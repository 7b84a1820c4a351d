"""Packages lib/gliomics, with the MONAI Label app and the sample studies inside the wheel."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "lib"))
from gliomics import packages  # noqa: E402
from gliomics.version import __version__  # noqa: E402

# Folders of the checkout that travel in the wheel; gliomics.bundled finds them in both places. An editable installation
# leaves them where they are: it is then one folder on the path, which no folder called "gliomics" can come before.
BUNDLED = {
    "gliomics.bundle.apps.radiogenomics": "apps/radiogenomics",
    "gliomics.bundle.sample_studies": "sample_studies",
}
if "editable_wheel" in sys.argv:
    BUNDLED = {}


def files_under(folder: str) -> list[str]:
    """Every file of a bundled folder, relative to it, without caches and what a server over it kept there."""
    paths = [path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file()]
    left_out = {"__pycache__", ".gliomics", "labels"}
    return sorted(path.as_posix() for path in paths if left_out.isdisjoint(path.parts))


setup(
    name="gliomics",
    version=__version__,
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
        "gliomics.features": ["descriptions/*", "presets/*", "stability/*"],
        "gliomics.features.ibsi": ["catalogue.csv"],
        "gliomics.report": ["templates/*"],
        "gliomics.report.cohort_report": ["*.yaml"],
        "gliomics.server.routes": ["templates/*"],
        "gliomics.server.viewer": ["page/*.*"],
        "gliomics.server.web": ["page/**/*.*"],
        "gliomics.training": ["configs/*"],
        "gliomics.subtype.estimators": ["*.yaml"],
        "gliomics.interactive": ["*.yaml"],
        **{package: files_under(folder) for package, folder in BUNDLED.items()},
    },
    install_requires=list(packages.LIGHT.values()),
    extras_require={
        # MONAI Label imports distutils, which is setuptools' since Python 3.12.
        "server": [*packages.SERVER.values(), *packages.ENGINE.values(), "numpy>=2", "pydicom>=3", "setuptools"],
        "fast": list(packages.FAST.values()),
        "cluster": list(packages.CLUSTER.values()),
        "tables": list(packages.TABLES.values()),
        "docs": list(packages.DOCS.values()),
    },
    entry_points={"console_scripts": ["gliomics = gliomics.cli.main:main"]},
)
