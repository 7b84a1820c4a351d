"""What a front end asks of a server, one method per question."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

from gliomics.client.calls import quoted
from gliomics.client.exports import unpack_exports
from gliomics.client.heat_maps import HeatMap, heat_map_of
from gliomics.client.learning import LearningCalls
from gliomics.client.transport import ClientError, Progress, parse_parts
from gliomics.client.waiting import Tell, telling_position
from gliomics.errors import InputError
from gliomics.files import suffix_of
from gliomics.reading.record import Reading
from gliomics.records import FeatureRow, SubtypeEstimate

if TYPE_CHECKING:
    import requests

_CLOSING_SECONDS = 10.0
"""A server that does not say within this time that it forgot a session lets it expire."""


@dataclass(frozen=True)
class InferResult:
    """A model's answer: ``label`` is the mask's file content (None for a JSON-only task), ``params`` the JSON."""

    label: bytes | None
    params: dict[str, Any] = field(default_factory=dict)


class GliomicsClient(LearningCalls):
    """Client of one server; may be shared by threads.

    ``timeout`` is in seconds for one answer, ``connect_timeout`` for reaching the server.
    ``verify`` is false to trust any TLS certificate, or the path of one to trust. ``user``
    is recorded with the labels that are saved. A server that asks for a ``token`` knows the user by it.

    A request that a busy server refuses is sent again when the server says, a few times. :meth:`tell_waiting` names who
    is told of that, and of the position of a request in the server's queue.
    """

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    def tell_waiting(self, tell: Tell | None) -> None:
        """Have ``tell`` called, from any thread, with what a request waits for."""
        self._transport.tell = tell

    def interrupt(self) -> None:
        """End the requests that are under way in other threads; they raise :class:`ClientError`.

        What has reached the server is finished there. Sessions are closed all the same.
        """
        self._transport.interrupt()

    def info(self) -> dict[str, Any]:
        """Models, trainers, strategies and numbers of studies and labels."""
        return dict(self._transport.json("GET", "/info/"))

    def wait_ready(self, timeout: float = 120) -> dict[str, Any]:
        """Wait until the server answers and return its info; :class:`ClientError` after ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while True:
            try:
                timeouts = (self._connect_timeout, max(1.0, end - time.monotonic()))
                return dict(self._transport.json("GET", "/info/", timeout=timeouts))
            except ClientError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.25)

    # -- studies

    def studies(self) -> list[str]:
        """Ids of the studies on the server."""
        return sorted(self._transport.json("GET", "/datastore/", params={"output": "all"})["objects"])

    def image_info(self, image_id: str) -> dict[str, Any]:
        """A study's patient, time point, sequences and notes."""
        return dict(self._transport.json("GET", "/datastore/image/info", params={"image": image_id}))

    def download_image(
        self, image_id: str, dest: Path, sequence: str | None = None, *, progress: Progress | None = None
    ) -> Path:
        """Write one sequence of a study (``.nii.gz``) to ``dest``; the server's default one unless named."""
        params = {"image": image_id, **({"sequence": sequence} if sequence else {})}
        return self._transport.download("/datastore/image", Path(dest), params=params, progress=progress)

    def upload_image(self, path: Path, image_id: str | None = None, *, replace: bool = False) -> str:
        """Make a one-sequence study of an image on the server; returns its id.

        The id is the file's name without its type unless given. An image that is there is replaced only with
        ``replace``; its labels go with it.
        """
        with _open_to_read(path) as file:
            answer = self._transport.json(
                "PUT",
                "/datastore/image",
                params={**({"image": image_id} if image_id else {}), **({"replace": "true"} if replace else {})},
                files={"file": (Path(path).name, file)},
            )
        return str(answer["image"])

    def next_sample(self, strategy: str = "hybrid", **params: Any) -> dict[str, Any]:
        """The study to label next: ``id``, ``score``, ``reason``, ``sequences``, ...; ``id`` None when none is left."""
        answer = self._transport.json("POST", f"/activelearning/{quoted(strategy)}", json=self._with_user(params))
        return {"id": None, **answer}

    # -- inference

    def infer(
        self,
        model: str,
        image_id: str | None = None,
        *,
        files: Mapping[str, Path] | None = None,
        session_id: str | None = None,
        label: Path | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> InferResult:
        """Run a model on a study of the server, on local files (sequence name to path), or on an open session."""
        with ExitStack() as stack:
            target = self._target(stack, image_id, files, session_id)
            response = self._computed(f"/infer/{quoted(model)}", target, label, params or {})
        content_type = response.headers.get("content-type", "")
        if not content_type.startswith("multipart/"):
            return InferResult(None, response.json())
        parts = parse_parts(content_type, response.content)
        return InferResult(parts.get("image"), json.loads(parts.get("params", b"{}")))

    def features(
        self,
        image_id: str | None = None,
        *,
        files: Mapping[str, Path] | None = None,
        session_id: str | None = None,
        label: Path,
        region: str = "tumour",
        params: Mapping[str, Any] | None = None,
    ) -> FeatureRow:
        """Features of the segment in ``label``."""
        options = {**(params or {}), "region": region}
        result = self.infer("radiomics", image_id, files=files, session_id=session_id, label=label, params=options)
        return _features(result.params)

    def subtype(
        self,
        image_id: str | None = None,
        *,
        files: Mapping[str, Path] | None = None,
        session_id: str | None = None,
        label: Path,
        models: list[str] | None = None,
        region: str = "tumour",
        params: Mapping[str, Any] | None = None,
    ) -> list[SubtypeEstimate]:
        """Subtype estimates of the segment in ``label``, one per model.

        :class:`ClientError` with the first reason where no model can estimate.
        """
        options = {**(params or {}), "region": region, **({"models": models} if models else {})}
        result = self.infer("subtype", image_id, files=files, session_id=session_id, label=label, params=options)
        if not result.params["estimates"] and (reasons := result.params.get("not_estimated")):
            raise ClientError(next(iter(reasons.values())), status=400)
        return [SubtypeEstimate.from_json(value) for value in result.params["estimates"]]

    def read(
        self,
        image_id: str | None = None,
        *,
        files: Mapping[str, Path] | None = None,
        session_id: str | None = None,
        label: Path,
        region: str = "tumour",
        params: Mapping[str, Any] | None = None,
    ) -> Reading:
        """What is read of the segment in ``label``: size, place, estimates and key features, worded and rounded."""
        options = {**(params or {}), "region": region}
        result = self.infer("subtype", image_id, files=files, session_id=session_id, label=label, params=options)
        return Reading.from_json(result.params["reading"])

    def read_regions(
        self,
        image_id: str | None = None,
        *,
        files: Mapping[str, Path] | None = None,
        session_id: str | None = None,
        label: Path | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, Reading | str]:
        """What is read of the whole tumour in ``label``, its core, enhancing part and oedema, and a ring around it.

        By the name of the region; for one that the label does not have, the reason. Instead of a label ``params`` may
        name as ``segmentation`` the model that is to make it.
        """
        options = {**(params or {}), "regions": "all"}
        result = self.infer("subtype", image_id, files=files, session_id=session_id, label=label, params=options)
        return {
            part["region"]: Reading.from_json(part["reading"]) if "reading" in part else str(part["refused"])
            for part in result.params["regions"]
        }

    def heat_map(
        self,
        model: str,
        image_id: str | None = None,
        *,
        files: Mapping[str, Path] | None = None,
        label: Path,
        region: str = "tumour",
    ) -> HeatMap:
        """What a tumour network estimates of the segment in ``label``, and which places speak for it."""
        answer = self.infer(model, image_id, files=files, label=label, params={"region": region})
        return heat_map_of(model, answer.label, answer.params)

    def export(
        self,
        paths: Mapping[str, Path],
        image_id: str | None = None,
        *,
        session_id: str | None = None,
        label: Path,
        region: str = "tumour",
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """What is measured and read of the segment in ``label``, written to ``paths``, one for each format.

        Formats are those of :data:`gliomics.reading.exports.EXPORT_SUFFIXES`. Each file appears whole; one that is
        there is replaced.
        """
        path, options = f"/export/{quoted(','.join(paths))}", {**(params or {}), "region": region}
        with ExitStack() as stack:
            response = self._computed(path, self._target(stack, image_id, None, session_id), label, options)
        unpack_exports(response.content, paths)

    def _computed(
        self, path: str, target: dict[str, Any], label: Path | None, params: Mapping[str, Any]
    ) -> requests.Response:
        """The answer to a request that computes, with what it waits for told meanwhile."""
        name = uuid4().hex
        with ExitStack() as stack:
            sent = {}
            if label is not None:
                sent["label"] = (Path(label).name, stack.enter_context(_open_to_read(label)))
            stack.enter_context(telling_position(lambda: self._position(name), self._transport.tell))
            return self._transport.request(
                "POST",
                path,
                params=target,
                data={"params": json.dumps(self._with_user(params))},
                files=sent or None,
                headers={"X-Request-ID": name},
            )

    @contextmanager
    def session(self, files: Mapping[str, Path]) -> Iterator[str]:
        """Upload local images once for several requests; yields the session's id and ends it afterwards.

        ``files`` maps sequence names to NIfTI or NRRD files; ``"image"`` alone stands for an
        image whose sequence is not known.
        """
        session_id = self.open_session(files)
        try:
            yield session_id
        finally:
            self.close_session(session_id)

    def open_session(self, files: Mapping[str, Path]) -> str:
        """As :meth:`session`, for callers that end it themselves."""
        if not files:
            raise InputError("there is no image to upload; give at least one sequence")
        with ExitStack() as stack:
            uploads = []
            for sequence, path in files.items():
                name = f"{sequence}{suffix_of(Path(path))}"
                uploads.append(("files", (name, stack.enter_context(_open_to_read(path)))))
            answer = self._transport.json("PUT", "/session/", files=uploads)
        return str(answer["session_id"])

    def close_session(self, session_id: str) -> None:
        """Let the server forget uploaded images; one that it has forgotten already is no error."""
        with suppress(ClientError):
            path, timeout = f"/session/{quoted(session_id)}", (self._connect_timeout, _CLOSING_SECONDS)
            self._transport.request("DELETE", path, timeout=timeout, interruptible=False)

    # -- labels

    def save_label(
        self, image_id: str, label: Path, *, tag: str = "final", params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Save a label as a new version. When this returns, the server has it safely on disk.

        ``params`` are kept with it: the model and version it started from, seconds spent, ... A label without a voxel
        needs ``{"allow_empty": True}``.
        """
        with _open_to_read(label) as file:
            answer = self._transport.json(
                "PUT",
                "/datastore/label",
                params={"image": image_id, "tag": tag},
                data={"params": json.dumps(self._with_user(params or {}))},
                files={"label": (Path(label).name, file)},
            )
        return dict(answer)

    def download_label(self, image_id: str, tag: str = "final", version: int | None = None) -> bytes:
        """Content of a label's ``.nii.gz`` file, the current one or an earlier version."""
        params = {"label": image_id, "tag": tag, **({"version": version} if version else {})}
        return self._transport.request("GET", "/datastore/label", params=params).content

    def label_info(self, image_id: str, tag: str = "final") -> dict[str, Any]:
        """What was sent with the current label, and its version, time, user, voxels and last review."""
        return dict(self._transport.json("GET", "/datastore/label/info", params={"label": image_id, "tag": tag}))

    def labels(self, image_id: str) -> list[dict[str, Any]]:
        """Every version of every label of a study, the newest of each tag first: tag, version, user, review, ..."""
        return list(self._transport.json("GET", "/datastore/image/labels", params={"image": image_id}))

    def label_history(self, image_id: str, tag: str = "final") -> list[dict[str, Any]]:
        """Every saved version of a label, oldest first: version, time, user, voxels, what was sent with it."""
        params = {"label": image_id, "tag": tag}
        return list(self._transport.json("GET", "/datastore/label/history", params=params))

    def reviews(self) -> dict[str, Any]:
        """Every study (``studies``) with the state of its label, whose it is, its last review, and the agreements."""
        return dict(self._transport.json("GET", "/datastore/reviews"))

    def review_label(
        self,
        image_id: str,
        state: str,
        comment: str = "",
        *,
        tag: str = "final",
        looked_at: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Say of a label that it is ``approved``, or ``returned`` with a comment and so offered for labelling again.

        ``looked_at`` is the label as :meth:`reviews` told of it, when it was looked at: where its ``version`` is not
        the current one any more, the review is refused with the status 409.
        """
        body = self._with_user({"state": state, "comment": comment})
        if looked_at is not None:
            body["version"] = looked_at.get("version")
        params = {"label": image_id, "tag": tag}
        return dict(self._transport.json("PUT", "/datastore/label/review", params=params, json=body))

    def label_agreement(self, image_id: str, tags: Sequence[str]) -> list[dict[str, Any]]:
        """Dice and surface distances of every two of a study's labels, by different annotators."""
        params = {"label": image_id, "tag": list(tags)}
        return list(self._transport.json("GET", "/datastore/label/agreement", params=params))

    def save_consensus(self, image_id: str, of: Sequence[str], *, tag: str = "final") -> dict[str, Any]:
        """Let the server make a label of the labels with the tags ``of`` (STAPLE) and keep it under ``tag``."""
        params = {"label": image_id, "tag": tag}
        body = self._with_user({"of": list(of)})
        return dict(self._transport.json("PUT", "/datastore/label/consensus", params=params, json=body))

    def _position(self, name: str) -> dict[str, Any] | None:
        """Where the request of this name is in the server's lanes."""
        timeout = (self._connect_timeout, _CLOSING_SECONDS)
        place: dict[str, Any] | None = self._transport.json(
            "GET", "/queue/", params={"request": name}, timeout=timeout
        )["request"]
        return place

    def _target(
        self, stack: ExitStack, image_id: str | None, files: Mapping[str, Path] | None, session_id: str | None
    ) -> dict[str, str]:
        if sum(source is not None for source in (image_id, files, session_id)) != 1:
            raise InputError("give one of image_id, files and session_id")
        if image_id is not None:
            return {"image": image_id}
        return {"session_id": session_id or stack.enter_context(self.session(files or {}))}


def _open_to_read(path: Path) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _features(params: dict[str, Any]) -> FeatureRow:
    row: FeatureRow = FeatureRow.from_json(params["features"])
    return row
