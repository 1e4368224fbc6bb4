"""The first stage of the reranker: cheap scores of every product, each from one idea.

A signal is fitted in one pass over the purchases and scores a whole catalogue for a block of
customers with one product of matrices:

- ``popular``: recent purchases in the customer's categories;
- ``together``: products that the same customers bought (cosine with shrinkage), the customer's
  purchases weighted equally, and ``together_lately``, with the latest weighing most;
- ``next`` and ``next_lately``: products that others bought *after* what the customer bought;
- ``ease``: the closed-form linear model (Steck 2019), where the catalogue is small enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import recent_popularity
from product_recommender.recommenders.ease import ease_weights
from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.neighbours import nearest_of_rows, pairs_by_lag

if TYPE_CHECKING:
    import scipy.sparse
    from torch import Tensor

SIGNALS = ("popular", "together", "together_lately", "next", "next_lately", "ease")


class SignalConfig(BaseModel):
    """Settings of the first stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    half_life_days: float = Field(
        60.0, gt=0, description="Half-life of popular's purchases, in days."
    )
    smoothing: float = Field(
        5.0, gt=0, description="Purchases of the average customer mixed into popular's affinity."
    )
    shrinkage: float = Field(
        10.0, ge=0, description="Added to the cosine's denominator: doubts pairs seen rarely."
    )
    popularity_power: float = Field(
        0.4,
        ge=0,
        le=1,
        description="Power of the purchases of both products in the denominator of together and "
        "next; 0.5 is the cosine, less favours what sells.",
    )
    neighbours: int = Field(
        200, ge=1, description="Products kept for each product by together and next."
    )
    decay: float = Field(
        0.6,
        gt=0,
        le=1,
        description="Weight of a purchase relative to the one after it, in the lately signals.",
    )
    slow_decay: float = Field(
        0.9, gt=0, le=1, description="The same for next, which looks further back."
    )
    window: int = Field(
        10, ge=1, description="Purchases after one that next counts as following it."
    )
    gap_decay: float = Field(
        0.8, gt=0, le=1, description="Weight in next for each purchase in between."
    )
    ease_l2: float = Field(300.0, gt=0, description="Ridge penalty of ease.")
    ease_items: int = Field(
        6000,
        ge=0,
        description="Largest catalogue for which ease is fitted (memory grows with its square).",
    )


@dataclass
class Signals:
    """Fitted signals.

    Attributes
    ----------
    popular
        float32 ``[n_items]``: recent purchases.
    shares
        float32 ``[n_categories]``: share of each category in the purchases.
    category
        int64 ``[n_items]``.
    together, following
        csr float32 ``[n_items, n_items]``: row bought, column scored.
    ease
        float32 ``[n_items, n_items]``, or None where the catalogue is too large.
    is_ordered
        Whether purchases have an order in time; without it, decay and ``next`` mean nothing.
    """

    config: SignalConfig
    popular: np.ndarray
    shares: np.ndarray
    category: np.ndarray
    together: scipy.sparse.csr_matrix
    following: scipy.sparse.csr_matrix
    ease: np.ndarray | None
    is_ordered: bool

    @classmethod
    def fit(
        cls, train: Interactions, histories: Histories, config: SignalConfig, is_ordered: bool
    ) -> Signals:
        """Count and solve.

        Parameters
        ----------
        train
            Purchases to learn from.
        histories
            The same, by user and in order.
        config
            Settings.
        is_ordered
            Whether the order of purchases means something.
        """
        category = train.item_categories[: train.n_items].astype(np.int64)
        n_categories = max(len(train.categories), int(category.max()) + 1)
        matrix = histories.matrix(train.n_items)
        bought = np.bincount(category[matrix.indices], minlength=n_categories)
        purchases = np.asarray(matrix.sum(axis=0)).ravel()
        size = np.maximum(purchases, 1.0) ** config.popularity_power

        def nearest(counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
            """What the purchase of each row's product says most about."""
            return nearest_of_rows(counts, size, size, config.shrinkage, config.neighbours)

        return cls(
            config=config,
            popular=recent_popularity(train, config.half_life_days),
            shares=(bought / max(bought.sum(), 1)).astype(np.float32),
            category=category,
            together=nearest((matrix.T @ matrix).tocsr()),
            following=nearest(_followers(histories, train.n_items, config, is_ordered)),
            ease=ease_weights(matrix, config.ease_l2)
            if train.n_items <= config.ease_items
            else None,
            is_ordered=is_ordered,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The signals there are, in the order of ``scores``."""
        left_out = set() if self.is_ordered else {"together_lately", "next", "next_lately"}
        if self.ease is None:
            left_out.add("ease")
        return tuple(name for name in SIGNALS if name not in left_out)

    def scores(self, histories: Histories) -> list[np.ndarray]:
        """float32 ``[n_users, n_items]`` for each of ``names``."""
        n_items = len(self.popular)
        plain = histories.matrix(n_items)
        slow, fast = (
            decayed(histories, n_items, decay)
            for decay in (self.config.slow_decay, self.config.decay)
        )
        found = []
        for name in self.names:
            if name == "popular":
                found.append(self.affinity(plain)[:, self.category] * self.popular)
            elif name == "ease":
                found.append(np.asarray(plain @ self.ease, dtype=np.float32))
            else:
                weights = {"together": plain, "next": slow}.get(name, fast)
                items = self.following if name.startswith("next") else self.together
                found.append((weights @ items).toarray())
        return found

    def affinity(self, matrix: scipy.sparse.csr_matrix) -> np.ndarray:
        """How much customers lean to each category, 1 like everyone: float32 ``[b, c]``."""
        import scipy.sparse

        n_items, n_categories = len(self.category), len(self.shares)
        spread = scipy.sparse.csr_matrix(
            (np.ones(n_items, dtype=np.float32), (np.arange(n_items), self.category)),
            shape=(n_items, n_categories),
        )
        bought = (matrix @ spread).toarray()
        alpha = self.config.smoothing
        own = (bought + alpha * self.shares) / (bought.sum(axis=1, keepdims=True) + alpha)
        return np.divide(own, self.shares, out=np.ones_like(own), where=self.shares > 0)

    def state(self) -> dict[str, Tensor]:
        """Everything as flat tensors, for ``from_state``."""
        import torch

        arrays = {
            "popular": self.popular,
            "shares": self.shares,
            "category": self.category,
            "is_ordered": np.array([self.is_ordered]),
        }
        for name in ("together", "following"):
            matrix = getattr(self, name)
            arrays[f"{name}/indptr"] = matrix.indptr.astype(np.int64)
            arrays[f"{name}/indices"] = matrix.indices.astype(np.int32)
            arrays[f"{name}/data"] = matrix.data
        if self.ease is not None:
            arrays["ease"] = self.ease
        return {key: torch.from_numpy(np.ascontiguousarray(a)) for key, a in arrays.items()}

    @classmethod
    def from_state(cls, state: dict[str, Tensor], config: SignalConfig) -> Signals:
        """Rebuild what ``state`` described."""
        import scipy.sparse

        arrays = {key: value.numpy() for key, value in state.items()}
        n_items = len(arrays["popular"])
        matrices = {
            name: scipy.sparse.csr_matrix(
                tuple(arrays[f"{name}/{part}"] for part in ("data", "indices", "indptr")),
                shape=(n_items, n_items),
            )
            for name in ("together", "following")
        }
        return cls(
            config=config,
            popular=arrays["popular"],
            shares=arrays["shares"],
            category=arrays["category"],
            ease=arrays.get("ease"),
            is_ordered=bool(arrays["is_ordered"][0]),
            **matrices,
        )


def decayed(histories: Histories, n_items: int, decay: float) -> scipy.sparse.csr_matrix:
    """Csr float32 ``[n_users, n_items]``: the latest purchase 1, each one before it less."""
    import scipy.sparse

    rows = np.repeat(np.arange(histories.n_users), histories.lengths)
    from_end = histories.indptr[1:][rows] - 1 - np.arange(len(histories.items))
    weights = (decay**from_end).astype(np.float32)
    return scipy.sparse.csr_matrix(
        (weights, histories.items, histories.indptr), shape=(histories.n_users, n_items), copy=True
    )


def _followers(
    histories: Histories, n_items: int, config: SignalConfig, is_ordered: bool
) -> scipy.sparse.csr_matrix:
    """How often the column was bought within a few purchases after the row, near ones first.

    Empty where purchases have no order.
    """
    import scipy.sparse

    first, then, weights = [], [], []
    for lag, earlier, later in pairs_by_lag(histories, config.window if is_ordered else 0):
        first.append(histories.items[earlier])
        then.append(histories.items[later])
        weights.append(np.full(len(earlier), config.gap_decay ** (lag - 1), dtype=np.float32))
    empty = np.empty(0, dtype=np.int32)
    cells = np.concatenate([empty, *first]), np.concatenate([empty, *then])
    data = np.concatenate([np.empty(0, dtype=np.float32), *weights])
    matrix = scipy.sparse.csr_matrix((data, cells), shape=(n_items, n_items))
    matrix.sum_duplicates()
    return matrix
