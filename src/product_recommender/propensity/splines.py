"""A curve for each feature: the additive model of the log odds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from product_recommender.propensity.features import FEATURES
from product_recommender.propensity.settings import SplineSettings

STRAIGHT = ("category_rate", "category_trend", "category_season")
"""Features that are the same for all customers asked at one time. A few past periods have only a
few levels of them: enough for a straight line, while a curve would learn the periods by heart."""


class SplineModel:
    """Logistic regression with a curve for each feature: straight lines between knots.

    Below the first and above the last knot a curve is flat; those of ``STRAIGHT`` are straight.
    (Hastie and Tibshirani, "Generalized Additive Models", 1986, with linear splines.)

    Parameters
    ----------
    knots, values
        float64 ``[len(FEATURES), k]``: the points of the curves; knots ascend in each row. Unused
        points at the end repeat the last knot.
    constant
        float64 ``[1]``.
    """

    kind: ClassVar[str] = "splines"

    def __init__(self, knots: np.ndarray, values: np.ndarray, constant: np.ndarray) -> None:
        self.knots, self.values, self.constant = knots, values, constant

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        outcomes: np.ndarray,
        weights: np.ndarray,
        settings: SplineSettings,
    ) -> Self:
        """Fit to rows, as of ``models.LinearModel.fit``.

        A feature that never differs gets a flat curve. The others' knots lie halfway between the
        quantiles of the purchases and those of the other rows, so that there is resolution where
        purchases are.

        Raises
        ------
        ValueError
            If no feature differs between any two rows.
        """
        from sklearn.linear_model import LogisticRegression

        curves = [
            _ends(column) if name in STRAIGHT else _quantile_knots(column, outcomes, settings.knots)
            for name, column in zip(FEATURES, features.T, strict=True)
        ]
        if max(map(len, curves)) == 1:
            raise ValueError("no feature differs between any two rows; there is nothing to learn")
        hats = [
            np.stack([np.interp(column, knots, unit) for unit in np.eye(len(knots))[1:]], axis=1)
            for column, knots in zip(features.T, curves, strict=True)
            if len(knots) > 1
        ]
        fitted = LogisticRegression(C=1.0 / settings.l2, solver="newton-cholesky")
        fitted.fit(np.concatenate(hats, axis=1), outcomes, sample_weight=weights)
        heights = np.split(fitted.coef_[0], np.cumsum([len(knots) - 1 for knots in curves])[:-1])
        width = max(map(len, curves))
        knots_table, values = np.zeros((len(curves), width)), np.zeros((len(curves), width))
        for row, (knots, above_first) in enumerate(zip(curves, heights, strict=True)):
            padding = (0, width - len(knots))
            knots_table[row] = np.pad(knots, padding, mode="edge")
            values[row] = np.pad(np.append(0.0, above_first), padding, mode="edge")
        return cls(knots_table, values, np.asarray(fitted.intercept_, dtype=np.float64))

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """As of ``models.LogOddsModel``."""
        total = np.full(len(features), self.constant[0])
        for column, knots, values in zip(features.T, self.knots, self.values, strict=True):
            total += np.interp(column, knots, values)
        return total

    def arrays(self) -> dict[str, np.ndarray]:
        """As of ``models.LogOddsModel``."""
        return {"knots": self.knots, "values": self.values, "constant": self.constant}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """As of ``models.LogOddsModel``."""
        return cls(arrays["knots"], arrays["values"], arrays["constant"])


def _ends(column: np.ndarray) -> np.ndarray:
    """Two knots, a little beyond what was seen."""
    low, high = float(column.min()), float(column.max())
    return np.array([low - 0.5, high + 0.5]) if high > low else np.array([low])


def _quantile_knots(column: np.ndarray, outcomes: np.ndarray, knots: int) -> np.ndarray:
    """Ascending knots; one alone where the column hardly differs. Never at the extremes: a piece
    of a curve that only a handful of rows reach would take on any height."""
    quantiles = np.linspace(0.02, 0.98, knots)
    both = [np.quantile(column[part], quantiles) for part in (outcomes, ~outcomes) if part.any()]
    distinct = np.unique(np.mean(both, axis=0))
    if len(distinct) == 1:  # for example a flag that is nearly always 0
        distinct = np.unique([column.min(), column.max()])
    return distinct.astype(np.float64)
