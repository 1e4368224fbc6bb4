"""Stars from averages alone: how kind the customer is, how good the product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender, RecommenderConfig

if TYPE_CHECKING:
    import optuna
    from torch import Tensor

LOWEST_STARS, HIGHEST_STARS = 1.0, 5.0


class BiasConfig(RecommenderConfig):
    """Settings of ``Bias``."""

    user_regularisation: float = Field(
        3.0,
        ge=0,
        description="Ratings of an average customer that are mixed into each customer's mean.",
    )
    item_regularisation: float = Field(
        5.0,
        ge=0,
        description="Ratings of an average product that are mixed into each product's mean.",
    )
    max_iterations: int = Field(
        200, ge=1, description="Alternations between customers and products, at most."
    )
    tolerance: float = Field(
        1e-6, gt=0, description="Stop when no bias moves by more than this many stars."
    )


class Bias(Recommender):
    """Predicts ``mu + b_u + b_i``, the ridge solution found by alternating damped means.

    Minimises ``sum (r - mu - b_u - b_i)^2 + reg_u sum b_u^2 + reg_i sum b_i^2`` with mu the mean
    of the training stars; the baseline of Koren, "Factor in the Neighbors" (TKDD 2010),
    section 2.1. An unknown user counts as average; an unknown item as its category, whose mean
    residual is shrunk like an item's. Strangers' lists are the fallback's.
    """

    name = "bias"
    Config = BiasConfig
    predicts = "stars"
    ranks_by = "predicted stars"
    config: BiasConfig

    _mean: float
    _user_bias: np.ndarray
    _item_bias: np.ndarray
    _category_bias: np.ndarray
    _category: np.ndarray

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """Both regularisations."""
        return {
            name: trial.suggest_float(name, 0.1, 100.0, log=True)
            for name in ("user_regularisation", "item_regularisation")
        }

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        rows = train.known()
        stars = rows.stars.astype(np.float64)
        self._mean = float(stars.mean())
        centred = stars - self._mean
        user_bias, item_bias = np.zeros(train.n_users), np.zeros(train.n_items)
        moved, iteration = np.inf, 0
        while moved > self.config.tolerance and iteration < self.config.max_iterations:
            iteration += 1
            before_user, before_item = user_bias, item_bias
            item_bias = _damped_mean(
                centred - user_bias[rows.users],
                rows.items,
                train.n_items,
                self.config.item_regularisation,
            )
            user_bias = _damped_mean(
                centred - item_bias[rows.items],
                rows.users,
                train.n_users,
                self.config.user_regularisation,
            )
            moved = float(
                max(
                    np.abs(item_bias - before_item).max(initial=0.0),
                    np.abs(user_bias - before_user).max(initial=0.0),
                )
            )
        category = train.item_categories.astype(np.int64)
        self._category_bias = _damped_mean(
            centred - user_bias[rows.users],
            category[rows.items],
            max(len(train.categories), int(category.max()) + 1),
            self.config.item_regularisation,
        ).astype(np.float32)
        self._category = category
        self._user_bias = user_bias.astype(np.float32)
        self._item_bias = item_bias.astype(np.float32)
        residual = centred - user_bias[rows.users] - item_bias[rows.items]
        self.fit_report = {
            "mean_stars": self._mean,
            "iterations": iteration,
            "converged": moved <= self.config.tolerance,
            "training_rmse": float(np.sqrt(np.mean(residual**2))),
        }

    @property
    def mean(self) -> float:
        """Mean of the training stars."""
        return self._mean

    @property
    def user_bias(self) -> np.ndarray:
        """float32 ``[n_users]``: stars above the mean."""
        return self._user_bias

    def product_bias(self, n: int) -> np.ndarray:
        """float32 ``[n]`` of the first n listed products; those not trained on have their
        category's.
        """
        of_category = self._category_bias[self._category[self.n_items : n]]
        return np.concatenate([self._item_bias, of_category])

    def _score(self, users: Tensor) -> Tensor:
        import torch

        of_user = torch.from_numpy(self._user_bias)[users.cpu()] + self._mean
        return of_user[:, None] + torch.from_numpy(self._item_bias)[None]

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stars, clipped to 1 to 5: float32 ``[n]`` for int codes ``[n]``, strangers included."""
        self._require_training()
        users, items = np.asarray(users), np.asarray(items)
        stars = np.full(len(users), self._mean, dtype=np.float64)
        known_user = self.is_known(users)
        stars[known_user] += self._user_bias[users[known_user]]
        known_item = (items >= 0) & (items < self.n_items)
        stars[known_item] += self._item_bias[items[known_item]]
        listed = ~known_item & (items >= 0) & (items < len(self._category))
        stars[listed] += self._category_bias[self._category[items[listed]]]
        return np.clip(stars, LOWEST_STARS, HIGHEST_STARS).astype(np.float32)

    def _state(self) -> dict[str, Tensor]:
        import torch

        return {
            "mean": torch.tensor([self._mean], dtype=torch.float64),
            "user_bias": torch.from_numpy(self._user_bias),
            "item_bias": torch.from_numpy(self._item_bias),
            "category_bias": torch.from_numpy(self._category_bias),
            "category": torch.from_numpy(self._category),
        }

    def _load_state(self, state: dict[str, Tensor]) -> None:
        self._mean = float(state["mean"][0])
        self._user_bias = state["user_bias"].numpy()
        self._item_bias = state["item_bias"].numpy()
        self._category_bias = state["category_bias"].numpy()
        self._category = state["category"].numpy()


def _damped_mean(
    values: np.ndarray, groups: np.ndarray, n_groups: int, damping: float
) -> np.ndarray:
    """Mean of each group with ``damping`` zeros mixed in; zero for an empty group."""
    total = np.bincount(groups, weights=values, minlength=n_groups)
    count = np.bincount(groups, minlength=n_groups) + damping
    return np.divide(total, count, out=np.zeros(n_groups), where=count > 0)
