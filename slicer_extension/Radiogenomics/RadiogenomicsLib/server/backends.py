"""Where computation happens: what the panel asks for, and a Gliomics server that answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from slicer.i18n import tr as _

from gliomics.client import ClientError, GliomicsClient, is_loopback
from gliomics.client.heat_maps import HeatMap
from gliomics.records import FeatureRow
from RadiogenomicsLib.server.analysis import Analysis, analysisOf, analysisOfAnswer, noted, readingOf
from RadiogenomicsLib.server.learning import Lease, leaseOf
from RadiogenomicsLib.server.offer import ServerInfo, labelsOf, offerOf
from RadiogenomicsLib.server.prompts import Said
from RadiogenomicsLib.server.reviews import ReviewedStudy
from RadiogenomicsLib.server.savedlabels import SavedLabel

UNNAMED = "image"
"""The sequence of a study that is one image whose sequence is not known."""

FINAL, PARTIAL = "final", "partial"
"""Tags of a label of a whole study and of one of some of its slices."""

ReportProgress = Callable[[str, "float | None"], None]
"""Called with what is being done and how far it is, between 0 and 1 or None."""


@dataclass(frozen=True)
class CaseFiles:
    """The images to compute on: a study that the server has, or files to upload, by sequence."""

    studyId: str | None = None
    files: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Exports:
    """What to export: a segment by its name, into a file for each format.

    ``values`` are those of all segments in the mask by name; ``title`` is what images are called that are no study of
    the server; ``options`` say what is known of the patient. With a ``numbering``, as of parts, all parts are exported.
    """

    segment: str
    title: str
    paths: dict[str, Path]
    values: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    numbering: str = ""


@dataclass(frozen=True)
class DownloadedStudy:
    """The study to annotate next, why, and its files by sequence; an empty ``studyId`` when none is left.

    ``slices`` are the numbers of its axial slices that are worth most, where some were asked for. ``patientId`` is
    whose it is, as far as the server says.
    """

    studyId: str
    reason: str
    files: dict[str, Path]
    slices: tuple[int, ...] = ()
    patientId: str = ""
    held: Lease | None = None
    """Who else has it, where all that are left are with somebody."""


@dataclass(frozen=True)
class PartialLabel:
    """A label of some slices: its mask file, and the numbers of these slices."""

    mask: Path
    slices: tuple[int, ...]


@dataclass(frozen=True)
class Segmented:
    """A mask file, the names of its label values, and what the server says about it."""

    mask: Path
    labels: dict[str, int]
    warnings: tuple[str, ...] = ()


class Backend(Protocol):
    """All calls block, so they are made in the thread of a job; errors are ``gliomics.errors.GliomicsError``."""

    def describe(self) -> ServerInfo:
        """What the backend offers."""

    def nextStudy(self, strategy: str, slices: int, folder: Path, report: ReportProgress) -> DownloadedStudy:
        """Choose the study to annotate next and that many of its slices; its images are put into ``folder``."""

    def segment(self, model: str, case: CaseFiles, folder: Path) -> Segmented:
        """Segment a case; the mask is written into ``folder``."""

    def voxelMap(self, model: str, case: CaseFiles, kind: str, folder: Path) -> Path:
        """A segmentation model's ``"probability"`` or ``"uncertainty"`` in each voxel; written into ``folder``."""

    def heatMap(self, model: str, case: CaseFiles, mask: Path, region: str) -> HeatMap:
        """What a tumour network estimates of the voxels of ``mask`` that are not 0, and what speaks for it."""

    def correct(self, model: str, case: CaseFiles, mask: Path, said: Said, folder: Path) -> Path:
        """``mask`` after the last that was said, which it has where that is a stroke on a whole lesion."""

    def analyse(self, case: CaseFiles, mask: Path, region: str, options: dict[str, Any]) -> Analysis:
        """Features of the voxels of ``mask`` that are not 0, and every subtype estimate from them.

        ``options`` are what is known of the patient, and ``"margin": False`` where the range over moved edges would
        take too long.
        """

    def analyseParts(
        self, case: CaseFiles, label: Path, numbering: str, options: dict[str, Any]
    ) -> dict[str, Analysis | str]:
        """Every region of a tumour by its name: the whole with VASARI features, core, enhancing part, oedema, ring.

        ``numbering`` says which value of ``label`` is which part; of a region that there is none of, the reason.
        """

    def export(self, case: CaseFiles, mask: Path, exports: Exports) -> None:
        """What is measured and read of a segment in ``mask``, as files; DICOM has the other segments beside it."""

    def partialLabel(self, studyId: str, folder: Path) -> PartialLabel | None:
        """The label of some slices that a study has, if any; its mask is put into ``folder``."""

    def labelsOf(self, studyId: str) -> tuple[SavedLabel, ...]:
        """Every version of every label of a study, the newest of each tag first."""

    def label(self, studyId: str, label: SavedLabel, folder: Path) -> Path:
        """The mask of one of them, put into ``folder``."""

    def submit(self, studyId: str, mask: Path, notes: dict[str, Any], tag: str) -> None:
        """Save ``mask`` as the label of a study with this tag, :data:`FINAL` or :data:`PARTIAL`."""

    def reviews(self) -> tuple[ReviewedStudy, ...]:
        """Every study with the state of its label."""

    def images(self, studyId: str, folder: Path, report: ReportProgress) -> DownloadedStudy:
        """The images of a study that is asked for by name, put into ``folder``."""

    def review(self, study: ReviewedStudy, state: str, comment: str) -> bool:
        """Say of a study's label, as it was looked at, what is to become of it; whether it is the reviewer's own."""

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """Have ``tell`` called, from any thread, with what a call waits for. It does not block."""

    def interrupt(self) -> None:
        """End the calls that are under way in other threads: they raise. It does not block."""


def isLoopback(url: str) -> bool:
    """Whether the address is this computer, so that nothing sent to it leaves it."""
    return is_loopback(urlsplit(url).hostname or "")


def hostOf(url: str) -> str:
    """Scheme, host and port of an address, as consent is remembered for it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def sameServer(a: str, b: str) -> bool:
    """Whether two addresses may be of one server; one on this computer may have another port from day to day."""
    return hostOf(a) == hostOf(b) or (isLoopback(a) and isLoopback(b))


def addressError(url: str) -> str:
    """What is wrong with a server address; empty when it can be used."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    return "" if valid else _("'{url}' is not a server address: write it like http://127.0.0.1:8000").format(url=url)


def tokenError(token: str) -> str:
    """What is wrong with an access token; empty when it can be sent, as can none at all."""
    usable = token.isascii() and token.isprintable() and " " not in token
    return (
        "" if usable else _("The token has characters that no token has: paste it again, without anything around it.")
    )


class ServerBackend:
    """A Gliomics server, or any MONAI Label server as far as it goes, over REST.

    ``token`` where it asks for one; ``user`` is who takes studies and saves labels, where no token says so.
    """

    def __init__(self, url: str, token: str = "", user: str = "") -> None:
        self._client = GliomicsClient(url, token=token or None, user=user or None)

    def describe(self) -> ServerInfo:
        """The server's ``/info/`` in the panel's terms."""
        return offerOf(self._client.info())

    def nextStudy(self, strategy: str, slices: int, folder: Path, report: ReportProgress) -> DownloadedStudy:
        """Active learning's choice, with every sequence of it as NIfTI."""
        choice = self._client.next_sample(strategy, **({"slices": slices} if slices else {}))
        if not choice["id"]:
            return DownloadedStudy("", str(choice.get("reason", _("nothing is left to label"))), {})
        studyId = str(choice["id"])
        numbers = tuple(int(number) for number in choice.get("slices") or ())
        held = leaseOf(studyId, choice["held"]) if choice.get("held") else None
        study = self.images(studyId, folder, report)
        return replace(study, reason=str(choice.get("reason", "")), slices=numbers, held=held)

    def images(self, studyId: str, folder: Path, report: ReportProgress) -> DownloadedStudy:
        """Every sequence of a study as NIfTI."""
        info = self._client.image_info(studyId)
        files = {}
        for index, sequence in enumerate(info.get("sequences") or [UNNAMED]):
            path = folder / f"{index}.nii.gz"  # a name from the server is not made a file name
            name = None if sequence == UNNAMED else sequence
            self._client.download_image(studyId, path, name, progress=_bytesReported(report, studyId, sequence))
            files[sequence] = path
        held = leaseOf(studyId, info["held"]) if info.get("held") else None
        return DownloadedStudy(studyId, "", files, patientId=str(info.get("patient_id") or ""), held=held)

    def segment(self, model: str, case: CaseFiles, folder: Path) -> Segmented:
        """The mask of a segmentation model."""
        answer = self._client.infer(model, case.studyId, files=case.files or None)
        if answer.label is None:
            raise ClientError(
                _("'{model}' answered without a mask; choose a model for segmentation").format(model=model)
            )
        mask = folder / "mask.nii.gz"
        mask.write_bytes(answer.label)
        labels = labelsOf(answer.params.get("label_names"))
        return Segmented(mask, labels, tuple(answer.params.get("warnings", ())))

    def voxelMap(self, model: str, case: CaseFiles, kind: str, folder: Path) -> Path:
        """A map of a segmentation model."""
        answer = self._client.infer(model, case.studyId, files=case.files or None, params={"result": kind})
        if answer.label is None or answer.params.get("result") != kind:
            raise ClientError(
                _("'{model}' answered without a map of {kind}; choose one of the server's own models").format(
                    model=model, kind=kind
                )
            )
        path = folder / "map.nii.gz"
        path.write_bytes(answer.label)
        return path

    def heatMap(self, model: str, case: CaseFiles, mask: Path, region: str) -> HeatMap:
        """As the client has it."""
        return self._client.heat_map(model, case.studyId, files=case.files or None, label=mask, region=region)

    def correct(self, model: str, case: CaseFiles, mask: Path, said: Said, folder: Path) -> Path:
        """The mask of a refinement model."""
        params, files = said.options, case.files or None
        answer = self._client.infer(model, case.studyId, files=files, label=mask, params=params)
        if answer.label is None:
            raise ClientError(_("'{model}' answered without a mask; it corrects none").format(model=model))
        corrected = folder / "corrected.nii.gz"
        corrected.write_bytes(answer.label)
        return corrected

    def analyse(self, case: CaseFiles, mask: Path, region: str, options: dict[str, Any]) -> Analysis:
        """Features, their reading and estimates of every subtype model; where these are refused, the features say why.

        A server without subtype models is asked for the features alone, as is an older one that refuses a part of a
        tumour.
        """
        with ExitStack() as stack:
            target: dict[str, Any] = {"image_id": case.studyId}
            if case.studyId is None:
                target = {"session_id": stack.enter_context(self._client.session(case.files))}
            try:
                params = {"region": region, **options}
                answer = self._client.infer("subtype", **target, label=mask, params=params).params
            except ClientError as refusal:
                if refusal.status not in (400, 404):
                    raise
                answer = self._client.infer("radiomics", **target, label=mask, params={"region": region}).params
                note = (
                    _("the server has no subtype model")
                    if refusal.status == 404
                    else _("no subtype: {refusal}").format(refusal=refusal)
                )
                return Analysis(noted(FeatureRow.from_json(answer["features"]), [note]), (), readingOf(answer))
        return analysisOfAnswer(answer)

    def analyseParts(
        self, case: CaseFiles, label: Path, numbering: str, options: dict[str, Any]
    ) -> dict[str, Analysis | str]:
        """Features and their reading; a server without subtype models has no estimates in it."""
        params = {**_allParts(numbering), **options}
        with ExitStack() as stack:
            target: dict[str, Any] = {"image_id": case.studyId}
            if case.studyId is None:
                target = {"session_id": stack.enter_context(self._client.session(case.files))}
            try:
                answer = self._client.infer("subtype", **target, label=label, params=params).params
            except ClientError as refusal:
                if refusal.status != 404:
                    raise
                answer = self._client.infer("radiomics", **target, label=label, params=params).params
        if "regions" not in answer:
            raise ClientError(_("the server measures one part at a time only; it is older than this panel"))
        return {str(part["region"]): analysisOf(part) for part in answer["regions"]}

    def export(self, case: CaseFiles, mask: Path, exports: Exports) -> None:
        """Files as the server makes them, and as the client writes them: each whole."""
        paths, region = exports.paths, exports.segment
        one = {"segments": exports.values, "label_value": exports.values.get(region)}
        params = {**(_allParts(exports.numbering) if exports.numbering else one), **exports.options}
        if case.studyId is not None:
            self._client.export(paths, case.studyId, label=mask, region=region, params=params)
            return
        if title := re.sub(r"[^A-Za-z0-9_-]+", "-", exports.title).strip("-_")[:128]:
            params["study_id"] = title
        with self._client.session(case.files) as sessionId:
            self._client.export(paths, session_id=sessionId, label=mask, region=region, params=params)

    def partialLabel(self, studyId: str, folder: Path) -> PartialLabel | None:
        """The current version of the label with the tag ``partial``."""
        try:
            info = self._client.label_info(studyId, PARTIAL)
            content = self._client.download_label(studyId, PARTIAL, info.get("version"))
        except ClientError as refusal:
            if refusal.status != 404:
                raise
            return None
        mask = folder / "partial.nii.gz"
        mask.write_bytes(content)
        return PartialLabel(mask, tuple(int(number) for number in info.get("slices_done", ())))

    def labelsOf(self, studyId: str) -> tuple[SavedLabel, ...]:
        """As the server lists them; none where it has no such list, as MONAI Label's own."""
        try:
            rows = self._client.labels(studyId)
        except ClientError as refusal:
            if refusal.status not in (404, 405):
                raise
            return ()
        return tuple(SavedLabel.fromJson(row) for row in rows)

    def label(self, studyId: str, label: SavedLabel, folder: Path) -> Path:
        """One version of a label."""
        path = folder / "label.nii.gz"
        path.write_bytes(self._client.download_label(studyId, label.tag, label.version))
        return path

    def submit(self, studyId: str, mask: Path, notes: dict[str, Any], tag: str) -> None:
        """Save a label as a new version."""
        self._client.save_label(studyId, mask, tag=tag, params=notes)

    def reviews(self) -> tuple[ReviewedStudy, ...]:
        """As the server lists them."""
        try:
            rows = self._client.reviews()["studies"]
        except ClientError as refusal:
            if refusal.status not in (404, 405):
                raise
            raise ClientError(_("the server has no list for reviewers; it is older than this panel")) from refusal
        return tuple(ReviewedStudy.fromJson(row) for row in rows)

    def review(self, study: ReviewedStudy, state: str, comment: str) -> bool:
        """Refused, with the status 409, where the label is another by now."""
        looked_at = {"version": study.version}
        answer = self._client.review_label(study.studyId, state, comment, tag=study.tag, looked_at=looked_at)
        return answer.get("own_label") is True

    def tellWaiting(self, tell: Callable[[str], None]) -> None:
        """As the client tells it: the position in the server's queue, and when a busy server is asked again."""
        self._client.tell_waiting(tell)

    def interrupt(self) -> None:
        """Shut the connections down."""
        self._client.interrupt()


def _allParts(numbering: str) -> dict[str, Any]:
    return {"regions": "all", "numbering": numbering, "vasari": True}


def _bytesReported(report: ReportProgress, studyId: str, sequence: str) -> Callable[[int, int | None], None]:
    def progress(received: int, total: int | None) -> None:
        report(
            _("downloading {sequence} of '{study}'").format(sequence=sequence, study=studyId),
            received / total if total else None,
        )

    return progress
