"""The coded orders of a shop with everything that the controls ask of them."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from product_recommender.dashboard.controls import (
    ALL,
    FIRST_PERSONA,
    NEW,
    PREMIUM,
    RETURNING,
    Controls,
    choose_periods,
    largest_categories,
    price_bands,
)
from product_recommender.dashboard.settings import DashboardSettings

NO_CATEGORY = "No category"


@dataclass(frozen=True)
class Tables:
    """The tables of the catalog that the numbers come from (docs/data_dictionary.md)."""

    interactions: ibis.Table
    customer_ids: ibis.Table
    product_ids: ibis.Table
    products: ibis.Table
    customers: ibis.Table
    customer_segments: ibis.Table


@dataclass(frozen=True)
class Shop:
    """Orders, products and customers, by code.

    Attributes
    ----------
    controls
        What can be chosen.
    products
        One row per product in the order of codes: ``product_id``, ``title``, ``category``,
        ``price_band`` (positions), ``price_cents``, ``cost_cents``, ``stock`` (float, NaN unknown),
        ``first_day`` (int).
    orders
        Every review: ``user``, ``item``, ``stars``, ``day``, ``category``, ``price_band``,
        ``price_cents``, ``cost_cents``.
    customers
        Every customer with an order: ``user``, ``orders``, ``first_day``, ``last_day``,
        ``value_cents``, ``is_premium``, ``persona`` (position in the customer types).
    members
        ``orders`` once for each window it lies in and each customer type its customer belongs to
        there: with ``window`` (position in ``controls.windows()``) and ``customer_type``.
    memberships
        ``user``, ``customer_type`` as of the last day, by the rule of the period "all".
    """

    controls: Controls
    products: pd.DataFrame
    orders: ibis.Table
    customers: ibis.Table
    members: ibis.Table
    memberships: ibis.Table

    @property
    def prices_known(self) -> bool:
        """Whether any product has a price."""
        return bool(self.products["price_cents"].notna().any())

    @property
    def cost_known(self) -> bool:
        """Whether any product has a price and a cost."""
        both = self.products["price_cents"].notna() & self.products["cost_cents"].notna()
        return bool(both.any())

    @property
    def stock_known(self) -> bool:
        """Whether the stock of any product is known."""
        return bool(self.products["stock"].notna().any())


def open_shop(tables: Tables, settings: DashboardSettings) -> Shop:
    """Work out the controls and prepare the orders for them.

    Parameters
    ----------
    tables
        The tables of the catalog. Review texts are not among them.
    settings
        Settings of the dashboard.

    Raises
    ------
    ValueError
        If there is no order at all.
    """
    span = (
        tables.interactions.aggregate(
            orders=tables.interactions.count(),
            first=tables.interactions.day.min(),
            last=tables.interactions.day.max(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    if not span["orders"]:
        raise ValueError(
            "interactions holds no review, so there is nothing to show. data_quality_report says "
            "why reviews were rejected."
        )
    products = _listed_products(tables)
    names, left_out = largest_categories(_categories_by_orders(tables), settings.max_categories)
    position = {name: number for number, name in enumerate(names, start=1)}
    products["category"] = products.pop("product_category").map(position).fillna(len(names))
    known = products["price_cents"].dropna().to_numpy(np.int64)
    edges, band_labels = price_bands(known)
    band = np.searchsorted(edges, products["price_cents"].fillna(0).to_numpy(), side="left") + 1
    unpriced = len(band_labels) + 1
    products["price_band"] = np.where(products["price_cents"].notna(), band, unpriced)
    products = products.astype({"category": np.int8, "price_band": np.int8})
    orders = _orders(tables, products)
    personas = _personas(tables)
    customers, premium = _customer_facts(orders, tables, personas, settings, len(known) > 0)
    controls = Controls(
        periods=choose_periods(int(span["first"]), int(span["last"])),
        categories=names,
        categories_left_out=left_out,
        band_edges=edges,
        band_labels=band_labels,
        personas=personas,
        premium_label=premium[0],
        premium_note=premium[1],
    )
    return Shop(
        controls,
        products,
        orders,
        customers,
        _members(orders, customers, controls),
        _by_type(customers.mutate(is_new=customers.orders == 1)).select("user", "customer_type"),
    )


def _listed_products(tables: Tables) -> pd.DataFrame:
    ids, products = tables.product_ids, tables.products
    facts = products.select(
        "product_id",
        "product_title",
        price=products.list_price.cast("float64"),
        cost=products.cost.cast("float64"),
        stock=products.stock.cast("float64"),
    )
    table = ids.left_join(facts, "product_id").order_by("item").to_pandas()
    price, cost = (
        # Cents as whole numbers: sums are exact and do not depend on the order of addition.
        (pd.to_numeric(table[name]).astype(np.float64) * 100).round()
        for name in ("price", "cost")
    )
    days = pd.to_datetime(table["first_review_date"]).to_numpy().astype("datetime64[D]")
    return pd.DataFrame(
        {
            "product_id": table["product_id"].astype(str),
            "title": table["product_title"].fillna("").astype(str),
            "product_category": table["product_category"].fillna(NO_CATEGORY).astype(str),
            "price_cents": price,
            "cost_cents": cost,
            "stock": pd.to_numeric(table["stock"]).astype(np.float64),
            "first_day": days.astype(np.int64),
        }
    )


def _categories_by_orders(tables: Tables) -> list[str]:
    """Names of all categories, most orders first, then by name."""
    joined = tables.interactions.inner_join(
        tables.product_ids.select("item", "product_category"), "item"
    )
    counts = joined.group_by("product_category").aggregate(orders=joined.count()).to_pandas()
    counts["product_category"] = counts["product_category"].fillna(NO_CATEGORY).astype(str)
    counts = counts.sort_values(["orders", "product_category"], ascending=[False, True])
    return list(counts["product_category"])


def _orders(tables: Tables, products: pd.DataFrame) -> ibis.Table:
    facts = pd.DataFrame(
        {
            "item": np.arange(len(products), dtype=np.int32),
            "category": products["category"].to_numpy(),
            "price_band": products["price_band"].to_numpy(),
            "price_cents": products["price_cents"].astype("Int64"),
            "cost_cents": products["cost_cents"].astype("Int64"),
        }
    )
    rows = tables.interactions
    coded = rows.select("user", "item", "day", stars=rows.star_rating.cast("int64"))
    return coded.inner_join(ibis.memtable(facts), "item").cache()


def _personas(tables: Tables) -> tuple[str, ...]:
    """Names of the segments, the largest first, customers without a persona last."""
    segments = tables.customer_segments
    counts = segments.group_by("segment").aggregate(n=segments.count()).to_pandas()
    counts["is_new"] = counts["segment"] == "New"
    counts = counts.sort_values(["is_new", "n", "segment"], ascending=[True, False, True])
    return tuple(str(name) for name in counts["segment"])


def _customer_facts(
    orders: ibis.Table,
    tables: Tables,
    personas: tuple[str, ...],
    settings: DashboardSettings,
    by_value: bool,
) -> tuple[ibis.Table, tuple[str, str]]:
    facts = orders.group_by("user").aggregate(
        orders=orders.count(),
        first_day=orders.day.min(),
        last_day=orders.day.max(),
        value_cents=orders.price_cents.sum().fill_null(0),
    )
    rank = facts.value_cents if by_value else facts.orders
    counts = facts.group_by(rank=rank).aggregate(n=facts.count()).to_pandas()
    threshold, share = premium_threshold(
        counts["rank"].to_numpy(np.int64), counts["n"].to_numpy(np.int64), settings.premium_share
    )
    names = pd.DataFrame(
        {
            "segment": list(personas),
            "persona": np.arange(FIRST_PERSONA, FIRST_PERSONA + len(personas), dtype=np.int8),
        }
    )
    coded = (
        tables.customer_segments.inner_join(tables.customer_ids, "customer_id")
        .inner_join(ibis.memtable(names), "segment")
        .select("user", "persona")
    )
    is_premium = rank >= threshold
    customers = facts.mutate(is_premium=is_premium).left_join(coded, "user")
    customers = customers.select(
        "user", "orders", "first_day", "last_day", "value_cents", "is_premium", "persona"
    )
    reached = f"${threshold / 100:,.2f} or more" if by_value else f"{threshold:,} orders or more"
    measure = "estimated value" if by_value else "number of orders (no price is known)"
    equal = "value" if by_value else "orders"
    note = (
        f"At most the top {100 * settings.premium_share:g} % of customers by {measure} up to the "
        f"last day: {reached}. Customers at the limit with equal {equal} are in or out together."
    )
    return customers.cache(), (f"Premium (top {100 * share:.3g} %)", note)


def premium_threshold(values: np.ndarray, counts: np.ndarray, share: float) -> tuple[int, float]:
    """Lowest value that makes a customer premium, so that ties never exceed the share.

    Parameters
    ----------
    values
        int ``[n]``: different values.
    counts
        int ``[n]``: customers of each.
    share
        Share of all customers who may reach the threshold, at most.

    Returns
    -------
    threshold : int
        One above the highest value where already those who share it are too many.
    share : float
        Of customers who reach it.
    """
    order = np.argsort(values)[::-1]
    reached = np.cumsum(counts[order])
    total = int(counts.sum())
    fits = np.flatnonzero(reached <= share * total)
    if len(fits) == 0:
        return int(values.max()) + 1, 0.0
    return int(values[order[fits[-1]]]), float(reached[fits[-1]] / total)


def _members(orders: ibis.Table, customers: ibis.Table, controls: Controls) -> ibis.Table:
    windows = pd.DataFrame(
        [
            (number, window.first, window.last, window.counts_orders)
            for number, window in enumerate(controls.windows())
        ],
        columns=["window", "window_first", "window_last", "counts_orders"],
    ).astype({"window": np.int8})
    spans = ibis.memtable(windows)
    inside = orders.inner_join(
        spans, [orders.day >= spans.window_first, orders.day <= spans.window_last]
    )
    facts = customers.select(
        "user",
        "is_premium",
        "persona",
        customer_first=customers.first_day,
        customer_orders=customers.orders,
    )
    rows = inside.inner_join(facts, "user")
    is_new = ibis.ifelse(
        rows.counts_orders, rows.customer_orders == 1, rows.customer_first >= rows.window_first
    )
    rows = rows.mutate(is_new=is_new).select(
        "window",
        "user",
        "item",
        "day",
        "stars",
        "category",
        "price_band",
        "price_cents",
        "cost_cents",
        "is_new",
        "is_premium",
        "persona",
    )
    return _by_type(rows).drop("is_new", "is_premium", "persona").cache()


def _by_type(rows: ibis.Table) -> ibis.Table:
    """Repeat each row for every customer type it belongs to."""
    positions = [
        rows.mutate(customer_type=ibis.literal(ALL, "int8")),
        rows.mutate(customer_type=ibis.ifelse(rows.is_new, NEW, RETURNING).cast("int8")),
        rows.filter(rows.is_premium).mutate(customer_type=ibis.literal(PREMIUM, "int8")),
        rows.filter(rows.persona.notnull()).mutate(customer_type=rows.persona.cast("int8")),
    ]
    return ibis.union(*positions)
