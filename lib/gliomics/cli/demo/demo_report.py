"""The demonstration's report: the first annotated study, what the training changed, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gliomics.cli.demo.annotator import Annotation
from gliomics.errors import InputError
from gliomics.report.case_report import CaseReport, MeasuredMask, describe_case
from gliomics.report.html import ModelHistory, NextStudy, Report, Version, write_report
from gliomics.study import find_study, load_sequences, read_mask

INTRODUCTION = (
    "Everything here was done by requests to a server on this machine. The studies are synthetic: the pictures are "
    "drawn from formulas, so the estimates below show how the tool answers and say nothing about a patient."
)


def write_demo_report(
    path: Path,
    studies: Path,
    annotations: Sequence[Annotation],
    *,
    training: dict[str, Any],
    unseen: Mapping[str, Mapping[str, float]],
    next_study: dict[str, Any],
) -> None:
    """Write the report of a demonstration over ``studies`` as one HTML file.

    ``training`` is the training's last state and ``next_study`` the answer of the strategy, as the server gives them.
    ``unseen`` holds the Dice with the truth, ``before`` and ``after`` the training, of studies that nobody labelled.
    """
    model = training["model"]
    report = Report(
        title="Gliomics demonstration",
        introduction=INTRODUCTION,
        cases=[_case(studies, annotations[0], model)],
        history=ModelHistory(
            model=model,
            versions=[
                Version("before", "the version that proposed the masks", dict(unseen["before"])),
                Version("after", f"version {training['version']}: {training['reason']}", dict(unseen["after"])),
            ],
            note=f"Fine-tuned on {len(annotations)} corrected labels of this demonstration. The figures are of the "
            f"{len(unseen['after'])} other studies, against the truth, by the version that served then.",
        ),
        next_study=NextStudy(next_study["id"], next_study["reason"]) if next_study["id"] else None,
    )
    write_report(path, report)


def _case(studies: Path, annotation: Annotation, model: str) -> CaseReport:
    if annotation.features is None or annotation.reading is None:
        raise InputError(f"study '{annotation.study_id}' has no features yet; compute them before the report")
    study = find_study(studies, annotation.study_id)
    return describe_case(
        study,
        load_sequences(study, study.sequences),
        MeasuredMask(
            read_mask(annotation.corrected),
            f"{model}, {annotation.redrawn} slices drawn anew",
            "corrected mask",
            {"automatic mask": read_mask(annotation.automatic)},
        ),
        annotation.features,
        annotation.reading,
        facts={"Dice of the automatic mask with the truth": f"{annotation.dice_before:.3f}"},
    )
