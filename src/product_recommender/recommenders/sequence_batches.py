"""Histories as flat tokens: no padding where most histories are short.

A batch is the concatenation of its histories. Every history begins with a start token, which
predicts the first purchase, so that a customer with a single purchase teaches something as well.
What works on single tokens (embeddings, linear layers, the loss) sees exactly the tokens there are;
attention alone needs rectangles, and gets one for each group of histories of similar length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from product_recommender.recommenders.histories import Histories

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SHORTEST_GROUP = 4
"""Histories of up to so many tokens share one rectangle."""


@dataclass(frozen=True)
class Group:
    """Some histories of a batch in a rectangle, their tokens at the left.

    Attributes
    ----------
    first, last
        Their tokens are ``tokens[first:last]``.
    rows, width
        Size of the rectangle.
    places
        int64 ``[last - first]``: cell of each token in the flattened rectangle.
    """

    first: int
    last: int
    rows: int
    width: int
    places: Tensor


@dataclass(frozen=True)
class SequenceBatch:
    """Tokens of some histories, one history after the other, shorter ones first.

    Attributes
    ----------
    items
        int64 ``[n]``: what the token stands for; ``n_items`` is the start token.
    days
        int64 ``[n]``: day of that purchase; the start token has the day of its moment of asking.
    asked
        int64 ``[n]``: the day on which the next purchase is asked for.
    positions
        int64 ``[n]``: purchases before this token, 0 at the start token.
    targets
        int64 ``[n]``: the next purchase; -1 after the last one of a history that is asked about.
    order
        int64 ``[rows]``: number of each history in what the batch was made of.
    lengths
        int64 ``[rows]`` tokens of each history.
    groups
        All tokens in rectangles.
    """

    items: Tensor
    days: Tensor
    asked: Tensor
    positions: Tensor
    targets: Tensor
    order: Tensor
    lengths: Tensor
    groups: tuple[Group, ...]

    @property
    def last_tokens(self) -> Tensor:
        """int64 ``[rows]``: place of each history's last token."""
        return self.lengths.cumsum(0) - 1


class SequenceStore:
    """Histories on the device, and batches of them.

    Parameters
    ----------
    histories
        Purchases of many users.
    n_items
        Number of items; also the code of the start token.
    max_length
        Purchases that a model looks at. In training a longer history is cut into windows, each
        but the oldest of full length; an answer looks at the newest purchases.
    device
        Where the tensors lie.
    """

    def __init__(
        self, histories: Histories, n_items: int, max_length: int, device: torch.device
    ) -> None:
        import torch

        self.n_items, self.max_length = n_items, max_length
        self.device = device
        self._items = torch.from_numpy(histories.items.astype(np.int64)).to(device)
        self._days = torch.from_numpy(histories.days.astype(np.int64)).to(device)
        self._ends = torch.from_numpy(histories.indptr[1:]).to(device)
        self._lengths = torch.from_numpy(histories.lengths).to(device)

    def windows(self) -> tuple[Tensor, Tensor]:
        """First purchase and number of purchases of every window to train on.

        Returns
        -------
        first, lengths : torch.Tensor
            int64 ``[n_windows]``; together the windows hold every purchase once.
        """
        import torch

        counts = (self._lengths + self.max_length - 1) // self.max_length
        user = torch.repeat_interleave(counts)
        from_end = torch.arange(len(user), device=self.device) - (counts.cumsum(0) - counts)[user]
        last = self._ends[user] - from_end * self.max_length
        first = torch.maximum(last - self.max_length, (self._ends - self._lengths)[user])
        return first, last - first

    def training_batch(self, first: Tensor, lengths: Tensor) -> SequenceBatch:
        """Tokens that predict each purchase of these windows, asked on the day it was made."""
        import torch

        order, lengths, user, place = self._flat(lengths)
        source = first[order][user] + place
        targets, asked = self._items[source], self._days[source]
        before = torch.where(place > 0, source - 1, source)
        items = torch.where(place > 0, self._items[before], self.n_items)
        days = self._days[before]
        groups = _groups(lengths, place)
        return SequenceBatch(items, days, asked, place, targets, order, lengths, groups)

    def question(self, asked_on: int) -> SequenceBatch:
        """All histories, each asked about what comes after its last purchase.

        Parameters
        ----------
        asked_on
            Day of the question, for every history.
        """
        import torch

        kept = self._lengths.clamp(max=self.max_length)
        order, lengths, user, place = self._flat(kept + 1)
        source = (self._ends - kept)[order][user] + place - 1
        is_start = place == 0
        items = torch.where(is_start, self.n_items, self._items[source.clamp(min=0)])
        next_place = torch.where(place + 1 < lengths[user], source + 1, source)
        is_last = place + 1 == lengths[user]
        asked = self._days[next_place.clamp(min=0)].clamp(max=asked_on)
        asked = torch.where(is_last, asked_on, asked)
        days = torch.where(is_start, asked, self._days[source.clamp(min=0)])
        targets = torch.full_like(items, -1)
        groups = _groups(lengths, place)
        return SequenceBatch(items, days, asked, place, targets, order, lengths, groups)

    def _flat(self, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Order by length; then, for every token, its history and its place in it."""
        import torch

        lengths, order = torch.sort(lengths, stable=True)
        user = torch.repeat_interleave(lengths)
        place = torch.arange(len(user), device=self.device) - (lengths.cumsum(0) - lengths)[user]
        return order, lengths, user, place


def _groups(lengths: Tensor, place: Tensor) -> tuple[Group, ...]:
    """Rectangles whose widths double, for histories in the order of their length."""
    import torch

    sizes = lengths.cpu().numpy()
    groups, first_row, first = [], 0, 0
    limit = SHORTEST_GROUP
    while first_row < len(sizes):
        last_row = int(np.searchsorted(sizes, limit, side="right"))
        limit *= 2
        if last_row == first_row:
            continue
        rows, width = last_row - first_row, int(sizes[last_row - 1])
        last = first + int(sizes[first_row:last_row].sum())
        row = torch.repeat_interleave(lengths[first_row:last_row])
        groups.append(Group(first, last, rows, width, row * width + place[first:last]))
        first_row, first = last_row, last
    return tuple(groups)
