"""What is known of every product: its shelf, its price band, and how well it is liked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import ibis
import numpy as np
import pandas as pd
import scipy.sparse
import scipy.sparse.csgraph

from product_recommender.model_inputs import InteractionArrays
from product_recommender.related.settings import RelatedSettings

PRICE_BANDS = ("low", "mid", "high", "premium")
UNKNOWN_BAND = -1
PATH_SEPARATOR = " > "
UNKNOWN_CATEGORY = "Unknown"
_BLOCK_PAIRS = 65_536


@dataclass(frozen=True)
class Catalogue:
    """The products in the order of their codes, and who bought them.

    Attributes
    ----------
    product_ids
        Object array of strings ``[n]``.
    parents
        int64 ``[n]``: products with the same number are variants of one another: they have the
        same parent, or the same title.
    shelves
        int64 ``[n]`` into ``shelf_names``.
    shelf_names
        Category, or the part of the category path that was deep enough.
    prices
        float64 ``[n]``, list prices; NaN where unknown.
    bands
        int8 ``[n]`` into ``PRICE_BANDS``, quartiles of the category's known prices;
        ``UNKNOWN_BAND`` where the price is unknown.
    star_means, star_variances
        float64 ``[n]``: what the product's mean star rating is believed to be, and how far off it
        may be (a variance).
    star_counts
        int64 ``[n]``: ratings.
    shares
        float64 ``[n]``: share of the purchases, recent ones counting more; sums to 1.
    purchases
        Binary csr ``[n_users, n]``.
    """

    product_ids: np.ndarray
    parents: np.ndarray
    shelves: np.ndarray
    shelf_names: tuple[str, ...]
    prices: np.ndarray
    bands: np.ndarray
    star_means: np.ndarray
    star_variances: np.ndarray
    star_counts: np.ndarray
    shares: np.ndarray
    purchases: scipy.sparse.csr_matrix

    @classmethod
    def read(
        cls,
        arrays: InteractionArrays,
        product_ids: ibis.Table,
        products: ibis.Table,
        settings: RelatedSettings,
        known: np.ndarray | None = None,
    ) -> Self:
        """Gather it from the tables.

        Parameters
        ----------
        arrays
            All coded interactions.
        product_ids, products
            The datasets of those names; ``products`` may lack ``category_path``.
        settings
            How shelves are made and how far few ratings are believed.
        known
            bool ``[n interactions]``: which purchases count; all where None.
        """
        table = _in_code_order(product_ids, products)
        rows = np.ones(len(arrays.users), dtype=bool) if known is None else known
        categories = np.unique(_texts(table["product_category"]), return_inverse=True)[1]
        names, shelves = _shelves(table, settings.min_shelf_products)
        prices = pd.to_numeric(table["list_price"]).to_numpy(np.float64, na_value=np.nan)
        first_time = rows & ~arrays.is_repeat
        means, variances, counts = believed_stars(
            arrays.items[first_time],
            arrays.stars[first_time],
            categories,
            settings.star_prior,
        )
        return cls(
            product_ids=table["product_id"].to_numpy(dtype=object),
            parents=_parents(table),
            shelves=shelves,
            shelf_names=names,
            prices=np.where(prices > 0, prices, np.nan),
            bands=price_bands(prices, categories),
            star_means=means,
            star_variances=variances,
            star_counts=counts,
            shares=_shares(arrays, rows, settings.half_life_days),
            purchases=purchase_matrix(arrays, rows),
        )

    def __len__(self) -> int:
        return len(self.product_ids)

    def by_shelf(self) -> Iterator[np.ndarray]:
        """Item codes of each shelf, ascending."""
        order = np.argsort(self.shelves, kind="stable")
        ends = np.searchsorted(self.shelves[order], np.arange(len(self.shelf_names) + 1))
        for start, end in itertools.pairwise(ends):
            yield order[start:end]

    def bought_both(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How many customers bought both products of each pair.

        Parameters
        ----------
        first, second
            int ``[n]``: item codes.

        Returns
        -------
        numpy.ndarray
            int64 ``[n]``.
        """
        by_item = self.purchases.T.tocsr()
        both = np.zeros(len(first), dtype=np.int64)
        for start in range(0, len(first), _BLOCK_PAIRS):
            rows = slice(start, start + _BLOCK_PAIRS)
            shared = by_item[first[rows]].multiply(by_item[second[rows]])
            both[rows] = np.asarray(shared.sum(axis=1)).ravel().astype(np.int64)
        return both


def price_bands(prices: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Quartile of each price among the known prices of its category.

    Parameters
    ----------
    prices
        float ``[n]``; NaN, zero or below is unknown.
    categories
        int ``[n]``.

    Returns
    -------
    numpy.ndarray
        int8 ``[n]``: ``floor(4 * share of the category's prices that are lower)``, so that equal
        prices share a band; ``UNKNOWN_BAND`` where unknown.
    """
    bands = np.full(len(prices), UNKNOWN_BAND, dtype=np.int8)
    priced = np.isfinite(prices) & (prices > 0)
    for category in np.unique(categories[priced]):
        rows = np.flatnonzero(priced & (categories == category))
        cheaper = np.searchsorted(np.sort(prices[rows]), prices[rows], side="left")
        bands[rows] = 4 * cheaper // len(rows)
    return bands


def believed_stars(
    items: np.ndarray, stars: np.ndarray, categories: np.ndarray, prior: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean stars of every product, shrunk towards the category's, and how sure they are.

    A normal mean with a normal prior: of ``n`` ratings the mean is believed to be
    ``(sum + prior * category mean) / (n + prior)`` with variance ``spread / (n + prior)``, where
    ``spread`` is the variance of ratings within a product, pooled over all products. One rating of
    five stars moves the mean by a sixth of the way at a prior of 5.

    Parameters
    ----------
    items
        int ``[r]``: rated product of each rating.
    stars
        float ``[r]``.
    categories
        int ``[n]``: category of every product.
    prior
        Weight of the category's mean, in ratings; above zero.

    Returns
    -------
    means, variances : numpy.ndarray
        float64 ``[n]``.
    counts : numpy.ndarray
        int64 ``[n]``: ratings of each product.
    """
    n = len(categories)
    stars = stars.astype(np.float64)
    counts = np.bincount(items, minlength=n)
    sums = np.bincount(items, weights=stars, minlength=n)
    squares = float(((stars - sums[items] / counts[items]) ** 2).sum()) if len(items) else 0.0
    freedom = len(items) - int((counts > 0).sum())
    # Where every product has a single rating, the ratings of all products are all there is.
    spread = squares / freedom if freedom else float(np.var(stars)) if len(items) else 0.0
    overall = float(stars.mean()) if len(items) else np.nan
    in_category = np.bincount(categories, weights=counts, minlength=n)
    of_category = np.bincount(categories, weights=sums, minlength=n)
    centre = np.full(len(in_category), overall)
    np.divide(of_category, in_category, out=centre, where=in_category > 0)
    means = (sums + prior * centre[categories]) / (counts + prior)
    return means, spread / (counts + prior), counts.astype(np.int64)


def _in_code_order(product_ids: ibis.Table, products: ibis.Table) -> pd.DataFrame:
    wanted = ["product_id", "product_parent", "product_title", "list_price"]
    wanted += [name for name in ("category_path",) if name in products.columns]
    coded = product_ids.select("product_id", "item", "product_category")
    joined = coded.left_join(products.select(*wanted), "product_id").drop("product_id_right")
    table = joined.order_by("item").to_pandas()
    return table if "category_path" in table else table.assign(category_path=None)


def _texts(column: pd.Series) -> np.ndarray:
    return np.asarray(column.fillna(UNKNOWN_CATEGORY).astype(str), dtype=object).astype(str)


def _shelves(table: pd.DataFrame, least: int) -> tuple[tuple[str, ...], np.ndarray]:
    """The deepest level of each path with enough products; the category where none has."""
    category = pd.Series(_texts(table["product_category"]))
    shelf = category.copy()
    paths = table["category_path"].reset_index(drop=True).astype(object)
    levels = paths.where(paths.notna(), "").astype(str).str.split(PATH_SEPARATOR)
    depth = levels.map(len).where(paths.notna(), 0)
    for level in range(1, int(depth.max() if len(depth) else 0) + 1):
        prefix = category + ": " + levels.str[:level].str.join(PATH_SEPARATOR)
        prefix = prefix.where(depth >= level)
        enough = prefix.map(prefix.value_counts()) >= least
        shelf = prefix.where(enough, shelf)
    names, codes = np.unique(shelf.to_numpy(dtype=str), return_inverse=True)
    return tuple(str(name) for name in names), codes.astype(np.int64)


def _parents(table: pd.DataFrame) -> np.ndarray:
    """Numbers of groups of variants: connected by a parent or by a title."""
    n = len(table)
    rows, names = [], []
    for column in ("product_parent", "product_title"):
        given = table[column].astype(object)
        texts = given.where(given.notna(), "").astype(str).str.split().str.join(" ").str.lower()
        known = np.flatnonzero(texts != "")
        rows.append(known)
        names.append((column + " " + texts.iloc[known]).to_numpy(str))
    _, groups = np.unique(np.concatenate(names), return_inverse=True)
    cells = (np.ones(len(groups), np.int8), (np.concatenate(rows), n + groups))
    size = n + int(groups.max(initial=-1)) + 1
    graph = scipy.sparse.csr_matrix(cells, shape=(size, size))
    labels: np.ndarray = scipy.sparse.csgraph.connected_components(graph, directed=False)[1][:n]
    return labels.astype(np.int64)


def _shares(arrays: InteractionArrays, rows: np.ndarray, half_life_days: float) -> np.ndarray:
    days, items = arrays.days[rows].astype(np.float64), arrays.items[rows]
    weights = np.exp2((days - days.max(initial=0.0)) / half_life_days)
    sums = np.bincount(items, weights=weights, minlength=arrays.n_items_listed)
    shares: np.ndarray = sums / max(float(sums.sum()), 1e-300)
    return shares


def purchase_matrix(arrays: InteractionArrays, rows: np.ndarray) -> scipy.sparse.csr_matrix:
    """Who bought what.

    Parameters
    ----------
    arrays
        All coded interactions.
    rows
        bool ``[n interactions]``: which of them count.

    Returns
    -------
    scipy.sparse.csr_matrix
        Binary float32 ``[n_users_listed, n_items_listed]``.
    """
    shape = (arrays.n_users_listed, arrays.n_items_listed)
    cells = (arrays.users[rows], arrays.items[rows])
    matrix = scipy.sparse.csr_matrix((np.ones(int(rows.sum()), np.float32), cells), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    matrix.sort_indices()
    return matrix
