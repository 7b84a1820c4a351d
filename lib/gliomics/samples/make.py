"""The folder of sample studies: images, true masks, manifest and a note for readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gliomics.files import sha256_of, write_json, write_text
from gliomics.samples.draw import MASK_LABELS, draw
from gliomics.samples.synthetic_patients import DEFAULT_SEED, SyntheticPatient, Timepoint, synthetic_patients
from gliomics.study.folder import new_study_folder, read_study_folder, write_study_json
from gliomics.study.images import write_mask, write_volume
from gliomics.study.records import Study

MANIFEST = "manifest.json"
TRUTH_FOLDER = "truth"

Progress = Callable[[int, int, str], None]
"""Called with examinations done, examinations in all, and the study just written."""


def make_samples(dest: Path, *, seed: int = DEFAULT_SEED, progress: Progress | None = None) -> list[Study]:
    """Write the synthetic studies, their true masks and ``manifest.json`` to the new folder ``dest``.

    The same seed gives the same bytes. Returns the studies, one per time point. Raises
    :class:`~gliomics.errors.InputError` when ``dest`` exists; nothing is left behind on an error.
    """
    return write_samples(dest, synthetic_patients(seed), seed=seed, progress=progress)


def write_samples(
    dest: Path, patients: Sequence[SyntheticPatient], *, seed: int, progress: Progress | None = None
) -> list[Study]:
    """What :func:`make_samples` does, for the given patients; ``seed`` is noted in the manifest."""
    dest = Path(dest)
    total = sum(len(patient.timepoints) for patient in patients)
    entries: list[dict[str, Any]] = []
    with new_study_folder(dest) as staging:
        for patient in patients:
            studies = []
            for timepoint in patient.timepoints:
                study, entry = _write_examination(staging, patient, timepoint)
                studies.append(study)
                entries.append(entry)
                if progress:
                    progress(len(entries), total, study.id)
            write_study_json(staging / patient.id, studies)
        write_json(staging / MANIFEST, {"format": 1, "seed": seed, "mask_labels": MASK_LABELS, "studies": entries})
        write_text(staging / "README.md", _readme(patients))
    return [study for patient in patients for study in read_study_folder(dest / patient.id)]


def _write_examination(root: Path, patient: SyntheticPatient, timepoint: Timepoint) -> tuple[Study, dict[str, Any]]:
    """Write one examination's images and true mask; return its study and its manifest entry."""
    folder = root / patient.id
    study_id = patient.study_id(timepoint)
    images = folder if len(patient.timepoints) == 1 else folder / timepoint.name
    drawing = draw(patient, timepoint)
    sequences = {name: images / f"{name}.nii.gz" for name in drawing.volumes}
    for name, path in sequences.items():
        write_volume(drawing.volumes[name], path)
    truth = root / TRUTH_FOLDER / f"{study_id}.nii.gz"
    write_mask(drawing.mask, truth)
    study = Study(
        id=study_id,
        patient_id=patient.patient_id,
        folder=folder,
        sequences=sequences,
        timepoint=timepoint.name,
        date=timepoint.date,
        source={"kind": "synthetic", "made_by": "gliomics make-samples"},
    )
    files = [*sequences.values(), truth]
    entry = {
        "id": study_id,
        "patient_id": patient.patient_id,
        "timepoint": timepoint.name,
        "mask": truth.relative_to(root).as_posix(),
        "subtype": {"IDH": patient.idh, "COC": patient.coc},
        "story": patient.story,
        "sha256": {path.relative_to(root).as_posix(): sha256_of(path) for path in files},
    }
    return study, entry


def _readme(patients: Sequence[SyntheticPatient]) -> str:
    rows = "\n".join(
        f"| {patient.id} | {patient.idh} | {patient.coc} | {patient.story} | {_times(patient)} |"
        for patient in patients
    )
    labels = ", ".join(f"{value} = {name}" for name, value in MASK_LABELS.items())
    return _README.format(count=len(patients), rows=rows, labels=labels)


def _times(patient: SyntheticPatient) -> str:
    return ", ".join(timepoint.name for timepoint in patient.timepoints)


_README = """# Sample studies

{count} synthetic glioma studies with T1, contrast-enhanced T1, T2 and FLAIR, written by
`gliomics make-samples`. They are drawn from formulas and a seed: no patient's image is in
them. Use them to try Gliomics and to test it; nothing learnt from them holds for patients.

| study | IDH | COC | what it shows | time points |
|---|---|---|---|---|
{rows}

- One folder per study with `study.json`, which names the sequences of each time point.
- `truth/<study id>.nii.gz`: the true mask ({labels}), kept out of
  `labels/` so that the studies count as not yet annotated.
- `manifest.json`: the seed, the planted subtype and the SHA-256 of every image and mask.
- 144 x 144 x 24 voxels of 1.5 x 1.5 x 5 mm, 8-bit levels, all sequences of a time point on one grid.
"""
