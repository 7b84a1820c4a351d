"""What a request looks at on the disk is the same with twenty studies and with four hundred."""

from __future__ import annotations

import builtins
import io
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from monailabel.config import settings

from gliomics.errors import UnknownNameError
from gliomics.server.app import GliomicsApp
from gliomics.server.index import watched
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.tasks.training import Progress, label_stamps
from tests.server.many_studies import a_folder_of, study_id

pytestmark = pytest.mark.slow

FEW, MANY = 20, 400
SETTLED = 0.06
"""Seconds after which a folder's time tells whether it changed."""

_CALLS = [(os, "stat"), (os, "lstat"), (os, "scandir"), (os, "listdir"), (os, "open"), (io, "open"), (builtins, "open")]


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often this thread looks at a file or folder, lists or opens one."""
    calls: Counter[str] = Counter()
    thread = threading.get_ident()

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counts(*args: Any, **options: Any) -> Any:
            if threading.get_ident() == thread:
                calls[name] += 1
            return call(*args, **options)

        return counts

    with patch.context() as during:
        for module, name in _CALLS:
            during.setattr(module, name, counting(name, getattr(module, name)))
        yield calls


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, GliomicsApp]]:
    """Apps over few and over many studies, that a training has seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watched, "CHECK_SECONDS", float("inf"))
        for name in ("MONAI_LABEL_SESSION_PATH", "MONAI_LABEL_TRACKING_ENABLED"):
            patch.setattr(settings, name, getattr(settings, name))
        made = {}
        for count in (FEW, MANY):
            studies = a_folder_of(count, tmp_path_factory.mktemp(str(count)))
            app = made[count] = GliomicsApp("unused", str(studies), {})
            state, store = app.workspace.training / "segmentation_flair.json", the_store(app)
            Progress(state, "segmentation_flair", store.records).reads(label_stamps(store))
        time.sleep(SETTLED)
        yield made


def the_store(app: GliomicsApp) -> StudyDatastore:
    store = app.datastore()
    assert isinstance(store, StudyDatastore)
    return store


def upload(app: GliomicsApp, number: int) -> None:
    the_store(app).add_new_image(Path(app.studies).parent / "flair.nii.gz", f"sent-{number}", {})


def remove(app: GliomicsApp, number: int) -> None:
    the_store(app).remove_image(f"sent-{number}")


def save(app: GliomicsApp, number: int) -> None:
    the_store(app).save_label(study_id(1), str(Path(app.studies).parent / "mask.nii.gz"), "final", {})


def ask_for_none(app: GliomicsApp, number: int) -> None:
    with pytest.raises(UnknownNameError):
        the_store(app).study("none_of_them")


WORK: dict[str, Callable[[GliomicsApp, int], object]] = {
    "info": lambda app, _: app.info(),
    "counts": lambda app, _: the_store(app).status(),
    "random": lambda app, _: app.choose_sample({"strategy": "random", "seed": 1, "client_id": "A"}),
    "first": lambda app, _: app.choose_sample({"strategy": "first", "client_id": "A"}),
    "image info": lambda app, _: the_store(app).get_image_info(study_id(1)),
    "note": lambda app, _: the_store(app).update_image_info(study_id(1), {"note": "seen"}),
    "unknown study": ask_for_none,
    "upload": upload,
    "info after an upload": lambda app, _: app.info(),
    "label save": save,
    "info after a label save": lambda app, _: app.info(),
    "removal": remove,
}


def test_work_of_a_request_does_not_grow_with_the_studies(
    apps: dict[int, GliomicsApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {}
    for count, app in apps.items():
        for number in (0, 1):  # the first time anything is asked, it is read
            for name, work in WORK.items():
                time.sleep(SETTLED)
                with counted(monkeypatch) as calls[count, name]:
                    work(app, number)
    assert {name: calls[MANY, name] for name in WORK} == {name: calls[FEW, name] for name in WORK}


def test_answer_of_info_does_not_grow_with_the_studies(apps: dict[int, GliomicsApp]) -> None:
    few, many = (len(str(apps[count].info())) for count in (FEW, MANY))
    assert many - few < 50  # digits of numbers
