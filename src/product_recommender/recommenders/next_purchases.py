"""How well a model ranks what customers bought next: what early stopping looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import BLOCK_CELLS
from product_recommender.recommenders.top_k import rows_of

if TYPE_CHECKING:
    from torch import Tensor

    from product_recommender.recommenders.histories import HistoryRecommender

VALIDATION_LENGTH = 10
"""Early stopping looks at NDCG at so many."""


def next_purchase_ndcg(model: HistoryRecommender, held_out: Interactions) -> float:
    """Mean NDCG@10 of single purchases after the training history, that history left out.

    Parameters
    ----------
    model
        Its network may still be training; only ``_score`` is asked.
    held_out
        Purchases of known customers and items.
    """
    import torch

    users, row_of = np.unique(held_out.users, return_inverse=True)
    total, block = 0.0, max(1, BLOCK_CELLS // model.n_items_scored)
    with torch.inference_mode():
        for begin in range(0, len(users), block):
            part = users[begin : begin + block]
            mine = (row_of >= begin) & (row_of < begin + block)
            scores = _unseen_scores(model, part)
            rows = torch.from_numpy(row_of[mine] - begin).to(scores.device)
            items = torch.from_numpy(held_out.items[mine].astype(np.int64)).to(scores.device)
            for some in torch.arange(len(rows)).split(block):
                row = scores[rows[some]]
                target = row.gather(1, items[some, None])
                ties = ((row == target).sum(dim=1) - 1).clamp(min=0)  # itself is none
                better = (row > target).sum(dim=1) + 0.5 * ties
                listed = (better < VALIDATION_LENGTH) & target.isfinite().squeeze(1)
                gains = listed / torch.log2(2.0 + better)
                total += float(gains.sum())
    return total / len(held_out)


def next_purchase_log_likelihood(model: HistoryRecommender, held_out: Interactions) -> float:
    """Mean log chance of single purchases, by the softmax over the training items not yet bought.

    Where few purchases are held out it says more than NDCG@10: every one of them counts, not only
    those that come near the top.

    Parameters
    ----------
    model, held_out
        As of ``next_purchase_ndcg``; purchases of what was bought before are passed over.

    Returns
    -------
    float
        0 if nothing is left.
    """
    import torch

    users, row_of = np.unique(held_out.users, return_inverse=True)
    total, kept, block = 0.0, 0, max(1, BLOCK_CELLS // model.n_items_scored)
    with torch.inference_mode():
        for begin in range(0, len(users), block):
            mine = (row_of >= begin) & (row_of < begin + block)
            scores = _unseen_scores(model, users[begin : begin + block])
            rows = torch.from_numpy(row_of[mine] - begin).to(scores.device)
            items = torch.from_numpy(held_out.items[mine].astype(np.int64)).to(scores.device)
            is_new = ~torch.isneginf(scores[rows, items])
            chances = scores.log_softmax(dim=1)[rows[is_new], items[is_new]]
            total, kept = total + float(chances.sum()), kept + len(chances)
    return total / max(kept, 1)


def _unseen_scores(model: HistoryRecommender, users: np.ndarray) -> Tensor:
    """Scores ``[n, n_items]`` of these users, -inf where they have bought the item."""
    import torch

    assert model._seen_indptr is not None
    assert model._seen_indices is not None
    scores = model._score(torch.from_numpy(users.astype(np.int64)))[:, : model.n_items]
    bought = rows_of(model._seen_indptr, model._seen_indices, users)
    scores[tuple(torch.from_numpy(cells).to(scores.device) for cells in bought)] = -torch.inf
    return scores
