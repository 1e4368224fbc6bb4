import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from product_recommender.metrics.calibration import (
    MonotoneCalibrator,
    brier_score,
    expected_calibration_error,
    reliability_table,
)


def world(n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n)
    truth = 1 / (1 + np.exp(-(2 * scores - 3)))
    return scores, truth, (rng.random(n) < truth).astype(float)


def test_finds_the_probabilities_that_made_the_data():
    scores, truth, outcomes = world()
    found = MonotoneCalibrator().fit(scores, outcomes)(scores)
    assert np.abs(found - truth).mean() < 0.02
    assert found.mean() == pytest.approx(outcomes.mean(), abs=0.01)
    fresh, _, later = world(seed=1)
    calibrated = MonotoneCalibrator().fit(scores, outcomes)(fresh)
    assert expected_calibration_error(calibrated, later) < 0.02


def test_equals_isotonic_regression_where_every_score_is_a_knot():
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    outcomes = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    weights = np.array([1.0, 1.0, 3.0, 1.0, 2.0])
    found = MonotoneCalibrator(tilt=1e-9).fit(scores, outcomes, weights)
    # by hand: 1 and 0 with weights 1 and 3 pool to a quarter
    np.testing.assert_allclose(found(scores), [0, 0.25, 0.25, 1, 1], atol=1e-8)
    np.testing.assert_allclose(found(np.array([0.5, 2.5])), [0.125, 0.625], atol=1e-8)
    plain = IsotonicRegression().fit(scores, outcomes, sample_weight=weights)
    between = np.linspace(0, 4, 33)
    np.testing.assert_allclose(found(between), plain.predict(between), atol=1e-8)


def test_a_weight_counts_like_so_many_rows():
    scores, _, outcomes = world(300)
    weights = np.random.default_rng(1).integers(0, 4, 300)
    weighted = MonotoneCalibrator(max_knots=1000).fit(scores, outcomes, weights)
    repeated = MonotoneCalibrator(max_knots=1000).fit(
        np.repeat(scores, weights), np.repeat(outcomes, weights)
    )
    np.testing.assert_allclose(weighted(scores), repeated(scores), atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-64_000, 64_000), st.integers(0, 1)), min_size=1, max_size=40),
    st.integers(2, 8),
)
def test_strictly_increasing_on_the_whole_line_and_inside_zero_and_one(rows, knots):
    scores, outcomes = np.array([r[0] for r in rows]) / 64, np.array([r[1] for r in rows])
    calibrator = MonotoneCalibrator(max_knots=knots).fit(scores, outcomes)
    middle, reach = scores.mean(), np.ptp(scores) or 1.0
    grid = middle + reach * np.linspace(-20, 20, 2001)
    found = calibrator(grid)
    assert (np.diff(found) > 0).all()
    assert found[0] > 0
    assert found[-1] < 1
    ends = calibrator(np.array([-np.inf, np.inf, np.nan]))
    assert 0 < ends[0] <= found[0]
    assert found[-1] <= ends[1] < 1
    assert np.isnan(ends[2])


def test_pools_are_finer_where_the_purchases_are():
    rng = np.random.default_rng(0)
    scores = rng.random(50_000)
    outcomes = rng.random(50_000) < np.where(scores > 0.99, 0.5 * (scores - 0.99) / 0.01, 0.0005)
    calibrator = MonotoneCalibrator(max_knots=40).fit(scores, outcomes)
    assert calibrator(np.array([0.9925, 0.9975])) == pytest.approx([0.125, 0.375], abs=0.06)


def test_tensors_of_any_shape_get_the_same_answer():
    scores, _, outcomes = world(2000)
    calibrator = MonotoneCalibrator().fit(scores, outcomes)
    cube = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
    from_torch = calibrator(torch.from_numpy(cube))
    assert from_torch.dtype == torch.float64
    np.testing.assert_array_equal(from_torch.numpy(), calibrator(cube))
    assert calibrator(np.float64(0.3)).shape == ()
    assert calibrator(np.empty((0, 3))).shape == (0, 3)
    before = torch.zeros(3, dtype=torch.float64)
    calibrator(before)
    assert (before == 0).all()  # the input is not written to


def test_json_round_trip_is_exact():
    scores, _, outcomes = world(3000)
    calibrator = MonotoneCalibrator(max_knots=30, tilt=1e-5).fit(scores, outcomes)
    again = MonotoneCalibrator.from_dict(json.loads(json.dumps(calibrator.to_dict())))
    grid = np.linspace(-9, 9, 500)
    np.testing.assert_array_equal(calibrator(grid), again(grid))


def test_nothing_to_separate_is_not_an_error():
    one_score = MonotoneCalibrator().fit(np.zeros(4), np.array([0, 0, 0, 1]))
    assert one_score(np.array([0.0]))[0] == pytest.approx(0.25, abs=1e-5)
    never = MonotoneCalibrator().fit(np.arange(5.0), np.zeros(5))
    assert 0 < never(np.array([2.0]))[0] < 1e-5
    backwards = MonotoneCalibrator().fit(np.arange(4.0), np.array([1, 1, 0, 0]))
    np.testing.assert_allclose(backwards(np.arange(4.0)), 0.5, atol=1e-5)


def test_bad_input_is_named():
    calibrator = MonotoneCalibrator()
    with pytest.raises(RuntimeError, match="not fitted"):
        calibrator(np.ones(2))
    with pytest.raises(ValueError, match="no row of positive weight"):
        calibrator.fit(np.ones(2), np.ones(2), np.zeros(2))
    with pytest.raises(ValueError, match="2 scores, 3 outcomes"):
        calibrator.fit(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="1 scores are NaN"):
        calibrator.fit(np.array([0, np.nan]), np.ones(2))
    with pytest.raises(ValueError, match="outcomes must lie"):
        calibrator.fit(np.ones(2), np.array([0, 5]))
    with pytest.raises(ValueError, match="not negative"):
        calibrator.fit(np.ones(2), np.ones(2), np.array([1, -1]))
    with pytest.raises(ValueError, match="probabilities must lie"):
        brier_score(np.array([1.2]), np.array([1]))
    with pytest.raises(ValueError, match="max_knots"):
        MonotoneCalibrator(max_knots=1)


def test_brier_score_by_hand_and_against_scikit_learn():
    assert brier_score(np.array([0.2, 0.9]), np.array([0, 1])) == pytest.approx((0.04 + 0.01) / 2)
    rng = np.random.default_rng(0)
    probabilities, outcomes, weights = rng.random(100), rng.integers(0, 2, 100), rng.random(100)
    assert brier_score(probabilities, outcomes, weights) == pytest.approx(
        brier_score_loss(outcomes, probabilities, sample_weight=weights)
    )


def test_reliability_table_by_hand():
    probabilities = np.array([0.1, 0.3, 0.1, 0.9, 0.7, 0.3])
    outcomes = np.array([0, 1, 0, 1, 1, 0])
    table = reliability_table(probabilities, outcomes, n_bins=3)
    np.testing.assert_allclose(table["lowest"], [0.1, 0.3, 0.7])
    np.testing.assert_allclose(table["highest"], [0.1, 0.3, 0.9])
    np.testing.assert_allclose(table["mean_probability"], [0.1, 0.3, 0.8])
    np.testing.assert_allclose(table["mean_outcome"], [0, 0.5, 1])
    np.testing.assert_array_equal(table["count"], [2, 2, 2])
    gap = expected_calibration_error(probabilities, outcomes, n_bins=3)
    assert gap == pytest.approx((0.1 + 0.2 + 0.2) / 3)


def test_reliability_table_against_scikit_learn():
    rng = np.random.default_rng(6)
    probabilities = rng.random(1000)
    outcomes = rng.random(1000) < probabilities**2
    table = reliability_table(probabilities, outcomes, n_bins=10)
    observed, promised = calibration_curve(outcomes, probabilities, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(table["mean_probability"], promised, atol=2e-3)
    np.testing.assert_allclose(table["mean_outcome"], observed, atol=0.02)


def test_order_of_rows_plays_no_part_even_with_ties():
    rng = np.random.default_rng(3)
    probabilities, outcomes = rng.integers(0, 40, 500) / 40, rng.integers(0, 2, 500)
    order = rng.permutation(500)
    a = expected_calibration_error(probabilities, outcomes, 10)
    assert a == pytest.approx(expected_calibration_error(probabilities[order], outcomes[order], 10))
