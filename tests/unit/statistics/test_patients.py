from __future__ import annotations

import pytest

from gliomics.statistics.patients import patient_means


def test_patient_counts_once_however_many_studies() -> None:
    means = patient_means(["b", "a", "b", "c"], [0.2, 0.9, 0.4, 0.1])
    assert means == pytest.approx({"b": 0.3, "a": 0.9, "c": 0.1})
    assert list(means) == ["b", "a", "c"]


def test_value_without_a_patient_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        patient_means(["a"], [0.1, 0.2])
