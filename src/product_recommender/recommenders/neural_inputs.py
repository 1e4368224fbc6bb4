"""What the neural recommenders compute from interactions before they train."""

from __future__ import annotations

import math

import numpy as np

from product_recommender.interactions import Interactions


def recency_weights(days: np.ndarray, half_life_days: float | None) -> np.ndarray:
    """float32 ``[n]`` weights ``2 ** (-age / half-life)`` with mean 1; all 1 without half-life."""
    if half_life_days is None or len(days) == 0:
        return np.ones(len(days), dtype=np.float32)
    weights = np.exp2(-(days.max() - days.astype(np.float64)) / half_life_days)
    return (weights / weights.mean()).astype(np.float32)


def log_popularity(counts: np.ndarray) -> np.ndarray:
    """float32 ``[n_items]``: log of smoothed purchase counts, relative to their mean."""
    smoothed = counts + 1.0
    return np.log(smoothed / smoothed.mean()).astype(np.float32)


def some_users(rows: Interactions, n: int, seed: int) -> Interactions:
    """The rows of at most ``n`` of the users, drawn by the seed."""
    users = np.unique(rows.users)
    if len(users) <= n:
        return rows
    chosen = np.random.default_rng(seed).choice(users, size=n, replace=False)
    return rows.take(np.isin(rows.users, chosen))


def principal_components(features: np.ndarray, n_known: int, n_components: int) -> np.ndarray:
    """Features reduced by PCA.

    Parameters
    ----------
    features
        float32 ``[n, f]``; the first ``n_known`` rows belong to the training universe and alone
        decide on the components.
    n_known
        Rows that are looked at.
    n_components
        Components to keep, at most; never more than the data has.

    Returns
    -------
    numpy.ndarray
        float32 ``[n, <= n_components]``, scaled to mean variance 1.
    """
    known = features[:n_known].astype(np.float64)
    centre = known.mean(axis=0)
    centred = known - centre
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(known), 1))
    keep = max(1, min(n_components, int((values > 1e-9 * max(values.max(), 1e-12)).sum())))
    reduced = (features - centre) @ vectors[:, ::-1][:, :keep]
    spread = math.sqrt(float(np.mean(reduced[:n_known] ** 2)))
    return np.ascontiguousarray(reduced / max(spread, 1e-9), dtype=np.float32)
