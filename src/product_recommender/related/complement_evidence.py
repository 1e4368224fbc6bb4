"""What speaks for a complement: who bought both, who bought something like it, which shelves go
together. Everything is counted among customers and compared with chance (``pair_evidence``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse

from product_recommender.related.catalogue import Catalogue
from product_recommender.related.content_space import ContentSpace
from product_recommender.related.likeness import nearest
from product_recommender.related.pair_evidence import (
    least_lift,
    pair_rate,
    shrunk_lift,
    with_several,
)
from product_recommender.related.settings import RelatedSettings

EVIDENCE = ("co_purchase", "text", "image", "category_pair")
CO_PURCHASE, TEXT, IMAGE, CATEGORY_PAIR = range(4)

STAND_IN_SIMILARITY = 0.3
"""What is less alike than this does not stand in for a product."""

SHELF_CANDIDATES = 5
"""Products of other shelves that are kept for a shelf, in lengths of a list: some are variants."""


@dataclass(frozen=True)
class Candidates:
    """Pairs with the evidence for them, aligned arrays of length n.

    Attributes
    ----------
    first, second
        Item codes.
    evidence
        int8 into ``EVIDENCE``.
    customers, expected
        Customers who bought both of what the evidence is about, and how many chance gives.
    lift, lift_low
        Shrunk, and what it is above with the confidence asked for.
    score
        Share of the next purchases of somebody who bought the first that the second should have:
        its share of recent purchases times the lift.
    """

    first: np.ndarray
    second: np.ndarray
    evidence: np.ndarray
    customers: np.ndarray
    expected: np.ndarray
    lift: np.ndarray
    lift_low: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: np.ndarray) -> Self:
        """Only these rows (a mask or an index array)."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """All rows of several, one after another."""
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class PairCounter:
    """Counts pairs among customers with several products, and keeps those that are no chance.

    Attributes
    ----------
    by_item, by_user
        Binary csr ``[n, m]`` and ``[m, n]``: purchases of the customers with several products.
    buyers
        float64 ``[n]``: how many of them bought each.
    rate
        ``pair_rate`` of these purchases.
    shares
        float64 ``[n]``: share of recent purchases.
    settings
        What counts as evidence.
    """

    by_item: scipy.sparse.csr_matrix
    by_user: scipy.sparse.csr_matrix
    buyers: np.ndarray
    rate: float
    shares: np.ndarray
    settings: RelatedSettings

    @classmethod
    def of(cls, catalogue: Catalogue, settings: RelatedSettings) -> Self:
        """Count the buyers of a catalogue."""
        several = with_several(catalogue.purchases)
        buyers = np.bincount(several.indices, minlength=several.shape[1]).astype(np.float64)
        by_item = several.T.tocsr()
        return cls(by_item, several, buyers, pair_rate(several), catalogue.shares, settings)

    def pairs(
        self, items: np.ndarray, kind: int, like: scipy.sparse.csr_matrix | None = None
    ) -> Candidates:
        """What the buyers of some products bought besides.

        Parameters
        ----------
        items
            int ``[b]``: item codes.
        kind
            Which evidence this is, into ``EVIDENCE``.
        like
            Binary csr ``[b, n]``: products whose buyers stand in for those of each item; a
            customer who bought several of them counts once. None: the item's own buyers.
        """
        of_buyers = self.by_item[items] if like is None else (like @ self.by_item).tocsr()
        of_buyers.data[:] = 1.0
        counts = (of_buyers @ self.by_user).tocsr()
        row = np.repeat(np.arange(len(items)), np.diff(counts.indptr))
        enough = counts.data >= self.settings.min_customers
        row, second, customers = row[enough], counts.indices[enough], counts.data[enough]
        expected = self.rate * np.diff(of_buyers.indptr)[row] * self.buyers[second]
        return judged(
            items[row], second, kind, customers, expected, self.shares[second], self.settings
        )


def judged(
    first: np.ndarray,
    second: np.ndarray,
    kind: int,
    customers: np.ndarray,
    expected: np.ndarray,
    shares: np.ndarray,
    settings: RelatedSettings,
) -> Candidates:
    """The pairs that are bought together more often than by chance.

    Parameters
    ----------
    first, second
        int ``[n]``: codes.
    kind
        Which evidence this is, into ``EVIDENCE``.
    customers, expected
        ``[n]``: customers who bought both, and how many chance gives.
    shares
        ``[n]``: share of recent purchases that the second has.
    settings
        Prior, confidence and the least number of customers.
    """
    prior = settings.prior_customers
    low = least_lift(customers, expected, prior, settings.confidence)
    lift = shrunk_lift(customers, expected, prior)
    kept = (
        (low > settings.min_lift)
        & (first != second)
        & (np.asarray(customers) >= settings.min_customers)
    )
    return Candidates(
        first=first[kept].astype(np.int64),
        second=second[kept].astype(np.int64),
        evidence=np.full(int(kept.sum()), kind, dtype=np.int8),
        customers=np.asarray(customers, np.float64)[kept],
        expected=np.asarray(expected, np.float64)[kept],
        lift=lift[kept],
        lift_low=low[kept],
        score=(lift * shares)[kept],
    )


@dataclass(frozen=True)
class ShelfPairs:
    """What is bought most on the shelves that go with a shelf; ``best.first`` are shelves."""

    best: Candidates
    shelves: np.ndarray

    @classmethod
    def of(cls, catalogue: Catalogue, settings: RelatedSettings) -> Self:
        """Find the shelves that the same customers buy from more often than by chance."""
        n, n_shelves = len(catalogue), len(catalogue.shelf_names)
        cells = (np.ones(n, np.float32), (np.arange(n), catalogue.shelves))
        of_shelf = catalogue.purchases @ scipy.sparse.csr_matrix(cells, shape=(n, n_shelves))
        of_shelf.data[:] = 1.0
        several = with_several(of_shelf)
        together = (several.T @ several).tocoo()
        buyers = np.bincount(several.indices, minlength=n_shelves).astype(np.float64)
        expected = pair_rate(several) * buyers[together.row] * buyers[together.col]
        pairs = judged(
            together.row,
            together.col,
            CATEGORY_PAIR,
            together.data,
            expected,
            np.ones(together.nnz),
            settings,
        )
        return cls(_bestsellers(pairs, catalogue, settings.list_length), catalogue.shelves)

    def pairs(self, items: np.ndarray) -> Candidates:
        """The same for some products: each has the candidates of its shelf.

        Parameters
        ----------
        items
            int ``[b]``: item codes.
        """
        ends = np.searchsorted(self.best.first, np.arange(int(self.shelves.max(initial=-1)) + 2))
        first, length = ends[self.shelves[items]], np.diff(ends)[self.shelves[items]]
        skipped = np.repeat(np.cumsum(length) - length, length)
        rows = np.repeat(first, length) + np.arange(int(length.sum())) - skipped
        found = self.best.take(rows)
        object.__setattr__(found, "first", np.repeat(items, length))
        return found


def _bestsellers(pairs: Candidates, catalogue: Catalogue, length: int) -> Candidates:
    """Shelf pairs -> shelf and product: the best of each shelf's partners, by shelf."""
    order = np.lexsort((np.arange(len(catalogue)), -catalogue.shares, catalogue.shelves))
    order = order[catalogue.shares[order] > 0]
    n_shelves = len(catalogue.shelf_names)
    ends = np.searchsorted(catalogue.shelves[order], np.arange(n_shelves + 1))
    size = np.minimum(np.diff(ends), SHELF_CANDIDATES * length)
    partner = pairs.second
    rows = np.repeat(np.arange(len(pairs)), size[partner])
    within = np.arange(len(rows)) - np.repeat(
        np.cumsum(size[partner]) - size[partner], size[partner]
    )
    second = order[ends[partner[rows]] + within]
    spread = pairs.take(rows)
    score = spread.lift * catalogue.shares[second]
    place = np.lexsort((second, -score, spread.first))
    found = Candidates(
        spread.first,
        second,
        spread.evidence,
        spread.customers,
        spread.expected,
        spread.lift,
        spread.lift_low,
        score,
    ).take(place)
    start = np.searchsorted(found.first, found.first)
    return found.take(np.arange(len(found)) - start < SHELF_CANDIDATES * length)


def stand_ins(
    catalogue: Catalogue, space: ContentSpace, settings: RelatedSettings
) -> scipy.sparse.csr_matrix:
    """The products nearest to each by one kind of content, on its shelf, and itself.

    Parameters
    ----------
    catalogue
        The products.
    space
        Their texts or pictures.
    settings
        How many.

    Returns
    -------
    scipy.sparse.csr_matrix
        Binary float32 ``[n, n]``; empty rows where nothing is known.
    """

    def cosines(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        values: np.ndarray = space.vectors[rows] @ space.vectors[columns].T
        return values

    def others(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        different: np.ndarray = rows[:, None] != columns
        return different

    itself = np.flatnonzero(space.known)
    first, second = [itself], [itself]
    for members in catalogue.by_shelf():
        known = members[space.known[members]]
        near = nearest(known, known, cosines, settings.standing_in, STAND_IN_SIMILARITY, others)
        first.append(near[0])
        second.append(near[1])
    cells = (np.concatenate(first), np.concatenate(second))
    ones = np.ones(len(cells[0]), dtype=np.float32)
    return scipy.sparse.csr_matrix((ones, cells), shape=(len(catalogue), len(catalogue)))
