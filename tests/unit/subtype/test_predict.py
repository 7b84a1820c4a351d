from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from gliomics.errors import InputError
from gliomics.features.config import load_config
from gliomics.models import ModelFolder, load_model_folder, patient_hash
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.subtype.circumstances import Circumstances
from gliomics.subtype.fit import Cohort, FitOptions, fit_model
from gliomics.subtype.persist import ARRAYS, OUT_OF_FOLD
from gliomics.subtype.predict import SubtypeModel
from tests.unit.subtype.cohorts import FEATURES, outcomes, patients
from tests.unit.subtype.folders import with_card

pytestmark = pytest.mark.slow

COUNTS = (5, 5, 5)
OUTSIDE_ALONE = (
    "taken together, the features are like those of 99 % of the 60 training patients; 1 of 24 by themselves lie "
    "outside the range of 90 % of them, where 2.4 are to be expected: "
)
"""How what is said of the study below begins."""


def test_estimate_says_everything_that_is_needed_to_doubt_it(a_model: ModelFolder, a_study: FeatureRow) -> None:
    estimate = SubtypeModel(a_model).estimate(a_study)
    assert sum(estimate.probabilities.values()) == pytest.approx(1)
    assert estimate.predicted == max(estimate.probabilities, key=lambda name: estimate.probabilities[name]) == "coc1"
    for name, (low, high) in estimate.intervals.items():
        assert 0 <= low <= estimate.probabilities[name] <= high <= 1
    assert (estimate.model, estimate.model_version, estimate.target) == ("subtype_test", "1", "cluster")
    assert (estimate.population, estimate.n_training) == ("60 drawn patients", 60)
    assert estimate.performance.startswith("AUC, mean of each class against the rest, images: ")
    assert "; AUC, coc1 against the rest, images: " in estimate.performance
    assert estimate.inside_training_range
    assert estimate.prediction_set == ["coc1"]
    assert (estimate.variant, list(estimate.by_input)) == ("images", ["images", "FLAIR"])
    assert estimate.by_input["images"] == estimate.probabilities
    assert len(estimate.nearest) == 5
    assert not estimate.in_sample
    assert SubtypeEstimate.from_json(json.loads(json.dumps(estimate.to_json()))) == estimate


@pytest.mark.parametrize(
    ("study_id", "diagnostics"),
    [
        ("TCGA_XX_0003_20000101", {}),
        ("visit-2", {"patient_id": "TCGA-XX-0003"}),
        ("visit-2", {"patient_id": "TCGA_XX_0003"}),
        ("visit-2", {"patient_id": "TCGA-XX-0003-01A-01D"}),
    ],
)
def test_estimate_of_a_patient_that_the_model_was_fitted_on_says_so(
    a_model: ModelFolder, a_study: FeatureRow, study_id: str, diagnostics: dict[str, str]
) -> None:
    estimate = SubtypeModel(a_model).estimate(replace(a_study, study_id=study_id, diagnostics=diagnostics))
    assert estimate.in_sample
    note = "the model was fitted on this patient, among others: the estimate is not a prediction"
    assert estimate.reasons[-1] == note
    assert not SubtypeModel(a_model).estimate(a_study).in_sample


def test_patients_never_seen_are_classified(a_model: ModelFolder) -> None:
    model = SubtypeModel(a_model)
    predicted = [model.estimate(row).predicted for row in patients((20, 20, 20), effect=1.0, seed=3)]
    assert np.mean(np.array(predicted) == np.repeat(["coc1", "coc2", "coc3"], 20)) > 0.8


def test_model_read_from_disk_estimates_exactly_as_before(a_model: ModelFolder, a_copy: Path) -> None:
    rows = patients(COUNTS, effect=1.0, seed=2)
    before, after = SubtypeModel(a_model), SubtypeModel(load_model_folder(a_copy))
    assert [before.estimate(row) for row in rows] == [after.estimate(row) for row in rows]


def test_order_and_further_features_do_not_matter(a_model: ModelFolder, a_study: FeatureRow) -> None:
    model = SubtypeModel(a_model)
    shuffled = dict(reversed(a_study.values.items())) | {"t2_original_firstorder_Mean": 1.0}
    assert model.estimate(replace(a_study, values=shuffled)) == model.estimate(a_study)


def test_missing_features_are_named_with_the_command_that_computes_them(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    few = {name: value for name, value in a_study.values.items() if "outline" not in name}
    with pytest.raises(
        InputError, match=r"lacks features that model 'subtype_test' needs: \S+, \S+, \S+ and 4 more; .*gli"
    ):
        SubtypeModel(a_model).estimate(replace(a_study, values=few))


def test_study_without_a_sequence_that_is_needed_is_refused_by_its_name(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    without = {name: value for name, value in a_study.values.items() if not name.startswith("flair_")}
    with pytest.raises(InputError, match=r"^nothing was measured of study '\S+' in flair, which model 'subtype_test'"):
        SubtypeModel(a_model).estimate(replace(a_study, values=without))


def test_study_without_an_optional_sequence_is_estimated_and_told(a_model: ModelFolder, a_study: FeatureRow) -> None:
    model = SubtypeModel(a_model)
    assert (model.card.sequences.required, model.card.sequences.optional) == (["flair"], ["t1c"])
    without = {name: value for name, value in a_study.values.items() if not name.startswith("t1c_")}
    estimate = model.estimate(replace(a_study, values=without))
    assert estimate.reasons[-1] == "the study lacks t1c: the estimate is from FLAIR alone"
    assert estimate.performance.startswith("AUC, mean of each class against the rest, FLAIR: ")
    assert (estimate.variant, list(estimate.by_input)) == ("FLAIR", ["FLAIR"])
    assert estimate.probabilities != model.estimate(a_study).probabilities


def test_what_could_not_be_measured_of_a_lesion_is_taken_as_the_median_and_told(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    model = SubtypeModel(a_model)
    name = "t1c_original_glioma_CoreMinusRim"
    without = {feature: value for feature, value in a_study.values.items() if feature != name}
    median = float(np.median([row.values[name] for row in patients((30, 14, 16), effect=1.0, without_t1c=6)[:54]]))
    estimate = model.estimate(replace(a_study, values=without))
    assert (
        estimate.reasons[-1]
        == f"{name} could not be measured in this lesion and was taken as the training patients' medians"
    )
    assert estimate.probabilities == pytest.approx(
        model.estimate(replace(a_study, values=without | {name: median})).probabilities
    )


def test_location_is_a_block_where_the_table_has_it_and_what_is_not_known_of_it_a_median(
    a_study: FeatureRow, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    rows = [
        replace(row, values=row.values | {"location_left_share": rng.uniform(), "vasari_foci": rng.integers(1, 3)})
        for row in patients((30, 14, 16), effect=1.0)
    ]
    options = FitOptions("with_location", "cluster", "A cluster", "60 drawn", repeats=1, permutations=0, members=2)
    folder = fit_model(Cohort(rows, outcomes((30, 14, 16), ("1", "2", "3"))), tmp_path / "model", options).folder
    blocks = folder.card.settings["variants"][0]["blocks"]
    assert blocks["location"] == ["location_left_share", "vasari_foci"]
    with pytest.raises(InputError, match=r"location_left_share, vasari_foci; compute them: .* --vasari --out"):
        SubtypeModel(folder).estimate(a_study)
    refused = replace(a_study, values=a_study.values | {"vasari_foci": 1.0})
    assert "location_left_share could not be measured" in SubtypeModel(folder).estimate(refused).reasons[-1]


def test_age_is_refused_that_nobody_has_and_does_not_count_where_the_model_has_none(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    with pytest.raises(InputError, match="age is 400; expected years between 0 and 120"):
        Circumstances(age=400)
    model = SubtypeModel(a_model)
    assert not model.uses_age
    assert model.estimate(a_study, Circumstances(age=50)) == model.estimate(a_study)


def test_prevalence_shifts_the_probabilities_and_not_the_set(a_model: ModelFolder, a_study: FeatureRow) -> None:
    model = SubtypeModel(a_model)
    plain = model.estimate(a_study)
    prevalence = {"coc1": 0.2, "coc2": 0.6, "coc3": 0.2}
    shifted = model.estimate(a_study, Circumstances(prevalence=prevalence))
    odds = {
        name: shifted.probabilities[name]
        / shifted.probabilities["coc1"]
        / plain.probabilities[name]
        * plain.probabilities["coc1"]
        for name in prevalence
    }
    assert odds["coc2"] == pytest.approx((0.6 / (14 / 60)) / (0.2 / (30 / 60)))
    assert shifted.prediction_set == plain.prediction_set
    assert shifted.prevalence == prevalence
    assert sum(shifted.groups.values()) + shifted.intercept != pytest.approx(
        sum(plain.groups.values()) + plain.intercept
    )
    two = {"coc1": 0.2, "coc2": 0.6}
    assert model.estimate(a_study, Circumstances(prevalence=two)).probabilities == pytest.approx(shifted.probabilities)


@pytest.mark.parametrize(
    ("prevalence", "message"),
    [
        ({"mutant": 0.5}, "names class 'mutant'; the model's classes are coc1, coc2, coc3"),
        ({"coc1": 0.5}, "does not give shares above 0 that sum to 1 of coc1, coc2, coc3"),
        ({"coc1": 0.5, "coc2": 0.6}, "does not give shares above 0"),
        ({"coc1": 0.5, "coc2": 0.4, "coc3": 0.4}, "does not give shares above 0"),
    ],
)
def test_prevalence_that_is_none_is_refused(
    a_model: ModelFolder, a_study: FeatureRow, prevalence: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        SubtypeModel(a_model).estimate(a_study, Circumstances(prevalence=prevalence))


def test_reasons_add_up_to_the_log_odds_by_feature_and_by_group(a_model: ModelFolder, a_study: FeatureRow) -> None:
    estimate = SubtypeModel(a_model).estimate(a_study)
    p = estimate.probabilities
    others = [value for name, value in p.items() if name != estimate.predicted]
    log_odds = np.log(p[estimate.predicted]) - np.mean(np.log(others))
    assert estimate.intercept is not None
    assert sum(part.log_odds for part in estimate.contributions) + estimate.intercept == pytest.approx(log_odds)
    assert sum(estimate.groups.values()) + estimate.intercept == pytest.approx(log_odds)
    assert set(estimate.groups) == {"outline", "margin", "enhancement", "FLAIR signal"}


def test_nearest_training_patient_of_a_training_patient_is_itself(a_model: ModelFolder) -> None:
    rows = patients((30, 14, 16), effect=1.0, without_t1c=6)
    model = SubtypeModel(a_model)
    for row in (rows[0], rows[35]):
        nearest = model.estimate(row).nearest
        assert nearest[0].distance == pytest.approx(0, abs=1e-4)
        number = model.card.training.patients.index(patient_hash(str(row.diagnostics["patient_id"]))) + 1
        assert nearest[0].number == number
        assert [item.distance for item in nearest] == sorted(item.distance for item in nearest)


def test_contrast_image_on_another_scale_is_flagged(a_model: ModelFolder, a_study: FeatureRow) -> None:
    model = SubtypeModel(a_model)
    usual = a_study.diagnostics | {"t1_normalisation": [100.0, 30.0], "t1c_normalisation": [120.0, 30.0]}
    assert model.estimate(replace(a_study, diagnostics=usual)).inside_training_range
    brighter = usual | {"t1c_normalisation": [480.0, 120.0]}
    estimate = model.estimate(replace(a_study, diagnostics=brighter))
    assert not estimate.inside_training_range
    assert estimate.reasons[0].startswith(
        "the head in T1 contrast is 4.8 times as bright as in T1, where 0.4 to 2.5 is"
    )


def test_image_whose_sequence_nobody_named_is_taken_for_the_one_that_is_needed(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    model = SubtypeModel(a_model)
    unnamed = {name.replace("flair_", "image_"): v for name, v in a_study.values.items() if not name.startswith("t1c_")}
    estimate = model.estimate(replace(a_study, values=unnamed))
    named = {name: value for name, value in a_study.values.items() if not name.startswith("t1c_")}
    assert estimate.probabilities == model.estimate(replace(a_study, values=named)).probabilities
    assert "the image's sequence is not named; it was taken for flair" in estimate.reasons


def test_training_patients_are_inside_and_a_stranger_is_outside_with_the_features_named(a_model: ModelFolder) -> None:
    model = SubtypeModel(a_model)
    trained = [model.estimate(row).inside_training_range for row in patients((30, 14, 16), effect=1.0, without_t1c=6)]
    assert np.mean(trained) > 0.95
    stranger = patients(COUNTS, effect=1.0, seed=11)[0]
    stranger.values["original_outline_Solidity"] = 60.0
    estimate = model.estimate(stranger)
    assert not estimate.inside_training_range
    assert estimate.reasons[0] == "taken together, the features are unlike those of 99 % of the 60 training patients"
    assert estimate.reasons[1].startswith("original_outline_Solidity is 60, outside the range of 98 % of them (")


def test_single_features_outside_their_range_are_named_beside_the_whole_that_is_inside(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    model = SubtypeModel(a_model)
    middle = dict(zip(model.features, model.settings.quantiles.values(), strict=True))
    values = {name: quantiles[3] for name, quantiles in middle.items()}
    assert model.estimate(replace(a_study, values=values)).reasons == []
    beyond = {name: float(np.mean(middle[name][5:7])) for name in model.features[:4]}
    estimate = model.estimate(replace(a_study, values=values | beyond))
    assert estimate.inside_training_range
    listed = ", ".join(model.features[:3])
    assert estimate.reasons == [
        "taken together, the features are like those of 99 % of the 60 training patients; 4 of 24 by themselves lie "
        f"outside the range of 90 % of them, where 2.4 are to be expected: {listed} and 1 more"
    ]


def test_features_of_another_configuration_are_refused(a_copy: Path, a_study: FeatureRow) -> None:
    settings = json.loads((a_copy / "model.json").read_text())["settings"]
    model = SubtypeModel(
        load_model_folder(with_card(a_copy, settings=settings | {"config_sha256": "abc", "config": "panel"}))
    )
    other = replace(a_study, diagnostics={"config_sha256": "def"})
    with pytest.raises(InputError, match=r"than model.* its digest is def, expected abc \(which.*--config panel"):
        model.estimate(other)
    assert model.estimate(a_study).predicted


@pytest.mark.parametrize(("fitted", "row", "remedy"), [(False, True, "without"), (True, False, "with")])
def test_features_with_a_brain_mask_and_those_without_are_two_things(
    a_copy: Path, a_study: FeatureRow, fitted: bool, row: bool, remedy: str
) -> None:
    settings = json.loads((a_copy / "model.json").read_text())["settings"] | {"brain_mask": fitted}
    model = SubtypeModel(load_model_folder(with_card(a_copy, settings=settings)))
    with pytest.raises(InputError, match=rf"brain mask and those that model .* compute them {remedy} --brain"):
        model.estimate(replace(a_study, diagnostics=a_study.diagnostics | {"brain_mask": row}))
    assert model.estimate(replace(a_study, diagnostics=a_study.diagnostics | {"brain_mask": fitted})).predicted


def test_difference_of_two_configurations_is_named(a_copy: Path, a_study: FeatureRow) -> None:
    panel, full = load_config("panel"), load_config("full")
    settings = json.loads((a_copy / "model.json").read_text())["settings"]
    old = {"config_sha256": panel.digest, "config": "panel", "config_parameters": None}
    model = SubtypeModel(load_model_folder(with_card(a_copy, settings=settings | old)))
    wider = panel.model_copy(update={"setting": panel.setting.model_copy(update={"binWidth": 25.0})})
    row = replace(a_study, diagnostics={"config_sha256": wider.digest, "config": wider.parameters})
    with pytest.raises(InputError, match=r"fitted with: setting.binWidth is 25, expected 10; compute them with --con"):
        model.estimate(row)
    with pytest.raises(
        InputError,
        match=r"fitted with: featureClass.glioma is not set, expected all features; imageType.LoG.*compute them",
    ):
        model.estimate(replace(a_study, diagnostics={"config_sha256": full.digest}))
    own = {"config_sha256": "abc", "config": "YOUR.yaml", "config_parameters": wider.parameters}
    model = SubtypeModel(load_model_folder(with_card(a_copy, settings=settings | own)))
    with pytest.raises(InputError, match=r"binWidth is 10, expected 25; compute them with --config YOUR.yaml"):
        model.estimate(replace(a_study, diagnostics={"config_sha256": panel.digest}))


def test_part_of_the_lesion_is_refused_and_a_segment_s_own_name_is_not(
    a_model: ModelFolder, a_study: FeatureRow
) -> None:
    model = SubtypeModel(a_model)
    with pytest.raises(
        InputError, match="are of region 'enhancing'; model 'subtype_test' was fitted on region 'whole'"
    ):
        model.estimate(replace(a_study, region="enhancing"))
    assert model.estimate(replace(a_study, region="Segment_1")) == model.estimate(a_study)


def test_nan_feature_is_refused(a_model: ModelFolder, a_study: FeatureRow) -> None:
    values = a_study.values | {"original_outline_Extent": float("nan")}
    with pytest.raises(InputError, match="has features that are NaN"):
        SubtypeModel(a_model).estimate(replace(a_study, values=values))


def test_population_holds_quantiles_and_no_patient(a_model: ModelFolder) -> None:
    model = SubtypeModel(a_model)
    assert set(model.population) == set(FEATURES)
    solidity = model.population["original_outline_Solidity"]
    assert solidity.overall == sorted(solidity.overall)
    assert set(solidity.by_class) == {"coc1", "coc2", "coc3"}
    written = (a_model.path / "model.json").read_text()
    assert "TCGA-XX-0000" not in written
    stored = load_file(a_model.path / ARRAYS) | load_file(a_model.path / OUT_OF_FOLD)
    by_patient = {name for name, array in stored.items() if 60 in array.shape}
    assert by_patient == {
        "outcome", *(f"variant_{number}_{name}" for number in (0, 1) for name in ("probabilities", "profiles"))
    }  # fmt: skip
