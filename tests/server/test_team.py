"""What the page for a team's administrator says of backups, done by its own commands on a server that is at work."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from gliomics.client import GliomicsClient
from gliomics.study import write_mask
from tests import processes
from tests.server.servers import Server, start_server
from tests.server.studies import TINY, a_card, a_lesion_case, add_model, add_study, an_untrained_state

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how_to" / "team.md"
STUDY, MODEL = "case-0", "segmentation_multi"


def commands(heading: str, folder: Path) -> str:
    """The commands below a heading of the page, with ``/backup`` in a folder of ours, and the day that it was made."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert section
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", section[1], re.M | re.S)
    days = [path.name.removeprefix("my_studies-") for path in (folder / "backup").glob("my_studies-*")]
    text = "".join(blocks).replace("/backup", str(folder / "backup"))
    return text.replace("DATE", days[0]) if days else text


def run(script: str, folder: Path) -> None:
    """Run what is the shell's of a script; copying may name files of a moment that are gone."""
    shell = "\n".join(line for line in script.splitlines() if not line.startswith("gliomics "))
    done = subprocess.run(["sh", "-c", shell], cwd=folder, capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if ".tmp-" not in line] == []


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    """The tokens of two people over a folder with a study and two versions of a small model."""
    studies = tmp_path / "my_studies"
    add_study(studies, STUDY, 0)
    for seed in (1, 2):
        add_model(studies, a_card(MODEL, TINY, ["flair"], []), an_untrained_state(TINY, seed))
    given = {}
    for line in commands("Who may do what", tmp_path).splitlines():
        words = line.split()[1:]
        said = processes.run(*words, cwd=tmp_path)
        assert said.returncode == 0, said.stderr
        if words[1] == "add":
            given[words[2]] = max(re.findall(r"[\w-]+", said.stdout), key=len)
    return given


def as_user(server: Server, token: str) -> GliomicsClient:
    return GliomicsClient(server.url, timeout=120, token=token)


def test_backup_of_a_server_at_work_is_the_same_server(tokens: dict[str, str], tmp_path: Path) -> None:
    masks = [tmp_path / f"{number}.nii.gz" for number in range(2)]
    for seed, path in enumerate(masks):
        write_mask(a_lesion_case(seed)[1], path)
    server = start_server(tmp_path / "my_studies")
    anna, carla = as_user(server, tokens["anna"]), as_user(server, tokens["carla"])
    anna.save_label(STUDY, masks[0])
    carla.review_label(STUDY, "returned", "the margin is too generous")
    reviewed, versions = anna.label_history(STUDY), anna.model_versions(MODEL)
    done = threading.Event()

    def save_on() -> None:
        while not done.wait(0.01):
            anna.save_label(STUDY, masks[1], tag="second")

    saving = threading.Thread(target=save_on)
    saving.start()
    try:
        run(commands("Back up", tmp_path), tmp_path)
    finally:
        done.set()
        saving.join()
    anna.save_label(STUDY, masks[1])
    server.stop()

    run(commands("Restore", tmp_path), tmp_path)
    restored = start_server(tmp_path / "my_studies")
    try:
        anna = as_user(restored, tokens["anna"])
        assert anna.label_history(STUDY) == reviewed
        assert anna.download_label(STUDY) == masks[0].read_bytes()
        assert {version["user"] for version in anna.label_history(STUDY, "second")} <= {"anna"}
        assert anna.model_versions(MODEL) == versions
        going_back = re.search(r"`(gliomics models rollback [^`]*)`", PAGE.read_text(encoding="utf-8"))
        assert going_back
        said = processes.run(*going_back[1].split()[1:], cwd=tmp_path)
        assert "no longer does" in said.stdout, said.stderr
        serves = [version["version"] for version in anna.model_versions(MODEL) if version["serves"]]
        assert serves != [version["version"] for version in versions if version["serves"]]
    finally:
        restored.stop()
    shutil.rmtree(tmp_path / "my_studies.broken")
