"""The planted truth as a model: the best that any recommender can do on a generated world."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.top_k import Cells, Request

from .planted import column, column_matrix, settings_of
from .preferences import Preferences, world_calendar

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor


class PlantedOracle:
    """Answers from the planted tastes, qualities and life cycles by customer and product id.

    Parameters
    ----------
    customers
        ``planted_customers``.
    products
        ``planted_products``.
    world
        ``planted_world``.

    Examples
    --------
    >>> oracle = PlantedOracle(
    ...     catalog.load("planted_customers").to_pyarrow(),
    ...     catalog.load("planted_products").to_pyarrow(),
    ...     catalog.load("planted_world"),
    ... )  # doctest: +SKIP
    """

    def __init__(self, customers: pa.Table, products: pa.Table, world: Mapping[str, Any]) -> None:
        settings = settings_of(world)
        self.settings = settings
        self.thresholds = np.array(world["thresholds"], dtype=np.float64)
        self._vine = (settings.vine_share, float(world["vine_shift"]))
        self._customer_rows = _row_of(column(customers, "customer_id"))
        self._product_rows = _row_of(column(products, "product_id"))
        code = {name: number for number, name in enumerate(settings.categories)}
        categories = np.array([code[name] for name in products["category"].to_pylist()])
        self.preferences = Preferences.build(
            settings,
            tastes=column_matrix(customers, "taste"),
            affinities=column_matrix(customers, "affinity"),
            leniency=column(customers, "leniency"),
            noise=column(customers, "noise"),
            price_preference=column(customers, "price_preference"),
            styles=column_matrix(products, "style"),
            quality=column(products, "quality"),
            price_level=column(products, "price_level"),
            categories=categories,
            log_popularity=column(products, "log_popularity"),
            launch_day=column(products, "launch_day"),
            peak_age=column(products, "peak_age"),
            months=world_calendar(settings).months,
        )

    def customer_rows(self, customer_ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """Row numbers of customers, int64 ``[n]``; KeyError names the first unknown one."""
        return _rows(self._customer_rows, customer_ids, "customer")

    def product_rows(self, product_ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """Row numbers of products, int64 ``[m]``; KeyError names the first unknown one."""
        return _rows(self._product_rows, product_ids, "product")

    def expected_stars(
        self, customer_ids: Sequence[str] | np.ndarray, product_ids: Sequence[str] | np.ndarray
    ) -> np.ndarray:
        """Expected stars of each pair, before the noise of the single review.

        Parameters
        ----------
        customer_ids, product_ids
            Aligned, length n.

        Returns
        -------
        numpy.ndarray
            float32 ``[n]``, between 1 and 5. No prediction has a smaller expected squared error.

        Raises
        ------
        KeyError
            If an id was not planted.
        """
        rows, columns = self.customer_rows(customer_ids), self.product_rows(product_ids)
        return expected_stars(
            self.preferences.star_means(rows, columns),
            self.preferences.noise[rows],
            self.thresholds,
            self._vine,
        )

    def purchase_scores(
        self,
        customer_ids: Sequence[str] | np.ndarray,
        product_ids: Sequence[str] | np.ndarray,
        day: datetime.date,
    ) -> np.ndarray:
        """Probability that a customer's next purchase on a day is a product.

        What the customer owns already is not taken out: the caller leaves it out of the ranking.

        Parameters
        ----------
        customer_ids
            Length b.
        product_ids
            Length m.
        day
            The day; life cycles and seasons are as of then.

        Returns
        -------
        numpy.ndarray
            float32 ``[b, m]``; rows sum to one over the whole catalogue, 0 where not yet on sale.

        Raises
        ------
        KeyError
            If an id was not planted.
        """
        rows, columns = self.customer_rows(customer_ids), self.product_rows(product_ids)
        weights = self.product_weights(day)
        vectors = self.preferences.product_vectors
        return purchase_probabilities(
            self.preferences.customer_vectors[rows], vectors, weights
        ).take(columns, axis=1)

    def product_weights(self, day: datetime.date) -> np.ndarray:
        """What every planted product sells to everybody on a day, float64 ``[products]``."""
        return self.preferences.product_weights((day - self.settings.first_day).days)


class OracleConfig(RecommenderConfig):
    """Settings of ``OracleRecommender``: it has none of its own."""


class OracleRecommender(Recommender):
    """``PlantedOracle`` behind the interface of every other model, for the benchmarks.

    It knows every customer and product that has an id, also those without training purchases: no
    fallback, and products first sold after training are ranked like any other.

    Build it with ``from_oracle``, then ``fit`` it: fitting learns nothing but what to leave out.
    """

    name = "oracle"
    Config = OracleConfig
    predicts = "stars"
    ranks_by = "planted purchase probability"

    _arrays: dict[str, np.ndarray]

    @classmethod
    def from_oracle(
        cls,
        oracle: PlantedOracle,
        customer_ids: Sequence[str] | np.ndarray,
        product_ids: Sequence[str] | np.ndarray,
        day: datetime.date,
        config: OracleConfig | None = None,
    ) -> Self:
        """The oracle in codes.

        Parameters
        ----------
        oracle
            The planted truth.
        customer_ids, product_ids
            Ids in the order of their codes (`customer_ids` and `product_ids` sorted by code).
        day
            The day as of which it ranks, for example the first day after the cut.
        config
            Seed of ties; the rest has no effect.
        """
        model = cls(config)
        rows, columns = oracle.customer_rows(customer_ids), oracle.product_rows(product_ids)
        truth, (share, shift) = oracle.preferences, oracle._vine
        everything = np.setdiff1d(np.arange(len(truth.product_vectors)), columns)
        weights = oracle.product_weights(day)
        model._arrays = {
            "customer_vectors": truth.customer_vectors[rows],
            "product_vectors": truth.product_vectors[columns],
            "product_weights": weights[columns],
            # Products that nobody has bought have no code, but their share of the probability.
            "other_vectors": truth.product_vectors[everything],
            "other_weights": weights[everything],
            "leniency": truth.leniency[rows],
            "noise": truth.noise[rows],
            "quality": truth.quality[columns],
            "star_tastes": truth.star_tastes[rows],
            "styles": truth.styles[columns],
            "thresholds": oracle.thresholds,
            "vine": np.array([share, shift]),
        }
        return model

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        n_users, n_items = self._size()
        if train.n_users > n_users or train.n_items > n_items:
            raise ValueError(
                f"oracle: {train.n_users} users and {train.n_items} items in training, but ids of "
                f"only {n_users} and {n_items}; give from_oracle all ids in the order of the codes"
            )
        self.fit_report = {"customers": n_users, "products": n_items}

    def _size(self) -> tuple[int, int]:
        return len(self._arrays["customer_vectors"]), len(self._arrays["product_vectors"])

    def is_known(self, users: np.ndarray) -> np.ndarray:
        """True for every code with an id, also without training purchases."""
        users = np.asarray(users)
        return (users >= 0) & (users < self._size()[0])

    def uses_fallback(self, users: np.ndarray) -> np.ndarray:
        """True only for codes without an id; they get recent popularity."""
        return ~self.is_known(users)

    def _score(self, users: Tensor) -> Tensor:
        """Probabilities of all products with a code, so ``[b, items listed]``."""
        import torch

        held = self._arrays
        scores = purchase_probabilities(
            held["customer_vectors"][users.cpu().numpy()],
            np.concatenate([held["product_vectors"], held["other_vectors"]]),
            np.concatenate([held["product_weights"], held["other_weights"]]),
        )
        return torch.from_numpy(np.ascontiguousarray(scores[:, : self._size()[1]]))

    def _at_items(self, scores: Tensor, items: np.ndarray | None) -> Tensor:
        if scores.shape[1] != self._size()[1]:  # the fallback's row, training items only
            return super()._at_items(scores, items)
        if items is None:
            return scores[:, : self.n_items]
        items = np.asarray(items)
        strange = (items < 0) | (items >= self._size()[1])
        chosen = scores[:, np.where(strange, 0, items)]
        chosen[:, np.flatnonzero(strange)] = -1.0  # below every probability
        return chosen

    def _best(
        self, scores: Tensor, hidden: Cells, n_rows: int, request: Request
    ) -> tuple[np.ndarray, np.ndarray]:
        # Columns are item codes in both cases; the base class expects no more than training items.
        if request.is_whole_range:
            scores = scores[:, : self.n_items]
        return super()._best(scores, hidden, n_rows, request)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Expected stars, float32 ``[n]``; every code needs an id.

        Raises
        ------
        ValueError
            If a code lies outside the ids given to ``from_oracle``.
        """
        users, items = np.asarray(users), np.asarray(items)
        n_users, n_items = self._size()
        for codes, size, what in ((users, n_users, "user"), (items, n_items, "item")):
            outside = codes[(codes < 0) | (codes >= size)]
            if len(outside):
                raise ValueError(f"oracle: {what} code {outside[0]} has no planted id")
        held = self._arrays
        match = np.einsum("nd,nd->n", held["star_tastes"][users], held["styles"][items])
        means = held["leniency"][users] + held["quality"][items] + match
        vine = (float(held["vine"][0]), float(held["vine"][1]))
        return expected_stars(means, held["noise"][users], held["thresholds"], vine)

    def _state(self) -> dict[str, Tensor]:
        import torch

        return {key: torch.from_numpy(value.copy()) for key, value in self._arrays.items()}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        self._arrays = {key: value.numpy() for key, value in state.items()}


def purchase_probabilities(
    customer_vectors: np.ndarray, product_vectors: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Probabilities of the planted choice model.

    Parameters
    ----------
    customer_vectors
        float64 ``[b, f]``.
    product_vectors
        float64 ``[m, f]``, the whole catalogue.
    weights
        float64 ``[m]``, see ``Preferences.product_weights``.

    Returns
    -------
    numpy.ndarray
        float32 ``[b, m]``; rows sum to one.
    """
    utility = customer_vectors @ product_vectors.T
    mass = np.exp(utility - utility.max(axis=1, keepdims=True)) * weights
    return (mass / mass.sum(axis=1, keepdims=True)).astype(np.float32)


def expected_stars(
    means: np.ndarray, noise: np.ndarray, thresholds: np.ndarray, vine: tuple[float, float]
) -> np.ndarray:
    """Expected stars of an ordered probit.

    Parameters
    ----------
    means, noise
        float64 ``[n]``: mean and standard deviation of the latent value.
    thresholds
        float64 ``[4]``.
    vine
        Share of Vine reviews and their shift of the latent value: nobody knows beforehand.

    Returns
    -------
    numpy.ndarray
        float32 ``[n]``: 1 plus the chances of passing each threshold.
    """
    from scipy.special import ndtr

    share, shift = vine
    passed = np.zeros(len(means))
    for threshold in thresholds:
        passed += (1 - share) * ndtr((means - threshold) / noise)
        passed += share * ndtr((means + shift - threshold) / noise)
    return (1 + passed).astype(np.float32)


def _row_of(ids: np.ndarray) -> dict[str, int]:
    return {str(name): row for row, name in enumerate(ids)}


def _rows(known: dict[str, int], ids: Sequence[str] | np.ndarray, what: str) -> np.ndarray:
    rows = np.fromiter((known.get(str(name), -1) for name in ids), dtype=np.int64, count=len(ids))
    if len(rows) and rows.min() < 0:
        stranger = ids[int(np.flatnonzero(rows < 0)[0])]
        raise KeyError(
            f"{what} {stranger!r} is not in the planted truth: the data and the truth come from "
            "different worlds; run `kedro run --pipeline=synthetic_data` again"
        )
    return rows
