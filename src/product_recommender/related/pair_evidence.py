"""Whether two products are bought by the same customers more often than chance would have it.

**Chance** is that every customer filled their basket of d products by popularity alone (the
configuration model: Newman, "Networks", 2nd ed., section 12). Customers with a single product say
nothing about pairs and are left out; customers with many say much, and are expected to.

**Shrinkage**: counts of pairs are Poisson around ``lift * expected`` with a Gamma(s, s) prior on
the lift, whose mean is 1, so that the posterior is Gamma(n + s, expected + s) (DuMouchel, "Bayesian
data mining in large frequency tables", The American Statistician 53, 1999, with one component). A
pair that three customers share by luck stays near 1 until more of them turn up.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse


def with_several(purchases: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """The purchases of customers with at least two products.

    Parameters
    ----------
    purchases
        Binary csr ``[n_users, n_items]``.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 ``[m, n_items]``, ``m <= n_users``.
    """
    several: scipy.sparse.csr_matrix = purchases[np.diff(purchases.indptr) > 1]
    return several.astype(np.float32).tocsr()


def pair_rate(purchases: scipy.sparse.csr_matrix) -> float:
    """What the product of two numbers of buyers is multiplied with to give the pairs of chance.

    ``sum_u d_u (d_u - 1) / ((sum_u d_u)^2 - sum_i n_i^2)`` with d the products of each customer and
    n the buyers of each product: a pair is expected from ``rate * n_i * n_j`` customers, and over
    all pairs that makes as many as there are.

    Parameters
    ----------
    purchases
        Binary csr ``[n_users, n_items]``.

    Returns
    -------
    float
        0 where nobody bought two products.
    """
    each = np.diff(purchases.indptr).astype(np.float64)
    buyers = np.bincount(purchases.indices, minlength=purchases.shape[1]).astype(np.float64)
    of_two = float(buyers.sum()) ** 2 - float((buyers**2).sum())
    return float((each * (each - 1)).sum()) / of_two if of_two > 0 else 0.0


def shrunk_lift(counts: np.ndarray, expected: np.ndarray, prior: float) -> np.ndarray:
    """Posterior mean of how many times more often than by chance.

    Parameters
    ----------
    counts
        ``[n]``: customers with both.
    expected
        ``[n]``: customers with both if chance alone were at work.
    prior
        Customers, as many as chance gives, that are mixed in; above zero.

    Returns
    -------
    numpy.ndarray
        float64 ``[n]``: ``(counts + prior) / (expected + prior)``.
    """
    counts, expected = np.asarray(counts, np.float64), np.asarray(expected, np.float64)
    lift: np.ndarray = (counts + prior) / (expected + prior)
    return lift


def least_lift(
    counts: np.ndarray, expected: np.ndarray, prior: float, confidence: float
) -> np.ndarray:
    """What the lift is above, with this confidence: a quantile of the posterior.

    Parameters
    ----------
    counts, expected, prior
        As of ``shrunk_lift``.
    confidence
        Between 0 and 1.

    Returns
    -------
    numpy.ndarray
        float64 ``[n]``; above 1 where more than chance is at work.
    """
    from scipy.special import gammaincinv

    counts, expected = np.asarray(counts, np.float64), np.asarray(expected, np.float64)
    bound: np.ndarray = gammaincinv(counts + prior, 1.0 - confidence) / (expected + prior)
    return bound
