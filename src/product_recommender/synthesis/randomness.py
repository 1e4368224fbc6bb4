"""Independent random streams by label, so that no part of the world shifts another's draws."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """A generator that depends on the seed and the labels alone.

    Parameters
    ----------
    seed
        Master seed of the world.
    labels
        Names and numbers of the part, for example ``("texts", "Furniture", 3)``. Hashed by CRC-32,
        so the stream does not depend on ``PYTHONHASHSEED``.

    Returns
    -------
    numpy.random.Generator
        PCG64, seeded by ``SeedSequence([seed, crc32(label), ...])``.
    """
    entropy = [seed, *(zlib.crc32(str(label).encode()) for label in labels)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
