"""What the models share that weigh a history and add recent popularity below.

``item_knn``, ``ease``, ``graph_filter`` and ``als`` differ in what they learn about items. They
agree on how a history counts (a purchase fades with its age) and on what decides where the history
says nothing: with one purchase, most items are no neighbour of anything, and an order at random
among those would waste most of a list.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import RecommenderConfig, recent_popularity
from product_recommender.recommenders.histories import Histories, HistoryRecommender

if TYPE_CHECKING:
    import optuna
    from torch import Tensor


class WeightedHistoryConfig(RecommenderConfig):
    """Settings of every model that weighs a history."""

    recency_half_life_days: float | None = Field(
        None,
        gt=0,
        description="A purchase of a history counts half when the customer's newest one is so many "
        "days younger; null: age does not matter.",
    )
    popularity_weight: float = Field(
        1e-3,
        ge=0,
        description="Score of the item that sells best lately, for everyone, on top of what the "
        "history says; the others in proportion. Next to nothing: it only orders ties.",
    )
    popularity_half_life_days: float = Field(
        60.0, gt=0, description="Age at which a purchase counts half for that, in days."
    )


def suggest_history_weights(trial: optuna.Trial) -> dict[str, Any]:
    """The part of a search space that these settings are."""
    return {
        "recency_half_life_days": trial.suggest_categorical(
            "recency_half_life_days", [None, 30.0, 180.0, 720.0]
        ),
        "popularity_weight": trial.suggest_float("popularity_weight", 1e-3, 10.0, log=True),
        "popularity_half_life_days": trial.suggest_float(
            "popularity_half_life_days", 10.0, 365.0, log=True
        ),
    }


def weighted_matrix(
    histories: Histories, n_items: int, half_life_days: float | None
) -> scipy.sparse.csr_matrix:
    """Histories as rows of weights: 1 for the newest purchase, less with age.

    Parameters
    ----------
    histories
        Purchases in the order of time.
    n_items
        Columns.
    half_life_days
        Age, before the newest purchase of the same history, at which the weight is a half; None
        gives every purchase the weight 1.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 ``[histories.n_users, n_items]``, indices sorted. A repeated purchase counts once,
        with its newest day.
    """
    matrix = histories.matrix(n_items)
    matrix.sort_indices()
    if half_life_days is None or len(histories.items) == 0:
        return matrix
    rows = np.repeat(np.arange(histories.n_users), histories.lengths)
    newest = histories.days[histories.indptr[1:] - 1]  # empty rows are never looked up
    age = newest[rows].astype(np.float64) - histories.days
    weights = np.exp2(-age / half_life_days).astype(np.float32)
    # In the order of time, so of a repeated purchase the newest is written last.
    place = np.searchsorted(_keys(matrix), rows * np.int64(n_items) + histories.items)
    matrix.data[place] = weights
    return matrix


def _keys(matrix: scipy.sparse.csr_matrix) -> np.ndarray:
    """One ascending number for each stored cell: int64 ``[nnz]``."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return rows * matrix.shape[1] + matrix.indices


class WeightedHistoryRecommender(HistoryRecommender):
    """Base class: scores are what the weighted history says, plus a share of recent popularity.

    A subclass implements ``_learn``, ``_answer``, ``_learnt`` and ``_load_learnt``.
    """

    Config = WeightedHistoryConfig
    config: WeightedHistoryConfig

    _popularity: np.ndarray

    @abstractmethod
    def _learn(self, train: Interactions) -> None:
        """Learn about items from the training purchases, and fill ``fit_report``."""

    @abstractmethod
    def _answer(self, weights: scipy.sparse.csr_matrix) -> np.ndarray:
        """float32 ``[b, n_items]`` from weighted histories ``[b, n_items]``."""

    @abstractmethod
    def _learnt(self) -> dict[str, Tensor]: ...

    @abstractmethod
    def _load_learnt(self, state: dict[str, Tensor]) -> None: ...

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        recent = recent_popularity(train, self.config.popularity_half_life_days)
        self._popularity = recent / max(float(recent.max()), np.finfo(np.float32).tiny)
        self._learn(train)

    def _score_histories(self, histories: Histories) -> Tensor:
        import torch

        weights = weighted_matrix(histories, self.n_items, self.config.recency_half_life_days)
        scores = self._answer(weights)
        scores += np.float32(self.config.popularity_weight) * self._popularity
        return torch.from_numpy(scores)

    def _state(self) -> dict[str, Tensor]:
        import torch

        return {"popularity": torch.from_numpy(self._popularity)} | self._learnt()

    def _load_state(self, state: dict[str, Tensor]) -> None:
        self._popularity = state["popularity"].numpy()
        self._load_learnt(state)
