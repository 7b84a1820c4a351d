from __future__ import annotations

from gliomics.findings.network_estimates import read_network_estimate
from gliomics.records import SubtypeEstimate


def test_an_estimate_is_said_with_its_classes_in_words_and_all_that_makes_it_doubtful() -> None:
    estimate = SubtypeEstimate(
        study_id="case-1",
        model="my_network",
        model_version="2",
        target="IDH status",
        predicted="wildtype",
        probabilities={"mutant": 0.28, "wildtype": 0.72},
        intervals={"mutant": [0.1, 0.4], "wildtype": [0.6, 0.9]},
        inside_training_range=False,
        population="patients of one hospital",
        n_training=61,
        performance="AUC: 0.71, cross-validated on 61 patients",
        reasons=["the tumour looks unlike those of 99 % of the training patients"],
        in_sample=True,
    )
    assert read_network_estimate(estimate) == [
        "IDH by my_network: wild type 0.72 (0.60 to 0.90) among mutant, wild type.",
        "The tumour looks unlike those of 99 % of the training patients.",
        "The network learned from this patient: the estimate is not a prediction.",
        "What each place of the tumour adds to the log-odds of wild type: orange speaks for it, purple against it; the "
        "mean over the tumour is the estimate's.",
        "Fitted on 61 patients: patients of one hospital.",
        "AUC: 0.71, cross-validated on 61 patients.",
    ]
