"""How alike two products look and read: cosines of their embeddings, with the mean taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import ibis
import numpy as np

from product_recommender.content.vectors import place_embeddings

_MEAN_PRIOR = 20.0
"""Products from which on the mean is believed: of three, it is mostly what they are themselves."""

_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class ContentSpace:
    """Unit vectors of products, in a space in which 0 is what any two products have in common.

    Attributes
    ----------
    vectors
        float32 ``[n_items, d]``, of length 1; zero rows where nothing is known.
    known
        bool ``[n_items]``.
    model
        Who made the embeddings; empty where there are none.
    """

    vectors: np.ndarray
    known: np.ndarray
    model: str

    @classmethod
    def read(cls, table: ibis.Table, product_ids: np.ndarray, dimensions: int, name: str) -> Self:
        """Read embeddings, take out their mean and keep the leading principal components.

        Embeddings of one catalogue all point the same way to a good part; their raw cosines call
        everything alike. What is left without the mean tells products apart.

        Parameters
        ----------
        table
            ``product_id, content_hash, model, vector`` (docs/data_dictionary.md); may be empty, and
            may hold other products.
        product_ids
            Object array ``[n_items]``: which products are wanted, in this order.
        dimensions
            Components that are kept, at most.
        name
            Which table it is, for messages.

        Raises
        ------
        product_recommender.content.vectors.EmbeddingError
            If the vectors differ in length or come from several models, or a product has two.
        """
        columns = table.select("product_id", "model", "vector").to_pyarrow()
        vectors, known, model = place_embeddings(columns, product_ids, name)
        reduced = _reduced(vectors[known], dimensions)
        placed = np.zeros((len(product_ids), reduced.shape[1]), dtype=np.float32)
        placed[known] = reduced
        return cls(placed, known, model)

    def cosines(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How alike pairs of products are.

        Parameters
        ----------
        first, second
            int ``[n]``: item codes.

        Returns
        -------
        numpy.ndarray
            float32 ``[n]`` from -1 to 1; NaN where one of the two is unknown.
        """
        found = np.empty(len(first), dtype=np.float32)
        for start in range(0, len(first), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            found[rows] = np.einsum(
                "nd,nd->n", self.vectors[first[rows]], self.vectors[second[rows]]
            )
        found[~(self.known[first] & self.known[second])] = np.nan
        return found


def _reduced(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Without the mean, on the leading components, of length 1."""
    if not len(vectors):
        return np.zeros((0, 1), dtype=np.float32)
    n = len(vectors)
    centred = vectors - vectors.mean(axis=0) * np.float32(n / (n + _MEAN_PRIOR))
    if dimensions < vectors.shape[1]:
        centred = _leading(centred, dimensions)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: np.ndarray = (centred / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit


def _leading(centred: np.ndarray, dimensions: int) -> np.ndarray:
    """Rows on their leading components, by the smaller of the two Gram matrices."""
    n, width = centred.shape
    if n < width:
        spreads, rows = np.linalg.eigh(centred @ centred.T)
        kept: np.ndarray = rows[:, -dimensions:] * np.sqrt(np.maximum(spreads[-dimensions:], 0))
        return kept
    _, axes = np.linalg.eigh(centred.T @ centred)
    on_axes: np.ndarray = centred @ axes[:, -dimensions:]
    return on_axes
