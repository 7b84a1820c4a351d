"""``gliomics features`` as a person runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.feature_table import read_features_csv
from gliomics.cohort.measure import measure
from gliomics.features.config import load_config
from gliomics.study import Volume, find_study, read_volume, write_mask, write_volume
from gliomics.study.numbering import parse_numbering
from tests.unit.features.command import Done, gliomics
from tests.unit.features.heads import AFFINE, SHAPE, ball, lesion, write_study

pytestmark = pytest.mark.slow

QUICK = "featureClass:\n  firstorder: [Mean]\n  outline:\nsetting:\n  binWidth: 10\n"
SAMPLES = Path(__file__).parents[3] / "sample_studies"

Run = Callable[..., Done]


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Three studies with masks."""
    for number in range(3):
        write_study(tmp_path / "studies", f"case-{number}", seed=number, patient_id=f"P{number}")
    return tmp_path / "studies"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``gliomics features`` with the quick configuration in ``quick.yaml`` and an own cache, writing ``out.csv``."""
    (tmp_path / "quick.yaml").write_text(QUICK)
    given = ["--out", tmp_path / "out.csv", "--config", tmp_path / "quick.yaml", "--cache", tmp_path / "cache"]

    def features(studies: Path, *options: str | Path) -> Done:
        return gliomics(capsys, "features", studies, *given, *options)

    return features


def test_one_row_per_study_with_its_patient(studies: Path, run: Run) -> None:
    answer = run(studies, "--masks", studies / "labels" / "final")
    assert answer.returncode == 0, answer.stderr
    rows = read_features_csv(studies.parent / "out.csv")
    assert [(row.study_id, row.diagnostics["patient_id"]) for row in rows] == [(f"case-{n}", f"P{n}") for n in range(3)]
    assert list(rows[0].values)[-2:] == ["t1c_original_firstorder_Mean", "flair_original_firstorder_Mean"]
    assert "3 rows in" in answer.stderr
    assert answer.stdout == ""


def test_panel_of_the_command_is_the_panel_of_the_library(studies: Path, run: Run) -> None:
    mask = studies / "labels" / "final" / "case-0.nii.gz"
    answer = run(studies / "case-0", "--masks", mask.parent, "--config", "panel")
    assert answer.returncode == 0, answer.stderr
    expected = measure(StudyFiles(find_study(studies, "case-0"), mask), Extraction(load_config("panel"))).rows[0]
    assert read_features_csv(studies.parent / "out.csv") == [expected]


def test_study_without_a_mask_is_reported_and_left_out(studies: Path, run: Run) -> None:
    (studies / "labels" / "final" / "case-1.nii.gz").unlink()
    answer = run(studies, "--masks", studies / "labels" / "final")
    assert answer.returncode == 0
    assert "left out case-1: no mask case-1.nii.gz in" in answer.stderr
    assert [row.study_id for row in read_features_csv(studies.parent / "out.csv")] == ["case-0", "case-2"]


@pytest.mark.parametrize("suffix", [".nii", ".nrrd"])
def test_masks_may_be_nifti_or_nrrd(studies: Path, run: Run, tmp_path: Path, suffix: str) -> None:
    write_mask(lesion(), tmp_path / "masks" / f"case-0{suffix}")
    answer = run(studies / "case-0", "--masks", tmp_path / "masks")
    assert answer.returncode == 0, answer.stderr
    assert read_features_csv(tmp_path / "out.csv")[0].study_id == "case-0"


def test_bad_study_is_reported_the_others_go_on_and_the_exit_code_is_1(studies: Path, run: Run) -> None:
    write_mask(lesion().with_array(np.zeros(SHAPE, np.uint8)), studies / "labels" / "final" / "case-0.nii.gz")
    other_grid = Volume(lesion().array, np.diag([2.0, 2.0, 7.0, 1.0]))
    write_mask(other_grid, studies / "labels" / "final" / "case-1.nii.gz")
    answer = run(studies, "--masks", studies / "labels" / "final")
    assert answer.returncode == 1
    assert "failed case-0: mask case-0.nii.gz" in answer.stderr
    assert "is empty" in answer.stderr
    assert "failed case-1: geometry of mask case-1.nii.gz" in answer.stderr
    assert "(2, 2, 7) vs (2, 2, 5)" in answer.stderr
    assert [row.study_id for row in read_features_csv(studies.parent / "out.csv")] == ["case-2"]


def test_every_kind_of_bad_study_is_reported_by_its_name(studies: Path, run: Run) -> None:
    for name in ("truncated", "nan", "lacking"):
        write_study(studies, name)
    path = studies / "truncated" / "flair.nii.gz"
    path.write_bytes(path.read_bytes()[:1000])
    array = np.full(SHAPE, np.nan, np.float32)
    nib.save(nib.Nifti1Image(array, AFFINE), studies / "nan" / "flair.nii.gz")
    described = json.loads((studies / "lacking" / "study.json").read_text())
    del described["sequences"]["flair"]
    (studies / "lacking" / "study.json").write_text(json.dumps(described))
    (studies.parent / "quick.yaml").write_text(QUICK + "sequences: [flair]\n")
    answer = run(studies, "--masks", studies / "labels" / "final")
    assert answer.returncode == 1
    for name, reason in (
        ("truncated", "flair.nii.gz is truncated or damaged"),
        ("nan", f"flair.nii.gz has {array.size} voxels that are NaN"),
        ("lacking", "has no sequence 'flair', which the feature configuration asks for"),
    ):
        (line,) = [line for line in answer.stderr.splitlines() if line.startswith(f"failed {name}: ")]
        assert reason in line
    assert "3 rows in" in answer.stderr and ", 3 studies failed" in answer.stderr
    assert [row.study_id for row in read_features_csv(studies.parent / "out.csv")] == [f"case-{n}" for n in range(3)]


def test_nothing_computed_ends_in_one_error_line_and_writes_nothing(studies: Path, run: Run) -> None:
    (studies.parent / "empty").mkdir()
    answer = run(studies, "--masks", studies.parent / "empty")
    assert answer.returncode == 2
    assert [line for line in answer.stderr.splitlines() if line.startswith("error: ")] == [
        f"error: no features were computed from 3 studies in {studies}; the reasons are above"
    ]
    assert not (studies.parent / "out.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--masks", "nowhere"], "nowhere is not a folder; give the folder that holds <study id>.nii.gz"),
        (
            ["--masks", ".", "--config", "pannel"],
            "'pannel' is neither a preset (full, gbm-2022, glioma, ibsi, ibsi-a, ",
        ),
        (["--masks", "MASKS", "--region", "core"], "region 'core' is unknown; give whole, tumour-core, enhancing"),
        (["--masks", "MASKS", "--deep", "segmentation_flare"], "there is no model 'segmentation_flare'; models here: "),
        (["--masks", "MASKS", "--cache", "/proc/self"], "/proc/self cannot hold measured rows: "),
        (
            ["--masks", "MASKS", "--scheduler", "127.0.0.1:9"],
            "no Dask scheduler answers at 127.0.0.1:9: Connection refused",
        ),
    ],
)
def test_bad_option_ends_in_one_line(studies: Path, run: Run, options: list[str], message: str) -> None:
    masks = str(studies / "labels" / "final")
    answer = run(studies, *(masks if option == "MASKS" else option for option in options))
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: ")
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_region_and_boundary_shift_reach_the_table(studies: Path, run: Run) -> None:
    write_mask(lesion(0), studies / "labels" / "final" / "case-0.nii.gz")
    masks = studies / "labels" / "final"
    assert run(studies / "case-0", "--masks", masks, "--region", "tumour-core", "--boundary-shift", "1").returncode == 0
    (row,) = read_features_csv(studies.parent / "out.csv")
    core = np.isin(lesion(0).array, (1, 4)).sum()
    assert row.region == "tumour-core"
    assert row.diagnostics["boundary_shift"] == 1
    assert row.diagnostics["voxels"] > core


def test_sequences_on_different_grids_need_resample_to(studies: Path, run: Run) -> None:
    path = studies / "case-0" / "t1c.nii.gz"
    finer = read_volume(path)
    path.unlink()
    write_volume(Volume(np.repeat(finer.array, 2, axis=2), finer.affine @ np.diag([1, 1, 0.5, 1])), path)
    masks = studies / "labels" / "final"
    refused = run(studies / "case-0", "--masks", masks)
    assert refused.returncode == 2
    assert "sequences 't1c' and 'flair' lie on different grids" in refused.stderr
    assert run(studies / "case-0", "--masks", masks, "--resample-to", "flair").returncode == 0


def test_all_regions_in_all_sequences_in_one_call(run: Run, tmp_path: Path) -> None:
    regions = ["enhancing", "tumour-core", "whole", "peritumoral"]
    options = [option for region in regions for option in ("--region", region)]
    answer = run(SAMPLES / "sample-02", "--masks", SAMPLES / "truth", *options)
    assert answer.returncode == 0, answer.stderr
    rows = {row.region: row for row in read_features_csv(tmp_path / "out.csv")}
    assert list(rows) == regions
    for region, sequence in product(regions, ("t1", "t1c", "t2", "flair")):
        assert f"{sequence}_original_firstorder_Mean" in rows[region].values
    inside = [rows[region].diagnostics["voxels"] for region in regions[:3]]
    assert inside == sorted(inside)
    sentence = "kept inside the image's foreground"
    assert [region for region in rows if sentence in " ".join(rows[region].warnings)] == ["peritumoral"]


def write_parts(path: Path, *labels: int) -> None:
    """A mask of core without enhancement, oedema and enhancing tumour, numbered as ``labels``."""
    drawn = lesion(0)
    parts = [drawn.array == value for value in (1, 2, 4)]
    write_mask(drawn.with_array(np.select(parts, labels).astype(np.uint8)), path)


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        ((1, 2, 4), []),
        ((1, 2, 3), ["--numbering", "brats-2023"]),
        ((2, 1, 3), ["--numbering", "msd"]),
        ((7, 8, 9), ["--numbering", "7=NCR,8=ED,9=ET"]),
    ],
    ids=str,
)
def test_tumour_core_is_the_same_voxels_under_each_numbering(
    studies: Path, run: Run, tmp_path: Path, labels: tuple[int, ...], options: list[str]
) -> None:
    write_parts(tmp_path / "masks" / "case-0.nii.gz", *labels)
    answer = run(studies / "case-0", "--masks", tmp_path / "masks", "--region", "tumour-core", *options)
    assert answer.returncode == 0, answer.stderr
    (row,) = read_features_csv(tmp_path / "out.csv")
    assert row.diagnostics["voxels"] == np.isin(lesion(0).array, [1, 4]).sum()
    assert row.diagnostics["numbering"] == (parse_numbering(options[1]).name if options else "brats-2021")
    assert row.diagnostics["numbering_source"] == ("told" if options else "label 1, 2, 4")
    assert f"1 of 1 rows: numbered as {row.diagnostics['numbering']}" in answer.stderr


def test_numbering_is_that_of_the_study(studies: Path, run: Run, tmp_path: Path) -> None:
    write_parts(tmp_path / "masks" / "case-0.nii.gz", 1, 2, 3)
    study = studies / "case-0" / "study.json"
    study.write_text(json.dumps(json.loads(study.read_text()) | {"numbering": "brats-2023"}))
    answer = run(studies / "case-0", "--masks", tmp_path / "masks", "--region", "enhancing")
    assert answer.returncode == 0, answer.stderr
    assert read_features_csv(tmp_path / "out.csv")[0].diagnostics["voxels"] == (lesion(0).array == 4).sum()


def test_region_that_the_labels_leave_open_is_refused_with_the_label_and_the_remedy(
    studies: Path, run: Run, tmp_path: Path
) -> None:
    write_parts(tmp_path / "masks" / "case-0.nii.gz", 1, 2, 3)
    answer = run(studies / "case-0", "--masks", tmp_path / "masks", "--region", "tumour-core")
    assert answer.returncode == 2
    message = " ".join(answer.stderr.split())
    assert "region 'tumour-core' of case-0.nii.gz is ambiguous: the mask holds label 1, 2, 3" in message
    assert "oedema in msd" in message
    assert "say which with --numbering" in message and "brats-2023 (1 core-without-enhancement" in message
    assert not (tmp_path / "out.csv").exists()


def test_other_masks_of_the_folder_say_what_a_mask_without_core_is(studies: Path, run: Run, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    write_parts(masks / "case-0.nii.gz", 2, 2, 4)
    alone = run(studies / "case-0", "--masks", masks, "--region", "enhancing")
    assert alone.returncode == 2 and "label 4 is enhancing in" in alone.stderr
    write_parts(masks / "case-1.nii.gz", 1, 2, 4)
    answer = run(studies / "case-0", "--masks", masks, "--region", "enhancing")
    assert answer.returncode == 0, answer.stderr
    assert read_features_csv(tmp_path / "out.csv")[0].diagnostics["numbering_source"].endswith("of the folder")


def test_numbering_that_does_not_exist_is_refused_before_anything_is_read(studies: Path, run: Run) -> None:
    answer = run(studies, "--masks", studies / "labels" / "final", "--numbering", "brats-2022")
    assert answer.returncode == 2 and "numbering 'brats-2022' is unknown; give whole, brats-2016" in answer.stderr


def test_label_that_may_be_a_cavity_is_counted_with_a_warning(studies: Path, run: Run, tmp_path: Path) -> None:
    write_parts(tmp_path / "masks" / "case-0.nii.gz", 2, 2, 4)
    open_question = run(studies / "case-0", "--masks", tmp_path / "masks")
    assert "label 4 was counted as tumour; after surgery it may be a resection cavity" in open_question.stderr
    numbered = run(studies / "case-0", "--masks", tmp_path / "masks", "--numbering", "brats-2024")
    assert "was counted as tumour" not in numbered.stderr
    voxels = read_features_csv(tmp_path / "out.csv")[0].diagnostics["voxels"]
    assert voxels == np.isin(lesion(0).array, [1, 2]).sum()


def test_region_that_a_study_lacks_is_reported_and_its_others_are_measured(run: Run, tmp_path: Path) -> None:
    answer = run(SAMPLES / "sample-01", "--masks", SAMPLES / "truth", "--region", "enhancing", "--region", "whole")
    assert answer.returncode == 0, answer.stderr
    assert "left out enhancing of sample-01: region 'enhancing' is empty in sample-01.nii.gz" in answer.stderr
    assert [row.region for row in read_features_csv(tmp_path / "out.csv")] == ["whole"]
    again = run(SAMPLES / "sample-01", "--masks", SAMPLES / "truth", "--region", "enhancing", "--region", "whole")
    assert "left out enhancing of sample-01" in again.stderr and "those of 1 studies measured before" in again.stderr


def test_brain_masks_reach_the_table(studies: Path, run: Run, tmp_path: Path) -> None:
    brain = ball(SHAPE, (14, 22, 5), (10, 11, 4)).astype(np.uint8)
    for name in ("case-0", "case-1"):
        write_mask(lesion().with_array(brain), tmp_path / "brains" / f"{name}.nii.gz")
    masks = studies / "labels" / "final"
    answer = run(studies, "--masks", masks, "--brain", tmp_path / "brains", "--region", "peritumoral")
    assert answer.returncode == 1
    assert f"failed case-2: no brain mask case-2.nii.gz in {tmp_path / 'brains'}" in answer.stderr
    rows = read_features_csv(tmp_path / "out.csv")
    assert [row.diagnostics["brain_mask"] for row in rows] == [True, True]
    assert not any("foreground" in warning for row in rows for warning in row.warnings)


def test_deep_features_join_the_table_with_their_model(studies: Path, run: Run, tmp_path: Path) -> None:
    masks = studies / "labels" / "final"
    answer = run(studies, "--masks", masks, "--deep", "segmentation_flair", "--workers", "1")
    assert answer.returncode == 0, answer.stderr
    for row in read_features_csv(tmp_path / "out.csv"):
        for kind, count in (("mean", 320), ("std", 320), ("patch", 152)):
            assert sum(name.startswith(f"deep_segmentation_flair_{kind}_") for name in row.values) == count
        assert row.diagnostics["deep_segmentation_flair_sequences"] == ["flair"]
        assert len(row.diagnostics["deep_segmentation_flair_weights_sha256"]) == 64


def test_table_is_in_the_order_of_the_studies_whichever_is_ready_first(studies: Path, run: Run, tmp_path: Path) -> None:
    masks = studies / "labels" / "final"
    assert run(studies / "case-1", "--masks", masks).returncode == 0  # is in the cache and so ready first
    answer = run(studies, "--masks", masks)
    assert "3 rows in" in answer.stderr and "those of 1 studies measured before" in answer.stderr
    assert [row.study_id for row in read_features_csv(tmp_path / "out.csv")] == ["case-0", "case-1", "case-2"]


def test_maps_are_written_beside_the_table_on_the_grid_of_the_study(studies: Path, run: Run, tmp_path: Path) -> None:
    masks = studies / "labels" / "final"
    names = "flair_original_glcm_Contrast,original_firstorder_Mean"
    answer = run(studies, "--masks", masks, "--maps", names, "--workers", "1")
    assert answer.returncode == 0, answer.stderr
    assert f"9 maps in {tmp_path / 'out_maps'}" in answer.stderr
    folder = tmp_path / "out_maps" / "case-0"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"whole_{name}.nii.gz"
        for name in ("flair_original_firstorder_Mean", "flair_original_glcm_Contrast", "t1c_original_firstorder_Mean")
    ]
    image, mask = nib.load(studies / "case-0" / "flair.nii.gz"), nib.load(masks / "case-0.nii.gz")
    means = nib.load(folder / "whole_flair_original_firstorder_Mean.nii.gz")
    assert np.array_equal(means.affine, image.affine)
    inside = np.asarray(mask.dataobj) > 0
    assert not np.asarray(means.dataobj)[~inside].any()
    voxel = np.argwhere(inside)[inside.sum() // 2]
    around = tuple(slice(index - 1, index + 2) for index in voxel)
    expected = np.asarray(image.dataobj)[around][inside[around]].mean()
    assert np.asarray(means.dataobj)[tuple(voxel)] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("original_shape_Sphericity", "feature 'original_shape_Sphericity' has no map: 'shape' describes the region"),
        ("original_glcm_Kontrast", "feature 'Kontrast' of class 'glcm' is unknown; did you mean 'Contrast'?"),
        (" , ", "--maps is empty; give names of features as tables have them"),
    ],
)
def test_a_map_that_there_is_none_of_is_refused_before_anything_is_measured(
    studies: Path, run: Run, tmp_path: Path, name: str, message: str
) -> None:
    answer = run(studies, "--masks", studies / "labels" / "final", "--maps", name)
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
    assert message in answer.stderr
    assert not (tmp_path / "out.csv").exists()


def test_cluster_is_asked_for_where_dask_is_not_installed(
    studies: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    answer = run(studies, "--masks", studies / "labels" / "final", "--scheduler", "tcp://127.0.0.1:9")
    assert (answer.returncode, answer.stderr) == (
        2,
        'error: --scheduler needs Dask; install it: pip install ".[cluster]"\n',
    )
