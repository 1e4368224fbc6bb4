"""Measures in every cell of the controls: a period, a category, a price band, a customer type.

Distinct customers and products do not add up over categories, bands or types, so each cell, the
ones that stand for "all" included, is counted by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.dashboard.controls import ALL
from product_recommender.dashboard.encoding import encode_cube
from product_recommender.dashboard.shop import Shop

CELL = ("window", "category", "price_band", "customer_type")
AXES = ("period", "category", "price_band", "customer_type")

FREQUENCIES = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 9), (10, None))
"""Orders of a customer inside a cell: lowest and highest of each class."""

TAIL_SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75)
"""Top shares of products whose part of the orders is shown."""

STARS = (1, 2, 3, 4, 5)

_WITH_PREVIOUS = ("orders", "customers", "stars_sum", "revenue_cents", "priced_orders")


def frequency_labels() -> list[str]:
    """Names of the classes of orders per customer."""
    return [
        str(low) if low == high else f"{low} or more" if high is None else f"{low} to {high}"
        for low, high in FREQUENCIES
    ]


def marginals(rows: ibis.Table, axes: Sequence[str] = ("category", "price_band")) -> ibis.Table:
    """Repeat rows for "all" along axes, so that one grouping counts every cell by itself.

    Parameters
    ----------
    rows
        With a column of positions from 1 on for each of ``axes``.
    axes
        Along which "all" (position 0) is added.
    """
    parts = []
    for kept in itertools.product((True, False), repeat=len(axes)):
        totals = {
            axis: ibis.literal(ALL, "int8")
            for axis, keeps in zip(axes, kept, strict=True)
            if not keeps
        }
        parts.append(rows.mutate(**totals) if totals else rows)
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def count_customers(shop: Shop) -> pd.DataFrame:
    """Every measure that is counted by customer, one row for each cell that is not empty.

    Returns
    -------
    pandas.DataFrame
        ``CELL``, ``customers``, ``orders``, ``stars_sum``, ``stars_1`` to ``stars_5``,
        ``revenue_cents``, ``priced_orders``, ``costed_orders``, ``costed_revenue_cents``,
        ``margin_cents``, ``customers_0`` ... (customers by class of ``FREQUENCIES``).
    """
    rows = marginals(shop.members)
    costed = rows.price_cents.notnull() & rows.cost_cents.notnull()
    each = rows.group_by(*CELL, "user").aggregate(
        n=rows.count(),
        stars_sum=rows.stars.sum(),
        revenue_cents=rows.price_cents.sum().fill_null(0),
        priced_orders=rows.price_cents.count(),
        costed_orders=costed.sum(),
        costed_revenue_cents=rows.price_cents.sum(where=costed).fill_null(0),
        cost_cents=rows.cost_cents.sum(where=costed).fill_null(0),
        **{f"stars_{star}": (rows.stars == star).sum() for star in STARS},
    )
    summed = ["stars_sum", "revenue_cents", "priced_orders", "costed_orders"]
    summed += ["costed_revenue_cents", *(f"stars_{star}" for star in STARS)]
    classes = {
        f"customers_{number}": (
            (each.n >= low) & (each.n <= (high if high is not None else each.n))
        ).sum()
        for number, (low, high) in enumerate(FREQUENCIES)
    }
    cells = each.group_by(*CELL).aggregate(
        customers=each.count(),
        orders=each.n.sum(),
        margin_cents=(each.costed_revenue_cents - each.cost_cents).sum(),
        **{name: each[name].sum() for name in summed},
        **classes,
    )
    return as_numbers(cells.to_pandas())


def count_products(shop: Shop, listed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Products ordered in every cell, what the top of them carry, and the best sellers.

    Parameters
    ----------
    shop
        The orders.
    listed
        Best sellers of each cell that are returned.

    Returns
    -------
    cells : pandas.DataFrame
        ``CELL``, ``products``, ``tail_0`` ... (orders of the top share of products, by
        ``TAIL_SHARES``; the number of products is rounded up).
    best : pandas.DataFrame
        ``CELL``, ``item``, ``orders``, ``stars_sum``, ordered inside a cell.
    """
    periods = shop.members.filter(shop.members.window < len(shop.controls.periods))
    rows = marginals(periods)
    each = rows.group_by(*CELL, "item").aggregate(orders=rows.count(), stars_sum=rows.stars.sum())
    order = [ibis.desc("orders"), ibis.asc("item")]
    ranked = each.mutate(
        rank=ibis.row_number().over(group_by=list(CELL), order_by=order) + 1,
        products=each.count().over(group_by=list(CELL)),
    ).cache()
    tails = {
        # In whole numbers: ceil(share * products) without the rounding of binary fractions.
        f"tail_{number}": ranked.orders.sum(
            where=(ranked["rank"] - 1) * 100 < round(share * 100) * ranked.products
        )
        for number, share in enumerate(TAIL_SHARES)
    }
    cells = ranked.group_by(*CELL).aggregate(products=ranked.count(), **tails).to_pandas()
    best = ranked.filter(ranked["rank"] <= listed).order_by(*CELL, "rank").drop("products", "rank")
    return as_numbers(cells), as_numbers(best.to_pandas())


def count_steps(shop: Shop) -> Iterator[pd.DataFrame]:
    """Additive measures by step of each period; no row for "all" categories and bands.

    Yields
    ------
    pandas.DataFrame
        ``category``, ``price_band``, ``customer_type``, ``step``, ``orders``, ``stars_sum``,
        ``revenue_cents``, ``priced_orders``.
    """
    for number, period in enumerate(shop.controls.periods):
        days = pd.DataFrame(
            {
                "day": np.arange(period.window.first, period.window.last + 1, dtype=np.int32),
                "step": np.repeat(np.arange(len(period.starts)), period.step_days()),
            }
        )
        inside = shop.members.filter(shop.members.window == number)
        rows = inside.inner_join(ibis.memtable(days), "day")
        steps = rows.group_by("category", "price_band", "customer_type", "step").aggregate(
            orders=rows.count(),
            stars_sum=rows.stars.sum(),
            revenue_cents=rows.price_cents.sum().fill_null(0),
            priced_orders=rows.price_cents.count(),
        )
        yield as_numbers(steps.to_pandas())


def as_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Counts and positions as int64, whatever type the engine summed them in."""
    return table.astype(dict.fromkeys(table.columns, np.int64))


def fill(rows: pd.DataFrame, axes: Sequence[str], shape: Sequence[int], column: str) -> np.ndarray:
    """A dense array from rows that name their positions; 0 where there is no row."""
    values = np.zeros(tuple(shape), dtype=np.float64)
    values[tuple(rows[axis].to_numpy() for axis in axes)] = rows[column].to_numpy()
    return values


def cell_cubes(shop: Shop, customers: pd.DataFrame, products: pd.DataFrame) -> dict[str, Any]:
    """The cubes over all four controls.

    Parameters
    ----------
    shop
        The orders.
    customers, products
        As counted by ``count_customers`` and ``count_products``.
    """
    shape = shop.controls.shape
    now = customers[customers["window"] < shape[0]]
    names = ["orders", "customers", "stars_sum", "revenue_cents", "priced_orders"]
    if shop.cost_known:
        names += ["costed_orders", "costed_revenue_cents", "margin_cents"]
    cubes = {name: encode_cube(fill(now, CELL, shape, name), AXES) for name in names}
    cubes["products"] = encode_cube(fill(products, CELL, shape, "products"), AXES)
    for name in _WITH_PREVIOUS:
        cubes[f"previous_{name}"] = encode_cube(_previous(shop, customers, name), AXES)
    extra = {
        "star_counts": ("stars", [str(star) for star in STARS], "stars_{}", STARS, now),
        "frequency": (
            "orders_each",
            frequency_labels(),
            "customers_{}",
            range(len(FREQUENCIES)),
            now,
        ),
        "long_tail": (
            "top",
            [f"{share:.0%}" for share in TAIL_SHARES],
            "tail_{}",
            range(len(TAIL_SHARES)),
            products,
        ),
    }
    for cube, (axis, labels, column, numbers, rows) in extra.items():
        layers = [fill(rows, CELL, shape, column.format(number)) for number in numbers]
        cubes[cube] = encode_cube(np.stack(layers, axis=-1), (*AXES, axis), {axis: labels})
    cubes["catalogue"] = encode_cube(_catalogue(shop), ("category", "price_band"))
    return cubes


def _previous(shop: Shop, customers: pd.DataFrame, name: str) -> np.ndarray:
    """A measure in the previous period of each period; NaN where that is not inside the data."""
    values = np.full(shop.controls.shape, np.nan)
    window = len(shop.controls.periods)
    for number, period in enumerate(shop.controls.periods):
        if period.previous is not None:
            rows = customers[customers["window"] == window]
            values[number] = fill(rows, CELL[1:], shop.controls.shape[1:], name)
            window += 1
    return values


def _catalogue(shop: Shop) -> np.ndarray:
    counts = np.zeros(shop.controls.shape[1:3])
    bands = shop.products["price_band"].to_numpy()
    categories = shop.products["category"].to_numpy()
    for category, band in itertools.product((True, False), repeat=2):
        at = (categories if category else 0 * categories, bands if band else 0 * bands)
        np.add.at(counts, at, 1)
    return counts


def series(shop: Shop, steps: Sequence[pd.DataFrame]) -> list[dict[str, Any]]:
    """The additive measures over time, by period.

    Parameters
    ----------
    shop
        The orders.
    steps
        As counted by ``count_steps``.
    """
    _, n_categories, n_bands, n_types = shop.controls.shape
    axes = ("category", "price_band", "customer_type", "step")
    written = []
    for period, rows in zip(shop.controls.periods, steps, strict=True):
        shape = (n_categories - 1, n_bands - 1, n_types, len(period.starts))
        placed = rows.assign(category=rows["category"] - 1, price_band=rows["price_band"] - 1)
        written.append(
            {
                "step": period.step,
                "labels": [str(day) for day in period.starts.astype("datetime64[D]")],
                "days": period.step_days().tolist(),
                "cubes": {
                    name: encode_cube(
                        fill(placed, axes, shape, name), axes, sum_axes=("category", "price_band")
                    )
                    for name in ("orders", "stars_sum", "revenue_cents", "priced_orders")
                },
            }
        )
    return written
