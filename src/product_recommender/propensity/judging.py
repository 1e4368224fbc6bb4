"""How good chances of a purchase are: order, calibration, and how sure one can be of either.

Intervals resample customers, because one customer's categories and periods hang together. All
models answer the same questions and share the draws, so differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from product_recommender.metrics.calibration import (
    brier_score,
    expected_calibration_error,
    reliability_table,
)

METRICS = ("auc", "average_precision", "brier", "calibration_error")
_MIN_RESAMPLED = 2


@dataclass(frozen=True)
class Judged:
    """One metric of one model, or of the difference of two.

    Attributes
    ----------
    value
        On all questions.
    low, high
        Percentile interval over customers.
    """

    value: float
    low: float
    high: float


def auc(chances: np.ndarray, outcomes: np.ndarray) -> float:
    """Share of pairs of a purchase and none in which the purchase had the higher chance.

    Equal chances count one half (the area under the ROC curve; Hanley and McNeil, 1982).

    Parameters
    ----------
    chances
        float ``[n]``.
    outcomes
        bool ``[n]``, both values present.
    """
    return _ordering(chances, outcomes)[0]


def average_precision(chances: np.ndarray, outcomes: np.ndarray) -> float:
    """Precision averaged over the purchases, in the order of their chances.

    Equal chances are one step, as in scikit-learn. A random order scores the share of purchases.

    Parameters
    ----------
    chances, outcomes
        As of ``auc``.
    """
    return _ordering(chances, outcomes)[1]


def judge(
    chances: Mapping[str, np.ndarray],
    outcomes: np.ndarray,
    customers: np.ndarray,
    n_resamples: int,
    level: float,
    seed: int,
    n_bins: int = 10,
    max_customers: int = 100_000,
) -> tuple[dict[str, dict[str, Judged]], dict[str, Judged]]:
    """Metrics of every model with intervals, and the first model's lead over the second.

    Parameters
    ----------
    chances
        Model to float ``[n]``, 0 to 1. The models answer the same questions.
    outcomes
        bool ``[n]``.
    customers
        int ``[n]``: who was asked.
    n_resamples, level, seed
        Of the bootstrap.
    n_bins
        Bins of the calibration error, of equal weight.
    max_customers
        Where there are more, intervals come from as many drawn ones, which makes them wider than
        they need be, and the time bearable.

    Returns
    -------
    by_model : dict
        Model to metric of ``METRICS`` to ``Judged``. Empty unless there are purchases and others.
    lead : dict
        Metric to the difference of the first two models.
    """
    outcomes = np.asarray(outcomes, dtype=bool)
    if not outcomes.any() or outcomes.all():
        return {}, {}
    names = list(chances)
    values = {name: _all_metrics(chances[name], outcomes, n_bins) for name in names}
    rng = np.random.default_rng(seed)
    who, codes = np.unique(customers, return_inverse=True)
    kept = np.ones(len(codes), dtype=bool)
    if len(who) > max_customers:
        kept = np.isin(codes, rng.choice(len(who), size=max_customers, replace=False))
        _, codes = np.unique(codes[kept], return_inverse=True)
    draws = _resampled(
        {name: chances[name][kept] for name in names},
        outcomes[kept],
        codes,
        n_resamples,
        n_bins,
        rng,
    )
    by_model = {
        name: {
            metric: _judged(values[name][column], draws[row, :, column], level)
            for column, metric in enumerate(METRICS)
        }
        for row, name in enumerate(names)
    }
    lead = {}
    if len(names) > 1:
        first, second = values[names[0]], values[names[1]]
        lead = {
            metric: _judged(
                first[column] - second[column], draws[0, :, column] - draws[1, :, column], level
            )
            for column, metric in enumerate(METRICS)
        }
    return by_model, lead


def reliability(
    chances: np.ndarray, outcomes: np.ndarray, n_bins: int, level: float
) -> dict[str, np.ndarray]:
    """What was promised against what came, with an interval of what came.

    Parameters
    ----------
    chances, outcomes
        As of ``auc``; one value of ``outcomes`` may be missing.
    n_bins
        Bins of equal weight, at most.
    level
        Of the interval (Wilson, 1927; it takes questions for independent).

    Returns
    -------
    dict of str to numpy.ndarray
        ``lowest``, ``highest``, ``mean_probability``, ``purchase_share``, ``low``, ``high``,
        ``questions``, ``purchases``.
    """
    from scipy.stats import norm

    table = reliability_table(chances, outcomes, n_bins)
    n, share = table["count"].astype(np.float64), table["mean_outcome"]
    z = float(norm.ppf(0.5 + level / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return {
        "lowest": table["lowest"],
        "highest": table["highest"],
        "mean_probability": table["mean_probability"],
        "purchase_share": share,
        "low": np.clip(centre - half, 0.0, share),
        "high": np.clip(centre + half, share, 1.0),
        "questions": table["count"],
        "purchases": np.rint(share * n).astype(np.int64),
    }


class _Ranked:
    """Questions in falling order of their chances, ready to be weighed again and again.

    Parameters
    ----------
    chances
        float ``[n]``.
    outcomes
        bool ``[n]``.
    codes
        int ``[n]``: whose weight counts for each question.
    n_bins
        Of the calibration error.
    """

    def __init__(
        self, chances: np.ndarray, outcomes: np.ndarray, codes: np.ndarray, n_bins: int
    ) -> None:
        order = np.argsort(-np.asarray(chances, dtype=np.float64), kind="stable")
        chances, bought = chances[order], np.asarray(outcomes, dtype=bool)[order]
        self.codes = codes[order]
        steps = np.flatnonzero(np.concatenate([[True], chances[1:] != chances[:-1]]))
        # Only steps with a purchase matter to the order: where they begin and end, and whose
        # purchases they hold.
        step_of_row = np.cumsum(np.isin(np.arange(len(chances)), steps)) - 1
        with_purchase, self.step_of_purchase = np.unique(step_of_row[bought], return_inverse=True)
        self.begin = steps[with_purchase]
        self.end = np.append(steps, len(chances))[with_purchase + 1]
        self.buyers = self.codes[bought]
        gap = chances - bought
        self.gap, self.squared_gap = gap, gap**2
        # Bins of about equal size that never divide equal chances, as of the reliability table.
        edges = np.searchsorted(steps, np.arange(1, n_bins) * len(chances) / n_bins)
        self.bins = np.unique(np.append(0, steps[np.minimum(edges, len(steps) - 1)]))

    def metrics(self, weights: np.ndarray) -> tuple[float, float, float, float]:
        """The four of ``METRICS`` with a weight for each of the codes; NaN where undefined."""
        of_row = weights[self.codes]
        passed = np.concatenate([[0.0], np.cumsum(of_row)])
        total = passed[-1]
        bought = np.bincount(self.step_of_purchase, weights=weights[self.buyers])
        found = np.cumsum(bought)
        brier = of_row @ self.squared_gap / total
        calibration = np.abs(np.add.reduceat(of_row * self.gap, self.bins)).sum() / total
        if found[-1] == 0 or found[-1] == total:
            return np.nan, np.nan, brier, calibration
        # Weight of the others that stand above a step, and of those within it.
        above = passed[self.begin] - (found - bought)
        within = passed[self.end] - passed[self.begin] - bought
        others = total - found[-1]
        area = (bought * (others - above - within / 2)).sum() / (found[-1] * others)
        reached = passed[self.end]
        share = np.divide(found, reached, out=np.zeros_like(found), where=reached > 0)
        return area, (bought * share).sum() / found[-1], brier, calibration


def _ordering(chances: np.ndarray, outcomes: np.ndarray) -> tuple[float, float]:
    each = np.arange(len(chances))
    area, precision, _, _ = _Ranked(chances, outcomes, each, 1).metrics(np.ones(len(chances)))
    return float(area), float(precision)


def _all_metrics(chances: np.ndarray, outcomes: np.ndarray, n_bins: int) -> tuple[float, ...]:
    return (
        *_ordering(chances, outcomes),
        brier_score(chances, outcomes),
        expected_calibration_error(chances, outcomes, n_bins),
    )


def _resampled(
    chances: Mapping[str, np.ndarray],
    outcomes: np.ndarray,
    codes: np.ndarray,
    n_resamples: int,
    n_bins: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """float64 ``[models, n_resamples, len(METRICS)]``."""
    ranked = [_Ranked(of_model, outcomes, codes, n_bins) for of_model in chances.values()]
    n = int(codes.max()) + 1
    result = np.empty((len(ranked), n_resamples, len(METRICS)))
    for draw in range(n_resamples):
        times = np.bincount(rng.integers(0, n, size=n), minlength=n).astype(np.float64)
        for row, of_model in enumerate(ranked):
            result[row, draw] = of_model.metrics(times)
    return result


def _judged(value: float, draws: np.ndarray, level: float) -> Judged:
    draws = draws[~np.isnan(draws)]  # a draw without any purchase has no order to judge
    if len(draws) < _MIN_RESAMPLED:
        return Judged(value, np.nan, np.nan)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Judged(float(value), float(low), float(high))


def slices(
    categories: np.ndarray, category_names: Sequence[str], purchases_before: np.ndarray
) -> dict[str, np.ndarray]:
    """Questions by category and by what is known of the customer.

    Parameters
    ----------
    categories
        int ``[n]`` into ``category_names``.
    category_names
        Names.
    purchases_before
        int ``[n]``: the customer's purchases by the cut, at least 1.

    Returns
    -------
    dict of str to numpy.ndarray
        Slice name to bool ``[n]``; ``overall`` first; slices without a question are left out.
    """
    bucket = np.digitize(purchases_before, [2, 5])
    masks = {"overall": np.ones(len(categories), dtype=bool)}
    masks |= {f"history={name}": bucket == code for code, name in enumerate(("1", "2-4", "5+"))}
    if len(category_names) > 1:
        masks |= {
            f"category={name}": categories == code for code, name in enumerate(category_names)
        }
    return {name: mask for name, mask in masks.items() if mask.any()}
