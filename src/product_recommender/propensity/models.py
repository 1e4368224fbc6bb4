"""Models of the log odds of a purchase. Each is a few arrays: stored without pickle, read by numpy.

Scikit-learn finds the numbers; answering needs none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, Self

import numpy as np

from product_recommender.propensity.features import FEATURES
from product_recommender.propensity.settings import Candidate, SplineSettings, TreeSettings
from product_recommender.propensity.splines import SplineModel
from product_recommender.propensity.trees import TreesModel

Arrays = dict[str, np.ndarray]

RECENCY_FREQUENCY = (
    "pair_purchases",
    "pair_recency",
    "customer_purchases",
    "customer_recency",
)
"""All that the baseline looks at: how often and how long ago, in the category and anywhere."""


class LogOddsModel(Protocol):
    """Something that answers with log odds and consists of arrays."""

    kind: ClassVar[str]

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """float64 ``[n]`` for ``features`` float32 ``[n, len(FEATURES)]``."""

    def arrays(self) -> Arrays:
        """The model."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The model of ``arrays``."""


class LinearModel:
    """Logistic regression on some of the features.

    Parameters
    ----------
    columns
        int64 ``[q]`` into ``FEATURES``.
    weights
        float64 ``[q + 1]``, the constant last.
    """

    kind: ClassVar[str] = "linear"

    def __init__(self, columns: np.ndarray, weights: np.ndarray) -> None:
        self.columns, self.weights = columns, weights

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        outcomes: np.ndarray,
        weights: np.ndarray,
        names: Sequence[str] = RECENCY_FREQUENCY,
    ) -> Self:
        """Fit to rows; the pull towards zero is that of one purchase, so next to nothing.

        Parameters
        ----------
        features
            float32 ``[n, len(FEATURES)]``.
        outcomes
            bool ``[n]``, both values present.
        weights
            float64 ``[n]``: how many rows each stands for.
        names
            Which features are used.
        """
        from sklearn.linear_model import LogisticRegression

        columns = np.array([FEATURES.index(name) for name in names], dtype=np.int64)
        used = features[:, columns].astype(np.float64)
        mean, spread = used.mean(axis=0), used.std(axis=0)
        spread[spread == 0] = 1.0
        fitted = LogisticRegression(C=1.0, max_iter=500)
        fitted.fit((used - mean) / spread, outcomes, sample_weight=weights)
        slopes = fitted.coef_[0] / spread
        return cls(columns, np.append(slopes, fitted.intercept_[0] - slopes @ mean))

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """As of ``LogOddsModel``."""
        used = features[:, self.columns].astype(np.float64)
        result: np.ndarray = used @ self.weights[:-1] + self.weights[-1]
        return result

    def arrays(self) -> Arrays:
        """As of ``LogOddsModel``."""
        return {"columns": self.columns, "weights": self.weights}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """As of ``LogOddsModel``."""
        return cls(arrays["columns"], arrays["weights"])


class BothModel:
    """The mean of the log odds of curves and trees.

    Parameters
    ----------
    splines, trees
        The two.
    """

    kind: ClassVar[str] = "splines_and_trees"

    def __init__(self, splines: SplineModel, trees: TreesModel) -> None:
        self.splines, self.trees = splines, trees

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """As of ``LogOddsModel``."""
        return (self.splines.log_odds(features) + self.trees.log_odds(features)) / 2

    def arrays(self) -> Arrays:
        """As of ``LogOddsModel``."""
        return {
            f"{part.kind}.{name}": array
            for part in (self.splines, self.trees)
            for name, array in part.arrays().items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """As of ``LogOddsModel``."""
        return cls(
            SplineModel.from_arrays(arrays_under(arrays, "splines.")),
            TreesModel.from_arrays(arrays_under(arrays, "trees.")),
        )


MODELS: dict[str, type[LogOddsModel]] = {
    model.kind: model for model in (LinearModel, SplineModel, TreesModel, BothModel)
}


def fit_candidates(
    names: Sequence[Candidate],
    features: np.ndarray,
    outcomes: np.ndarray,
    weights: np.ndarray,
    splines: SplineSettings,
    trees: TreeSettings,
    seed: int,
) -> dict[str, LogOddsModel]:
    """Fit the candidates asked for, each part once.

    Parameters
    ----------
    names
        Which.
    features, outcomes, weights
        As of ``LinearModel.fit``.
    splines, trees, seed
        Settings.
    """
    curves = forest = None
    if {*names} != {"trees"}:
        curves = SplineModel.fit(features, outcomes, weights, splines)
    if {*names} != {"splines"}:
        forest = TreesModel.fit(features, outcomes, weights, trees, seed)
    found: dict[str, LogOddsModel] = {}
    if curves and "splines" in names:
        found["splines"] = curves
    if forest and "trees" in names:
        found["trees"] = forest
    if curves and forest and "splines_and_trees" in names:
        found["splines_and_trees"] = BothModel(curves, forest)
    return found


def arrays_under(arrays: Mapping[str, np.ndarray], prefix: str) -> Arrays:
    """The arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
