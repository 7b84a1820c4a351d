from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gliomics.errors import InputError, UnknownNameError
from gliomics.models import (
    ModelCard,
    ModelStore,
    SequenceNeeds,
    TrainingRecord,
    load_model_folder,
    patient_hash,
    write_model_folder,
)


def a_card(name: str = "segmentation_flair", version: str = "1") -> ModelCard:
    return ModelCard(
        name=name,
        version=version,
        task="segmentation",
        title="A test model",
        description="Weights that are a word.",
        sequences=SequenceNeeds(required=["flair"]),
        labels={"tumour": 1},
        settings={},
        training=TrainingRecord(population="none", n_patients=0, fingerprint="0" * 64),
    )


def word(text: str) -> dict[str, object]:
    return {"weights.bin": lambda path: path.write_text(text)}


@pytest.fixture
def a_store(tmp_path: Path) -> ModelStore:
    """A store with a shipped version 1 and an empty local folder."""
    write_model_folder(tmp_path / "shipped" / "segmentation_flair", a_card(), word("shipped"))
    return ModelStore(tmp_path / "local", shipped=tmp_path / "shipped")


def serving(store: ModelStore) -> str:
    return store.current("segmentation_flair").file("weights.bin").read_text()


def test_shipped_model_serves_until_another_is_published(a_store: ModelStore) -> None:
    added = a_store.add(a_card(), word("retrained"))
    assert added.card.version == "2"
    assert serving(a_store) == "shipped"
    a_store.publish("segmentation_flair", "2", "better on the validation studies")
    assert serving(a_store) == "retrained"
    assert a_store.history("segmentation_flair")[0]["reason"] == "better on the validation studies"


def test_damaged_version_falls_back_to_the_one_that_served_before(a_store: ModelStore) -> None:
    folder = a_store.add(a_card(), word("retrained"))
    a_store.add(a_card(), word("kept back"))
    a_store.publish("segmentation_flair", "2", "better")
    folder.file("weights.bin").write_text("trunc")
    assert serving(a_store) == "shipped"


def test_published_version_whose_folder_is_gone_falls_back(a_store: ModelStore) -> None:
    folder = a_store.add(a_card(), word("retrained"))
    a_store.publish("segmentation_flair", "2", "better")
    (folder.path / "model.json").unlink()
    assert serving(a_store) == "shipped"


def test_version_that_was_never_published_does_not_serve(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "local", shipped=tmp_path / "none")
    store.add(a_card("mine"), word("new"))
    assert store.names() == []
    store.publish("mine", "1", "first")
    assert store.names("segmentation") == ["mine"]
    assert store.names("subtype") == []


def test_names_of_a_task_leave_out_the_models_of_others(a_store: ModelStore, tmp_path: Path) -> None:
    card = a_card("slices").model_copy(update={"task": "slice_classification"})
    write_model_folder(tmp_path / "shipped" / "slices", card, word("of another kind"))
    assert a_store.names() == ["segmentation_flair", "slices"]
    assert a_store.names("segmentation") == ["segmentation_flair"]
    assert a_store.names("slice_classification") == ["slices"]


def test_rollback_lets_the_version_before_serve_and_keeps_the_record(a_store: ModelStore) -> None:
    for text in ("second", "third"):
        added = a_store.add(a_card(), word(text))
        a_store.publish("segmentation_flair", added.card.version, "better")
    assert a_store.rollback("segmentation_flair", reason="it draws ventricles").card.version == "2"
    assert serving(a_store) == "second"
    assert a_store.rollback("segmentation_flair", to="1", reason="start again").card.version == "1"
    assert serving(a_store) == "shipped"
    assert [entry["version"] for entry in a_store.history("segmentation_flair")] == ["2", "3", "2", "1"]
    assert set(a_store.versions("segmentation_flair")) == {"1", "2", "3"}


def test_rollback_without_anything_to_go_back_to_is_refused(a_store: ModelStore) -> None:
    with pytest.raises(InputError, match="served before version 1"):
        a_store.rollback("segmentation_flair", reason="why not")
    with pytest.raises(InputError, match="serves already"):
        a_store.rollback("segmentation_flair", to="1", reason="why not")
    with pytest.raises(UnknownNameError, match="no version 7"):
        a_store.rollback("segmentation_flair", to="7", reason="why not")


def test_going_back_twice_goes_back_two_steps(a_store: ModelStore) -> None:
    for text in ("second", "third"):
        a_store.publish("segmentation_flair", a_store.add(a_card(), word(text)).card.version, "better")
    assert a_store.rollback("segmentation_flair", reason="it draws ventricles").card.version == "2"
    assert a_store.rollback("segmentation_flair", reason="so does this").card.version == "1"
    with pytest.raises(InputError, match="served before version 1"):
        a_store.rollback("segmentation_flair", reason="on and on")
    assert a_store.rollback("segmentation_flair", to="3", reason="the ventricles were fine").card.version == "3"


def test_version_that_was_kept_back_cannot_be_rolled_back_to(a_store: ModelStore) -> None:
    a_store.add(a_card().model_copy(update={"reason": "kept, not published: no better"}), word("kept back"))
    a_store.publish("segmentation_flair", a_store.add(a_card(), word("third")).card.version, "better")
    with pytest.raises(InputError, match=r"version 2 .* never served \(kept, not published: no better\).* did: 1, 3"):
        a_store.rollback("segmentation_flair", to="2", reason="why not")
    assert serving(a_store) == "third"
    assert [entry["version"] for entry in a_store.history("segmentation_flair")] == ["3"]
    assert a_store.rollback("segmentation_flair", reason="back").card.version == "1"


def test_first_version_that_nobody_published_cannot_be_rolled_back_to(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "local", shipped=tmp_path / "none")
    store.add(a_card("mine"), word("new"))
    with pytest.raises(InputError, match="no version of model 'mine' was published"):
        store.rollback("mine", to="1", reason="why not")


def test_damaged_version_is_not_rolled_back_to(a_store: ModelStore) -> None:
    second = a_store.add(a_card(), word("second"))
    a_store.publish("segmentation_flair", "2", "better")
    a_store.publish("segmentation_flair", a_store.add(a_card(), word("third")).card.version, "better")
    second.file("weights.bin").write_text("trunc")
    for to in (None, "2"):
        with pytest.raises(InputError, match=r"version 2 .* cannot serve: .*damaged.*; others served: 1, 3"):
            a_store.rollback("segmentation_flair", to=to, reason="why not")
    assert serving(a_store) == "third"


def test_version_that_was_deleted_is_left_out_of_a_rollback(a_store: ModelStore) -> None:
    second = a_store.add(a_card(), word("second"))
    a_store.publish("segmentation_flair", "2", "better")
    a_store.publish("segmentation_flair", a_store.add(a_card(), word("third")).card.version, "better")
    shutil.rmtree(second.path)
    assert a_store.served("segmentation_flair") == ["1", "3"]
    with pytest.raises(UnknownNameError, match="no version 2; it has 1, 3"):
        a_store.rollback("segmentation_flair", to="2", reason="why not")
    assert a_store.rollback("segmentation_flair", reason="back").card.version == "1"


def test_rollback_from_a_damaged_version_makes_the_one_that_stands_in_official(a_store: ModelStore) -> None:
    for text in ("second", "third"):
        folder = a_store.add(a_card(), word(text))
        a_store.publish("segmentation_flair", folder.card.version, "better")
    folder.file("weights.bin").write_text("trunc")
    assert serving(a_store) == "second"
    assert a_store.rollback("segmentation_flair", to="2", reason="3 is damaged").card.version == "2"
    assert a_store.history("segmentation_flair")[-1]["version"] == "2"


def test_versions_that_served_are_told_from_those_kept_back(a_store: ModelStore) -> None:
    a_store.add(a_card(), word("kept back"))
    a_store.publish("segmentation_flair", a_store.add(a_card(), word("third")).card.version, "better")
    assert a_store.served("segmentation_flair") == ["1", "3"]
    assert set(a_store.versions("segmentation_flair")) == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("published", "serves"),
    [
        ([], "the new release"),
        (["2"], "made here first"),
        (["2", "1"], "the new release"),
        (["3"], "made here then"),
        (["2", "3"], "made here then"),
        (["2", "3", "2"], "made here first"),
        (["3", "1"], "the new release"),
        (["3", "2"], "the new release"),
    ],
)
def test_release_with_a_number_that_was_taken_here_serves_unless_that_one_does(
    a_store: ModelStore, tmp_path: Path, published: list[str], serves: str
) -> None:
    """The last row went back to 2 after the upgrade, when that was the shipped one: the first 2 was kept back."""
    for text in ("made here first", "made here then"):
        a_store.add(a_card(), word(text))
    for version in published:
        a_store.publish("segmentation_flair", version, "as recorded")
    shutil.rmtree(tmp_path / "shipped")
    write_model_folder(tmp_path / "shipped" / "segmentation_flair", a_card(version="2"), word("the new release"))
    assert serving(a_store) == serves
    assert a_store.add(a_card(), word("made here next")).card.version == "4"
    assert serving(a_store) == serves


def test_unknown_model_is_refused_with_the_names_that_exist(a_store: ModelStore) -> None:
    with pytest.raises(UnknownNameError, match="no model 'segmentation_t2'; models here: segmentation_flair"):
        a_store.current("segmentation_t2")


@pytest.mark.parametrize("name", ["../outside", "/etc", "a/b", "", ".hidden"])
def test_model_name_cannot_leave_the_store(a_store: ModelStore, name: str) -> None:
    with pytest.raises(InputError, match="model name"):
        a_store.current(name)


def test_damaged_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    write_model_folder(tmp_path / "m", a_card(), word("whole"))
    (tmp_path / "m" / "weights.bin").write_text("whol")
    with pytest.raises(InputError, match=r"weights\.bin is damaged"):
        load_model_folder(tmp_path / "m")


def test_card_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "m", a_card(), word("whole"))
    card = folder.path / "model.json"
    card.write_text(card.read_text().replace('"title"', '"titel"'))
    with pytest.raises(InputError, match="not a valid model card"):
        load_model_folder(tmp_path / "m")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"A test model"', '"Another model"'),
        ('"tumour": 1', '"tumour": 2'),
        ('"n_patients": 0', '"n_patients": 400'),
        ('"version": "1"', '"version": "3"'),
    ],
)
def test_card_that_was_edited_is_refused(tmp_path: Path, before: str, after: str) -> None:
    card = write_model_folder(tmp_path / "m", a_card(), word("whole")).path / "model.json"
    assert before in card.read_text()
    card.write_text(card.read_text().replace(before, after))
    with pytest.raises(InputError, match=r"model\.json was changed after it was written"):
        load_model_folder(tmp_path / "m")


def test_card_that_was_only_laid_out_anew_is_read(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "m", a_card(), word("whole"))
    content = json.loads((folder.path / "model.json").read_text())
    (folder.path / "model.json").write_text(json.dumps(dict(reversed(content.items()))))
    assert load_model_folder(tmp_path / "m").card == folder.card


def test_version_whose_card_was_edited_does_not_serve(a_store: ModelStore) -> None:
    folder = a_store.add(a_card(), word("retrained"))
    a_store.publish("segmentation_flair", "2", "better")
    card = folder.path / "model.json"
    card.write_text(card.read_text().replace('"tumour": 1', '"tumour": 2'))
    assert serving(a_store) == "shipped"


def test_card_of_the_first_format_is_refused_with_the_remedy(tmp_path: Path) -> None:
    card = write_model_folder(tmp_path / "m", a_card(), word("whole")).path / "model.json"
    card.write_text(card.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(InputError, match=r"is of format 1.*train or fit the model again"):
        load_model_folder(tmp_path / "m")


@pytest.mark.parametrize(
    "spelling",
    [
        "TCGA-CS-4941",
        "TCGA_CS_4941",
        "TCGA_CS_4941_19960909",
        "tcga-cs-4941-01A-01D",
        " TCGA-CS-4941 ",
        "sub-TCGACS4941",
    ],
)
def test_patient_is_known_by_every_spelling_of_the_id(spelling: str) -> None:
    record = TrainingRecord(population="two", n_patients=1, fingerprint="", patients=[patient_hash("TCGA-CS-4941")])
    assert record.learned_from(spelling)


@pytest.mark.parametrize("other", ["TCGA-CS-4942", "TCGA-CS-49411", "CS-4941", "TCGA-CS-494"])
def test_another_patient_is_not_taken_for_one_that_the_model_learned_from(other: str) -> None:
    record = TrainingRecord(population="two", n_patients=1, fingerprint="", patients=[patient_hash("TCGA-CS-4941")])
    assert not record.learned_from(other)


@pytest.mark.parametrize(
    "name", ["segmentation_flair", "segmentation_multi", "segmentation_parts", "correction", "subtype_idh"]
)
def test_shipped_model_tells_the_patients_that_it_learned_from(name: str) -> None:
    training = ModelStore().current(name).card.training
    assert len(training.patients) >= training.n_patients
    assert training.learned_from("TCGA_DU_7294_19890104")


def test_failed_write_leaves_no_folder(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_model_folder(tmp_path / "m", a_card(), {"weights.bin": fails})
    assert list(tmp_path.iterdir()) == []


def test_model_version_is_never_overwritten(tmp_path: Path) -> None:
    write_model_folder(tmp_path / "m", a_card(), word("first"))
    with pytest.raises(InputError, match="never overwritten"):
        write_model_folder(tmp_path / "m", a_card(), word("second"))
