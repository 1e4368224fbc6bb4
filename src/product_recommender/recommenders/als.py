"""Matrix factorisation of purchases by alternating least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import scipy.sparse
from pydantic import Field, model_validator

from product_recommender.interactions import Interactions
from product_recommender.recommenders.item_to_item import (
    WeightedHistoryConfig,
    WeightedHistoryRecommender,
    suggest_history_weights,
)
from product_recommender.recommenders.least_squares import solve_rows

if TYPE_CHECKING:
    import optuna
    from torch import Tensor


class ALSConfig(WeightedHistoryConfig):
    """Settings of ``ALS``."""

    factors: int = Field(64, ge=1, le=1024, description="Length of a customer's and item's vector.")
    unobserved_weight: float = Field(
        0.1,
        gt=0,
        le=10,
        description="How much it counts, against 1 for a purchase, that a score of any pair, "
        "bought or not, differs from 0.",
    )
    regularisation: float = Field(
        0.005, gt=0, description="Ridge penalty on the vectors, before it is scaled."
    )
    regularisation_exponent: float = Field(
        1.0,
        ge=0,
        le=1,
        description="The penalty of a customer with n purchases is multiplied by (n + "
        "unobserved_weight * items) to this power, and an item's likewise. 0: the same for all, "
        "as in the implicit package.",
    )
    epochs: int = Field(12, ge=1, le=500, description="Rounds of solving customers, then items.")
    initial_scale: float = Field(
        0.1, gt=0, description="Standard deviation of a vector's length at the start."
    )
    solver: Literal["exact", "implicit"] = Field(
        "exact",
        description="exact: each vector by a Cholesky factorisation; implicit: the conjugate "
        "gradients of the implicit package, fast where factors are many, with one penalty for all.",
    )

    @model_validator(mode="after")
    def _one_penalty_for_all_in_implicit(self) -> Self:
        if self.solver == "implicit" and self.regularisation_exponent != 0:
            raise ValueError(
                "the implicit package has one penalty for all: set regularisation_exponent to 0, "
                "or solver to exact"
            )
        return self


class ALS(WeightedHistoryRecommender):
    """Scores by the product of two short vectors, the customer's found from their history.

    Minimises ``sum_bought (1 - p_u.q_i)^2 + a sum_all (p_u.q_i)^2 + sum_u l_u |p_u|^2 +
    sum_i l_i |q_i|^2`` by solving for all customers, then for all items, and so on (Hu et al. 2008,
    "Collaborative Filtering for Implicit Feedback Datasets"), with the penalties
    ``l_u = l (n_u + a items)^v`` of Rendle et al. (2022, "Revisiting the Performance of iALS on
    Item Recommendation Benchmarks").

    Only the items' vectors are kept. A customer's vector is solved from their history when they
    ask, so it exists for anyone with one purchase.
    """

    name = "als"
    Config = ALSConfig
    ranks_by = "product of factors, fitted to purchases"
    config: ALSConfig

    _items: np.ndarray
    _gram: np.ndarray

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """Factors, weights, rounds, and how a history counts."""
        return {
            "factors": trial.suggest_categorical("factors", [16, 32, 64, 128]),
            "unobserved_weight": trial.suggest_float("unobserved_weight", 0.003, 1.0, log=True),
            "regularisation": trial.suggest_float("regularisation", 1e-3, 0.2, log=True),
            "epochs": trial.suggest_int("epochs", 4, 24),
        } | suggest_history_weights(trial)

    def _learn(self, train: Interactions) -> None:
        matrix = train.matrix()
        solve = self._alternate if self.config.solver == "exact" else self._with_implicit
        self._keep(solve(matrix))
        self.fit_report = {
            "purchases": len(train),
            "epochs": self.config.epochs,
            "solver": self.config.solver,
        }

    def _keep(self, items: np.ndarray) -> None:
        self._items = np.ascontiguousarray(items, dtype=np.float32)
        self._gram = self._items.T @ self._items

    def _penalty(self, purchases: np.ndarray, others: int) -> np.ndarray:
        """float32 ``[n]`` from the purchases of each customer (item) and the number of items."""
        config = self.config
        count = purchases + config.unobserved_weight * others
        penalty = config.regularisation * count**config.regularisation_exponent
        return np.asarray(penalty, dtype=np.float32)

    def _alternate(self, matrix: scipy.sparse.csr_matrix) -> np.ndarray:
        """Item vectors by exact alternating least squares: float32 ``[n_items, factors]``."""
        config = self.config
        n_users, n_items = matrix.shape
        rng = np.random.default_rng(config.seed)
        scale = config.initial_scale / np.sqrt(config.factors)
        items = (scale * rng.normal(size=(n_items, config.factors))).astype(np.float32)
        by_item = matrix.T.tocsr()
        by_item.sort_indices()
        user_penalty = self._penalty(np.diff(matrix.indptr), n_items)
        item_penalty = self._penalty(np.diff(by_item.indptr), n_users)
        weight = np.float32(config.unobserved_weight)
        for _ in range(config.epochs):
            users = solve_rows(matrix, items, weight * (items.T @ items), user_penalty)
            items = solve_rows(by_item, users, weight * (users.T @ users), item_penalty)
        return items

    def _with_implicit(self, matrix: scipy.sparse.csr_matrix) -> np.ndarray:
        """The same by the implicit package, in its own variables: see ``implicit_settings``."""
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        confidence, penalty, factor = implicit_settings(
            self.config.unobserved_weight, self.config.regularisation
        )
        with threadpool_limits(limits=1, user_api="blas"):  # it has threads of its own
            model = AlternatingLeastSquares(
                factors=self.config.factors,
                regularization=penalty,
                alpha=confidence,
                iterations=self.config.epochs,
                random_state=self.config.seed,
            )
            model.fit(matrix, show_progress=False)
        items: np.ndarray = model.item_factors * np.float32(factor)
        return items

    def _answer(self, weights: scipy.sparse.csr_matrix) -> np.ndarray:
        penalty = self._penalty(np.diff(weights.indptr), self.n_items)
        weight = np.float32(self.config.unobserved_weight)
        users = solve_rows(weights, self._items, weight * self._gram, penalty)
        scores: np.ndarray = users @ self._items.T
        return scores

    def _learnt(self) -> dict[str, Tensor]:
        import torch

        return {"items": torch.from_numpy(self._items)}

    def _load_learnt(self, state: dict[str, Tensor]) -> None:
        self._keep(state["items"].numpy())


def implicit_settings(
    unobserved_weight: float, regularisation: float
) -> tuple[float, float, float]:
    """What the implicit package must be told to minimise the same thing.

    It minimises ``sum_bought c (1 - s)^2 + sum_others s^2 + l |p|^2 + l |q|^2``. With
    ``c = 1 + 1 / a`` and ``l`` of ours times ``(1 + a) / a`` its solution is ours, all vectors
    longer by ``sqrt(1 + a)``.

    Parameters
    ----------
    unobserved_weight
        a, above zero.
    regularisation
        Ours, the same for all.

    Returns
    -------
    confidence, penalty, factor : float
        ``alpha`` and ``regularization`` of the package; what its vectors are multiplied by.
    """
    a = unobserved_weight
    return 1.0 + 1.0 / a, regularisation * (1.0 + a) / a, float((1.0 + a) ** -0.5)
