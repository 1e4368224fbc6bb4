"""Products: best sellers, what rises and falls, stars against popularity, the long tail, stock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from product_recommender.dashboard.cells import AXES, CELL, TAIL_SHARES, as_numbers, marginals
from product_recommender.dashboard.controls import ALL
from product_recommender.dashboard.encoding import encode_lists
from product_recommender.dashboard.panels import (
    CATEGORY,
    ORDERS,
    PERIOD,
    PRICE,
    TYPE,
    Json,
    Shelf,
    clear_change,
    missing,
    panel,
)
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop

COVER_DAYS = 90
"""Last days whose orders say how long the stock lasts."""

MINIMUM_TOGETHER = 5
"""Orders in both periods together from which a product can rise or fall."""

MINIMUM_Z = 1.0
"""How clear a rise or fall has to be to be listed."""


def products(
    shop: Shop, best: pd.DataFrame, shelf: Shelf, settings: DashboardSettings
) -> tuple[Json, pd.DataFrame]:
    """The panels of the product analysis.

    Parameters
    ----------
    shop
        The orders.
    best
        Best sellers of every cell, as counted by ``count_products``.
    shelf
        Collects the products that are named.
    settings
        Settings of the dashboard.

    Returns
    -------
    panels : dict
        The panels.
    cover : pandas.DataFrame
        As ``stock_cover``.
    """
    rising, falling, minimum = _moving(shop, settings)
    cover = stock_cover(shop)
    return {
        "best_sellers": _best_sellers(shop, best, shelf, settings),
        "rising": _moving_panel("Rising products", rising, shelf, shop, minimum),
        "falling": _moving_panel("Falling products", falling, shelf, shop, minimum),
        "rating_popularity": _scatter(shop, shelf, settings),
        "long_tail": panel(
            "Long tail",
            "share of orders",
            "Share of the orders on the most ordered "
            f"{', '.join(f'{share:.0%}' for share in TAIL_SHARES)} of the products that were "
            "ordered at all in this choice (rounded up to whole products).",
            cubes={
                "long_tail": "long_tail",
                "orders": "orders",
                "products": "products",
                "catalogue": "catalogue",
            },
        ),
        "stock_cover": _stock_panel(shop, cover, shelf, settings),
    }, cover


def _best_sellers(
    shop: Shop, best: pd.DataFrame, shelf: Shelf, settings: DashboardSettings
) -> Json:
    rows, axes = best, list(zip(AXES, CELL, shop.controls.shape, strict=True))
    unaffected: list[str] = []
    for dropped in (TYPE, PRICE):
        # The file stays small at any catalogue: rather fewer controls than fewer products a list.
        if rows["item"].nunique() > settings.listed_products:
            rows = rows[rows[dropped] == ALL]
            axes = [axis for axis in axes if axis[0] != dropped]
            unaffected.append(dropped)
    rows = rows.assign(product=shelf.place(rows["item"]), period=rows["window"])
    names, _, shape = zip(*axes, strict=True)
    return panel(
        "Best sellers",
        ORDERS,
        "The most ordered products of this choice.",
        unaffected,
        list=encode_lists(rows, names, shape, ("product", "orders", "stars_sum")),
    )


def _moving(shop: Shop, settings: DashboardSettings) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Products whose orders changed most clearly against the previous period."""
    everybody = marginals(shop.members.filter(shop.members.customer_type == ALL))
    axes = ("category", "price_band", "item")
    counts = as_numbers(
        everybody.group_by("window", *axes).aggregate(orders=everybody.count()).to_pandas()
    )
    window = len(shop.controls.periods)
    parts: list[pd.DataFrame] = []
    for number, period in enumerate(shop.controls.periods):
        if period.previous is None:
            continue
        now, before = (
            counts[counts["window"] == of].set_index(list(axes))["orders"]
            for of in (number, window)
        )
        both = pd.DataFrame({"orders": now, "previous_orders": before}).fillna(0).astype(np.int64)
        parts.append(both.reset_index().assign(period=number))
        window += 1
    columns = ["period", *axes, "orders", "previous_orders"]
    both = pd.concat(parts) if parts else pd.DataFrame(columns=columns, dtype=np.int64)
    both = both[both["orders"] + both["previous_orders"] >= MINIMUM_TOGETHER]
    both["z"] = clear_change(both["orders"].to_numpy(), both["previous_orders"].to_numpy())
    cell = ["period", "category", "price_band"]
    moved = []
    for sign in (1, -1):
        listed = both[sign * both["z"] >= MINIMUM_Z]
        listed = listed.assign(key=-sign * listed["z"]).sort_values([*cell, "key", "item"])
        moved.append(listed.groupby(cell).head(settings.list_length))
    return moved[0], moved[1], MINIMUM_TOGETHER


def _moving_panel(title: str, rows: pd.DataFrame, shelf: Shelf, shop: Shop, minimum: int) -> Json:
    if all(period.previous is None for period in shop.controls.periods):
        return missing(title, ORDERS, "The data are too short to compare two periods.")
    return panel(
        title,
        ORDERS,
        "Against the period of equal length before; most clearly changed first: the difference "
        f"over the root of the sum, at least {MINIMUM_Z:g}; products with {minimum} orders or more "
        "in both periods together.",
        [TYPE],
        list=encode_lists(
            rows.assign(product=shelf.place(rows["item"])),
            (PERIOD, CATEGORY, PRICE),
            shop.controls.shape[:3],
            ("product", "orders", "previous_orders"),
        ),
    )


def _scatter(shop: Shop, shelf: Shelf, settings: DashboardSettings) -> Json:
    rows = shop.members.filter(shop.members.customer_type == ALL)
    rows = rows.filter(rows.window < len(shop.controls.periods))
    counts = as_numbers(
        rows.group_by("window", "item")
        .aggregate(orders=rows.count(), stars_sum=rows.stars.sum())
        .to_pandas()
    )
    last = len(shop.controls.periods) - 1
    overall = counts[counts["window"] == last].sort_values(
        ["orders", "item"], ascending=[False, True]
    )
    items = overall["item"].head(settings.scatter_products)
    placed = {
        name: counts.pivot(index="item", columns="window", values=name)
        .reindex(index=items, columns=range(last + 1))
        .fillna(0)
        .astype(np.int64)
        for name in ("orders", "stars_sum")
    }
    return panel(
        "Stars against popularity",
        f"average stars, 1 to 5; {ORDERS}",
        f"The {len(items)} most ordered products of all the data; their orders and stars are those "
        "of the chosen period.",
        [TYPE],
        points={
            "product": shelf.place(items),
            **{
                name: [table[number].tolist() for number in range(last + 1)]
                for name, table in placed.items()
            },
        },
    )


def stock_cover(shop: Shop) -> pd.DataFrame:
    """How long the stock of each product lasts at the pace of the last ``COVER_DAYS`` days.

    Returns
    -------
    pandas.DataFrame
        ``item``, ``category``, ``price_band``, ``stock``, ``orders`` (of those days),
        ``cover_days``; the shortest cover first. Products without a known stock or without an
        order in those days are left out. Empty where no stock is known.
    """
    last = shop.controls.periods[-1].window.last
    recent = shop.orders.filter(shop.orders.day > last - COVER_DAYS)
    counts = as_numbers(recent.group_by("item").aggregate(orders=recent.count()).to_pandas())
    table = counts.join(shop.products[["category", "price_band", "stock"]], on="item")
    table = table[table["stock"].notna()]
    table["cover_days"] = table["stock"] * COVER_DAYS / table["orders"]
    return table.sort_values(["cover_days", "item"]).reset_index(drop=True)


def _stock_panel(
    shop: Shop, cover: pd.DataFrame, shelf: Shelf, settings: DashboardSettings
) -> Json:
    title, unit = "Stock cover", "days"
    if not shop.stock_known:
        return missing(
            title,
            unit,
            "No stock is known. It comes with product metadata (docs/data.md).",
        )
    rows = shortest_covers(cover, settings.list_length)
    rows = rows.assign(product=shelf.place(rows["item"]), cover_days=rows["cover_days"].round(1))
    return panel(
        title,
        unit,
        f"Stock over the orders a day of the last {COVER_DAYS} days. Orders are estimated from "
        "reviews, and most buyers write none: real cover is shorter. Use it to compare products.",
        [PERIOD, TYPE],
        list=encode_lists(
            rows,
            (CATEGORY, PRICE),
            shop.controls.shape[1:3],
            ("product", "stock", "orders", "cover_days"),
        ),
    )


def shortest_covers(cover: pd.DataFrame, listed: int) -> pd.DataFrame:
    """The first rows of every category and price band, "all" included.

    Parameters
    ----------
    cover
        As made by ``stock_cover``.
    listed
        Rows of each list.
    """
    parts: list[pd.DataFrame] = []
    for kept in ((CATEGORY, PRICE), (CATEGORY,), (PRICE,), ()):
        totals: dict[str, int] = {axis: ALL for axis in (CATEGORY, PRICE) if axis not in kept}
        rows = cover.assign(**totals)
        parts.append(rows.groupby([CATEGORY, PRICE], sort=False).head(listed))
    return pd.concat(parts, ignore_index=True)
