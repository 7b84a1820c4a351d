"""What change between examinations goes with. The follow-ups are synthetic: numbers that are drawn, of nobody."""

import numpy as np

from gliomics.association.associate import KRUSKAL, Plan, associate, questions
from gliomics.cohort.delta import deltas
from gliomics.cohort.patient_table import patient_table
from gliomics.records import FeatureRow
from gliomics.survival.response import VOLUME, responses

rng, rows, outcomes = np.random.default_rng(0), [], {}
for number in range(40):
    patient, outcome = f"synthetic-{number}", ("progression", "pseudoprogression")[number % 2]
    outcomes[patient] = outcome
    start, darker = rng.normal((20000, 100), (4000, 10)), rng.normal(20 if outcome == "progression" else 0, 10)
    for time, (volume, mean) in {"before": start, "after": start * (rng.uniform(1.5, 2), 1) - (0, darker)}.items():
        values = {VOLUME: volume, "t1c_original_firstorder_Mean": mean}
        rows.append(FeatureRow(f"{patient}-{time}", "enhancing", values, {"patient_id": patient, "timepoint": time}))

progressing = [row["response"] for row in responses(rows)].count("PD")
print(f"by volume {progressing} of {len(outcomes)} progress; the outcomes are {sorted(set(outcomes.values()))}")
changes = patient_table(deltas(rows, first="before", last="after").rows)
for row in associate(changes, questions(changes, {"outcome": outcomes}), Plan()):
    if row.test == KRUSKAL:
        print(f"{row.feature}: epsilon squared {row.effect:.2f}, p {row.p:.2g}, Holm {row.p_holm:.2g}")
