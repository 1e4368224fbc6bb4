"""What a score of ``multimodal`` is made of, and whether that is true.

Everything between attention and score is linear, so the lift of a product above the average one is
a sum over past purchases and modalities: the attention weight of a purchase, times its agreement
with the product in a modality, times the attention weight of the modality.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from product_recommender.metrics.bootstrap import paired_differences
from product_recommender.recommenders.explanation import Explanation
from product_recommender.recommenders.histories import Histories

if TYPE_CHECKING:
    from product_recommender.recommenders.multimodal import Multimodal

SHORTEST_TESTED = 3
"""Purchases of the customers of the deletion test: with fewer there is nothing to choose from."""


class Explainer:
    """Takes scores apart.

    Parameters
    ----------
    model
        A trained model.
    """

    def __init__(self, model: Multimodal) -> None:
        self.model, self._network = model, model._network
        self._network.eval()
        with torch.inference_mode():
            self._view = self._network.view()
            keys = self._view.keys.unflatten(1, (-1, self._network.width))
            self._keys = keys * self._network.width
            own, like, unsold = model._sales()
            self._trend = self._network.trend(own, like, unsold)[0]
            self._bias = self._network.bias(own, like, unsold)[0]

    def explain(self, user: int, item: int, is_tested: bool) -> Explanation:
        """Shares of the modalities and of the past purchases in what lifts ``item``."""
        lifts, purchases, of_purchases = self.parts(user, item)
        positive = {name: max(lift, 0.0) for name, lift in lifts.items()}
        total = sum(positive.values())
        shares = {
            name: lift / total if total > 0 else 1.0 / len(positive)
            for name, lift in positive.items()
        }
        merged: dict[int, float] = {}
        for bought, lift in zip(purchases.tolist(), of_purchases.tolist(), strict=True):
            merged[bought] = merged.get(bought, 0.0) + max(lift, 0.0)
        total = sum(merged.values())
        ordered = sorted(merged.items(), key=lambda pair: (-pair[1], pair[0]))
        history = [(bought, lift / total) for bought, lift in ordered if lift > 0]
        return Explanation(shares, history, is_tested)

    def parts(self, user: int, item: int) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
        """How far each modality and each past purchase lift ``item`` above the average product.

        Returns
        -------
        lifts : dict
            Modality to its part of the score, less that of the average product.
        purchases : numpy.ndarray
            int64 ``[p]``: what the customer bought, as far as it is looked at.
        of_purchases : numpy.ndarray
            float32 ``[p]``: their parts.
        """
        model, network = self.model, self._network
        users = np.array([user])
        asked = model._questions(model._histories.take(users), users)
        with torch.inference_mode():
            states, gates = network.read(self._view, asked)
            relative = self._relative_keys(gates[0], item)
            lifts = dict(zip(network.modalities, (relative @ states[0]).tolist(), strict=True))
            if "ids" in lifts:
                free = self._bias - self._trend
                lifts["ids"] += float(free[item] - free.mean())
            if network.has_time:
                lifts["time"] = float(self._trend[item] - self._trend.mean())
            weights, _ = network.attention(self._view, asked)
            values = self._view.values[asked.items] * weights[:, None]
            return lifts, asked.items.cpu().numpy(), (values @ relative.sum(0)).cpu().numpy()

    def _relative_keys(self, gates: Tensor, item: int) -> Tensor:
        """float32 ``[modalities, width]``: keys of the item less those of the average item."""
        from product_recommender.recommenders.multimodal_network import TINY

        attention = gates[:, None] / (self._view.gates @ gates + TINY)[:, None, None]
        return attention[item] * self._keys[item] - (attention * self._keys).mean(dim=0)


def check_explanations(model: Multimodal, n_customers: int) -> dict[str, Any]:
    """The deletion test: does taking away the purchase that is named first cost the most?

    Of each customer the product at the top of the list is explained. Then the score of that
    product, less the mean over all products, is computed again without the purchase that the
    explanation names first, and without another one drawn at random.

    Source: the deletion metric of Petsiuk, Das and Saenko, RISE, 2018; why attention has to be
    tested: Jain and Wallace, Attention is not Explanation, 2019.

    Parameters
    ----------
    model
        A trained model.
    n_customers
        Customers with at least ``SHORTEST_TESTED`` different products who are asked, at most.

    Returns
    -------
    dict
        ``customers``, ``fall_without_named``, ``fall_without_random`` (means), ``difference`` and
        its 95 % interval ``low``, ``high``; ``passed`` is whether that is above zero.
    """
    histories = model._histories
    kept = _distinct(histories, model.n_items_scored)
    users = np.flatnonzero(kept.lengths >= SHORTEST_TESTED)
    rng = np.random.default_rng(model.config.seed)
    if len(users) > n_customers:
        users = np.sort(rng.choice(users, n_customers, replace=False))
    if n_customers == 0 or len(users) < 2:
        return {"customers": 0, "passed": False}
    items, _ = model.recommend(users, 1)
    users, items = users[items[:, 0] >= 0], items[items[:, 0] >= 0, 0]
    if len(users) < 2:
        return {"customers": 0, "passed": False}
    explainer = Explainer(model)
    named, drawn = np.zeros(len(users), np.int64), np.zeros(len(users), np.int64)
    for row, (user, item) in enumerate(zip(users.tolist(), items.tolist(), strict=True)):
        _, purchases, of_purchases = explainer.parts(user, item)
        candidates = np.unique(purchases)
        lift = np.array([of_purchases[purchases == bought].sum() for bought in candidates])
        named[row] = candidates[np.argmax(lift)]
        drawn[row] = (
            rng.choice(candidates[candidates != named[row]]) if len(candidates) > 1 else named[row]
        )
    whole = histories.take(users)
    before = _margin(model, whole, users, items)
    falls = [
        before - _margin(model, _without(whole, gone), users, items) for gone in (named, drawn)
    ]
    found = paired_differences(falls[0], falls[1], seed=model.config.seed)
    return {
        "customers": len(users),
        "fall_without_named": float(falls[0].mean()),
        "fall_without_random": float(falls[1].mean()),
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "passed": found.low > 0,
    }


def _distinct(histories: Histories, n_items: int) -> Histories:
    matrix = histories.matrix(n_items)
    return Histories(matrix.indptr.astype(np.int64), matrix.indices, np.zeros(matrix.nnz, np.int32))


def _margin(
    model: Multimodal, histories: Histories, users: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """float64 ``[n]``: score of each user's item less the mean over all items."""
    scores = model._answer(histories, users).cpu().numpy().astype(np.float64)
    return np.asarray(scores[np.arange(len(items)), items] - scores.mean(axis=1))


def _without(histories: Histories, items: np.ndarray) -> Histories:
    """The histories, each without one item."""
    rows = np.repeat(np.arange(histories.n_users), histories.lengths)
    kept = histories.items != items[rows]
    lengths = np.bincount(rows[kept], minlength=histories.n_users)
    return Histories(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        histories.items[kept],
        histories.days[kept],
    )
