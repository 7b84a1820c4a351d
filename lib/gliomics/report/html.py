"""A report as one HTML file that needs nothing else: pictures are inlined, scripts and links there are none."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

import gliomics
from gliomics.errors import InputError
from gliomics.features.provenance import SHAPE_IN_VOXELS, UNKNOWN_VOXEL_SIZE
from gliomics.files import open_file, write_text
from gliomics.records import RESEARCH_NOTICE, SubtypeEstimate
from gliomics.report.case import CaseReport, Picture
from gliomics.report.drawing import to_png
from gliomics.report.figures import FeatureRange, version_comparison
from gliomics.report.names import read_feature_name, sequence_title
from gliomics.report.numbers import number

_HIDDEN_DIAGNOSTICS = ("affine", "size", "spacing", "spacing_known", "sequences", "stability")
_REGIONS = {"whole": "whole tumour"}
_GENERATOR = '<meta name="generator" content="Gliomics report">'


@dataclass(frozen=True)
class Version:
    """One version of a model: what came of it and, by study, its score."""

    name: str
    outcome: str
    scores: Mapping[str, float] = field(default_factory=dict)


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
    if _GENERATOR.encode() not in begins:
        raise InputError(f"{path} exists and is no report of Gliomics; give another file, or remove it")


def render(report: Report) -> str:
    """The report as HTML text; every word that is not ours is escaped."""
    sections = [_case(case) for case in report.cases]
    if report.history is not None:
        sections.append(_history(report.history))
    if report.next_study is not None:
        name, reason = escape(report.next_study.study_id), escape(report.next_study.reason)
        sections.append(f"<section><h2>Next to annotate</h2><p><strong>{name}</strong>: {reason}</p></section>")
    origins = {"Gliomics": gliomics.__version__, "Written": report.created, **report.origins}
    sections.append(f"<section><h2>Where this comes from</h2>{_facts(origins)}</section>")
    introduction = f"<p>{escape(report.introduction)}</p>" if report.introduction else ""
    style = files("gliomics.report").joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"{_GENERATOR}\n<title>{escape(report.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header><h1>{escape(report.title)}</h1><p class="muted">{escape(report.created)}</p>'
        f'<p class="notice">{escape(RESEARCH_NOTICE)}</p>{introduction}</header>\n'
        f"<main>\n{''.join(sections)}\n</main>\n"
        f"<footer><p>{escape(RESEARCH_NOTICE)}</p></footer>\n</body>\n</html>\n"
    )


def _case(case: CaseReport) -> str:
    study = case.study
    parts = [f"<section><h2>Study {escape(study.id)}</h2>", _study_facts(case), _cards(case)]
    parts += [_warnings([*case.warnings, *_without_repetition(case)])]
    parts += ["<h3>Images and mask</h3>", *map(_picture, case.pictures)]
    if case.estimates or case.not_estimated:
        refused = [f"Not estimated by {name}: {reason}" for name, reason in case.not_estimated.items()]
        parts += ["<h3>Subtype estimates</h3>", *map(_picture, case.estimate_pictures), _warnings(refused)]
    parts += [_estimate(estimate, case.population_pictures.get(estimate.model)) for estimate in case.estimates]
    parts += [f"<h3>Features of the {escape(_REGIONS.get(case.features.region, case.features.region))}</h3>"]
    parts += [_features(case)]
    parts += ["<h3>Origins</h3>", _case_origins(case), "</section>"]
    return "".join(parts)


def _study_facts(case: CaseReport) -> str:
    study = case.study
    size = " × ".join(f"{edge:g}" for edge in case.spacing)
    facts = [f"patient {study.patient_id}", study.timepoint]
    facts += [study.date] if study.date else []
    facts += [", ".join(sequence_title(name) for name in study.sequences)]
    facts += [
        f"voxels of {size} mm" if study.spacing_known else f"{UNKNOWN_VOXEL_SIZE}: sizes are in voxels, not in mm"
    ]
    return f'<p class="muted">{escape(" · ".join(facts))}</p>'


def _cards(case: CaseReport) -> str:
    cards = []
    for estimate in case.estimates:
        low, high = estimate.intervals[estimate.predicted]
        doubt = "" if estimate.inside_training_range else "<br><strong>Outside the training range</strong>"
        doubt += "<br><strong>The model was fitted on this patient</strong>" if estimate.in_sample else ""
        for name in estimate.contradicts:
            doubt += f"<br><strong>Hardly goes with {escape(name)}</strong>"
        probability = estimate.probabilities[estimate.predicted]
        cards.append(
            f'<div class="card{" doubt" if doubt else ""}"><div class="muted">{escape(estimate.target)}</div>'
            f'<div class="value">{escape(estimate.predicted)}</div>'
            f"<div>probability {probability:.2f} ({low:.2f} to {high:.2f}){doubt}</div></div>"
        )
    if case.lesion_ml is not None:
        cards.append(
            f'<div class="card"><div class="muted">Lesion volume</div><div class="value">{case.lesion_ml:.1f} ml</div>'
            f"<div>mask: {escape(case.mask_origin)}</div></div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _without_repetition(case: CaseReport) -> list[str]:
    """The warnings about the features but that the voxel size is unknown, which the first line says."""
    warnings = case.features.warnings
    return [warning for warning in warnings if case.study.spacing_known or not warning.startswith(SHAPE_IN_VOXELS)]


def _estimate(estimate: SubtypeEstimate, picture: Picture | None) -> str:
    """Who the model was fitted on, how well it does and what speaks against this estimate."""
    title = f"{estimate.target} by {estimate.model}, version {estimate.model_version}"
    doubt = [] if estimate.inside_training_range else ["Outside the training range."]
    fitted = f"Fitted on {estimate.n_training} patients: {estimate.population}. {estimate.performance}."
    notice = [] if estimate.notice == RESEARCH_NOTICE else [estimate.notice]
    return (
        f"<h3>{escape(title)}</h3>{_warnings([*doubt, *estimate.reasons])}"
        + "".join(f"<p>{escape(sentence)}</p>" for sentence in [fitted, *notice])
        + (_picture(picture) if picture else "")
    )


def _features(case: CaseReport) -> str:
    """Features that a model uses first, with the training range; all others folded away."""
    ranges: dict[str, FeatureRange] = {}
    for population in case.populations.values():
        ranges.update(population)
    values, spacing_known = case.features.values, case.study.spacing_known
    used = [name for name in values if name in ranges]
    others = [name for name in values if name not in ranges]
    parts = []
    if used:
        rows = [[*_feature_cells(name, values[name], spacing_known), _range_text(ranges[name])] for name in used]
        outside = [_is_outside(values[name], ranges[name]) for name in used]
        head = ["sequence", "family", "feature", "value", "training 5 to 95 %"]
        parts.append(
            f"<details><summary>{len(used)} features that the models use</summary>"
            f"{_table(head, rows, numbers=(3, 4), marked=outside)}</details>"
        )
    if others:
        rows = [_feature_cells(name, values[name], spacing_known) for name in others]
        parts.append(
            f"<details><summary>{len(others)} {'other ' if used else ''}features</summary>"
            f"{_table(['sequence', 'family', 'feature', 'value'], rows, numbers=(3,))}</details>"
        )
    return "".join(parts) or "<p>No features were computed.</p>"


def _feature_cells(name: str, value: float, spacing_known: bool) -> list[str]:
    read = read_feature_name(name)
    feature = read.feature if read.image == "original" else f"{read.feature} ({read.image})"
    unit = read.unit if spacing_known else ""
    return [read.sequence or "mask", read.family, feature, f"{number(value)} {unit}".strip()]


def _range_text(known: FeatureRange) -> str:
    low, high = np.interp((0.05, 0.95), known.levels, known.overall)
    return f"{number(float(low))} to {number(float(high))}"


def _is_outside(value: float, known: FeatureRange) -> bool:
    low, high = np.interp((0.05, 0.95), known.levels, known.overall)
    return not low <= value <= high


def _case_origins(case: CaseReport) -> str:
    """Mask and study in sight; versions, hashes and counts of the extraction folded away."""
    found = {"Mask": case.mask_origin, **case.facts}
    found |= {f"Study: {name.replace('_', ' ')}": text for name, text in case.study.source.items()}
    diagnostics = {
        name.replace("_", " "): _text(value)
        for name, value in case.features.diagnostics.items()
        if name not in _HIDDEN_DIAGNOSTICS and value is not None
    }
    folded = f"<details><summary>How the features were computed</summary>{_facts(diagnostics)}</details>"
    return _facts(found) + (folded if diagnostics else "")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)


def _history(history: ModelHistory) -> str:
    rows = [
        [version.name, _mean(version.scores), str(len(version.scores)), version.outcome] for version in history.versions
    ]
    scored = {version.name: version.scores for version in history.versions if version.scores}
    picture = ""
    if scored:
        png = to_png(version_comparison(scored, metric=history.metric))
        caption = f"{history.metric} of each study by version; the versions of one study are joined."
        picture = _picture(Picture(png, caption, caption))
    note = f"<p>{escape(history.note)}</p>" if history.note else ""
    head = ["version", f"mean {history.metric}", "studies", "what came of it"]
    return (
        f"<section><h2>Versions of {escape(history.model)}</h2>{note}"
        f"{_table(head, rows, numbers=(1, 2))}{picture}</section>"
    )


def _mean(scores: Mapping[str, float]) -> str:
    return f"{np.mean(list(scores.values())):.3f}" if scores else ""


def _picture(picture: Picture) -> str:
    """Drawn at 144 dots per inch, shown at 96, so that it is sharp on dense screens."""
    data = base64.b64encode(picture.png).decode("ascii")
    width = round(int.from_bytes(picture.png[16:20], "big") / 1.5)
    return (
        f'<figure><img src="data:image/png;base64,{data}" width="{width}" alt="{escape(picture.alternative)}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _warnings(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<ul class="warnings">{items}</ul>' if items else ""


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in facts.items())
    return f'<table class="facts">{rows}</table>'


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    marked: Sequence[bool] | None = None,
) -> str:
    """A table; columns in ``numbers`` are aligned right, rows that are ``marked`` stand out."""
    kind = [' class="number"' if column in numbers else "" for column in range(len(head))]
    titles = "".join(f"<th{k}>{escape(title)}</th>" for k, title in zip(kind, head, strict=True))
    lines = []
    for position, row in enumerate(rows):
        cells = "".join(f"<td{k}>{escape(cell)}</td>" for k, cell in zip(kind, row, strict=True))
        style = ' class="outside"' if marked and marked[position] else ""
        lines.append(f"<tr{style}>{cells}</tr>")
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
