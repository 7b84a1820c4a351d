"""A scientist's session in a few calls: open a study, segment it, measure it, estimate its subtype.

Each call does what the command of the same name does, by the same code and with the same models and presets, for one
study and in memory.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure as measure_files
from gliomics.cohort.measure import measure_edge as measure_edge_of_files
from gliomics.errors import DependencyError, InputError
from gliomics.features.config import load_config
from gliomics.models import ModelFolder, ModelStore, load_model_folder
from gliomics.models.folder import CARD
from gliomics.packages import server_part_missing
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.study import Mask, Study, Volume, find_study, open_studies, write_mask

if TYPE_CHECKING:
    from gliomics.features.edge import MovedEdge
    from gliomics.interactive.refine import Refiner
    from gliomics.segmentation.segmenter import Segmentation, Segmenter
    from gliomics.segmentation.slice_classification import SliceClassifierModel
    from gliomics.subtype.predict import SubtypeModel

    LoadedModel = Segmenter | SubtypeModel | SliceClassifierModel | Refiner


def open_study(path: str | Path, study_id: str | None = None) -> Study:
    """The study of a folder or of one image file; with ``study_id``, that of a studies folder.

    The files are checked to exist, not read. Raises :class:`InputError` where there is no study or where there are
    several and none is named, :class:`UnknownNameError` for an id that does not exist.

    >>> open_study("sample_studies", "sample-03_followup").timepoint
    'followup'
    """
    path = Path(path)
    studies = open_studies(path)
    if study_id is not None:
        by_id = {study.id: study for study in studies}
        return by_id[study_id] if study_id in by_id else find_study(path, study_id)
    if len(studies) > 1:
        ids = ", ".join(study.id for study in studies[:5]) + (", ..." if len(studies) > 5 else "")
        raise InputError(f"{path} holds {len(studies)} studies ({ids}); name one: open_study(path, id)")
    return studies[0]


def load_model(name: str | Path, *, models: str | Path | None = None) -> LoadedModel:
    """A model, ready to be used: a name of those shipped or trained in the folder ``models``, or a model's own folder.

    By the model's task, a :class:`~gliomics.segmentation.segmenter.Segmenter`,
    :class:`~gliomics.subtype.predict.SubtypeModel`,
    :class:`~gliomics.segmentation.slice_classification.SliceClassifierModel` or
    :class:`~gliomics.interactive.refine.Refiner`. Its files are checked by their hashes. Raises
    :class:`UnknownNameError` for a name that does not exist, :class:`InputError` for a damaged model and
    :class:`DependencyError` where the packages that compute are not installed.
    """
    is_folder = (Path(name) / CARD).is_file()
    folder = load_model_folder(Path(name)) if is_folder else ModelStore(models).current(str(name))
    with _server_part("a model"):
        return _loaded(folder)


def segment(
    study: Study,
    model: str | Segmenter = "segmentation_multi",
    *,
    resample_to: str | None = None,
    models: str | Path | None = None,
) -> Segmentation:
    """Segment the lesion of a study.

    ``model`` is a name, as of :func:`load_model`, or a loaded model, which saves the loading where many studies are
    segmented. ``resample_to`` names the sequence to whose grid the others are brought, where they lie on several. The
    answer has the mask (1 is lesion; of a model of tumour parts, ``labels`` names its values) and the calibrated
    probabilities on the study's own grid, and warnings, e.g. that the model learned from this patient. Raises as
    :func:`load_model`, and :class:`InputError` where the study lacks a sequence.
    """
    with _server_part("segment"):
        from gliomics.segmentation.labelled import load_volumes
        from gliomics.segmentation.segmenter import Segmenter

    segmenter = load_model(model, models=models) if isinstance(model, str) else model
    card = segmenter.card
    if not isinstance(segmenter, Segmenter):
        raise InputError(f"model '{card.name}' is a {card.task} model; segment needs a segmentation model")
    segmentation = segmenter.segment(load_volumes(study, card, resample_to=resample_to))
    warnings = segmentation.warnings + card.in_sample_warnings(study.patient_id)
    return replace(segmentation, study_id=study.id, warnings=warnings)


def measure(
    study: Study,
    mask: str | Path | Mask | Segmentation,
    *,
    config: str = "panel",
    region: str | None = None,
    numbering: str | None = None,
    resample_to: str | None = None,
) -> FeatureRow:
    """The radiomic features of one region of a study, the row that ``gliomics features`` writes.

    ``mask`` is a file, a volume on the study's grid, or what :func:`segment` gave; ``config`` a preset (``panel``,
    ``full``, ``gbm-2022``, ``lgg-shape``) or a PyRadiomics parameter file; ``region`` ``whole``, ``enhancing``,
    ``peritumoral`` or another of the command's; ``numbering`` which value of the mask is which part of the tumour.
    Raises :class:`InputError` for a mask that is empty, lies elsewhere or is of another study, :class:`DependencyError`
    where PyRadiomics is not installed.
    """
    _check_same_study(study, mask)
    settings = load_config(config)
    extraction = Extraction(
        settings, (region,) if region is not None else (), resample_to=resample_to, numbering=numbering
    )
    extraction.check()
    with _mask_file(study, mask) as path, _server_part("measure"):
        rows = measure_files(StudyFiles(study, path), extraction).rows
    if len(rows) != 1:
        regions = ", ".join(row.region for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
        raise InputError(
            f"configuration '{config}' gives {len(rows)} rows ({regions}); name one region: measure(study, mask, "
            "region=...), or write all with `gliomics features`"
        )
    return rows[0]


def measure_edge(
    study: Study,
    mask: str | Path | Mask | Segmentation,
    *,
    numbering: str | None = None,
    resample_to: str | None = None,
) -> MovedEdge:
    """What subtype models see of the whole tumour with its edge moved by about a millimetre outwards and inwards.

    For :func:`estimate_subtype`, to say how far an estimate depends on where the edge is drawn. As :func:`measure`
    otherwise.
    """
    _check_same_study(study, mask)
    with _mask_file(study, mask) as path, _server_part("measure_edge"):
        from gliomics.subtype.blocks import FEATURE_CLASSES

        extraction = Extraction(load_config("panel"), resample_to=resample_to, numbering=numbering)
        extraction.check()
        return measure_edge_of_files(StudyFiles(study, path), extraction, FEATURE_CLASSES)


def estimate_subtype(
    row: FeatureRow,
    model: str | SubtypeModel = "subtype_idh",
    *,
    age: float | None = None,
    prevalence: Mapping[str, float] | None = None,
    edge: MovedEdge | None = None,
    models: str | Path | None = None,
) -> SubtypeEstimate:
    """Estimate the molecular subtype of a study from its features.

    ``model`` is ``subtype_idh``, ``subtype_coc2``, another name as of :func:`load_model`, or a loaded model. ``age``
    in years makes estimates better, ``prevalence`` says how common the classes are where the patient comes from. With
    ``edge``, of :func:`measure_edge`, the estimate has its ``margin``: how far it depends on where the edge is drawn.
    For research use only: the estimate carries its interval, the patients that the model was fitted on and the reasons
    to doubt it. Raises :class:`InputError` for features that are missing or were measured in another way than the
    model's.
    """
    with _server_part("estimate_subtype"):
        from gliomics.subtype.circumstances import Circumstances
        from gliomics.subtype.predict import SubtypeModel

    estimator = load_model(model, models=models) if isinstance(model, str) else model
    if not isinstance(estimator, SubtypeModel):
        raise InputError(
            f"model '{estimator.card.name}' is a {estimator.card.task} model; estimate_subtype needs a subtype model"
        )
    circumstances = Circumstances(age, prevalence)
    estimate = estimator.estimate(row, circumstances)
    return estimate if edge is None else estimator.with_margin(estimate, row, circumstances, edge)


def _loaded(folder: ModelFolder) -> LoadedModel:
    if folder.card.task == "subtype":
        from gliomics.subtype.predict import SubtypeModel

        return SubtypeModel(folder)
    if folder.card.task == "refinement":
        from gliomics.interactive.refine import Refiner

        return Refiner(folder)
    if folder.card.task == "slice_classification":
        from gliomics.segmentation.slice_classification import SliceClassifierModel

        return SliceClassifierModel(folder)
    from gliomics.segmentation.segmenter import Segmenter

    return Segmenter(folder)


def _check_same_study(study: Study, mask: str | Path | Mask | Segmentation) -> None:
    if isinstance(study_id := getattr(mask, "study_id", None), str) and study_id != study.id:
        raise InputError(f"the mask is of study '{study_id}', not of '{study.id}'; segment that one")


@contextlib.contextmanager
def _mask_file(study: Study, mask: str | Path | Mask | Segmentation) -> Iterator[Path]:
    """The file of a mask, written for as long as it is read where there is none."""
    if isinstance(mask, str | Path):
        yield Path(mask)
        return
    with tempfile.TemporaryDirectory(prefix="gliomics-") as folder:
        if isinstance(mask, Volume):
            path = Path(folder) / f"{study.id}.nii.gz"
            write_mask(mask, path)
        else:
            path = Path(folder) / f"{study.id}{mask.suffix}"
            mask.write_mask(path)
        yield path


@contextlib.contextmanager
def _server_part(what: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (missing := server_part_missing(error, what)) is None:
            raise
        raise DependencyError(missing) from error
