"""Requests that nobody would send, made from the server's own description of its routes and from values that hurt."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from urllib3 import encode_multipart_formdata

from gliomics.study import write_mask, write_volume
from tests.server.servers import Server
from tests.server.studies import a_lesion_case

TIMEOUT = 120.0
"""Seconds after which a request counts as hanging."""

METHODS = ("get", "put", "post", "delete", "head")
UNDESCRIBED = {
    "put": ("/datastore/", "/datastore/updatelabelinfo"),
    "post": ("/train/", "/scoring/"),
    "delete": ("/datastore/",),
    "get": (
        "/",
        "/docs",
        "/ohif/",
        "/ohif/%2e%2e",
        "/proxy/dicom/qido/studies",
        "/static/../x",
        "/no/such/route",
        "/datastore/image%0a",
        "//info//",
    ),
    "patch": ("/info/",),
    "options": ("/info/",),
}
"""Routes that the description leaves out, and some that do not exist."""

NASTY_TEXTS = (
    "", ".", "..", "../x", "..\\x", "/etc/passwd", "a" * 300, "a" * 5000, "\x00", "\n", "a\r\nb: c", "\x7f", "\x9b2J",
    "\ud800", "x\udfff", "\U0001f480", "é", "\u202eabc", "\ufeff", "<script>", "=1+1", "%s%n", "%2e%2e", "con",
    "labels", "NaN", "1e999", "-1", "9" * 300, "null", "true", "{}", "CASE-0", "case-0.nii.gz", "case-0/../case-1",
    "final.",
)  # fmt: skip
NASTY_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**31, 2**62, 2**63, 10**40, -(10**40), 1e308, -1e308, 5e-324, float("nan"), float("inf"),
    [], [None], [[[[[[]]]]]], {}, {"": ""}, {"a": {"b": {"c": [1, {"d": None}]}}}, [2**62], [-1], ["x"] * 500,
)  # fmt: skip
NASTY_BODIES = (
    b"",
    b"{",
    b"[1]",
    b'"x"',
    b"[" * 20_000,
    b'{"a":' * 3_000,
    b"\xff\xfe",
    b"null",
    b"\x00",
    b'{"a":1e999}',
)

NASTY_WORDS = (0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FC00000, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x4E6E6B28)
"""Four bytes of a header: small and large numbers, NaN and infinity."""

GOOD: dict[str, tuple[Any, ...]] = {
    "image": ("case-0", "case-1", "labelled-0", "single"),
    "label": ("case-0", "labelled-0", "labelled-1"),
    "id": ("fuzz-0", "fuzz-1"),
    "tag": ("final", "partial", "fuzz"),
    "model": ("segmentation_flair", "segmentation_multi", "correction", "radiomics", "subtype", "subtype_size"),
    "strategy": ("random", "first", "hybrid", "epistemic", "clasp_pe", "subtype"),
    "sequence": ("flair", "t1"),
    "output": ("json", "image", "all", "train", "stats"),
    "images": ("all", "labeled", "unlabeled"),
    "version": (1, 2),
    "lines": (1, 100),
    "limit_cases": (1, 3),
    "expiry": (60,),
    "session_id": ("0123456789ab",),
}
"""Values that the routes are meant for, by the parameter's name."""

GOOD_OPTIONS: dict[str, tuple[Any, ...]] = {
    "user": ("Dr A",), "client_id": ("somebody", None), "seconds": (60, 0.5), "budget_seconds": (0, 0.2),
    "slices_done": ([1, 2],), "drawn_slices": ([2],), "segments": ({"tumour": 1},), "label_tag": ("fuzz",),
    "models": (["subtype_size"],), "region": ("tumour", "whole"), "label_value": (1,), "numbering": ("brats-2023",),
    "resample_to": ("flair",), "result": ("mask", "probability"), "result_extension": (".nii.gz", ".nrrd"),
    "save_label": (True, False), "allow_empty": (True,), "clicks": ([{"voxel": [20, 22, 3], "lesion": True}],),
    "foreground": ([[20, 22, 3]],), "background": ([[1, 1, 1]],), "max_epochs": (1,), "max_batch_size": (1,),
    "state": ("approved", "returned"), "comment": ("draw it again",), "of": (["final", "fuzz"],), "seed": (1,),
    "slices": (3,), "reason": ("why",), "strategy": ("first",), "origin": ({"kind": "edited"},), "gpus": ("all",),
    "column": ("size",), "classes": ({},), "study_id": ("x",), "patient_id": ("x",), "config": ("panel",),
    "quality": ("good",), "label_info": ([{"name": "tumour", "idx": 1}],),
}  # fmt: skip
"""Options and notes that clients send, by their key."""


@dataclass(frozen=True)
class Request:
    """One request, as it goes over the wire."""

    method: str
    target: str
    body: bytes = b""
    content_type: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.target[:200]} {self.content_type or ''} {self.body[:300]!r}"


@dataclass
class Outcome:
    """What came of many requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """Requests with a 5xx that means a fault, without an answer, or with one that was cut."""
    longest: float = 0.0

    def tell(self) -> str:
        """The figures in words."""
        counts = ", ".join(f"{status}: {count}" for status, count in self.statuses.most_common())
        return (
            f"{sum(self.statuses.values())} answers ({counts}), longest {self.longest:.1f} s, {len(self.faults)} faults"
        )


class Fuzzer:
    """Makes requests from seeds, and sends them from several threads."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._address = urlsplit(server.url)
        self._description = requests.get(f"{server.url}/openapi.json", timeout=60).json()
        described = [(method, path) for path, methods in self._description["paths"].items() for method in methods]
        undescribed = [(method, path) for method, paths in UNDESCRIBED.items() for path in paths]
        self._routes = sorted(described) + undescribed
        self._files = _files(folder)

    def send(self, seeds: range, threads: int = 4) -> Outcome:
        """Send the requests of these seeds."""
        outcome, lock, waiting = Outcome(), threading.Lock(), iter(seeds)

        def work() -> None:
            connection = self._connection()
            while True:
                with lock:
                    seed = next(waiting, None)
                if seed is None:
                    connection.close()
                    return
                request = self.request(seed)
                started = time.monotonic()
                try:
                    status, fault = _answer_to(connection, request)
                except (OSError, http.client.HTTPException) as error:
                    status, fault = 0, f"{type(error).__name__}: {error}"
                    connection.close()
                    connection = self._connection()
                with lock:
                    outcome.statuses[status] += 1
                    outcome.longest = max(outcome.longest, time.monotonic() - started)
                    if fault is not None:
                        outcome.faults.append(f"seed {seed}: {request} -> {status} {fault}")

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return outcome

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=TIMEOUT)

    def request(self, seed: int) -> Request:
        """The request of a seed; the same seed makes the same request."""
        rng = random.Random(seed)
        method, path = rng.choice(self._routes)
        nasty = rng.choice((0.0, 0.1, 0.3, 0.9))
        operation = self._description["paths"].get(path, {}).get(method, {})
        query: list[tuple[str, Any]] = []
        for parameter in operation.get("parameters", []):
            name, required = parameter["name"], parameter.get("required", False)
            if parameter["in"] == "path":
                path = path.replace("{" + name + "}", _quoted(_value(name, nasty, rng)) or "%00")
            elif parameter["in"] == "query" and rng.random() < (0.95 if required else 0.5):
                query.append((name, _value(name, nasty, rng)))
        if not operation and rng.random() < 0.5:
            query = [(name, _value(name, nasty, rng)) for name in rng.sample(sorted(GOOD), 3)]
        if rng.random() < 0.05:
            query.append((rng.choice(sorted(GOOD)), _text(nasty, rng)))
        target = path + ("?" + "&".join(f"{name}={_quoted(value)}" for name, value in query) if query else "")
        body, content_type = self._body(operation, method, nasty, rng)
        return Request(method.upper(), target, body, content_type)

    def _body(self, operation: Mapping[str, Any], method: str, nasty: float, rng: random.Random) -> tuple[bytes, Any]:
        if rng.random() < 0.03:
            kinds = ("application/json", "text/plain", "multipart/form-data; boundary=x", "multipart/form-data", None)
            return rng.choice(NASTY_BODIES), rng.choice(kinds)
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content or (not operation and method == "post"):
            return _json(_object(nasty, rng)), "application/json"
        form = content.get("multipart/form-data") or content.get("application/x-www-form-urlencoded")
        if form is None:
            return b"", None
        schema = form["schema"]
        name = (schema.get("$ref") or schema["allOf"][0]["$ref"]).rsplit("/", 1)[1]
        fields: list[tuple[str, Any]] = []
        for key in self._description["components"]["schemas"][name]["properties"]:
            if rng.random() < 0.1:
                continue
            if key in ("params", "info"):
                fields.append((key, _json(_object(nasty, rng))))
            else:
                content_of_file = self._file(nasty, rng)
                file_name = f"x{rng.choice(('.nii.gz', '.nii', '.nrrd', '.seg.nrrd'))}"
                if rng.random() < nasty:
                    file_name = _text(1.0, rng).encode(errors="replace").decode().replace('"', "") or "x"
                fields.append((key, (file_name, content_of_file)))
        return encode_multipart_formdata(fields)

    def _file(self, nasty: float, rng: random.Random) -> bytes:
        content = self._files[rng.choice(sorted(self._files))]
        if rng.random() >= nasty:
            return gzip.compress(content, 1) if content[:4] != b"NRRD" else content
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 4))):
            offset = rng.randrange(0, 87) * 4
            kind, value = rng.choice(
                (("<f", float("nan")), ("<f", float("inf")), ("<i", -1), ("<i", 2**31 - 1), ("<f", 1e9))
            )
            struct.pack_into(kind, damaged, offset, value)
        cut = rng.choice((len(damaged), len(damaged), 0, 100, 400, len(damaged) - 1))
        packed = bytes(damaged[:cut])
        return gzip.compress(packed, 1) if rng.random() < 0.5 else packed


def _answer_to(connection: http.client.HTTPConnection, request: Request) -> tuple[int, str | None]:
    """The status of an answer, and what is wrong with it: 503 and 507 are answers of a server that is well."""
    headers = {} if request.content_type is None else {"Content-Type": request.content_type}
    connection.request(request.method, request.target, request.body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 500 and answer.status not in (503, 507):
        return answer.status, content[:300].decode(errors="replace")
    return answer.status, None


def _value(name: str, nasty: float, rng: random.Random) -> Any:
    if name in GOOD and rng.random() >= nasty:
        return rng.choice(GOOD[name])
    return _text(nasty, rng)


def _text(nasty: float, rng: random.Random) -> str:
    return rng.choice(NASTY_TEXTS) if rng.random() < max(nasty, 0.3) else rng.choice(("true", "false", "1", "0", "x"))


def _quoted(value: Any) -> str:
    return quote(str(value).encode(errors="surrogatepass"), safe="")


def _object(nasty: float, rng: random.Random) -> Any:
    if rng.random() < nasty / 10:
        return rng.choice(NASTY_VALUES)
    keys = rng.sample(sorted(GOOD_OPTIONS), rng.randrange(0, 6))
    made: dict[str, Any] = {}
    for key in keys:
        if rng.random() >= nasty / 2:
            made[key] = rng.choice(GOOD_OPTIONS[key])
        else:
            made[key] = rng.choice(NASTY_VALUES) if rng.random() < 0.6 else rng.choice(NASTY_TEXTS)
    if rng.random() < nasty / 5:
        made[rng.choice(NASTY_TEXTS)] = rng.choice(NASTY_VALUES)
    return made


def _json(value: Any) -> bytes:
    return json.dumps(value).replace("Infinity", "1e999").encode()


def _files(folder: Path) -> dict[str, bytes]:
    """Masks and images that fit the studies, unpacked."""
    volumes, mask = a_lesion_case(0)
    write_mask(mask, folder / "mask.nii")
    write_mask(mask, folder / "mask.nrrd")
    write_volume(volumes["flair"], folder / "image.nii")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def leftovers(studies: Path) -> list[str]:
    """Temporary files that nobody needs any more; what PyTorch compiled is none."""
    workspace = studies / ".gliomics"
    transit = [path for path in (workspace / "tmp").iterdir() if not path.name.startswith("torchinductor")]
    return sorted(str(path.relative_to(studies)) for path in [*transit, *studies.rglob(".tmp-*")])
