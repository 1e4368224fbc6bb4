"""Forecasts: methods by hand, the choice among them, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.dashboard import forecast as forecasting
from product_recommender.dashboard.forecast import forecast


def test_methods_by_hand() -> None:
    weeks = np.arange(1.0, 101.0)
    assert forecasting.recent_level(weeks, 3).tolist() == [96.5] * 3
    # A year ago: weeks 49, 50, 51 (their own means with their neighbours); the last 26 weeks hold
    # 75 + ... + 100, those of the year before 23 + ... + 48.
    growth = (75 + 100) / (23 + 48)
    np.testing.assert_allclose(
        forecasting.last_year_grown(weeks, 3), np.array([49, 50, 51]) * growth
    )
    both = forecasting.mean_of_both(weeks, 3)
    np.testing.assert_allclose(both, (96.5 + np.array([49, 50, 51]) * growth) / 2)
    halved = forecasting.smoothed_level(np.array([8.0, 0, 0, 0, 0, 0]), 1)[0]
    weights = 0.5 ** (np.arange(6) / 5)
    assert halved == pytest.approx(8 * 0.5 / weights.sum())


def test_a_constant_shop_is_forecast_exactly() -> None:
    found = forecast(np.full(120, 40.0), 12, 0.8)
    assert found is not None
    assert found.method == next(iter(forecasting.METHODS))  # ties go to the simplest
    np.testing.assert_allclose(found.expected, 40)
    np.testing.assert_allclose([found.low, found.high], 40)
    assert (found.error, found.naive_error, found.coverage) == (0, 0, 1)


def test_seasons_are_found_where_they_repeat() -> None:
    year = np.full(52, 100.0)
    year[20:30] = 300
    found = forecast(np.tile(year, 4), 12, 0.8)
    assert found is not None
    assert "last year" in found.method
    assert found.error < 0.5 * found.naive_error


def test_intervals_of_pure_chance_hold_about_what_they_promise() -> None:
    rng = np.random.default_rng(0)
    shops = [forecast(rng.poisson(60, 170), 8, 0.8) for _ in range(12)]
    coverage = np.mean([found.coverage for found in shops if found])
    assert 0.74 < coverage < 0.88
    for found in shops:
        assert found is not None
        assert (found.low <= found.expected).all()
        assert (found.expected <= found.high).all()
        assert (found.low >= 0).all()


def test_the_quoted_error_had_no_part_in_the_choice() -> None:
    """The newer half is a new level: whatever was chosen before must own up to it."""
    weeks = np.append(np.full(100, 20.0), np.full(60, 90.0))
    found = forecast(weeks, 4, 0.8)
    assert found is not None
    assert found.error > 0
    assert found.questions == 52


@pytest.mark.parametrize(
    "weeks", [np.full(40, 5.0), np.append(np.full(200, 5.0), np.zeros(26)), np.zeros(200)]
)
def test_too_little_history_gives_no_forecast(weeks: np.ndarray) -> None:
    assert forecast(weeks, 12, 0.8) is None
