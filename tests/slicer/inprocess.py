"""A backend in this process, for tests of the panel that no server is needed for: it thresholds and counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from RadiogenomicsLib.server.analysis import Analysis
from RadiogenomicsLib.server.backends import (
    FINAL,
    PARTIAL,
    CaseFiles,
    DownloadedStudy,
    Exports,
    PartialLabel,
    ReportProgress,
    Segmented,
)
from RadiogenomicsLib.server.offer import Model, ServerInfo
from RadiogenomicsLib.server.prompts import Prompt, Said
from RadiogenomicsLib.server.reviews import ReviewedStudy
from RadiogenomicsLib.server.savedlabels import SavedLabel
from RadiogenomicsLib.server.volumes import OrientedImage, readNifti, writeNifti

from gliomics.client.heat_maps import HeatMap
from gliomics.errors import GliomicsError
from gliomics.files import write_text
from gliomics.reading.record import ClassBar, EstimateReading, Fact, KeyFeature, Reading, VasariReading
from gliomics.records import Box, Click, FeatureRow, SubtypeEstimate

THRESHOLD = 150.0

ESTIMATE = SubtypeEstimate(
    study_id="glioma-01",
    model="subtype_coc2",
    model_version="1",
    target="COC cluster",
    predicted="coc2",
    probabilities={"coc1": 0.24, "coc2": 0.61, "coc3": 0.15},
    intervals={"coc1": [0.12, 0.38], "coc2": [0.45, 0.74], "coc3": [0.06, 0.27]},
    inside_training_range=True,
    population="invented patients with lower-grade glioma",
    n_training=88,
    performance="AUC 0.71 (0.62 to 0.80), cross-validated by patient.",
)

SUBTYPE = Model(
    "subtype_coc2",
    "subtype",
    "COC cluster",
    version="1",
    question="COC cluster",
    classes={"coc2": "coc2", "coc1": "coc1", "coc3": "coc3"},
    shares={"coc2": 0.4, "coc1": 0.35, "coc3": 0.25},
    usesAge=True,
)

ESTIMATE_READING = EstimateReading(
    "COC cluster",
    "coc2 more likely than coc1",
    "plain",
    [
        ClassBar("coc2", "coc2", 0.61, 0.45, 0.74, "0.61 (0.45 to 0.74)", 0.4, in_set=True),
        ClassBar("coc1", "coc1", 0.24, 0.12, 0.38, "0.24 (0.12 to 0.38)", 0.35, in_set=True),
        ClassBar("coc3", "coc3", 0.15, 0.06, 0.27, "0.15 (0.06 to 0.27)", 0.25, in_set=False),
    ],
    meaning="Clusters of tumours by their molecules",
    reasons=["round outline", "small oedema"],
    details=["Fitted on 88 invented patients", "AUC 0.71 (0.62 to 0.80), cross-validated by patient"],
    model="subtype_coc2",
    version="1",
)


NETWORK = Model(
    "network_spots",
    "tumour_network",
    "Spots",
    {},
    ("flair",),
    version="3",
    question="spot",
    classes={"plain": "plain", "spotted": "with a spot"},
)

VASARI = VasariReading(
    [Fact("F1 Location", "frontal lobe", explanation="the lobe with the most of it")],
    [Fact("F8 Cysts", "seen in images"), Fact("F16 Haemorrhage", "seen in images")],
    "The images were laid on an atlas.",
)


class InProcessBackend:
    """Holds one study; ``gate`` can hold its answers back, ``error`` makes it fail."""

    def __init__(self, study: dict[str, OrientedImage], studyId: str = "glioma-01") -> None:
        self.study = study
        self.studyId = studyId
        self.gate = threading.Event()
        self.gate.set()
        self.interrupted = threading.Event()
        self.calls = 0
        self.error: Exception | None = None
        self.tell: Callable[[str], None] = lambda text: None
        self.estimate = ESTIMATE
        self.estimateReading = ESTIMATE_READING
        self.labels = {"tumour": 1}
        self.moreSubtypes: tuple[Model, ...] = ()
        self.reason = "Most uncertain of the 5 studies without a final label (score 0.42)."
        self.slices: tuple[int, ...] = (1, 3, 4)
        self.corrects = False
        self.networks: tuple[Model, ...] = ()
        self.forgets = False
        """Whether a stroke's answer has nothing but the stroke."""
        self.maps: list[tuple[str, str]] = []
        self.numberings: list[str] = []
        self.options: list[dict[str, Any]] = []
        """What was said of the patient, by request."""
        self.corrections: list[list[Prompt]] = []
        self.featureWarnings: list[str] = []
        self.featureDiagnostics: dict[str, Any] = {}
        self.cases: list[CaseFiles] = []
        self.submitted: list[tuple[str, OrientedImage, dict[str, Any], str]] = []
        self.decisions: list[tuple[str, str]] = []
        self.threads: set[int] = set()
        self.askedWith: list[tuple[str, str]] = []
        self.users: list[str] = []

    def forUrl(self, url: str, token: str, user: str) -> InProcessBackend:
        self.askedWith.append((url, token))
        self.users.append(user)
        return self

    def _enter(self) -> None:
        self.calls += 1
        self.threads.add(threading.get_ident())
        self.interrupted.clear()
        end = time.monotonic() + 20
        while not self.gate.wait(0.005):
            assert time.monotonic() < end
            if self.interrupted.is_set():
                raise Refusal("the request was interrupted")
        if self.error is not None:
            raise self.error

    def interrupt(self) -> None:
        self.interrupted.set()

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def describe(self) -> ServerInfo:
        self._enter()
        return ServerInfo(
            name="Gliomics",
            version="0.1.0",
            models=(
                Model("segmentation_flair", "segmentation", "tumour on FLAIR", self.labels, ("flair",), (), "1"),
                Model(
                    "segmentation_multi",
                    "segmentation",
                    "tumour on T1, T1c and FLAIR",
                    self.labels,
                    ("flair",),
                    ("t1", "t1c"),
                    "1",
                ),
                *([Model("correction", "refinement", "corrects", self.labels, ("flair",))] if self.corrects else []),
                Model("radiomics", "radiomics", "features of a segment"),
                SUBTYPE,
                *self.moreSubtypes,
                *self.networks,
            ),
            strategies=("hybrid", "uncertainty"),
            slicingStrategies=("hybrid",),
            studies=6,
            labelled=1 + len(self.submitted),
        )

    def nextStudy(self, strategy: str, slices: int, folder: Path, report: ReportProgress) -> DownloadedStudy:
        self._enter()
        files = {}
        for index, (sequence, image) in enumerate(self.study.items()):
            report(f"downloading {sequence}", index / len(self.study))
            files[sequence] = folder / f"{sequence}.nii.gz"
            writeNifti(image, files[sequence])
        return DownloadedStudy(self.studyId, self.reason, files, self.slices[:slices])

    def images(self, studyId: str, folder: Path, report: ReportProgress) -> DownloadedStudy:
        assert studyId == self.studyId
        return self.nextStudy("", 0, folder, report)

    def reviews(self) -> tuple[ReviewedStudy, ...]:
        """The one study: a final label is to be reviewed until it is."""
        self._enter()
        saved = [tag for _, _, _, tag in self.submitted]
        if FINAL not in saved:
            return (ReviewedStudy(self.studyId),)
        decision = self.decisions[-1] if self.decisions else ("submitted", "")
        return (
            ReviewedStudy(
                self.studyId, "", decision[0], FINAL, len(saved), "Anna", "2026-11-29T01:16:07", decision[1], "Rita"
            ),
        )

    def review(self, study: ReviewedStudy, state: str, comment: str) -> bool:
        self._enter()
        self.decisions.append((state, comment))
        return False

    def segment(self, model: str, case: CaseFiles, folder: Path) -> Segmented:
        self._enter()
        self.cases.append(case)
        image = self.study["flair"] if case.studyId else readNifti(case.files["flair"])
        writeNifti(OrientedImage((image.array > THRESHOLD).astype(np.uint8), image.ijkToRas), folder / "mask.nii.gz")
        return Segmented(folder / "mask.nii.gz", self.labels)

    def voxelMap(self, model: str, case: CaseFiles, kind: str, folder: Path) -> Path:
        """0.9 in the bright block and 0.2 elsewhere; its entropy in bits for the uncertainty."""
        self._enter()
        self.maps.append((model, kind))
        image = self.study["flair"] if case.studyId else readNifti(case.files["flair"])
        probability = np.where(image.array > THRESHOLD, 0.9, 0.2).astype(np.float32)
        entropy = -(probability * np.log2(probability) + (1 - probability) * np.log2(1 - probability))
        writeNifti(
            OrientedImage(probability if kind == "probability" else entropy, image.ijkToRas), folder / "map.nii.gz"
        )
        return folder / "map.nii.gz"

    def heatMap(self, model: str, case: CaseFiles, mask: Path, region: str) -> HeatMap:
        """Brighter voxels of the segment speak for a spot, darker ones against it."""
        self._enter()
        self.maps.append((model, region))
        self.cases.append(case)
        voxels = readNifti(mask)
        image = self.study["flair"] if case.studyId else readNifti(case.files["flair"])
        inside = voxels.array > 0
        heat = np.where(inside, (image.array - image.array[inside].mean()) / 10, 0).astype(np.float32)
        path = mask.with_name("heat.nii.gz")
        writeNifti(OrientedImage(heat, image.ijkToRas), path)
        estimate = replace(ESTIMATE, model=model, target="spot", predicted="spotted")
        return HeatMap(estimate, path.read_bytes(), ["spot by network_spots: with a spot 0.61 <of 2>."])

    def correct(self, model: str, case: CaseFiles, mask: Path, said: Said, folder: Path) -> Path:
        """Adds or removes the voxels around the last click within its slice, of a stroke, or of a box."""
        self._enter()
        self.corrections.append(list(said.prompts))
        until_now, last = readNifti(mask), said.prompts[-1]
        if isinstance(last, Click):
            i, j, k = last.voxel
            until_now.array[k, max(j - 1, 0) : j + 2, max(i - 1, 0) : i + 2] = last.lesion
        elif isinstance(last, Box):
            (i, i2), (j, j2), (k, k2) = (sorted(pair) for pair in zip(last.first, last.second, strict=True))
            until_now.array[k : k2 + 1, j : j2 + 1, i : i2 + 1] = last.lesion
        else:
            assert (until_now.array[last.index] == (3 if last.lesion else 2)).all()
            keeps = (3,) if self.forgets else (1, 3)
            until_now.array[...] = np.isin(until_now.array, keeps)
        writeNifti(until_now, folder / "corrected.nii.gz")
        return folder / "corrected.nii.gz"

    def analyse(self, case: CaseFiles, mask: Path, region: str, options: dict[str, Any]) -> Analysis:
        self._enter()
        self.options.append(options)
        self.cases.append(case)
        voxels = readNifti(mask)
        image = self.study["flair"] if case.studyId else readNifti(case.files["flair"])
        inside = image.array[voxels.array > 0]
        values = {
            "original_shape_VoxelVolume": float((voxels.array > 0).sum() * np.prod(voxels.spacing)),
            "flair_original_firstorder_Mean": float(inside.mean()),
            "flair_original_firstorder_Entropy": 3.21,
            "flair_original_glcm_JointEnergy": 0.0123,
        }
        features = FeatureRow(
            case.studyId or "upload", region, values, dict(self.featureDiagnostics), list(self.featureWarnings)
        )
        return Analysis(features, (self.estimate,), self._reading(features))

    def export(self, case: CaseFiles, mask: Path, exports: Exports) -> None:
        self._enter()
        self.options.append(exports.options)
        self.cases.append(case)
        array = readNifti(mask).array
        self.numberings += [exports.numbering] if exports.numbering else []
        voxels = int((array > 0 if exports.numbering else array == exports.values[exports.segment]).sum())
        for name, path in exports.paths.items():
            write_text(path, f"{name} of {exports.segment} of {case.studyId or exports.title}: {voxels} voxels")

    def analyseParts(
        self, case: CaseFiles, label: Path, numbering: str, options: dict[str, Any]
    ) -> dict[str, Analysis | str]:
        """The whole, and those parts that the numbering names."""
        self._enter()
        self.options.append(options)
        self.numberings.append(numbering)
        voxels, parts = readNifti(label), dict(entry.split("=") for entry in numbering.split(","))
        values = {part: int(value) for value, part in parts.items()}
        answers: dict[str, Analysis | str] = {}
        known = "oedema" in values or "tumour" in values
        for region in ("whole", "enhancing", "oedema"):
            if not known and region != "enhancing":
                answers[region] = f"region '{region}' is unknown"
                continue
            inside = voxels.array > 0 if region == "whole" else voxels.array == values.get(region, -1)
            if inside.any():
                row = FeatureRow(case.studyId or "upload", region, {"original_shape_VoxelVolume": float(inside.sum())})
                volume = Fact("Volume", f"{inside.sum()} voxels", float(inside.sum()), "voxels")
                told = VASARI if region == "whole" else None
                facts = [volume, Fact("Side", "left"), Fact("Location", "frontal lobe 80%")]
                answers[region] = Analysis(row, (), Reading(row.study_id, region, region, facts, vasari=told))
            else:
                answers[region] = f"region '{region}' is empty"
        return answers

    def _reading(self, features: FeatureRow) -> Reading:
        volume = features.values["original_shape_VoxelVolume"]
        mean = features.values["flair_original_firstorder_Mean"]
        return Reading(
            features.study_id,
            features.region,
            features.region,
            [
                Fact("Volume", f"{volume / 1000:.1f} cm\u00b3", volume / 1000, "cm\u00b3", "counted in voxels"),
                Fact("Side", "left", explanation="of the middle of the head"),
            ],
            [self.estimateReading],
            [
                KeyFeature(
                    "flair_original_firstorder_Mean",
                    "Mean on FLAIR",
                    mean,
                    f"{mean:.0f}",
                    percentile=97,
                    percentile_text="97th",
                    stability_text="stable",
                    tone="caution",
                )
            ],
            "Percentiles are among 88 invented patients.",
            list(self.featureWarnings),
        )

    def partialLabel(self, studyId: str, folder: Path) -> PartialLabel | None:
        self._enter()
        saved = [(mask, notes) for _, mask, notes, tag in self.submitted if tag == PARTIAL]
        if not saved:
            return None
        writeNifti(saved[-1][0], folder / "partial.nii.gz")
        return PartialLabel(folder / "partial.nii.gz", tuple(saved[-1][1]["slices_done"]))

    def labelsOf(self, studyId: str) -> tuple[SavedLabel, ...]:
        self._enter()
        saved = [(notes, tag) for study, _, notes, tag in self.submitted if study == studyId]
        return tuple(
            SavedLabel(tag, number + 1, segments=notes["segments"], isCurrent=number + 1 == len(saved))
            for number, (notes, tag) in reversed([*enumerate(saved)])
        )

    def label(self, studyId: str, label: SavedLabel, folder: Path) -> Path:
        self._enter()
        writeNifti(self.submitted[(label.version or 1) - 1][1], folder / "label.nii.gz")
        return folder / "label.nii.gz"

    def submit(self, studyId: str, mask: Path, notes: dict[str, Any], tag: str) -> None:
        self._enter()
        self.submitted.append((studyId, readNifti(mask), notes, tag))


class Refusal(GliomicsError):
    """What a server says no with."""
