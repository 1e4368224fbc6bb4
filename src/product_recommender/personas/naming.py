"""Names for clusters: the assignment of personas to centroids with the least total distance.

Each persona is a prototype: standardised values of a few features (+1 is one standard deviation
above the average customer). The distance of a cluster to a persona is the root mean square of the
differences over the persona's features. Among all ways of giving each persona to at most one
cluster, the one with the least total distance is taken (the Hungarian algorithm; Kuhn 1955). So
every name is used once, and neither the order of the clusters nor a seed matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Match:
    """How one cluster got its name.

    Attributes
    ----------
    cluster
        Row of the centroid that was given.
    name
        Persona, or ``Segment <number>`` for clusters beyond the personas.
    distance
        To the persona, in standard deviations; None for a cluster without one.
    margin
        By how much the total distance would grow if this cluster had to take another persona;
        None where there is no alternative.
    runner_up
        The persona it would then have; None if it would have none.
    weak
        The margin lies below the threshold.
    """

    cluster: int
    name: str
    distance: float | None
    margin: float | None
    runner_up: str | None
    weak: bool


def name_clusters(
    centroids: np.ndarray,
    sizes: Sequence[int],
    features: Sequence[str],
    personas: Mapping[str, Mapping[str, float]],
    weak_margin: float,
) -> list[Match]:
    """Match personas to centroids.

    Parameters
    ----------
    centroids
        float ``[k, f]``: mean standardised (unweighted) features of each cluster.
    sizes
        Customers in each cluster: the order of clusters without a persona.
    features
        Names of the ``f`` columns; a persona's features that are not among them are left out.
    personas
        Name: prototype (feature: standardised value). The order is the order of the result.
    weak_margin
        Margin under which a match is weak, in standard deviations.

    Returns
    -------
    list[Match]
        One per cluster: those with a persona in the order of the personas, then the others, the
        largest first. A cluster's number is its place in this list.
    """
    from scipy.optimize import linear_sum_assignment

    names = list(personas)
    costs = persona_distances(centroids, features, personas)
    rows, columns = linear_sum_assignment(costs)
    total = float(costs[rows, columns].sum())
    matches = []
    for row, column in sorted(
        zip(rows.tolist(), columns.tolist(), strict=True), key=lambda m: m[1]
    ):
        margin, runner_up = _margin(costs, row, column, total)
        matches.append(
            Match(
                cluster=row,
                name=names[column],
                distance=float(costs[row, column]),
                margin=margin,
                runner_up=None if runner_up is None else names[runner_up],
                weak=margin is not None and margin < weak_margin,
            )
        )
    named = set(rows.tolist())
    # Ties in size are broken by the centroid itself, not by the order in which clusters came.
    rest = sorted(
        (cluster for cluster in range(len(centroids)) if cluster not in named),
        key=lambda cluster: (-sizes[cluster], centroids[cluster].tolist()),
    )
    for number, cluster in enumerate(rest, start=len(matches) + 1):
        matches.append(Match(cluster, f"Segment {number}", None, None, None, False))
    return matches


def persona_distances(
    centroids: np.ndarray, features: Sequence[str], personas: Mapping[str, Mapping[str, float]]
) -> np.ndarray:
    """Root mean square difference between each cluster and each persona's prototype.

    Parameters
    ----------
    centroids, features, personas
        As for :func:`name_clusters`.

    Returns
    -------
    numpy.ndarray
        float64 ``[k, personas]``; 0 where a persona shares no feature with the clusters.
    """
    place = {name: column for column, name in enumerate(features)}
    costs = np.zeros((len(centroids), len(personas)))
    for column, prototype in enumerate(personas.values()):
        known = [name for name in prototype if name in place]
        if known:
            wanted = np.array([prototype[name] for name in known])
            observed = centroids[:, [place[name] for name in known]]
            costs[:, column] = np.sqrt(((observed - wanted) ** 2).mean(axis=1))
    return costs


def _margin(
    costs: np.ndarray, row: int, column: int, total: float
) -> tuple[float | None, int | None]:
    """Total distance of the best assignment without this pair, minus the best one's."""
    from scipy.optimize import linear_sum_assignment

    if costs.shape[1] == 1 and costs.shape[0] == 1:
        return None, None
    forbidden = costs.copy()
    # Larger than any assignment, so that it is taken only where there is no other.
    forbidden[row, column] = costs.sum() + 1.0
    rows, columns = linear_sum_assignment(forbidden)
    alternative = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    if alternative.get(row) == column:
        return None, None
    # An alternative is never better; the sum of floats may say so by 1e-16.
    margin = max(float(forbidden[rows, columns].sum()) - total, 0.0)
    return margin, alternative.get(row)
