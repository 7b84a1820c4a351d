"""One study from its files to its rows of features; what a worker process runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.numbering import numbering_diagnostics, numbering_warnings
from gliomics.cohort.pieces import PieceFeatures, StudyFeatures, merge
from gliomics.errors import InputError
from gliomics.features.edge import MovedEdge, measure_moved_edge
from gliomics.features.extract import RegionFeatures, StudyImages, measure_regions
from gliomics.features.regions import is_ring, is_tumour, select_region, shift_boundary
from gliomics.files import sha256_of
from gliomics.models import load_model_folder
from gliomics.models.folder import CARD
from gliomics.preprocess import lesion_mask
from gliomics.preprocess.brain import brain_mask, outside_brain
from gliomics.radiology.study import StudyVasari, vasari_of_study
from gliomics.records import FeatureRow
from gliomics.study.geometry import load_sequences
from gliomics.study.images import read_label_names, read_mask
from gliomics.study.numbering import MaskNumbering, labels_of_mask, numbering_of_mask
from gliomics.study.records import UNNAMED_SEQUENCE, Study
from gliomics.study.volumes import Mask, Volume

if TYPE_CHECKING:
    from gliomics.features.maps.measure import FeatureMap
    from gliomics.segmentation.segmenter import Segmenter

CORE_REGION = "tumour-core"
"""All of the tumour that is known where nothing says how far it reaches."""

Row = TypeVar("Row", RegionFeatures, FeatureRow)

_NO_BRAIN = (
    "region {} was kept inside the image's foreground, which is the brain only where the skull is stripped; "
    "give brain masks otherwise"
)


def measure(files: StudyFiles, extraction: Extraction) -> StudyFeatures:
    """Measure every region of one study; the rows' diagnostics name the patient.

    A region that the mask does not have, or that is too small to be measured, is left out, with the reason in
    :attr:`StudyFeatures.missing`; where none is left the first reason is raised.
    """
    return merge([measure_piece(files, extraction)], extraction)


def measure_piece(files: StudyFiles, piece: Extraction) -> PieceFeatures:
    """Measure one of the pieces of :func:`~gliomics.cohort.pieces.split`, which may be all of the work."""
    study, config = files.study, piece.config
    rings = [region for region in piece.regions if is_ring(region, config.regions)]
    images, numbering, regions, missing = _opened(files, piece, rings)
    measured = _measured(images, regions, missing, piece)
    if piece.deep_model is not None:
        measured = _with_deep_features(measured, regions, files, piece)
    if piece.vasari:
        measured = _with_vasari(measured, files, piece)
    origin: dict[str, Any] = {
        "patient_id": study.patient_id,
        "timepoint": study.timepoint,
        "date": study.date,
        "boundary_shift": piece.boundary_shift,
        "brain_mask": files.brain is not None,
    }
    return PieceFeatures(
        [
            replace(
                features,
                diagnostics=origin
                | numbering_diagnostics(features.region, numbering, config.regions)
                | features.diagnostics,
                warnings=[
                    *_ring_warnings(features.region, rings, files),
                    *numbering_warnings(features.region, numbering, config.regions),
                    *features.warnings,
                ],
            )
            for features in measured
        ],
        missing,
    )


def measure_maps(
    files: StudyFiles, extraction: Extraction, features: Sequence[str], report: Callable[[str, float], None]
) -> Iterator[tuple[str, FeatureMap]]:
    """Maps of features of every region of one study, region by region.

    As :func:`~gliomics.features.maps.measure.feature_maps`; of several regions, those that the mask lacks have none.
    """
    from gliomics.features.maps.measure import feature_maps

    rings = [region for region in extraction.regions if is_ring(region, extraction.config.regions)]
    images, _, regions, _ = _opened(files, extraction, rings)
    for region, mask in regions.items():
        maps = feature_maps(images, mask, extraction.config, features, region=region, report=report)
        yield from ((region, each) for each in maps)


def measure_edge(files: StudyFiles, extraction: Extraction, classes: Mapping[str, Sequence[str]]) -> MovedEdge:
    """Measure the one region of a study with its edge moved, as :func:`~gliomics.features.edge.measure_moved_edge`."""
    images, _, regions, _ = _opened(files, extraction, [])
    (mask,) = regions.values()
    return measure_moved_edge(images, mask, extraction.config, classes)


def _opened(
    files: StudyFiles, piece: Extraction, rings: list[str]
) -> tuple[StudyImages, MaskNumbering, dict[str, Mask], dict[str, str]]:
    """A study's images, the numbering of its mask, its regions, and why it lacks others; ``rings`` are among these."""
    study, names = files.study, files.sequences(piece.config)
    if rings and files.brain is None and piece.ring_sequence is not None:
        names = list(dict.fromkeys([piece.ring_sequence, *names]))
    volumes = load_sequences(study, names, grid_of=piece.resample_to)
    mask = read_lesion(files.mask, volumes)
    brain = read_brain(files.brain, volumes, study, [mask]) if files.brain is not None else None
    images = StudyImages(study.id, volumes, brain=brain, spacing_known=study.spacing_known)
    numbering = numbering_of_mask(
        labels_of_mask(mask),
        files.mask.name,
        given=piece.numbering,
        study=study.numbering,
        segments=read_label_names(files.mask),
        cohort=files.cohort_labels,
    )
    return (
        images,
        numbering,
        *_select(mask, numbering, images.brain_voxels() if rings else None, piece, files.mask.name),
    )


def _ring_warnings(row_region: str, rings: list[str], files: StudyFiles) -> list[str]:
    """What to beware of in the row of a ring, or of one slice of it."""
    region = row_region.split(" slice ")[0]
    if region not in rings:
        return []
    return ring_warnings(region, spacing_known=files.study.spacing_known, brain_given=files.brain is not None)


def ring_warnings(region: str, *, spacing_known: bool, brain_given: bool = False) -> list[str]:
    """What to beware of in the row of a ring."""
    warnings = [] if brain_given else [_NO_BRAIN.format(region)]
    if not spacing_known:
        warnings.append(f"the voxel size is unknown: the width of region {region} is in voxels")
    return warnings


def _measured(
    images: StudyImages, regions: Mapping[str, Mask], missing: dict[str, str], piece: Extraction
) -> list[RegionFeatures]:
    """What is measured of the regions; one that alone cannot be measured goes to ``missing`` with the reason."""
    try:
        return measure_regions(images, regions, piece.config)
    except InputError as error:
        if len(regions) == 1:
            raise
        reason = error
    measured = []
    for name, mask in regions.items():
        try:
            measured += measure_regions(images, {name: mask}, piece.config)
        except InputError as error:
            missing[name] = str(error)
    if not measured:
        raise reason
    return measured


def _with_deep_features(
    measured: list[RegionFeatures], regions: Mapping[str, Mask], files: StudyFiles, piece: Extraction
) -> list[RegionFeatures]:
    from gliomics.segmentation.embedding import deep_diagnostics, deep_features
    from gliomics.segmentation.patches import patch_features

    folder = piece.deep_model_folder()
    segmenter = _segmenter(folder.path, sha256_of(folder.path / CARD))
    names = [name for name in files.study.sequences if name in (*segmenter.sequences, UNNAMED_SEQUENCE)]
    volumes = load_sequences(files.study, names, grid_of=piece.resample_to)
    return [
        replace(
            features,
            values=features.values
            | deep_features(segmenter, volumes, regions[features.region])
            | patch_features(segmenter, volumes, regions[features.region]),
            diagnostics=features.diagnostics | deep_diagnostics(segmenter, volumes),
        )
        for features in measured
    ]


def _with_vasari(measured: list[RegionFeatures], files: StudyFiles, piece: Extraction) -> list[RegionFeatures]:
    told = vasari_of_study(files.study, files.mask, numbering=piece.numbering, cohort_labels=files.cohort_labels)
    return [
        with_vasari(features, told) if _is_told_of(features.region, told, piece) else features for features in measured
    ]


def _is_told_of(region: str, told: StudyVasari, piece: Extraction) -> bool:
    """Whether a row is of what the mask tells: all of the tumour, or its core where the whole is unknown."""
    return region == CORE_REGION if told.whole_is_unknown else is_tumour(region, piece.config.regions)


def with_vasari(row: Row, told: StudyVasari) -> Row:
    """The row of a whole tumour, or of all that is known of it, with what its mask tells.

    Numbers are among the features, words beside them.
    """
    return replace(
        row,
        values=row.values | told.report.numbers(),
        diagnostics=row.diagnostics | told.diagnostics,
        warnings=[*row.warnings, *told.warnings],
    )


@functools.lru_cache(maxsize=1)
def _segmenter(folder: Path, card_sha256: str) -> Segmenter:
    """The model of a folder; its card's hash is there so that another one is never taken for it."""
    from gliomics.segmentation.segmenter import Segmenter

    return Segmenter(load_model_folder(folder))


def read_lesion(path: Path, volumes: Mapping[str, Volume]) -> Mask:
    """A lesion's mask from its file, on the grid of the sequences, which share one."""
    name, volume = next(iter(volumes.items()))
    return lesion_mask(read_mask(path), volume, f"mask {path.name}", f"sequence '{name}'")


def read_brain(path: Path, volumes: Mapping[str, Volume], study: Study, lesions: Iterable[Mask]) -> Mask:
    """A brain's mask from its file, on the grid of the sequences, which share one, as the masks of its lesion do.

    Raises the errors of :func:`~gliomics.preprocess.brain.brain_mask`, and where it misses a lesion.
    """
    image, volume = next(iter(volumes.items()))
    name = f"brain mask {path.name}"
    brain = brain_mask(read_mask(path), volume, name, f"sequence '{image}'", spacing_known=study.spacing_known)
    for lesion in lesions:
        outside_brain(lesion.array > 0, brain, name, study.id)
    return brain


def _select(
    mask: Mask, numbering: MaskNumbering, brain: npt.NDArray[np.bool_] | None, piece: Extraction, name: str
) -> tuple[dict[str, Mask], dict[str, str]]:
    """The regions that the mask has, and why it does not have the others; rings lie where ``brain`` is true."""
    regions: dict[str, Mask] = {}
    missing: dict[str, str] = {}
    for region in piece.regions:
        try:
            inside = select_region(
                mask, region, name=name, numbering=numbering, brain=brain, defined=piece.config.regions
            )
        except InputError as error:
            if len(piece.regions) == 1:
                raise
            missing[region] = str(error)
            continue
        shift = piece.boundary_shift
        regions[region] = shift_boundary(inside, shift) if shift else inside
    if not regions:
        raise InputError(next(iter(missing.values())))
    return regions, missing
