"""Bayesian matrix factorization of the stars: the average over many plausible factorizations."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.bias import HIGHEST_STARS, LOWEST_STARS
from product_recommender.recommenders.matrix_factorization import (
    known_codes,
    predict_in_blocks,
    purchase_directions,
)
from product_recommender.recommenders.training import (
    TrainingConfig,
    TrainingDivergedError,
    choose_device,
    threads_for,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from product_recommender.recommenders.gibbs import RatingBlock, VectorPrior


START_DEVIATION = 0.1
"""Of the first vectors: small, so that the chain grows structure instead of unlearning noise."""


LEAST_SHARE = 0.01
"""Share of the variance of the stars that the biases of a side have at least, to start with."""


LEAST_VARIANCE = 0.01
"""Of the stars, to start with, in squared stars: everybody may have given the same."""


class BayesianMFConfig(RecommenderConfig):
    """Settings of ``BayesianMF``."""

    factors: int = Field(12, ge=1, le=256, description="Length of the vectors in each draw.")
    purchase_features: int = Field(
        32,
        ge=0,
        le=1024,
        description="Directions of who bought what that move the prior of customers and products; "
        "0 looks at the stars alone.",
    )
    burn_in: int = Field(
        12, ge=0, le=10_000, description="First sweeps, which are not averaged over."
    )
    sweeps: int = Field(60, ge=1, le=100_000, description="Sweeps that are averaged over.")
    prior_variance: float = Field(
        0.05,
        gt=0,
        description="Variance of each factor that is expected before any rating is seen.",
    )
    rank: int = Field(
        32, ge=1, le=4096, description="Length of the vectors that keep the average of all draws."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where to compute; auto takes CUDA where there is one."
    )


class BayesianMF(Recommender):
    """``stars = mean + b_u + b_i + p_u . q_i``, averaged over the posterior by Gibbs sampling.

    Bias and factors of a customer are one vector with a normal prior, those of a product another.
    The priors' means depend on what customers bought and who bought the products, whatever they
    rated (the idea of SVD++ and of its mirror image), and on the products' categories. Priors,
    noise and vectors are drawn in turn; nothing needs to be tuned for the model to be well
    regularised, and a customer with one rating moves as little as one rating allows.

    The average of all draws is kept as one factorization of length ``rank``: answering costs what
    it costs for any matrix factorization. Strangers are average customers; a product without a
    purchase is an average product of its category.

    Notes
    -----
    The parts and their sources are in ``gibbs.py``. Rendle, Zhang, Koren: On the Difficulty of
    Evaluating Baselines (2019) found Gibbs-sampled matrix factorization ahead of a decade of newer
    rating models.
    """

    name: ClassVar[str] = "bayesian_mf"
    Config: ClassVar[type[RecommenderConfig]] = BayesianMFConfig
    predicts: ClassVar[Literal["stars", "purchase"] | None] = "stars"
    ranks_by: ClassVar[str] = "predicted stars"
    config: BayesianMFConfig

    _mean: float
    _user_vectors: Tensor
    _item_vectors: Tensor
    _user_bias: Tensor
    _item_bias: Tensor

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Overrides of the settings that one Optuna trial tries."""
        return {
            "factors": trial.suggest_int("factors", 2, 32, log=True),
            "purchase_features": trial.suggest_categorical("purchase_features", [0, 8, 32, 64]),
            "prior_variance": trial.suggest_float("prior_variance", 0.001, 0.3, log=True),
        }

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        import torch

        config = self.config
        started = time.perf_counter()
        device = choose_device(TrainingConfig(device=config.device))
        rows = train.known()
        deviations: list[float] = []
        with threads_for(len(rows)), torch.inference_mode():
            chain = _Chain(train, rows, config, device)
            for _ in range(config.burn_in + config.sweeps):
                deviations.append(self._swept(chain, len(deviations) + 1))
                if len(deviations) > config.burn_in:
                    chain.collect()
            self._keep(chain.averages())
        self.fit_report = {
            "sweeps": len(deviations),
            "training_rmse": deviations,
            "noise": chain.noise_precision**-0.5,
            "mean_stars": self._mean,
            "lost_by_compression": chain.product.lost,
            "seconds": round(time.perf_counter() - started, 3),
            "device": str(device),
        }

    def _swept(self, chain: _Chain, number: int) -> float:
        import torch

        try:
            deviation = chain.sweep()
        except (torch.linalg.LinAlgError, np.linalg.LinAlgError):
            deviation = math.nan
        if not math.isfinite(deviation):
            raise TrainingDivergedError(
                f"{self.name}: the error on the training stars became {deviation} in sweep "
                f"{number} with prior_variance {self.config.prior_variance:g}. Look for stars that "
                "are no numbers; else lower prior_variance or factors."
            )
        return deviation

    def _keep(self, averages: dict[str, Tensor]) -> None:
        self._mean = float(averages["mean"][0])
        self._user_vectors = averages["user_vectors"]
        self._item_vectors = averages["item_vectors"]
        self._user_bias = averages["user_bias"]
        self._item_bias = averages["item_bias"]

    def _score(self, users: Tensor) -> Tensor:
        users = users.to(self._user_bias.device)
        scores = self._user_vectors[users] @ self._item_vectors[: self.n_items].T
        return scores.add_(self._item_bias[: self.n_items] + self._mean).add_(
            self._user_bias[users, None]
        )

    def _stars(self, users: np.ndarray, items: np.ndarray) -> Tensor:
        import torch

        device = self._user_bias.device
        u = torch.from_numpy(known_codes(users, self.n_users)).to(device)
        i = torch.from_numpy(known_codes(items, len(self._item_bias) - 1)).to(device)
        stars = (self._user_vectors[u] * self._item_vectors[i]).sum(dim=1)
        stars = stars + self._user_bias[u] + self._item_bias[i] + self._mean
        return stars.clamp_(LOWEST_STARS, HIGHEST_STARS)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stars, 1 to 5, strangers included.

        Parameters
        ----------
        users, items
            int ``[n]`` codes.

        Returns
        -------
        numpy.ndarray
            float32 ``[n]``.
        """
        self._require_training()
        return predict_in_blocks(self._stars, users, items)

    def _state(self) -> dict[str, Tensor]:
        import torch

        return {
            "mean": torch.tensor([self._mean], dtype=torch.float64),
            "user_vectors": self._user_vectors,
            "item_vectors": self._item_vectors,
            "user_bias": self._user_bias,
            "item_bias": self._item_bias,
        }

    def _load_state(self, state: dict[str, Tensor]) -> None:
        device = choose_device(TrainingConfig(device=self.config.device), to_answer=True)
        self._keep({key: value.to(device) for key, value in state.items()})


class _Side:
    """Customers or products: their ratings, prior and current vectors; the bias comes last."""

    def __init__(self, blocks: list[RatingBlock], prior: VectorPrior, strangers: Tensor) -> None:
        import torch

        self.blocks, self.prior = blocks, prior
        self._strangers = strangers
        n, length = len(prior.features), len(prior.mean)
        self.vectors = torch.zeros(n, length, device=strangers.device)
        self.bias_sum = torch.zeros(n + len(strangers), device=strangers.device)

    def draw(self, other: _Side, noise_precision: float, generator: torch.Generator) -> None:
        """One draw of the vectors given the other side's, then of the prior given these."""
        from torch.nn.functional import pad

        from product_recommender.recommenders.gibbs import draw_vectors

        design = other.vectors.clone()
        design[:, -1] = 1.0  # what this side's bias is multiplied with
        self.vectors = draw_vectors(
            self.blocks,
            pad(design, (0, 0, 0, 1)),
            pad(other.vectors[:, -1], (0, 1)),
            self.prior.means(self.prior.features),
            self.prior.precision_tensor(self.vectors),
            noise_precision,
            generator,
        )
        # After the vectors, not before: the first vectors are arbitrary, and a prior learnt from
        # them would have to be unlearnt, which takes hundreds of sweeps where ratings are few.
        self.prior.draw(self.vectors)

    def everyone(self) -> Tensor:
        """Vectors of this draw, followed by the prior means of those without a rating."""
        import torch

        return torch.cat([self.vectors, self.prior.means(self._strangers)])


class _Chain:
    """The state of the Gibbs sampler and the averages over its draws."""

    def __init__(
        self,
        train: Interactions,
        rows: Interactions,
        config: BayesianMFConfig,
        device: torch.device,
    ) -> None:
        import torch

        from product_recommender.recommenders.gibbs import (
            MeanProduct,
            VectorPrior,
            rating_blocks,
            shared_variance,
        )

        self._rng = np.random.default_rng(config.seed)
        self._generator = torch.Generator(device=device).manual_seed(config.seed)
        length = config.factors + 1
        self._mean = float(rows.stars.astype(np.float64).mean())
        centred = rows.stars - np.float32(self._mean)
        sizes = (train.n_users, train.n_items)
        codes = (rows.users, rows.items)
        tables = _side_features(train, config.purchase_features, config.seed)
        variance = max(float(np.mean(centred.astype(np.float64) ** 2)), LEAST_VARIANCE)
        noise_variance = variance
        self._sides: list[_Side] = []
        for own, other in ((0, 1), (1, 0)):
            blocks = rating_blocks(
                codes[own], codes[other], centred, sizes[own], sizes[other], length, device
            )
            # A chain that starts far from the right spread of the biases takes hundreds of sweeps
            # to find it where few customers have two ratings.
            shared = shared_variance(centred, codes[own], sizes[own])
            bias_variance = min(max(shared, LEAST_SHARE * variance), 0.5 * variance)
            noise_variance -= 0.5 * bias_variance
            expected = np.append(np.full(config.factors, config.prior_variance), bias_variance)
            features = torch.from_numpy(tables[own]).to(device)
            known, strangers = features[: sizes[own]], features[sizes[own] :]
            self._sides.append(_Side(blocks, VectorPrior(known, expected, self._rng), strangers))
        self.noise_precision = 1.0 / noise_variance
        for side in self._sides:
            start = torch.randn(side.vectors.shape, generator=self._generator, device=device)
            side.vectors = START_DEVIATION * start
            side.vectors[:, -1] = 0.0
        self._pairs = tuple(torch.from_numpy(c.astype(np.int64)).to(device) for c in codes)
        self._stars = torch.from_numpy(centred).to(device)
        self.product = MeanProduct(config.rank)
        self._collected = 0

    def sweep(self) -> float:
        """Draw everything once; return the RMSE of this draw on the training stars."""
        users, items = self._sides
        users.draw(items, self.noise_precision, self._generator)
        items.draw(users, self.noise_precision, self._generator)
        squares = self._squared_error()
        n = len(self._stars)
        if math.isfinite(squares):
            self.noise_precision = self._rng.gamma(1 + n / 2) / (1 + squares / 2)
        return math.sqrt(squares / n)

    def _squared_error(self) -> float:
        users, items = (side.vectors for side in self._sides)
        total, block = 0.0, 1 << 18
        for start in range(0, len(self._stars), block):
            part = slice(start, start + block)
            u, i = users[self._pairs[0][part]], items[self._pairs[1][part]]
            predicted = (u[:, :-1] * i[:, :-1]).sum(dim=1) + u[:, -1] + i[:, -1]
            total += float(((self._stars[part] - predicted) ** 2).sum())
        return total

    def collect(self) -> None:
        """Count the present draw into the averages."""
        users, items = (side.everyone() for side in self._sides)
        self.product.add(users[:, :-1], items[:, :-1])
        for side, vectors in zip(self._sides, (users, items), strict=True):
            side.bias_sum += vectors[:, -1]
        self._collected += 1

    def averages(self) -> dict[str, Tensor]:
        """What the model keeps; the last row of each table is for whoever was never seen."""
        import torch

        users, items = self.product.tables()
        return {
            "mean": torch.tensor([self._mean], dtype=torch.float64),
            "user_vectors": users,
            "item_vectors": items,
            "user_bias": self._sides[0].bias_sum / self._collected,
            "item_bias": self._sides[1].bias_sum / self._collected,
        }


def _side_features(
    train: Interactions, n_directions: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """What moves the prior means; centred on the known rows, so zero is an average one.

    Returns
    -------
    users : numpy.ndarray
        float32 ``[n_users + 1, f]``.
    items : numpy.ndarray
        float32 ``[n_items_listed + 1, g]``: the same and, where there are several, the categories.
    """
    left, values, right = purchase_directions(train, n_directions, seed)
    users, items = (_centred_and_scaled(side * values) for side in (left, right))
    users = np.pad(users, ((0, 1), (0, 0)))
    items = np.pad(items, ((0, train.n_items_listed + 1 - train.n_items), (0, 0)))
    if len(train.categories) > 1:
        one_hot = np.zeros((train.n_items_listed + 1, len(train.categories)))
        one_hot[np.arange(train.n_items_listed), train.item_categories] = 1.0
        one_hot[:-1] -= one_hot[: train.n_items].mean(axis=0)
        items = np.hstack([items, one_hot])
    return users.astype(np.float32), items.astype(np.float32)


def _centred_and_scaled(table: np.ndarray) -> np.ndarray:
    """Column means zero, mean squared length of a row one."""
    centred = table - table.mean(axis=0)
    return centred / max(float(np.sqrt(np.mean(np.sum(centred**2, axis=1)))), 1e-12)
