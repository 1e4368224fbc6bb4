"""How alike two products are: by their words, by their looks, and by what is bought beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse

from product_recommender.recommenders.neighbours import bought_together
from product_recommender.related.content_space import ContentSpace
from product_recommender.related.pair_evidence import pair_rate, shrunk_lift, with_several
from product_recommender.related.settings import RelatedSettings

BLOCK_CELLS = 1 << 23
"""Similarities that are held at once: 8 M, 32 MB of float32 for each part."""

Allowed = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Which columns a block of rows may have: item codes ``[b]`` and ``[m]`` -> bool ``[b, m]``."""


@dataclass(frozen=True)
class Likeness:
    """Similarities of products, as a weighted mean of the parts that are known of the first one.

    Attributes
    ----------
    text, image
        The content of the products.
    profiles
        csr ``[n, n]``, rows of length 1 or 0: what is bought beside each product.
    text_weight, image_weight, alike_weight
        Weights of the parts.
    """

    text: ContentSpace
    image: ContentSpace
    profiles: scipy.sparse.csr_matrix
    text_weight: float
    image_weight: float
    alike_weight: float

    @classmethod
    def of(
        cls,
        text: ContentSpace,
        image: ContentSpace,
        purchases: scipy.sparse.csr_matrix,
        settings: RelatedSettings,
    ) -> Likeness:
        """Put the parts together.

        Parameters
        ----------
        text, image
            Content of the products, in the order of their codes.
        purchases
            Binary csr ``[n_users, n]``.
        settings
            Weights, and the length of profiles.
        """
        profiles = purchase_profiles(purchases, settings.prior_customers, settings.profile_length)
        weights = settings.text_weight, settings.image_weight, settings.alike_weight
        return cls(text, image, profiles, *weights)

    @cached_property
    def has_profile(self) -> np.ndarray:
        """bool ``[n]``: products with something bought beside them."""
        return np.diff(self.profiles.indptr) > 0

    @cached_property
    def weight_known(self) -> np.ndarray:
        """float32 ``[n]``: sum of the weights of what is known; 0 where nothing is."""
        total = self.text_weight * self.text.known + self.image_weight * self.image.known
        return (total + self.alike_weight * self.has_profile).astype(np.float32)

    def scores(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """How alike each of some products is to each of others.

        What is unknown of the second product counts as 0, like any two products.

        Parameters
        ----------
        rows, columns
            int ``[b]``, ``[m]``: item codes.

        Returns
        -------
        numpy.ndarray
            float32 ``[b, m]``, -1 to 1; 0 in the rows of products of which nothing is known.
        """
        total = np.zeros((len(rows), len(columns)), dtype=np.float32)
        for space, weight in ((self.text, self.text_weight), (self.image, self.image_weight)):
            if weight and space.known[rows].any():
                total += np.float32(weight) * (space.vectors[rows] @ space.vectors[columns].T)
        if self.alike_weight and self.has_profile[rows].any():
            alike = self.profiles[rows] @ self.profiles[columns].T
            total += np.float32(self.alike_weight) * alike.toarray()
        known = self.weight_known[rows]
        return total / np.where(known > 0, known, 1.0)[:, None]

    def alike(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Cosines of the purchase profiles of pairs; NaN where one of them has none."""
        if not len(first):
            return np.zeros(0, dtype=np.float32)
        product = self.profiles[first].multiply(self.profiles[second])
        cosine: np.ndarray = np.asarray(product.sum(axis=1), dtype=np.float32).ravel()
        cosine[~(self.has_profile[first] & self.has_profile[second])] = np.nan
        return cosine

    def of_content(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How alike the contents of pairs are: the mean of the known parts, NaN without any."""
        parts = np.stack([self.text.cosines(first, second), self.image.cosines(first, second)])
        weights = np.array([self.text_weight, self.image_weight])[:, None] * np.isfinite(parts)
        total = weights.sum(axis=0)
        mean: np.ndarray = np.full(len(first), np.nan)
        np.divide(np.nansum(parts * weights, axis=0), total, out=mean, where=total > 0)
        return mean


def purchase_profiles(
    purchases: scipy.sparse.csr_matrix, prior: float, length: int
) -> scipy.sparse.csr_matrix:
    """What is bought beside each product more often than by chance.

    Products that replace one another are seldom bought together, but beside the same things: they
    have like profiles (positive pointwise mutual information, Bullinaria and Levy, "Extracting
    semantic representations from word co-occurrence statistics", 2007).

    Parameters
    ----------
    purchases
        Binary csr ``[n_users, n]``.
    prior
        As of ``shrunk_lift``.
    length
        Largest entries that are kept of each row.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 ``[n, n]``: the logarithm of the shrunk lift where it is above 0, rows scaled to
        length 1; the diagonal is empty.
    """
    several = with_several(purchases)
    rate = pair_rate(several)
    buyers = np.bincount(several.indices, minlength=several.shape[1]).astype(np.float64)
    blocks = []
    start = 0
    for block in bought_together(several):
        row = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr))
        lift = shrunk_lift(block.data, rate * buyers[row] * buyers[block.indices], prior)
        values = np.where(row == block.indices, 0.0, np.maximum(np.log(lift), 0.0))
        cells = (values.astype(np.float32), block.indices, block.indptr)
        blocks.append(_longest(scipy.sparse.csr_matrix(cells, shape=block.shape), length))
        start += block.shape[0]
    if not blocks:
        return scipy.sparse.csr_matrix((purchases.shape[1],) * 2, dtype=np.float32)
    profiles = scipy.sparse.vstack(blocks, format="csr")
    lengths = np.sqrt(np.asarray(profiles.multiply(profiles).sum(axis=1)).ravel())
    profiles.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(profiles.indptr))
    scaled: scipy.sparse.csr_matrix = profiles.astype(np.float32)
    return scaled


def _longest(matrix: scipy.sparse.csr_matrix, kept: int) -> scipy.sparse.csr_matrix:
    """The largest entries above zero of each row; of equal ones those of the smaller column."""
    matrix.eliminate_zeros()
    matrix.sort_indices()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place = np.arange(len(order)) - matrix.indptr[row[order]]
    chosen = order[place < kept]
    cells = (matrix.data[chosen], (row[chosen], matrix.indices[chosen]))
    shortened: scipy.sparse.csr_matrix = scipy.sparse.csr_matrix(cells, shape=matrix.shape)
    return shortened


def nearest(
    rows: np.ndarray,
    columns: np.ndarray,
    scores: Callable[[np.ndarray, np.ndarray], np.ndarray],
    k: int,
    least: float,
    allowed: Allowed,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best columns of each row, a block of rows at a time.

    Parameters
    ----------
    rows, columns
        int ``[r]``, ``[m]``: item codes.
    scores
        From item codes ``[b]`` and ``[m]`` to float32 ``[b, m]``.
    k
        Columns for a row, at most.
    least
        A score below this is none.
    allowed
        Which cells may be chosen.

    Returns
    -------
    first, second : numpy.ndarray
        int64 ``[p]``: item codes of the pairs, best first for each row, ties by code.
    score : numpy.ndarray
        float32 ``[p]``.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    columns = np.sort(columns)
    block = max(1, BLOCK_CELLS // max(len(columns), 1))
    for start in range(0, len(rows) if len(columns) else 0, block):
        part = rows[start : start + block]
        values = scores(part, columns)
        values[~allowed(part, columns) | (values < least)] = -np.inf
        width = min(k, len(columns))
        top = np.argpartition(-values, width - 1, axis=1)[:, :width]
        top.sort(axis=1)
        best = np.take_along_axis(values, top, axis=1)
        order = np.argsort(-best, axis=1, kind="stable")
        top, best = (np.take_along_axis(array, order, axis=1) for array in (top, best))
        row, place = np.nonzero(np.isfinite(best))
        found.append((part[row], columns[top[row, place]], best[row, place]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    first, second, score = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return first.astype(np.int64), second.astype(np.int64), score


def ranks(first: np.ndarray) -> np.ndarray:
    """1, 2, ... within runs of equal values.

    Parameters
    ----------
    first
        int ``[n]``, equal ones side by side.

    Returns
    -------
    numpy.ndarray
        int16 ``[n]``.
    """
    starts = np.flatnonzero(np.r_[True, first[1:] != first[:-1]]) if len(first) else first
    lengths = np.diff(np.r_[starts, len(first)])
    return (np.arange(len(first)) - np.repeat(starts, lengths) + 1).astype(np.int16)


def first_of_each(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where each pair of values turns up for the first time.

    Parameters
    ----------
    first, second
        int ``[n]``.

    Returns
    -------
    numpy.ndarray
        int64: places, ascending.
    """
    order = np.lexsort((second, first))
    same = (first[order][1:] == first[order][:-1]) & (second[order][1:] == second[order][:-1])
    places: np.ndarray = np.sort(order[np.r_[True, ~same][: len(order)]])
    return places
