"""What is read of a segment in words: never more than the evidence carries."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.features.provenance import bin_warnings, bins_of
from gliomics.findings.estimates import read_estimate
from gliomics.findings.estimating import Estimates, estimates_of
from gliomics.findings.extent import Diameters, Extent
from gliomics.findings.headline import headline_facts
from gliomics.findings.key_features import MOST, key_features, key_features_note
from gliomics.findings.place import Place
from gliomics.findings.read import read_segment, region_title
from gliomics.findings.targets import target_of
from gliomics.findings.who import read_who
from gliomics.models import ModelStore
from gliomics.reading.record import Reading
from gliomics.records import FeatureRow, SubtypeEstimate
from gliomics.study.volumes import Volume
from gliomics.subtype.circumstances import NOTHING_KNOWN, Circumstances
from gliomics.subtype.predict import SubtypeModel
from gliomics.subtype.who import PARTS, with_who

IDH, COC = (SubtypeModel(ModelStore().current(name)) for name in ("subtype_idh", "subtype_coc2"))


def a_row(model: SubtypeModel = IDH, level: float = 0.5, **diagnostics: object) -> FeatureRow:
    """A patient whose every feature lies at the same level of the training patients'."""
    values = {name: model.population[name].quantile(level) for name in model.features}
    return FeatureRow("a-study", "whole", values, {"spacing_known": True, **diagnostics})


def with_probability(p: float, low: float, high: float, model: SubtypeModel = IDH) -> SubtypeEstimate:
    """An estimate of IDH mutant with this interval; everything else is what the model says of a median patient."""
    return replace(
        model.estimate(a_row(model)),
        predicted="mutant" if p >= 0.5 else "wildtype",
        probabilities={"mutant": p, "wildtype": 1 - p},
        intervals={"mutant": [low, high], "wildtype": [1 - high, 1 - low]},
        inside_training_range=True,
        reasons=[],
        prediction_set=[],
    )


def test_a_class_is_named_where_the_intervals_are_apart() -> None:
    reading = read_estimate(with_probability(0.9, 0.8, 0.97), IDH)
    assert (reading.title, reading.headline, reading.tone) == ("IDH", "mutant more likely", "plain")
    assert [bar.title for bar in reading.bars] == ["mutant", "wild type"]
    assert reading.bars[0].text == "0.90 (0.80 to 0.97)"
    assert reading.bars[0].training_share == pytest.approx(71 / 87)
    assert [bar.in_set for bar in reading.bars] == [None, None]


def test_no_class_is_named_where_the_interval_holds_both() -> None:
    reading = read_estimate(with_probability(0.6, 0.4, 0.8), IDH)
    assert reading.headline == "not decided between mutant and wild type"


def test_with_a_set_the_class_that_cannot_be_excluded_is_named() -> None:
    estimate = replace(with_probability(0.9, 0.8, 0.97), prediction_set=["mutant", "wildtype"])
    reading = read_estimate(estimate, IDH)
    assert reading.headline == "wild type not excluded"
    assert [bar.in_set for bar in reading.bars] == [True, True]
    assert read_estimate(replace(estimate, prediction_set=["mutant"]), IDH).headline == "mutant more likely"


@pytest.mark.parametrize(("low", "tone"), [(0.45, "weak"), (0.55, "plain")])
def test_a_class_that_is_told_no_better_than_chance_is_weak(low: float, tone: str) -> None:
    """By the card: whether the interval of the AUC holds 0.5."""
    model = SubtypeModel(ModelStore().current("subtype_coc2"))
    metrics = [
        metric.model_copy(update={"low": low}) if metric.name == "AUC, images" else metric
        for metric in model.card.metrics
    ]
    model.card = model.card.model_copy(update={"metrics": metrics})
    estimate = replace(
        model.estimate(a_row(model)),
        predicted="coc2",
        probabilities={"coc2": 0.9, "other": 0.1},
        intervals={"coc2": [0.8, 0.95], "other": [0.05, 0.2]},
        prediction_set=["coc2"],
    )
    reading = read_estimate(replace(estimate, inside_training_range=True), model)
    assert reading.tone == tone
    assert {bar.tone for bar in reading.bars} == {tone}
    weak = "weak: the model is no better than chance at telling coc2"
    assert reading.headline == (weak if tone == "weak" else "coc2 more likely")


def test_figures_of_the_input_that_was_there_are_those_that_count() -> None:
    row = a_row()
    row = replace(row, values={name: value for name, value in row.values.items() if not name.startswith("t1c_")})
    reading = read_estimate(IDH.estimate(row), IDH)
    assert any(detail.startswith("AUC of telling mutant from wild type from FLAIR: 0.8") for detail in reading.details)
    assert "The study lacks T1 contrast: the estimate is from FLAIR alone." in reading.cautions
    assert not any("T1 contrast" in reason for reason in reading.reasons)


def test_age_and_prevalence_are_told_and_what_the_model_says_from_each_input() -> None:
    known = Circumstances(age=54, prevalence={"wildtype": 0.35})
    details = read_estimate(IDH.estimate(a_row(), known), IDH).details
    text = " ".join(details)
    assert "What was given besides the images: age 54." in details
    assert "Reckoned with as many patients of each class as was given: mutant 65%, wild type 35%." in details
    assert re.search(r"Mutant from images and age 0\.\d\d \(AUC 0\.\d\d\), from images 0\.\d\d \(AUC", text)
    assert re.search(r"from age 0\.\d\d \(AUC 0\.\d\d\)\.", text)
    assert re.search(r"The 5 training patients seen most alike: \d (mutant|wild type)", text)
    assert "in ten have it among those that are not excluded." in text


def test_a_question_that_is_asked_of_some_says_of_whom() -> None:
    model = SubtypeModel(ModelStore().current("subtype_codeletion"))
    reading = read_estimate(model.estimate(a_row(model)), model)
    assert reading.title == "1p/19q, if IDH mutant"
    assert {bar.title for bar in reading.bars} == {"codeleted", "not codeleted"}


def test_what_is_asked_of_others_does_not_count() -> None:
    """The codeletion is that of tumours that are IDH mutant."""
    model = SubtypeModel(ModelStore().current("subtype_codeletion"))
    estimate = replace(model.estimate(a_row(model)), inside_training_range=True)
    wild_type = replace(IDH.estimate(a_row()), predicted="wildtype")
    reading = read_estimate(estimate, model, [wild_type, estimate])
    assert (reading.headline, reading.tone) == ("does not count: IDH wild type more likely", "weak")
    mutant = replace(wild_type, predicted="mutant")
    assert not read_estimate(estimate, model, [mutant, estimate]).headline.startswith("does not count")
    assert not read_estimate(estimate, model).headline.startswith("does not count")


def test_a_model_without_figures_is_weak() -> None:
    model = SubtypeModel(ModelStore().current("subtype_idh"))
    model.card = model.card.model_copy(update={"metrics": []})
    reading = read_estimate(with_probability(0.9, 0.8, 0.97), model)
    assert reading.tone == "weak"
    assert "How well the model tells the classes is not on its card." in reading.details


def test_unlike_the_training_patients_nothing_is_claimed_and_features_are_named_in_words() -> None:
    estimate = IDH.estimate(replace(a_row(), values={name: 50.0 for name in a_row().values}))
    assert not estimate.inside_training_range
    reading = read_estimate(estimate, IDH)
    assert (reading.headline, reading.tone) == ("not decided: unlike the training patients", "caution")
    assert reading.cautions[0] == "Do not rely on the probabilities."
    text = " ".join(reading.cautions)
    assert "original_" not in text and "of the outline' is 50" in text


def test_an_estimate_of_a_training_patient_is_no_prediction() -> None:
    reading = read_estimate(replace(with_probability(0.9, 0.8, 0.97), in_sample=True), IDH)
    assert (reading.headline, reading.tone) == ("no prediction: the model was fitted on this patient", "caution")


def test_a_probability_that_is_only_the_share_of_the_training_patients_says_so() -> None:
    """71 of the 87 training patients were mutant, so 0.85 says little."""
    reading = read_estimate(with_probability(0.85, 0.75, 0.9), IDH)
    assert "82% of the training patients were mutant too: the images add little to that." in reading.cautions
    assert read_estimate(with_probability(0.95, 0.9, 0.98), IDH).cautions == []


def test_the_three_strongest_features_are_the_reasons() -> None:
    estimate = IDH.estimate(a_row(level=0.9))
    reading = read_estimate(estimate, IDH)
    assert len(reading.reasons) == 3
    for part, reason in zip(estimate.contributions, reading.reasons, strict=False):
        assert reason.startswith(part.words)
        assert "90th percentile" in reason and "medians: mutant" in reason
        predicted = "mutant" if estimate.predicted == "mutant" else "wild type"
        assert reason.endswith(f"speaks {'for' if part.log_odds > 0 else 'against'} {predicted}")


def test_features_that_add_nothing_are_no_reasons() -> None:
    estimate = IDH.estimate(a_row())
    small = [replace(part, log_odds=0.01) for part in estimate.contributions]
    assert read_estimate(replace(estimate, contributions=small), IDH).reasons == []


def test_an_older_estimate_has_no_reasons_and_says_nothing_of_them() -> None:
    estimate = replace(IDH.estimate(a_row()), contributions=[], intercept=None)
    reading = read_estimate(estimate, IDH)
    assert reading.reasons == []
    assert not any("reasons" in detail for detail in reading.details)


def two_parts() -> dict[str, SubtypeModel]:
    return {name: SubtypeModel(ModelStore().current(name)) for name in PARTS}


def test_the_who_class_stands_before_the_two_answers_that_it_is_made_of() -> None:
    models = two_parts()
    values = {name: model.population[name].quantile(0.5) for model in models.values() for name in model.features}
    row = FeatureRow("a-study", "whole", values, {"spacing_known": True})
    mask = Volume(np.pad(np.ones((4, 4, 4), dtype=np.uint8), 3), np.eye(4))
    opened: dict[str, Callable[[], SubtypeModel]] = {name: partial(models.__getitem__, name) for name in models}
    reading = read_segment(row, mask, None, estimates_of(row, opened, NOTHING_KNOWN))
    assert [(item.title, item.part_of) for item in reading.estimates] == [
        ("WHO class", ""),
        ("IDH", "WHO class"),
        ("1p/19q, if IDH mutant", "WHO class"),
    ]
    who, idh, codeletion = reading.estimates
    shares = {bar.name: bar.probability for bar in who.bars}
    by_class = {bar.name: bar.probability for item in (idh, codeletion) for bar in item.bars}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["mutant_codeleted"] == pytest.approx(by_class["mutant"] * by_class["codeleted"])
    assert {bar.title for bar in who.bars} == {"IDH wild type", "IDH mutant, not codeleted", "IDH mutant, codeleted"}
    assert (who.cautions, who.reasons) == ([], [])
    assert who.details[-1] == "Made of subtype_idh, version 1 and subtype_codeletion, version 1."


@pytest.mark.parametrize("weak_model", PARTS)
def test_a_who_class_is_as_weak_as_what_tells_it(weak_model: str) -> None:
    models = two_parts()
    card = models[weak_model].card
    metrics = [metric.model_copy(update={"low": 0.45}) for metric in card.metrics]
    models[weak_model].card = card.model_copy(update={"metrics": metrics})
    values = {name: model.population[name].quantile(0.5) for model in models.values() for name in model.features}
    made = [model.estimate(FeatureRow("a-study", "whole", values)) for model in models.values()]
    who, *_ = with_who(made)
    tones = {bar.name: bar.tone for bar in read_who(who, made, models).bars}
    assert tones == {
        "wildtype": "weak" if weak_model == "subtype_idh" else "plain",
        "mutant_intact": "weak",
        "mutant_codeleted": "weak",
    }


def test_what_depends_on_the_edge_says_so_once_it_is_known() -> None:
    estimate = replace(with_probability(0.9, 0.8, 0.97), margin=[0.18, 0.91])
    assert "It depends on where the edge is drawn: mutant 0.18 to 0.91." in read_estimate(estimate, IDH).cautions
    assert not any("edge" in text for text in read_estimate(with_probability(0.9, 0.8, 0.97), IDH).cautions)
    steady = read_estimate(replace(estimate, margin=[0.87, 0.91]), IDH)
    assert not any("edge" in text for text in steady.cautions)
    assert any(text.endswith("a voxel at least: mutant 0.87 to 0.91.") for text in steady.details)


def test_an_edge_that_decides_between_the_classes_is_told_however_wide_the_interval_is() -> None:
    estimate = replace(with_probability(0.55, 0.3, 0.8), margin=[0.48, 0.6])
    assert "It depends on where the edge is drawn: mutant 0.48 to 0.60." in read_estimate(estimate, IDH).cautions


@pytest.mark.parametrize(
    ("target", "title", "name", "words"),
    [
        ("IDH status", "IDH", "wildtype", "wild type"),
        ("idh1 mutation", "IDH", "WT", "wild type"),
        ("1p/19q codeletion", "1p/19q", "non-codel", "not codeleted"),
        ("COC2", "COC2 cluster", "other", "not coc2 (mostly IDH mutant)"),
        ("COC cluster", "COC cluster", "coc2", "coc2 (mostly IDH wild type)"),
        ("MGMT", "MGMT promoter", "Unmethylated", "not methylated"),
        ("RNASeqCluster", "RNASeq cluster", "2", "R2 (often IDH wild type)"),
        ("IDH and 1p/19q", "IDH and 1p/19q", "mutant", "mutant"),
        ("grade", "grade", "3", "3"),
    ],
)
def test_targets_and_classes_in_words(target: str, title: str, name: str, words: str) -> None:
    assert (target_of(target).title, target_of(target).class_title(name)) == (title, words)


def test_key_features_are_the_models_stable_ones_first_with_percentiles() -> None:
    names = IDH.features_by_influence
    row = a_row(level=0.97, stability=dict.fromkeys(names, 0.9) | {names[0]: 0.4}, unstable=[names[0]])
    rows = key_features(row, [IDH, COC])
    assert len(rows) == MOST
    assert [key.feature for key in rows] == names[1 : MOST + 1], "in the model's order, the unstable one after all"
    assert {key.stability_text for key in rows} == {"stable"}
    assert {key.tone for key in rows} == {"caution"}, "97 of 100 training patients have less"
    assert all(key.percentile == pytest.approx(97) and key.percentile_text == "97th percentile" for key in rows)
    population = rows[0].population
    assert population is not None and population.n == 87 and population.titles["wildtype"] == "wild type"
    assert "Percentiles are among 87 patients with lower-grade glioma" in key_features_note(row, [IDH])


def test_an_unstable_feature_is_weak_whatever_its_value() -> None:
    name = IDH.features[0]
    row = a_row(level=0.99, stability={name: 0.4}, unstable=[name])
    row = replace(row, values={name: row.values[name]})
    (key,) = key_features(row, [IDH])
    assert (key.tone, key.stability_text) == ("weak", "depends on the edge")


def test_without_a_model_there_are_key_features_and_no_percentiles() -> None:
    rows = key_features(a_row(), [])
    assert rows and all(key.percentile is None and key.population is None for key in rows)
    assert key_features_note(a_row(), []) == ""


EXTENT = Extent(8000, 23412.0, Diameters(52.34, 41.06, 43), 61.2, 1, 1.0)


def test_headline_in_millimetres() -> None:
    facts = headline_facts(EXTENT, Place("left", 1.0, "front", "upper"), spacing_known=True)
    assert [(fact.name, fact.text) for fact in facts] == [
        ("Volume", "23.4 cm³"),
        ("Diameters", "52.3 × 41.1 mm"),
        ("Bidimensional product", "2149 mm²"),
        ("Largest diameter in 3-D", "61.2 mm"),
        ("Side", "left"),
        ("Position", "front third (front to back), upper third (in height)"),
    ]
    assert "slice 43" in facts[1].explanation and "RANO" in facts[1].explanation


def test_headline_of_unknown_voxel_size_is_in_voxels_and_cautious() -> None:
    facts = headline_facts(EXTENT, Place(), spacing_known=False)
    assert [(fact.name, fact.text, fact.tone) for fact in facts] == [
        ("Size", "8000 voxels", "caution"),
        ("Diameters", "52.3 × 41.1 voxels", "caution"),
        ("Side", "undecided: no head can be made out in the image", "caution"),
        ("Position", "undecided: no head can be made out in the image", "caution"),
    ]
    assert not any("mm" in fact.text for fact in facts)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("midline", 0.3), "across the midline, 70% right"),
        (Place("midline", 0.95), "left, up to the midline"),
        (Place("both", 0.8), "parts on both sides, 80% left"),
    ],
)
def test_sides_in_words(place: Place, text: str) -> None:
    facts = {fact.name: fact for fact in headline_facts(EXTENT, place, spacing_known=True)}
    assert facts["Side"].text == text


def test_several_parts_are_told_and_diameters_are_of_the_largest() -> None:
    extent = replace(EXTENT, parts=3, largest_share=0.92)
    facts = {fact.name: fact for fact in headline_facts(extent, Place(), spacing_known=True)}
    assert facts["Parts"].text == "3 separate; the largest has 92%"
    assert "of the largest part" in facts["Diameters"].explanation
    facts = {
        fact.name: fact for fact in headline_facts(replace(extent, largest_share=0.9991), Place(), spacing_known=True)
    }
    assert facts["Parts"].text == "3 separate; the largest has over 99%"


def test_a_reading_travels_and_repeats_no_warning() -> None:
    mask = Volume(np.pad(np.ones((4, 4, 4), dtype=np.uint8), 3), np.eye(4))
    row = replace(
        a_row(spacing_known=False),
        warnings=[
            "the voxel size is unknown: shape features are in voxels (taken as 1), not in millimetres",
            "t1c: few",
        ],
    )
    estimates = Estimates([IDH.estimate(row)], {"subtype_idh": IDH}, {"subtype_coc2": InputError("it is damaged")})
    reading = read_segment(row, mask, None, estimates)
    assert reading.cautions == [
        "The voxel size is unknown, so sizes are in voxels and not in mm.",
        "T1 contrast: few.",
        "No estimate by subtype_coc2: it is damaged.",
    ]
    assert Reading.from_json(json.loads(json.dumps(reading.to_json(), allow_nan=False))) == reading


def test_of_a_part_of_the_tumour_one_sentence_says_why_there_is_no_estimate() -> None:
    mask = Volume(np.pad(np.ones((4, 4, 4), dtype=np.uint8), 3), np.eye(4))
    row = replace(a_row(), region="enhancing")
    refused = dict.fromkeys(("subtype_idh", "subtype_coc2"), InputError("no"))
    reading = read_segment(row, mask, None, Estimates(refused=refused))
    assert reading.cautions == [
        "No subtype estimate: the models were fitted on whole tumours, and this is a part of one."
    ]
    assert (reading.title, region_title("my segment")) == ("Enhancing tumour", "my segment")


def test_too_few_or_too_many_grey_levels_are_told_by_what_they_mean() -> None:
    mask = Volume(np.pad(np.ones((4, 4, 4), dtype=np.uint8), 3), np.eye(4))
    bins = {
        "flair_bins": {"original": 12, "wavelet-LLH": 40},
        "t1_bins": {"original": 40, "wavelet-LLH": 5, "wavelet-HHH": 200},
        "t2_bins": {"original": 64},
    }
    row = a_row()
    row = replace(row, diagnostics=row.diagnostics | bins)
    row = replace(row, warnings=bin_warnings(bins_of(row.diagnostics)))
    assert len(row.warnings) == 3 and "binWidth" in row.warnings[0]
    assert read_segment(row, mask, None, Estimates()).cautions == [
        "FLAIR: the signal varies too little within the region for its texture measurements to be reliable.",
        "T1: the signal varies too little within the region for some texture measurements to be reliable.",
        "T1: the signal varies so much within the region that some texture measurements are mostly noise.",
    ]
