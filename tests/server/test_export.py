"""Exports over HTTP: every format of a study from DICOM, and what is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openpyxl
import pydicom
import pytest

from gliomics.client import ClientError
from gliomics.client.exports import unpack_exports
from gliomics.csv_files import read_csv
from gliomics.dicom.segmentation import read_segmentation
from gliomics.reading.exports import EXPORT_SUFFIXES, export_name
from gliomics.study import Study, label_path, on_grid_of, read_mask, read_volume, write_mask
from tests.server.servers import Server, start_server
from tests.server.studies import a_lesion_case, add_study
from tests.unit.dicom.dicom_files import OBLIQUE
from tests.unit.dicom.examined_study import ENHANCING, OEDEMA, import_examination, write_examination
from tests.unit.export.dcmqi_tools import read_report, read_segments, write_segments

pytestmark = pytest.mark.slow

SEGMENTS = {"oedema": OEDEMA, "enhancing": ENHANCING}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def study(root: Path) -> Study:
    """The study of the DICOM files in ``dicom``."""
    return import_examination(write_examination(root / "dicom", axes=OBLIQUE), root / "studies")


@pytest.fixture(scope="module")
def server(root: Path, study: Study) -> Iterator[Server]:
    add_study(root / "studies", "case-0", 0)
    server = start_server(root / "studies")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def label(root: Path, study: Study) -> Path:
    return label_path(root / "studies", study.id)


@pytest.fixture(scope="module")
def files(root: Path, server: Server, study: Study, label: Path) -> dict[str, Path]:
    """The enhancing part of the label in every format."""
    paths = {name: root / "out" / export_name(study.id, "enhancing", name) for name in EXPORT_SUFFIXES}
    params = {"segments": SEGMENTS, "label_value": ENHANCING}
    server.client.export(paths, study.id, label=label, region="enhancing", params=params)
    return paths


def test_every_format_comes_whole_and_nothing_stays_on_the_server(
    files: dict[str, Path], root: Path, server: Server
) -> None:
    assert sorted(path.name for path in (root / "out").iterdir()) == sorted(path.name for path in files.values())
    assert not list((server.studies / ".gliomics" / "tmp").rglob("*.zip"))


def test_tables_and_page_say_what_the_server_measures(
    files: dict[str, Path], server: Server, study: Study, label: Path
) -> None:
    params = {"label_value": ENHANCING}
    values = server.client.features(study.id, label=label, region="enhancing", params=params).values
    sheet = openpyxl.load_workbook(files["xlsx"])["Features"]
    measured = {row[0]: row[5] for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert measured == pytest.approx(values, rel=1e-12)
    lines = [row for _, row in read_csv(files["csv"])]
    assert {row[3]: float(row[4]) for row in lines if row[2] == "feature"} == pytest.approx(values, rel=1e-12)
    assert any("sent to the server for this export" in row[4] for row in lines)
    assert study.id in files["html"].read_text(encoding="utf-8")


def test_every_part_is_in_the_tables_by_its_region(server: Server, study: Study, label: Path, root: Path) -> None:
    paths = {name: root / "parts" / export_name(study.id, "all parts", name) for name in ("csv", "xlsx", "html")}
    params = {"regions": "all", "vasari": True, "numbering": f"{OEDEMA}=oedema,{ENHANCING}=enhancing"}
    server.client.export(paths, study.id, label=label, params=params)
    answer = server.client.infer("subtype", study.id, label=label, params=params).params
    values = {part["reading"]["title"]: part["features"]["values"] for part in answer["regions"] if "features" in part}
    assert len(values) > 2
    measured: dict[str, dict[str, float]] = {}
    for row in openpyxl.load_workbook(paths["xlsx"])["Features"].iter_rows(min_row=2, values_only=True):
        measured.setdefault(str(row[0]), {})[str(row[1])] = float(str(row[6]))
    assert measured == {region: pytest.approx(each, rel=1e-12) for region, each in values.items()}
    lines = [row for _, row in read_csv(paths["csv"])]
    assert {row[1] for row in lines[1:]} == set(values)
    assert any(row[3] == "VASARI F8 Cysts" for row in lines)
    assert "VASARI features" in paths["html"].read_text(encoding="utf-8")


def test_dicom_is_of_the_patient_and_reads_as_it_was_sent(
    files: dict[str, Path], study: Study, label: Path, tmp_path: Path
) -> None:
    voxels, attributes = read_segments(files["seg"], tmp_path)
    sent = read_mask(label)
    assert {segment["SegmentLabel"] for segment in attributes.values()} >= set(SEGMENTS)
    for value in SEGMENTS.values():
        np.testing.assert_array_equal(on_grid_of(voxels[value], sent, "segment").array > 0, sent.array == value)
    (group,) = read_report(files["sr"], tmp_path)["Measurements"]
    assert group["ReferencedSegment"] == ENHANCING
    assert group["segmentationSOPInstanceUID"] == pydicom.dcmread(files["seg"]).SOPInstanceUID
    assert str(pydicom.dcmread(files["sr"]).PatientName) == "Doe^Jane"


def test_label_that_was_corrected_elsewhere_is_submitted(
    files: dict[str, Path], root: Path, server: Server, study: Study, tmp_path: Path
) -> None:
    image = read_volume(study.path("flair"))
    ours = on_grid_of(read_segmentation(files["seg"]), image, "the mask")
    array = ours.array.copy()
    array[:, :, 6:] = 0
    array[9:12, 20:24, 3] = OEDEMA
    path = write_segments(root / "dicom" / "series4", ours.with_array(array), {2: "oedema", 3: "enhancing"}, tmp_path)
    write_mask(read_segmentation(path), tmp_path / "corrected.nii.gz")
    segments = {"oedema": 1, "enhancing": 2}
    server.client.save_label(study.id, tmp_path / "corrected.nii.gz", tag="corrected", params={"segments": segments})
    (tmp_path / "saved.nii.gz").write_bytes(server.client.download_label(study.id, "corrected"))
    saved = on_grid_of(read_mask(tmp_path / "saved.nii.gz"), image, "the label")
    np.testing.assert_array_equal(saved.array, np.select([array == OEDEMA, array == ENHANCING], [1, 2], 0))


def test_uploaded_images_leave_as_tables_and_not_as_dicom(server: Server, tmp_path: Path) -> None:
    write_mask(a_lesion_case(0)[1], tmp_path / "label.nii.gz")
    images = {name: server.studies / "case-0" / f"{name}.nii.gz" for name in ("flair", "t1")}
    with server.client.session(images) as session_id:
        for names in (["csv", "html"], ["sr"]):
            paths = {name: tmp_path / "out" / f"mine{EXPORT_SUFFIXES[name]}" for name in names}
            options = {"session_id": session_id, "label": tmp_path / "label.nii.gz", "params": {"study_id": "mine"}}
            if "sr" not in names:
                server.client.export(paths, **options)
                continue
            with pytest.raises(ClientError, match="not known which DICOM series study 'mine' was made of") as refusal:
                server.client.export(paths, **options)
            assert refusal.value.status == 400
    lines = [row for _, row in read_csv(tmp_path / "out" / "mine.csv")]
    assert {row[0] for row in lines[1:]} == {"mine"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine.csv", "mine.html"]


@pytest.mark.parametrize(
    ("formats", "reason"),
    [(["pdf"], "no export format 'pdf'"), (["seg"], "not known which DICOM series study 'case-0'")],
)
def test_what_cannot_be_exported_is_refused_with_the_reason(
    server: Server, tmp_path: Path, formats: list[str], reason: str
) -> None:
    write_mask(a_lesion_case(0)[1], tmp_path / "label.nii.gz")
    with pytest.raises(ClientError, match=reason) as refusal:
        server.client.export({name: tmp_path / name for name in formats}, "case-0", label=tmp_path / "label.nii.gz")
    assert refusal.value.status == 400
    assert "/" not in str(refusal.value).replace("gliomics", "")


def archive(**changes: int) -> bytes:
    """An archive with one CSV file whose first bytes, by what they say, are others."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.csv", "study_id,value\n" * 100)
    content = bytearray(packed.getvalue())
    directory = content.index(b"PK\x01\x02")
    places = {"encrypted": (6, directory + 8), "method": (8, directory + 10), "data": (30 + len("a.csv"),)}
    for what, value in changes.items():
        for place in places[what]:
            content[place] = value
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [b"<html>", archive()[:-30], archive(data=255), archive(method=99), archive(encrypted=1)],
    ids=["a page", "cut off", "damaged", "compressed otherwise", "encrypted"],
)
def test_an_answer_that_is_no_archive_writes_nothing(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ClientError, match="no archive of exports"):
        unpack_exports(content, {"csv": tmp_path / "a.csv"})
    assert list(tmp_path.iterdir()) == []


def test_an_archive_is_unpacked(tmp_path: Path) -> None:
    unpack_exports(archive(), {"csv": tmp_path / "a.csv"})
    assert (tmp_path / "a.csv").read_text().startswith("study_id,value\n")
