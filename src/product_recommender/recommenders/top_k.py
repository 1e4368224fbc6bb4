"""The best k of a row of scores, with ties decided by an order that was drawn beforehand.

What the base class needs to answer ``recommend``: the request in columns instead of item codes,
the cells to hide, and the selection itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from product_recommender.sorted_codes import distinct

if TYPE_CHECKING:
    import scipy.sparse
    from torch import Tensor

Cells = tuple[np.ndarray, np.ndarray]
"""Row and column numbers, int64, of cells in a block of scores."""

GROUP = 32
"""Neighbouring columns that the selection on the CPU first looks at through their maximum."""


@dataclass(frozen=True)
class Request:
    """What one call of ``recommend`` asks for.

    Attributes
    ----------
    pool
        int ``[m]``, ascending: the items that may be recommended. Column j is item ``pool[j]``.
    is_whole_range
        The pool is exactly the items that are scored, so that columns are item codes.
    priority
        int64 ``[m]``, a permutation: the order of ties.
    width
        Length of the lists, ``min(k, m)``.
    seen
        Further purchases to leave out, a row for each user, or None.
    """

    pool: np.ndarray
    is_whole_range: bool
    priority: np.ndarray
    width: int
    seen: scipy.sparse.csr_matrix | None

    @classmethod
    def of(
        cls,
        n_rows: int,
        n_items: int,
        k: int,
        candidates: np.ndarray | None,
        seen: scipy.sparse.csr_matrix | None,
        seed: int,
        n_scored: int | None = None,
    ) -> Request:
        """Check what was asked for and draw the order of ties.

        ``n_items`` are the training items, which the pool is made of where no candidates are named;
        ``n_scored`` the columns of the scores, where those are more.

        Raises
        ------
        ValueError
            If ``k`` is below 1, a candidate has no code or ``seen`` has not ``n_rows`` rows.
        """
        pool = np.arange(n_items) if candidates is None else np.unique(np.asarray(candidates))
        if k < 1:
            raise ValueError(f"k is {k}; ask for at least one recommendation")
        if len(pool) and pool[0] < 0:
            raise ValueError(
                f"candidates hold {pool[0]}; a product without a code cannot be recommended, "
                "leave it out"
            )
        if seen is not None and seen.shape[0] != n_rows:
            raise ValueError(
                f"seen has {seen.shape[0]} rows for {n_rows} users; row i belongs to users[i]"
            )
        width = n_items if n_scored is None else n_scored
        return cls(
            pool=pool,
            is_whole_range=len(pool) == width and bool(width == 0 or pool[-1] == width - 1),
            priority=np.random.default_rng(seed).permutation(len(pool)),
            width=min(k, len(pool)),
            seen=None if seen is None else seen.tocsr(),
        )

    def cells(self, purchases: list[Cells]) -> Cells:
        """Turn rows and item codes into rows and columns; items outside the pool fall away."""
        if not purchases:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        row = np.concatenate([part[0] for part in purchases])
        item = np.concatenate([part[1] for part in purchases]).astype(np.int64)
        column = item if self.is_whole_range else np.searchsorted(self.pool, item)
        inside = column < len(self.pool)
        row, item, column = row[inside], item[inside], column[inside]
        inside = self.pool[column] == item
        row, column = row[inside], column[inside]
        # The same cell may come from training and from `seen`: count it once.
        cells = distinct(row * len(self.pool) + column)
        return cells // len(self.pool), cells % len(self.pool)


def rows_of(indptr: np.ndarray, indices: np.ndarray, rows: np.ndarray) -> Cells:
    """The stored cells of some rows of a csr matrix, without a Python loop.

    Parameters
    ----------
    indptr, indices
        As of ``scipy.sparse.csr_matrix``.
    rows
        int ``[b]``: numbers of rows, in any order, repeats allowed.

    Returns
    -------
    row, column : numpy.ndarray
        int64; ``row`` is the position in ``rows``.
    """
    row, place = places_of(indptr, rows)
    return row, indices[place].astype(np.int64)


def places_of(indptr: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the cells of some rows are stored, for data kept beside the columns.

    Parameters
    ----------
    indptr, rows
        As of ``rows_of``.

    Returns
    -------
    row, place : numpy.ndarray
        int64; ``place`` goes into the arrays of columns and values.
    """
    first, last = indptr[rows].astype(np.int64), indptr[rows + 1].astype(np.int64)
    lengths = last - first
    place = np.repeat(first - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    return np.repeat(np.arange(len(rows)), lengths), place


def best_of_rows(scores: Tensor, priority: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the ``width`` largest scores of every row, best first.

    Equal scores stand in the order of ``priority``, smaller first, also where the cut goes through
    them. The answer for a row therefore depends neither on other rows nor on ``width``: a shorter
    list is the beginning of a longer one.

    Parameters
    ----------
    scores
        float ``[n, m]`` on any device; -inf marks what must not be chosen. Not changed.
    priority
        int64 ``[m]``, a permutation of ``0 .. m - 1``.
    width
        ``1 <= width <= m``.

    Returns
    -------
    columns : numpy.ndarray
        int64 ``[n, width]``, -1 where the score is -inf.
    values : numpy.ndarray
        float32 ``[n, width]``.

    Raises
    ------
    ValueError
        If a score is NaN.
    """
    import torch

    # One more than asked for shows whether the cut goes through a tie.
    top_values, top_columns = _largest(scores, min(width + 1, scores.shape[1]))
    values, columns = top_values.float().cpu().numpy(), top_columns.cpu().numpy()
    if np.isnan(values[:, :1]).any():  # topk puts NaN first
        raise ValueError("a score is NaN, so there is no order; the model's training has diverged")
    equal_next = (values[:, 1:] == values[:, :-1]) & np.isfinite(values[:, 1:])
    tied = np.flatnonzero(equal_next.any(axis=1))
    if len(tied):
        order = np.lexsort((priority[columns[tied]], -values[tied]), axis=-1)
        columns[tied] = np.take_along_axis(columns[tied], order, axis=1)
    if values.shape[1] > width:
        cut = np.flatnonzero(equal_next[:, width - 1])
        if len(cut):
            columns[cut, :width] = _through_the_tie(
                scores[torch.from_numpy(cut).to(scores.device)],
                values[cut, :width],
                columns[cut, :width],
                priority,
            )
    values, columns = values[:, :width], columns[:, :width]
    return np.where(np.isneginf(values), -1, columns), values


def _largest(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """``torch.topk`` along the rows; on the CPU several times faster where there are many columns.

    A value among the best ``k`` of its row lies in a group of columns whose maximum is among the
    best ``k`` maxima (or is tied with one of those, and then so is the value). One vectorised pass
    finds the maxima, and the slow selection sees ``k`` groups instead of the row. NaN is larger
    than everything in both steps, as in ``torch.topk``.
    """
    import torch

    n_rows, n_columns = scores.shape
    n_groups = n_columns // GROUP
    if scores.device.type != "cpu" or n_groups < 4 * k:
        top = torch.topk(scores, k, dim=1)
        return top.values, top.indices
    whole = n_groups * GROUP
    maxima = scores[:, :whole].unflatten(1, (n_groups, GROUP)).amax(dim=2)
    groups = torch.topk(maxima, k, dim=1, sorted=False).indices
    columns = (groups.unsqueeze(2) * GROUP + torch.arange(GROUP)).flatten(1)
    rest = torch.arange(whole, n_columns).expand(n_rows, -1)
    columns = torch.cat([columns, rest], dim=1)
    top = torch.topk(scores.gather(1, columns), k, dim=1)
    return top.values, columns.gather(1, top.indices)


@contextmanager
def hidden_cells(scores: Tensor, cells: Cells) -> Iterator[Tensor]:
    """The scores with some cells at -inf, put back when the block ends.

    A model may hand out a tensor that it keeps, so it must come back unchanged; two short writes
    cost less than a copy of all the scores.

    Parameters
    ----------
    scores
        float ``[n, m]``.
    cells
        Distinct cells to hide.
    """
    import torch

    if len(cells[0]) == 0:
        yield scores
        return
    if not scores.is_contiguous():  # rows may share their memory
        scores = scores.contiguous()
    place = torch.from_numpy(cells[0] * scores.shape[1] + cells[1]).to(scores.device)
    flat = scores.view(-1)
    kept = flat[place]
    flat[place] = -torch.inf
    try:
        yield scores
    finally:
        flat[place] = kept


def _through_the_tie(
    scores: Tensor, values: np.ndarray, columns: np.ndarray, priority: np.ndarray
) -> np.ndarray:
    """Columns of rows whose last place is tied with columns beyond it, chosen by priority.

    The cut value's whole group is ordered by priority and fills the places after the strictly
    better ones, which are already in order.
    """
    import torch

    width = values.shape[1]
    cut_value = torch.from_numpy(values[:, -1:].copy()).to(scores.device, scores.dtype)
    order = torch.from_numpy(priority).to(scores.device)
    key = torch.where(scores == cut_value, order, len(priority))
    group = torch.topk(key, width, dim=1, largest=False, sorted=True).indices.cpu().numpy()
    better = (values > values[:, -1:]).sum(axis=1, keepdims=True)
    place = np.arange(width)
    from_group = np.take_along_axis(group, np.maximum(place - better, 0), axis=1)
    return np.where(place < better, columns, from_group)


def best_of_shared_row(
    scores: np.ndarray,
    priority: np.ndarray,
    hidden: tuple[np.ndarray, np.ndarray],
    n_rows: int,
    width: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The same as ``best_of_rows`` for many users who share one row of scores.

    The row is sorted once; each user then takes the first entries that are not hidden.

    Parameters
    ----------
    scores
        float32 ``[m]``.
    priority
        int64 ``[m]``, a permutation.
    hidden
        Row and column numbers of the cells that must not be chosen.
    n_rows
        Number of users.
    width
        ``1 <= width <= m``.

    Returns
    -------
    columns, values : numpy.ndarray
        As of ``best_of_rows``.
    """
    if np.isnan(scores).any():
        raise ValueError("a score is NaN, so there is no order; the model's training has diverged")
    order = np.lexsort((priority, -scores))
    order = order[: np.count_nonzero(~np.isneginf(scores))]
    columns = np.full((n_rows, width), -1, dtype=np.int64)
    columns[:, : min(width, len(order))] = order[:width]
    rank = np.full(len(scores), len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    touched, row = np.unique(hidden[0], return_inverse=True)
    if len(touched):
        most_hidden = int(np.bincount(row).max())
        depth = min(len(order), width + most_hidden)
        visible = np.ones((len(touched), depth), dtype=bool)
        near = rank[hidden[1]] < depth
        visible[row[near], rank[hidden[1]][near]] = False
        place = np.cumsum(visible, axis=1)
        r, c = np.nonzero(visible & (place <= width))
        columns[touched] = -1
        columns[touched[r], place[r, c] - 1] = order[c]
    values = np.where(columns < 0, np.float32(-np.inf), scores[columns]).astype(np.float32)
    return columns, values
