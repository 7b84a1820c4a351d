"""``gliomics segment``: automatic masks for a folder of studies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.terminal.console import (
    RESAMPLE_TO,
    STUDIES,
    check_apart,
    console,
    counted,
    report_unreadable,
    with_progress,
)
from gliomics.cli.terminal.failures import Failures
from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.study.segments import NAMED, mask_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gliomics.segmentation.mask_record import MaskRecord
    from gliomics.segmentation.segmenter import Segmenter
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
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Segment on this Dask cluster, whose workers see the same folders."),
    ] = None,
) -> None:
    """Segment the lesion of every study and write OUT/<study id>.nii.gz, or .seg.nrrd with the names of its parts.

    A study that cannot be segmented is reported and the others go on; the exit code is 1 then.
    """
    from gliomics.study import open_studies

    if server and scheduler is not None:
        raise InputError("--server and --scheduler both say where to segment; give one of them")
    if scheduler is not None:  # workers have folders of their own, from which a relative path would lead elsewhere
        studies, out, maps = studies.absolute(), out.absolute(), maps and maps.absolute()
        models = models and models.absolute()
    every_study = open_studies(studies, report_unreadable)
    images = [path for study in every_study for path in study.sequences.values()]
    check_apart([out / f"{study.id}{suffix}" for study in every_study for suffix in (".nii.gz", NAMED)], images)
    if maps is not None:
        kinds = ("probability", "uncertainty")
        check_apart([maps / f"{study.id}_{kind}.nii.gz" for study in every_study for kind in kinds], images)
    if scheduler is not None:
        segment_one = _on_cluster(scheduler, every_study, _Work.of(model, models, resample_to, out, maps))
    elif server:
        segment_one = _on_server(server, model, out, maps)
    else:
        segment_one = segment_here(model, models, resample_to, out, maps)
    failures = Failures(only=len(every_study) == 1)
    try:
        for study in with_progress(every_study, f"segmenting with {model}", len(every_study)):
            with failures.of(study.id):
                for warning in segment_one(study):
                    console.print(f"{study.id}: {warning}", style="yellow", markup=False)
    except _ClusterError as error:
        raise error.why from error
    segmented = len(every_study) - len(failures.errors)
    if not segmented:
        raise InputError(f"none of the {len(every_study)} studies could be segmented; the reasons are above")
    console.print(f"{counted(segmented, 'mask')} in {out}{failures.summary}")
    failures.end()


class _ClusterError(Exception):
    """The cluster cannot be used, or no longer, which is no failure of one study."""

    def __init__(self, why: GliomicsError) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True)
class _Work:
    """How studies are segmented, and the folders that masks and maps are written into."""

    model: str
    version: str
    models: Path | None
    resample_to: str | None
    out: Path
    maps: Path | None

    @classmethod
    def of(cls, model: str, models: Path | None, resample_to: str | None, out: Path, maps: Path | None) -> _Work:
        """By the current version of a model."""
        from gliomics.models import ModelStore

        return cls(model, ModelStore(models).current(model).card.version, models, resample_to, out, maps)


@dataclass(frozen=True)
class _Written:
    """A mask that was written, which model made it, whether it learned from the patient, and what to beware of."""

    path: Path
    model: str
    version: str
    in_sample: bool
    warnings: list[str]

    def recorded(self, record: MaskRecord) -> list[str]:
        """What to beware of, once the mask is in the record of its folder."""
        record.add(self.path, model=self.model, version=self.version, in_sample=self.in_sample)
        return self.warnings


def segment_here(
    model: str, models: Path | None, resample_to: str | None, out: Path, maps: Path | None = None
) -> Callable[[Study], list[str]]:
    """What writes a study's mask into the folder ``out``, and says what to beware of."""
    from gliomics.segmentation.mask_record import MaskRecord

    work, record = _Work.of(model, models, resample_to, out, maps), MaskRecord(out)
    _segmenter.cache_clear()  # a folder of models may hold others by now
    # Before any study: a model that cannot be loaded ends the command.
    _segmenter(work.model, work.version, work.models)
    return lambda study: _segmented((work, study)).recorded(record)


def _on_cluster(scheduler: str, studies: Sequence[Study], work: _Work) -> Callable[[Study], list[str]]:
    """As :func:`segment_here`, of studies in their order, by the workers of a Dask cluster."""
    from gliomics.cluster import map_over
    from gliomics.segmentation.mask_record import MaskRecord

    record = MaskRecord(work.out)
    answers = map_over(_segmented_or_error, [(work, study) for study in studies], scheduler)

    def segment_one(study: Study) -> list[str]:
        try:
            answer = next(answers)
        except GliomicsError as error:  # of the cluster, so that no study can be segmented any more
            raise _ClusterError(error) from error
        if isinstance(answer, GliomicsError):
            raise answer
        return answer.recorded(record)

    return segment_one


def _segmented_or_error(job: tuple[_Work, Study]) -> _Written | GliomicsError:
    try:
        return _segmented(job)
    except GliomicsError as error:  # of one study, while others go on
        return error


@lru_cache(maxsize=1)
def _segmenter(model: str, version: str, models: Path | None) -> Segmenter:
    """Loaded once by each worker, until there is another version."""
    from gliomics.models import ModelStore
    from gliomics.segmentation.segmenter import Segmenter

    folder = ModelStore(models).current(model)
    if folder.card.version != version:
        raise InputError(
            f"a worker has version {folder.card.version} of '{model}', not {version}; let it see the same models"
        )
    return Segmenter(folder)


def _segmented(job: tuple[_Work, Study]) -> _Written:
    """Segment a study and write its mask and maps."""
    from gliomics.segmentation.labelled import load_volumes
    from gliomics.study import write_volume

    work, study = job
    segmenter = _segmenter(work.model, work.version, work.models)
    card, maps = segmenter.card, work.maps
    result = segmenter.segment(load_volumes(study, card, resample_to=work.resample_to))
    path = work.out / f"{study.id}{result.suffix}"
    result.write_mask(path)
    if maps is not None:
        write_volume(result.probability, maps / f"{study.id}_probability.nii.gz")
        write_volume(result.uncertainty, maps / f"{study.id}_uncertainty.nii.gz")
        for part, probability in result.parts.items():
            write_volume(probability, maps / f"{study.id}_probability_{part}.nii.gz")
    in_sample = card.in_sample_warnings(study.patient_id)
    return _Written(path, card.name, card.version, bool(in_sample), result.warnings + in_sample)


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
