"""First sessions that are commands alone: one after the other they print what the page says."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from tests.sessions import PROJECT, Shell, named, steps, walk

pytestmark = pytest.mark.slow

LIBRARY = PROJECT / "lib" / "gliomics"


@pytest.mark.parametrize(
    ("page", "sections", "least"),
    [("scientist.md", "12345", 5), ("administrator.md", "1234", 4), ("cohort.md", "12345", 5)],
)
def test_session_goes_as_its_page_says(page: str, sections: str, least: int, tmp_path: Path) -> None:
    """The sixth section of the cohort's is about patients whose images are not here."""
    for name in ("sample_studies", "examples"):
        (tmp_path / name).symlink_to(PROJECT / name)
    shell = Shell(tmp_path)
    try:
        taken = walk([step for step in steps(page) if step.section[:1] in sections], None, shell)
    finally:
        shell.stop()
    assert taken["says"] >= least


OF_3D_SLICER = {"Edit > Application Settings > Modules > Additional module paths", "Radiogenomics", "Sample Data"}
"""What stands on 3D Slicer itself."""


@pytest.mark.parametrize("page", ["annotator.md", "radiologist.md"])
def test_what_is_named_beside_the_steps_stands_on_page_or_panel(page: str) -> None:
    """Captions of pictures, which are whole paragraphs in italics, name nothing."""
    sources = [
        *(LIBRARY / "server" / "web" / "page").rglob("*.js"),
        *(LIBRARY / "findings").rglob("*.py"),
        *(LIBRARY / "subtype" / "doubt").rglob("*.py"),
        *(PROJECT / "slicer_extension").rglob("*.ui"),
        *(PROJECT / "slicer_extension").rglob("*.py"),
    ]
    written = html.unescape("\n".join(path.read_text(encoding="utf-8") for path in sources))
    assert [name for name in named(page) - OF_3D_SLICER - {"italic"} if name not in written] == []
