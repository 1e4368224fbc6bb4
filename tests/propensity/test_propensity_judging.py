"""Metrics against scikit-learn, intervals against what they should do."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.metrics.calibration import brier_score, expected_calibration_error
from product_recommender.propensity.judging import (
    _Ranked,
    auc,
    average_precision,
    judge,
    reliability,
    slices,
)


def test_order_by_hand() -> None:
    chances = np.array([0.9, 0.8, 0.8, 0.1])
    outcomes = np.array([True, False, True, False])
    # Of four pairs the purchase stands above in three, and shares a step in one.
    assert auc(chances, outcomes) == pytest.approx(3.5 / 4)
    # First purchase at precision 1; the second shares its step with one that is none: 2 of 3.
    assert average_precision(chances, outcomes) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_weighted_metrics_equal_scikit_learn_with_ties(seed: int) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(seed)
    chances = rng.integers(0, 9, size=300) / 9
    outcomes = rng.random(300) < chances
    codes = rng.integers(0, 40, size=300)
    times = rng.integers(0, 4, size=40).astype(np.float64)
    weights = times[codes]
    area, precision, brier, _ = _Ranked(chances, outcomes, codes, 10).metrics(times)
    assert area == pytest.approx(roc_auc_score(outcomes, chances, sample_weight=weights))
    assert precision == pytest.approx(
        average_precision_score(outcomes, chances, sample_weight=weights)
    )
    assert brier == pytest.approx(brier_score(chances, outcomes, weights))


def test_calibration_error_without_resampling_is_that_of_the_table() -> None:
    rng = np.random.default_rng(0)
    chances = rng.random(1000)
    outcomes = rng.random(1000) < chances**2
    each = _Ranked(chances, outcomes, np.arange(1000), 10).metrics(np.ones(1000))
    assert each[3] == pytest.approx(expected_calibration_error(chances, outcomes, 10), abs=2e-3)


def test_a_better_model_leads_and_its_twin_does_not() -> None:
    rng = np.random.default_rng(0)
    customers = np.repeat(np.arange(800), 3)
    signal = rng.normal(size=2400)
    outcomes = rng.random(2400) < 1 / (1 + np.exp(2 - 2 * signal))
    good = 1 / (1 + np.exp(2 - 2 * signal))
    noisy = 1 / (1 + np.exp(2 - signal - rng.normal(size=2400)))
    by_model, lead = judge({"good": good, "noisy": noisy}, outcomes, customers, 300, 0.95, 0)
    assert lead["auc"].low > 0
    assert lead["brier"].high < 0
    difference = by_model["good"]["auc"].value - by_model["noisy"]["auc"].value
    assert lead["auc"].value == pytest.approx(difference)
    for metrics in by_model.values():
        assert all(judged.low <= judged.value <= judged.high for judged in metrics.values())
    _, twins = judge({"good": good, "twin": good}, outcomes, customers, 100, 0.95, 0)
    assert (twins["auc"].low, twins["auc"].high) == (0.0, 0.0)


def test_customers_are_drawn_not_questions() -> None:
    rng = np.random.default_rng(0)
    chances = np.repeat(rng.random(200), 20)  # everybody is asked the same twenty times
    outcomes = np.repeat(rng.random(200) < 0.5, 20)
    each, _ = judge({"m": chances}, outcomes, np.arange(4000), 200, 0.95, 0)
    together, _ = judge({"m": chances}, outcomes, np.repeat(np.arange(200), 20), 200, 0.95, 0)
    width = [of["m"]["auc"].high - of["m"]["auc"].low for of in (each, together)]
    assert width[1] > 3 * width[0]  # sqrt(20) is 4.5


def test_fewer_customers_make_wider_intervals() -> None:
    rng = np.random.default_rng(0)
    chances = rng.random(4000)
    outcomes = rng.random(4000) < chances
    whole, _ = judge({"m": chances}, outcomes, np.arange(4000), 200, 0.95, 0)
    part, _ = judge({"m": chances}, outcomes, np.arange(4000), 200, 0.95, 0, max_customers=250)
    assert part["m"]["auc"].value == whole["m"]["auc"].value
    widths = [of["m"]["auc"].high - of["m"]["auc"].low for of in (part, whole)]
    assert widths[0] > 2.5 * widths[1]


@pytest.mark.parametrize("value", [True, False])
def test_nothing_is_judged_without_both_outcomes(value: bool) -> None:
    assert judge({"m": np.full(5, 0.1)}, np.full(5, value), np.arange(5), 100, 0.9, 0) == ({}, {})


def test_reliability_by_hand() -> None:
    chances = np.array([0.1] * 10 + [0.6] * 10)
    outcomes = np.array([True] + [False] * 9 + [True] * 7 + [False] * 3)
    table = reliability(chances, outcomes, n_bins=2, level=0.95)
    assert table["purchases"].tolist() == [1, 7]
    assert table["purchase_share"].tolist() == [0.1, 0.7]
    # Wilson's interval of 1 in 10 as in his paper's formula: 0.018 to 0.404.
    assert table["low"][0] == pytest.approx(0.0179, abs=1e-4)
    assert table["high"][0] == pytest.approx(0.4042, abs=1e-4)


def test_slices() -> None:
    masks = slices(np.array([0, 1, 1]), ["a", "b"], np.array([1, 4, 5]))
    assert list(masks) == [
        "overall",
        "history=1",
        "history=2-4",
        "history=5+",
        "category=a",
        "category=b",
    ]
    assert masks["history=2-4"].tolist() == [False, True, False]
    assert masks["category=b"].tolist() == [False, True, True]
    assert list(slices(np.zeros(2, int), ["a"], np.array([1, 1]))) == ["overall", "history=1"]
