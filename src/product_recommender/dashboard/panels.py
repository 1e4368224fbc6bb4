"""The form of a panel: what it is called, counted in, and what cannot change it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from product_recommender.dashboard.encoding import encode_table
from product_recommender.dashboard.shop import Shop

Json = dict[str, Any]

PERIOD, CATEGORY, PRICE, TYPE = "period", "category", "price_band", "customer_type"

ORDERS = "estimated orders (reviews)"
REVENUE = "estimated revenue (list price of each reviewed product), dollars"


def panel(
    title: str, unit: str, note: str = "", unaffected_by: Sequence[str] = (), **data: Any
) -> Json:
    """A panel that has something to show.

    Parameters
    ----------
    title, unit, note
        What it shows, what it counts, and what a reader has to know.
    unaffected_by
        Controls that cannot change it.
    **data
        Cubes, lists and tables.
    """
    return {
        "title": title,
        "unit": unit,
        "note": note,
        "unaffected_by": list(unaffected_by),
        "available": True,
        **data,
    }


def missing(title: str, unit: str, why: str) -> Json:
    """A panel that the data cannot fill, and why."""
    return {
        "title": title,
        "unit": unit,
        "note": "",
        "unaffected_by": [],
        "available": False,
        "why": why,
    }


NO_PRICES = (
    "No list price is known in this data, so nothing can be said about revenue. Prices come with "
    "product metadata (docs/data.md)."
)


class Shelf:
    """The products that lists name, each once; a list names them by their position here.

    Parameters
    ----------
    shop
        Holds the products by code.
    title_characters
        Longer titles are cut, with an ellipsis.
    """

    def __init__(self, shop: Shop, title_characters: int) -> None:
        self._shop = shop
        self._title_characters = title_characters
        self._positions: dict[int, int] = {}

    def place(self, items: Iterable[int]) -> list[int]:
        """Positions of products, by code; products not named before get the next ones."""
        return [self._positions.setdefault(int(item), len(self._positions)) for item in items]

    def encode(self) -> Json:
        """The product table, in the order of positions."""
        table = self._shop.products.iloc[list(self._positions)]
        columns: Json = encode_table(table[["category", "price_band", "price_cents"]])["columns"]
        longest = self._title_characters
        return {
            "ids": table["product_id"].tolist(),
            "titles": [
                title if len(title) <= longest else f"{title[: longest - 1].rstrip()}…"
                for title in table["title"]
            ],
            "categories": columns["category"],
            "price_bands": columns["price_band"],
            "price_cents": columns["price_cents"],
        }


def clear_change(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """How clear a change of two counts is: their difference in standard errors.

    ``(now - before) / sqrt(now + before)``, the z score of two Poisson counts that share one rate;
    0 where both are 0.
    """
    total = now + before
    z: np.ndarray = np.where(total > 0, (now - before) / np.sqrt(np.maximum(total, 1)), 0.0)
    return z
