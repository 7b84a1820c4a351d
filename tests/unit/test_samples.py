"""The synthetic studies: the same bytes every time, and brains with tumours."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import typer
from scipy.ndimage import label
from typer.testing import CliRunner

from gliomics.cli.demo.make_samples import make_samples as command
from gliomics.errors import InputError
from gliomics.files import sha256_of
from gliomics.preprocess import lesion_mask
from gliomics.samples import make_samples
from gliomics.samples.draw import Drawing, draw
from gliomics.samples.make import write_samples
from gliomics.samples.synthetic_patients import DEFAULT_SEED, synthetic_patients
from gliomics.study import SEQUENCES, Study, list_studies, load_sequences, read_mask, read_volume

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).parents[2] / "sample_studies"
MANIFEST = json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))
ENTRIES = {entry["id"]: entry for entry in MANIFEST["studies"]}
IDS = sorted(ENTRIES)

Images = dict[str, npt.NDArray[np.float64]]
"""The voxels of one examination: by sequence, and those of its mask."""


DRAWN = [min(name for name in IDS if ENTRIES[name]["subtype"]["COC"] == coc) for coc in ("coc2", "coc3")]
"""One of those that enhance and one of those that do not: drawing takes seconds, and the others are drawn alike."""


@pytest.fixture(scope="module")
def drawings() -> dict[str, Drawing]:
    """Some planted examinations, drawn anew."""
    return {
        patient.study_id(time): draw(patient, time)
        for patient in synthetic_patients()
        for time in patient.timepoints
        if patient.study_id(time) in DRAWN
    }


@pytest.fixture(scope="module")
def images(shipped: dict[str, Study]) -> dict[str, Images]:
    """The shipped voxels of every examination by sequence, and those of its mask."""
    return {
        name: {sequence: read_volume(study.path(sequence)).array.astype(float) for sequence in SEQUENCES}
        | {"mask": read_mask(SHIPPED / ENTRIES[name]["mask"]).array.astype(float)}
        for name, study in shipped.items()
    }


@pytest.fixture(scope="module")
def shipped() -> dict[str, Study]:
    return {study.id: study for study in list_studies(SHIPPED)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of one patient."""
    root = tmp_path_factory.mktemp("samples") / "written"
    write_samples(root, [patient for patient in synthetic_patients() if patient.id == "sample-05"], seed=DEFAULT_SEED)
    return root


def relative_files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_written_files_are_the_shipped_ones_with_nothing_of_the_run_in_them(written: Path) -> None:
    """Decompressed, because another zlib may pack the same bytes differently; a gzip header has no time and no name."""
    for name in relative_files(written):
        made, there = (root / name for root in (written, SHIPPED))
        if name.endswith(".nii.gz"):
            assert gzip.decompress(made.read_bytes()) == gzip.decompress(there.read_bytes()), name
            assert made.read_bytes()[3:8] == bytes(5)
        elif name.endswith("study.json"):
            assert made.read_bytes() == there.read_bytes()


@pytest.mark.parametrize("study_id", DRAWN)
def test_generator_draws_the_shipped_voxels(
    study_id: str, drawings: dict[str, Drawing], shipped: dict[str, Study]
) -> None:
    drawing = drawings[study_id]
    for name, volume in drawing.volumes.items():
        there = read_volume(shipped[study_id].path(name))
        np.testing.assert_array_equal(there.array, volume.array)
        np.testing.assert_array_equal(there.affine, volume.affine)
    np.testing.assert_array_equal(read_mask(SHIPPED / ENTRIES[study_id]["mask"]).array, drawing.mask.array)


def test_another_seed_draws_another_head() -> None:
    ours, other = (synthetic_patients(seed)[0] for seed in (DEFAULT_SEED, DEFAULT_SEED + 1))
    assert (ours.head.seed, ours.timepoints[0].tumour.seed) != (other.head.seed, other.timepoints[0].tumour.seed)


def test_manifest_hashes_are_true_and_name_every_image() -> None:
    hashes = {name: digest for entry in ENTRIES.values() for name, digest in entry["sha256"].items()}
    assert {name: sha256_of(SHIPPED / name) for name in hashes} == hashes
    assert sorted(hashes) == [name for name in relative_files(SHIPPED) if name.endswith(".nii.gz")]


def test_manifest_names_every_study_and_its_planted_subtype(shipped: dict[str, Study]) -> None:
    assert MANIFEST["seed"] == DEFAULT_SEED
    assert sorted(shipped) == IDS
    planted = {patient.id: {"IDH": patient.idh, "COC": patient.coc} for patient in synthetic_patients()}
    assert {name: entry["subtype"] for name, entry in ENTRIES.items()} == {name: planted[name[:9]] for name in IDS}
    assert {entry["subtype"]["COC"] for entry in ENTRIES.values()} == {"coc1", "coc2", "coc3"}


def test_shipped_studies_together_stay_under_10_megabytes() -> None:
    assert sum((SHIPPED / name).stat().st_size for name in relative_files(SHIPPED)) < 10e6


def test_shipped_studies_count_as_not_annotated() -> None:
    assert not (SHIPPED / "labels").exists()


def test_one_patient_has_a_later_time_point(shipped: dict[str, Study]) -> None:
    later = [study for study in shipped.values() if study.timepoint != "baseline"]
    assert [(study.id, study.patient_id) for study in later] == [("sample-03_followup", "SAMPLE-03")]
    assert shipped["sample-03"].date < later[0].date


@pytest.mark.parametrize("study_id", IDS)
def test_sequences_and_mask_share_one_grid(study_id: str, shipped: dict[str, Study]) -> None:
    study = shipped[study_id]
    assert sorted(study.sequences) == sorted(SEQUENCES)
    volumes = load_sequences(study, SEQUENCES)
    assert volumes["flair"].spacing == (1.5, 1.5, 5.0)
    lesion_mask(read_mask(SHIPPED / ENTRIES[study_id]["mask"]), volumes["t1"], study_id)


@pytest.mark.parametrize("study_id", DRAWN)
def test_true_mask_lies_in_the_brain(study_id: str, drawings: dict[str, Drawing]) -> None:
    drawing = drawings[study_id]
    assert drawing.brain[drawing.mask.array > 0].min() > 0.4


@pytest.mark.parametrize("study_id", IDS)
def test_true_mask_is_one_tumour(study_id: str, images: dict[str, Images]) -> None:
    parts, _ = label(images[study_id]["mask"] > 0, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel())[1:]
    assert sizes.max() > 0.97 * sizes.sum()


@pytest.mark.parametrize("study_id", DRAWN)
def test_lesion_shows_as_gliomas_do(study_id: str, drawings: dict[str, Drawing]) -> None:
    """Bright on FLAIR and T2, dark on T1, against the same person's white matter."""
    drawing = drawings[study_id]
    lesion, white = drawing.mask.array > 0, drawing.white > 0.9
    mean = {name: (volume.array[lesion].mean(), volume.array[white].mean()) for name, volume in drawing.volumes.items()}
    assert mean["flair"][0] > 1.2 * mean["flair"][1]
    assert mean["t2"][0] > 1.5 * mean["t2"][1]
    assert mean["t1"][0] < 0.9 * mean["t1"][1]


@pytest.mark.parametrize("study_id", [name for name in IDS if ENTRIES[name]["subtype"]["COC"] == "coc2"])
def test_wild_type_tumours_enhance(study_id: str, images: dict[str, Images]) -> None:
    image = images[study_id]
    enhancing = image["mask"] == 4
    gain = image["t1c"][enhancing].mean() / image["t1"][enhancing].mean()
    assert enhancing.sum() > 50
    assert gain > 1.5


def test_codeleted_tumours_do_not_enhance(images: dict[str, Images]) -> None:
    codeleted = [name for name in IDS if ENTRIES[name]["subtype"]["COC"] == "coc3"]
    assert len(codeleted) == 2
    assert [name for name in codeleted if (images[name]["mask"] == 4).any()] == []


def test_tumour_has_grown_at_follow_up(images: dict[str, Images]) -> None:
    before, after = ((images[name]["mask"] > 0).sum() for name in ("sample-03", "sample-03_followup"))
    assert after > 1.5 * before


@pytest.mark.parametrize("study_id", IDS)
def test_fluid_is_bright_on_t2_and_suppressed_on_flair(study_id: str, images: dict[str, Images]) -> None:
    """In the third ventricle, which lies near the middle of the head, the darkest part of the T1."""
    middle = {name: voxels[62:82, 62:88, 8:11] for name, voxels in images[study_id].items()}
    fluid = middle["t1"] <= np.percentile(middle["t1"], 1)
    assert np.median(middle["t2"][fluid]) > 1.3 * np.median(middle["t2"])
    assert np.median(middle["flair"][fluid]) < 0.8 * np.median(middle["flair"])


def test_background_is_0_and_the_head_fills_the_image_as_in_clinical_protocols(
    images: dict[str, Images],
) -> None:
    for image in images.values():
        head = (image["flair"] > 12).any(axis=2)
        width, height = (np.ptp(np.flatnonzero(head.any(axis=axis))) for axis in (1, 0))
        assert 0.6 < width / head.shape[0] < 0.85
        assert 0.8 < height / head.shape[1] < 0.98
        assert np.median(image["flair"][:10]) == 0


def test_existing_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match=f"{tmp_path} exists"):
        make_samples(tmp_path)
    assert relative_files(tmp_path) == ["mine.txt"]


def test_command_tells_what_it_does() -> None:
    app = typer.Typer()
    app.command()(command)
    answer = CliRunner().invoke(app, ["--help"])
    assert answer.exit_code == 0
    assert "synthetic glioma studies" in answer.output
