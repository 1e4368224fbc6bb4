"""The one data structure that every recommender trains on.

Tables speak of ``customer_id`` and ``product_id``; recommenders speak of ``user`` and ``item``.
This module is the door between the two.

Codes are dense integers, ordered by first appearance in the split: the customers and products of
the training part are the prefixes ``0 .. n_users - 1`` and ``0 .. n_items - 1``. Anything that
appears later has a larger code. A model is sized by the prefixes alone, so it cannot know how many
customers or products the future holds; a code outside the prefix is a stranger, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse

IntArray = np.ndarray
FloatArray = np.ndarray

UNKNOWN = -1
"""The code for a user or item without any code at all, for example a customer typed at a prompt."""

NEW = "New"
"""The segment of customers without a training purchase, in every table and for every model."""


@dataclass(frozen=True)
class ItemContent:
    """One kind of content of every listed product, as an encoder sees it.

    Content is known before the first sale, so strangers have it as well as training products.

    Attributes
    ----------
    vectors
        float32 ``[n_items_listed, d]``, NaN-free; zero rows where the content is unknown.
    known
        bool ``[n_items_listed]``: which products have this content.
    model
        Name of the encoder; empty where no product has the content.
    """

    vectors: FloatArray
    known: np.ndarray
    model: str

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.known):
            raise ValueError(
                f"content vectors of shape {self.vectors.shape} do not fit {len(self.known)} "
                "products: one row is needed for each"
            )
        if not np.isfinite(self.vectors).all():
            row = int(np.flatnonzero(~np.isfinite(self.vectors).all(axis=1))[0])
            raise ValueError(f"the content vector of item {row} is not finite: encode it again")

    @property
    def width(self) -> int:
        """Length of the vectors."""
        return int(self.vectors.shape[1])


@dataclass(frozen=True)
class Interactions:
    """Purchases (reviews) as aligned arrays, with what is known of users and items beside them.

    Attributes
    ----------
    users, items
        int32 ``[n]``. Codes; in validation and test parts they may be >= ``n_users`` / ``n_items``.
    stars
        float32 ``[n]``, 1 to 5.
    days
        int32 ``[n]``, days since 1970-01-01. Events of one day have no order among them.
    n_users, n_items
        Size of the training universe (the prefixes).
    item_categories
        int16 ``[n_items_listed]`` with ``n_items_listed >= n_items``: category code of every
        listed product, strangers included; a category is known before the first sale.
    categories
        Names of the category codes.
    user_features, item_features
        float32 ``[n_users, f]`` and ``[n_items_listed or n_items, g]``, standardised on training
        data; NaN-free. None where no model asked for them.
    user_feature_names, item_feature_names
        Names of the feature columns.
    user_segments
        int16 ``[n_users]`` with values into ``segments``; None where there is no segmentation.
    segments
        Names of the segments.
    contents
        Kind of content (``"text"``, ``"image"``) to its vectors; a kind that no product has may be
        left out.
    """

    users: IntArray
    items: IntArray
    stars: FloatArray
    days: IntArray
    n_users: int
    n_items: int
    item_categories: IntArray
    categories: tuple[str, ...]
    user_features: FloatArray | None = None
    item_features: FloatArray | None = None
    user_feature_names: tuple[str, ...] = ()
    item_feature_names: tuple[str, ...] = ()
    user_segments: IntArray | None = None
    segments: tuple[str, ...] = field(default=())
    contents: Mapping[str, ItemContent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.users), len(self.items), len(self.stars), len(self.days)}
        if len(lengths) != 1:
            raise ValueError(f"users, items, stars and days differ in length: {sorted(lengths)}")
        if len(self.item_categories) < self.n_items:
            raise ValueError(
                f"item_categories lists {len(self.item_categories)} products, fewer than the "
                f"{self.n_items} training products"
            )
        codes = self.item_categories
        if len(codes) and not (codes.min() >= 0 and codes.max() < len(self.categories)):
            raise ValueError(
                f"item_categories holds codes from {codes.min()} to {codes.max()}, but there are "
                f"{len(self.categories)} categories"
            )
        for kind, content in self.contents.items():
            if len(content.known) != self.n_items_listed:
                raise ValueError(
                    f"contents[{kind!r}] has {len(content.known)} rows for "
                    f"{self.n_items_listed} listed products"
                )

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_items_listed(self) -> int:
        """Products whose category is known, including those without a training purchase."""
        return len(self.item_categories)

    def take(self, rows: np.ndarray) -> Interactions:
        """The same world with only these rows (a boolean mask or an index array)."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            stars=self.stars[rows],
            days=self.days[rows],
        )

    def concatenate(self, other: Interactions) -> Interactions:
        """This one's rows followed by the other's, in this one's world."""
        return replace(
            self,
            users=np.concatenate([self.users, other.users]),
            items=np.concatenate([self.items, other.items]),
            stars=np.concatenate([self.stars, other.stars]),
            days=np.concatenate([self.days, other.days]),
        )

    def known(self) -> Interactions:
        """Only the rows whose user and item both belong to the training universe."""
        return self.take(
            (self.users >= 0)
            & (self.users < self.n_users)
            & (self.items >= 0)
            & (self.items < self.n_items)
        )

    def matrix(self) -> scipy.sparse.csr_matrix:
        """Binary user-by-item matrix of the known rows.

        Returns
        -------
        scipy.sparse.csr_matrix
            float32 ``[n_users, n_items]``; a repeated purchase counts once; indices sorted.
        """
        import scipy.sparse

        rows = self.known()
        matrix = scipy.sparse.csr_matrix(
            (np.ones(len(rows), dtype=np.float32), (rows.users, rows.items)),
            shape=(self.n_users, self.n_items),
        )
        matrix.sum_duplicates()
        matrix.data[:] = 1.0
        matrix.sort_indices()
        return matrix
