from __future__ import annotations

import json
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from gliomics.errors import GeometryError, InputError
from gliomics.models import ModelFolder, ModelStore, load_model_folder, write_model_folder
from gliomics.report.heat_map import heat_map_picture
from gliomics.segmentation.patches import covered_cells, mean_over_tumour, middle_maps, tumour_patches
from gliomics.segmentation.segmenter import Segmenter
from gliomics.study import Study, Volume, write_mask, write_study_json, write_volume
from gliomics.tumour_network.cohort import TumourCohort
from gliomics.tumour_network.fit_model import HEADS, NetworkOptions, fit_model
from gliomics.tumour_network.predict import TumourNetworkModel
from gliomics.tumour_network.settings import FittingSettings
from tests.unit.features.command import gliomics
from tests.unit.tumour_network.planted import a_tumour

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(a_model: ModelFolder) -> TumourNetworkModel:
    return TumourNetworkModel(load_model_folder(a_model.path))


def test_new_tumours_are_told_apart(model: TumourNetworkModel) -> None:
    for seed in range(100, 106):
        spot = seed % 2 == 1
        flair, mask, _ = a_tumour(seed, spot=spot)
        estimate = model.read({"flair": flair}, mask, study_id="new", patient_id="new").estimate
        assert estimate.predicted == ("spotted" if spot else "plain")
        assert sum(estimate.probabilities.values()) == pytest.approx(1)
        low, high = estimate.intervals["spotted"]
        assert low <= estimate.probabilities["spotted"] <= high
        assert (estimate.target, estimate.n_training, estimate.in_sample) == ("spot", 32, False)
        assert estimate.performance.startswith("AUC: ") and "cross-validated on 32 patients" in estimate.performance


def test_heat_map_lies_on_what_tells_the_class(model: TumourNetworkModel) -> None:
    for seed in (101, 103, 105):
        flair, mask, place = a_tumour(seed, spot=True)
        reading = model.read({"flair": flair}, mask, study_id="new", patient_id="new")
        heat, tumour, spot = reading.heat_map.array, mask.array > 0, place.array > 0
        assert (heat[~tumour] == 0).all()
        assert np.corrcoef(heat[tumour], spot[tumour])[0, 1] > 0.4
        assert spot[np.unravel_index(heat.argmax(), heat.shape)] or heat[spot].mean() > 2 * heat[tumour].mean()
        plain = model.read({"flair": a_tumour(seed, spot=False)[0]}, mask, study_id="new", patient_id="new")
        assert (plain.estimate.predicted, reading.estimate.predicted) == ("plain", "spotted")


def test_what_the_places_say_adds_up_to_the_answer(model: TumourNetworkModel) -> None:
    flair, mask, _ = a_tumour(7, spot=True)
    patches = tumour_patches({"flair": flair}, mask, ["flair"], model.settings.input)
    heads = model.fitted.network.heads
    maps = middle_maps(model.fitted.network.encoder, patches.images.float())
    said = mean_over_tumour(heads.evidence(maps)[None], covered_cells(patches.cover, maps.shape[-1])[None])
    torch.testing.assert_close(said, heads(model.fitted.channels([patches])).mean(dim=1), rtol=1e-4, atol=1e-4)


def test_patient_of_the_fit_and_unlike_tumour_are_said(model: TumourNetworkModel, cohort: TumourCohort) -> None:
    flair, mask, _ = a_tumour(3, spot=True)  # of the patient whose number is 1, for two have other names
    known = model.read({"flair": flair}, mask, study_id="a", patient_id="TCGA_XX_0001").estimate
    assert known.in_sample and known.inside_training_range and not known.reasons
    lurid = flair.with_array(np.where(mask.array > 0, 255 * (np.indices(mask.shape)[0] % 2), flair.array).astype("f4"))
    unlike = model.read({"flair": lurid}, mask, study_id="a", patient_id="b").estimate
    assert not unlike.inside_training_range
    assert unlike.reasons == ["the tumour looks unlike those of 99 % of the training patients"]


def test_folder_says_what_the_network_is_and_how_good(a_model: ModelFolder, cohort: TumourCohort) -> None:
    card = load_model_folder(a_model.path).card
    assert (card.task, card.classes, card.sequences.required) == ("tumour_network", ["plain", "spotted"], ["flair"])
    assert card.settings["class_counts"] == {"plain": 16, "spotted": 16}
    assert card.description.startswith("The encoder is that of segmentation_flair version 3, unchanged.")
    assert "It learned the masks, not the classes, of 2 of these 32 patients" in card.description
    assert card.metrics[0].name == "AUC" and card.metrics[0].n == 32 and card.metrics[0].low is not None
    stored = safetensors.torch.load_file(a_model.file("out_of_fold.safetensors"))["probabilities"]
    assert stored.shape == (1, 32, 2)


def test_cancelled_fit_and_small_classes_leave_nothing(source: Segmenter, cohort: TumourCohort, tmp_path: Path) -> None:
    options = NetworkOptions("spots", "spot", "Spots", "drawn", repeats=1, fitting=FittingSettings(members=2))

    def cancel(completed: int, total: int) -> None:
        assert total == 5
        if completed == 3:
            raise InterruptedError("cancelled")

    with pytest.raises(InterruptedError):
        fit_model(cohort, source, tmp_path / "spots", options, progress=cancel)
    few = TumourCohort(
        cohort.patients[:14], cohort.studies[:14], cohort.patches[:14], cohort.outcome[:14], cohort.classes
    )
    with pytest.raises(InputError, match=r"too few patients in a class \(plain 7, spotted 7\); at least 8 of each"):
        fit_model(few, source, tmp_path / "spots", options)
    one = TumourCohort(few.patients, few.studies, few.patches, np.zeros(14, dtype=np.int64), ["plain"])
    with pytest.raises(InputError, match=r"one class only \(plain 14\)"):
        fit_model(one, source, tmp_path / "spots", options)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "spots").mkdir()
    with pytest.raises(InputError, match="exists already"):
        fit_model(cohort, source, tmp_path / "spots", options)


def test_studies_that_cannot_be_read_are_refused(model: TumourNetworkModel) -> None:
    flair, mask, _ = a_tumour(7, spot=True)
    with pytest.raises(InputError, match="model 'spots' needs the sequence flair; the study has t1"):
        model.read({"t1": flair}, mask, study_id="a", patient_id="b")
    with pytest.raises(InputError, match="the mask is empty"):
        model.read({"flair": flair}, mask.with_array(mask.array * 0), study_id="a", patient_id="b")
    with pytest.raises(GeometryError, match="geometry of the mask differs"):
        shifted = Volume(mask.array, mask.affine + 0.7 * np.eye(4, k=3))
        model.read({"flair": flair}, shifted, study_id="a", patient_id="b")


def test_damaged_and_wrong_folders_are_refused(a_model: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'subtype_idh' is a subtype model; a tumour network was expected"):
        TumourNetworkModel(ModelStore().current("subtype_idh"))
    shutil.copytree(a_model.path, tmp_path / "damaged")
    (tmp_path / "damaged" / HEADS).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"heads\.safetensors is damaged"):
        load_model_folder(tmp_path / "damaged")
    shutil.copytree(a_model.path, tmp_path / "tampered")
    card = json.loads((tmp_path / "tampered" / "model.json").read_text())
    card["classes"].reverse()
    (tmp_path / "tampered" / "model.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="was changed after it was written"):
        load_model_folder(tmp_path / "tampered")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda heads: heads | {"bias": heads["bias"] * float("nan")}, "NaN or infinite"),
        (lambda heads: heads | {"weight": heads["weight"][:, :5].contiguous()}, "no tumour network that can be loaded"),
        (lambda heads: {"mean": heads["mean"]}, "no tumour network that can be loaded"),
    ],
)
def test_weights_that_are_none_of_the_network_are_refused(
    a_model: ModelFolder, tmp_path: Path, change: object, message: str
) -> None:
    heads = change(safetensors.torch.load_file(a_model.file(HEADS)))  # type: ignore[operator]
    files = {name: lambda path, name=name: shutil.copyfile(a_model.file(name), path) for name in a_model.card.sha256}
    files[HEADS] = lambda path: safetensors.torch.save_file(heads, path)
    with pytest.raises(InputError, match=message):
        TumourNetworkModel(write_model_folder(tmp_path / "spots", a_model.card, files))


def test_report_shows_where_the_network_looks(
    model: TumourNetworkModel, a_model: ModelFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The colours of the picture are the map's: orange where it is above 0, purple below."""
    flair, mask, _ = a_tumour(101, spot=True)
    reading = model.read({"flair": flair}, mask, study_id="new", patient_id="new")
    picture = heat_map_picture(flair, mask, reading)
    assert picture.caption.startswith("spot by spots: spotted 0.")
    assert "what each place of the tumour adds" in picture.caption.lower()
    pixels = np.asarray(Image.open(BytesIO(picture.png)).convert("RGB")).astype(int)
    red_minus_blue = pixels[..., 0] - pixels[..., 2]
    assert (red_minus_blue > 60).sum() > 100
    assert (red_minus_blue < -12).sum() > 100

    folder = tmp_path / "studies" / "new"
    write_volume(flair, folder / "flair.nii.gz")
    write_study_json(
        folder, [Study(id="new", patient_id="new", folder=folder, sequences={"flair": folder / "flair.nii.gz"})]
    )
    write_mask(mask, tmp_path / "mask.nii.gz")
    given = [folder, "--mask", tmp_path / "mask.nii.gz", "--network", a_model.path, "--out", tmp_path / "page.html"]
    answer = gliomics(capsys, "report", *given)
    assert answer.returncode == 0, answer.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "orange speaks for it" in page
    assert "Heat map of new. spot by spots" in page
