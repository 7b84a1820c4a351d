"""Studies, their masks and outcomes as what a tumour network learns from: the patches of one study of each patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gliomics.csv_files import write_csv
from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.models import ModelCard
from gliomics.segmentation.labelled import LabelledStudy, load_volumes, read_label
from gliomics.segmentation.patches import TumourPatches, tumour_patches
from gliomics.segmentation.segmenter import Segmenter
from gliomics.statistics.arrays import Array, Classes
from gliomics.study import Mask, Study, Volume, find_mask
from gliomics.study.patients import canonical_patient

OnSkipped = Callable[[str, str], None]
"""Called with the id of each study that takes no part, and the reason."""


@dataclass(frozen=True)
class TumourCohort:
    """One row per patient: the ``patches`` of a study and the position of the patient's class in ``classes``."""

    patients: list[str]
    studies: list[str]
    patches: list[TumourPatches]
    outcome: Classes
    classes: list[str]

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of which studies had which class."""
        rows = [[study, self.classes[k]] for study, k in zip(self.studies, self.outcome, strict=True)]
        return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()


def read_tumour(study: Study, masks: Path, card: ModelCard) -> tuple[dict[str, Volume], Mask]:
    """The sequences of a study that a model can use, and the tumour in its mask, of which every part counts.

    Raises :class:`InputError` and :class:`GeometryError` for what cannot be used.
    """
    mask = find_mask(masks, study.id)
    if mask is None:
        raise InputError(f"no mask {study.id}.nii.gz in {masks}; draw one, or make it with gliomics segment")
    volumes = load_volumes(study, card)
    return volumes, read_label(LabelledStudy(study, mask), next(iter(volumes.values())))


def read_cohort(
    studies: Iterable[Study],
    masks: Path,
    outcomes: Mapping[str, str],
    source: Segmenter,
    *,
    renamed: Mapping[str, str],
    on_skipped: OnSkipped = lambda study, reason: None,
) -> TumourCohort:
    """The patients who have a study, a mask and an outcome; of several studies of a patient, the first that is usable.

    ``renamed`` maps values of the outcome to class names, several values to one name where they are one class; if it is
    not empty, it must name all values, and gives the order of the classes.
    """
    rows: dict[str, tuple[str, TumourPatches, str]] = {}
    for study in sorted(studies, key=lambda study: study.id):
        patient = canonical_patient(study.patient_id)
        if patient in rows or patient not in outcomes:
            continue
        try:
            name = _named(outcomes[patient], renamed)
            volumes, mask = read_tumour(study, masks, source.card)
            volumes, _ = source.choose(volumes)
            patches = tumour_patches(volumes, mask, source.sequences, source.settings.input)
            rows[patient] = (study.id, patches, name)
        except UnknownNameError:
            raise
        except GliomicsError as error:
            on_skipped(study.id, str(error))
    if not rows:
        raise InputError(
            f"no patient has a study, a mask in {masks} and an outcome; "
            f"outcomes are of e.g. '{next(iter(outcomes), '')}'"
        )
    names = [name for _, _, name in rows.values()]
    order: Sequence[str] = list(dict.fromkeys(renamed.values())) if renamed else sorted(set(names))
    classes = [name for name in order if name in names]
    return TumourCohort(
        patients=list(rows),
        studies=[study for study, _, _ in rows.values()],
        patches=[patches for _, patches, _ in rows.values()],
        outcome=np.array([classes.index(name) for name in names], dtype=np.int64),
        classes=classes,
    )


def _named(value: str, renamed: Mapping[str, str]) -> str:
    if renamed and value not in renamed:
        raise UnknownNameError(
            f"the outcome has the value '{value}', for which no class was given; name all of its values"
        )
    return renamed.get(value, value)


def write_out_of_fold_csv(cohort: TumourCohort, by_variant: Mapping[str, Array], path: Path) -> None:
    """One row per patient, repeat and variant of a cross-validation: what networks without the patient said.

    ``by_variant`` maps names of variants to (repeats, patients, classes). The columns are ``patient_id``, ``outcome``,
    ``variant``, ``repeat`` (from 1) and ``probability_<class>``.
    """
    rows = [
        {
            "patient_id": patient,
            "outcome": cohort.classes[cohort.outcome[number]],
            "variant": variant,
            "repeat": repeat,
            **{f"probability_{name}": float(of_repeat[number, k]) for k, name in enumerate(cohort.classes)},
        }
        for variant, probabilities in by_variant.items()
        for repeat, of_repeat in enumerate(probabilities, start=1)
        for number, patient in enumerate(cohort.patients)
    ]
    write_csv(path, rows)
