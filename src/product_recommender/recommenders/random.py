"""Chance: what every other model has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender, RecommenderConfig

if TYPE_CHECKING:
    from torch import Tensor


_PIECE = 1 << 15
"""Scores hashed at once: few enough to stay in the processor's cache and in one thread."""


class RandomConfig(RecommenderConfig):
    """Settings of ``Random``: the seed is all there is."""


class Random(Recommender):
    """Ranks the products in an order of its own for every customer, strangers included.

    A score is a hash of seed, user and item, computed where it is needed: it depends on nothing
    else, so that the same customer gets the same list in any block, on any device, on any day.
    """

    name = "random"
    Config = RandomConfig
    ranks_by = "chance"

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        self.fit_report = {"purchases": len(train)}

    def _score(self, users: Tensor) -> Tensor:
        import torch

        seed = torch.tensor([self.config.seed & 0x7FFFFFFF], dtype=torch.int32)
        of_user = _mixed(users.cpu().to(torch.int32) ^ _mixed(seed ^ 0x2545F491))
        of_item = _mixed(torch.arange(self.n_items, dtype=torch.int32) ^ 0x1B873593)
        scores = torch.empty(len(users), self.n_items)
        rows = max(1, _PIECE // max(self.n_items, 1))
        for start in range(0, len(users), rows):
            # Per row this is a bijection of distinct hashes: two items never start out equal.
            mixed = _mixed(of_user[start : start + rows, None] ^ of_item[None])
            scores[start : start + rows] = (mixed >> 8) & 0xFFFFFF
        return scores.mul_(2.0**-24)

    def _score_strangers(self, users: Tensor) -> Tensor:
        return self._score(users)

    def uses_fallback(self, users: np.ndarray) -> np.ndarray:
        """Nobody: chance knows a stranger as well as anyone."""
        return np.zeros(len(np.asarray(users)), dtype=bool)

    def _state(self) -> dict[str, Tensor]:
        return {}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        return None


def _mixed(values: Tensor) -> Tensor:
    """A bijective hash of int32 to int32 (arithmetic modulo 2^32), in place on a copy.

    ``lowbias32`` of Chris Wellons' hash prospector (https://github.com/skeeto/hash-prospector).
    """
    # int32 has no logical shift: the sign bits that >> drags in are masked off.
    values = values ^ ((values >> 16) & 0xFFFF)
    values.mul_(0x7FEB352D)
    values ^= (values >> 15) & 0x1FFFF
    values.mul_(0x846CA68B - (1 << 32))
    values ^= (values >> 16) & 0xFFFF
    return values
