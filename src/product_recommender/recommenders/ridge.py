"""Ridge regression that corrects known weights, as far as left-out rows support it."""

from __future__ import annotations

import math

import numpy as np

PRIOR_ROWS = (100.0, 400.0, 1600.0, 6400.0, math.inf)
"""Rows that it takes to move the weights half the way: what is tried."""

SHARES = (1.0, 0.5, 0.0)
"""Where the weights are pulled to, as shares of the known ones; 0 pulls to zero."""


def best_ridge(
    inputs: np.ndarray, target: np.ndarray, learnt: np.ndarray
) -> tuple[np.ndarray, float]:
    """Ridge regression towards a share of known weights; leave-one-out error chooses.

    Parameters
    ----------
    inputs
        float64 ``[n, d]``.
    target
        float64 ``[n]``.
    learnt
        float64 ``[d]``: the known weights.

    Returns
    -------
    weights : numpy.ndarray
        float64 ``[d]``.
    error : float
        Root mean square of the leave-one-out residuals, from the hat matrix (Allen's PRESS).
    """
    scale = np.diag(np.mean(inputs**2, axis=0) + 1e-9)
    best, best_error = learnt, math.inf
    for prior in PRIOR_ROWS[::-1]:
        if math.isinf(prior):
            solver = np.zeros(inputs.T.shape)
        else:
            solver = np.linalg.solve(inputs.T @ inputs + prior * scale, inputs.T)
        leverage = np.einsum("nd,dn->n", inputs, solver)
        for share in SHARES:
            left = target - inputs @ (share * learnt)
            change = solver @ left
            error = math.sqrt(np.mean(((left - inputs @ change) / (1.0 - leverage)) ** 2))
            if error < best_error:
                best, best_error = share * learnt + change, error
    return best, best_error
