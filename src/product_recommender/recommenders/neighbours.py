"""Which items the same customers buy, and which one after another: sparse and in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from product_recommender.recommenders.histories import Histories

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_CELLS = 1 << 22
"""Cells of a block of rows if it were dense: at most 4 M, 16 MB of float32 and their places."""


def bought_together(purchases: scipy.sparse.csr_matrix) -> Iterator[scipy.sparse.csr_matrix]:
    """How often items were bought by the same customers, as blocks of rows.

    Never more than a block is held, and that is sparse, so that nothing grows with the square of
    the number of items or of customers.

    Parameters
    ----------
    purchases
        csr ``[n_users, n_items]``, weights w of purchases, none below zero.

    Yields
    ------
    scipy.sparse.csr_matrix
        ``[b, n_items]``, next rows of ``sum_u w_uj w_ui``.
    """
    by_item = purchases.T.tocsr()
    block = max(1, BLOCK_CELLS // max(purchases.shape[1], 1))
    for start in range(0, purchases.shape[1], block):
        yield (by_item[start : start + block] @ purchases).tocsr()


def pairs_by_lag(histories: Histories, window: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Pairs of purchases of one customer, the nearest first.

    Parameters
    ----------
    histories
        Purchases in the order of time.
    window
        How many purchases later the second one is, at most.

    Yields
    ------
    lag : int
        From 1 on.
    first, then : numpy.ndarray
        int64: places in ``histories.items``, ``then = first + lag``.
    """
    users = np.repeat(np.arange(histories.n_users), histories.lengths)
    for lag in range(1, min(window, int(histories.lengths.max(initial=1)) - 1) + 1):
        first = np.flatnonzero(users[:-lag] == users[lag:])
        yield lag, first, first + lag


def bought_in_order(
    histories: Histories,
    purchases: scipy.sparse.csr_matrix,
    half_life_days: float | None,
    backward_weight: float,
    window: int,
) -> scipy.sparse.csr_matrix:
    """The same, where it matters which item came first and how long after it the other.

    Parameters
    ----------
    histories
        Purchases of each user in the order of time.
    purchases
        csr ``[n_users, n_items]`` of the same purchases, weights w, indices sorted.
    half_life_days
        Days between two purchases at which their pair counts half; None: however many.
    backward_weight
        What a pair counts in the row of the later item. In that of the earlier one it is 1, and on
        the same day, when nobody knows which came first, half the sum for both.
    window
        Pairs further apart in the history than so many purchases are left out, which bounds the
        time by ``window`` times the purchases.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 ``[n_items, n_items]``: row j, column i counts i after j.
    """
    n_items = purchases.shape[1]
    users = np.repeat(np.arange(histories.n_users), histories.lengths)
    weights = np.asarray(purchases[users, histories.items]).ravel()
    items, days = histories.items, histories.days.astype(np.float64)
    total = scipy.sparse.csr_matrix((n_items, n_items), dtype=np.float32)
    for _, first, then in pairs_by_lag(histories, window):
        gap = days[then] - days[first]
        pair = weights[first] * weights[then]
        if half_life_days is not None:
            pair = pair * np.exp2(-gap / half_life_days)
        either = (1.0 + backward_weight) / 2.0
        forward = np.where(gap > 0, 1.0, either) * pair
        backward = np.where(gap > 0, backward_weight, either) * pair
        cells = (
            np.concatenate([forward, backward]).astype(np.float32),
            (
                np.concatenate([items[first], items[then]]),
                np.concatenate([items[then], items[first]]),
            ),
        )
        total = total + scipy.sparse.csr_matrix(cells, shape=total.shape)
    return scipy.sparse.csr_matrix(total)


def top_neighbours(
    together: Iterable[scipy.sparse.csr_matrix],
    source_norm: np.ndarray,
    target_norm: np.ndarray,
    shrinkage: float,
    neighbours: int,
) -> scipy.sparse.csr_matrix:
    """For each item, the bought items that speak for it most.

    Parameters
    ----------
    together
        Blocks of rows of c ``[n_items, n_items]``, from the first to the last: in row i, what the
        pair of item i with a bought item j counts. The similarity is
        ``c_ij / (source_norm_j * target_norm_i + shrinkage)``.
    source_norm, target_norm
        float ``[n_items]``, above zero.
    shrinkage
        Draws similarities that rest on few purchases towards zero; in the units of the norms'
        product.
    neighbours
        How many may speak for one item; of equal ones those of the smaller code.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 ``[n_items, n_items]``: row j holds what the purchase of j says about others. Its
        diagonal is empty: what was bought does not recommend itself.
    """
    parts = []
    start = 0
    for block in together:
        norm = target_norm[start : start + block.shape[0]]
        parts.append(nearest_of_rows(block, norm, source_norm, shrinkage, neighbours, start))
        start += block.shape[0]
    return scipy.sparse.vstack(parts, format="csr").astype(np.float32).T.tocsr()


def nearest_of_rows(
    counts: scipy.sparse.csr_matrix,
    row_norm: np.ndarray,
    column_norm: np.ndarray,
    shrinkage: float,
    neighbours: int,
    first_row: int = 0,
) -> scipy.sparse.csr_matrix:
    """The largest similarities of each row of a block.

    Parameters
    ----------
    counts
        csr ``[b, n_items]``: what each pair counts.
    row_norm, column_norm
        float ``[b]`` and ``[n_items]``: the similarity is
        ``counts / (row_norm * column_norm + shrinkage)``.
    shrinkage, neighbours
        As of ``top_neighbours``; so many are kept of each row.
    first_row
        Which item the first row is: an item is no neighbour of itself.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 ``[b, n_items]``, indices sorted.
    """
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    column = counts.indices
    values = counts.data / (column_norm[column] * row_norm[row] + shrinkage)
    values[column == row + first_row] = 0.0
    similar = scipy.sparse.csr_matrix(
        (values.astype(np.float32), column, counts.indptr), shape=counts.shape, copy=True
    )
    return _largest_of_rows(similar, neighbours)


def _largest_of_rows(matrix: scipy.sparse.csr_matrix, kept: int) -> scipy.sparse.csr_matrix:
    """The largest values above zero of each row; of equal ones those of the smaller column."""
    matrix.eliminate_zeros()
    matrix.sort_indices()
    for row in np.flatnonzero(np.diff(matrix.indptr) > kept):
        values = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
        last = np.partition(values, -kept)[-kept]
        above = values > last
        ties = np.flatnonzero(values == last)[: kept - int(above.sum())]
        chosen = above
        chosen[ties] = True
        values[~chosen] = 0.0
    matrix.eliminate_zeros()
    return matrix


def sparse_state(matrix: scipy.sparse.csr_matrix) -> dict[str, Tensor]:
    """A square sparse matrix as tensors for a weights file."""
    import torch

    return {
        "neighbour/indptr": torch.from_numpy(matrix.indptr.astype(np.int64)),
        "neighbour/indices": torch.from_numpy(matrix.indices.astype(np.int32)),
        "neighbour/values": torch.from_numpy(matrix.data.astype(np.float32)),
    }


def sparse_from_state(state: dict[str, Tensor], n_items: int) -> scipy.sparse.csr_matrix:
    """The matrix that ``sparse_state`` took apart."""
    indptr, indices, values = (
        state[f"neighbour/{key}"].numpy() for key in ("indptr", "indices", "values")
    )
    return scipy.sparse.csr_matrix((values, indices, indptr), shape=(n_items, n_items))
