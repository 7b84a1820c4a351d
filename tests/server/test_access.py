"""Tokens, roles and TLS, against servers of their own."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from gliomics.client import ClientError, GliomicsClient
from gliomics.errors import ForbiddenError, InputError, UnknownNameError
from gliomics.files import read_json
from gliomics.server.gate.access import OPEN, Access, DeclaredRoles, needs
from gliomics.server.gate.tokens import ANNOTATOR, READER, ROLES, TRAINER, Tokens
from gliomics.server.serve import ServerOptions, create_app, serve
from tests.server.servers import Server, start_server
from tests.server.studies import add_study


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder of one study, and a token of each role; the folder is under ``studies``."""
    studies = tmp_path_factory.mktemp("access") / "studies"
    add_study(studies, "case-0", 0)
    kept = Tokens(studies / ".gliomics" / "tokens.json")
    by_role = {role: kept.add(f"{role} Anna", role) for role in (READER, ANNOTATOR, TRAINER)}
    return {**by_role, "studies": str(studies)}


@pytest.fixture(scope="module")
def a_closed_server(tokens: dict[str, str], certificate: tuple[Path, Path]) -> Iterator[Server]:
    """A server that asks for tokens and answers over https."""
    options = ("--tls-certificate", str(certificate[0]), "--tls-key", str(certificate[1]))
    server = start_server(Path(tokens["studies"]), *options)
    yield server
    server.stop()


def client(server: Server, certificate: tuple[Path, Path], token: str | None) -> GliomicsClient:
    return GliomicsClient(server.url, verify=certificate[0], token=token, user="someone else", timeout=60)


def status(refused: pytest.ExceptionInfo[ClientError]) -> int:
    return refused.value.status


@pytest.mark.parametrize("token", [None, "", "guessed"])
def test_without_a_token_nothing_is_told(
    a_closed_server: Server, certificate: tuple[Path, Path], token: str | None
) -> None:
    with pytest.raises(ClientError, match="needs a token") as refused:
        client(a_closed_server, certificate, token).info()
    assert status(refused) == 401


def test_certificate_that_is_not_trusted_is_refused(a_closed_server: Server, tokens: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="no certificate that is trusted"):
        GliomicsClient(a_closed_server.url, token=tokens[READER], timeout=30).info()


def test_plain_http_is_not_answered(a_closed_server: Server) -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(a_closed_server.url.replace("https", "http"), timeout=10)


def test_roles_may_do_what_they_are_for(
    a_closed_server: Server, certificate: tuple[Path, Path], tokens: dict[str, str], a_label: Path
) -> None:
    reader, annotator, trainer = (
        client(a_closed_server, certificate, tokens[role]) for role in (READER, ANNOTATOR, TRAINER)
    )
    assert reader.info()["datastore"]["total"] == 1
    assert reader.info()["you"] == {"name": "reader Anna", "role": READER}
    for forbidden in (
        lambda: reader.save_label("case-0", a_label),
        lambda: reader.next_sample("first"),
        lambda: reader.infer("segmentation_flair", "case-0", params={"save_label": True}),
        lambda: annotator.train("segmentation_flair"),
        lambda: annotator.review_label("case-0", "approved"),
    ):
        with pytest.raises(ClientError, match="this needs the role") as refused:
            forbidden()
        assert status(refused) == 403
    assert annotator.next_sample("first")["id"] == "case-0"
    assert [(lease["image"], lease["user"]) for lease in reader.leases()] == [("case-0", "annotator Anna")]
    with pytest.raises(ClientError, match="this needs the role annotator"):
        reader.release("case-0")
    assert annotator.release("case-0")["user"] == "annotator Anna"
    assert trainer.next_sample("first")["id"] == "case-0"
    with pytest.raises(ClientError, match="annotator Anna is annotator here; this needs the role trainer"):
        annotator.release("case-0")
    trainer.release("case-0")
    assert reader.leases() == []
    assert annotator.next_sample("first")["id"] == "case-0"
    assert [lease["user"] for lease in reader.leases()] == ["annotator Anna"]
    annotator.save_label("case-0", a_label)
    assert reader.leases() == [], "what is labelled is with nobody"
    assert trainer.review_label("case-0", "approved")["user"] == "trainer Anna"
    assert annotator.label_history("case-0")[-1]["user"] == "annotator Anna"


def test_token_taken_back_opens_nothing_at_once(
    a_closed_server: Server, certificate: tuple[Path, Path], tokens: dict[str, str]
) -> None:
    kept = Tokens(Path(tokens["studies"]) / ".gliomics" / "tokens.json")
    guest = client(a_closed_server, certificate, kept.add("guest", READER))
    assert guest.info()
    kept.remove("guest")
    with pytest.raises(ClientError, match="needs a token"):
        guest.info()


def test_only_a_hash_of_a_token_is_kept_for_the_owner_alone(tmp_path: Path) -> None:
    kept = Tokens(tmp_path / "tokens.json")
    token = kept.add("Anna", ANNOTATOR)
    assert token not in (tmp_path / "tokens.json").read_text()
    assert (tmp_path / "tokens.json").stat().st_mode & 0o077 == 0
    holder = kept.holder_of(token)
    assert holder is not None
    assert (holder.name, holder.role) == ("Anna", ANNOTATOR)
    assert kept.holder_of(read_json(tmp_path / "tokens.json")[0]["sha256"]) is None


def test_unusable_tokens_are_refused(tmp_path: Path) -> None:
    kept = Tokens(tmp_path / "tokens.json")
    with pytest.raises(InputError, match="expected one of reader, annotator, trainer"):
        kept.add("Anna", "admin")
    with pytest.raises(InputError, match="cannot be used"):
        kept.add(" ", READER)
    kept.add("Anna", READER)
    with pytest.raises(InputError, match="has a token already"):
        kept.add("Anna", TRAINER)
    with pytest.raises(UnknownNameError, match="Ben has no token; Anna has"):
        kept.remove("Ben")


@pytest.mark.parametrize(
    ("action", "role"),
    [
        ("GET /info/", READER),
        ("POST /infer/radiomics", READER),
        ("POST /export/csv,sr", READER),
        ("PUT /session/", READER),
        ("PUT /datastore/label", ANNOTATOR),
        ("DELETE /datastore/label", ANNOTATOR),
        ("POST /activelearning/random", ANNOTATOR),
        ("PUT /datastore/label/review", TRAINER),
        ("DELETE /datastore/image", TRAINER),
        ("POST /train/segmentation_flair", TRAINER),
        ("POST /model/rollback/segmentation_flair", TRAINER),
        ("GET /train/segmentation_flair", READER),
        ("DELETE /train/", TRAINER),
        ("GET /model/versions/segmentation_flair", READER),
        ("GET /activelearning/leases", READER),
        ("DELETE /activelearning/leases/case-0", ANNOTATOR),
        ("GET /proxy/dicom/qido/studies", READER),
        ("POST /proxy/dicom/stow/studies", ANNOTATOR),
        ("POST /proxy/dicom/wado/studies/1.2.3", ANNOTATOR),
        ("DELETE /proxy/dicom/wado/studies/1.2.3", TRAINER),
        ("PATCH /anything/new", TRAINER),
    ],
)
def test_role_that_an_action_needs(tmp_path: Path, action: str, role: str) -> None:
    method, path = action.split(" ")
    roles = DeclaredRoles(create_app(ServerOptions(tmp_path)).routes)
    assert roles.role_for({"type": "http", "method": method, "path": path}) == role


OPEN_PATHS = ("/", "/web/{name:path}", "/ohif", "/ohif/{name:path}", "/docs", "/openapi.json")
"""Own files of the page and the viewer, and what describes the server; a report's address is a secret of its own."""


def test_every_route_declares_the_role_that_it_needs(tmp_path: Path) -> None:
    app = create_app(ServerOptions(tmp_path))
    declared = {
        f"{method} {route.path}": [role for item in route.dependencies for role in item.scopes]
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    }
    assert len(declared) > 40
    assert all(len(roles) == 1 and roles[0] in (OPEN, *ROLES) for roles in declared.values()), declared
    open_to_all = {action for action, roles in declared.items() if roles == [OPEN]}
    own_files = {f"{method} {path}" for method in ("GET", "HEAD") for path in OPEN_PATHS}
    assert open_to_all == own_files | {"GET /report/{name}"}


def test_role_is_shown_in_the_description_of_a_route(tmp_path: Path) -> None:
    described = create_app(ServerOptions(tmp_path)).openapi()
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert described["paths"]["/datastore/label/review"]["put"]["security"] == [{"token": [TRAINER]}]
    assert all("security" in operation for path in described["paths"].values() for operation in path.values())


def test_application_with_a_route_that_declares_no_role_does_not_start() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.get("/declared", dependencies=[needs(READER)])(lambda: None)
    assert DeclaredRoles(app.routes).role_for({"type": "http", "method": "GET", "path": "/declared"}) == READER
    app.put("/forgotten")(lambda: None)
    with pytest.raises(ValueError, match="the route PUT /forgotten declares no role"):
        DeclaredRoles(app.routes)


def test_route_holds_a_request_to_its_role_even_where_the_gate_does_not(tmp_path: Path) -> None:
    guarded, lenient = (FastAPI(openapi_url=None, docs_url=None, redoc_url=None) for _ in range(2))
    guarded.get("/models", dependencies=[needs(TRAINER)])(lambda: "weights")
    lenient.get("/models", dependencies=[needs(READER)])(lambda: "weights")
    kept = Tokens(tmp_path / "tokens.json")
    sender = TestClient(Access(guarded, kept, DeclaredRoles(lenient.routes)))
    headers = {role: {"Authorization": f"Bearer {kept.add(role, role)}"} for role in (READER, TRAINER)}
    assert sender.get("/models", headers=headers[TRAINER]).json() == "weights"
    with pytest.raises(ForbiddenError, match="reader is reader here; this needs the role trainer"):
        sender.get("/models", headers=headers[READER])


@pytest.mark.parametrize(("role", "status"), [(READER, 403), (None, 401)])
def test_upload_that_may_not_be_is_refused_before_its_body_is_read(
    a_closed_server: Server, certificate: tuple[Path, Path], tokens: dict[str, str], role: str | None, status: int
) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate[0]))
    connection = http.client.HTTPSConnection(urlsplit(a_closed_server.url).netloc, timeout=20, context=trusted)
    connection.putrequest("PUT", "/datastore/label?image=case-0")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(100 * 2**20))
    if role is not None:
        connection.putheader("Authorization", f"Bearer {tokens[role]}")
    connection.endheaders()
    try:
        assert connection.getresponse().status == status  # of the body nothing was sent
    finally:
        connection.close()


def test_unusable_certificate_is_refused_before_the_server_starts(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "no.pem").write_text("nothing")
    for certificate, key, error in (
        (tmp_path / "no.pem", tmp_path / "no.pem", "cannot be used as TLS certificate"),
        (tmp_path / "no.pem", None, "TLS needs both files"),
    ):
        with pytest.raises(InputError, match=error):
            serve(ServerOptions(tmp_path / "studies", port=0, tls_certificate=certificate, tls_key=key), print)


@pytest.mark.parametrize(
    "path", ["/info/%0a", "/%0a", "/datastore/label/review%0a", "/x%0ay", "/info/%0d%0aX: y", "/%00"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "TRACE", "FOO"])
def test_odd_path_or_method_without_a_token_is_told_nothing(
    a_closed_server: Server, certificate: tuple[Path, Path], method: str, path: str
) -> None:
    answer = requests.request(method, a_closed_server.url + path, verify=certificate[0], timeout=30)
    assert answer.status_code == 401


def test_line_feed_in_a_path_does_not_lower_the_role_that_is_needed(
    a_closed_server: Server, certificate: tuple[Path, Path], tokens: dict[str, str]
) -> None:
    for role, path in ((ANNOTATOR, "/datastore/label/review%0a?label=case-0"), (READER, "/datastore/image/info%0a")):
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        url = a_closed_server.url + path
        answer = requests.put(url, json={}, headers=headers, verify=certificate[0], timeout=30)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "",
        "null",
        "{}",
        "[1]",
        '[{"name": "x"}]',
        '[{"name":"x","role":"king","sha256":"","made":""}]',
        "[" * 10**5,
    ],
)
def test_nobody_is_let_in_by_tokens_that_cannot_be_read(
    a_closed_server: Server, certificate: tuple[Path, Path], tokens: dict[str, str], content: str
) -> None:
    path = Path(tokens["studies"]) / ".gliomics" / "tokens.json"
    kept = path.read_text()
    path.write_text(content)
    try:
        with pytest.raises(ClientError, match="cannot be read, so that nobody is let in") as refused:
            client(a_closed_server, certificate, tokens[TRAINER]).info()
    finally:
        path.write_text(kept)
    assert status(refused) == 503
    assert client(a_closed_server, certificate, tokens[READER]).info()


@pytest.mark.parametrize("content", ["{", "{}", '[{"name": "x"}]'])
def test_server_does_not_start_without_tokens_where_they_cannot_be_read(tmp_path: Path, content: str) -> None:
    path = tmp_path / ".gliomics" / "tokens.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(InputError, match=r"tokens\.json"):
        serve(ServerOptions(tmp_path, port=0), print)


def test_server_does_not_start_with_an_origin_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the origin of one web page"):
        serve(ServerOptions(tmp_path, port=0, cors_origins=("*",)), print)


def test_file_of_tokens_that_others_can_read_is_named_with_the_remedy(tmp_path: Path) -> None:
    kept = Tokens(tmp_path / "tokens.json")
    assert kept.open_to_others() is None
    kept.add("Anna", READER)
    assert kept.open_to_others() is None
    for mode in (0o640, 0o604, 0o620):
        (tmp_path / "tokens.json").chmod(mode)
        assert str(kept.open_to_others()).endswith(f"run: chmod 600 {tmp_path / 'tokens.json'}")
    kept.add("Ben", READER)
    assert kept.open_to_others() is None
