"""What was found in a cohort as one HTML file that needs nothing else, laid out by ``templates/cohort.html``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from gliomics.files import write_text
from gliomics.records import RESEARCH_NOTICE
from gliomics.report.case_report import Picture
from gliomics.report.html import GENERATOR, templates
from gliomics.version import __version__


@dataclass(frozen=True)
class Listing:
    """A table as text; ``numbers`` are the columns, from 0, whose cells are set to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[int] = ()
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page: what is to be said, what to beware of, tables, pictures."""

    heading: str
    paragraphs: Sequence[str] = ()
    warnings: Sequence[str] = ()
    tables: Sequence[Listing] = ()
    pictures: Sequence[Picture] = ()


def write_page(
    path: Path, title: str, introduction: str, sections: Sequence[Section], origins: Mapping[str, str]
) -> None:
    """Write a page, atomically; ``origins`` are lines for its closing table of where everything comes from."""
    write_text(path, render(title, introduction, sections, origins))


def render(title: str, introduction: str, sections: Sequence[Section], origins: Mapping[str, str]) -> str:
    """The page as HTML text; every word that is not ours is escaped."""
    created = datetime.now(timezone.utc).isoformat(timespec="minutes")
    return (
        templates()
        .get_template("cohort.html")
        .render(
            title=title,
            created=created,
            introduction=introduction,
            sections=sections,
            origins={"Gliomics": __version__, "Written": created, **origins},
            notice=RESEARCH_NOTICE,
            generator=GENERATOR,
        )
    )
