"""``gliomics report``: one examination as a page, by its label, a mask given or an automatic one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gliomics.cli.main import app
from gliomics.errors import GeometryError, InputError, UnknownNameError
from gliomics.models import ModelStore
from gliomics.reading.numbers import number
from gliomics.server.store.labels import LabelStore
from gliomics.server.store.reviews import APPROVED, ReviewStore
from gliomics.server.workspace import Workspace
from gliomics.study import Volume, find_study, label_path, write_mask, write_study_json, write_volume
from tests.server.studies import a_lesion_case, add_label, add_study

pytestmark = pytest.mark.slow

MASK = a_lesion_case(0)[1]


def report(*arguments: object, out: Path) -> str:
    """The page that the command writes, without its pictures and tags."""
    result = CliRunner().invoke(app, ["report", *map(str, arguments), "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    page = re.sub(r"data:image/png;base64,[^\"]*", "", out.read_text(encoding="utf-8"))
    assert not re.search(r"<script|<link|https?:", page)
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL).split())


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """A folder with the unlabelled study ``case-0``."""
    add_study(tmp_path / "studies", "case-0", 0)
    return tmp_path / "studies"


def test_page_on_a_label_says_who_saved_which_version_and_what_the_review_said(studies: Path, tmp_path: Path) -> None:
    store = LabelStore(studies, Workspace(studies).history, lambda _: find_study(studies, "case-0").sequences)
    store.save("case-0", "final", MASK.with_array(MASK.array * 0), {})
    origin = {"kind": "edited", "model": "segmentation_flair", "version": "1", "changed": 0.12}
    store.save("case-0", "final", MASK, {"user": "Dr <b>A</b>", "origin": origin})
    reviews = ReviewStore(Workspace(studies).reviews)
    reviews.add("case-0", "final", 2, state=APPROVED, comment="well drawn", user="Prof. C")
    before = sorted(studies.rglob("*"))
    text = report("case-0", "--studies", studies, out=tmp_path / "page.html")
    assert "final label, version 2 by Dr &lt;b&gt;A&lt;/b&gt;" in text
    assert "automatic mask of segmentation_flair version 1, 12% of the lesion is another now" in text
    assert "version 2 approved by Prof. C: well drawn" in text
    assert "For research use only" in text
    assert re.search(r"COC2 cluster .* coc2 \(mostly IDH wild type\) 0\.\d\d \(0\.\d\d to \d\.\d\d\)", text)
    volume = np.count_nonzero(MASK.array) * 0.02
    assert f"Volume {number(volume)} cm³" in text
    assert sorted(studies.rglob("*")) == before


def test_label_put_there_by_hand_is_said_to_be_that(studies: Path, tmp_path: Path) -> None:
    add_label(studies, find_study(studies, "case-0"), 0)
    assert "imported or put there by hand" in report(studies / "case-0", out=tmp_path / "page.html")


def test_automatic_mask_is_said_to_be_that_and_whether_its_model_knows_the_patient(tmp_path: Path) -> None:
    from gliomics.bundled import bundled

    sample = bundled("sample_studies") / "sample-02"
    study = replace(find_study(sample.parent, "sample-02"), patient_id="TCGA-DU-7294")
    folder = tmp_path / "studies" / "sample-02"
    for name in ("flair", "t1c"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.nii.gz").write_bytes(study.path(name).read_bytes())
    sequences = {name: folder / f"{name}.nii.gz" for name in ("flair", "t1c")}
    write_study_json(folder, [replace(study, folder=folder, sequences=sequences)])
    version = ModelStore().current("segmentation_multi").card.version
    text = report(folder, out=tmp_path / "page.html")
    assert f"automatic, by segmentation_multi version {version}" in text
    assert "Nobody has looked at this mask" in text
    assert "Segmented without t1" in text
    assert f"segmentation_multi version {version} learned from this patient" in text
    assert "no prediction: the model was fitted on this patient" in text
    assert "voxel size" not in text


def test_mask_that_a_model_finds_nothing_in_is_asked_for(tmp_path: Path) -> None:
    dark = Volume(np.random.default_rng(0).normal(100, 1, (40, 44, 6)).astype(np.float32), MASK.affine)
    write_volume(dark, tmp_path / "empty_flair.nii.gz")
    with pytest.raises(InputError, match=r"finds no lesion in study 'empty_flair'; give .* --mask"):
        report(tmp_path / "empty_flair.nii.gz", out=tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_parts_are_told_by_the_numbering_or_said_to_be_unknown(studies: Path, tmp_path: Path) -> None:
    array = MASK.array.astype(np.uint8)
    array[:, :, 2] *= 2
    array[:, :, 3] *= 3
    path = tmp_path / "masks" / "case-0.nii.gz"
    write_mask(MASK.with_array(array), path)
    unknown = report("case-0", "--studies", studies, "--mask", path, out=tmp_path / "page.html")
    assert "not told apart" in unknown and "--numbering" in unknown
    told = report(
        "case-0", "--studies", studies, "--mask", path.parent, "--numbering", "brats-2023", out=tmp_path / "page.html"
    )
    assert f"oedema {np.count_nonzero(array == 2) * 0.02:.1f} ml" in told
    assert "numbering by told" in told


def test_unknown_voxel_size_is_said_once_and_gives_no_volume(studies: Path, tmp_path: Path) -> None:
    study = replace(find_study(studies, "case-0"), spacing_known=False)
    write_study_json(study.folder, [study])
    add_label(studies, study, 0)
    text = report(study.folder, out=tmp_path / "page.html")
    assert "The voxel size is unknown, so sizes are in voxels and not in mm." in text
    assert not re.search(r"\d (ml|cm³|mm²?)( |$)|mm³", text)


def test_mask_of_another_grid_is_refused(studies: Path, tmp_path: Path) -> None:
    write_mask(Volume(MASK.array, MASK.affine @ np.diag([1.1, 1.0, 1.0, 1.0])), tmp_path / "mask.nii.gz")
    with pytest.raises(GeometryError, match="geometry of mask"):
        report(studies / "case-0", "--mask", tmp_path / "mask.nii.gz", out=tmp_path / "page.html")


def test_another_file_is_not_replaced_and_the_study_is_not_read(studies: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("years of work")
    with pytest.raises(InputError, match="is no report of Gliomics"):
        report(studies / "case-0", out=tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == "years of work"


def test_one_of_several_examinations_must_be_named(studies: Path, tmp_path: Path) -> None:
    add_study(studies, "case-1", 1)
    with pytest.raises(InputError, match=r"holds 2 examinations: case-0, case-1; .* ID --studies"):
        report(studies, out=tmp_path / "page.html")
    with pytest.raises(UnknownNameError, match=r"no study 'case-7' .* did you mean"):
        report("case-7", "--studies", studies, out=tmp_path / "page.html")
    with pytest.raises(InputError, match="there is no folder or file case-7"):
        report("case-7", out=tmp_path / "page.html")


def test_label_that_was_drawn_on_another_image_is_refused_with_the_remedy(studies: Path, tmp_path: Path) -> None:
    study = find_study(studies, "case-0")
    store = LabelStore(studies, Workspace(studies).history, lambda _: study.sequences)
    store.save("case-0", "final", MASK, {})
    write_volume(a_lesion_case(5)[0]["flair"], study.path("flair"))
    with pytest.raises(InputError, match=r"drawn on another image: flair .* --mask"):
        report(study.folder, out=tmp_path / "page.html")
    text = report(study.folder, "--mask", label_path(studies, "case-0"), out=tmp_path / "page.html")
    assert "given as case-0.nii.gz" in text
