"""The synthetic patients: who they are, where their tumour lies and how its subtype shows.

The appearances follow what radiologists describe: IDH-wildtype tumours (COC2) have
irregular margins, enhancing rims around necrosis and long oedema; IDH-mutant,
1p/19q-intact ones (COC1) may show the T2-FLAIR mismatch; codeleted ones (COC3) are
drawn rounder and more homogeneous. They illustrate; they are no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from gliomics.samples.scanner import Scanner
from gliomics.samples.tissues import Head
from gliomics.samples.tumour import Tumour

DEFAULT_SEED = 20240611
"""The seed of the studies that ship in ``sample_studies/``."""


@dataclass(frozen=True)
class Pose:
    """How the head lay in the scanner: turn to the left, nod and tilt in degrees."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Timepoint:
    """One examination: when, how the head lay, the tumour then, and the scanner."""

    name: str
    date: str
    pose: Pose
    tumour: Tumour
    scanner: Scanner


@dataclass(frozen=True)
class SyntheticPatient:
    """One patient with the planted subtype."""

    id: str
    head: Head
    idh: str
    coc: str
    story: str
    timepoints: tuple[Timepoint, ...]

    @property
    def patient_id(self) -> str:
        """Identifier of the patient, the same at all time points."""
        return self.id.upper()

    def study_id(self, timepoint: Timepoint) -> str:
        """Id of one examination as a study: the first has the patient's own."""
        return self.id if timepoint is self.timepoints[0] else f"{self.id}_{timepoint.name}"


class _Description(NamedTuple):
    """A patient at the first examination, without the seeds; ``coc`` is the subtype."""

    head: Head
    coc: str
    story: str
    pose: Pose
    tumour: Tumour
    scanner: Scanner


def synthetic_patients(seed: int = DEFAULT_SEED) -> list[SyntheticPatient]:
    """The seven patients; ``seed`` changes folds, margins, textures and noise, not who they are."""
    return [_patient(described, seed, number) for number, described in enumerate(_descriptions(), start=1)]


def _patient(described: _Description, seed: int, number: int) -> SyntheticPatient:
    head = replace(described.head, seed=(seed, number, 1))
    tumour = replace(described.tumour, seed=(seed, number, 2))
    scanner = replace(described.scanner, seed=(seed, number, 3))
    baseline = Timepoint("baseline", f"2023-{number + 1:02d}-14", described.pose, tumour, scanner)
    timepoints = (baseline, _progressed(baseline, seed, number)) if number == _FOLLOWED_UP else (baseline,)
    idh = "wildtype" if described.coc == "coc2" else "mutant"
    return SyntheticPatient(f"sample-{number:02d}", head, idh, described.coc, described.story, timepoints)


_FOLLOWED_UP = 3
"""Number of the patient who is examined twice."""


def _progressed(baseline: Timepoint, seed: int, number: int) -> Timepoint:
    """Eight months later: the tumour has grown, pushes more and begins to enhance."""
    grown = replace(
        baseline.tumour,
        radius=baseline.tumour.radius * 1.22,
        push_mm=baseline.tumour.push_mm + 2.5,
        fingers=10.0,
        nodules=0.9,
    )
    pose = Pose(baseline.pose.yaw - 2.0, baseline.pose.pitch + 1.5, baseline.pose.roll + 0.8)
    return Timepoint(
        "followup", "2023-12-12", pose, grown, replace(baseline.scanner, seed=(seed, number, 4), noise=2.0)
    )


def _descriptions() -> list[_Description]:
    # fmt: off
    return [
        _Description(
            Head((), width=1.02, length=0.98, ventricles=0.9, sulci=0.8, asymmetry=-0.2),
            "coc3",
            "round, homogeneous right frontal tumour without enhancement",
            Pose(3.0, 2.0, -1.0),
            Tumour((31, 36, 28), 19.0, (), irregularity=0.06, fingers=3.0, texture=0.05, push_mm=5.0),
            Scanner((), noise=2.2, shading=0.10),
        ),
        _Description(
            Head((), width=0.99, length=1.02, ventricles=1.3, sulci=1.25, asymmetry=0.3),
            "coc2",
            "left temporal tumour, ring enhancement around necrosis, long oedema",
            Pose(-4.0, 4.0, 1.5),
            Tumour(
                (-44, -16, -6), 17.0, (), (0.9, 1.2, 1.0), irregularity=0.15, fingers=15.0,
                rim_mm=4.0, necrosis=True, texture=0.09, push_mm=7.0,
            ),
            Scanner((), noise=2.6, shading=0.14, gain=0.95),
        ),
        _Description(
            Head((), width=0.97, length=0.97, height=0.98, ventricles=0.8, sulci=0.75, asymmetry=0.2),
            "coc1",
            "left frontal tumour with T2-FLAIR mismatch; grown, with first enhancement, at follow-up",
            Pose(2.0, -2.0, 0.5),
            Tumour(
                (-29, 30, 22), 17.5, (), (1.0, 1.15, 1.0), irregularity=0.10, fingers=5.0,
                mismatch=0.85, texture=0.06,
            ),
            Scanner((), noise=2.2, shading=0.12, gain=1.05),
        ),
        _Description(
            Head((), width=1.0, length=1.03, ventricles=1.2, sulci=1.15, asymmetry=-0.4),
            "coc2",
            "right parietal tumour, thick irregular rim, necrosis and mass effect",
            Pose(5.0, 1.0, -2.0),
            Tumour(
                (33, -36, 33), 18.0, (), (1.0, 1.1, 1.0), irregularity=0.17, fingers=13.0,
                rim_mm=5.0, necrosis=True, texture=0.09, push_mm=7.5,
            ),
            Scanner((), noise=2.8, shading=0.13, gain=1.0),
        ),
        _Description(
            Head((), width=0.98, length=0.96, height=0.97, ventricles=1.0, sulci=1.0, asymmetry=0.2),
            "coc3",
            "well-defined left parasagittal frontal tumour, homogeneous",
            Pose(-2.0, 3.0, 2.0),
            Tumour((-21, 27, 45), 17.0, (), (1.0, 1.1, 0.95), irregularity=0.05, fingers=3.5, texture=0.05),
            Scanner((), noise=1.9, shading=0.09, gain=0.92),
        ),
        _Description(
            Head((), width=1.03, length=1.0, ventricles=0.95, sulci=0.9, asymmetry=-0.3),
            "coc1",
            "large right temporo-insular tumour, homogeneous core, thin FLAIR rim",
            Pose(1.0, 0.0, 1.0),
            Tumour(
                (42, 2, -4), 21.0, (), (0.85, 1.2, 0.95), irregularity=0.09, fingers=6.0,
                mismatch=0.45, texture=0.07,
            ),
            Scanner((), noise=2.4, shading=0.12, gain=1.08),
        ),
        _Description(
            Head((), width=0.99, length=1.01, ventricles=1.15, sulci=1.2, asymmetry=0.3),
            "coc2",
            "infiltrating left parieto-occipital tumour with patchy enhancement",
            Pose(-3.0, 2.0, -1.0),
            Tumour(
                (-27, -50, 20), 16.0, (), (1.0, 1.15, 1.1), irregularity=0.19, fingers=14.0,
                nodules=0.7, texture=0.09, push_mm=4.0,
            ),
            Scanner((), noise=2.5, shading=0.15, gain=0.97),
        ),
    ]
