"""Graph filtering: a closed-form relative of LightGCN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    bought_together,
    sparse_from_state,
    sparse_state,
    top_neighbours,
)

if TYPE_CHECKING:
    import optuna
    from torch import Tensor

SCALE_SAMPLE = 2_000
"""Customers on whom the spread of the two parts' scores is measured."""


class GraphFilterConfig(WeightedHistoryConfig):
    """Settings of ``GraphFilter``."""

    low_pass_weight: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Share of the low-pass filter in the score; the rest is the neighbours'. Both "
        "are brought to the same spread first.",
    )
    low_pass_rank: int = Field(
        16, ge=1, le=4096, description="Smoothest patterns of the graph that the filter lets pass."
    )
    low_pass_popularity: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Power of an item's sales by which its low-pass score is multiplied (and a "
        "purchase of it divided before).",
    )
    neighbours: int = Field(
        2000, ge=1, le=100_000, description="Neighbours kept of each item in the other part."
    )
    user_normalisation: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Power of a customer's purchases by which their edges in the neighbours' part "
        "are divided.",
    )
    asymmetry: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Power of the bought item's sales by which the neighbours' part is divided; "
        "the recommended item's has one minus this.",
    )


class GraphFilter(WeightedHistoryRecommender):
    """Smooths a history over the graph of purchases: a closed-form relative of LightGCN.

    LightGCN learns embeddings and averages them over the neighbours in the graph, layer by layer;
    Shen et al. (2021, "How Powerful is Graph Convolution for Recommendation?", GF-CF) showed that
    this is a low-pass filter on the items' graph, which needs no training. Here, as there, a
    score is the sum of a linear filter, the normalised item-item graph
    ``D_j^-a X' D_u^-b X D_i^-(1-a)`` without its diagonal, and the ideal low-pass filter, the
    projection on the leading singular vectors V of ``D_u^-1/2 X D_i^-1/2``:
    ``w D_j^-c V V' D_i^c``. Unlike GF-CF, the exponents are settings, and the two parts are
    weighed after dividing each by the standard deviation of its scores. In the end all are divided
    by a number that makes the best score of the average customer 1.

    It answers for anyone with one purchase, and learns in seconds.
    """

    name = "graph_filter"
    Config = GraphFilterConfig
    ranks_by = "purchases smoothed over the graph of items"
    config: GraphFilterConfig

    _similar: scipy.sparse.csr_matrix
    _inward: np.ndarray
    _outward: np.ndarray

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """The two filters, their weights, and how a history counts."""
        return {
            "low_pass_weight": trial.suggest_float("low_pass_weight", 0.0, 0.8),
            "low_pass_rank": trial.suggest_int("low_pass_rank", 4, 256, log=True),
            "low_pass_popularity": trial.suggest_float("low_pass_popularity", 0.0, 0.7),
            "user_normalisation": trial.suggest_float("user_normalisation", 0.2, 1.0),
            "asymmetry": trial.suggest_float("asymmetry", 0.4, 0.8),
        } | suggest_history_weights(trial)

    def _learn(self, train: Interactions) -> None:
        config = self.config
        matrix = train.matrix()
        by_user = np.maximum(np.diff(matrix.indptr), 1).astype(np.float64)
        by_item = np.maximum(np.bincount(matrix.indices, minlength=train.n_items), 1.0)
        edges = scipy.sparse.diags(by_user ** (-config.user_normalisation / 2)) @ matrix
        self._similar = top_neighbours(
            bought_together(scipy.sparse.csr_matrix(edges, dtype=np.float32)),
            by_item**config.asymmetry,
            by_item ** (1.0 - config.asymmetry),
            0.0,
            config.neighbours,
        )
        patterns = smooth_patterns(matrix, by_user, by_item, config.low_pass_rank, config.seed)
        power = by_item[:, None] ** config.low_pass_popularity
        self._inward = (patterns / power).astype(np.float32)
        self._outward = np.ascontiguousarray((patterns * power).T, dtype=np.float32)
        self._weigh_the_parts(matrix)
        self.fit_report = {
            "purchases": len(train),
            "similarities": int(self._similar.nnz),
            "patterns": int(patterns.shape[1]),
        }

    def _weigh_the_parts(self, matrix: scipy.sparse.csr_matrix) -> None:
        """Bring both parts to their share of a common spread, and the best score to about 1.

        The former gives the weight a meaning that no data set changes, the latter the popularity
        that is added. Both in place.
        """
        buyers = np.flatnonzero(np.diff(matrix.indptr))
        if len(buyers) > SCALE_SAMPLE:
            rng = np.random.default_rng(self.config.seed)
            buyers = np.sort(rng.choice(buyers, SCALE_SAMPLE, replace=False))
        sample = matrix[buyers]
        share = self.config.low_pass_weight
        near = (sample @ self._similar).toarray()
        smooth = (sample @ self._inward) @ self._outward
        of_near = (1.0 - share) / near.std() if near.std() > 0 else 0.0
        of_smooth = share / smooth.std() if smooth.std() > 0 else 0.0
        best = float((of_near * near + of_smooth * smooth).max(axis=1).mean())
        scale = 1.0 / best if best > 0 else 1.0
        self._similar.data *= np.float32(scale * of_near)
        self._outward *= np.float32(scale * of_smooth)

    def _answer(self, weights: scipy.sparse.csr_matrix) -> np.ndarray:
        scores: np.ndarray = (weights @ self._inward) @ self._outward
        scores += (weights @ self._similar).toarray()
        return scores

    def _learnt(self) -> dict[str, Tensor]:
        import torch

        return sparse_state(self._similar) | {
            "inward": torch.from_numpy(self._inward),
            "outward": torch.from_numpy(self._outward),
        }

    def _load_learnt(self, state: dict[str, Tensor]) -> None:
        self._similar = sparse_from_state(state, self.n_items)
        self._inward = state["inward"].numpy()
        self._outward = state["outward"].numpy()


def smooth_patterns(
    matrix: scipy.sparse.csr_matrix,
    by_user: np.ndarray,
    by_item: np.ndarray,
    rank: int,
    seed: int,
) -> np.ndarray:
    """Leading right singular vectors of the purchases, divided by the roots of both degrees.

    They are the smoothest functions on the graph of items: those that differ least between items
    that the same customers buy.

    Parameters
    ----------
    matrix
        Binary csr ``[n_users, n_items]``.
    by_user, by_item
        float64 ``[n_users]`` and ``[n_items]``: purchases of each, at least 1.
    rank
        How many; never more than the smaller side of the matrix.
    seed
        Of the start of the iteration.

    Returns
    -------
    numpy.ndarray
        float64 ``[n_items, r]``, orthonormal columns.
    """
    from scipy.sparse.linalg import svds

    normal = scipy.sparse.diags(by_user**-0.5) @ matrix @ scipy.sparse.diags(by_item**-0.5)
    normal = scipy.sparse.csr_matrix(normal, dtype=np.float64)
    smaller = min(normal.shape)
    if rank + 1 >= smaller:  # the iteration cannot find all of them
        _, values, right = np.linalg.svd(normal.toarray(), full_matrices=False)
    else:
        start = np.random.default_rng(seed).normal(size=smaller)
        _, values, right = svds(normal, k=rank, v0=start, return_singular_vectors="vh")
    order = np.argsort(-values)[:rank]
    kept = order[values[order] > 1e-9]
    patterns: np.ndarray = right[kept].T
    return patterns
