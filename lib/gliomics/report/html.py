"""A report as one HTML file that needs nothing else: pictures are inlined, scripts and links there are none.

What it looks like is in ``templates/``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from gliomics.errors import InputError
from gliomics.files import open_file, write_text
from gliomics.records import RESEARCH_NOTICE
from gliomics.report.case_report import CaseReport, Picture
from gliomics.report.drawing import to_png
from gliomics.report.examination_page import ExaminationPage
from gliomics.report.figures import version_comparison
from gliomics.version import __version__

GENERATOR = "Gliomics report"
"""By which a page of ours is told from other files."""


@dataclass(frozen=True)
class Version:
    """One version of a model: what came of it and, by study, its score."""

    name: str
    outcome: str
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """The mean score over the studies; NaN without any."""
        return float(np.mean(list(self.scores.values()))) if self.scores else math.nan


@dataclass(frozen=True)
class ModelHistory:
    """Versions of one model in order; ``metric`` names their scores, ``note`` says on which studies and labels."""

    model: str
    versions: Sequence[Version]
    metric: str = "Dice"
    note: str = ""


@dataclass(frozen=True)
class NextStudy:
    """The study to annotate next, and why."""

    study_id: str
    reason: str


@dataclass(frozen=True)
class Report:
    """A whole report. ``origins`` are lines for the closing table of where everything comes from."""

    title: str
    cases: Sequence[CaseReport]
    introduction: str = ""
    history: ModelHistory | None = None
    next_study: NextStudy | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    created: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="minutes"))


def write_report(path: Path, report: Report) -> None:
    """Write the report as one self-contained HTML file, atomically."""
    write_text(Path(path), render(report))


def check_replaceable(path: Path) -> None:
    """Raise :class:`InputError` where a report would take the place of anything but an earlier report."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the file to write, e.g. {path / 'report.html'}")
    if not path.exists():
        return
    with open_file(path) as file:
        begins = file.read(1000)
    if f'<meta name="generator" content="{GENERATOR}">'.encode() not in begins:
        raise InputError(f"{path} exists and is no report of Gliomics; give another file, or remove it")


def render(report: Report) -> str:
    """The report as HTML text; every word that is not ours is escaped."""
    return (
        templates()
        .get_template("report.html")
        .render(
            report=report,
            title=report.title,
            created=report.created,
            introduction=report.introduction,
            examinations=[ExaminationPage(case) for case in report.cases],
            history_picture=_history_picture(report.history) if report.history is not None else None,
            origins={"Gliomics": __version__, "Written": report.created, **report.origins},
            notice=RESEARCH_NOTICE,
            generator=GENERATOR,
        )
    )


@cache
def templates() -> Environment:
    """What lays the pages out; every word that is put in is escaped."""
    return Environment(
        loader=PackageLoader("gliomics.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _history_picture(history: ModelHistory) -> Picture | None:
    """The scores of each study by version, where there are any."""
    scores = {version.name: version.scores for version in history.versions if version.scores}
    if not scores:
        return None
    caption = f"{history.metric} of each study by version; the versions of one study are joined."
    return Picture(to_png(version_comparison(scores, metric=history.metric)), caption, caption)
