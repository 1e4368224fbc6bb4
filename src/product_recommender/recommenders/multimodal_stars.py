"""The rating head of ``multimodal``: averages, and what products like this one got.

Most of what is known of a rating is how kind the customer is and how good the product. A product
without a rating gets what the products nearest to it in text and picture get. What is left is
explained, as far as it can be, by how the customer rated similar products before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.recommenders.bias import HIGHEST_STARS, LOWEST_STARS, Bias
from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.multimodal_items import Neighbours
from product_recommender.recommenders.ridge import best_ridge
from product_recommender.recommenders.top_k import places_of

if TYPE_CHECKING:
    from torch import Tensor

HELD_OUT_SHARE = 0.2
"""Latest share of the ratings that the weights are learnt on; the averages come from the rest."""

ROWS_A_WEIGHT = 50
"""Held-out ratings with something to go by that a weight needs; with fewer all weights are 0."""

DAMPING = 1.0
"""Similarity that is added when earlier ratings are averaged: a single one says little."""

MOST_EARLIER = 50
"""Latest ratings of a customer that are looked at."""

BLOCK = 1 << 14
"""Pairs whose earlier ratings are gathered at once."""

_ARRAYS = ("mean", "user_bias", "product_bias", "weights", "surprises")


@dataclass(frozen=True)
class StarsHead:
    """Predicts stars.

    Attributes
    ----------
    mean
        float64 ``[1]``: of all stars.
    user_bias
        float32 ``[n_users]``.
    product_bias
        float32 ``[n]``, also of products that nobody has rated.
    weights
        float64 ``[modalities]``: how far the surprises of earlier ratings carry over.
    histories
        What each training customer rated.
    surprises
        float32, aligned with ``histories.items``: stars above those that the averages say.
    contents
        float32 ``[n, c]`` of each modality, of length 1, zero where unknown.
    """

    mean: np.ndarray
    user_bias: np.ndarray
    product_bias: np.ndarray
    weights: np.ndarray
    histories: Histories
    surprises: np.ndarray
    contents: tuple[np.ndarray, ...]

    @classmethod
    def fit(
        cls,
        train: Interactions,
        contents: Mapping[str, np.ndarray],
        neighbours: Mapping[str, Neighbours],
        n: int,
    ) -> StarsHead:
        """Learn from the stars of training purchases.

        Parameters
        ----------
        train
            Training purchases.
        contents, neighbours
            Modality to the contents float32 ``[n, c]`` and neighbours of the products.
        n
            Products that are scored.
        """
        known, weights = train.known(), np.zeros(len(contents))
        order = np.argsort(known.days, kind="stable")
        early, late = np.split(order, [int(len(order) * (1.0 - HELD_OUT_SHARE))])
        if contents and len(early) and len(late):
            before = cls._with(known.take(early), contents, neighbours, n, weights)
            later = known.take(late)
            inputs = before._earlier(later.users, later.items)
            left = later.stars - before._averages(later.users, later.items)
            heard = np.flatnonzero(np.abs(inputs).sum(axis=1) > 0)
            if len(heard) >= ROWS_A_WEIGHT * len(weights):
                weights, _ = best_ridge(inputs[heard], left[heard], weights)
        return cls._with(known, contents, neighbours, n, weights)

    @classmethod
    def _with(
        cls,
        known: Interactions,
        contents: Mapping[str, np.ndarray],
        neighbours: Mapping[str, Neighbours],
        n: int,
        weights: np.ndarray,
    ) -> StarsHead:
        bias = Bias().fit(known)
        product_bias = bias.product_bias(n)
        rated = np.bincount(known.items, minlength=n) > 0
        if neighbours:
            said = [
                near.average(product_bias[: known.n_items], product_bias)
                for near in neighbours.values()
            ]
            product_bias = np.where(rated, product_bias, np.mean(said, axis=0))
        # The number of each purchase takes the place of its day, to bring the stars into order.
        number = np.argsort(np.argsort(known.days, kind="stable"), kind="stable")
        histories = Histories.of(
            known.users, known.items, number, known.n_users, known.n_items, seed=0
        )
        unit = tuple(
            part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
            for part in contents.values()
        )
        head = cls(
            mean=np.array([bias.mean]),
            user_bias=bias.user_bias,
            product_bias=product_bias.astype(np.float32),
            weights=weights,
            histories=histories,
            surprises=np.zeros(0, dtype=np.float32),
            contents=unit,
        )
        surprises = np.empty(len(known), dtype=np.float32)
        surprises[number] = known.stars - head._averages(known.users, known.items)
        return cls(**(head.__dict__ | {"surprises": surprises[histories.days]}))

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stars, 1 to 5: float32 ``[n]`` for int codes ``[n]``, strangers included."""
        stars = self._averages(users, items)
        if self.weights.any():
            stars = stars + self._earlier(users, items) @ self.weights
        return np.clip(stars, LOWEST_STARS, HIGHEST_STARS).astype(np.float32)

    def _averages(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """float64 ``[n]``: what customer and product get on average."""
        stars = np.full(len(users), float(self.mean[0]))
        for codes, bias in ((users, self.user_bias), (items, self.product_bias)):
            known = (codes >= 0) & (codes < len(bias))
            stars[known] += bias[codes[known]]
        return stars

    def _earlier(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """float64 ``[n, modalities]``: surprises of earlier ratings, by likeness to the item."""
        found = np.zeros((len(users), len(self.contents)))
        known = (users >= 0) & (users < self.histories.n_users)
        known &= (items >= 0) & (items < len(self.product_bias))
        for rows in np.array_split(np.flatnonzero(known), -(-max(known.sum(), 1) // BLOCK)):
            row, place = places_of(self.histories.indptr, users[rows])
            from_end = self.histories.indptr[users[rows] + 1][row] - place
            rated, asked = self.histories.items[place], items[rows][row]
            kept = (from_end <= MOST_EARLIER) & (rated != asked)
            row, place, rated, asked = row[kept], place[kept], rated[kept], asked[kept]
            for column, unit in enumerate(self.contents):
                likeness = np.clip((unit[rated] * unit[asked]).sum(axis=1), 0.0, None) ** 2
                total = np.bincount(row, likeness, minlength=len(rows)) + DAMPING
                surprise = np.bincount(row, likeness * self.surprises[place], minlength=len(rows))
                found[rows, column] = surprise / total
        return found

    def state(self) -> dict[str, Tensor]:
        """Everything but the contents, as flat tensors."""
        import torch

        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {"indptr": self.histories.indptr, "items": self.histories.items}
        return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}

    @classmethod
    def from_state(
        cls, state: Mapping[str, Tensor], contents: Mapping[str, np.ndarray]
    ) -> StarsHead:
        """Rebuild from ``state`` and the contents."""
        arrays = {name: tensor.numpy() for name, tensor in state.items()}
        indptr, items = arrays.pop("indptr"), arrays.pop("items")
        unit = tuple(
            part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
            for part in contents.values()
        )
        return cls(
            **arrays, histories=Histories(indptr, items, np.zeros_like(items)), contents=unit
        )
