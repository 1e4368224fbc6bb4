"""A forecast of weekly orders that says how wrong it was before.

Four simple methods are asked at many past weeks for the weeks that followed. The one with the
smallest error on the older half of those questions is taken; its errors on the newer half, which
had no part in the choice, are what the page quotes. The interval is made of the relative errors
themselves, so it is as wide as the method was wrong (Hyndman and Athanasopoulos, Forecasting:
Principles and Practice, 3rd edition, sections 5.5 and 5.10).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

YEAR = 52
RECENT_WEEKS = 8
GROWTH_WEEKS = 26
MINIMUM_WEEKS = 26
"""Whole weeks before a first question is asked."""

MOST_QUESTIONS = 104
MINIMUM_QUESTIONS = 8


@dataclass(frozen=True)
class Forecast:
    """What is expected, and how well such expectations did.

    Attributes
    ----------
    method
        In words.
    expected, low, high
        float ``[horizon]``: orders a week.
    error
        Sum of absolute errors over the sum of orders, on the newer questions (WAPE).
    naive_error
        The same for the mean of the last weeks, the simplest method.
    coverage
        Share of the weeks of the newer questions inside the interval that was to be had then.
    questions
        Newer questions.
    """

    method: str
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: float
    naive_error: float
    coverage: float
    questions: int


def recent_level(weeks: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of the last weeks, for all weeks ahead."""
    return np.full(horizon, weeks[-RECENT_WEEKS:].mean())


def last_year_grown(weeks: np.ndarray, horizon: int) -> np.ndarray:
    """The same weeks of last year, times the growth of the last half year over the one before it.

    Each week of last year is the mean of itself and its neighbours; with too little history, or
    none a year ago, the recent level.
    """
    if len(weeks) < YEAR + GROWTH_WEEKS:
        return recent_level(weeks, horizon)
    padded = np.append(weeks, weeks[-1])
    smooth = np.convolve(padded, np.ones(3) / 3, mode="same")
    a_year_ago = smooth[len(weeks) - YEAR : len(weeks) - YEAR + horizon]
    then = weeks[-YEAR - GROWTH_WEEKS : -YEAR].sum()
    if then == 0:
        return recent_level(weeks, horizon)
    grown: np.ndarray = a_year_ago * weeks[-GROWTH_WEEKS:].sum() / then
    return grown


def mean_of_both(weeks: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of the recent level and last year's weeks, grown."""
    both: np.ndarray = (recent_level(weeks, horizon) + last_year_grown(weeks, horizon)) / 2
    return both


def smoothed_level(weeks: np.ndarray, horizon: int) -> np.ndarray:
    """An exponentially weighted mean of all weeks, half of it from the last five."""
    ages = np.arange(len(weeks))[::-1]
    weights = 0.5 ** (ages / 5)
    return np.full(horizon, weights @ weeks / weights.sum())


METHODS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    f"mean of the last {RECENT_WEEKS} weeks": recent_level,
    "exponentially weighted mean": smoothed_level,
    "last year's weeks times this year's growth": last_year_grown,
    "mean of the last weeks and of last year's weeks times growth": mean_of_both,
}
"""In words, the simplest first: ties go to it."""


def forecast(weeks: np.ndarray, horizon: int, level: float) -> Forecast | None:
    """Choose a method on the past, forecast the weeks ahead, and say how wrong it was.

    Parameters
    ----------
    weeks
        Orders of whole weeks, the newest last.
    horizon
        Weeks ahead.
    level
        Share of weeks that the interval should hold.

    Returns
    -------
    Forecast or None
        None where the history is too short to ask ``MINIMUM_QUESTIONS`` questions, or empty.
    """
    weeks = np.asarray(weeks, dtype=np.float64)
    origins = np.arange(MINIMUM_WEEKS, len(weeks) - horizon + 1)[-MOST_QUESTIONS:]
    if len(origins) < MINIMUM_QUESTIONS or weeks[-MINIMUM_WEEKS:].sum() == 0:
        return None
    actual = np.stack([weeks[origin : origin + horizon] for origin in origins])
    answers = {
        name: np.stack([method(weeks[:origin], horizon) for origin in origins])
        for name, method in METHODS.items()
    }
    half = len(origins) // 2
    # What the newer questions ask about has not been seen by the choice nor by its intervals.
    seen = origins + horizon <= origins[half]
    if not seen.any():
        seen = np.arange(len(origins)) < half
    best = min(METHODS, key=lambda name: _wape(answers[name][seen], actual[seen]))
    naive = next(iter(METHODS))
    newer = slice(half, None)
    inside = _check_intervals(answers[best], actual, origins, half, level)
    expected = METHODS[best](weeks, horizon)
    low, high = _interval(answers[best], actual, expected, level)
    return Forecast(
        method=best,
        expected=expected,
        low=low,
        high=high,
        error=_wape(answers[best][newer], actual[newer]),
        naive_error=_wape(answers[naive][newer], actual[newer]),
        coverage=float(inside.mean()),
        questions=len(origins) - half,
    )


def _wape(expected: np.ndarray, actual: np.ndarray) -> float:
    total = actual.sum()
    return float(np.abs(expected - actual).sum() / total) if total > 0 else float("inf")


def _check_intervals(
    answers: np.ndarray, actual: np.ndarray, origins: np.ndarray, half: int, level: float
) -> np.ndarray:
    """Whether the weeks of the newer questions fell into intervals made as they would have been
    then: from questions whose weeks were over."""
    horizon = answers.shape[1]
    inside = np.zeros((len(origins) - half, horizon), dtype=bool)
    for number in range(half, len(origins)):
        over = origins + horizon <= origins[number]
        if not over.any():
            over[:half] = True
        low, high = _interval(answers[over], actual[over], answers[number], level)
        inside[number - half] = (actual[number] >= low) & (actual[number] <= high)
    return inside


def _interval(
    answers: np.ndarray, actual: np.ndarray, expected: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval around new answers: as far to both sides as past answers were wrong.

    Errors are taken in proportion to the answer and without their sign: a method that was too low
    in the past may be too high tomorrow. Weeks ahead share their errors in three groups, near ones
    apart from far ones.
    """
    horizon = answers.shape[1]
    scaled = np.abs(actual - answers) / np.maximum(answers, 1)
    reach = np.empty(horizon)
    for group in np.array_split(np.arange(horizon), min(3, horizon)):
        errors = scaled[:, group].ravel()
        # The conformal rank: a quantile a little further out, for the finite number of errors.
        reach[group] = np.quantile(errors, min(1.0, level * (1 + 1 / len(errors))))
    spread = reach * np.maximum(expected, 1)
    return np.maximum(0, expected - spread), expected + spread
