"""What sells: overall, and lately in the categories that a customer buys from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import (
    Recommender,
    RecommenderConfig,
    recent_popularity,
)
from product_recommender.recommenders.top_k import rows_of

if TYPE_CHECKING:
    import optuna
    from torch import Tensor


class PopularityConfig(RecommenderConfig):
    """Settings of ``Popularity``: it has none of its own."""


class Popularity(Recommender):
    """Ranks by the number of training purchases, the same for everyone, strangers included."""

    name = "popularity"
    Config = PopularityConfig
    ranks_by = "training purchases"

    _counts: Tensor

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        import torch

        counts = np.bincount(train.known().items, minlength=train.n_items)
        self._counts = torch.from_numpy(counts.astype(np.float32))
        self.fit_report = {"purchases": len(train), "most_popular": int(counts.max())}

    def _score(self, users: Tensor) -> Tensor:
        return self._counts[None]

    def _score_strangers(self, users: Tensor) -> Tensor:
        return self._counts[None]

    def uses_fallback(self, users: np.ndarray) -> np.ndarray:
        """Nobody: everyone gets the model's one list."""
        return np.zeros(len(np.asarray(users)), dtype=bool)

    def _state(self) -> dict[str, Tensor]:
        return {"counts": self._counts}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        self._counts = state["counts"]


class RecentPopularityConfig(RecommenderConfig):
    """Settings of ``RecentPopularity``."""

    half_life_days: float = Field(
        90.0, gt=0, description="Age at which a purchase counts half, in days."
    )
    smoothing: float = Field(
        5.0,
        gt=0,
        description="Purchases from the average customer that are mixed into each customer's own "
        "shares of the categories: alpha.",
    )
    exponent: float = Field(
        1.0,
        ge=0,
        description="Power of the category affinity; 0 gives everyone the overall list.",
    )


class RecentPopularity(Recommender):
    """Ranks by recent purchases, times how much the customer leans to the product's category.

    The score of item i of category c for user u is ``recent_i * affinity_uc ** exponent`` with
    ``affinity_uc = ((n_uc + alpha * share_c) / (n_u + alpha)) / share_c``: the customer's share of
    the category, smoothed towards everyone's, relative to everyone's. A stranger gets overall
    recent popularity with the fallback's half-life, as from every model.
    """

    name = "recent_popularity"
    Config = RecentPopularityConfig
    ranks_by = "recent purchases in the customer's categories"
    config: RecentPopularityConfig

    _recent: Tensor
    _shares: Tensor
    _category: Tensor

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """Half-life, smoothing and exponent."""
        return {
            "half_life_days": trial.suggest_float("half_life_days", 7.0, 1000.0, log=True),
            "smoothing": trial.suggest_float("smoothing", 0.1, 100.0, log=True),
            "exponent": trial.suggest_float("exponent", 0.0, 3.0),
        }

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        import torch

        rows = train.known()
        category = train.item_categories[: train.n_items].astype(np.int64)
        n_categories = max(len(train.categories), int(category.max()) + 1)
        bought = np.bincount(category[rows.items], minlength=n_categories)
        shares = bought / max(bought.sum(), 1)
        self._recent = torch.from_numpy(recent_popularity(train, self.config.half_life_days))
        self._shares = torch.from_numpy(shares.astype(np.float32))
        self._category = torch.from_numpy(category)
        self.fit_report = {
            "purchases": len(train),
            "category_shares": {
                name: round(float(share), 4)
                for name, share in zip(train.categories, shares, strict=False)
            },
        }

    def _score(self, users: Tensor) -> Tensor:
        import torch

        assert self._seen_indptr is not None
        assert self._seen_indices is not None
        n_categories = len(self._shares)
        row, item = map(
            torch.from_numpy, rows_of(self._seen_indptr, self._seen_indices, users.cpu().numpy())
        )
        bought = torch.bincount(
            row * n_categories + self._category[item], minlength=len(users) * n_categories
        ).reshape(len(users), n_categories)
        alpha = self.config.smoothing
        own = (bought + alpha * self._shares) / (bought.sum(dim=1, keepdim=True) + alpha)
        # A category without a training purchase has no recent one either: any affinity will do.
        affinity = torch.where(self._shares > 0, own / self._shares, 1.0) ** self.config.exponent
        # One term of each sum differs from zero, so the product is exact in any block.
        spread = torch.zeros(n_categories, self.n_items)
        spread[self._category, torch.arange(self.n_items)] = self._recent
        return affinity.float() @ spread

    def _state(self) -> dict[str, Tensor]:
        return {"recent": self._recent, "shares": self._shares, "category": self._category}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        self._recent = state["recent"]
        self._shares = state["shares"]
        self._category = state["category"]
