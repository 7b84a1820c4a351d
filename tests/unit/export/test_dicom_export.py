"""DICOM Segmentations and Structured Reports, read back by dcmqi."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from typer.testing import CliRunner

from gliomics.cli.main import app
from gliomics.dicom.segmentation import read_segmentation
from gliomics.errors import GeometryError, InputError
from gliomics.export.write import write_exports
from gliomics.features.describe import describe
from gliomics.intake import import_folder
from gliomics.models import ModelStore
from gliomics.report.examine import ExaminedSegment, MaskFile, examine
from gliomics.study import (
    Mask,
    Study,
    label_path,
    on_grid_of,
    read_mask,
    read_volume,
    write_study_json,
    write_volume,
)
from tests.unit.dicom.dicom_files import OBLIQUE, TIMES, write_series
from tests.unit.dicom.examined_study import ENHANCING, NUMBERING, OEDEMA, import_examination, write_examination
from tests.unit.export.dcmqi_tools import read_report, read_segments, write_segments

pytestmark = pytest.mark.slow

WHOLE = 4
"""The number of the whole tumour's segment, after those of the label's three values."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with DICOM files in ``dicom``, their study in ``studies``, and the study's exports in ``out``."""
    folder = tmp_path_factory.mktemp("export")
    write_examination(folder / "dicom", axes=OBLIQUE)
    return folder


@pytest.fixture(scope="module")
def study(root: Path) -> Study:
    return import_examination(root / "dicom", root / "studies")


@pytest.fixture(scope="module")
def segment(root: Path, study: Study) -> ExaminedSegment:
    mask = MaskFile(label_path(root / "studies", study.id), "drawn by hand")
    return examine(study, mask, ModelStore(), numbering=NUMBERING)


@pytest.fixture(scope="module")
def files(root: Path, segment: ExaminedSegment) -> dict[str, Path]:
    return write_exports(segment, ["sr"], root / "out")


def with_label(segment: ExaminedSegment, mask: Mask) -> ExaminedSegment:
    """The same with another mask, and no report of it."""
    fields = {**vars(segment), "label": mask, "mask": mask.with_array((mask.array > 0).astype(np.uint8))}
    return ExaminedSegment(**fields)


def test_estimates_are_texts_that_can_stand_alone(files: dict[str, Path], segment: ExaminedSegment) -> None:
    (container,) = (item for item in pydicom.dcmread(files["sr"]).ContentSequence if _concept(item) == "C0034375")
    texts = [item.TextValue for item in container.ContentSequence if _concept(item) == "estimate"]
    assert len(texts) == len(segment.reading.estimates) > 0
    for text, estimate in zip(texts, segment.reading.estimates, strict=True):
        assert text.startswith(f"{estimate.title}: {estimate.headline}")
        assert all(bar.text in text for bar in estimate.bars)
        assert segment.reading.notice.rstrip(".") in text
    assert {item.ValueType for item in container.ContentSequence} == {"TEXT"}


def _concept(item: pydicom.Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue)


def test_a_report_comes_with_the_segmentation_that_it_refers_to(files: dict[str, Path], study: Study) -> None:
    assert [path.name for path in files.values()] == [
        f"{study.id}_Whole-tumour.seg.dcm",
        f"{study.id}_Whole-tumour.sr.dcm",
    ]
    report = pydicom.dcmread(files["sr"])
    segmentation = pydicom.dcmread(files["seg"])
    for dataset in (report, segmentation):
        assert (str(dataset.PatientName), dataset.PatientID) == ("Doe^Jane", "SUBJ/01")
        assert dataset.StudyInstanceUID == report.StudyInstanceUID
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99GLIOMICS"
    assert "research use only" in report.SeriesDescription


def test_segments_have_the_voxels_codes_and_colours_of_their_parts(
    files: dict[str, Path], segment: ExaminedSegment, tmp_path: Path
) -> None:
    voxels, attributes = read_segments(files["seg"], tmp_path)
    for number, expected in ((OEDEMA, "oedema"), (ENHANCING, "enhancing")):
        read = on_grid_of(voxels[number], segment.label, "the segment").array > 0
        np.testing.assert_array_equal(read, segment.label.array == number)
        assert attributes[number]["SegmentLabel"] == expected
    np.testing.assert_array_equal(
        on_grid_of(voxels[WHOLE], segment.label, "the whole").array > 0, segment.label.array > 0
    )
    assert attributes[OEDEMA]["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "79654002"
    assert attributes[OEDEMA]["recommendedDisplayRGBValue"] == [86, 180, 233]
    enhancing = attributes[ENHANCING]
    assert enhancing["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "108369006"
    assert enhancing["SegmentedPropertyTypeModifierCodeSequence"]["CodeMeaning"] == "Enhancing Lesion"
    assert enhancing["recommendedDisplayRGBValue"] == [240, 228, 66]


def test_report_has_every_feature_with_its_value_code_unit_and_image(
    files: dict[str, Path], segment: ExaminedSegment, tmp_path: Path
) -> None:
    (group,) = read_report(files["sr"], tmp_path)["Measurements"]
    segmentation = pydicom.dcmread(files["seg"])
    assert group["segmentationSOPInstanceUID"] == segmentation.SOPInstanceUID
    assert group["ReferencedSegment"] == WHOLE
    assert group["TrackingUniqueIdentifier"] == segmentation.SegmentSequence[WHOLE - 1].TrackingUID
    assert group["Finding"]["CodeMeaning"] == "Neoplasm"
    items = group["measurementItems"]
    assert [item["quantity"]["CodeValue"] for item in items[:2]] == ["118565006", "103339001"]
    volume = next(fact.value for fact in segment.reading.headline if fact.name == "Volume")
    assert float(items[0]["value"]) == pytest.approx(volume)
    assert len(items) == 2 + len(segment.features.values)
    for (column, value), item in zip(segment.features.values.items(), items[2:], strict=True):
        known = describe(column)
        assert known is not None
        # The text of a number has 16 characters (PS3.5, DS).
        assert float(item["value"]) == pytest.approx(value, rel=1e-9, abs=1e-12)
        scheme, code = item["quantity"]["CodingSchemeDesignator"], item["quantity"]["CodeValue"]
        own = f"{known.feature_class}_{known.name}"
        assert (scheme, code) == (("IBSI", known.ibsi_code) if known.ibsi_code else ("99GLIOMICS", own))
        assert item["units"]["CodingSchemeDesignator"] == "UCUM"
        images = [each["modifierValue"]["CodeValue"] for each in item.get("measurementModifiers", [])]
        sequence = column.split("_")[0]
        assert images == ([sequence.upper()] if sequence in ("flair", "t1") else [])
    units = {item["quantity"]["CodeValue"]: item["units"]["CodeValue"] for item in items}
    assert (units["RNU0"], units["L0JK"], units["TLU2"], units["QCFX"]) == ("mm3", "mm", "bit", "1")
    assert units["Q4LE"] == "{intensity}"


def test_report_says_nothing_of_the_subtype(files: dict[str, Path], segment: ExaminedSegment) -> None:
    meanings = str(pydicom.dcmread(files["sr"]).ContentSequence)
    assert "IDH" not in meanings
    assert "COC" not in meanings


def test_label_that_was_corrected_elsewhere_comes_back(
    root: Path, study: Study, files: dict[str, Path], tmp_path: Path
) -> None:
    ours = on_grid_of(read_segmentation(files["seg"]), read_volume(study.path("flair")), "the mask")
    np.testing.assert_array_equal(ours.array, read_mask(label_path(root / "studies", study.id)).array)
    array = ours.array.copy()
    array[10:14, 14:20, 3:5] = ENHANCING
    array[:, :, 6] = 0
    corrected = ours.with_array(array)
    names = {OEDEMA: "oedema", ENHANCING: "enhancing"}
    path = write_segments(root / "dicom" / "series4", corrected, names, tmp_path)
    result = CliRunner().invoke(app, ["masks", "from-dicom", str(path), str(tmp_path / "back.nii.gz")])
    assert result.exit_code == 0, result.output
    assert "1 'oedema', 2 'enhancing'" in " ".join(result.output.split())
    back = on_grid_of(read_mask(tmp_path / "back.nii.gz"), ours, "the corrected mask")
    expected = np.where(array == OEDEMA, 1, np.where(array == ENHANCING, 2, 0))
    np.testing.assert_array_equal(back.array, expected)


@pytest.mark.parametrize(
    ("enhanced", "axes"),
    [(False, OBLIQUE[:, [2, 0, 1]]), (False, OBLIQUE[:, [1, 2, 0]]), (True, None), (True, OBLIQUE[:, [0, 2, 1]])],
    ids=["sagittal", "coronal", "multi-frame", "multi-frame coronal"],
)
def test_segmentation_lies_where_the_images_do_however_they_were_acquired(
    tmp_path: Path, segment: ExaminedSegment, enhanced: bool, axes: npt.NDArray[np.float64] | None
) -> None:
    write_examination(tmp_path / "dicom", enhanced=enhanced, axes=axes)
    study = import_examination(tmp_path / "dicom", tmp_path / "studies")
    label = read_mask(label_path(tmp_path / "studies", study.id))
    path = write_exports(_of(segment, study, label), ["sr"], tmp_path / "out")["seg"]
    voxels, _ = read_segments(path, tmp_path)
    for number in (OEDEMA, ENHANCING):
        read = on_grid_of(voxels[number], label, "the segment").array > 0
        np.testing.assert_array_equal(read, label.array == number)
    frames = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    referred = {
        item.ReferencedSOPInstanceUID
        for frame in frames
        for derivation in frame.DerivationImageSequence
        for item in derivation.SourceImageSequence
    }
    source = {pydicom.dcmread(file).SOPInstanceUID for file in (tmp_path / "dicom" / "series4").iterdir()}
    assert referred <= source
    assert referred


def _of(segment: ExaminedSegment, study: Study, label: Mask) -> ExaminedSegment:
    fields = {**vars(with_label(segment, label)), "study": study}
    return ExaminedSegment(**fields)


def test_mask_of_flipped_axes_is_turned_onto_the_series(
    segment: ExaminedSegment, tmp_path: Path, files: dict[str, Path]
) -> None:
    label = segment.label
    turned = np.eye(4)
    turned[0, 0], turned[0, 3] = -1, label.shape[0] - 1
    flipped = Mask(label.array[::-1].copy(), label.affine @ turned)
    path = write_exports(with_label(segment, flipped), ["seg"], tmp_path)["seg"]
    np.testing.assert_array_equal(read_segmentation(path).array, read_segmentation(files["seg"]).array)


def test_mask_on_another_grid_is_refused(segment: ExaminedSegment, tmp_path: Path) -> None:
    shifted = Mask(segment.label.array, segment.label.affine + np.eye(4)[:, [3, 3, 3, 0]] * 0.3)
    with pytest.raises(GeometryError, match=r"mask of study .* differs from series 4 'AX FLAIR'"):
        write_exports(with_label(segment, shifted), ["seg", "csv"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_study_whose_dicom_files_moved_needs_their_folder(root: Path, segment: ExaminedSegment, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.move(root / "dicom", moved)
    try:
        with pytest.raises(InputError, match=r"are not where they were when it was imported.*--dicom FOLDER"):
            write_exports(segment, ["seg"], tmp_path / "out")
        assert write_exports(segment, ["seg"], tmp_path / "out", dicom=moved)["seg"].is_file()
        import_examination(moved, root / "studies")
        assert str(moved / "series4") in (segment.study.folder / "study.json").read_text()
    finally:
        shutil.move(moved, root / "dicom")
        import_examination(root / "dicom", root / "studies")


def test_study_of_converted_files_is_known_by_its_voxels(root: Path, segment: ExaminedSegment, tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "anonymous"
    image = read_volume(segment.study.path("flair"))
    write_volume(Mask(image.array[:, ::-1].copy(), image.affine @ _flip(1, image.shape)), folder / "flair.nii.gz")
    study = Study("anonymous", "anonymous", folder, {"flair": folder / "flair.nii.gz"})
    write_study_json(folder, [study])
    other = _of(segment, study, segment.label)
    with pytest.raises(InputError, match=r"not known which DICOM series study 'anonymous' was made of"):
        write_exports(other, ["seg"], tmp_path / "out")
    path = write_exports(other, ["seg"], tmp_path / "out", dicom=root / "dicom")["seg"]
    assert pydicom.dcmread(path).ReferencedSeriesSequence[0].SeriesInstanceUID == segment.study.series["flair"].uid
    write_volume(image.with_array(image.array + 1), folder / "flair.nii.gz")
    with pytest.raises(InputError, match=r"none of the DICOM series there has the voxels"):
        write_exports(other, ["seg"], tmp_path / "out", dicom=root / "dicom")


def _flip(axis: int, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    turned = np.eye(4)
    turned[axis, axis], turned[axis, 3] = -1, shape[axis] - 1
    return turned


def test_series_without_a_frame_of_reference_is_refused(tmp_path: Path, segment: ExaminedSegment) -> None:
    write_examination(tmp_path / "dicom")
    for path in (tmp_path / "dicom").rglob("IM*"):
        dataset = pydicom.dcmread(path)
        del dataset.FrameOfReferenceUID
        dataset.save_as(path)
    study = import_examination(tmp_path / "dicom", tmp_path / "studies")
    label = read_mask(label_path(tmp_path / "studies", study.id))
    with pytest.raises(InputError, match="no Frame of Reference UID"):
        write_exports(_of(segment, study, label), ["seg"], tmp_path / "out")


@pytest.mark.realdata
def test_label_of_a_real_tumour_goes_out_and_comes_back(
    real_data: Path, segment: ExaminedSegment, tmp_path: Path
) -> None:
    case = real_data / "brats" / "TCGA-DU-7294"
    image, label = read_volume(Path(f"{case}_fla.nii.gz")), read_mask(Path(f"{case}_seg.nii.gz"))
    pixels = np.clip(image.array, 0, None).astype(np.uint16).transpose(2, 1, 0)
    axes = (np.diag([-1.0, -1.0, 1.0]) @ image.affine[:3, :3]) / image.spacing
    write_series(tmp_path / "dicom", 4, "AX FLAIR", pixels=pixels, axes=axes, spacing=image.spacing, **TIMES["flair"])
    (study,) = import_folder(tmp_path / "dicom", tmp_path / "studies")
    on_dicom = Mask(label.array, read_volume(study.path("flair")).affine)
    names = {1: "necrosis", 2: "oedema", 4: "enhancing"}
    real = ExaminedSegment(**{**vars(_of(segment, study, on_dicom)), "names": names})
    path = write_exports(real, ["sr"], tmp_path / "out")["seg"]
    voxels, attributes = read_segments(path, tmp_path)
    for number in (int(value) for value in np.unique(label.array) if value):
        np.testing.assert_array_equal(
            on_grid_of(voxels[number], on_dicom, "the segment").array > 0, label.array == number
        )
        assert attributes[number]["SegmentLabel"] == names[number]
    np.testing.assert_array_equal(on_grid_of(read_segmentation(path), on_dicom, "ours").array, label.array)
