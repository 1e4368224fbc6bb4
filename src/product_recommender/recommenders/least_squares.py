"""Many small ridge regressions with a common part, solved exactly and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse
    from torch import Tensor

BATCH_CELLS = 1 << 22
"""Numbers in the largest array of a batch: 4 M are 16 MB of float32."""


def solve_rows(
    weights: scipy.sparse.csr_matrix, others: np.ndarray, common: np.ndarray, penalty: np.ndarray
) -> np.ndarray:
    """For each row the vector p that minimises ``sum_i w_i (1 - p.q_i)^2 + p'Cp + l |p|^2``.

    Rows with many weights are solved through the normal equations, ``factors x factors``; those
    with few through their dual, ``weights x weights`` in the eigenbasis of C, which for a customer
    with one purchase is a division instead of a factorisation. Both are exact.

    Parameters
    ----------
    weights
        csr ``[n, m]``, none below zero: w.
    others
        float32 ``[m, factors]``: q.
    common
        float32 ``[factors, factors]``, positive semidefinite: C.
    penalty
        float32 ``[n]``, above zero: l.

    Returns
    -------
    numpy.ndarray
        float32 ``[n, factors]``; zero for rows without a weight.
    """
    import torch

    n_factors = others.shape[1]
    vectors = torch.from_numpy(others)
    # Eigenvectors of the common part, in double: the dual divides by its small eigenvalues.
    values, basis = np.linalg.eigh(common.astype(np.float64))
    eigenvalues = torch.from_numpy(np.maximum(values, 0.0).astype(np.float32))
    rotation = torch.from_numpy(basis.astype(np.float32))
    rotated = vectors @ rotation
    shared, ridge = torch.from_numpy(common), torch.from_numpy(penalty)
    solution = torch.zeros(weights.shape[0], n_factors)
    for rows in batches(np.diff(weights.indptr), n_factors):
        columns, cells = padded(weights, rows)
        if columns.shape[1] < n_factors:
            inverse = 1.0 / (eigenvalues + ridge[rows][:, None])
            solution[rows] = _dual(rotated[columns], cells, inverse) @ rotation.T
        else:
            solution[rows] = _primal(vectors[columns], cells, shared, ridge[rows])
    result: np.ndarray = solution.numpy()
    return result


def _primal(vectors: Tensor, weights: Tensor, common: Tensor, ridge: Tensor) -> Tensor:
    """``(C + l + Q'WQ)^-1 Q'W1`` for float32 Q ``[b, length, factors]``."""
    import torch

    weighted = vectors * weights[:, :, None]
    system = torch.baddbmm(common, weighted.transpose(1, 2), vectors)
    system.diagonal(dim1=1, dim2=2).add_(ridge[:, None])
    right = weighted.sum(dim=1)[:, :, None]
    return torch.cholesky_solve(right, torch.linalg.cholesky(system))[:, :, 0]


def _dual(vectors: Tensor, weights: Tensor, inverse: Tensor) -> Tensor:
    """``D Q'R (1 + R Q D Q'R)^-1 R1``, R the roots of the weights and D diagonal."""
    import torch

    roots = weights.sqrt()
    scaled = vectors * roots[:, :, None]
    damped = scaled * inverse[:, None, :]
    system = torch.bmm(damped, scaled.transpose(1, 2))
    system.diagonal(dim1=1, dim2=2).add_(1.0)
    solved = torch.cholesky_solve(roots[:, :, None], torch.linalg.cholesky(system))
    return (damped * solved).sum(dim=1)


def batches(lengths: np.ndarray, n_factors: int) -> Iterator[np.ndarray]:
    """Rows of similar length, so that little is padded: int64 arrays; empty rows are left out.

    A row that is longer than all the cells of a batch makes a batch of its own.
    """
    order = np.argsort(lengths, kind="stable")
    order = order[np.searchsorted(lengths[order], 1) :]
    # From the longest down: the first row of a batch says how wide the batch is.
    order = order[::-1].astype(np.int64)
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        size = max(1, BATCH_CELLS // (n_factors * longest))
        if longest >= n_factors:
            # All of one kind: rows that the normal equations are the shorter way for.
            direct = int(np.searchsorted(-lengths[order], -n_factors, side="right"))
            size = min(size, direct - start)
        yield order[start : start + size]
        start += size


def padded(weights: scipy.sparse.csr_matrix, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Columns and weights of these rows as rectangles; column 0 with weight 0 where there is none.

    Returns
    -------
    columns : torch.Tensor
        int64 ``[len(rows), length of the longest]``.
    weights : torch.Tensor
        float32, the same shape.
    """
    import torch

    starts, ends = weights.indptr[rows].astype(np.int64), weights.indptr[rows + 1].astype(np.int64)
    lengths = ends - starts
    place = np.arange(int(lengths.max(initial=0)))[None, :]
    inside = place < lengths[:, None]
    source = np.where(inside, starts[:, None] + place, 0)
    columns = np.where(inside, weights.indices[source], 0).astype(np.int64)
    cells = np.where(inside, weights.data[source], 0.0).astype(np.float32)
    return torch.from_numpy(columns), torch.from_numpy(cells)
