"""Losses of next-purchase models: the target against all items, or against some of them.

All compare the state of a token with the vectors of items. ``cross_entropy`` looks at every item;
the others draw items once for a whole batch, so that their logits are one product of two matrices
and not a gather for each token.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LossName = Literal["cross_entropy", "sampled_softmax", "gbce", "bce"]

CHUNK_CELLS = 1 << 22
"""Logits held at once, tokens x items: 4 M cells are 16 MB of float32 and stay near the caches."""


@dataclass(frozen=True)
class Predictions:
    """What a network says of the purchases of a batch, before anything is multiplied out.

    The logit of item i for token t is ``states[t] @ table[i] + bias[periods[t], i]``.

    Attributes
    ----------
    states
        float32 ``[n, d]``.
    table
        float32 ``[n_items, d]``.
    bias
        float32 ``[periods, n_items]``.
    periods
        int64 ``[n]`` rows of ``bias``; None where there is only one.
    targets
        int64 ``[n]``: the items that were bought.
    """

    states: Tensor
    table: Tensor
    bias: Tensor
    periods: Tensor | None
    targets: Tensor

    def of_targets(self) -> Tensor:
        """Logits of the targets, ``[n]``."""
        from torch.nn import functional

        products = (self.states * functional.embedding(self.targets, self.table)).sum(dim=1)
        row = self.bias[0] if self.periods is None else self.bias.flatten()
        offset = 0 if self.periods is None else self.periods * len(self.table)
        return products + row[self.targets + offset]

    def of_drawn(self, drawn: Tensor, shift: Tensor) -> Tensor:
        """Logits of drawn items ``[n, k]``, each item's moved by ``shift`` ``[k]``."""
        import torch
        from torch.nn import functional

        vectors, bias = functional.embedding(drawn, self.table).T, self.bias[:, drawn] + shift
        if self.periods is None:
            return torch.addmm(bias, self.states, vectors)
        return torch.addmm(functional.embedding(self.periods, bias), self.states, vectors)

    def hits(self, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Cells of ``of_drawn`` in which the drawn item is the target itself."""
        import torch

        column = torch.searchsorted(drawn, self.targets).clamp_(max=len(drawn) - 1)
        row = torch.nonzero(drawn[column] == self.targets).squeeze(1)
        return row, column[row]


@cache
def _full_cross_entropy() -> Any:
    import torch

    class FullCrossEntropy(torch.autograd.Function):
        """Softmax over all items whose logits never exist at once.

        The gradients are computed beside the loss, chunk by chunk, because the logits are at hand
        only then; nothing is computed twice.
        """

        @staticmethod
        def forward(
            ctx: Any,
            states: Tensor,
            table: Tensor,
            bias: Tensor,
            periods: Tensor | None,
            targets: Tensor,
            weights: Tensor,
        ) -> Tensor:
            total = states.new_zeros(())
            d_states, d_table = torch.empty_like(states), torch.zeros_like(table)
            d_bias = torch.zeros_like(bias)
            size = max(1, CHUNK_CELLS // len(table))
            for start in range(0, len(states), size):
                part = slice(start, start + size)
                target, weight = targets[part, None], weights[part, None]
                of_part = bias if periods is None else bias[periods[part]]
                logits = torch.addmm(of_part, states[part], table.T)
                right = logits.gather(1, target)
                top = logits.amax(dim=1, keepdim=True)
                logits.sub_(top).exp_()
                normaliser = logits.sum(dim=1, keepdim=True)
                total += (weight * (top + normaliser.log() - right)).sum()
                logits.mul_(weight / normaliser)  # from here on their gradient
                logits.scatter_add_(1, target, -weight)
                torch.mm(logits, table, out=d_states[part])
                d_table.addmm_(logits.T, states[part])
                if periods is None:
                    d_bias += logits.sum(dim=0)
                else:
                    d_bias.index_add_(0, periods[part], logits)
            ctx.save_for_backward(d_states, d_table, d_bias)
            return total

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
            (gradient,) = gradients
            return *(gradient * d for d in ctx.saved_tensors), None, None, None

    return FullCrossEntropy


def cross_entropy(said: Predictions, weights: Tensor) -> Tensor:
    """Weighted sum of the cross-entropy of the softmax over all items.

    Memory stays at ``CHUNK_CELLS`` logits, whatever the batch and the catalogue.

    Parameters
    ----------
    said
        The predictions.
    weights
        float32 ``[n]``: weight of each target.
    """
    arguments = (said.states, said.table, said.bias, said.periods, said.targets, weights)
    loss: Tensor = _full_cross_entropy().apply(*arguments)
    return loss


class Negatives:
    """Items drawn for a whole batch: a mixture of uniform draws and draws by popularity.

    Parameters
    ----------
    counts
        float ``[n_items]`` purchases of each item.
    k
        Draws for a batch, with replacement; an item that is drawn twice is there once.
    popular_share
        Share of the draws that are made in proportion to ``counts``.
    """

    def __init__(self, counts: Tensor, k: int, popular_share: float) -> None:
        import torch

        popular = counts.double() / counts.double().sum()
        chance = popular_share * popular + (1.0 - popular_share) / len(counts)
        self.k = k
        self._edges = chance.cumsum(0)
        # Of being there at all, [n_items]; nothing below what one float32 step can say.
        self.chance = (-torch.expm1(k * torch.log1p(-chance.clamp(max=1.0 - 1e-9)))).float()

    def draw(self, generator: torch.Generator) -> Tensor:
        """int64 ``[<= k]``, ascending, no item twice."""
        import torch

        edges = self._edges
        uniform = torch.rand(self.k, generator=generator, device=edges.device, dtype=torch.float64)
        drawn = torch.searchsorted(edges, uniform * edges[-1], right=True)
        return torch.unique(drawn.clamp_(max=len(edges) - 1))


def sampled_softmax(said: Predictions, drawn: Tensor, chance: Tensor) -> Tensor:
    """Cross-entropy against drawn items, corrected for how often each is drawn ("logQ").

    A drawn item's logit is lowered by the logarithm of its chance of being drawn, so that the sum
    over the drawn items estimates the sum over all items without bias (Horvitz and Thompson's
    estimator; Bengio and Senecal: Adaptive Importance Sampling to Accelerate Training of a Neural
    Probabilistic Language Model, 2008). The target stands for itself and is not counted again where
    it is drawn.

    Parameters
    ----------
    said
        The predictions.
    drawn
        int64 ``[k]``, ascending, no item twice.
    chance
        float32 ``[n_items]``: each item's chance of being drawn.

    Returns
    -------
    torch.Tensor
        float32 ``[n]``: the loss of each target.
    """
    import torch

    right = said.of_targets()
    logits = said.of_drawn(drawn, -chance[drawn].log())
    logits = logits.index_put(said.hits(drawn), logits.new_tensor(-torch.inf))
    return torch.logaddexp(right, logits.logsumexp(dim=1)) - right


def binary_cross_entropy(
    said: Predictions, drawn: Tensor, chance: Tensor, negatives: float, power: float = 1.0
) -> Tensor:
    """The odds of the target up, those of other items down.

    Parameters
    ----------
    said, drawn, chance
        As of ``sampled_softmax``. Each drawn item is weighted by the inverse of its chance, so that
        the loss does not depend on how the items are drawn.
    negatives
        How many uniformly drawn negatives the others together stand for.
    power
        The target's probability is taken to this power, see ``gbce_power``.

    Returns
    -------
    torch.Tensor
        float32 ``[n]``: the loss of each target.
    """
    from torch.nn import functional

    logits = said.of_drawn(drawn, said.bias.new_zeros(len(drawn)))
    pushed = functional.softplus(logits).index_put(said.hits(drawn), logits.new_zeros(()))
    share = negatives / (max(len(said.table) - 1, 1) * chance[drawn])
    return power * functional.softplus(-said.of_targets()) + pushed @ share


def gbce_power(negatives: int, n_items: int, calibration: float) -> float:
    """Power of the target's probability in generalised binary cross-entropy.

    Source: Petrov and Macdonald, gSASRec: Reducing Overconfidence in Sequential Recommendation
    Trained with Negative Sampling, 2023 (where ``calibration`` is called t).

    Parameters
    ----------
    negatives
        Negatives of each target.
    n_items
        Size of the catalogue.
    calibration
        1 takes back all the overconfidence that drawing only some negatives causes; 0 leaves plain
        binary cross-entropy, power 1.
    """
    alpha = min(1.0, negatives / max(n_items - 1, 1))
    return alpha * (calibration * (1.0 - 1.0 / alpha) + 1.0 / alpha)
