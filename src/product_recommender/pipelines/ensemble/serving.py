"""The served list: the best products for every customer, a block of customers at a time."""

from __future__ import annotations

from collections.abc import Iterator

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

    Customers without training purchases share one row of scores, so it is computed and sorted once
    and each of them only skips what they bought: millions of them cost no more than their rows.

    Parameters
    ----------
    model
        Who answers.
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
    n_known = min(model.n_users, purchases.shape[0])
    for start in range(0, n_known, USERS_IN_BLOCK):
        users = np.arange(start, min(start + USERS_IN_BLOCK, n_known))
        items, scores = model.recommend(
            users, k, exclude_seen=False, candidates=candidates, seen=purchases[users]
        )
        yield _batch(users, items, scores, ~model.is_known(users), name, names)
    yield from _answer_strangers(model, name, purchases, candidates, names, k, n_known)


def _answer_strangers(
    model: Recommender,
    name: str,
    purchases: scipy.sparse.csr_matrix,
    candidates: np.ndarray,
    names: CodeNames,
    k: int,
    first_stranger: int,
) -> Iterator[pa.RecordBatch]:
    n_users, n_items = purchases.shape
    if first_stranger >= n_users:
        return
    most_bought = int(np.diff(purchases.indptr[first_stranger:]).max())
    cold_items, cold_scores = (
        answer[0]
        for answer in model.recommend(np.array([UNKNOWN]), k + most_bought, candidates=candidates)
    )
    # Lists end in -1 where a model ranks fewer products than asked for.
    cold_items, cold_scores = cold_items[cold_items >= 0], cold_scores[cold_items >= 0]
    place_of = np.full(n_items, -1, dtype=np.int64)
    place_of[cold_items] = np.arange(len(cold_items))
    in_order = np.arange(len(cold_items))
    for start in range(first_stranger, n_users, USERS_IN_BLOCK):
        users = np.arange(start, min(start + USERS_IN_BLOCK, n_users))
        bought = purchases[users]
        rows = np.repeat(np.arange(len(users)), np.diff(bought.indptr))
        places = place_of[bought.indices]
        hidden = rows[places >= 0], places[places >= 0]
        columns, scores = best_of_shared_row(
            cold_scores, in_order, hidden, len(users), min(k, len(cold_items))
        )
        items = np.where(columns >= 0, cold_items[columns], -1)
        yield _batch(users, items, scores, np.ones(len(users), dtype=bool), name, names)


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
