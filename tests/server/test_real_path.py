"""The whole path on real patients that the shipped models never saw, by the commands of the README and over HTTP."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gliomics.evaluation import dice
from gliomics.files import write_bytes
from gliomics.models import ModelStore, patient_hash
from gliomics.study import label_path, list_studies, read_mask
from tests.processes import run
from tests.server.servers import environment, start_server

pytestmark = pytest.mark.realdata

PATIENTS = ["TCGA_CS_4941", "TCGA_CS_6290", "TCGA_DU_6401", "TCGA_FG_7637", "TCGA_HT_7694", "TCGA_HT_8111"]


def gliomics(*arguments: object) -> str:
    """Run the command line as a user would; returns what it said."""
    done = run(*map(str, arguments), env=environment(), timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def real_studies(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patients that the shipped segmentation models were not trained on, imported from the public layout."""
    folder = tmp_path_factory.mktemp("real")
    restore = [sys.executable, str(real_data / "lgg" / "restore.py"), str(folder / "download"), "--patients"]
    subprocess.run([*restore, *PATIENTS], check=True, capture_output=True)
    gliomics("import", folder / "download", folder / "studies", "--yes")
    return folder / "studies"


def test_patients_of_this_test_were_not_trained_on() -> None:
    patients = {patient_hash(name) for name in PATIENTS}
    for name in ("segmentation_flair", "segmentation_multi"):
        assert not patients & set(ModelStore().current(name).card.training.split["training"])


def test_commands_lead_from_the_download_to_estimates(real_studies: Path, tmp_path: Path) -> None:
    masks, features, out = tmp_path / "masks", tmp_path / "features.csv", tmp_path / "subtypes.csv"
    studies = list_studies(real_studies)
    assert len(studies) == len(PATIENTS)
    gliomics("segment", real_studies, "--model", "segmentation_flair", "--out", masks)
    scores = [
        dice(read_mask(masks / f"{study.id}.nii.gz").array, read_mask(label_path(real_studies, study.id)).array)
        for study in studies
    ]
    assert np.mean(scores) > 0.8, scores
    gliomics("features", real_studies, "--masks", masks, "--out", features)
    for model in ("subtype_coc2", "subtype_idh"):
        gliomics("subtype", "predict", features, "--model", model, "--out", out)
        with out.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["study_id"] for row in rows] == [study.id for study in studies]
        for row in rows:
            probabilities = {k: float(v) for k, v in row.items() if k.startswith("probability_")}
            assert sum(probabilities.values()) == pytest.approx(1, abs=1e-6)
            assert max(probabilities, key=lambda name: probabilities[name]) == f"probability_{row['predicted']}"


def test_server_segments_estimates_and_keeps_the_label(real_studies: Path, tmp_path: Path) -> None:
    server = start_server(real_studies)
    try:
        client = server.client
        for study in list_studies(real_studies):
            automatic = tmp_path / f"{study.id}.nii.gz"
            write_bytes(automatic, client.infer("segmentation_multi", study.id).label or b"")
            assert read_mask(automatic).array.any()
            estimates = {estimate.model: estimate for estimate in client.subtype(study.id, label=automatic)}
            assert set(estimates) == {"who_class", "subtype_codeletion", "subtype_coc2", "subtype_idh"}
            client.save_label(study.id, automatic)
            saved = read_mask(label_path(real_studies, study.id))
            np.testing.assert_array_equal(saved.array, read_mask(automatic).array)
            assert len(client.label_history(study.id)) >= 1
    finally:
        server.stop()
