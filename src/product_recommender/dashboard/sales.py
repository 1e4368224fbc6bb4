"""Sales: orders and estimated revenue, over time and by category, growth and margin."""

from __future__ import annotations

from product_recommender.dashboard.panels import (
    CATEGORY,
    NO_PRICES,
    ORDERS,
    REVENUE,
    Json,
    missing,
    panel,
)
from product_recommender.dashboard.shop import Shop


def sales(shop: Shop) -> Json:
    """The panels of the sales analysis.

    Parameters
    ----------
    shop
        Says whether prices and costs are known.
    """
    priced = shop.prices_known
    money = {"revenue_cents": "revenue_cents", "priced_orders": "priced_orders"}
    before = {
        "previous_revenue_cents": "previous_revenue_cents",
        "previous_priced_orders": "previous_priced_orders",
    }
    series = {"orders": "orders"} | (money if priced else {})
    return {
        "over_time": panel(
            "Orders and revenue over time" if priced else "Orders over time",
            f"{ORDERS}; {REVENUE}" if priced else ORDERS,
            "The first and the last step may hold fewer days than the others."
            + ("" if priced else f" {NO_PRICES}"),
            series=series,
        ),
        "by_category": panel(
            "Orders and revenue by category" if priced else "Orders by category",
            f"{ORDERS}; {REVENUE}" if priced else ORDERS,
            "Growth is against the period of equal length before.",
            [CATEGORY],
            over=CATEGORY,
            cubes={
                "orders": "orders",
                "previous_orders": "previous_orders",
                **(money | before if priced else {}),
            },
        ),
        "average_order_value": panel(
            "Average order value",
            "dollars an order",
            "Revenue over the orders whose price is known; an order is one product.",
            cubes=money | before,
        )
        if priced
        else missing("Average order value", "dollars an order", NO_PRICES),
        "growth": panel(
            "Growth against the previous period",
            "per cent",
            "Against the period of equal length before, where that lies wholly inside the data. "
            "New and returning customers are those of the respective period.",
            cubes={
                "orders": "orders",
                "previous_orders": "previous_orders",
                "customers": "customers",
                "previous_customers": "previous_customers",
                **(money | before if priced else {}),
            },
        ),
        "margin": panel(
            "Margin",
            "per cent of revenue; dollars",
            "List price less cost, over the orders of products whose price and cost are both "
            "known.",
            cubes={
                name: name
                for name in ("orders", "costed_orders", "costed_revenue_cents", "margin_cents")
            },
        )
        if shop.cost_known
        else missing(
            "Margin",
            "per cent of revenue; dollars",
            "No product has both a list price and a cost. Costs come with product metadata "
            "(docs/data.md).",
        ),
    }
