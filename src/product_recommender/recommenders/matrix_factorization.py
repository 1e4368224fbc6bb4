"""Matrix factorization of the stars, with biases, L2 and dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.bias import Bias, BiasConfig
from product_recommender.recommenders.training import TrainingConfig, choose_device, seeded

if TYPE_CHECKING:
    import scipy.sparse
    from torch import Tensor

LOADING_RIDGE = 200
"""Purchases' worth of doubt that stars follow the tastes which purchases show."""

PAIRS_AT_ONCE = 1 << 20
"""Pairs that ``predict`` holds at once."""


class StarBiasConfig(RecommenderConfig):
    """Settings of models that start from damped user and item biases."""

    user_regularisation: float = Field(
        BiasConfig.model_fields["user_regularisation"].default,
        ge=0,
        description="Ratings of an average customer mixed into each customer's bias.",
    )
    item_regularisation: float = Field(
        BiasConfig.model_fields["item_regularisation"].default,
        ge=0,
        description="Ratings of an average product mixed into each product's bias.",
    )


class MatrixFactorizationConfig(StarBiasConfig):
    """Settings of ``MatrixFactorization``."""

    factors: int = Field(8, ge=1, le=1024, description="Length of the embeddings.")
    purchase_factors: int = Field(
        2,
        ge=0,
        description="How many of the factors start at the tastes that purchases show instead of "
        "at random.",
    )
    l2: float = Field(
        0.12, ge=0, description="Weight of what a pair's embeddings and biases move, squared."
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of the factors left out at a time.")
    training: TrainingConfig = Field(
        TrainingConfig(epochs=60, batch_size=1024, learning_rate=0.005, patience=5),
        description="The training loop.",
    )


def star_biases(
    train: Interactions, config: StarBiasConfig
) -> tuple[float, np.ndarray, np.ndarray]:
    """What the ``bias`` model knows, as tables with a last row for whoever was never seen.

    Parameters
    ----------
    train
        Training purchases.
    config
        The two regularisations.

    Returns
    -------
    mean : float
        Mean of the stars.
    user_biases : numpy.ndarray
        float32 ``[n_users + 1]``, the last one zero.
    item_biases : numpy.ndarray
        float32 ``[n_items_listed + 1]``: listed products without a purchase have the bias of their
        category; the last one is zero.
    """
    bias = Bias(
        BiasConfig(
            user_regularisation=config.user_regularisation,
            item_regularisation=config.item_regularisation,
        )
    ).fit(train)
    state = {key: value.numpy() for key, value in bias._state().items()}
    listed = state["category_bias"][state["category"]]
    listed[: train.n_items] = state["item_bias"]
    tables = (state["user_bias"], listed)
    users, items = (np.append(table, 0.0).astype(np.float32) for table in tables)
    return float(state["mean"][0]), users, items


def purchase_tastes(train: Interactions, factors: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of users and items from who bought what, popularity and activity divided out.

    The singular vectors of ``D_u^-1/2 A D_i^-1/2``, without the first one, which is popularity
    itself: correspondence analysis of the purchases.

    Parameters
    ----------
    train
        Training purchases.
    factors
        Length of the vectors, at most; small worlds have fewer.
    seed
        Seeds the start of the iteration.

    Returns
    -------
    users, items : numpy.ndarray
        float64 ``[n_users, f]`` and ``[n_items, f]``, ``f <= factors``, mean square 1; ``f`` may
        be 0.
    """
    factors = min(factors, min(train.n_users, train.n_items) - 2)
    if factors < 1:
        return np.zeros((train.n_users, 0)), np.zeros((train.n_items, 0))
    left, _, right = purchase_directions(train, factors + 1, seed)
    counts = _purchase_counts(train.matrix())
    tables = (
        side[:, 1:] / np.sqrt(n)[:, None] for side, n in zip((left, right), counts, strict=True)
    )
    users, items = (t / max(float(np.sqrt(np.mean(t**2))), 1e-12) for t in tables)
    return users, items


def purchase_directions(
    train: Interactions, n_directions: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The leading singular vectors of ``D_u^-1/2 A D_i^-1/2``, who bought what.

    ``D`` holds the number of purchases of each customer or product, plus one.

    Parameters
    ----------
    train
        Training purchases.
    n_directions
        How many, at most; small worlds have fewer.
    seed
        Seeds the start of the iteration.

    Returns
    -------
    left, values, right : numpy.ndarray
        float64 ``[n_users, f]``, ``[f]`` (falling) and ``[n_items, f]``; ``f`` may be 0.
    """
    import scipy.sparse
    from scipy.sparse.linalg import svds

    matrix = train.matrix().astype(np.float64)
    n_directions = min(n_directions, min(matrix.shape) - 1)
    if n_directions < 1:
        return np.zeros((train.n_users, 0)), np.zeros(0), np.zeros((train.n_items, 0))
    by_user, by_item = (1 / np.sqrt(counts) for counts in _purchase_counts(matrix))
    scaled = scipy.sparse.diags(by_user) @ matrix @ scipy.sparse.diags(by_item)
    start = np.random.default_rng(seed).normal(size=min(matrix.shape))
    left, values, right = svds(scaled, k=n_directions, v0=start)
    order = np.argsort(-values)
    return left[:, order], values[order], right[order].T


def _purchase_counts(matrix: scipy.sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Purchases of each user and of each item, plus one."""
    by_user, by_item = (np.asarray(matrix.sum(axis=axis)).ravel() + 1.0 for axis in (1, 0))
    return by_user, by_item


def star_loadings(
    tastes: tuple[np.ndarray, np.ndarray], rows: Interactions, residuals: np.ndarray
) -> np.ndarray:
    """Turn item tastes into star factors: ``q_i = M v_i`` with one ridge-fitted matrix ``M``.

    Parameters
    ----------
    tastes
        User and item vectors, float64 ``[n_users, f]`` and ``[n_items, f]``.
    rows
        Known purchases.
    residuals
        float ``[n]``: their stars without mean and biases.

    Returns
    -------
    numpy.ndarray
        float64 ``[n_items, f]``.
    """
    users, items = tastes
    factors = users.shape[1]
    if factors == 0:
        return items
    gram, moment = np.zeros((factors**2, factors**2)), np.zeros(factors**2)
    block = max(1, PAIRS_AT_ONCE // max(factors**2, 1))
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        products = users[rows.users[part]][:, :, None] * items[rows.items[part]][:, None, :]
        products = products.reshape(-1, factors**2)
        gram += products.T @ products
        moment += products.T @ residuals[part]
    ridge = LOADING_RIDGE * max(float(np.trace(gram)) / max(len(rows) * factors**2, 1), 1e-12)
    loading = np.linalg.solve(gram + ridge * np.eye(factors**2), moment)
    return items @ loading.reshape(factors, factors).T


class MatrixFactorization(Recommender):
    """Biased matrix factorization trained on the squared error of the stars.

    Biases start at those of the ``bias`` model. The first ``purchase_factors`` of the embeddings
    start at the tastes that the purchases show, with the one linear map from tastes to stars that
    fits best: a dozen noisy ratings may be too few to find a taste, but what somebody bought is
    known without noise (the idea of SVD++). The others start near zero. L2 pulls to the start (of
    random factors: to zero), and early stopping on the RMSE of the `tune` customers keeps the best
    epoch, the start included.

    Notes
    -----
    Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems, 2009. Koren:
    Factorization Meets the Neighborhood, KDD 2008 (SVD++).
    """

    name: ClassVar[str] = "matrix_factorization"
    Config: ClassVar[type[RecommenderConfig]] = MatrixFactorizationConfig
    predicts: ClassVar[Literal["stars", "purchase"] | None] = "stars"
    ranks_by: ClassVar[str] = "predicted stars"
    config: MatrixFactorizationConfig

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Overrides of the settings that one Optuna trial tries."""
        return {
            "factors": trial.suggest_int("factors", 2, 32, log=True),
            "purchase_factors": trial.suggest_int("purchase_factors", 0, 4),
            "l2": trial.suggest_float("l2", 0.02, 2.0, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.5),
            "user_regularisation": trial.suggest_float("user_regularisation", 1.0, 40.0, log=True),
            "item_regularisation": trial.suggest_float("item_regularisation", 1.0, 40.0, log=True),
            "training": {
                "learning_rate": trial.suggest_float("learning_rate", 0.002, 0.03, log=True)
            },
        }

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        import torch

        from product_recommender.recommenders.networks import Factors
        from product_recommender.recommenders.training import train_network

        config = self.config
        device = choose_device(config.training)
        rows = train.known()
        mean, user_bias, item_bias = star_biases(train, config)
        self._listed_bias = torch.from_numpy(item_bias).to(device)
        tables = [user_bias[: train.n_users], item_bias[: train.n_items]]
        with seeded(config.seed):
            user_start, item_start = (torch.from_numpy(table) for table in tables)
            network = Factors(user_start, item_start, mean, config.factors, config.dropout)
        if config.purchase_factors:
            n_tastes = min(config.factors, config.purchase_factors)
            tastes = purchase_tastes(train, n_tastes, config.seed)
            residuals = rows.stars - mean - tables[0][rows.users] - tables[1][rows.items]
            network.start_from(tastes[0], star_loadings(tastes, rows, residuals))
        network = network.to(device)
        columns = [
            torch.from_numpy(rows.users.astype(np.int64)).to(device),
            torch.from_numpy(rows.items.astype(np.int64)).to(device),
            torch.from_numpy(rows.stars.astype(np.float32)).to(device),
        ]

        def batch_loss(users: Tensor, items: Tensor, stars: Tensor, generator: Any) -> Tensor:
            predicted, penalty = network(users, items)
            return torch.nn.functional.mse_loss(predicted, stars) + config.l2 * penalty.mean()

        # Strangers too: their stars move with the biases of the other side.
        held_out = validation if validation is not None else train.take(np.arange(0))
        targets = torch.from_numpy(held_out.stars.astype(np.float32)).to(device)

        def validate() -> float:
            self._keep(network.state_dict())
            error = self._stars(held_out.users, held_out.items) - targets
            return float((error * error).mean().sqrt())

        self.fit_report = train_network(
            network,
            columns,
            batch_loss,
            config.training,
            name=self.name,
            seed=config.seed,
            validate=validate if len(held_out) else None,
            goal="min",
        )
        self.fit_report["validated_on"] = f"RMSE of {len(held_out)} purchases"
        self._keep(network.state_dict())

    def _keep(self, weights: dict[str, Tensor]) -> None:
        """Keep the tables with one row more: zeros, for whoever was never seen."""
        from torch.nn.functional import pad

        self._mean = float(weights["mean"])
        self._user_factors = pad(weights["user_factors"].detach(), (0, 0, 0, 1))
        self._item_factors = pad(weights["item_factors"].detach(), (0, 0, 0, 1))
        self._user_bias = pad(weights["user_bias"].detach(), (0, 1))
        # Listed products without a purchase keep the bias of their category.
        self._item_bias = self._listed_bias.clone()
        self._item_bias[: self.n_items] = weights["item_bias"].detach()

    def _score(self, users: Tensor) -> Tensor:
        users = users.to(self._user_bias.device)
        scores = self._user_factors[users] @ self._item_factors[:-1].T
        return scores.add_(self._item_bias[: self.n_items] + self._mean).add_(
            self._user_bias[users, None]
        )

    def _stars(self, users: np.ndarray, items: np.ndarray) -> Tensor:
        import torch

        device = self._user_bias.device
        u = torch.from_numpy(known_codes(users, self.n_users)).to(device)
        i = torch.from_numpy(known_codes(items, self.n_items)).to(device)
        listed = torch.from_numpy(known_codes(items, len(self._item_bias) - 1)).to(device)
        interaction = (self._user_factors[u] * self._item_factors[i]).sum(dim=1)
        stars = self._mean + self._user_bias[u] + self._item_bias[listed] + interaction
        return stars.clamp_(1.0, 5.0)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stars, 1 to 5. A stranger has no bias and no taste: the mean and the other side stay.

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
            "mean": torch.tensor(self._mean),
            "user_factors": self._user_factors[:-1],
            "item_factors": self._item_factors[:-1],
            "user_bias": self._user_bias[:-1],
            "item_bias": self._item_bias,
        }

    def _load_state(self, state: dict[str, Tensor]) -> None:
        device = choose_device(self.config.training, to_answer=True)
        weights = {key: value.to(device) for key, value in state.items()}
        self._listed_bias = weights["item_bias"]
        self._keep(weights | {"item_bias": self._listed_bias[: self.n_items]})


def known_codes(codes: np.ndarray, n: int) -> np.ndarray:
    """int64 codes with every stranger (negative, or ``n`` and above) mapped to ``n``."""
    codes = np.asarray(codes, dtype=np.int64)
    return np.where((codes < 0) | (codes >= n), n, codes)


def predict_in_blocks(answer: Any, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Answer aligned pairs a block at a time.

    Parameters
    ----------
    answer
        ``answer(users, items)`` returns a float32 tensor ``[b]``.
    users, items
        int ``[n]``.

    Returns
    -------
    numpy.ndarray
        float32 ``[n]``.
    """
    import torch

    users, items = np.asarray(users), np.asarray(items)
    if users.shape != items.shape:
        raise ValueError(f"users {users.shape} and items {items.shape} are not aligned")
    result = np.empty(len(users), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(users), PAIRS_AT_ONCE):
            block = slice(start, start + PAIRS_AT_ONCE)
            result[block] = answer(users[block], items[block]).cpu().numpy()
    return result
