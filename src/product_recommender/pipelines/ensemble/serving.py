"""The served list: the best products for every customer, a block of customers at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse

from product_recommender.code_names import CodeNames
from product_recommender.interactions import UNKNOWN
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.top_k import best_of_shared_row

USERS_IN_BLOCK = 8192

SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("rank", pa.int16()),
        ("product_id", pa.string()),
        ("score", pa.float32()),
        ("model", pa.string()),
        ("is_fallback", pa.bool_()),
    ]
)


def served_batches(
    model: Recommender,
    name: str,
    purchases: scipy.sparse.csr_matrix,
    candidates: np.ndarray,
    names: CodeNames,
    k: int,
) -> Iterator[pa.RecordBatch]:
    """Lists for all customers, in the order of their codes.

    Customers whom the model does not know share one row of scores, so it is computed and sorted
    once and each of them only skips what they bought: millions of them cost no more than their
    rows.

    Parameters
    ----------
    model
        Who answers; told of all purchases (``Recommender.follow``).
    name
        Its name in the table.
    purchases
        Binary csr ``[n_users_listed, n_items_listed]``: never recommended again.
    candidates
        int32 ``[m]``: products on sale.
    names
        The ids behind the codes.
    k
        Length of the lists.

    Yields
    ------
    pyarrow.RecordBatch
        Of ``SCHEMA``.
    """
    n_users = purchases.shape[0]
    everyone = np.arange(n_users)
    strangers = _SharedList.of(model, purchases[~model.is_known(everyone)], candidates, k)
    width = min(k, len(candidates))
    for start in range(0, n_users, USERS_IN_BLOCK):
        users = everyone[start : start + USERS_IN_BLOCK]
        known = model.is_known(users)
        items = np.full((len(users), width), -1, dtype=np.int64)
        scores = np.full((len(users), width), -np.inf, dtype=np.float32)
        if known.any():
            items[known], scores[known] = model.recommend(
                users[known],
                k,
                exclude_seen=False,
                candidates=candidates,
                seen=purchases[users[known]],
            )
        if not known.all():
            items[~known], scores[~known] = strangers.without(purchases[users[~known]], width)
        yield _batch(users, items, scores, model.uses_fallback(users), name, names)


@dataclass(frozen=True)
class _SharedList:
    """The list of all customers whom a model does not know, long enough to skip in it."""

    items: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(
        cls,
        model: Recommender,
        purchases: scipy.sparse.csr_matrix,
        candidates: np.ndarray,
        k: int,
    ) -> _SharedList:
        most_bought = int(np.diff(purchases.indptr).max(initial=0))
        items, scores = (
            answer[0]
            for answer in model.recommend(
                np.array([UNKNOWN]), k + most_bought, candidates=candidates
            )
        )
        # Lists end in -1 where a model ranks fewer products than asked for.
        return cls(items[items >= 0], scores[items >= 0])

    def without(self, bought: scipy.sparse.csr_matrix, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Items and scores ``[n, width]`` for customers who bought this, padded with -1."""
        place_of = np.full(bought.shape[1], -1, dtype=np.int64)
        place_of[self.items] = np.arange(len(self.items))
        rows = np.repeat(np.arange(bought.shape[0]), np.diff(bought.indptr))
        places = place_of[bought.indices]
        items = np.full((bought.shape[0], width), -1, dtype=np.int64)
        scores = np.full((bought.shape[0], width), -np.inf, dtype=np.float32)
        filled = min(width, len(self.items))
        if filled:
            columns, scores[:, :filled] = best_of_shared_row(
                self.scores,
                np.arange(len(self.items)),
                (rows[places >= 0], places[places >= 0]),
                bought.shape[0],
                filled,
            )
            items[:, :filled] = np.where(columns >= 0, self.items[columns], -1)
        return items, scores


def _batch(
    users: np.ndarray,
    items: np.ndarray,
    scores: np.ndarray,
    is_fallback: np.ndarray,
    name: str,
    names: CodeNames,
) -> pa.RecordBatch:
    row, column = np.nonzero(items >= 0)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(names.customers[users[row]], pa.string()),
            pa.array((column + 1).astype(np.int16)),
            pa.array(names.products[items[row, column]], pa.string()),
            pa.array(scores[row, column].astype(np.float32)),
            pa.repeat(pa.scalar(name), len(row)),
            pa.array(is_fallback[row]),
        ],
        schema=SCHEMA,
    )
