"""What ``import gliomics`` gives, on the sample studies, beside what the commands write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gliomics
from gliomics.cli.main import app
from gliomics.cohort.feature_table import read_features_csv
from gliomics.errors import DependencyError, InputError, UnknownNameError
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from gliomics.segmentation.segmenter import Segmentation

SAMPLES = PROJECT / "sample_studies"
TRUTH = SAMPLES / "truth" / "sample-01.nii.gz"


@pytest.fixture(scope="module")
def study() -> gliomics.Study:
    return gliomics.open_study(SAMPLES / "sample-01")


@pytest.fixture(scope="module")
def segmentation(study: gliomics.Study) -> Segmentation:
    return gliomics.segment(study, "segmentation_flair")


@pytest.fixture(scope="module")
def row(study: gliomics.Study) -> gliomics.FeatureRow:
    return gliomics.measure(study, TRUTH)


def test_every_public_name_is_there() -> None:
    assert set(gliomics.__all__) <= set(dir(gliomics))
    assert all(getattr(gliomics, name) is not None for name in gliomics.__all__)
    assert {*gliomics._HOMES, "__version__"} == set(gliomics.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gliomics' has no attribute 'segmet'"):
        gliomics.segmet  # noqa: B018


def test_import_loads_nothing_but_python() -> None:
    code = "import sys; before = set(sys.modules); import gliomics; print(*sorted(set(sys.modules) - before))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in answer.stdout.split()}
    assert loaded - set(sys.stdlib_module_names) == {"gliomics"}


def test_one_study_is_opened_by_its_folder_or_by_its_id() -> None:
    assert gliomics.open_study(SAMPLES / "sample-01") == gliomics.open_study(str(SAMPLES), "sample-01")
    assert gliomics.open_study(SAMPLES / "sample-03", "sample-03_followup").timepoint == "followup"
    assert gliomics.open_study(SAMPLES / "sample-01" / "flair.nii.gz").sequences.keys() == {"flair"}


def test_several_studies_are_refused_with_their_ids() -> None:
    with pytest.raises(InputError, match=r"holds 2 studies \(sample-03, sample-03_followup\); name one"):
        gliomics.open_study(SAMPLES / "sample-03")


def test_a_study_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no study 'sample-1' in .*; did you mean sample-0"):
        gliomics.open_study(SAMPLES, "sample-1")


def test_mask_is_that_of_the_command(segmentation: Segmentation, tmp_path: Path) -> None:
    run("segment", SAMPLES / "sample-01", "--model", "segmentation_flair", "--out", tmp_path)
    written = gliomics.read_mask(tmp_path / "sample-01.nii.gz")
    assert (segmentation.mask.array == written.array).all()
    assert segmentation.study_id == "sample-01"


def test_row_is_that_of_the_command(row: gliomics.FeatureRow, tmp_path: Path) -> None:
    out = tmp_path / "features.csv"
    run("features", SAMPLES / "sample-01", "--masks", SAMPLES / "truth", "--out", out, "--workers", "1")
    assert read_features_csv(out) == [row]


def test_mask_in_memory_is_measured_as_its_file(study: gliomics.Study, row: gliomics.FeatureRow) -> None:
    assert gliomics.measure(study, gliomics.read_mask(TRUTH)) == row


def test_segmentation_is_measured_and_its_subtype_estimated(study: gliomics.Study, segmentation: Segmentation) -> None:
    row = gliomics.measure(study, segmentation)
    estimate = gliomics.estimate_subtype(row)
    assert estimate == gliomics.estimate_subtype(row, gliomics.load_model("subtype_idh"))
    assert estimate.study_id == "sample-01"
    assert sum(estimate.probabilities.values()) == pytest.approx(1)


def test_edge_gives_the_estimate_its_range(study: gliomics.Study, row: gliomics.FeatureRow) -> None:
    estimate = gliomics.estimate_subtype(row, edge=gliomics.measure_edge(study, TRUTH))
    assert estimate.margin is not None
    low, high = estimate.margin
    assert low <= estimate.probabilities[estimate.predicted] <= high
    assert low < high
    assert gliomics.estimate_subtype(row).margin is None


def test_segmentation_of_another_study_is_refused(segmentation: Segmentation) -> None:
    with pytest.raises(InputError, match="the mask is of study 'sample-01', not of 'sample-02'; segment that one"):
        gliomics.measure(gliomics.open_study(SAMPLES / "sample-02"), segmentation)


def test_configuration_of_several_rows_asks_for_one_region(study: gliomics.Study, tmp_path: Path) -> None:
    (tmp_path / "slices.yaml").write_text("featureClass: {outline: []}\nslices: each\n")
    with pytest.raises(InputError, match=r"gives \d+ rows \(whole slice .*; name one region"):
        gliomics.measure(study, TRUTH, config=str(tmp_path / "slices.yaml"))


def test_models_of_another_task_are_refused(study: gliomics.Study, row: gliomics.FeatureRow) -> None:
    with pytest.raises(InputError, match="model 'subtype_idh' is a subtype model; segment needs a segmentation model"):
        gliomics.segment(study, "subtype_idh")
    with pytest.raises(InputError, match="'segmentation_flair' is a segmentation model; estimate_subtype needs a sub"):
        gliomics.estimate_subtype(row, "segmentation_flair")


def test_model_is_loaded_by_name_or_folder_as_what_its_task_is(tmp_path: Path) -> None:
    folder = gliomics.ModelStore().current("correction").path
    for name, kind in {"segmentation_flair": "Segmenter", "subtype_coc2": "SubtypeModel", folder: "Refiner"}.items():
        assert type(gliomics.load_model(name)).__name__ == kind
    with pytest.raises(UnknownNameError, match="there is no model 'nothing'"):
        gliomics.load_model("nothing", models=tmp_path)


def test_paths_may_be_texts(row: gliomics.FeatureRow, tmp_path: Path) -> None:
    gliomics.write_features_csv([row], f"{tmp_path}/features.csv")
    assert gliomics.read_features_csv(f"{tmp_path}/features.csv") == [row]
    gliomics.write_mask(gliomics.read_mask(str(TRUTH)), f"{tmp_path}/mask.nii.gz")
    assert len(gliomics.list_studies(str(SAMPLES))) == 8
    assert gliomics.ModelStore(str(tmp_path)).names("subtype") == ["subtype_coc2", "subtype_codeletion", "subtype_idh"]


def test_without_the_server_part_one_sentence_says_so(
    study: gliomics.Study, row: gliomics.FeatureRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("gliomics.segmentation", "gliomics.interactive"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match="segment needs the server part, and 'torch' is not installed; see"):
        gliomics.segment(study)


def run(*command: str | Path) -> None:
    app([str(part) for part in command], standalone_mode=False)
