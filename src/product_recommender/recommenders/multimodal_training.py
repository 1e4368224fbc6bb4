"""What ``multimodal`` learns from: every purchase, from what the customer had bought before it.

Parts of the items are hidden at random from every batch: the free vectors of some, as of products
that nobody has bought yet, all sales of others, and the text or picture of others again. So the
network learns to do without each of them, and what a product is worth of which only the content is
known, on the same scale as the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.multimodal_items import SalesReader
from product_recommender.recommenders.multimodal_network import (
    Hidden,
    MultimodalNetwork,
    Questions,
)
from product_recommender.recommenders.neural_inputs import recency_weights
from product_recommender.recommenders.sequence_losses import Negatives

if TYPE_CHECKING:
    from product_recommender.recommenders.multimodal_settings import MultimodalConfig


UNSOLD_SHARE, UNSOLD_DRAWS = 0.2, 4
"""Share of the products taken for unsold while trends are settled, and how often it is drawn."""

SETTLING_STEPS = 40


class NextPurchases:
    """Batches of purchases, and the loss of the network on them.

    Where all items are compared with, the customers without a history are not in the batches: they
    are all the same one, so that their softmax depends on the moment alone and is computed exactly,
    for all of them at once, in every batch.

    Parameters
    ----------
    network
        On the device.
    config
        Settings.
    histories
        The training purchases.
    reader
        Reads sales.
    moments
        int64 ``[m]``, ascending: first days of the periods whose sales the batches see.
    customers
        int64 ``[n_users]``: row of each customer's own vector, -1 where there is none.
    """

    def __init__(
        self,
        network: MultimodalNetwork,
        config: MultimodalConfig,
        histories: Histories,
        reader: SalesReader,
        moments: np.ndarray,
        customers: np.ndarray,
    ) -> None:
        self.network, self.config, self.n_items = network, config, reader.n_items
        device = network.stranger.device
        self._device = device

        def lay(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        own, like = reader.read(histories.items, histories.days, moments)
        self._own, self._like = lay(own[:, : self.n_items]), lay(like[:, : self.n_items])
        user = np.repeat(np.arange(histories.n_users), histories.lengths)
        place = np.arange(len(histories.items))
        period = np.clip(np.searchsorted(moments, histories.days, side="right") - 1, 0, None)
        weight = recency_weights(histories.days, config.recency_half_life_days)
        self._items, self._days = (
            lay(histories.items.astype(np.int64)),
            lay(histories.days.astype(np.int64)),
        )
        self._first = lay(np.maximum(histories.indptr[user], place - config.max_length))
        self._period, self._weight = lay(period), lay(weight)
        self._customer = lay(np.where(histories.lengths[user] > 1, customers[user], -1))
        counts = np.bincount(histories.items, minlength=self.n_items)
        self._negatives: Negatives | None = None
        is_first = place == histories.indptr[user]
        if self.n_items > config.all_items_up_to:
            self._negatives = Negatives(lay(counts), config.negatives, config.popular_share)
            is_first[:] = False
        self.rows = lay(np.flatnonzero(~is_first))

        def by_period(chosen: np.ndarray) -> Tensor:
            counts = torch.zeros(len(moments), self.n_items, device=device)
            cells = lay(period[chosen]), lay(histories.items[chosen].astype(np.int64))
            return counts.index_put_(cells, lay(weight[chosen]), accumulate=True)

        self._bought = by_period(np.ones(len(place), dtype=bool))
        self._firsts = by_period(is_first)
        self._total = float(weight.sum())

    def settle_trends(self) -> None:
        """Find the weights of what sells now before anything else is learnt.

        They are few and their loss is convex, so they need not wait for many small steps: where
        nothing but the moment is known, the network is at its best from the start. Some products
        are taken for unsold here, more than in training, to learn what those like them say.
        """
        network = self.network
        weights = [network.own_weights, network.like_weights]
        weights += [network.unsold_weights, network.unsold_bias]
        generator = torch.Generator().manual_seed(self.config.seed)
        masks = [
            (torch.rand(self.n_items, generator=generator) < UNSOLD_SHARE).to(self._device)
            for _ in range(UNSOLD_DRAWS)
        ]
        solver = torch.optim.LBFGS(weights, max_iter=SETTLING_STEPS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            solver.zero_grad()
            total = torch.stack([(weight**2).sum() for weight in weights]).sum()  # a faint prior
            for mask in masks:
                scores = network.trend(self._own, self._like, mask)
                right = (self._bought * scores).sum()
                total = total + (self._bought.sum(1) @ scores.logsumexp(1) - right) / len(masks)
            total.backward()
            return total

        solver.step(loss)
        for weight in weights:
            weight.grad = None

    def __call__(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Mean loss of a batch: purchases ``rows``, and their share of the first purchases."""
        hidden = self._hidden(generator)
        if self._negatives is not None:
            return self._against_drawn(rows, hidden, generator)
        network, view = self.network, self.network.view(hidden=hidden)
        offered = view.take(slice(self.n_items))
        bias = network.bias(self._own, self._like, hidden.sales[: self.n_items], hidden=hidden)
        share = len(rows) / len(self.rows) if len(self.rows) else 1.0
        nobody = self._questions(rows[:0], 1)
        scores = network.agreement(offered, *network.read(view, nobody)) + bias
        loss = (self._firsts.sum(1) @ scores.logsumexp(1) - (self._firsts * scores).sum()) * share
        if len(rows):
            asked = self._questions(rows)
            states, gates = network.read(view, asked, self._without_own(rows, generator))
            scores = network.agreement(offered, states, gates) + bias[self._period[rows]]
            losses = functional.cross_entropy(scores, self._items[rows], reduction="none")
            loss = loss + self._weight[rows] @ losses
        return loss / (self._total * share)

    def _against_drawn(self, rows: Tensor, hidden: Hidden, generator: torch.Generator) -> Tensor:
        """Softmax against drawn items, corrected for how often each is drawn."""
        assert self._negatives is not None
        network, drawn, asked = self.network, self._negatives.draw(generator), self._questions(rows)
        targets = self._items[rows]
        needed, place = torch.unique(torch.cat([drawn, targets, asked.items]), return_inverse=True)
        view = network.view(needed, hidden)
        at_drawn, at_target, at_bought = place.split([len(drawn), len(targets), len(asked.items)])
        bought = replace(asked, items=at_bought)
        states, gates = network.read(view, bought, self._without_own(rows, generator))
        unsold, period = hidden.sales[needed], self._period[rows]
        bias = network.bias(self._own[:, needed], self._like[:, needed], unsold, needed, hidden)
        scores = network.agreement(view.take(at_drawn), states, gates)
        scores = scores + bias[:, at_drawn][period] - self._negatives.chance[drawn].log()
        right = network.agreement_of_pairs(view.take(at_target), states, gates)
        right = right + bias[period, at_target]
        scores = scores.masked_fill(drawn == targets[:, None], -torch.inf)
        losses = torch.logaddexp(right, scores.logsumexp(dim=1)) - right
        return (self._weight[rows] * losses).sum() / self._weight[rows].sum()

    def _questions(self, rows: Tensor, n: int | None = None) -> Questions:
        """What was known before these purchases; ``n`` questions without history for no rows."""
        if n is not None:
            nothing = torch.zeros(n, dtype=torch.int64, device=self._device)
            return Questions.of(self._items, self._days, nothing, nothing, nothing, nothing - 1)
        return Questions.of(
            self._items,
            self._days,
            self._first[rows],
            rows,
            self._days[rows],
            self._customer[rows],
        )

    def _without_own(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """A customer's own vector has seen this purchase: half of the time it must not help."""
        return torch.rand(len(rows), generator=generator, device=self._device) < 0.5

    def _hidden(self, generator: torch.Generator) -> Hidden:
        network, config = self.network, self.config

        def some(chance: float) -> Tensor:
            n = network.n
            return torch.rand(n, generator=generator, device=self._device) < chance

        sales = some(config.hide_sales)
        contents = {name: some(config.hide_content) for name in network.modalities if name != "ids"}
        return Hidden(ids=sales | some(config.hide_ids), sales=sales, contents=contents)
