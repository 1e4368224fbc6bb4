"""Nearest neighbours of items: what was bought by the same customers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.item_to_item import (
    WeightedHistoryConfig,
    WeightedHistoryRecommender,
    suggest_history_weights,
)
from product_recommender.recommenders.neighbours import (
    bought_in_order,
    bought_together,
    sparse_from_state,
    sparse_state,
    top_neighbours,
)

if TYPE_CHECKING:
    import optuna
    from torch import Tensor

Similarity = Literal["cosine", "tfidf", "bm25"]


class ItemKNNConfig(WeightedHistoryConfig):
    """Settings of ``ItemKNN``."""

    similarity: Similarity = Field(
        "cosine",
        description="cosine; tfidf: cosine of purchases weighted by how few a customer made; "
        "bm25: the product of Okapi BM25 weights, in which popular items count less.",
    )
    neighbours: int = Field(
        500, ge=1, le=100_000, description="Bought items that can speak for one item."
    )
    shrinkage: float = Field(
        1.0,
        ge=0,
        description="Added to the denominator of the similarity: what rests on few customers "
        "counts less. With bm25 it divides all alike, which only weakens them against popularity.",
    )
    asymmetry: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Share of the cosine's norm that the bought item bears: 0.5 is the cosine, 1 "
        "the share of its buyers who bought the other too, which favours what sells well. "
        "Without effect on bm25, which has one norm for all.",
    )
    user_normalisation: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A customer with n purchases counts n to the power of minus this in each pair "
        "of items: 0 all alike, 1 those who buy everything hardly at all.",
    )
    pair_half_life_days: float | None = Field(
        None,
        gt=0,
        description="Two purchases of a customer count half as a pair when so many days lie "
        "between them; null: the same however many.",
    )
    backward_weight: float = Field(
        1.0,
        ge=0,
        le=1,
        description="What a pair counts for recommending the earlier product to who bought the "
        "later one. 1: the order does not matter.",
    )
    pair_window: int = Field(
        50,
        ge=1,
        le=1000,
        description="With either of these, pairs further apart than so many purchases of one "
        "customer are left out.",
    )
    bm25_k1: float = Field(1.2, ge=0, description="BM25: how fast purchases saturate.")
    bm25_b: float = Field(
        0.75, ge=0, le=1, description="BM25: how much an item's sales count against it."
    )


class ItemKNN(WeightedHistoryRecommender):
    """Scores an item by its similarity to what the customer bought, summed over purchases.

    ``score_ui = sum_j w_uj s_ji`` over the bought items j, with weights that fade with age and
    similarities as in ``top_neighbours``: the cosine (Sarwar et al. 2001), asymmetric (Aiolli
    2013), with shrinkage (Bell and Koren 2007), or Okapi BM25 weights, whose products are divided
    by an item's mean product with itself. Pairs can count less the more days lie between them, and
    less backwards than forwards: what is bought after a thing is often not what was bought before
    it. Only the nearest neighbours of each item are kept.

    It answers for anyone with one purchase, and learns in seconds.
    """

    name = "item_knn"
    Config = ItemKNNConfig
    ranks_by = "similarity to what was bought"
    config: ItemKNNConfig

    _similar: scipy.sparse.csr_matrix

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """Similarity, neighbours, shrinkage, normalisation, and how a history counts."""
        return {
            "similarity": trial.suggest_categorical("similarity", ["cosine", "tfidf", "bm25"]),
            "neighbours": trial.suggest_int("neighbours", 10, 2000, log=True),
            "shrinkage": trial.suggest_float("shrinkage", 0.1, 100.0, log=True),
            "asymmetry": trial.suggest_float("asymmetry", 0.3, 0.8),
            "user_normalisation": trial.suggest_float("user_normalisation", 0.0, 1.0),
            "pair_half_life_days": trial.suggest_categorical(
                "pair_half_life_days", [None, 30.0, 180.0]
            ),
            "backward_weight": trial.suggest_categorical("backward_weight", [0.5, 1.0]),
        } | suggest_history_weights(trial)

    def _learn(self, train: Interactions) -> None:
        config = self.config
        matrix = weigh_purchases(
            train.matrix(),
            config.similarity,
            config.user_normalisation,
            config.bm25_k1,
            config.bm25_b,
        )
        squares = np.asarray(matrix.multiply(matrix).sum(axis=0), dtype=np.float64).ravel()
        squares[squares == 0] = 1.0  # an item that nobody bought has no neighbour either
        share = config.asymmetry
        if config.similarity == "bm25":  # no norm, but a common scale: an item with itself is 1
            squares[:] = squares.mean()
        self._similar = top_neighbours(
            self._together(matrix),
            squares**share,
            squares ** (1.0 - share),
            config.shrinkage,
            config.neighbours,
        )
        self.fit_report = {
            "purchases": len(train),
            "similarities": int(self._similar.nnz),
            "items_without_neighbour": int(np.sum(np.diff(self._similar.indptr) == 0)),
        }

    def _together(self, matrix: scipy.sparse.csr_matrix) -> Iterable[scipy.sparse.csr_matrix]:
        """How often items were bought together; in order and time where a setting asks for it."""
        config = self.config
        if config.pair_half_life_days is None and config.backward_weight == 1:
            return bought_together(matrix)
        in_order = bought_in_order(
            self._histories,
            matrix,
            config.pair_half_life_days,
            config.backward_weight,
            config.pair_window,
        )
        return [in_order.T.tocsr()]

    def _answer(self, weights: scipy.sparse.csr_matrix) -> np.ndarray:
        scores: np.ndarray = (weights @ self._similar).toarray()
        return scores

    def _learnt(self) -> dict[str, Tensor]:
        return sparse_state(self._similar)

    def _load_learnt(self, state: dict[str, Tensor]) -> None:
        self._similar = sparse_from_state(state, self.n_items)


def weigh_purchases(
    matrix: scipy.sparse.csr_matrix,
    similarity: Similarity,
    user_normalisation: float,
    k1: float,
    b: float,
) -> scipy.sparse.csr_matrix:
    """Weights of purchases before items are compared.

    An item is a document and its customers are the words: a customer who buys everything says
    little, as a word does that stands in every text.

    Parameters
    ----------
    matrix
        Binary csr ``[n_users, n_items]``.
    similarity
        ``cosine``: 1; ``tfidf``: the inverse document frequency ``log(n_items / (1 + n_u))``, at
        least 0; ``bm25``: that, times ``(k1 + 1) / (k1 * (1 - b + b * n_i / mean) + 1)``.
    user_normalisation
        Each pair of one customer's purchases is multiplied by ``n_u ** -user_normalisation``.
    k1, b
        Constants of BM25 (Robertson and Zaragoza 2009).

    Returns
    -------
    scipy.sparse.csr_matrix
        float32, the same shape.
    """
    n_items = matrix.shape[1]
    lengths = np.maximum(np.diff(matrix.indptr), 1).astype(np.float64)
    by_user = lengths ** (-user_normalisation / 2)
    if similarity != "cosine":
        by_user *= np.log1p(n_items / (1.0 + lengths))
    weighted = scipy.sparse.diags(by_user) @ matrix
    if similarity == "bm25":
        sales = np.bincount(matrix.indices, minlength=n_items)
        relative = sales / max(sales.mean(), np.finfo(float).tiny)
        weighted = weighted @ scipy.sparse.diags((k1 + 1) / (k1 * (1 - b + b * relative) + 1))
    return scipy.sparse.csr_matrix(weighted, dtype=np.float32)
