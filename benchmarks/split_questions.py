"""The same purchases divided in three ways, and the few-items protocol that flatters everybody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse

from product_recommender.evaluation_cuts import Cut, purchases_before
from product_recommender.interactions import Interactions
from product_recommender.metrics.ranking import ranking_metrics
from product_recommender.model_inputs import TRAIN, InteractionArrays
from product_recommender.recommenders.base import Recommender

K = 10
LIKED = 4
"""Stars from which the few-items protocol calls a product relevant."""

VALIDATION_SHARE = TEST_SHARE = 0.1


@dataclass(frozen=True)
class Question:
    """One way to divide: what is learnt from, who is asked, what counts.

    Attributes
    ----------
    name
        ``global time``, ``per-user time`` or ``random``.
    train, validation
        In the codes of this split: training customers and products come first.
    known
        Users, items and days of every purchase before the question, for ``Recommender.follow``.
    users
        int ``[n]``: who is asked, codes of this split.
    customers
        int ``[n]``: the same in the codes of the data, to match customers between seeds.
    targets, seen
        Binary csr ``[n, n_items_listed]``.
    candidates
        int ``[m]``: products that may be recommended.
    stars
        Stars of each target, csr like ``targets``.
    counts
        How many of what, for the table.
    """

    name: str
    train: Interactions
    validation: Interactions
    known: tuple[np.ndarray, np.ndarray, np.ndarray]
    users: np.ndarray
    customers: np.ndarray
    targets: scipy.sparse.csr_matrix
    seen: scipy.sparse.csr_matrix
    candidates: np.ndarray
    stars: scipy.sparse.csr_matrix
    counts: dict[str, int]


def global_time(world: Interactions, arrays: InteractionArrays, cut: Cut) -> Question:
    """The project's own split: training before one day, the test after another.

    Parameters
    ----------
    world
        All purchases with the training prefixes.
    arrays
        The same rows with their parts.
    cut
        The test cut.
    """
    known = purchases_before(arrays, "test")
    asked = np.isin(arrays.users, cut.users) & (arrays.parts > 1)
    place = np.searchsorted(cut.users, arrays.users[asked])
    stars = _matrix(place, arrays.items[asked], arrays.stars[asked], cut.targets.shape)
    return Question(
        name="global time",
        train=world.take(arrays.parts == TRAIN),
        validation=world.take(arrays.in_tune & ~arrays.is_repeat),
        known=known,
        users=cut.users,
        customers=cut.users,
        targets=cut.targets,
        seen=cut.seen,
        candidates=cut.candidates,
        stars=stars.multiply(cut.targets).tocsr(),
        counts={
            "training_purchases": int((arrays.parts == TRAIN).sum()),
            "customers_asked": len(cut.users),
            "with_history": int(cut.is_warm.sum()),
            "targets": int(cut.targets.nnz),
            "left_out_targets": cut.excluded_not_on_sale + cut.excluded_repeats,
            "candidates": len(cut.candidates),
        },
    )


def per_user_time(world: Interactions, seed: int) -> Question:
    """Each customer's last purchase is the test, the one before validation.

    Customers with one purchase are trained on and not asked. Purchases of one day are in random
    order.

    Parameters
    ----------
    world
        All purchases, each pair once.
    seed
        Of the order within days.
    """
    tie = np.random.default_rng(seed).random(len(world))
    order = np.lexsort((tie, world.days, world.users))
    counts = np.bincount(world.users)
    ends = np.cumsum(counts)[world.users[order]]
    from_end = np.empty(len(world), dtype=np.int64)
    from_end[order] = ends - np.arange(len(world)) - 1
    of_customer = counts[world.users]
    test = (from_end == 0) & (of_customer >= 2)
    validation = (from_end == 1) & (of_customer >= 3)
    return _divided("per-user time", world, test, validation)


def random_split(world: Interactions, seed: int) -> Question:
    """Each purchase goes to training, validation or test by lot.

    Parameters
    ----------
    world
        All purchases, each pair once.
    seed
        Of the lots.
    """
    lot = np.random.default_rng(seed).random(len(world))
    test = lot < TEST_SHARE
    return _divided("random", world, test, ~test & (lot < TEST_SHARE + VALIDATION_SHARE))


def distinct_pairs(world: Interactions) -> Interactions:
    """Each customer and product once, at the first purchase."""
    order = np.lexsort((world.days, world.items, world.users))
    pair = world.users.astype(np.int64) * world.n_items_listed + world.items
    first = np.r_[True, np.diff(pair[order]) > 0]
    return world.take(np.sort(order[first]))


def full_ranking(model: Recommender, question: Question, k: int = K) -> dict[str, np.ndarray]:
    """NDCG and hit rate of each asked customer, ranked against all candidates.

    Parameters
    ----------
    model
        Trained on ``question.train``.
    question
        What is asked.
    k
        Length of the lists.
    """
    items, _ = model.follow(*question.known).recommend(
        question.users,
        k,
        exclude_seen=False,
        candidates=question.candidates,
        seen=question.seen,
    )
    metrics = ranking_metrics(items, question.targets, k)
    return {name: metrics[f"{name}@{k}"] for name in ("ndcg", "hit_rate")}


def few_items_ranking(
    model: Recommender, question: Question, seed: int, k: int = K
) -> dict[str, np.ndarray]:
    """NDCG of ordering only the products that each customer has in the test set.

    Parameters
    ----------
    model
        Trained on ``question.train``.
    question
        What is asked.
    seed
        Of the order of equal scores.
    k
        Where lists are cut.

    Returns
    -------
    dict
        ``liked``: relevant are products with four stars or more, NaN for customers who have
        none. ``graded``: the stars themselves are the gain.
    """
    indptr, items, stars = question.stars.indptr, question.stars.indices, question.stars.data
    rows = np.repeat(np.arange(len(question.users)), np.diff(indptr))
    scores = np.empty(len(items))
    model = model.follow(*question.known)
    block = max(1, (1 << 22) // max(model.n_items, 1))
    for start in range(0, len(question.users), block):
        here = slice(indptr[start], indptr[min(start + block, len(question.users))])
        of_block = model.score(question.users[start : start + block])
        scores[here] = of_block[rows[here] - start, items[here]]
    tie = np.random.default_rng(seed).random(len(items))
    found = {}
    for name, gain in (("liked", (stars >= LIKED).astype(float)), ("graded", stars.astype(float))):
        got = _discounted(rows, indptr, np.lexsort((tie, -scores, rows)), gain, k)
        best = _discounted(rows, indptr, np.lexsort((tie, -gain, rows)), gain, k)
        found[name] = np.divide(got, best, out=np.full(len(got), np.nan), where=best > 0)
    return found


def _discounted(
    rows: np.ndarray, indptr: np.ndarray, order: np.ndarray, gain: np.ndarray, k: int
) -> np.ndarray:
    """Discounted gain of each row, its entries in this order."""
    rank = np.arange(len(order)) - indptr[rows[order]]
    worth = np.where(rank < k, gain[order] / np.log2(rank + 2.0), 0.0)
    return np.bincount(rows[order], weights=worth, minlength=len(indptr) - 1)


def _divided(name: str, world: Interactions, test: np.ndarray, validation: np.ndarray) -> Question:
    """A question from masks: customers with a training purchase, products with one."""
    train = ~test & ~validation
    users, n_users = _codes(world.users, train, int(world.users.max()) + 1)
    items, n_items = _codes(world.items, train, world.n_items_listed)
    category = np.empty_like(world.item_categories)
    category[items] = world.item_categories
    coded = replace(
        world,
        users=users[world.users].astype(np.int32),
        items=items[world.items].astype(np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=category,
    )
    answerable = test & (coded.users < n_users) & (coded.items < n_items)
    asked = np.unique(coded.users[answerable])
    original = np.empty(len(users), dtype=np.int64)
    original[users] = np.arange(len(users))
    shape = (len(asked), world.n_items_listed)

    def matrix(rows: np.ndarray, values: np.ndarray) -> scipy.sparse.csr_matrix:
        rows = np.flatnonzero(rows & np.isin(coded.users, asked))
        place = np.searchsorted(asked, coded.users[rows])
        return _matrix(place, coded.items[rows], values[rows], shape)

    ones = np.ones(len(world), dtype=np.float32)
    before = ~test
    return Question(
        name=name,
        train=coded.take(train),
        validation=coded.take(validation),
        known=(coded.users[before], coded.items[before], coded.days[before]),
        users=asked.astype(np.int32),
        customers=original[asked],
        targets=matrix(answerable, ones),
        seen=matrix(before, ones),
        candidates=np.arange(n_items, dtype=np.int32),
        stars=matrix(answerable, coded.stars),
        counts={
            "training_purchases": int(train.sum()),
            "customers_asked": len(asked),
            "with_history": len(asked),
            "targets": int(answerable.sum()),
            "left_out_targets": int(test.sum() - answerable.sum()),
            "candidates": n_items,
        },
    )


def _codes(values: np.ndarray, train: np.ndarray, n: int) -> tuple[np.ndarray, int]:
    """New code of each of ``n`` old ones, those of training first; and how many those are."""
    inside = np.zeros(n, dtype=bool)
    inside[values[train]] = True
    new = np.empty(n, dtype=np.int64)
    new[inside] = np.arange(inside.sum())
    new[~inside] = np.arange(inside.sum(), n)
    return new, int(inside.sum())


def _matrix(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]
) -> scipy.sparse.csr_matrix:
    matrix = scipy.sparse.csr_matrix((values.astype(np.float32), (rows, columns)), shape=shape)
    matrix.sort_indices()
    return matrix


def describe(question: Question) -> dict[str, Any]:
    """The counts of a question, and how many customers have a single target."""
    single = int((np.diff(question.targets.indptr) == 1).sum())
    return question.counts | {"customers_with_one_target": single}
