"""The second stage of the reranker as a torch module. Imported lazily: it needs torch at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RerankingNetwork(nn.Module):
    """A weighted sum of the features, corrected by a small network.

    Parameters
    ----------
    start
        float32 ``[f]``: initial weights. The correction starts at zero, so the untrained network
        ranks by this sum.
    width
        Units of the two hidden layers.
    dropout
        Share of the first layer's units that a training step leaves out.
    """

    def __init__(self, start: Tensor, width: int, dropout: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(start.clone())
        last = nn.Linear(width, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.correction = nn.Sequential(
            nn.Linear(len(start), width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.GELU(),
            last,
        )

    def forward(self, features: Tensor) -> Tensor:
        """float32 ``[..., f]`` -> ``[...]``."""
        scores: Tensor = features @ self.weights + self.correction(features).squeeze(-1)
        return scores


def listwise_loss(scores: Tensor, is_target: Tensor, is_real: Tensor) -> Tensor:
    """Cross-entropy of the softmax over each list; several targets share the probability.

    Parameters
    ----------
    scores
        float32 ``[b, c]``.
    is_target, is_real
        bool ``[b, c]``; every list has a target. What is not real is no part of the list.
    """
    chances = torch.log_softmax(scores.masked_fill(~is_real, -torch.inf), dim=1)
    wanted = is_target.float() / is_target.sum(dim=1, keepdim=True)
    return -torch.where(is_target, chances * wanted, 0.0).sum(dim=1).mean()
