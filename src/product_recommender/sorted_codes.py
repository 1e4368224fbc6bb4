"""Distinct codes and membership, by sorting.

``numpy.unique`` hashes before it sorts since version 2.3, which takes twenty times as long where
the numbers of pairs (row times width plus column) lie close together.
"""

from __future__ import annotations

import numpy as np


def distinct(values: np.ndarray) -> np.ndarray:
    """Each value once, ascending."""
    ordered = np.sort(values, axis=None)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def among(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """bool, the shape of ``values``: which of them stand in an ascending array."""
    if len(ascending) == 0:
        return np.zeros(values.shape, dtype=bool)
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    found: np.ndarray = ascending[place] == values
    return found
