"""``gliomics segment``: automatic masks for a folder of studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.terminal.console import RESAMPLE_TO, STUDIES, check_apart, console, report_unreadable, with_progress
from gliomics.cli.terminal.failures import Failures
from gliomics.errors import InputError, UnknownNameError
from gliomics.study.segments import NAMED, mask_suffix

if TYPE_CHECKING:
    from collections.abc import Callable

    from gliomics.study import Study


def segment(
    studies: Annotated[Path, STUDIES],
    model: Annotated[str, typer.Option(help="Name of the segmentation model, e.g. segmentation_flair.")],
    out: Annotated[
        Path, typer.Option(help="Folder for the masks, <study id>.nii.gz each; of tumour parts, <study id>.seg.nrrd.")
    ],
    models: Annotated[Path | None, typer.Option(help="Folder with models trained here, besides those shipped.")] = None,
    maps: Annotated[
        Path | None,
        typer.Option(
            help="Also write MAPS/<study id>_probability.nii.gz and MAPS/<study id>_uncertainty.nii.gz: "
            "calibrated lesion probabilities, and their entropy in bits; of tumour parts, one probability each, too."
        ),
    ] = None,
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
    server: Annotated[
        str | None, typer.Option(help="Segment on this server instead of here; the images are sent to it.")
    ] = None,
) -> None:
    """Segment the lesion of every study and write OUT/<study id>.nii.gz, or .seg.nrrd with the names of its parts.

    A study that cannot be segmented is reported and the others go on; the exit code is 1 then.
    """
    from gliomics.study import open_studies

    every_study = open_studies(studies, report_unreadable)
    images = [path for study in every_study for path in study.sequences.values()]
    check_apart([out / f"{study.id}{suffix}" for study in every_study for suffix in (".nii.gz", NAMED)], images)
    if maps is not None:
        kinds = ("probability", "uncertainty")
        check_apart([maps / f"{study.id}_{kind}.nii.gz" for study in every_study for kind in kinds], images)
    segment_one = (
        _on_server(server, model, out, maps) if server else segment_here(model, models, resample_to, out, maps)
    )
    failures = Failures(only=len(every_study) == 1)
    for study in with_progress(every_study, f"segmenting with {model}", len(every_study)):
        with failures.of(study.id):
            for warning in segment_one(study):
                console.print(f"{study.id}: {warning}", style="yellow", markup=False)
    segmented = len(every_study) - len(failures.errors)
    if not segmented:
        raise InputError(f"none of the {len(every_study)} studies could be segmented; the reasons are above")
    console.print(f"{segmented} masks in {out}{failures.summary}")
    failures.end()


def segment_here(
    model: str, models: Path | None, resample_to: str | None, out: Path, maps: Path | None = None
) -> Callable[[Study], list[str]]:
    """What writes a study's mask into the folder ``out``, and says what to beware of."""
    from gliomics.models import ModelStore
    from gliomics.segmentation.labelled import load_volumes
    from gliomics.segmentation.mask_record import MaskRecord
    from gliomics.segmentation.segmenter import Segmenter
    from gliomics.study import write_volume

    folder = ModelStore(models).current(model)
    segmenter = Segmenter(folder)
    card, record = folder.card, MaskRecord(out)

    def segment_one(study: Study) -> list[str]:
        result = segmenter.segment(load_volumes(study, card, resample_to=resample_to))
        path = out / f"{study.id}{result.suffix}"
        result.write_mask(path)
        in_sample = card.in_sample_warnings(study.patient_id)
        record.add(path, model=card.name, version=card.version, in_sample=bool(in_sample))
        if maps is not None:
            write_volume(result.probability, maps / f"{study.id}_probability.nii.gz")
            write_volume(result.uncertainty, maps / f"{study.id}_uncertainty.nii.gz")
            for part, probability in result.parts.items():
                write_volume(probability, maps / f"{study.id}_probability_{part}.nii.gz")
        return result.warnings + in_sample

    return segment_one


def _on_server(server: str, model: str, out: Path, maps: Path | None) -> Callable[[Study], list[str]]:
    from gliomics.client import GliomicsClient
    from gliomics.files import write_bytes
    from gliomics.segmentation.mask_record import MaskRecord

    client, record = GliomicsClient(server), MaskRecord(out)
    models = client.info()["models"]
    if model not in models:
        raise UnknownNameError(f"{server} has no model '{model}'; it has {', '.join(sorted(models))}")
    suffix = mask_suffix(models[model].get("labels") or {})

    def segment_one(study: Study) -> list[str]:
        identity = {"study_id": study.id, "patient_id": study.patient_id}
        result = client.infer(model, files=study.sequences, params={**identity, "result_extension": suffix})
        if result.label is None:
            raise InputError(f"the server's model '{model}' gave no mask; is it a segmentation model?")
        path = out / f"{study.id}{suffix}"
        write_bytes(path, result.label)
        answer = result.params
        version, in_sample = str(answer.get("model_version")), bool(answer.get("in_sample"))
        record.add(path, model=model, version=version, in_sample=in_sample)
        if maps is not None:
            for name in ("probability", "uncertainty"):
                map_answer = client.infer(model, files=study.sequences, params={**identity, "result": name})
                write_bytes(maps / f"{study.id}_{name}.nii.gz", map_answer.label or b"")
        return list(answer.get("warnings", []))

    return segment_one
