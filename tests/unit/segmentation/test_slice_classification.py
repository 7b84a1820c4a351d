from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from gliomics.errors import InputError
from gliomics.evaluation.slice_calls import ClassifiedSlices, slice_figures
from gliomics.models import ModelFolder, ModelStore, load_model_folder
from gliomics.segmentation.inputs import prepare
from gliomics.segmentation.labelled import LabelledStudy, prepare_labelled
from gliomics.segmentation.networks import SliceClassifierSettings
from gliomics.segmentation.segmenter import Segmenter
from gliomics.segmentation.settings import InputSettings, SegmentationSettings, TrainSettings
from gliomics.segmentation.slice_classification import SliceClassifierModel
from gliomics.study import Volume
from gliomics.training.card import TrainingPlan
from gliomics.training.checkpoint import EpochRecord
from gliomics.training.config import TrainingConfig
from gliomics.training.crossvalidate import cross_validate
from gliomics.training.fit import fit
from gliomics.training.split import Split
from tests.unit.tiny_networks import a_lesion_case

pytestmark = pytest.mark.slow

CONFIG = TrainingConfig.model_validate(
    {
        "name": "slices",
        "title": "A test model",
        "description": "Trained in a test.",
        "sequences": {"required": ["flair"]},
        "model": SegmentationSettings(network=SliceClassifierSettings(), input=InputSettings(size=32)).model_dump(),
        "training": TrainSettings(epochs=1, batch=12, empty_slices=1, ema=0.5).model_dump(),
    }
)
NAMES = ["accuracy", "balanced_accuracy", "sensitivity", "specificity", "f1", "roc_auc"]


@pytest.fixture(scope="module")
def records() -> list[EpochRecord]:
    return []


@pytest.fixture(scope="module")
def a_model(
    tmp_path_factory: pytest.TempPathFactory, labelled: list[LabelledStudy], records: list[EpochRecord]
) -> ModelFolder:
    """A slice classifier, trained for one epoch, as it lies on disk."""
    run = tmp_path_factory.mktemp("slices")
    split = Split(validation=("patient-3",), test=("patient-4", "patient-5"))
    plan = TrainingPlan(CONFIG, "six test cases", split)
    fitted = fit(labelled, plan, run, on_epoch=lambda now, _: records.extend(now))
    assert fitted is not None
    assert fitted[1] == {}
    return load_model_folder(run / "model")


@pytest.fixture(scope="module")
def classifier(a_model: ModelFolder) -> SliceClassifierModel:
    return SliceClassifierModel(a_model)


def judged_slices(seed: int = 0, patients: int = 5) -> list[ClassifiedSlices]:
    """Two studies of each patient, with a better than random classifier that often gives the same probability."""
    rng = np.random.default_rng(seed)
    studies = []
    for number in range(2 * patients):
        tumour = rng.random(20) < 0.4
        probability = (0.3 * tumour + 0.7 * rng.random(20)).round(1)
        studies.append(ClassifiedSlices(f"patient-{number % patients}", tumour, probability))
    return studies


def by_scikit_learn(judged: list[ClassifiedSlices]) -> dict[str, float]:
    tumour = np.concatenate([study.tumour for study in judged])
    probability = np.concatenate([study.probability for study in judged])
    called = probability >= 0.5
    return {
        "accuracy": metrics.accuracy_score(tumour, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(tumour, called),
        "sensitivity": metrics.recall_score(tumour, called),
        "specificity": metrics.recall_score(~tumour, ~called),
        "f1": metrics.f1_score(tumour, called),
        "roc_auc": metrics.roc_auc_score(tumour, probability),
    }


def test_figures_are_those_of_scikit_learn() -> None:
    figures = slice_figures(judged_slices())
    assert {name: figure.value for name, figure in figures.items()} == pytest.approx(by_scikit_learn(judged_slices()))
    assert all(figure.low < figure.value < figure.high and figure.n == 5 for figure in figures.values())


def test_resample_has_each_drawn_patient_with_all_slices() -> None:
    """The interval of a single resample is the figure of its patients, as often as each was drawn."""
    judged = judged_slices()
    times = np.random.default_rng(3).multinomial(5, np.full(5, 0.2))
    assert times.max() > 1
    drawn = [study for study in judged for _ in range(times[int(study.patient_id[-1])])]
    figures = slice_figures(judged, seed=3, resamples=1)
    assert {name: figure.low for name, figure in figures.items()} == pytest.approx(by_scikit_learn(drawn))


def test_patients_that_are_all_alike_leave_no_doubt_however_much_slices_differ() -> None:
    judged = [replace(judged_slices()[0], patient_id=str(number)) for number in range(4)]
    for figure in slice_figures(judged).values():
        assert figure.low == pytest.approx(figure.value) == figure.high


def test_figure_that_is_not_defined_is_left_out() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = slice_figures([ClassifiedSlices("a", np.array([True, True]), np.array([0.5, 0.4]))])
    assert {name: figure.value for name, figure in figures.items()} == pytest.approx(
        {"accuracy": 0.5, "sensitivity": 0.5, "f1": 2 / 3}
    )
    assert slice_figures([]) == {}


def test_card_has_the_figures_of_the_test_patients(
    a_model: ModelFolder, classifier: SliceClassifierModel, labelled: list[LabelledStudy]
) -> None:
    card = a_model.card
    assert (card.task, card.labels, card.classes) == ("slice_classification", {}, ["no tumour", "tumour"])
    assert [metric.name for metric in card.metrics] == [f"slice_{name}" for name in NAMES]
    assert {metric.n for metric in card.metrics} == {2}
    assert "the 12 axial slices of the test patients" in card.metrics[0].how
    cases, _ = prepare_labelled(labelled[4:], card)
    judged = classifier.judge(cases)
    assert [study.tumour.tolist() for study in judged] == [[False, True, True, True, True, False]] * 2
    assert card.metrics[-1].value == pytest.approx(by_scikit_learn(judged)["roc_auc"], abs=0.05)


def test_curves_show_the_dice_of_slices(records: list[EpochRecord]) -> None:
    (record,) = records
    assert 0 < record.loss < 2
    assert record.validation_dice is not None
    assert 0 <= record.validation_dice <= 1


def test_loss_is_the_cross_entropy_of_slices(records: list[EpochRecord]) -> None:
    """Untrained, it is about that of knowing nothing; a loss of pixels could not even take the two logits."""
    assert records[0].loss == pytest.approx(np.log(2), abs=0.25)


def test_probabilities_are_in_the_order_of_the_images_own_slices(classifier: SliceClassifierModel) -> None:
    flair = a_lesion_case(4)[0]["flair"]
    answer = classifier.classify({"flair": flair})
    assert (answer.axis, answer.sequences_used, answer.warnings) == (2, ["flair"], [])
    assert answer.probability.shape == (6,)
    assert len(set(answer.probability)) == 6
    downwards = flair.affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 5], [0, 0, 0, 1.0]])
    upside_down = classifier.classify({"flair": Volume(np.ascontiguousarray(flair.array[:, :, ::-1]), downwards)})
    np.testing.assert_array_equal(upside_down.probability, answer.probability[::-1])
    first = Volume(np.ascontiguousarray(flair.array.transpose(2, 0, 1)), flair.affine[:, [2, 0, 1, 3]])
    turned = classifier.classify({"flair": first})
    assert turned.axis == 0
    np.testing.assert_array_equal(turned.probability, answer.probability)


def test_mirrored_head_has_the_same_probabilities_when_both_are_averaged(classifier: SliceClassifierModel) -> None:
    card = classifier.card
    mirroring = card.model_copy(update={"settings": card.settings | {"mirror": True}})
    model = SliceClassifierModel.from_state(mirroring, classifier.network.state_dict())
    inputs = prepare({"flair": a_lesion_case(4)[0]["flair"]}, ["flair"], model.settings.input)
    mirrored = replace(inputs, images=inputs.images.flip(2))
    np.testing.assert_allclose(model.probabilities(mirrored), model.probabilities(inputs), atol=1e-6)
    assert not np.allclose(classifier.probabilities(mirrored), classifier.probabilities(inputs), atol=1e-6)


def test_unnamed_image_is_taken_with_a_warning(classifier: SliceClassifierModel) -> None:
    answer = classifier.classify({"image": a_lesion_case(4)[0]["flair"]})
    assert answer.warnings == ["the image does not tell its sequence; it was taken as flair"]


def test_slice_classifier_is_no_segmentation_model(a_model: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'slices' is a slice_classification model; a segmentation model was expected"):
        Segmenter(a_model)
    store = ModelStore(tmp_path, shipped=a_model.path.parent)
    assert store.names("slice_classification") == ["model"]
    assert store.names("segmentation") == []


def test_segmentation_model_is_no_slice_classifier(a_store: ModelStore) -> None:
    with pytest.raises(InputError, match="'tiny' is a segmentation model; a slice_classification model was expected"):
        SliceClassifierModel(a_store.current("tiny"))


def test_cross_validation_of_a_slice_classifier_is_refused(labelled: list[LabelledStudy], tmp_path: Path) -> None:
    folds = [tuple(f"patient-{number}" for number in fold) for fold in ((0, 1, 2), (3, 4, 5))]
    with pytest.raises(InputError, match="'slices' is for slice_classification; only segmentation is cross-validated"):
        cross_validate(labelled, CONFIG, folds, tmp_path / "cv")
    assert not (tmp_path / "cv").exists()
