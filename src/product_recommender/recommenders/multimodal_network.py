"""The network of ``multimodal``: attention over the history, attention over the modalities.

A product has, in each modality that it has, a key (what it is offered as), and from all of them
together a value (what it says of the customer who bought it). A customer is the attention-weighted
sum of the values of what they bought. The score of a product is the mean of the agreements of the
customer with its keys, weighted by attention over the modalities, plus how well it sells now.

Everything between attention weights and score is linear, so that a score can be taken apart into
what each past purchase and each modality gave to it.

This module imports torch at its head and is itself imported inside functions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from product_recommender.recommenders.sequence_networks import (
    EMBEDDING_SPREAD,
    TIME_BUCKETS,
    Dropout,
    time_bucket,
)

RANKS = 12
"""Purchases from the newest on whose place in the history is told apart."""

SEASON_DAYS, SEASONS = 30, 7
"""Two purchases are so many months apart within the year: 0 to 6."""

TINY = 1e-6
"""Keeps the mean over the modalities of a product that has none at zero."""


@dataclass(frozen=True)
class Questions:
    """Histories to answer from, flat: purchase p belongs to question ``rows[p]``.

    Attributes
    ----------
    rows, items
        int64 ``[p]``: number of the question, and what was bought.
    ages
        int64 ``[p]``: bucket of the days from the purchase to the moment of asking.
    ranks
        int64 ``[p]``: later purchases of the same history, at most ``RANKS - 1``.
    seasons
        int64 ``[p]``: how far apart in the year purchase and asking are.
    lengths
        int64 ``[n]``: purchases of each question.
    customers
        int64 ``[n]``: row of the customer's own vector, -1 where there is none.
    """

    rows: Tensor
    items: Tensor
    ages: Tensor
    ranks: Tensor
    seasons: Tensor
    lengths: Tensor
    customers: Tensor

    @classmethod
    def of(
        cls,
        items: Tensor,
        days: Tensor,
        first: Tensor,
        end: Tensor,
        asked: Tensor,
        customers: Tensor,
    ) -> Questions:
        """From purchases in the order of time.

        Parameters
        ----------
        items, days
            int64 ``[all]``: purchases of many customers, one customer after the other.
        first, end
            int64 ``[n]``: question i may look at ``items[first[i]:end[i]]``.
        asked
            int64 ``[n]``: day of each question.
        customers
            int64 ``[n]``.
        """
        lengths = end - first
        rows = torch.repeat_interleave(lengths)
        inside = torch.arange(len(rows), device=rows.device) - (lengths.cumsum(0) - lengths)[rows]
        place = first[rows] + inside
        age = (asked[rows] - days[place]).clamp(min=0)
        apart = age % 365
        apart = torch.minimum(apart, 365 - apart) // SEASON_DAYS
        return cls(
            rows=rows,
            items=items[place],
            ages=time_bucket(age),
            ranks=(end[rows] - place - 1).clamp(max=RANKS - 1),
            seasons=apart.clamp(max=SEASONS - 1),
            lengths=lengths,
            customers=customers,
        )


@dataclass(frozen=True)
class Hidden:
    """What one batch must not see of the items, so that it learns to do without.

    Attributes
    ----------
    ids
        bool ``[n]``: items whose free vectors and biases are hidden.
    sales
        bool ``[n]``: items whose own sales are hidden too, as if nobody had bought them.
    contents
        Modality to bool ``[n]``: items whose content is hidden.
    """

    ids: Tensor
    sales: Tensor
    contents: Mapping[str, Tensor]


@dataclass(frozen=True)
class ItemView:
    """Some items as the network sees them.

    Attributes
    ----------
    keys
        float32 ``[n, modalities * width]``, each modality's key times its gate.
    gates
        float32 ``[n, modalities]``: exponential of the item's attention logit, 0 where it lacks
        the modality.
    values
        float32 ``[n, width]``.
    salience
        float32 ``[n]``: attention logit of the item as a past purchase.
    """

    keys: Tensor
    gates: Tensor
    values: Tensor
    salience: Tensor

    def take(self, places: Tensor | slice) -> ItemView:
        """Only these rows."""
        return ItemView(
            self.keys[places], self.gates[places], self.values[places], self.salience[places]
        )


class MultimodalNetwork(nn.Module):
    """See the head of the module.

    Parameters
    ----------
    n, n_items
        Items that are scored, and training items; the latter are the first.
    contents
        Modality to float32 ``[n, c]`` contents.
    known
        Modality to bool ``[n]``: which items have it.
    has_ids
        Whether training items have free vectors.
    has_time
        Whether attention sees days and seasons.
    width
        Length of keys and values.
    dropout
        Of keys, values and customers.
    n_own, n_like
        Features of sales, see ``SalesReader``.
    n_customers
        Customers with a vector of their own.
    """

    def __init__(
        self,
        *,
        n: int,
        n_items: int,
        contents: Mapping[str, Tensor],
        known: Mapping[str, Tensor],
        has_ids: bool,
        has_time: bool,
        width: int,
        dropout: float,
        n_own: int,
        n_like: int,
        n_customers: int,
    ) -> None:
        super().__init__()
        self.n, self.n_items, self.width = n, n_items, width
        self.modalities = (("ids",) if has_ids else ()) + tuple(contents)
        self.has_time = has_time
        if has_ids:
            self.free_keys = nn.Parameter(torch.randn(n_items, width) * EMBEDDING_SPREAD)
            self.free_values = nn.Parameter(torch.randn(n_items, width) * EMBEDDING_SPREAD)
            self.free_gates = nn.Parameter(torch.zeros(n_items))
        # With time, what a product sells says how well it sells; a bias learnt beside it would hold
        # on to the past.
        self.has_free_bias = has_ids and not has_time
        if self.has_free_bias:
            self.free_bias = nn.Parameter(torch.zeros(n_items))
        self.to_key, self.to_value = nn.ParameterDict(), nn.ParameterDict()
        self.to_gate = nn.ParameterDict()
        for name, vectors in contents.items():
            self.register_buffer(f"content_{name}", vectors)
            self.register_buffer(f"known_{name}", known[name])
            c = vectors.shape[1]
            spread = 10 * EMBEDDING_SPREAD / math.sqrt(c)
            self.to_key[name] = nn.Parameter(torch.randn(c, width) * spread)
            self.to_value[name] = nn.Parameter(torch.randn(c, width) * spread)
            self.to_gate[name] = nn.Parameter(torch.zeros(c))
        self.to_salience = nn.Parameter(torch.randn(width) * 0.01)
        self.ages = nn.Parameter(torch.zeros(TIME_BUCKETS))
        self.seasons = nn.Parameter(torch.zeros(SEASONS))
        self.ranks = nn.Parameter(torch.zeros(RANKS))
        self.nothing = nn.Parameter(torch.zeros(()))
        self.stranger = nn.Parameter(torch.zeros(width))
        self.customer_gates = nn.Parameter(torch.zeros(3, len(self.modalities)))
        self.customers = nn.Parameter(torch.zeros(n_customers, width))
        self.own_weights = nn.Parameter(torch.full((n_own,), 1.0 / max(n_own, 1)))
        self.like_weights = nn.Parameter(torch.zeros(n_like))
        self.unsold_weights = nn.Parameter(torch.full((n_like,), 1.0 / max(n_like, 1)))
        self.unsold_bias = nn.Parameter(torch.zeros(()))
        self.dropout = Dropout(dropout)
        self.scale = math.sqrt(width)

    # ------------------------------------------------------------------ items

    def view(self, items: Tensor | None = None, hidden: Hidden | None = None) -> ItemView:
        """Keys, gates and values of items.

        Parameters
        ----------
        items
            int64 ``[k]`` codes; None: all that are scored.
        hidden
            What must not be seen, over all items.
        """
        keys, gates, values = [], [], []
        for name in self.modalities:
            key, value, gate, has = self._of_ids(items) if name == "ids" else self._of(name, items)
            if hidden is not None:
                mask = hidden.ids if name == "ids" else hidden.contents[name]
                has = has & ~(mask if items is None else mask[items])
            gate = gate.exp() * has
            keys.append(self.dropout(key) * gate[:, None])
            gates.append(gate)
            values.append(value * has[:, None])
        value = self.dropout(torch.stack(values).sum(dim=0))
        salience = value @ self.to_salience * self.scale
        return ItemView(torch.cat(keys, dim=1), torch.stack(gates, dim=1), value, salience)

    def _of_ids(self, items: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if items is None:
            pad = self.n - self.n_items
            has = torch.arange(self.n, device=self.stranger.device) < self.n_items
            return (
                functional.pad(self.free_keys, (0, 0, 0, pad)),
                functional.pad(self.free_values, (0, 0, 0, pad)),
                functional.pad(self.free_gates, (0, pad)),
                has,
            )
        has, row = items < self.n_items, items.clamp(max=self.n_items - 1)
        key, value = functional.embedding(row, self.free_keys), self.free_values
        return key, functional.embedding(row, value), self.free_gates[row], has

    def _of(self, name: str, items: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        content = getattr(self, f"content_{name}")
        known = getattr(self, f"known_{name}")
        if items is not None:
            content, known = content[items], known[items]
        key, value = content @ self.to_key[name], content @ self.to_value[name]
        return key, value, content @ self.to_gate[name], known

    def bias(
        self,
        own: Tensor,
        like: Tensor,
        unsold: Tensor,
        items: Tensor | None = None,
        hidden: Hidden | None = None,
    ) -> Tensor:
        """How well items sell at some moments, whoever asks.

        Parameters
        ----------
        own, like
            float32 ``[m, k, features]``, see ``SalesReader``.
        unsold
            bool ``[k]``: items that nobody has bought, which are judged by those like them.
        items
            int64 ``[k]`` codes; None: the first k.
        hidden
            What must not be seen, over all items.

        Returns
        -------
        Tensor
            float32 ``[m, k]``.
        """
        bias = self.trend(own, like, unsold)
        if not self.has_free_bias:
            return bias
        k = own.shape[1]
        if items is None:
            shown = min(k, self.n_items)
            free = functional.pad(self.free_bias[:shown], (0, k - shown))
        else:
            free = self.free_bias[items.clamp(max=self.n_items - 1)] * (items < self.n_items)
        if hidden is not None:
            free = free * ~(hidden.ids[:k] if items is None else hidden.ids[items])
        return bias + free

    def trend(self, own: Tensor, like: Tensor, unsold: Tensor) -> Tensor:
        """The part of the bias that moves with time, float32 ``[m, k]``."""
        sold = own @ self.own_weights + like @ self.like_weights
        return torch.where(unsold, like @ self.unsold_weights + self.unsold_bias, sold)

    # ------------------------------------------------------------------ customers

    def attention(self, view: ItemView, asked: Questions) -> tuple[Tensor, Tensor]:
        """Weight of each past purchase, float32 ``[p]``, and of knowing nothing, ``[n]``.

        The weights of a question sum to 1 with that of knowing nothing, which is all there is for
        a customer without purchases and shrinks as purchases come in.
        """
        logits = view.salience[asked.items] + self.ranks[asked.ranks]
        if self.has_time:
            logits = logits + self.ages[asked.ages] + self.seasons[asked.seasons]
        weights, nothing = logits.exp(), self.nothing.exp()
        total = nothing + weights.new_zeros(len(asked.lengths)).index_add(0, asked.rows, weights)
        return weights / total[asked.rows], nothing / total

    def read(
        self, view: ItemView, asked: Questions, without_own: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Vectors of customers, float32 ``[n, width]``, and their gates ``[n, modalities]``.

        Parameters
        ----------
        view
            All items that occur in the histories, ``asked.items`` being its rows.
        asked
            Histories.
        without_own
            bool ``[n]``: questions whose customer's own vector is hidden.
        """
        weights, nothing = self.attention(view, asked)
        values = functional.embedding(asked.items, view.values) * weights[:, None]
        states = nothing[:, None] * self.stranger
        states = states.index_add(0, asked.rows, values)
        if len(self.customers):
            has_own = asked.customers >= 0
            if without_own is not None:
                has_own = has_own & ~without_own
            own = functional.embedding(asked.customers.clamp(min=0), self.customers)
            states = states + own * has_own[:, None]
        length = torch.log1p(asked.lengths.float())
        facts = torch.stack([torch.ones_like(length), length, nothing], dim=1)
        return self.dropout(states), (facts @ self.customer_gates).exp()

    def agreement(self, view: ItemView, states: Tensor, gates: Tensor) -> Tensor:
        """Score of every item of the view but for its bias, float32 ``[n, k]``.

        The attention weight of modality m is ``gates[u, m] * view.gates[i, m]`` over the sum of
        these, so that the mean over the modalities is one product of matrices over another.
        """
        both = (gates[:, :, None] * states[:, None, :]).flatten(1)
        return self.width * (both @ view.keys.T) / (gates @ view.gates.T + TINY)

    def agreement_of_pairs(self, view: ItemView, states: Tensor, gates: Tensor) -> Tensor:
        """The same for question i and item i of the view, float32 ``[n]``."""
        both = (gates[:, :, None] * states[:, None, :]).flatten(1)
        return self.width * (both * view.keys).sum(1) / ((gates * view.gates).sum(1) + TINY)
