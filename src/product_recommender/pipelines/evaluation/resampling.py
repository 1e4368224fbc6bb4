"""One bootstrap for a whole table: all models and metrics of a slice share the same draws."""

from __future__ import annotations

import numpy as np

BLOCK_CELLS = 1 << 22


def resampled_sums(table: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    """Column sums of customers drawn with replacement, as many as there are.

    How often each customer is drawn is counted first, so that a draw is one row of a matrix
    product, however many columns there are. (``metrics/bootstrap.py`` is for single columns.)

    Parameters
    ----------
    table
        float64 ``[n, q]``, one row a customer.
    n_resamples
        Number of draws.
    seed
        Seed of the draws; the same for every slice and table of ``n`` rows.

    Returns
    -------
    numpy.ndarray
        float64 ``[n_resamples, q]``.
    """
    rng = np.random.default_rng(seed)
    n = len(table)
    # Customers for whom every column is zero add nothing: most of them, where hits are rare.
    filled = np.flatnonzero(table.any(axis=1))
    sums = np.empty((n_resamples, table.shape[1]))
    block = max(1, BLOCK_CELLS // max(n, 1))
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        drawn = rng.integers(0, n, size=(size, n))
        offsets = n * np.arange(size)[:, None]
        counts = np.bincount((drawn + offsets).ravel(), minlength=size * n).reshape(size, n)
        sums[start : start + size] = counts[:, filled].astype(np.float64) @ table[filled]
    return sums
