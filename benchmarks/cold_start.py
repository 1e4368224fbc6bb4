"""The cold-start protocol: products that nothing which is learnt has seen a purchase of.

Three ways to have such products. *Hidden*: a random share of the training products is taken out of
training altogether. Their purchases are removed from training, from early stopping and from what is
told at the test, and their codes are moved behind those of the training products; what was bought
of them in the test stays as targets. *As they are*: first sold during validation, so that the
models, which learn from training, do not know them; but their validation sales are told, as they
would be in a shop. *Untold*: the same products, their sales kept secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy.sparse

from benchmarks.content_worlds import ContentWorld, Purchases, Shelf
from product_recommender.interactions import Interactions, ItemContent
from product_recommender.metrics.ranking import expected_ranking_metrics
from product_recommender.model_inputs import TRAIN

K = 10
HIDDEN, TOLD, UNTOLD = "hidden", "as they are", "as they are, sales untold"
BLOCK_CELLS = 1 << 22


class Ranker(Protocol):
    """Whatever can be asked for scores of all products."""

    def score(self, users: np.ndarray) -> np.ndarray:
        """float ``[b, n_items_listed]``, larger is better, of these user codes."""


@dataclass(frozen=True)
class ColdStart:
    """What is learnt from, who is asked, and which products are cold.

    Attributes
    ----------
    name
        ``HIDDEN``, ``TOLD`` or ``UNTOLD``.
    train, tune
        Purchases without those of cold products; codes of this question.
    known
        Purchases before the test, told to those who answer from histories.
    users
        int ``[n]``: customers with a target, codes of this question.
    customers
        int ``[n]``: the same in the codes of the world, to match customers between draws.
    targets, seen
        Binary csr ``[n, n_items_listed]``.
    candidates
        int ``[m]``: products on sale by the test, ascending.
    cold
        int ``[c]``: those of them that are cold, ascending.
    shelf
        Brands and price bands in the codes of this question.
    """

    name: str
    train: Interactions
    tune: Interactions
    known: Purchases
    users: np.ndarray
    customers: np.ndarray
    targets: scipy.sparse.csr_matrix
    seen: scipy.sparse.csr_matrix
    candidates: np.ndarray
    cold: np.ndarray
    shelf: Shelf

    @property
    def cold_targets(self) -> scipy.sparse.csr_matrix:
        """Binary csr ``[n, n_items_listed]``: targets that are cold products."""
        is_cold = np.zeros(self.targets.shape[1], dtype=bool)
        is_cold[self.cold] = True
        targets = self.targets.multiply(is_cold).tocsr()
        targets.eliminate_zeros()
        return targets

    def counts(self) -> dict[str, int]:
        """How many of what, for the table."""
        cold = self.cold_targets
        asked = np.diff(cold.indptr) > 0
        with_history = np.diff(self.seen.indptr) > 0
        return {
            "training_purchases": len(self.train),
            "training_products": self.train.n_items,
            "cold_products": len(self.cold),
            "candidates": len(self.candidates),
            "customers_asked": len(self.users),
            "customers_with_cold_target": int(asked.sum()),
            "of_them_with_history": int((asked & with_history).sum()),
            "targets": int(self.targets.nnz),
            "cold_targets": int(cold.nnz),
        }


def as_they_are(world: ContentWorld, told: bool = True) -> ColdStart:
    """The test cut of a world: cold is what was first sold during validation.

    Parameters
    ----------
    world
        With contents.
    told
        Whether the validation sales of these products are told, as they would be in a shop.
    """
    cut, n_items = world.cut, world.arrays.n_items
    users, items, days = world.known
    kept = np.full(len(items), told) | (items < n_items)
    return ColdStart(
        name=TOLD if told else UNTOLD,
        train=world.train,
        tune=world.tune if told else world.tune.take(world.tune.items < n_items),
        known=(users[kept], items[kept], days[kept]),
        users=cut.users,
        customers=cut.users,
        targets=cut.targets,
        seen=cut.seen,
        candidates=np.sort(cut.candidates),
        cold=np.sort(cut.candidates[cut.candidates >= n_items]),
        shelf=world.shelf,
    )


def hide(world: ContentWorld, share: float, seed: int) -> ColdStart:
    """Take a random share of the training products out of everything that is learnt.

    Parameters
    ----------
    world
        With contents.
    share
        Of the training products, between 0 and 1.
    seed
        Decides which.

    Raises
    ------
    ValueError
        If the share leaves no product to learn from, or none to hide.
    """
    arrays = world.arrays
    n_hidden = round(share * arrays.n_items)
    if not 0 < n_hidden < arrays.n_items:
        raise ValueError(
            f"a share of {share} of {arrays.n_items} training products hides {n_hidden}: hide at "
            "least one, and not all"
        )
    hidden = np.zeros(arrays.n_items_listed, dtype=bool)
    hidden[np.random.default_rng(seed).choice(arrays.n_items, n_hidden, replace=False)] = True
    learnt = (arrays.parts == TRAIN) & ~hidden[arrays.items]
    items = _codes(learnt, arrays.items, arrays.n_items_listed)
    # A customer all of whose training purchases are hidden was never a training customer.
    users = _codes(learnt, arrays.users, arrays.n_users_listed)
    n_users = len(np.unique(arrays.users[learnt]))
    order = np.argsort(items)
    cut = world.cut

    def coded(rows: Interactions) -> Interactions:
        kept = rows.take(~hidden[rows.items])
        return replace(
            kept,
            users=users[kept.users].astype(np.int32),
            items=items[kept.items].astype(np.int32),
            n_users=n_users,
            n_items=arrays.n_items - n_hidden,
            item_categories=kept.item_categories[order],
            contents=_reordered(kept.contents, order),
        )

    before = world.known
    told = ~hidden[before[1]]
    return ColdStart(
        name=HIDDEN,
        train=coded(world.train),
        tune=coded(world.tune),
        known=(users[before[0][told]], items[before[1][told]], before[2][told]),
        users=users[cut.users],
        customers=cut.users,
        targets=cut.targets[:, order].tocsr(),
        seen=cut.seen[:, order].tocsr(),
        candidates=np.sort(items[cut.candidates]),
        cold=np.sort(items[np.intersect1d(cut.candidates, np.flatnonzero(hidden))]),
        shelf=world.shelf.reordered(order),
    )


def _codes(learnt: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """New code of each of ``n`` old ones: those with a learnt row first, in their old order."""
    inside = np.zeros(n, dtype=bool)
    inside[values[learnt]] = True
    order = np.concatenate([np.flatnonzero(inside), np.flatnonzero(~inside)])
    codes = np.empty(n, dtype=np.int64)
    codes[order] = np.arange(n)
    return codes


def _reordered(contents: Mapping[str, ItemContent], order: np.ndarray) -> dict[str, ItemContent]:
    return {
        kind: replace(content, vectors=content.vectors[order], known=content.known[order])
        for kind, content in contents.items()
    }


def ask(ranker: Ranker, question: ColdStart, k: int = K) -> dict[str, np.ndarray]:
    """NDCG and hit rate of every customer: ties by expectation, so that chance scores chance.

    Parameters
    ----------
    ranker
        Trained on ``question.train``.
    question
        What is asked.
    k
        Length of the lists.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 ``[n]``, by customer of the question; NaN where a customer is not asked.
        ``cold_ndcg``, ``cold_hit_rate``: cold products ranked among themselves.
        ``whole_ndcg``, ``whole_hit_rate``: cold targets in the whole catalogue. ``all_ndcg``: all
        targets in the whole catalogue.
    """
    cold_targets = question.cold_targets
    names = ("cold_ndcg", "cold_hit_rate", "whole_ndcg", "whole_hit_rate", "all_ndcg")
    found = {name: np.full(len(question.users), np.nan, dtype=np.float32) for name in names}
    everybody, has_cold = np.arange(len(question.users)), np.diff(cold_targets.indptr) > 0
    asked = np.flatnonzero(has_cold)
    block = max(1, BLOCK_CELLS // max(question.targets.shape[1], 1))
    for start in range(0, len(everybody), block):
        rows = everybody[start : start + block]
        scores = np.array(ranker.score(question.users[rows]), dtype=np.float32)
        owned = question.seen[rows]
        scores[np.repeat(np.arange(len(rows)), np.diff(owned.indptr)), owned.indices] = -np.inf
        of_all = _metrics(scores, question.targets[rows], question.candidates, k)
        found["all_ndcg"][rows] = of_all[f"ndcg@{k}"]
        inside = np.isin(rows, asked)
        if not inside.any():
            continue
        here = rows[inside]
        for name, pool in (("cold", question.cold), ("whole", question.candidates)):
            of_cold = _metrics(scores[inside], cold_targets[here], pool, k)
            for metric in ("ndcg", "hit_rate"):
                found[f"{name}_{metric}"][here] = of_cold[f"{metric}@{k}"]
    return found


def _metrics(
    scores: np.ndarray, targets: scipy.sparse.csr_matrix, pool: np.ndarray, k: int
) -> dict[str, np.ndarray]:
    relevant = targets[:, pool].toarray() > 0
    return expected_ranking_metrics(scores[:, pool], relevant, k)
