"""Gibbs sampling of factor models: draw users given items, items given users, and their priors.

Every conditional distribution of the model is normal, Wishart or gamma, so a sweep is a few batched
Cholesky factorisations and nothing is tuned: no step size, no regularisation, no stopping.

Sources
-------
Salakhutdinov, Mnih: Bayesian Probabilistic Matrix Factorization using MCMC, ICML 2008 (the model).
Simm, Arany, Zakeri et al.: Macau: Scalable Bayesian Factorization with High-dimensional Side
Information using MCMC, MLSP 2017 (features that move the prior means).
Bhattacharya, Chakraborty, Mallick: Fast Sampling with Gaussian Scale Mixture Priors in
High-Dimensional Regression, Biometrika 2016 (rows with fewer ratings than factors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PADDING = 1.3
"""Rows of one block have at most this many times the ratings of its shortest row."""

BLOCK_NUMBERS = 1 << 22
"""Vectors of other sides that one block gathers, times their length: 16 MB of float32."""

GRAM_ROWS = 1 << 17
"""Rows that are turned into float64 at a time."""

MEAN_ROWS = 2.0
"""Rows with mean zero that the prior mixes into the mean of all rows."""


@dataclass(frozen=True)
class RatingBlock:
    """Rows with about the same number of ratings, as a rectangle.

    Attributes
    ----------
    rows
        int64 ``[b]``.
    others
        int64 ``[b, length]``: who is on the other side of each rating; the table's last (empty)
        row where there is none.
    stars
        float32 ``[b, length]``, zero where there is none.
    present
        float32 ``[b, length]``: 1 for a rating, 0 for padding.
    """

    rows: Tensor
    others: Tensor
    stars: Tensor
    present: Tensor


def rating_blocks(
    rows: np.ndarray,
    others: np.ndarray,
    stars: np.ndarray,
    n_rows: int,
    n_others: int,
    length: int,
    device: torch.device,
) -> list[RatingBlock]:
    """Group the rows of one side into rectangles of bounded padding and size.

    Parameters
    ----------
    rows, others, stars
        ``[n]`` ratings: whose vectors are drawn, given whose, and the centred stars.
    n_rows, n_others
        Sizes of the two sides.
    length
        Length of the vectors, for the size of a block.
    device
        Where the blocks lie.

    Returns
    -------
    list of RatingBlock
        Rows without a rating are in no block.
    """
    import torch

    order = np.argsort(rows, kind="stable")
    others, stars = others[order].astype(np.int64), stars[order].astype(np.float32)
    counts = np.bincount(rows, minlength=n_rows)
    starts = np.concatenate([[0], np.cumsum(counts)])
    by_count = np.argsort(counts, kind="stable")
    by_count = by_count[counts[by_count] > 0]
    sorted_counts = counts[by_count]
    blocks, begin = [], 0
    while begin < len(by_count):
        shortest = sorted_counts[begin]
        end = int(np.searchsorted(sorted_counts, max(shortest + 1, int(shortest * PADDING))))
        longest = sorted_counts[end - 1]
        end = min(end, begin + max(1, BLOCK_NUMBERS // int(longest * length)))
        chosen = by_count[begin:end]
        column = np.arange(counts[chosen].max())
        present = column < counts[chosen, None]
        place = np.where(present, starts[chosen, None] + column, 0)
        arrays = (
            chosen.astype(np.int64),
            np.where(present, others[place], n_others),
            np.where(present, stars[place], np.float32(0)),
            present.astype(np.float32),
        )
        blocks.append(RatingBlock(*(torch.from_numpy(array).to(device) for array in arrays)))
        begin = end
    return blocks


def draw_vectors(
    blocks: list[RatingBlock],
    others: Tensor,
    offsets: Tensor,
    means: Tensor,
    precision: Tensor,
    noise_precision: float,
    generator: torch.Generator,
) -> Tensor:
    """Draw the vectors of one side given those of the other.

    Row x has prior ``N(means[x], precision^-1)`` and rates other y with
    ``offsets[y] + others[y] . vector[x]`` plus noise. Rows without a rating are draws of the prior.

    Parameters
    ----------
    blocks
        The ratings of this side.
    others
        float32 ``[n_others + 1, d]``, the last row zero.
    offsets
        float32 ``[n_others + 1]``.
    means
        float32 ``[n_rows, d]``.
    precision
        float32 ``[d, d]``, positive definite.
    noise_precision
        One over the variance of the noise.
    generator
        Source of randomness, on the device.

    Returns
    -------
    torch.Tensor
        float32 ``[n_rows, d]``.
    """
    import torch

    length = precision.shape[0]
    factor = torch.linalg.cholesky(precision)
    covariance = torch.cholesky_inverse(factor)
    vectors = means + _normal_with_precision(factor, len(means), generator)
    for block in blocks:
        design = others[block.others]
        targets = (block.stars - offsets[block.others]) * block.present
        if design.shape[1] < length:
            # A draw of the prior, moved by what the ratings say against it: the system to solve is
            # as large as the number of ratings, and most customers have one.
            start = vectors[block.rows]
            noise = _normal(targets.shape, generator) / noise_precision**0.5
            surprise = targets - (design @ start[:, :, None]).squeeze(2) - noise
            surprise *= block.present
            spread = design @ covariance
            system = spread @ design.transpose(1, 2)
            system.diagonal(dim1=1, dim2=2).add_(1.0 / noise_precision)
            weights = _solve(system, surprise)
            vectors[block.rows] = start + (weights[:, None] @ spread).squeeze(1)
        else:
            system = precision + noise_precision * (design.transpose(1, 2) @ design)
            pull = means[block.rows] @ precision
            pull = pull + noise_precision * (targets[:, None] @ design).squeeze(1)
            lower = torch.linalg.cholesky(system)
            half = torch.linalg.solve_triangular(lower, pull[:, :, None], upper=False)
            half = half + _normal(half.shape, generator)
            upper = lower.transpose(1, 2)
            vectors[block.rows] = torch.linalg.solve_triangular(upper, half, upper=True).squeeze(2)
    return vectors


def _solve(systems: Tensor, targets: Tensor) -> Tensor:
    """Solve many small positive definite systems: ``[b, l, l]``, ``[b, l]`` -> ``[b, l]``."""
    import torch

    if systems.shape[1] == 1:
        return targets / systems[:, :, 0]
    return torch.cholesky_solve(targets[:, :, None], torch.linalg.cholesky(systems)).squeeze(2)


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    import torch

    return torch.randn(shape, generator=generator, device=generator.device)


def _normal_with_precision(factor: Tensor, rows: int, generator: torch.Generator) -> Tensor:
    """Rows of ``N(0, P^-1)`` for the lower Cholesky factor of ``P``: float32 ``[rows, d]``."""
    import torch

    draws = _normal((factor.shape[0], rows), generator)
    return torch.linalg.solve_triangular(factor.T, draws, upper=True).T


class VectorPrior:
    """The normal prior of one side's vectors, itself drawn in every sweep.

    ``vector[x] ~ N(mean + features[x] . loadings, precision^-1)``, with a normal-Wishart prior on
    mean and precision, ``N(0, (penalty precision)^-1)`` on the loadings and a gamma prior on the
    penalty.

    Parameters
    ----------
    features
        float32 ``[n_rows, f]``, ``f`` may be 0. Zero is what a stranger has, so centre them.
    expected
        float64 ``[d]``: the variance of each component that the prior expects before it has seen a
        vector, worth ``d`` vectors; ``precision`` starts there.
    rng
        Draws the small things: precision, mean, loadings, penalty.
    """

    def __init__(self, features: Tensor, expected: np.ndarray, rng: np.random.Generator) -> None:
        length = len(expected)
        self.features, self._rng = features, rng
        self._scale = len(expected) * np.diag(expected)
        self._loadings = np.zeros((features.shape[1], length))
        self._penalty = 10.0
        gram = (features.T @ features).double().cpu().numpy()
        # Fixed, so that each sweep's ridge solution is two products.
        strengths, self._directions = np.linalg.eigh(gram)
        self._strengths = np.maximum(strengths, 0.0)
        self.mean = np.zeros(length)
        self.precision = np.diag(1 / expected)

    def draw(self, vectors: Tensor) -> None:
        """Draw mean, precision, loadings and penalty given all vectors, float32 ``[n, d]``."""
        n, n_features = self.features.shape
        moved = (vectors - self.shift(self.features)).double()
        centred = moved - moved.mean(dim=0)
        scatter = (centred.T @ centred).cpu().numpy()
        average = moved.mean(dim=0).cpu().numpy()
        scale = self._scale + scatter + MEAN_ROWS * n / (MEAN_ROWS + n) * np.outer(average, average)
        scale += self._penalty * self._loadings.T @ self._loadings
        self.precision = _wishart(scale, len(scale) + n + n_features, self._rng)
        lower = np.linalg.cholesky(self.precision)
        noise = self._normal(lower, 1)[0] / np.sqrt(n + MEAN_ROWS)
        self.mean = n * average / (n + MEAN_ROWS) + noise
        if n_features:
            self._draw_loadings(vectors, lower)

    def _draw_loadings(self, vectors: Tensor, lower: np.ndarray) -> None:
        import torch

        mean = torch.from_numpy(self.mean).to(vectors)
        moment = (self.features.T @ (vectors - mean)).double().cpu().numpy()
        weight = (self._strengths + self._penalty)[:, None]
        noise = self._normal(lower, len(weight)) / np.sqrt(weight)
        self._loadings = self._directions @ (self._directions.T @ moment / weight + noise)
        energy = float(np.sum((self._loadings @ lower) ** 2))
        self._penalty = self._rng.gamma(1 + self._loadings.size / 2) / (1 + energy / 2)

    def _normal(self, lower: np.ndarray, rows: int) -> np.ndarray:
        """float64 ``[rows, d]`` from ``N(0, precision^-1)``."""
        return np.linalg.solve(lower.T, self._rng.standard_normal((len(lower), rows))).T

    def precision_tensor(self, like: Tensor) -> Tensor:
        """The precision, ``[d, d]``, with the type and on the device of ``like``."""
        import torch

        return torch.from_numpy(self.precision).to(like)

    def shift(self, features: Tensor) -> Tensor:
        """How these features move the mean: float32 ``[m, f]`` -> ``[m, d]``."""
        import torch

        return features @ torch.from_numpy(self._loadings).to(features)

    def means(self, features: Tensor) -> Tensor:
        """Prior means of rows with these features: float32 ``[m, f]`` -> ``[m, d]``."""
        import torch

        return self.shift(features) + torch.from_numpy(self.mean).to(features)


def _wishart(scale: np.ndarray, freedom: int, rng: np.random.Generator) -> np.ndarray:
    """One draw of ``W(scale^-1, freedom)`` by Bartlett's decomposition, float64 ``[d, d]``."""
    length = len(scale)
    lower = np.tril(rng.standard_normal((length, length)), -1)
    lower[np.diag_indices(length)] = np.sqrt(rng.chisquare(freedom - np.arange(length)))
    # scale = C C' gives scale^-1 = C'^-1 C^-1, so the factor of the draw is C'^-1 A.
    root = np.linalg.solve(np.linalg.cholesky(scale).T, lower)
    draw: np.ndarray = root @ root.T
    return draw


def shared_variance(values: np.ndarray, groups: np.ndarray, n_groups: int) -> float:
    """The part of the variance that the members of a group share.

    The mean product of two different members of one group, over all such pairs: an unbiased
    estimate of the variance of group effects that needs no model.

    Parameters
    ----------
    values
        float ``[n]``, centred.
    groups
        int ``[n]``, below ``n_groups``.
    n_groups
        Number of groups.

    Returns
    -------
    float
        0 where no group has two members; may be negative by chance.
    """
    sums = np.bincount(groups, weights=values, minlength=n_groups)
    squares = np.bincount(groups, weights=values.astype(np.float64) ** 2, minlength=n_groups)
    counts = np.bincount(groups, minlength=n_groups).astype(np.float64)
    return float(np.sum(sums**2 - squares) / max(np.sum(counts * (counts - 1)), 1.0))


class MeanProduct:
    """The mean of many ``U V'`` as one product of narrow tables.

    Each addition is followed by the best approximation of ``rank`` in the least-squares sense, so
    the tables never grow: the mean over draws of a posterior is smooth, and a few dozen directions
    hold it (``lost`` says how much was cut off).

    Parameters
    ----------
    rank
        Columns kept, at most.
    """

    def __init__(self, rank: int) -> None:
        self._rank, self._count = rank, 0
        self._left: Tensor | None = None
        self._right: Tensor | None = None
        self.lost = 0.0
        """Sum of the squared entries that were cut off, relative to the mean as it is."""

    def add(self, left: Tensor, right: Tensor) -> None:
        """Count in ``left @ right.T``: float32 ``[n, d]`` and ``[m, d]``."""
        import torch

        if self._left is not None and self._right is not None:
            share = self._count / (self._count + 1)
            left = torch.cat([self._left * share, left / (self._count + 1)], dim=1)
            right = torch.cat([self._right, right], dim=1)
        self._count += 1
        self._left, self._right = self._compressed(left, right)

    def _compressed(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """The leading singular directions, by way of the small Gram matrices of both tables."""
        import torch

        roots, inverses = [], []
        for table in (left, right):
            values, directions = torch.linalg.eigh(_gram(table))
            values = values.clamp(min=1e-12 * float(values[-1]) + 1e-30).sqrt()
            roots.append((directions * values).T)
            inverses.append(directions / values)
        u, values, vt = torch.linalg.svd(roots[0] @ roots[1].T)
        kept = min(self._rank, len(values))
        self.lost = float((values[kept:] ** 2).sum() / (values**2).sum().clamp(min=1e-30))
        root = values[:kept].sqrt()
        return (
            left @ (inverses[0] @ (u[:, :kept] * root)).to(left.dtype),
            right @ (inverses[1] @ (vt[:kept].T * root)).to(right.dtype),
        )

    def tables(self) -> tuple[Tensor, Tensor]:
        """float32 ``[n, r]`` and ``[m, r]`` with ``r <= rank``, whose product is the mean."""
        if self._left is None or self._right is None:
            raise ValueError("nothing was added yet")
        return self._left, self._right


def _gram(table: Tensor) -> Tensor:
    """``table.T @ table`` in float64, as squares lose half of the digits; a block at a time."""
    blocks = (block.double() for block in table.split(GRAM_ROWS))
    return sum((block.T @ block for block in blocks), start=table.new_zeros(()).double())
