"""How much each taste dimension counts before the purchase, and how much after it."""

from __future__ import annotations

import numpy as np

from .settings import WorldSettings


def attraction_weights(settings: WorldSettings) -> np.ndarray:
    """Weight of each taste dimension in the choice, largest first.

    The squares sum to one, so the match of a random taste and style has variance one.

    Returns
    -------
    numpy.ndarray
        float64 ``[d]``.
    """
    weights = settings.taste_overlap ** np.arange(settings.taste_dimensions)
    return weights / np.linalg.norm(weights)


def experience_weights(settings: WorldSettings) -> np.ndarray:
    """Weight of each taste dimension in the stars: those of the choice in reverse order."""
    return attraction_weights(settings)[::-1]
