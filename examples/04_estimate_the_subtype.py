"""From a study to an estimate of its molecular subtype, with what is needed to doubt it. For research use only."""

import gliomics

study = gliomics.open_study("sample_studies/sample-01")
row = gliomics.measure(study, gliomics.segment(study, "segmentation_flair"))

for model in ("subtype_idh", "subtype_coc2"):
    estimate = gliomics.estimate_subtype(row, model)
    print(f"{estimate.target}: {estimate.predicted}")
    for name, probability in estimate.probabilities.items():
        low, high = estimate.intervals[name]
        print(f"  {name}: {probability:.2f} ({low:.2f} to {high:.2f})")
    print("  on patients that it never saw:", estimate.performance)
    for reason in estimate.reasons:
        print("  beware:", reason)
print(estimate.notice)
