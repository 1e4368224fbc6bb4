"""Vectors to two dimensions, for figures."""

from __future__ import annotations

import numpy as np

FEWEST_FOR_NEIGHBOURS = 5
COMPONENTS_BEFORE_NEIGHBOURS = 50


def sample_rows(n: int, most: int, seed: int) -> np.ndarray:
    """Positions to draw: all, or a random sample without repetition, in ascending order.

    Parameters
    ----------
    n
        How many there are.
    most
        How many are drawn at most.
    seed
        Of the sample.

    Returns
    -------
    numpy.ndarray
        int64.
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=most, replace=False))


def principal_plane(vectors: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Project onto the two principal components.

    Parameters
    ----------
    vectors
        ``[n, d]``, n and d may be 0.

    Returns
    -------
    plane : numpy.ndarray
        float64 ``[n, 2]``; each component's largest loading is positive, so that the same data give
        the same picture.
    shares : list of float
        Share of the variance on each of the two.
    """
    points, spread, total = _principal(vectors, 2)
    return points, [float(s) / total if total > 0 else 0.0 for s in spread]


def neighbour_map(vectors: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Place alike vectors beside each other: t-SNE (van der Maaten and Hinton, 2008).

    Parameters
    ----------
    vectors
        ``[n, d]``. Compared by their direction.
    perplexity
        How many neighbours count; less where there are few vectors.
    seed
        Of the optimiser.

    Returns
    -------
    numpy.ndarray
        float64 ``[n, 2]``. Fewer than five different vectors have no neighbourhoods to speak of:
        they are projected.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) if vectors.size else 1.0
    unit = vectors / np.maximum(lengths, 1e-12)
    if len(np.unique(unit, axis=0)) < FEWEST_FOR_NEIGHBOURS:
        return principal_plane(unit)[0]
    from sklearn.manifold import TSNE

    reduced, _, _ = _principal(unit, COMPONENTS_BEFORE_NEIGHBOURS)
    fitted = TSNE(
        perplexity=min(perplexity, (len(unit) - 1) / 3), init="pca", random_state=seed, n_jobs=1
    )
    placed: np.ndarray = fitted.fit_transform(reduced).astype(np.float64)
    return placed


def _principal(vectors: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Coordinates ``[rows, n]``, their variances ``[n]`` and the whole variance."""
    rows = len(vectors)
    points, spread = np.zeros((rows, n)), np.zeros(n)
    if rows < 2 or vectors.shape[1] == 0:
        return points, spread, 0.0
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    found = min(n, len(singular))
    largest = np.abs(right[:found]).argmax(axis=1)
    signs = np.sign(right[np.arange(found), largest])
    points[:, :found] = left[:, :found] * (singular[:found] * np.where(signs == 0, 1, signs))
    spread[:found] = singular[:found] ** 2 / (rows - 1)
    return points, spread, float((singular**2).sum() / (rows - 1))
