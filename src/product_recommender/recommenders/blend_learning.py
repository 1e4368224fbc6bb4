"""Learning a purchase blend: which pairs to look at, and what the members say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from product_recommender.metrics.calibration import MonotoneCalibrator
from product_recommender.recommenders.base import BLOCK_CELLS, Recommender
from product_recommender.recommenders.ensemble import standardised_scores
from product_recommender.recommenders.simplex import SegmentWeights, learn_segment_weights

NEVER = np.float32(-10.0)


@dataclass(frozen=True)
class PurchasePairs:
    """Customers and products, bought or not, that stand for the whole catalogue.

    Attributes
    ----------
    users
        int32 ``[n]``, the customers asked.
    rows
        int64 ``[p]`` into ``users``, ascending.
    items
        int64 ``[p]``, products with a training purchase.
    bought
        bool ``[p]``.
    importance
        float64 ``[p]``: 1 for what was bought; for what was not, how many products of the
        catalogue the drawn one stands for.
    """

    users: np.ndarray
    rows: np.ndarray
    items: np.ndarray
    bought: np.ndarray
    importance: np.ndarray

    def take(self, of_users: np.ndarray) -> PurchasePairs:
        """Only the pairs of these customers: bool ``[n]``."""
        position = np.cumsum(of_users) - 1
        kept = of_users[self.rows]
        return PurchasePairs(
            self.users[of_users],
            position[self.rows[kept]],
            self.items[kept],
            self.bought[kept],
            self.importance[kept],
        )


def draw_pairs(
    users: np.ndarray,
    targets: scipy.sparse.csr_matrix,
    seen: scipy.sparse.csr_matrix,
    candidates: np.ndarray,
    n_items: int,
    negatives: int,
    seed: int,
) -> PurchasePairs:
    """Every purchase, and products drawn uniformly from all that the customer could have bought.

    Products without a training purchase stay out on both sides: members rank them below all others
    whatever the weights are.

    Parameters
    ----------
    users
        int32 ``[n]``.
    targets, seen
        Binary csr ``[n, >= n_items]``: bought after the cut, bought before it.
    candidates
        int32 ``[m]``: products on sale by the cut.
    n_items
        Products with a training purchase: the codes below it.
    negatives
        How many to draw for each customer; draws that hit a purchase are thrown away. A catalogue
        no larger than this is taken whole.
    seed
        Seeds the draw.
    """
    pool = np.sort(candidates[candidates < n_items]).astype(np.int64)
    bought_row, bought_item = _cells(targets, pool)
    seen_row, seen_item = _cells(seen, pool)
    taken = np.unique(
        np.concatenate([bought_row * n_items + bought_item, seen_row * n_items + seen_item])
    )
    if len(pool) <= negatives:
        drawn_item = np.tile(pool, len(users))
        drawn_row = np.repeat(np.arange(len(users)), len(pool))
    else:
        draws = np.random.default_rng(seed).integers(0, len(pool), len(users) * negatives)
        drawn_item = pool[draws]
        drawn_row = np.repeat(np.arange(len(users)), negatives)
    free = ~np.isin(drawn_row * n_items + drawn_item, taken)
    drawn_row, drawn_item = drawn_row[free], drawn_item[free]
    kept = np.bincount(drawn_row, minlength=len(users))
    not_bought = len(pool) - np.bincount(taken // n_items, minlength=len(users))
    stands_for = not_bought / np.maximum(kept, 1)
    rows = np.concatenate([bought_row, drawn_row])
    order = np.argsort(rows, kind="stable")
    return PurchasePairs(
        users=np.asarray(users),
        rows=rows[order],
        items=np.concatenate([bought_item, drawn_item])[order],
        bought=np.concatenate(
            [np.ones(len(bought_row), dtype=bool), np.zeros(len(drawn_row), dtype=bool)]
        )[order],
        importance=np.concatenate([np.ones(len(bought_row)), stands_for[drawn_row]])[order],
    )


def _cells(matrix: scipy.sparse.csr_matrix, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers of the non-zero cells whose column is in the pool."""
    row = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    item = matrix.indices.astype(np.int64)
    inside = np.isin(item, pool)
    return row[inside], item[inside]


def scores_of_pairs(member: Recommender, pairs: PurchasePairs) -> np.ndarray:
    """Standardised scores of the pairs: float32 ``[p]``, computed in blocks of customers.

    A product that a member never recommends (-inf) stands ``NEVER`` deviations below the mean.
    """
    import torch

    scores = np.empty(len(pairs.rows), dtype=np.float32)
    known = member.is_known(pairs.users)
    block = max(1, BLOCK_CELLS // max(member.n_items, 1))
    with torch.inference_mode():
        for strangers, group in ((False, np.flatnonzero(known)), (True, np.flatnonzero(~known))):
            for start in range(0, len(group), block):
                part = group[start : start + block]
                position = np.full(len(pairs.users), -1)
                position[part] = np.arange(len(part))
                cells = np.flatnonzero(position[pairs.rows] >= 0)
                codes = torch.from_numpy(pairs.users[part].astype(np.int64))
                rows = standardised_scores(member, codes, strangers).numpy()
                row = position[pairs.rows[cells]] if len(rows) > 1 else 0
                scores[cells] = rows[row, pairs.items[cells]]
    return np.maximum(scores, NEVER)


def learn_calibrators(
    scores: Mapping[str, np.ndarray], pairs: PurchasePairs, min_purchases: int
) -> dict[str, MonotoneCalibrator]:
    """Fit one calibration a member; none at all where too little was bought.

    Parameters
    ----------
    scores
        Member to standardised scores of the pairs, float ``[p]``.
    pairs
        The pairs, of customers that the weights are not learnt from.
    min_purchases
        With fewer purchases the answer is empty, and the blend uses the scores as they are.
    """
    if pairs.bought.sum() < max(min_purchases, 1) or pairs.bought.all():
        return {}
    return {
        name: MonotoneCalibrator().fit(values, pairs.bought, pairs.importance)
        for name, values in scores.items()
    }


def learn_purchase_weights(
    scores: Mapping[str, np.ndarray],
    pairs: PurchasePairs,
    calibrators: Mapping[str, MonotoneCalibrator],
    segment_of: np.ndarray,
    segments: Sequence[str],
    min_purchases: int,
    shrinkage: float,
) -> SegmentWeights:
    """Regress bought or not on the calibrated scores, on the simplex, per segment.

    The base rate, the same chance for every pair, takes part in the regression as one more column
    and its share is divided out afterwards. It moves no product past another; without it, models
    that know little would be given weight for the caution that the others lack.

    Parameters
    ----------
    scores
        Member to standardised scores of the pairs.
    pairs
        The pairs to learn from.
    calibrators
        One a member; where there is none, or nothing was bought, the weights are equal.
    segment_of
        int ``[n]`` into ``segments``, for each customer of the pairs.
    segments
        Their names.
    min_purchases, shrinkage
        As in ``learn_segment_weights``, in purchases.
    """
    models = tuple(scores)
    if pairs.bought.sum() < max(min_purchases, 1) or not calibrators:
        return SegmentWeights.equal(models, segments)
    rate = float(np.average(pairs.bought, weights=pairs.importance))
    chances = np.stack(
        [calibrators[name](scores[name]) for name in models] + [np.full(len(pairs.rows), rate)],
        axis=1,
    )
    learnt = learn_segment_weights(
        chances,
        pairs.bought,
        np.asarray(segment_of)[pairs.rows],
        segments,
        (*models, "base rate"),
        importance=pairs.importance,
        counted=pairs.bought,
        min_pairs=min_purchases,
        shrinkage_pairs=shrinkage,
    )
    return SegmentWeights(
        models,
        _without_base_rate(learnt.overall),
        {name: _without_base_rate(weights) for name, weights in learnt.by_segment.items()},
        learnt.pairs,
        learnt.overall_pairs,
    )


def _without_base_rate(weights: np.ndarray) -> np.ndarray:
    """Weights of the models alone; equal ones where no model beats the base rate."""
    of_models = weights[:-1]
    total = of_models.sum()
    if total < 1e-6:
        return np.full(len(of_models), 1.0 / len(of_models))
    return np.asarray(of_models / total)
