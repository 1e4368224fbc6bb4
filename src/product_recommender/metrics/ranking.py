"""How well lists of recommended items meet the items that were bought afterwards.

All metrics are per user, with binary gain. For a user with T targets and h of them among the first
k recommended:

=================  ============================================================================
``precision@k``    h / k, also where the list is shorter than k
``recall@k``       h / T
``f1@k``           harmonic mean of the two: 2h / (k + T)
``hit_rate@k``     1 if h > 0
``ndcg@k``         sum of 1 / log2(1 + rank) over the hits, divided by the same sum over the ranks
                   1 .. min(k, T) of an ideal list
``map@k``          mean, over min(k, T), of the precision at the rank of each hit
``mrr``            1 / rank of the first hit among the first k; 0 without one
=================  ============================================================================

Users without a target have no value for any of these; they are an error, not a zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from product_recommender.sorted_codes import among, distinct

if TYPE_CHECKING:
    import scipy.sparse


def metric_names(k: int) -> tuple[str, ...]:
    """Keys of the dictionaries that this module returns, in their order."""
    return (
        f"precision@{k}",
        f"recall@{k}",
        f"f1@{k}",
        f"hit_rate@{k}",
        f"ndcg@{k}",
        f"map@{k}",
        "mrr",
    )


def ranking_metrics(
    recommended: np.ndarray,
    targets: scipy.sparse.csr_matrix | tuple[np.ndarray, np.ndarray],
    k: int,
) -> dict[str, np.ndarray]:
    """Metrics of lists whose order is decided.

    Ties between scores are the list maker's affair: ``Recommender.recommend`` breaks them by an
    order drawn before any score is seen. Where only scores are at hand, use
    ``expected_ranking_metrics``.

    Parameters
    ----------
    recommended
        int ``[n, w]`` item codes, best first; -1 where there was nothing to recommend. Columns
        beyond k are ignored, missing ones count as misses.
    targets
        csr ``[n, n_items]``, or its ``(indptr, indices)``: the items bought afterwards. Stored
        zeros are no targets and repeats count once.
    k
        Length of the list that is judged.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 ``[n]`` for each name of ``metric_names``.

    Raises
    ------
    ValueError
        If users have no target, an item stands twice in one list, or the shapes do not fit.
    """
    recommended = _cut_and_padded(np.asarray(recommended), k)
    row, item, counts = _target_cells(targets, len(recommended))
    _require_targets(counts)
    _refuse_repeats(recommended)
    hits = _is_target(recommended, row, item)
    rank = np.arange(1, k + 1)
    n_hits = hits.sum(axis=1)
    hits_so_far = np.cumsum(hits, axis=1)
    first = np.where(n_hits > 0, 1.0 / (1 + hits.argmax(axis=1)), 0.0)
    return _metrics(
        k,
        counts,
        n_hits=n_hits,
        hit=n_hits > 0,
        dcg=(hits / np.log2(1 + rank)).sum(axis=1),
        precision_sum=(hits * hits_so_far / rank).sum(axis=1),
        reciprocal_rank=first,
    )


def expected_ranking_metrics(
    scores: np.ndarray, relevant: np.ndarray, k: int
) -> dict[str, np.ndarray]:
    """Metrics of scores, ties resolved by expectation.

    Tie rule: every order of equally scored items is equally likely, and the value returned is the
    exact mean of the metric over all of these orders (McSherry and Najork, "Computing Information
    Retrieval Performance Measures Efficiently in the Presence of Tied Scores", ECIR 2008). A
    constant score earns what chance earns.

    Parameters
    ----------
    scores
        float ``[n, m]``, larger is better; -inf marks items that are never recommended.
    relevant
        bool ``[n, m]``: the items bought afterwards. One with the score -inf still counts as a
        target.
    k
        Length of the list that is judged.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 ``[n]`` for each name of ``metric_names``.

    Raises
    ------
    ValueError
        If users have no target, a score is NaN, or the shapes do not fit.
    """
    scores, relevant = np.asarray(scores), np.asarray(relevant, dtype=bool)
    if scores.shape != relevant.shape or scores.ndim != 2:
        raise ValueError(
            f"scores {scores.shape} and relevant {relevant.shape} must both be [users, items]"
        )
    _require_k(k)
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} scores are NaN, so there is no order")
    counts = relevant.sum(axis=1)
    _require_targets(counts)
    size, n_relevant, place = _tie_groups(scores, relevant, k)
    rank = np.arange(1, size.shape[1] + 1)
    # Every item of a group is equally likely at each of the group's ranks.
    chance = n_relevant / size
    # At place i of its group a rank misses, given that all before it missed, with the chance
    # (size - relevant - i) / (size - i): drawing without replacement.
    misses = np.maximum(size - n_relevant - place, 0) / (size - place)
    no_hit = np.cumprod(misses, axis=1)
    no_hit_before = np.concatenate([np.ones((len(scores), 1)), no_hit[:, :-1]], axis=1)
    # E[hit here and hit before]: independent across groups, without replacement inside one.
    expected_hits = np.cumsum(chance, axis=1)
    before_group = expected_hits - chance * (place + 1)
    both_inside = chance * np.maximum(n_relevant - 1, 0) / np.maximum(size - 1, 1)
    pairs = chance * before_group + both_inside * place
    return _metrics(
        k,
        counts,
        n_hits=expected_hits[:, -1],
        hit=1 - no_hit[:, -1],
        dcg=(chance / np.log2(1 + rank)).sum(axis=1),
        precision_sum=((chance + pairs) / rank).sum(axis=1),
        reciprocal_rank=((no_hit_before - no_hit) / rank).sum(axis=1),
    )


def _metrics(
    k: int,
    n_targets: np.ndarray,
    *,
    n_hits: np.ndarray,
    hit: np.ndarray,
    dcg: np.ndarray,
    precision_sum: np.ndarray,
    reciprocal_rank: np.ndarray,
) -> dict[str, np.ndarray]:
    """Divide what was found by what could have been found."""
    reachable = np.minimum(n_targets, k)
    ideal_dcg = np.cumsum(1 / np.log2(np.arange(2, k + 2)))[reachable - 1]
    values = (
        n_hits / k,
        n_hits / n_targets,
        2 * n_hits / (k + n_targets),
        hit,
        dcg / ideal_dcg,
        precision_sum / reachable,
        reciprocal_rank,
    )
    return {
        name: np.asarray(value, dtype=np.float32)
        for name, value in zip(metric_names(k), values, strict=True)
    }


def _tie_groups(
    scores: np.ndarray, relevant: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of the first ranks, the group of equal scores that it falls into.

    Returns
    -------
    size, n_relevant, place : numpy.ndarray
        float64 ``[n, min(k, m)]``: items in the group, relevant ones among them, and the rank's
        place in the group counted from 0. A group at -inf has no relevant item, for it is never
        recommended.
    """
    n, m = scores.shape
    width = min(k, m)
    top = np.argpartition(-scores, width - 1, axis=1)[:, :width]
    top = np.take_along_axis(
        top, np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1), axis=1
    )
    values = np.take_along_axis(scores, top, axis=1)
    starts = np.ones((n, width), dtype=bool)
    starts[:, 1:] = values[:, 1:] != values[:, :-1]
    group = np.cumsum(starts, axis=1) - 1 + width * np.arange(n)[:, None]
    size = np.bincount(group.ravel(), minlength=n * width)
    n_relevant = np.bincount(
        group.ravel(),
        weights=np.take_along_axis(relevant, top, axis=1).ravel(),
        minlength=n * width,
    )
    # Only the last group can reach beyond the cut: count it over the whole row.
    level = scores == values[:, -1:]
    size[group[:, -1]] = level.sum(axis=1)
    n_relevant[group[:, -1]] = (level & relevant).sum(axis=1)
    column = np.arange(width)
    place = column - np.maximum.accumulate(np.where(starts, column, 0), axis=1)
    found = np.where(np.isneginf(values), 0.0, n_relevant[group])
    return size[group].astype(np.float64), found, place.astype(np.float64)


def _require_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k is {k}; a list has at least one place")


def _cut_and_padded(recommended: np.ndarray, k: int) -> np.ndarray:
    """int64 ``[n, k]``."""
    _require_k(k)
    if recommended.ndim != 2:
        raise ValueError(f"recommended must be [users, places], not {recommended.shape}")
    lists = np.full((len(recommended), k), -1, dtype=np.int64)
    width = min(k, recommended.shape[1])
    lists[:, :width] = recommended[:, :width]
    return lists


def _target_cells(
    targets: scipy.sparse.csr_matrix | tuple[np.ndarray, np.ndarray], n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and items of the targets, ordered, each once, and their number per user."""
    if isinstance(targets, tuple):
        indptr, item = np.asarray(targets[0]), np.asarray(targets[1], dtype=np.int64)
        stored = np.ones(len(item), dtype=bool)
    else:
        matrix = targets.tocsr()
        indptr, item, stored = matrix.indptr, matrix.indices.astype(np.int64), matrix.data != 0
    if len(indptr) != n + 1:
        raise ValueError(f"targets have {len(indptr) - 1} rows for {n} lists")
    row = np.repeat(np.arange(n, dtype=np.int64), np.diff(indptr))
    row, item = row[stored], item[stored]
    if len(item) and item.min() < 0:
        raise ValueError("targets hold a negative item code; -1 is kept for empty places")
    span = int(item.max(initial=0)) + 1
    cells = distinct(row * span + item)
    row, item = cells // span, cells % span
    return row, item, np.bincount(row, minlength=n)


def _require_targets(counts: np.ndarray) -> None:
    without = int((counts == 0).sum())
    if without:
        raise ValueError(
            f"{without} of {len(counts)} users have no target; leave them out: ranking metrics "
            "are means over users with at least one"
        )


def _refuse_repeats(recommended: np.ndarray) -> None:
    ordered = np.sort(recommended, axis=1)
    repeated = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
    if repeated.any():
        raise ValueError(
            f"{int(repeated.sum())} lists hold an item twice, the first one in row "
            f"{int(repeated.argmax())}; it would be counted as two hits"
        )


def _is_target(recommended: np.ndarray, row: np.ndarray, item: np.ndarray) -> np.ndarray:
    """bool ``[n, k]``: which places hold a target of their user."""
    if len(item) == 0 or recommended.size == 0:
        return np.zeros(recommended.shape, dtype=bool)
    span = max(int(item.max()), int(recommended.max())) + 1
    wanted = row * span + item
    offered = np.arange(len(recommended))[:, None] * span + recommended
    return among(offered, wanted) & (recommended >= 0)
