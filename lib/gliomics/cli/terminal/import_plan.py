"""How an import's plan is shown: what each file becomes, and what is left out and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from gliomics.cli.terminal.console import console, count_studies

if TYPE_CHECKING:
    from gliomics.intake.plan import ImportPlan, LeftOut, PlannedStudy, Source

_STUDIES_SHOWN = 12
_EXAMPLES = 5
_PIPE_WIDTH = 200


def show_plan(plan: ImportPlan, folder: Path, dest: Path) -> None:
    """Print what ``folder`` was taken for, a table of the studies, and what is left out, by reason."""
    from gliomics.intake import difference, studies_present

    present = studies_present(dest)
    patients = len({study.patient_id for study in plan.studies})
    size = sum(study.size for study in plan.studies)
    labels = sum(study.label is not None for study in plan.studies)
    console.print(f"layout: {plan.layout} ({plan.evidence})", markup=False)
    console.print(
        f"{count_studies(plan.studies)} of {patients} patient{'' if patients == 1 else 's'}, {labels} with a label; "
        f"{_megabytes(size)} to read, copied to {dest}"
    )
    table = Table(box=None, pad_edge=False)
    for column in ("study", "patient", "time point", "as", "file"):
        table.add_column(column, overflow="fold")
    for study in plan.studies[:_STUDIES_SHOWN]:
        existing = present.get(study.id.lower())
        state = "" if existing is None else " (there already, kept)"
        if existing is not None and difference(study, existing):
            state = " (differs from the one there, which is kept)"
        _add_rows(table, study, folder, state)
    if plan.studies:
        wide = Console(stderr=True, highlight=False, width=max(console.width, _PIPE_WIDTH))
        (console if console.is_terminal else wide).print(table, markup=False)
    if len(plan.studies) > _STUDIES_SHOWN:
        console.print(f"... and {len(plan.studies) - _STUDIES_SHOWN} more studies: {_summary(plan.studies)} in all")
    if plan.left_out:
        show_left_out(plan.left_out, "left out")


def show_left_out(items: Iterable[LeftOut], title: str) -> None:
    """Print what is not imported, those that the user must settle first, each reason once."""
    groups: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for item in items:
        groups[item.is_open, item.reason].append(item.what)
    for (is_open, reason), names in sorted(groups.items(), key=lambda group: not group[0][0]):
        more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
        mark = "undecided" if is_open else title
        listed = ", ".join(names[:_EXAMPLES]) + more
        console.print(f"{mark}: {listed}: {reason}", style="yellow" if is_open else None, markup=False)


def _add_rows(table: Table, study: PlannedStudy, folder: Path, state: str) -> None:
    when = " ".join(filter(None, (study.timepoint, study.date if study.date != study.timepoint else None)))
    rows = [(name, _place(source, folder)) for name, source in study.sequences.items()]
    if study.label is not None:
        numbering = " or ".join(study.label.numberings) or "not known"
        rows.append(("label", f"{_place(study.label.source, folder)} (numbering {numbering})"))
    for number, (name, source) in enumerate(rows):
        head = (study.id + state, study.patient_id, when) if number == 0 else ("", "", "")
        table.add_row(*head, name, source)


def _place(source: Source, folder: Path) -> str:
    """An image as its path from the folder, anything else as it says itself."""
    from gliomics.intake.plan import SeriesSource, SliceStack

    if isinstance(source, SeriesSource | SliceStack):
        return str(source)
    path = source.path.relative_to(folder).as_posix()
    return path if source.position is None else f"{path}, volume {source.position + 1}"


def _summary(studies: Iterable[PlannedStudy]) -> str:
    """How many studies have which sequences."""
    counts: dict[str, int] = defaultdict(int)
    for study in studies:
        counts[", ".join(study.sequences)] += 1
    return "; ".join(f"{count} with {names}" for names, count in sorted(counts.items(), key=lambda item: -item[1]))


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
