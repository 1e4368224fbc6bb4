"""Networks that read histories token by token: causal self-attention, and an LSTM.

Both are causal: the state of a token depends on that token and those before it, so that one pass
over a history answers for every purchase in it. This module imports torch at its head and is
itself imported inside functions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from product_recommender.recommenders.sequence_batches import Group, SequenceBatch

TIME_BUCKETS = 26
"""Two for each doubling of the days: the last begins at 2 ** 12.5 days, 16 years."""

EMBEDDING_SPREAD = 0.02
"""Standard deviation of new embeddings."""


def time_bucket(days: Tensor) -> Tensor:
    """int64 bucket of a number of days: 0 is the same day, then two for each doubling."""
    logarithm = 2.0 * torch.log2(1.0 + days.clamp(min=0).float())
    return logarithm.long().clamp_(max=TIME_BUCKETS - 1)


class Dropout(nn.Module):
    """``nn.Dropout`` with cheaper random bits on a CPU: a quarter of a 64-bit draw per number.

    Measured on one core: 0.3 ms instead of 1.6 ms for 1,800 x 64 numbers; torch's own was a quarter
    of the training time of a small transformer.
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.chance == 0:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.chance)
        n = x.numel()
        bits = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(1 << 63), None)
        kept = bits.view(torch.int16)[:n].view_as(x) >= round(self.chance * 65536) - 32768
        return x * (kept * (1.0 / (1.0 - self.chance)))


class ItemVectors(nn.Module):
    """A free vector for every item, plus a projection of its features where there are any.

    Parameters
    ----------
    n_items
        Number of items. One more vector stands for the start of a history.
    width
        Length of the vectors.
    features
        float32 ``[n_items, f]`` or None.
    """

    features: Tensor | None

    def __init__(self, n_items: int, width: int, features: Tensor | None) -> None:
        super().__init__()
        self.free = nn.Parameter(torch.randn(n_items + 1, width) * EMBEDDING_SPREAD)
        self.register_buffer("features", features)
        if features is not None:
            spread = EMBEDDING_SPREAD / math.sqrt(features.shape[1])
            self.projection = nn.Parameter(torch.randn(features.shape[1], width) * spread)

    def forward(self) -> Tensor:
        """float32 ``[n_items + 1, width]``, the start of a history last."""
        if self.features is None:
            return self.free
        return self.free + functional.pad(self.features @ self.projection, (0, 0, 0, 1))


class SequenceNetwork(nn.Module):
    """What the two networks share: tokens in, states out, items scored by the same vectors.

    Parameters
    ----------
    n_items
        Number of items.
    width
        Length of item vectors and states.
    dropout
        Of the token vectors.
    features
        float32 ``[n_items, f]`` or None: features to build item vectors from.
    item_bias
        float32 ``[n_items]``: the bias to start from.
    trends
        Number of popularity trends that the biases are moved by; 0: none.
    time_aware
        Whether tokens carry the days from their purchase to the moment of asking.
    temperature
        Scores are cosines divided by it; None: dot products.
    """

    def __init__(
        self,
        n_items: int,
        width: int,
        dropout: float,
        features: Tensor | None,
        item_bias: Tensor,
        trends: int,
        time_aware: bool,
        temperature: float | None,
    ) -> None:
        super().__init__()
        self.items = ItemVectors(n_items, width, features)
        self.item_bias = nn.Parameter(item_bias.clone())
        self.trend_weights = nn.Parameter(torch.full((trends,), 1.0 / max(trends, 1)))
        self.waits = nn.Parameter(torch.zeros(TIME_BUCKETS, width)) if time_aware else None
        self.dropout = Dropout(dropout)
        self.temperature = temperature

    def tokens(self, batch: SequenceBatch, table: Tensor) -> Tensor:
        """float32 ``[n, width]``: item vectors, and how long ago the purchase was when asked."""
        x = functional.embedding(batch.items, table) * math.sqrt(table.shape[1])
        if self.waits is not None:
            x = x + functional.embedding(time_bucket(batch.asked - batch.days), self.waits)
        return x

    def read(self, batch: SequenceBatch, table: Tensor) -> Tensor:
        """State of every token, float32 ``[n, width]``."""
        raise NotImplementedError

    def forward(self, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """States of the tokens and vectors of the items; logits are their products.

        Returns
        -------
        states : torch.Tensor
            float32 ``[n, width]``.
        table : torch.Tensor
            float32 ``[n_items, width]``.
        """
        table = self.items()
        states, table = self.read(batch, table), table[:-1]
        if self.temperature is None:
            return states, table
        return functional.normalize(states, dim=1) / self.temperature, functional.normalize(
            table, dim=1
        )

    def biases(self, trends: Tensor | None) -> Tensor:
        """Bias of every item in every period.

        Parameters
        ----------
        trends
            float32 ``[periods, n_items, trends]`` or None.

        Returns
        -------
        torch.Tensor
            float32 ``[periods, n_items]``, one period without trends.
        """
        if trends is None:
            return self.item_bias[None]
        return self.item_bias + trends @ self.trend_weights


class Attention(nn.Module):
    """Causal self-attention that can tell how far back, and how long ago, a token is.

    Parameters
    ----------
    width, heads
        Length of the vectors, and among how many heads they are divided.
    max_length
        Longest history, start token not counted.
    time_aware
        Whether the days from each purchase to the moment of asking count.
    """

    def __init__(self, width: int, heads: int, max_length: int, time_aware: bool) -> None:
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.distances = nn.Parameter(torch.zeros(heads, max_length + 1))
        self.ages = nn.Parameter(torch.zeros(heads, TIME_BUCKETS)) if time_aware else None

    def forward(self, x: Tensor, batch: SequenceBatch) -> Tensor:
        into = self.into(x)
        return self.out(torch.cat([self._attend(into, batch, group) for group in batch.groups]))

    def _attend(self, into: Tensor, batch: SequenceBatch, group: Group) -> Tensor:
        rows, width, part = group.rows, group.width, slice(group.first, group.last)
        cells = into.new_zeros(rows * width, into.shape[1]).index_copy(0, group.places, into[part])
        q, k, v = cells.view(rows, width, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=self._mask(batch, group))
        return mixed.transpose(1, 2).reshape(rows * width, -1).index_select(0, group.places)

    def _mask(self, batch: SequenceBatch, group: Group) -> Tensor:
        """What is added to the attention logits: -inf ahead, learnt numbers behind.

        Tokens stand at the left of their row, so whoever looks back never sees the empty cells.
        """
        rows, width, part = group.rows, group.width, slice(group.first, group.last)
        place = torch.arange(width, device=group.places.device)
        distance = place[:, None] - place
        mask = self.distances[:, distance.clamp(min=0)]
        if self.ages is not None:
            asked, days = (
                torch.zeros(rows * width, dtype=torch.int64, device=place.device)
                .index_copy(0, group.places, column[part])
                .view(rows, width)
                for column in (batch.asked, batch.days)
            )
            age = time_bucket(asked[:, :, None] - days[:, None, :])
            mask = mask + self.ages[:, age].transpose(0, 1)
        return mask.masked_fill(distance < 0, -torch.inf)


class Block(nn.Module):
    """Attention, then two linear layers; each normalised before and added to what came in."""

    def __init__(
        self, width: int, heads: int, hidden: int, dropout: float, max_length: int, time_aware: bool
    ) -> None:
        super().__init__()
        self.attention = Attention(width, heads, max_length, time_aware)
        self.before_attention = nn.LayerNorm(width)
        self.before_layers = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, batch: SequenceBatch) -> Tensor:
        x = x + self.dropout(self.attention(self.before_attention(x), batch))
        hidden = self.dropout(functional.gelu(self.up(self.before_layers(x))))
        return x + self.dropout(self.down(hidden))


class TransformerNetwork(SequenceNetwork):
    """Blocks of causal self-attention over the tokens of a history.

    Parameters
    ----------
    layers, heads
        Number of blocks, and of heads in each.
    hidden
        Width of the two linear layers of a block, in widths of a token.
    max_length
        Longest history, start token not counted.
    **shared
        As of ``SequenceNetwork``.
    """

    def __init__(
        self, *, layers: int, heads: int, hidden: float, max_length: int, **shared: object
    ) -> None:
        super().__init__(**shared)  # type: ignore[arg-type]
        width, time_aware = self.items.free.shape[1], self.waits is not None
        self.positions = nn.Parameter(torch.randn(max_length + 1, width) * EMBEDDING_SPREAD)
        self.blocks = nn.ModuleList(
            Block(width, heads, round(hidden * width), self.dropout.chance, max_length, time_aware)
            for _ in range(layers)
        )
        self.after = nn.LayerNorm(width)

    def read(self, batch: SequenceBatch, table: Tensor) -> Tensor:
        """State of every token, float32 ``[n, width]``."""
        x = self.dropout(
            self.tokens(batch, table) + functional.embedding(batch.positions, self.positions)
        )
        for block in self.blocks:
            x = block(x, batch)
        return self.after(x)


class LSTMNetwork(SequenceNetwork):
    """Long short-term memory over the tokens of a history.

    Parameters
    ----------
    layers
        LSTM layers on top of each other.
    hidden
        Length of their states.
    **shared
        As of ``SequenceNetwork``.
    """

    def __init__(self, *, layers: int, hidden: int, **shared: object) -> None:
        super().__init__(**shared)  # type: ignore[arg-type]
        width = self.items.free.shape[1]
        self.lstm = nn.LSTM(width, hidden, layers)
        self.into, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.out = nn.Linear(hidden, width)

    def read(self, batch: SequenceBatch, table: Tensor) -> Tensor:
        """State of every token, float32 ``[n, width]``."""
        x = self.dropout(self.into(self.tokens(batch, table)))
        # Step by step, the longest history first: what torch calls a packed sequence.
        rows = len(batch.lengths)
        row = torch.repeat_interleave(batch.lengths)
        order = torch.argsort(batch.positions * rows + (rows - 1 - row))
        steps = torch.bincount(batch.positions).cpu()
        packed = self.lstm(PackedSequence(x[order], steps))[0].data
        states = torch.empty_like(packed).index_copy(0, order, packed)
        return self.after(self.out(self.dropout(states)) + x)
