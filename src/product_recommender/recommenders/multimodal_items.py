"""What ``multimodal`` knows of products before it learns: contents, neighbours, sales of late.

A product without a sale has no trend of its own. What stands in for it is what the products like it
sell: those of its category, and those nearest to it in text and picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from product_recommender.recommenders.neural_inputs import principal_components
from product_recommender.recommenders.sequence_trends import decayed_counts

ANCHORS = 20_000
"""Neighbours are sought among so many of the best-selling training products at most, so that the
work grows with the catalogue and not with its square."""

BLOCK = 1024
"""Products whose similarities to all anchors are held at once."""

SHARPNESS = 8.0
"""How much more a near neighbour counts than a far one: weights are exp(sharpness x cosine)."""

YEAR, SEASON = 365, 21
"""Days after which a season comes back, and days on either side of it that belong to it."""

YEARS = 3
"""Earlier years that a season is counted in; each counts half of the one after it."""


def reduced_content(
    vectors: np.ndarray, known: np.ndarray, n_items: int, components: int, whitening: float
) -> np.ndarray:
    """Principal components of the contents, their spreads brought nearer to each other.

    Parameters
    ----------
    vectors, known
        As of ``ItemContent``; at least one training item is known.
    n_items
        Training items; they alone decide on the components.
    components
        How many to keep, at most.
    whitening
        0 leaves the components their spreads, 1 makes all spreads equal. What tells products apart
        for customers need not be what differs most between their pictures.

    Returns
    -------
    numpy.ndarray
        float32 ``[n, <= components]`` of mean square 1 over the known training items; zero rows
        where unknown.
    """
    trained = np.flatnonzero(known[:n_items])
    order = np.concatenate([trained, np.setdiff1d(np.arange(len(known)), trained)])
    in_order = principal_components(vectors[order], len(trained), components)
    reduced = np.empty_like(in_order)
    reduced[order] = in_order
    spread = reduced[trained].std(axis=0)
    # Directions in which the training products hardly differ are noise: never blown up.
    reduced = reduced / np.maximum(spread, max(1e-3 * float(spread.max()), 1e-9)) ** whitening
    size = float(np.sqrt(np.mean(reduced[trained] ** 2)))
    reduced = reduced / max(size, 1e-9)
    return np.where(known[:, None], reduced, 0.0).astype(np.float32)


@dataclass(frozen=True)
class Neighbours:
    """Training products near each product.

    Attributes
    ----------
    items
        int32 ``[n, k]`` codes.
    weights
        float32 ``[n, k]``; rows sum to 1, or to 0 where nothing is known of the product.
    """

    items: np.ndarray
    weights: np.ndarray

    def average(self, counts: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        """Weighted mean of the neighbours' ``counts`` ``[n_items]``; ``otherwise`` without any."""
        has_any = self.weights.sum(axis=1) > 0
        mean = (self.weights * counts[self.items]).sum(axis=1)
        return np.where(has_any, mean, otherwise)


def nearest_products(
    content: np.ndarray, known: np.ndarray, n_items: int, popularity: np.ndarray, k: int
) -> Neighbours:
    """The ``k`` nearest training products of each product by cosine, itself left out.

    Parameters
    ----------
    content, known
        As of ``reduced_content``.
    n_items
        Training items.
    popularity
        float ``[n_items]``: the most popular are the ones compared with, where there are more than
        ``ANCHORS``.
    k
        Neighbours of each; fewer where there are fewer products.
    """
    n = len(known)
    anchors = np.flatnonzero(known[:n_items])
    if len(anchors) > ANCHORS:
        anchors = np.sort(anchors[np.argsort(-popularity[anchors], kind="stable")[:ANCHORS]])
    k = max(min(k, len(anchors) - 1), 1)
    items, weights = np.zeros((n, k), dtype=np.int32), np.zeros((n, k), dtype=np.float32)
    if len(anchors) < 2:
        return Neighbours(items, weights)
    unit = content / np.maximum(np.linalg.norm(content, axis=1, keepdims=True), 1e-9)
    place_of = np.full(n, -1, dtype=np.int64)
    place_of[anchors] = np.arange(len(anchors))
    asked = np.flatnonzero(known)
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        cosine = unit[block] @ unit[anchors].T
        own = np.flatnonzero(place_of[block] >= 0)
        cosine[own, place_of[block[own]]] = -np.inf
        best = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        near = np.exp(SHARPNESS * (np.take_along_axis(cosine, best, axis=1) - 1.0))
        items[block] = anchors[best]
        weights[block] = near / near.sum(axis=1, keepdims=True)
    return Neighbours(items, weights)


@dataclass(frozen=True)
class SalesReader:
    """What sold before some moments: each product's own sales, and those of products like it.

    Attributes
    ----------
    n_items
        Training items; logarithms are relative to their mean.
    categories
        int ``[n]``: category of every product that is scored.
    neighbours
        Modality to the products near each product.
    half_lives
        Ages at which a sale counts half, in days.
    has_seasons
        Whether what sold at this time in earlier years is read as well.
    """

    n_items: int
    categories: np.ndarray
    neighbours: Mapping[str, Neighbours]
    half_lives: tuple[float, ...]
    has_seasons: bool

    @property
    def n(self) -> int:
        """Products that are scored."""
        return len(self.categories)

    @property
    def n_own(self) -> int:
        """Features of a product's own sales: one a half-life, then the season and its year."""
        return len(self.half_lives) + 2 * self.has_seasons

    @property
    def n_like(self) -> int:
        """The same for the products of its category, then for its neighbours of each modality."""
        return self.n_own * (1 + len(self.neighbours))

    def read(
        self, items: np.ndarray, days: np.ndarray, moments: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the sales before each moment.

        Parameters
        ----------
        items, days
            int ``[n]``: purchases.
        moments
            int ``[m]`` days, ascending; purchases of that day or later are not counted.

        Returns
        -------
        own : numpy.ndarray
            float32 ``[m, n, n_own]``.
        like : numpy.ndarray
            float32 ``[m, n, n_like]``.
        """
        own = np.empty((len(moments), self.n, self.n_own), dtype=np.float32)
        like = np.empty((len(moments), self.n, self.n_like), dtype=np.float32)
        for row, column, counts in self._counts(items, days, moments):
            own[row, :, column] = self._logarithm(counts)
            trained = counts[: self.n_items]
            of_category = self._category_means(trained)
            averages = [of_category]
            averages += [near.average(trained, of_category) for near in self.neighbours.values()]
            for number, average in enumerate(averages):
                like[row, :, number * self.n_own + column] = self._logarithm(average)
        return own, like

    def _counts(
        self, items: np.ndarray, days: np.ndarray, moments: np.ndarray
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        yield from decayed_counts(items, days, moments, self.half_lives, self.n)
        if self.has_seasons:
            first = len(self.half_lives)
            for column, width in ((first, SEASON), (first + 1, YEAR // 2)):
                for row, counts in enumerate(
                    _counts_of_earlier_years(items, days, moments, width, self.n)
                ):
                    yield row, column, counts

    def _category_means(self, counts: np.ndarray) -> np.ndarray:
        """float64 ``[n]``: mean over the training products of each product's category."""
        trained = self.categories[: self.n_items]
        size = int(self.categories.max(initial=0)) + 1
        products = np.bincount(trained, minlength=size)
        sums = np.bincount(trained, counts, minlength=size)
        means = np.where(products > 0, sums / np.maximum(products, 1), counts.mean())
        return np.asarray(means[self.categories])

    def _logarithm(self, counts: np.ndarray) -> np.ndarray:
        # Relative to the training items, so that a longer list of products shifts nobody's.
        smoothed = counts + 1.0
        return np.asarray(np.log(smoothed / smoothed[: self.n_items].mean()))


def _counts_of_earlier_years(
    items: np.ndarray, days: np.ndarray, moments: np.ndarray, width: int, n: int
) -> Iterator[np.ndarray]:
    """For each moment, float64 ``[n]``: sales up to ``width`` days around the same day, earlier."""
    order = np.argsort(days, kind="stable")
    items, days = items[order], days[order]
    for moment in moments:
        counts, now = np.zeros(n), int(np.searchsorted(days, moment))
        for year in range(1, YEARS + 1):
            middle = int(moment) - year * YEAR
            begin, end = np.searchsorted(days, (middle - width, middle + width + 1))
            sold = items[begin : min(int(end), now)]
            counts += 0.5 ** (year - 1) * np.bincount(sold, minlength=n)
        yield counts
