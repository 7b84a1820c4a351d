"""Tokens, roles and TLS, against servers of their own."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gliomics.client import ClientError, GliomicsClient
from gliomics.errors import InputError, UnknownNameError
from gliomics.files import read_json
from gliomics.monailabel.access import ANNOTATOR, READER, TRAINER, Tokens, role_for
from gliomics.monailabel.server import ServerOptions, serve
from tests.server.servers import Server, start_server
from tests.server.studies import add_study


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder of one study, and a token of each role; the folder is under ``studies``."""
    studies = tmp_path_factory.mktemp("access") / "studies"
    add_study(studies, "case-0", 0)
    kept = Tokens(studies / ".gliomics" / "tokens.json")
    found = {role: kept.add(f"{role} Anna", role) for role in (READER, ANNOTATOR, TRAINER)}
    return {**found, "studies": str(studies)}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return paths


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
    annotator.save_label("case-0", a_label)
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
        ("PUT /session/", READER),
        ("PUT /datastore/label", ANNOTATOR),
        ("DELETE /datastore/label", ANNOTATOR),
        ("POST /activelearning/random", ANNOTATOR),
        ("PUT /datastore/label/review", TRAINER),
        ("DELETE /datastore/image", TRAINER),
        ("POST /train/segmentation_flair", TRAINER),
        ("POST /model/rollback/segmentation_flair", TRAINER),
        ("PATCH /anything/new", TRAINER),
    ],
)
def test_role_that_an_action_needs(action: str, role: str) -> None:
    assert role_for(action) == role


def test_unusable_certificate_is_refused_before_the_server_starts(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "no.pem").write_text("nothing")
    for certificate, key, error in (
        (tmp_path / "no.pem", tmp_path / "no.pem", "cannot be used as TLS certificate"),
        (tmp_path / "no.pem", None, "TLS needs both files"),
    ):
        with pytest.raises(InputError, match=error):
            serve(ServerOptions(tmp_path / "studies", port=0, tls_certificate=certificate, tls_key=key), print)
