from __future__ import annotations

import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.study import (
    Study,
    Volume,
    find_study,
    list_studies,
    open_studies,
    read_study_folder,
    write_study_json,
    write_volume,
)
from gliomics.study.folder import new_study_folder
from tests.unit.study.listing import failures


def change(study_folder: Path, **values: Any) -> None:
    """Change keys of a study.json; None removes one."""
    path = study_folder / "study.json"
    content = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_a_study_folder_is_read_with_its_sequences(a_studies_folder: Path) -> None:
    (study,) = read_study_folder(a_studies_folder / "case1")
    folder = a_studies_folder / "case1"
    assert study == Study(
        id="case1",
        patient_id="P1",
        folder=folder,
        sequences={"t1": folder / "t1.nii.gz", "flair": folder / "flair.nii.gz"},
    )


def test_sequence_names_are_read_in_any_case_and_by_their_usual_names(a_studies_folder: Path) -> None:
    change(a_studies_folder / "case1", sequences={"T1CE": "t1.nii.gz", "Flair": "flair.nii.gz", "ADC": "t1.nii.gz"})
    (study,) = read_study_folder(a_studies_folder / "case1")
    assert set(study.sequences) == {"t1c", "flair", "adc"}


def test_numbering_of_the_labels_is_kept_with_the_study(a_studies_folder: Path) -> None:
    change(a_studies_folder / "case1", numbering="brats-2023")
    (study,) = read_study_folder(a_studies_folder / "case1")
    assert study.numbering == "brats-2023"
    write_study_json(study.folder, [study])
    assert read_study_folder(study.folder) == [study]


def test_numbering_that_does_not_exist_is_refused_with_the_file(a_studies_folder: Path) -> None:
    change(a_studies_folder / "case1", numbering="brats")
    with pytest.raises(InputError, match=r"study.json is not .* numbering .brats. is unknown; give whole"):
        read_study_folder(a_studies_folder / "case1")


def test_two_names_of_one_sequence_are_refused(a_studies_folder: Path) -> None:
    change(a_studies_folder / "case1", sequences={"t1c": "t1.nii.gz", "T1ce": "flair.nii.gz"})
    with pytest.raises(InputError, match="names sequence 't1c' twice"):
        read_study_folder(a_studies_folder / "case1")


def test_time_points_become_studies_with_their_own_ids(a_studies_folder: Path) -> None:
    timepoints = [
        {"name": "baseline", "date": "2020-02-01", "sequences": {"flair": "flair.nii.gz"}},
        {"name": "followup", "date": None, "sequences": {"flair": "t1.nii.gz"}},
    ]
    change(a_studies_folder / "case1", sequences=None, timepoints=timepoints)
    first, second = list_studies(a_studies_folder)
    assert (first.id, first.timepoint, first.date) == ("case1", "baseline", "2020-02-01")
    assert (second.id, second.timepoint, second.date) == ("case1_followup", "followup", None)
    assert first.patient_id == second.patient_id == "P1"
    assert find_study(a_studies_folder, "case1_followup") == second


_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,10}", fullmatch=True)


@settings(max_examples=30, deadline=None)
@given(
    study_id=_IDS,
    timepoints=st.lists(
        st.tuples(_IDS, st.none() | st.dates().map(str)), min_size=1, max_size=3, unique_by=lambda item: item[0].lower()
    ),
    patient_id=st.text(min_size=1, max_size=10),
    spacing_known=st.booleans(),
    source=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
def test_studies_written_to_a_folder_are_read_back_equal(
    study_id: str,
    timepoints: list[tuple[str, str | None]],
    patient_id: str,
    spacing_known: bool,
    source: dict[str, str],
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "sub").mkdir()
        (folder / "sub" / "a.nii.gz").write_bytes(b"x")
        studies = [
            Study(
                id=study_id if position == 0 else f"{study_id}_{name}",
                patient_id=patient_id,
                folder=folder,
                sequences={"t1c": folder / "sub" / "a.nii.gz"},
                timepoint=name,
                date=date,
                spacing_known=spacing_known,
                source=source,
            )
            for position, (name, date) in enumerate(timepoints)
        ]
        write_study_json(folder, studies)
        assert read_study_folder(folder) == studies


def test_a_study_that_does_not_belong_in_the_folder_is_not_written(a_studies_folder: Path) -> None:
    (study,) = list_studies(a_studies_folder)
    other = Study("case1_later", "P2", study.folder, study.sequences, timepoint="later")
    with pytest.raises(InputError, match="differ in patient_id"):
        write_study_json(study.folder, [study, other])
    with pytest.raises(InputError, match="must have id 'case1_later', not 'x'"):
        write_study_json(study.folder, [study, Study("x", "P1", study.folder, study.sequences, timepoint="later")])
    with pytest.raises(InputError, match="lies outside"):
        write_study_json(a_studies_folder / "case2", [study])
    assert list_studies(a_studies_folder) == [study]


@pytest.mark.parametrize("file", ["../outside.nii.gz", "/etc/x.nii.gz", "sub/../../outside.nii.gz", "a\0.nii.gz"])
def test_a_file_outside_the_study_folder_is_refused(a_studies_folder: Path, file: str) -> None:
    shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", a_studies_folder / "outside.nii.gz")
    change(a_studies_folder / "case1", sequences={"t1": file})
    with pytest.raises(InputError, match="lies outside the study's folder"):
        read_study_folder(a_studies_folder / "case1")


def test_a_link_that_leads_out_of_the_study_folder_is_refused(a_studies_folder: Path) -> None:
    outside = a_studies_folder.parent / "secret.nii.gz"
    shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", outside)
    (a_studies_folder / "case1" / "t1.nii.gz").unlink()
    (a_studies_folder / "case1" / "t1.nii.gz").symlink_to(outside)
    (a_studies_folder / "linked.nii.gz").symlink_to(outside)
    listed, errors = failures(a_studies_folder)
    assert listed == []
    assert "through a link out of" in errors["case1"]
    assert "through a link out of" in errors["linked.nii.gz"]


def test_a_study_folder_that_is_a_link_out_of_the_studies_folder_is_refused(a_studies_folder: Path) -> None:
    (a_studies_folder / "case1").rename(a_studies_folder.parent / "elsewhere")
    (a_studies_folder / "case1").symlink_to(a_studies_folder.parent / "elsewhere")
    listed, errors = failures(a_studies_folder)
    assert listed == []
    assert "put a copy in its place" in errors["case1"]


def test_links_inside_a_studies_folder_that_is_a_link_itself_are_followed(a_studies_folder: Path) -> None:
    (a_studies_folder / "case1" / "t1.nii.gz").rename(a_studies_folder / "store.nii.gz")
    (a_studies_folder / "case1" / "t1.nii.gz").symlink_to("../store.nii.gz")
    linked = a_studies_folder.parent / "linked"
    linked.symlink_to(a_studies_folder)
    assert failures(linked) == (["case1", "store"], {})
    assert find_study(linked, "case1").id == "case1"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"id": "../x"}, "study id '../x' is not allowed"),
        ({"id": None}, "id: Field required"),
        ({"patient_id": 7}, "patient_id: Input should be a valid string"),
        ({"patient_id": ""}, "patient_id: String should have at least 1 character"),
        ({"sequnces": {}}, "sequnces: Extra inputs are not permitted"),
        ({"sequences": {}}, "sequences: Dictionary should have at least 1 item"),
        ({"sequences": None}, "must have 'sequences' or 'timepoints', and not both"),
        ({"sequences": {"t1": "none.nii.gz"}}, "file 'none.nii.gz' of sequence 't1' does not exist"),
        ({"sequences": {"t1": "study.json"}}, "must end in .nii.gz, .nii, .nrrd"),
        ({"sequences": {"t/1": "t1.nii.gz"}}, "sequence name 't/1' is not allowed"),
    ],
)
def test_a_wrong_study_json_is_refused_with_the_key_and_the_file(
    a_studies_folder: Path, values: dict[str, Any], message: str
) -> None:
    change(a_studies_folder / "case1", **values)
    with pytest.raises(InputError) as caught:
        read_study_folder(a_studies_folder / "case1")
    assert message in str(caught.value)
    assert "study.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b"null", b'"text"'])
def test_a_broken_study_json_is_refused_by_name_and_does_not_hide_the_others(
    a_studies_folder: Path, content: bytes
) -> None:
    shutil.copytree(a_studies_folder / "case1", a_studies_folder / "broken")
    (a_studies_folder / "broken" / "study.json").write_bytes(content)
    listed, errors = failures(a_studies_folder)
    assert listed == ["case1"]
    assert "study.json" in errors["broken"]
    with pytest.raises(InputError, match=r"study\.json"):
        find_study(a_studies_folder, "broken")


def test_time_points_with_one_name_are_refused(a_studies_folder: Path) -> None:
    twice = [{"name": name, "sequences": {"t1": "t1.nii.gz"}} for name in ("baseline", "Baseline")]
    change(a_studies_folder / "case1", sequences=None, timepoints=twice)
    with pytest.raises(InputError, match="names a time point twice"):
        read_study_folder(a_studies_folder / "case1")


@pytest.mark.parametrize("second_id", ["case1", "CASE1"])
def test_an_id_used_twice_keeps_the_first_study_and_names_both(a_studies_folder: Path, second_id: str) -> None:
    shutil.copytree(a_studies_folder / "case1", a_studies_folder / "copy")
    change(a_studies_folder / "copy", id=second_id)
    listed, errors = failures(a_studies_folder)
    assert listed == ["case1"]
    assert (
        f"study id '{second_id}' of {a_studies_folder / 'copy'} is taken by {a_studies_folder / 'case1'}"
        in errors["copy"]
    )


def test_single_image_files_are_studies_of_one_sequence(a_studies_folder: Path) -> None:
    image = a_studies_folder / "case1" / "t1.nii.gz"
    for name in ("B_01_t1ce.nii.gz", "B_01_FLAIR.NII.GZ", "plain.nii.gz"):
        shutil.copy(image, a_studies_folder / name)
    studies_by_id = {study.id: study for study in list_studies(a_studies_folder)}
    assert set(studies_by_id) == {"case1", "B_01_t1ce", "B_01_FLAIR", "plain"}
    assert studies_by_id["B_01_t1ce"].sequences == {"t1c": a_studies_folder / "B_01_t1ce.nii.gz"}
    assert studies_by_id["B_01_FLAIR"].sequences == {"flair": a_studies_folder / "B_01_FLAIR.NII.GZ"}
    assert studies_by_id["plain"].sequences == {"image": a_studies_folder / "plain.nii.gz"}
    assert studies_by_id["B_01_t1ce"].patient_id == studies_by_id["B_01_FLAIR"].patient_id == "B_01"


def test_labels_hidden_folders_and_other_files_are_not_studies(a_studies_folder: Path) -> None:
    image = a_studies_folder / "case1" / "t1.nii.gz"
    for name in ("labels/final/case1.nii.gz", "truth/case1.nii.gz", ".gliomics/x.nii.gz", ".incomplete-a/t1.nii.gz"):
        (a_studies_folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, a_studies_folder / name)
    (a_studies_folder / "genomics.csv").write_text("patient_id\n")
    (a_studies_folder / "notes").mkdir()
    assert failures(a_studies_folder) == (["case1"], {})


def test_a_flat_bids_folder_has_one_patient_and_sees_contrast(a_studies_folder: Path, tmp_path: Path) -> None:
    for session in ("ses-01", "ses-02"):
        for tail in ("T1w", "ce-gadolinium_T1w", "FLAIR"):
            shutil.copy(a_studies_folder / "case1" / "t1.nii.gz", tmp_path / f"sub-01_{session}_{tail}.nii.gz")
    studies = {study.id: study for study in list_studies(tmp_path)}
    assert {study.patient_id for study in studies.values()} == {"sub-01"}
    assert list(studies["sub-01_ses-02_ce-gadolinium_T1w"].sequences) == ["t1c"]
    assert list(studies["sub-01_ses-02_T1w"].sequences) == ["t1"]


def test_a_left_out_study_is_logged_when_nobody_handles_it(
    a_studies_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(a_studies_folder / "case1", a_studies_folder / "broken")
    (a_studies_folder / "broken" / "study.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert [study.id for study in list_studies(a_studies_folder)] == ["case1"]
    assert "left out" in caplog.text
    assert "broken" in caplog.text


def test_an_unknown_study_is_refused_with_the_nearest_ids(a_studies_folder: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no study 'Case1'.*did you mean case1"):
        find_study(a_studies_folder, "Case1")


@pytest.mark.parametrize("name", ["../studies/case1", "/etc", "", "a/b", "labels"])
def test_an_id_that_leads_elsewhere_is_refused(a_studies_folder: Path, name: str) -> None:
    with pytest.raises(GliomicsError):
        find_study(a_studies_folder, name)


def test_a_missing_studies_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none is not a folder"):
        list_studies(tmp_path / "none")


def test_a_single_image_is_found_by_its_name_and_a_broken_one_tells_why(
    a_studies_folder: Path, an_oblique_volume: Volume
) -> None:
    write_volume(an_oblique_volume, a_studies_folder / "one.nrrd")
    (a_studies_folder / "bad name.nii.gz").write_bytes(b"x")
    assert find_study(a_studies_folder, "one").sequences == {"image": a_studies_folder / "one.nrrd"}
    assert "study id 'bad name' is not allowed" in failures(a_studies_folder)[1]["bad name.nii.gz"]


def test_a_new_study_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_study_folder(tmp_path / "a") as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    (tmp_path / ".incomplete-a").mkdir()
    (tmp_path / ".incomplete-a" / "left behind").write_text("x")
    with new_study_folder(tmp_path / "a") as folder:
        (folder / "whole").write_text("x")
        assert not (tmp_path / "a").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "whole"]


def test_a_person_can_point_at_a_studies_folder_a_study_or_an_image(a_studies_folder: Path) -> None:
    (study,) = open_studies(a_studies_folder)
    assert open_studies(a_studies_folder / "case1") == [study]
    (single,) = open_studies(a_studies_folder / "case1" / "flair.nii.gz")
    assert single.sequences == {"flair": a_studies_folder / "case1" / "flair.nii.gz"}


def test_a_folder_without_studies_is_refused_when_a_person_points_at_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no study"):
        open_studies(tmp_path)
