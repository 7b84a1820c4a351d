"""A server over a folder in which one kept file after the other is replaced by something else."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import requests

from gliomics.files import write_json
from gliomics.study import write_mask, write_volume
from tests.server.servers import start_server
from tests.server.studies import TINY, a_card, a_lesion_case, add_model, add_study, an_untrained_state

MODEL = "segmentation_flair"
SECONDS = 30
"""Longer than any of these answers takes, on a busy machine, too."""

STUDIES = [f"case-{number}" for number in range(4)]
VALID = {("image_info", "{}"), ("training", "{}"), ("reviews", "[]")}
"""What is a record of nothing, not a broken one."""


def _written(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def _linked(target: str) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        path.symlink_to(target)

    return link


def _larger_than_can_be_read(path: Path) -> None:
    """Takes no space on the disk, and longer to read than anybody waits."""
    with path.open("wb") as file:
        file.truncate(200 * 2**30)


ODD: dict[str, Callable[[Path], object]] = {
    "garbage": _written(b"\xff\x00\xfe garbage" * 50),
    "[]": _written(b"[]"),
    "{}": _written(b"{}"),
    "5": _written(b"5"),
    '"x"': _written(b'"x"'),
    "brackets": _written(b"[" * 100_000),
    "empty": _written(b""),
    "200 GB": _larger_than_can_be_read,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "link out": _linked("/etc/passwd"),
    "link to nothing": _linked("nothing"),
    "no permission": lambda path: (path.write_bytes(b"{}"), path.chmod(0)),
}
KINDS = [kind for kind in ODD if kind != "no permission" or os.geteuid()]  # root may read everything


class OddFolder:
    """A running server over a folder in which somebody has worked."""

    def __init__(self, folder: Path) -> None:
        self.studies = folder / "studies"
        self.mask = folder / "mask.nii.gz"
        for seed, study_id in enumerate(STUDIES):
            add_study(self.studies, study_id, seed, sequences=("flair",))
        write_volume(a_lesion_case(9)[0]["flair"], self.studies / "single.nii.gz")
        write_mask(a_lesion_case(0)[1], self.mask)
        add_model(self.studies, a_card(MODEL, TINY, ["flair"], []), an_untrained_state(TINY, 1))
        self.server = start_server(self.studies)
        self.session = self._work()

    def _work(self) -> str:
        client = self.server.client
        for number in (0, 1):
            client.save_label(STUDIES[number], self.mask)
        client.save_label(STUDIES[0], self.mask, params={"seconds": 3})
        client.review_label(STUDIES[0], "returned", "again")
        client.next_sample("random", seed=1)
        with contextlib.suppress(Exception):  # the untrained network may find nothing
            client.infer(MODEL, STUDIES[0])
        self.ask("PUT", f"/datastore/image/info?image={STUDIES[0]}", data={"info": '{"note": "here"}'})
        training = {"state": "finished", "pid": 1, "process_started": 1.0, "labels": {}}
        write_json(self.studies / ".gliomics" / "training" / f"{MODEL}.json", training)
        return client.open_session({"flair": self.studies / "single.nii.gz"})

    def kept(self) -> list[Path]:
        """Every file that was written into the labels and the server's own folder, but for its log."""
        home = self.studies / ".gliomics"
        files = [path for top in (home, self.studies / "labels") for path in sorted(top.rglob("*")) if path.is_file()]
        passing = (home / "logs", home / "tmp")
        lasting = (path for path in files if not any(path.is_relative_to(folder) for folder in passing))
        return [path for path in lasting if path.name != "server.lock"]

    @contextlib.contextmanager
    def replaced(self, replacements: Mapping[Path, str]) -> Iterator[None]:
        """Something else in the place of files while the block runs."""
        aside = {path: self.studies.parent / f"aside-{number}" for number, path in enumerate(replacements)}
        for path, kind in replacements.items():
            path.rename(aside[path])
            ODD[kind](path)
        try:
            yield
        finally:
            for path in replacements:
                for left in (path, *path.parent.glob(f"{path.name}.broken-*")):
                    if left.is_dir() and not left.is_symlink():
                        shutil.rmtree(left)
                    elif os.path.lexists(left):
                        left.unlink()
                aside[path].rename(path)

    def ask(self, method: str, path: str, **parts: object) -> requests.Response:
        """The answer to a request, which must come, and be no fault of the server."""
        response = requests.request(method, f"{self.server.url}{path}", timeout=SECONDS, **parts)  # type: ignore[arg-type]
        assert response.status_code < 500, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response

    def save(self, study_id: str, tag: str = "final") -> requests.Response:
        """Save a label."""
        with self.mask.open("rb") as label:
            path = f"/datastore/label?image={study_id}&tag={tag}"
            return self.ask("PUT", path, files={"label": ("label.nii.gz", label)})

    def check(self, path: Path, kind: str) -> None:
        """All routes answer, another study is as it was, and what is odd is told."""
        ask = self.ask
        for study_id in (STUDIES[0], "single"):
            for route in ("image/info?image={}", "image?image={}", "label/info?label={}&tag=final"):
                ask("GET", f"/datastore/{route.format(study_id)}")
            for route in ("label?label={}&tag=final", "label?label={}&tag=final&version=1", "label/history?label={}"):
                ask("GET", f"/datastore/{route.format(study_id)}")
        for route in (f"/model/info/{MODEL}", "/train/", f"/session/{self.session}", "/datastore/?output=train"):
            ask("GET", route)
        ask("GET", "/info/")
        listing = ask("GET", "/datastore/?output=all").json()
        assert sorted(listing["objects"]) == [*STUDIES, "single"]
        other = STUDIES[0 if STUDIES[1] in path.as_posix() else 1]
        assert listing["objects"][other]["labels"]["final"]["info"]["version"] >= 1
        info = ask("GET", "/info/").json()
        name = path.relative_to(self.studies).as_posix()
        reported = listing["broken"] | listing["unused_labels"] | info["broken_models"]
        assert info["datastore"]["broken"] == len(listing["broken"])
        if self._is_told(path, kind):
            assert name in reported or (f"models/{MODEL}" in name and MODEL in reported), f"{name} ({kind}): {reported}"

        self.work_on(other)

    def work_on(self, study_id: str) -> None:
        """Ask for a study, and save a label of one whose files are whole."""
        answer = self.ask("POST", "/activelearning/random", json={"client_id": "anna"})
        assert answer.json().get("id"), answer.text
        answer = self.save(study_id)
        assert answer.status_code == 200, answer.text

    def _is_told(self, path: Path, kind: str) -> bool:
        name = path.relative_to(self.studies).as_posix()
        if any(part in name and kind == valid for part, valid in VALID):
            return False
        records = ("image_info/", "reviews/", "training/", "models/", "labels/", "history/case-0")
        lock = path.name.endswith(".lock")
        return any(part in name for part in records) and not lock and (path.suffix == ".json" or "labels/" in name)
