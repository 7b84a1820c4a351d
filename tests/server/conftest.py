"""One real server for all server tests, over small studies with tiny models."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gliomics.server.dicomweb.address import PASSWORD as PASSWORD_VARIABLE
from gliomics.server.dicomweb.address import USER as USER_VARIABLE
from gliomics.server.gate.tokens import ROLES, Tokens
from gliomics.server.workspace import Workspace
from gliomics.study import write_mask, write_volume
from tests.server.archives import write_examination
from tests.server.dicomweb import an_archive
from tests.server.orthanc import PASSWORD, USER, an_orthanc, why_no_orthanc
from tests.server.servers import Server, start_server
from tests.server.studies import (
    CORRECTING,
    SLOW,
    TINY,
    a_card,
    a_lesion_case,
    a_trained_correction_state,
    a_trained_state,
    add_label,
    add_model,
    add_study,
    add_subtype_model,
    add_tumour_network,
    an_untrained_state,
)

VIEWER = "http://viewer.example:3000"
"""The origin of a web page that may use the strict server."""

CASES = 4
LABELLED = 5


@pytest.fixture(scope="session")
def a_studies_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies ``case-0..3`` without labels and ``labelled-0..4`` with them, a single image, and their models."""
    root = tmp_path_factory.mktemp("server") / "studies"
    for seed in range(CASES):
        add_study(root, f"case-{seed}", seed)
    for seed in range(10, 10 + LABELLED):
        add_label(root, add_study(root, f"labelled-{seed - 10}", seed), seed)
    write_volume(a_lesion_case(20)[0]["flair"], root / "single.nii.gz")
    trained = a_trained_state(tmp_path_factory.mktemp("training"))
    add_model(root, a_card("segmentation_flair", TINY, ["flair"], []), trained)
    add_model(root, a_card("segmentation_multi", TINY, ["flair"], ["t1"]), an_untrained_state(TINY, 2))
    add_subtype_model(root)
    add_tumour_network(root)
    card = a_card("correction", CORRECTING, ["flair"], []).model_copy(update={"task": "refinement"})
    add_model(root, card, a_trained_correction_state())
    add_model(root, a_card("slow", SLOW, ["flair"], []), an_untrained_state(SLOW, 1))
    return root


@pytest.fixture(scope="session")
def a_server(a_studies_folder: Path) -> Iterator[Server]:
    """A running ``gliomics serve``."""
    server = start_server(a_studies_folder)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def a_strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over one study with narrow limits: uploads of 2 MB, 1,024 open files, one other origin."""
    studies = tmp_path_factory.mktemp("strict") / "studies"
    add_study(studies, "case-0", 0)
    server = start_server(studies, "--max-upload-mb", "2", "--cors-origin", VIEWER, open_files=1024)
    yield server
    server.stop()


@dataclass
class ServedArchive:
    """A server of an archive with one examination, its tokens by role, and where the archive's files lie."""

    server: Server
    tokens: dict[str, str]
    files: Path

    def as_role(self, role: str) -> dict[str, str]:
        """The header with the token of a role."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}


@pytest.fixture(scope="session")
def a_served_archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedArchive]:
    """A server that asks for tokens, of an archive with FLAIR and T1 of ``A/1``: of Orthanc where it is installed."""
    with served_archive(tmp_path_factory.mktemp("served-archive"), "flair", "t1") as served:
        yield served


@contextmanager
def served_archive(root: Path, *sequences: str) -> Iterator[ServedArchive]:
    """A server of an archive with sequences of one sample study, while the block runs."""
    write_examination(root / "files", "A/1", "sample-01", *sequences)
    (root / "studies").mkdir()
    kept = Tokens(Workspace((root / "studies").resolve()).tokens)
    tokens = {role: kept.add(f"{role} Anna", role) for role in ROLES}
    archive = an_archive(root / "files") if why_no_orthanc() else an_orthanc(root, root / "files")
    with pytest.MonkeyPatch.context() as patch, archive as url:
        patch.setenv(USER_VARIABLE, USER)
        patch.setenv(PASSWORD_VARIABLE, PASSWORD)
        server = start_server(root / "studies", "--studies", url)
        yield ServedArchive(server, tokens, root / "files")
        server.stop()


@pytest.fixture(scope="session")
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


@pytest.fixture
def a_label(tmp_path: Path) -> Path:
    """The true mask of ``case-0``."""
    path = tmp_path / "label.nii.gz"
    write_mask(a_lesion_case(0)[1], path)
    return path
