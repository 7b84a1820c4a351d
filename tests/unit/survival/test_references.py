"""Equal to R's survival and to lifelines on small public data.

``lung.csv``: 228 patients of the NCCTG (Loprinzi 1994), as R's ``survival::lung`` has them, with status 1 for a death.
The values that R's documentation prints are given with as many digits as it prints (survfit, survdiff and coxph of
``lung``; coxph of ``MASS::gehan``); accuracy over time is scikit-survival 0.28.0's; the others are lifelines 0.30.0's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gliomics.survival.accuracy import auc_at, brier_at, c_index, integrated_brier
from gliomics.survival.cox import baseline_hazard, fit_cox, schoenfeld_test
from gliomics.survival.kaplan_meier import kaplan_meier, log_rank, median_follow_up

Table = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def lung() -> Table:
    """Time, status, age, sex (1 male, 2 female), ECOG performance score."""
    return np.genfromtxt(Path(__file__).with_name("lung.csv"), delimiter=",", skip_header=1)


@pytest.fixture(scope="module")
def complete(lung: Table) -> Table:
    return lung[~np.isnan(lung).any(axis=1)]


def gehan() -> tuple[Table, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Weeks of remission of 42 leukaemia patients (Freireich 1963), seen, and whether on placebo."""
    treated = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    seen = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    control = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    time = np.array([*treated, *control], dtype=np.float64)
    event = np.array([*seen, *[1] * len(control)]) == 1
    return time, event, np.repeat([0, 1], [len(treated), len(control)])


@pytest.mark.parametrize(("sex", "median"), [(None, (310, 284, 361)), (1, (270, 210, 306)), (2, (426, 345, 524))])
def test_median_survival_and_its_interval(sex: int | None, median: tuple[int, int, int], lung: Table) -> None:
    rows = lung if sex is None else lung[lung[:, 3] == sex]
    assert kaplan_meier(rows[:, 0], rows[:, 1] == 1).median() == median


def test_curve_with_its_interval(lung: Table) -> None:
    curve = kaplan_meier(lung[:, 0], lung[:, 1] == 1)
    assert [curve.at(t) for t in (100, 365, 700)] == pytest.approx([0.8639689676, 0.4092416245, 0.1423915057])
    place = curve.times.tolist().index(364)
    assert (curve.low[place], curve.high[place]) == pytest.approx((0.338714, 0.478381), abs=1e-6)
    assert median_follow_up(lung[:, 0], lung[:, 1] == 1) == (588, 511, 821)


def test_log_rank_of_two_groups(lung: Table) -> None:
    test = log_rank(lung[:, 0], lung[:, 1] == 1, lung[:, 3].astype(int) - 1)
    assert (test.statistic, test.p) == pytest.approx((10.326741954885648, 0.0013111645203554782))
    assert (test.observed.tolist(), test.expected.round(1).tolist()) == ([112, 53], [91.6, 73.4])


def test_log_rank_of_three_groups(complete: Table) -> None:
    group = np.minimum(complete[:, 4], 2).astype(int)
    test = log_rank(complete[:, 0], complete[:, 1] == 1, group)
    assert (test.statistic, test.p, test.freedom) == pytest.approx((18.97927764597753, 7.563141468e-05, 2))


def test_cox_model_of_three_columns(complete: Table) -> None:
    time, event, columns = complete[:, 0], complete[:, 1] == 1, complete[:, 2:]
    model = fit_cox(columns, time, event)
    assert model.coefficients == pytest.approx([0.011067, -0.552612, 0.463728], abs=1e-6)
    assert model.errors == pytest.approx([0.009267, 0.167739, 0.113577], abs=1e-6)
    assert model.log_likelihood == pytest.approx(-729.2301213749)
    ratios = model.hazard_ratios()
    assert ratios[1] == pytest.approx([0.5754, 0.4142, 0.7994, 0.000986], abs=1e-4)
    assert c_index(columns @ model.coefficients, time, event) == pytest.approx(0.6371354930004548)


def test_hazards_that_change_over_time(complete: Table) -> None:
    time, event, columns = complete[:, 0], complete[:, 1] == 1, complete[:, 2:]
    change = schoenfeld_test(columns, time, event, fit_cox(columns, time, event))
    # lifelines scales by the curve at each time, R and we by the curve just before it; they differ in the third digit.
    assert change[:, 1] == pytest.approx([0.8656, 0.1189, 0.1412], abs=0.005)


def test_ridge_takes_as_much_as_elsewhere(complete: Table) -> None:
    time, event, columns = complete[:, 0], complete[:, 1] == 1, complete[:, 2:]
    model = fit_cox(columns, time, event, ridge=0.1 * len(complete))
    assert model.coefficients * columns.std(axis=0) == pytest.approx([0.09354, -0.23289, 0.28920], abs=3e-4)


def test_baseline_hazard_gives_the_expected_number_of_events(complete: Table) -> None:
    time, event, columns = complete[:, 0], complete[:, 1] == 1, complete[:, 2:]
    centred = columns - columns.mean(axis=0)
    hazard = centred @ fit_cox(columns, time, event).coefficients
    assert baseline_hazard(hazard, time, event, np.array([5.0]))[0] == pytest.approx(0.0039630241)
    expected = baseline_hazard(hazard, time, event, time) * np.exp(hazard)
    assert expected.sum() == pytest.approx(event.sum(), rel=0.01)


def test_leukaemia_with_many_ties() -> None:
    time, event, placebo = gehan()
    test = log_rank(time, event, placebo)
    assert (test.statistic, test.p) == pytest.approx((16.792940989216547, 4.168809109e-05))
    model = fit_cox(placebo[:, None].astype(float), time, event)
    assert (model.coefficients[0], model.errors[0]) == pytest.approx((1.5721, 0.4124), abs=1e-4)


def test_accuracy_over_time(complete: Table) -> None:
    """Patients leave half a day after their last contact: of one time, scikit-survival weighs ties otherwise."""
    event, columns = complete[:, 1] == 1, complete[:, 2:]
    time = complete[:, 0] + np.where(event, 0.0, 0.5)
    times = np.linspace(100, 700, 7)
    survival = np.exp(-np.exp((columns[:, 0] - 62) / 20)[:, None] * times / 500)
    assert [brier_at(t, survival[:, k], time, event) for k, t in enumerate(times)] == pytest.approx(
        [0.1152055857, 0.2242734131, 0.2595345325, 0.2569416733, 0.2209841684, 0.1833906877, 0.1400558102]
    )
    assert integrated_brier(times, survival, time, event) == pytest.approx(0.2121258621359469)
    log_hazard = columns @ fit_cox(columns, time, event).coefficients
    assert [auc_at(t, log_hazard, time, event) for t in times] == pytest.approx(
        [0.6589059783, 0.6780760226, 0.6852926929, 0.6299420218, 0.6431414616, 0.6568308331, 0.6850083359]
    )
