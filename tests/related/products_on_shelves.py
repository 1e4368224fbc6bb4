"""Catalogues and contents written down by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse

from product_recommender.related.catalogue import Catalogue, price_bands
from product_recommender.related.content_space import ContentSpace
from product_recommender.related.likeness import Likeness
from product_recommender.related.settings import RelatedSettings

SETTINGS = RelatedSettings(min_customers=2, prior_customers=1.0, alike_weight=1.0)


def purchase_rows(baskets: Sequence[Sequence[int]], n_items: int) -> scipy.sparse.csr_matrix:
    """Binary csr: one customer for each basket of item codes."""
    users = np.repeat(np.arange(len(baskets)), [len(basket) for basket in baskets])
    items = np.array([item for basket in baskets for item in basket], dtype=int)
    matrix = scipy.sparse.csr_matrix(
        (np.ones(len(items), np.float32), (users, items)), shape=(len(baskets), n_items)
    )
    matrix.sort_indices()
    return matrix


def catalogue_of(
    baskets: Sequence[Sequence[int]],
    n_items: int,
    shelves: Sequence[int] | None = None,
    parents: Sequence[int] | None = None,
    prices: Sequence[float] | None = None,
    stars: Sequence[float] | None = None,
    doubt: float = 0.01,
) -> Catalogue:
    """Products p0, p1, ...; one shelf, no variants, no prices and four stars where not given."""
    of_shelf = np.zeros(n_items, dtype=np.int64) if shelves is None else np.asarray(shelves)
    price = np.full(n_items, np.nan) if prices is None else np.asarray(prices, dtype=float)
    purchases = purchase_rows(baskets, n_items)
    counts = np.bincount(purchases.indices, minlength=n_items)
    return Catalogue(
        product_ids=np.array([f"p{item}" for item in range(n_items)], dtype=object),
        parents=np.arange(n_items) if parents is None else np.asarray(parents),
        shelves=of_shelf,
        shelf_names=tuple(f"shelf {shelf}" for shelf in range(int(of_shelf.max()) + 1)),
        prices=price,
        bands=price_bands(price, np.zeros(n_items, dtype=int)),
        star_means=np.full(n_items, 4.0) if stars is None else np.asarray(stars, dtype=float),
        star_variances=np.full(n_items, doubt),
        star_counts=counts,
        shares=counts / max(counts.sum(), 1),
        purchases=purchases,
    )


def content_of(vectors: Sequence[Sequence[float] | None]) -> ContentSpace:
    """Given vectors scaled to length 1; None is a product without content."""
    width = max((len(vector) for vector in vectors if vector is not None), default=1)
    placed = np.zeros((len(vectors), width), dtype=np.float32)
    for row, vector in zip(placed, vectors, strict=True):
        if vector is not None:
            row[:] = np.asarray(vector) / np.linalg.norm(vector)
    known = np.array([vector is not None for vector in vectors])
    return ContentSpace(placed, known, "by hand" if known.any() else "")


def likeness_of(
    catalogue: Catalogue,
    text: Sequence[Sequence[float] | None] | None = None,
    image: Sequence[Sequence[float] | None] | None = None,
    settings: RelatedSettings = SETTINGS,
) -> Likeness:
    """The likeness of these texts and images; nothing is known of what is not given."""
    nothing: list[Sequence[float] | None] = [None] * len(catalogue)
    return Likeness.of(
        content_of(text or nothing), content_of(image or nothing), catalogue.purchases, settings
    )
