"""What is known of some products, for sentences about them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Self

import ibis
import numpy as np
import pandas as pd

from product_recommender.answers.attributes import Described
from product_recommender.answers.catalog import Catalog

NO_TITLE = "(no title)"
_TEXTS = ("brand", "features", "category_path")


@dataclass(frozen=True)
class Shelf:
    """Every product's id and category, and all that is known of the products in question.

    Attributes
    ----------
    product_ids, categories
        Object arrays ``[n_items_listed]``.
    described
        Item code -> what the tables say.
    on_sale_since
        Item code -> first day.
    """

    product_ids: np.ndarray
    categories: np.ndarray
    described: dict[int, Described]
    on_sale_since: dict[int, datetime.date]

    @classmethod
    def of(cls, catalog: Catalog, items: np.ndarray) -> Self:
        """Read what is known.

        Parameters
        ----------
        catalog
            Holds `products` and `product_ids`; columns of metadata may be missing.
        items
            Item codes of the products in question.
        """
        ids: ibis.Table = catalog.load("product_ids")
        coded = ids.select("item", "product_id", "product_category", "first_review_date")
        table = coded.order_by("item").to_pandas()
        product_ids = table["product_id"].to_numpy(dtype=object)
        categories = table["product_category"].fillna("Unknown").to_numpy(dtype=object)
        wanted = sorted({int(item) for item in items})
        rows = _rows(catalog.load("products"), [str(product_ids[item]) for item in wanted])
        days = pd.to_datetime(table["first_review_date"])
        return cls(
            product_ids,
            categories,
            {
                item: _described(rows.get(str(product_ids[item]), {}), str(categories[item]))
                for item in wanted
            },
            {item: days.iloc[item].date() for item in wanted if pd.notna(days.iloc[item])},
        )

    def shown(self, item: int) -> tuple[str, str, str]:
        """Id, title and category of a product."""
        described = self.described[int(item)]
        return str(self.product_ids[item]), described.title, described.category


def _rows(products: ibis.Table, product_ids: list[str]) -> dict[str, dict[str, Any]]:
    columns = ["product_id", "product_title"]
    columns += [name for name in (*_TEXTS, "list_price") if name in products.columns]
    found = products.filter(products["product_id"].isin(product_ids)).select(*columns)
    return {str(row["product_id"]): row for row in found.to_pyarrow().to_pylist()}


def _described(row: dict[str, Any], category: str) -> Described:
    brand, features, path = (str(row.get(name) or "").strip() for name in _TEXTS)
    price = row.get("list_price")
    return Described(
        title=str(row.get("product_title") or NO_TITLE),
        category=category,
        brand=brand,
        features=features,
        # A path of one level is the category, which is told anyway.
        kind=path.split(" > ")[-1].strip() if " > " in path else "",
        price=float(price) if price is not None and float(price) > 0 else None,
    )
