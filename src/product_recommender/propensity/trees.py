"""Gradient boosted trees of the log odds, kept as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from product_recommender.propensity.settings import TreeSettings

_ROWS_WORTH_THREADS = 500_000


class TreesModel:
    """Gradient boosted trees (scikit-learn's, after LightGBM), as arrays.

    Parameters
    ----------
    feature, left, right
        int64 ``[trees, nodes]``. A leaf has itself on both sides.
    threshold, value
        float64 ``[trees, nodes]``: up to the threshold goes left; what a node adds.
    constant
        float64 ``[1]``: the log odds before the first tree.
    depth
        int64 ``[1]``: steps from the root to the deepest leaf of all trees.
    """

    kind: ClassVar[str] = "trees"

    def __init__(
        self,
        feature: np.ndarray,
        threshold: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        value: np.ndarray,
        constant: np.ndarray,
        depth: np.ndarray,
    ) -> None:
        self.feature, self.threshold = feature, threshold
        self.left, self.right, self.value = left, right, value
        self.constant, self.depth = constant, depth

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        outcomes: np.ndarray,
        weights: np.ndarray,
        settings: TreeSettings,
        seed: int = 0,
    ) -> Self:
        """Fit to rows, as of ``models.LinearModel.fit``.

        Raises
        ------
        RuntimeError
            If the arrays do not answer as scikit-learn's own model does: its inner form changed.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        unfitted = HistGradientBoostingClassifier(
            learning_rate=settings.learning_rate,
            max_iter=settings.trees,
            max_leaf_nodes=settings.leaves,
            min_samples_leaf=settings.min_rows,
            l2_regularization=settings.l2,
            max_bins=63,  # a quarter of the default: the features are smooth, and it is faster
            early_stopping=False,
            random_state=seed,
        )
        # Threads wait for each other at every split: with few rows that costs more than it saves,
        # and on a busy machine many times more.
        threads = 1 if len(features) < _ROWS_WORTH_THREADS else None
        with threadpool_limits(threads, user_api="openmp"):
            fitted = unfitted.fit(features, outcomes, sample_weight=weights)
        trees = [of_iteration[0].nodes for of_iteration in fitted._predictors]
        model = cls._from_nodes(trees, float(np.ravel(fitted._baseline_prediction)[0]))
        sample = features[:: max(1, len(features) // 1000)]
        if not np.allclose(model.log_odds(sample), fitted.decision_function(sample), atol=1e-6):
            raise RuntimeError(
                "the trees read out of scikit-learn do not answer as scikit-learn does; install "
                "the version in requirements.lock, or take `trees` out of propensity.candidates"
            )
        return model

    @classmethod
    def _from_nodes(cls, trees: Sequence[Any], constant: float) -> Self:
        shape = (len(trees), max(len(nodes) for nodes in trees))
        feature, depth = np.zeros(shape, dtype=np.int64), 0
        left = np.tile(np.arange(shape[1]), (shape[0], 1))
        right = left.copy()
        threshold, value = np.zeros(shape), np.zeros(shape)
        for row, nodes in enumerate(trees):
            n, inner = len(nodes), ~nodes["is_leaf"].astype(bool)
            feature[row, :n][inner] = nodes["feature_idx"][inner]
            threshold[row, :n][inner] = nodes["num_threshold"][inner]
            left[row, :n][inner] = nodes["left"][inner]
            right[row, :n][inner] = nodes["right"][inner]
            value[row, :n] = nodes["value"]
            depth = max(depth, int(nodes["depth"].max()))
        return cls(feature, threshold, left, right, value, np.array([constant]), np.array([depth]))

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """As of ``models.LogOddsModel``."""
        total = np.full(len(features), self.constant[0])
        rows = np.arange(len(features))
        for feature, threshold, left, right, value in zip(
            self.feature, self.threshold, self.left, self.right, self.value, strict=True
        ):
            node = np.zeros(len(features), dtype=np.int64)
            for _ in range(int(self.depth[0])):
                goes_left = features[rows, feature[node]] <= threshold[node]
                node = np.where(goes_left, left[node], right[node])
            total += value[node]
        return total

    def arrays(self) -> dict[str, np.ndarray]:
        """As of ``models.LogOddsModel``."""
        names = ("feature", "threshold", "left", "right", "value", "constant", "depth")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """As of ``models.LogOddsModel``."""
        return cls(**arrays)
