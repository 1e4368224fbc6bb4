"""What a shop can do about products that nobody has bought yet, without learning from content.

All of them are made of recent sales, validation included, as far as they are told at the test. A
product with sales of its own is ranked by them; a new one by the sales of products that it
resembles: those of its category, of its brand and price band, or those nearest by text or picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from benchmarks.cold_start import ColdStart
from benchmarks.content_worlds import UNKNOWN_BAND
from product_recommender.interactions import Interactions, ItemContent
from product_recommender.recommenders.base import Recommender, recent_popularity

SMOOTHING = 5.0
"""Purchases of the average customer mixed into each customer's own shares, as in
``recent_popularity``."""

SHRINKAGE = 2.0
"""Products of the wider group that are mixed into the mean sales of a narrower one."""

NEAREST = 10


class Chance:
    """Every product the same: with ties by expectation, exactly what chance scores."""

    def __init__(self, n_items: int) -> None:
        self._n_items = n_items

    def score(self, users: np.ndarray) -> np.ndarray:
        """Zeros."""
        return np.zeros((len(users), self._n_items), dtype=np.float32)


class Trained:
    """A recommender that was trained, and told of all purchases before the test.

    Parameters
    ----------
    model
        Fitted on the question's training purchases.
    question
        Whose histories it is told.
    """

    def __init__(self, model: Recommender, question: ColdStart) -> None:
        self._model = model.follow(*question.known)
        self._items = np.arange(question.targets.shape[1])

    def score(self, users: np.ndarray) -> np.ndarray:
        """Its scores of all products; those that it does not know below all others."""
        return self._model.score(users, self._items)


class Leaning:
    """How much each customer leans to groups of products (categories, brands).

    ``((n_ug + alpha * share_g) / (n_u + alpha)) / share_g``, as in ``recent_popularity``: 1 for who
    bought nothing, and for a group that nobody has bought from.

    Parameters
    ----------
    question
        Whose histories count.
    group
        int ``[n_items_listed]``: the group of each product.
    """

    def __init__(self, question: ColdStart, group: np.ndarray) -> None:
        users, items, _ = question.known
        shape = (_n_users(question), int(group.max()) + 1)
        ones = np.ones(len(users))
        self._bought = scipy.sparse.csr_matrix((ones, (users, group[items])), shape=shape)
        sold = np.bincount(group[items], minlength=shape[1])
        self._share, self._group = sold / sold.sum(), group

    def of(self, users: np.ndarray) -> np.ndarray:
        """float64 ``[b, n_items_listed]``."""
        own = self._bought[users].toarray()
        mixed = own + SMOOTHING * self._share
        mixed /= own.sum(axis=1, keepdims=True) + SMOOTHING
        relative = np.divide(mixed, self._share, out=np.ones_like(mixed), where=self._share > 0)
        return np.asarray(relative[:, self._group])


@dataclass(frozen=True)
class Sales:
    """Expected sales of each product, times what the customer leans to.

    Attributes
    ----------
    expected
        float64 ``[n_items_listed]``.
    leanings
        All of them are multiplied.
    """

    expected: np.ndarray
    leanings: Sequence[Leaning] = ()

    def score(self, users: np.ndarray) -> np.ndarray:
        """float32 ``[b, n_items_listed]``."""
        scores = np.tile(self.expected, (len(users), 1))
        for leaning in self.leanings:
            scores *= leaning.of(users)
        return scores.astype(np.float32)


class Nearest:
    """Mean cosine between a product's content and what the customer bought; nothing is learnt.

    A customer without purchases, or without any of known content, gets chance.

    Parameters
    ----------
    contents
        Kinds that are summed.
    question
        Whose histories count.
    """

    def __init__(self, contents: Sequence[ItemContent], question: ColdStart) -> None:
        directions = [centred_directions(content, question.train.n_items) for content in contents]
        self._directions = np.concatenate(directions, axis=1)
        self._bought = bought_shares(question)

    def score(self, users: np.ndarray) -> np.ndarray:
        """float32 ``[b, n_items_listed]``."""
        tastes = self._bought[users] @ self._directions
        return np.asarray(tastes @ self._directions.T, dtype=np.float32)


def category_sales(question: ColdStart, half_life_days: float) -> Sales:
    """Recent popularity in the category, for products without sales of their own the mean one."""
    category = question.train.item_categories.astype(np.int64)
    own = told_sales(question, half_life_days)
    return Sales(own.or_prior(own.means_by(category)), [Leaning(question, category)])


def category_and_brand_sales(
    question: ColdStart, half_life_days: float, personal: bool = False
) -> Sales:
    """Recent sales of products of the same category and brand, and price band where it is known.

    Parameters
    ----------
    question
        What is asked.
    half_life_days
        Age at which a purchase counts half.
    personal
        Whether the customer's own brands count as well, beside the own categories.
    """
    category = question.train.item_categories.astype(np.int64)
    brand, band = question.shelf.brands, question.shelf.price_bands
    own = told_sales(question, half_life_days)
    prior = own.means_by(category, _joint(category, brand))
    of_category = own.means_by(category)
    of_band = own.means_by(category, _joint(category, band - UNKNOWN_BAND))
    ratio = np.divide(of_band, of_category, out=np.ones(len(prior)), where=of_category > 0)
    prior = prior * np.where(band == UNKNOWN_BAND, 1.0, ratio)
    leanings = [Leaning(question, category)]
    if personal:
        leanings.append(Leaning(question, brand))
    return Sales(own.or_prior(prior), leanings)


def similar_sales(
    contents: Sequence[ItemContent], question: ColdStart, half_life_days: float
) -> Sales:
    """Mean recent sales of the products nearest in content that have some, ``NEAREST`` of them."""
    train = question.train
    directions = np.concatenate(
        [centred_directions(content, train.n_items) for content in contents], axis=1
    )
    own = told_sales(question, half_life_days)
    sold, new = np.flatnonzero(own.is_sold), np.flatnonzero(~own.is_sold)
    near = directions[new] @ directions[sold].T
    best = np.argsort(-near, axis=1, kind="stable")[:, :NEAREST]
    prior = np.zeros(train.n_items_listed)
    prior[new] = own.recent[sold][best].mean(axis=1)
    category = train.item_categories.astype(np.int64)
    return Sales(own.or_prior(prior), [Leaning(question, category)])


# ---------------------------------------------------------------------- parts


@dataclass(frozen=True)
class ToldSales:
    """What is told of each product's sales before the test.

    Attributes
    ----------
    recent
        float64 ``[n_items_listed]``: purchases, each weighted by its age.
    is_sold
        bool ``[n_items_listed]``: those with any.
    """

    recent: np.ndarray
    is_sold: np.ndarray

    def or_prior(self, prior: np.ndarray) -> np.ndarray:
        """Sales of their own for the products that have some, the prior for the others."""
        return np.where(self.is_sold, self.recent, prior)

    def means_by(self, *groups: np.ndarray) -> np.ndarray:
        """Mean sales of each product's group, pulled towards that of the wider group before it.

        Parameters
        ----------
        *groups
            int ``[n_items_listed]`` each, from the widest to the narrowest.

        Returns
        -------
        numpy.ndarray
            float64 ``[n_items_listed]``.
        """
        sold = self.is_sold
        means = np.full(len(sold), self.recent[sold].mean())
        for group in groups:
            size = int(group.max()) + 1
            sums = np.bincount(group[sold], weights=self.recent[sold], minlength=size)
            counts = np.bincount(group[sold], minlength=size)
            means = (sums[group] + SHRINKAGE * means) / (counts[group] + SHRINKAGE)
        return means


def told_sales(question: ColdStart, half_life_days: float) -> ToldSales:
    """Recent sales of all listed products.

    Parameters
    ----------
    question
        Whose purchases before the test count.
    half_life_days
        Age at which a purchase counts half.
    """
    users, items, days = question.known
    train = question.train
    told = Interactions(
        users=users,
        items=items,
        stars=np.full(len(users), 5.0, dtype=np.float32),
        days=days,
        n_users=_n_users(question),
        n_items=train.n_items_listed,
        item_categories=train.item_categories,
        categories=train.categories,
    )
    is_sold = np.bincount(items, minlength=train.n_items_listed) > 0
    return ToldSales(recent_popularity(told, half_life_days).astype(np.float64), is_sold)


def bought_shares(question: ColdStart) -> scipy.sparse.csr_matrix:
    """What each customer bought before the test, rows that sum to one: csr ``[users, items]``."""
    users, items, _ = question.known
    shape = (_n_users(question), question.train.n_items_listed)
    matrix = scipy.sparse.csr_matrix(
        (np.ones(len(users), dtype=np.float32), (users, items)), shape=shape
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    return scipy.sparse.diags(1.0 / np.maximum(sums, 1.0)).dot(matrix).tocsr()


def centred_directions(content: ItemContent, n_items: int) -> np.ndarray:
    """Unit vectors around the mean of the training products; zero rows where nothing is known.

    Encoders put all products into one narrow cone: without centring, everything is similar.

    Returns
    -------
    numpy.ndarray
        float32 ``[n_items_listed, d]``.
    """
    trained = content.known & (np.arange(len(content.known)) < n_items)
    if not trained.any():
        return np.zeros_like(content.vectors)
    centred = content.vectors - content.vectors[trained].mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 1e-9)
    return np.where(content.known[:, None], unit, 0.0).astype(np.float32)


def _n_users(question: ColdStart) -> int:
    return int(max(question.known[0].max(initial=-1), question.users.max(initial=-1))) + 1


def _joint(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One code for each pair of codes that occurs."""
    pairs = first.astype(np.int64) * (int(second.max()) + 1) + second
    codes: np.ndarray = np.unique(pairs, return_inverse=True)[1]
    return codes
