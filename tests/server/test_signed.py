"""Whatever is kept of a request is signed with the token's name, on every route, whatever the client says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from gliomics.client import GliomicsClient
from gliomics.server.gate.tokens import ANNOTATOR, TRAINER, Tokens
from tests.server.routes import all_routes
from tests.server.servers import Server, start_server
from tests.server.studies import add_study

FORGED = {"user": "FORGED", "client_id": "FORGED"}

SIGNED = {
    "PUT /datastore/": ("?image=old", {}),
    "PUT /datastore/image": ("?image=new", {}),
    "PUT /datastore/image/info": ("?image=case-0", {}),
    "PUT /datastore/label": ("?image=case-0&tag=A", {}),
    "PUT /datastore/label/info": ("?label=case-0&tag=A", {}),
    "PUT /datastore/updatelabelinfo": ("?label=case-0&tag=A", {}),
    "PUT /datastore/label/review": ("?label=case-0&tag=A", {"state": "approved"}),
    "PUT /datastore/label/consensus": ("?label=case-0&tag=merged", {"of": ["A", "B"]}),
    "POST /infer/{model}": ("?image=case-0&output=json", {"save_label": True, "label_tag": "B"}),
    "POST /batch/infer/{model}": ("?images=all&run_sync=true", {"label_tag": "batch"}),
    "POST /activelearning/{strategy}": ("", {}),
}
"""The routes that keep something of what they are sent, with what makes them do so."""

SIGNED_ELSEWHERE = {"POST /proxy/dicom/{operation}/studies", "POST /proxy/dicom/{operation}/studies/{study}"}
"""Those that need an archive: ``test_viewer.py``."""

NOTHING_KEPT = {
    "POST /archive/fetch",
    "POST /archive/fetch/{image}",
    "DELETE /archive/fetch",
    "POST /archive/send",
    "POST /reading/changes",
    "POST /report/",
    "DELETE /activelearning/leases/{image}",
    "DELETE /batch/infer",
    "DELETE /datastore/",
    "DELETE /datastore/image",
    "DELETE /datastore/label",
    "DELETE /session/{session_id}",
    "DELETE /train/",
    "POST /export/{formats}",
    "POST /model/rollback/{model}",
    "POST /train/",
    "POST /train/{model}",
    "PUT /session/",
}
"""The other routes that change something: they keep nothing that has an author."""


@pytest.fixture(scope="module")
def a_server_with_tokens(
    a_studies_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server that asks for tokens, and one of them for each role."""
    studies = tmp_path_factory.mktemp("signed") / "studies"
    add_study(studies, "case-0", 0)
    model = Path(".gliomics", "models", "segmentation_flair")
    shutil.copytree(a_studies_folder / model, studies / model)
    kept = Tokens(studies / ".gliomics" / "tokens.json")
    tokens = {role: kept.add(f"{role} Anna", role) for role in (ANNOTATOR, TRAINER)}
    server = start_server(studies)
    yield server, tokens
    server.stop()


def send(server: Server, token: str, route: str, info: dict[str, Any], label: Path) -> requests.Response:
    """Ask a route to keep ``info`` with what it keeps."""
    method, path = route.split()
    url = server.url + path.format(model="segmentation_flair", strategy="first") + SIGNED[route][0]
    headers = {"Authorization": f"Bearer {token}"}
    text = json.dumps({**info, **SIGNED[route][1]})
    image = server.studies / "case-0" / "flair.nii.gz"
    part, files = {
        "PUT /datastore/": ("params", {"file": ("old.nii.gz", image.read_bytes())}),
        "PUT /datastore/image": ("params", {"file": ("new.nii.gz", image.read_bytes())}),
        "PUT /datastore/image/info": ("info", None),
        "PUT /datastore/label": ("params", {"label": (label.name, label.read_bytes())}),
        "PUT /datastore/label/info": ("info", None),
        "PUT /datastore/updatelabelinfo": ("params", None),
        "POST /infer/{model}": ("params", None),
    }.get(route, ("", None))
    form: dict[str, Any] = {"data": {part: text}, "files": files} if part else {"json": json.loads(text)}
    return requests.request(method, url, headers=headers, timeout=120, **form)


def test_every_route_that_changes_something_is_known_to_sign_or_to_keep_nothing(tmp_path: Path) -> None:
    changing = {f"{route.method} {route.path}" for route in all_routes(tmp_path) if route.method not in ("GET", "HEAD")}
    assert changing == SIGNED.keys() | NOTHING_KEPT | SIGNED_ELSEWHERE


def test_no_route_keeps_another_name_than_the_token_s(
    a_server_with_tokens: tuple[Server, dict[str, str]], a_label: Path
) -> None:
    server, tokens = a_server_with_tokens
    order = ["PUT /datastore/label", "POST /infer/{model}"]
    for route in [*order, *(route for route in SIGNED if route not in order)]:
        role = TRAINER if route.endswith(("review", "consensus")) else ANNOTATOR
        answer = send(server, tokens[role], route, FORGED, a_label)
        assert answer.status_code == 200, f"{route}: {answer.text}"
        assert "FORGED" not in answer.text, route
    assert [path for path, content in server.written().items() if b"FORGED" in content] == []
    client = GliomicsClient(server.url, token=tokens[ANNOTATOR])
    for tag, user in (("A", ANNOTATOR), ("B", ANNOTATOR), ("batch", ANNOTATOR), ("merged", TRAINER)):
        history = client.label_history("case-0", tag)
        assert {version["user"] for version in history} == {f"{user} Anna"}, tag
        assert {version["info"]["user"] for version in history} == {f"{user} Anna"}, tag


def test_notes_of_others_do_not_change_who_signed_a_label(
    a_server_with_tokens: tuple[Server, dict[str, str]], a_label: Path
) -> None:
    server, tokens = a_server_with_tokens
    send(server, tokens[ANNOTATOR], "PUT /datastore/label", {}, a_label)
    answer = send(server, tokens[TRAINER], "PUT /datastore/label/info", {**FORGED, "difficult": True}, a_label)
    assert answer.status_code == 200
    version = GliomicsClient(server.url, token=tokens[TRAINER]).label_history("case-0", "A")[-1]
    assert version["info"]["difficult"] is True
    assert (version["user"], version["info"]["user"]) == (f"{ANNOTATOR} Anna", f"{ANNOTATOR} Anna")


def test_without_tokens_a_label_has_the_name_that_the_client_gives(a_server: Server) -> None:
    params = {"save_label": True, "label_tag": "signed", "user": "Ben"}
    a_server.client.infer("segmentation_flair", "case-1", params=params)
    assert a_server.client.label_history("case-1", "signed")[-1]["user"] == "Ben"
