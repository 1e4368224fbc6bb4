"""PCA and K-Means on standardised customers: fit, choose k, judge stability, assign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from product_recommender.personas.features import FeatureSpace


@dataclass(frozen=True)
class Projection:
    """A PCA of weighted, standardised features.

    Attributes
    ----------
    components
        float64 ``[p, f]``, orthonormal rows. ``p`` may be 0 where no feature varies.
    explained
        float64 ``[p]``: share of the variance that each component holds.
    """

    components: np.ndarray
    explained: np.ndarray

    def transform(self, weighted: np.ndarray) -> np.ndarray:
        """Project ``[n, f]`` (mean zero on training data) to ``[n, p]``."""
        return weighted @ self.components.T


def fit_projection(weighted: np.ndarray, explained_variance: float) -> Projection:
    """Fit a PCA that keeps a share of the variance.

    Parameters
    ----------
    weighted
        float ``[n, f]``, columns of mean zero.
    explained_variance
        Share to keep, 0 to 1: the fewest components that reach it.

    Returns
    -------
    Projection
        Signs are fixed (the largest loading of a component is positive), so that maps of two runs
        look alike.
    """
    n, features = weighted.shape
    if features == 0:
        return Projection(np.zeros((0, 0)), np.zeros(0))
    # f is small: the eigenvectors of the f x f covariance are exact and need one pass over n.
    values, vectors = np.linalg.eigh(weighted.T @ weighted / n)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1].T
    shares = values / values.sum()
    keep = int(np.searchsorted(np.cumsum(shares), explained_variance - 1e-12)) + 1
    components = vectors[: min(keep, features)]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return Projection(components * signs[:, None], shares[: len(components)])


@dataclass(frozen=True)
class Clusters:
    """A K-Means solution.

    Attributes
    ----------
    centroids
        float64 ``[k, p]``.
    labels
        int32 ``[n]``.
    inertia
        Sum of squared distances to the own centroid.
    """

    centroids: np.ndarray
    labels: np.ndarray
    inertia: float


def fit_clusters(
    points: np.ndarray, k: int, seed: int, n_init: int, minibatch_above: int
) -> Clusters:
    """Run K-Means (k-means++, best of ``n_init`` starts); many points start on mini-batches.

    Parameters
    ----------
    points
        float ``[n, p]``.
    k
        Clusters; lowered to the number of distinct points where there are fewer.
    seed
        Of the starts.
    n_init
        Starts.
    minibatch_above
        Number of points from which the starts are made with MiniBatchKMeans.

    Returns
    -------
    Clusters
        With ``k`` or fewer clusters, none of them empty.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    k = min(k, count_distinct(points, k))
    if k <= 1 or points.shape[1] == 0:
        centre = points.mean(axis=0, keepdims=True)
        labels = np.zeros(len(points), dtype=np.int32)
        return Clusters(centre, labels, float(((points - centre) ** 2).sum()))
    # One thread: sums have one order on every machine, and idle threads that wait for one another
    # cost more than they bring as soon as something else runs.
    with threadpool_limits(limits=1):
        if len(points) > minibatch_above:
            rough = MiniBatchKMeans(k, random_state=seed, n_init=n_init, batch_size=8192)
            # Mini-batches end near an optimum, not in it; a few full passes go the rest of the way.
            model = KMeans(k, init=rough.fit(points).cluster_centers_, n_init=1)
        else:
            model = KMeans(k, random_state=seed, n_init=n_init)
        found = model.fit_predict(points)
    # A start of mini-batches may leave a cluster without points: it is none.
    used, own = np.unique(found, return_inverse=True)
    return Clusters(
        model.cluster_centers_[used].astype(np.float64),
        own.astype(np.int32),
        float(model.inertia_),
    )


def count_distinct(points: np.ndarray, enough: int) -> int:
    """Number of distinct rows, counted only as far as ``enough``.

    Parameters
    ----------
    points
        float ``[n, p]``.
    enough
        The answer is not needed beyond this.

    Returns
    -------
    int
        Between 1 and ``enough`` for ``n >= 1``.
    """
    if points.shape[1] == 0:
        return min(1, len(points))
    rest, found = points, 0
    # Each round removes one distinct row; k rounds cost k passes instead of a sort of everything.
    while len(rest) and found < enough:
        found += 1
        rest = rest[~np.isclose(rest, rest[0], rtol=0, atol=1e-12).all(axis=1)]
    return found


def compare_cluster_numbers(
    points: np.ndarray,
    candidates: Sequence[int],
    seed: int,
    n_init: int,
    sample: int,
    silhouette_sample: int,
) -> list[dict[str, float | int | None]]:
    """Inertia and silhouette for each number of clusters, on a bounded sample.

    Parameters
    ----------
    points
        float ``[n, p]``.
    candidates
        Numbers of clusters.
    seed, n_init
        For K-Means and the samples.
    sample, silhouette_sample
        Points that K-Means sees; of these, points that the (quadratic) silhouette sees.

    Returns
    -------
    list[dict]
        ``k``, ``inertia`` (per point), ``silhouette`` (-1 to 1; null where it is not defined).
        Candidates beyond the number of distinct points are left out.
    """
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    if len(points) > sample:
        points = points[np.sort(rng.choice(len(points), sample, replace=False))]
    judged = np.arange(len(points))
    if len(points) > silhouette_sample:
        judged = np.sort(rng.choice(len(points), silhouette_sample, replace=False))
    rows: list[dict[str, float | int | None]] = []
    most = count_distinct(points, max(candidates))
    for k in candidates:
        if k > most:
            break
        clusters = fit_clusters(points, k, seed, n_init, minibatch_above=len(points))
        labels = clusters.labels[judged]
        groups = len(np.unique(labels))
        silhouette = None
        if 2 <= groups < len(labels):
            with threadpool_limits(limits=1):
                silhouette = float(silhouette_score(points[judged], labels))
        rows.append({"k": k, "inertia": clusters.inertia / len(points), "silhouette": silhouette})
    return rows


def elbow(rows: Sequence[Mapping[str, float | int | None]]) -> int | None:
    """The k after which inertia falls slowly: farthest below the line from first to last.

    Parameters
    ----------
    rows
        ``k`` and ``inertia``, ascending in k.

    Returns
    -------
    int or None
        None with fewer than three candidates.
    """
    if len(rows) < 3:
        return None
    k = np.array([row["k"] for row in rows], dtype=float)
    inertia = np.array([row["inertia"] for row in rows], dtype=float)
    line = inertia[0] + (inertia[-1] - inertia[0]) * (k - k[0]) / (k[-1] - k[0])
    return int(k[int(np.argmax(line - inertia))])


def stability(
    points: np.ndarray,
    reference: np.ndarray,
    k: int,
    seeds: Sequence[int],
    n_init: int,
    minibatch_above: int,
) -> dict[str, Any]:
    """Adjusted Rand index between the clustering and those of other seeds.

    Parameters
    ----------
    points
        float ``[n, p]``.
    reference
        int ``[n]``: the clustering that is judged.
    k, n_init, minibatch_above
        As it was made.
    seeds
        Other seeds.

    Returns
    -------
    dict
        ``seeds``, ``adjusted_rand`` (one per seed), ``mean``, ``lowest``; 1 is the same partition.
    """
    from sklearn.metrics import adjusted_rand_score

    scores = [
        float(
            adjusted_rand_score(
                reference, fit_clusters(points, k, seed, n_init, minibatch_above).labels
            )
        )
        for seed in seeds
    ]
    return {
        "seeds": list(seeds),
        "adjusted_rand": scores,
        "mean": float(np.mean(scores)) if scores else None,
        "lowest": min(scores) if scores else None,
    }


@dataclass(frozen=True)
class SegmentationModel:
    """All that is needed to place a customer: features, projection, centroids, names.

    Attributes
    ----------
    space
        The feature space.
    projection
        The PCA.
    centroids
        float64 ``[k, p]`` in the space of the projection, in the order of the cluster numbers.
    names
        Segment of each cluster.
    """

    space: FeatureSpace
    projection: Projection
    centroids: np.ndarray
    names: tuple[str, ...]

    def place(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Points ``[n, p]`` of customers.

        Parameters
        ----------
        columns
            Feature: float ``[n]``, NaN for null.
        """
        return self.projection.transform(self.space.transform(columns) * self.space.weights)

    def assign(
        self, columns: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nearest cluster of each customer.

        Parameters
        ----------
        columns
            Feature: float ``[n]``, NaN for null.

        Returns
        -------
        tuple
            Cluster int32 ``[n]``, distance to its centroid float64 ``[n]``, and margin float64
            ``[n]``: how much farther the second nearest is (NaN with one cluster).
        """
        return nearest(self.place(columns), self.centroids)

    def to_state(self) -> dict[str, Any]:
        """Plain data for json."""
        return {
            "features": list(self.space.names),
            "space": self.space.to_state(),
            "pca": {
                "components": self.projection.components.tolist(),
                "explained_variance": self.projection.explained.tolist(),
            },
            "centroids": self.centroids.tolist(),
            "names": list(self.names),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SegmentationModel:
        """Rebuild from :meth:`to_state`; answers are the same."""
        features = len(state["features"])
        explained = np.array(state["pca"]["explained_variance"], dtype=float)
        components = np.array(state["pca"]["components"], dtype=float)
        return cls(
            FeatureSpace.from_state(state["space"]),
            Projection(components.reshape(len(explained), features), explained),
            np.array(state["centroids"], dtype=float).reshape(len(state["names"]), len(explained)),
            tuple(state["names"]),
        )


def nearest(points: np.ndarray, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest centroid, distance to it, and how much farther the second is.

    Parameters
    ----------
    points, centroids
        float ``[n, p]`` and ``[k, p]``.

    Returns
    -------
    tuple
        int32 ``[n]``, float64 ``[n]``, float64 ``[n]`` (NaN for ``k = 1``).
    """
    distances = np.empty((len(points), len(centroids)))
    for column, centroid in enumerate(centroids):
        distances[:, column] = np.sqrt(((points - centroid) ** 2).sum(axis=1))
    labels = distances.argmin(axis=1).astype(np.int32)
    if len(centroids) == 1:
        return labels, distances[:, 0], np.full(len(points), np.nan)
    two = np.partition(distances, 1, axis=1)[:, :2]
    return labels, two[:, 0], two[:, 1] - two[:, 0]
