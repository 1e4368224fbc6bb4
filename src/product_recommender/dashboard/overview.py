"""Business overview: the key figures, the categories, how satisfied customers are."""

from __future__ import annotations

from product_recommender.dashboard.panels import CATEGORY, ORDERS, Json, panel
from product_recommender.dashboard.shop import Shop


def overview(shop: Shop) -> Json:
    """The panels of the business overview.

    Parameters
    ----------
    shop
        Says whether prices are known.
    """
    measures = ("orders", "customers", "stars_sum", "revenue_cents", "priced_orders")
    cubes = {name: name for name in ("products", *measures)}
    cubes |= {f"previous_{name}": f"previous_{name}" for name in measures}
    return {
        "kpis": panel(
            "Key figures",
            "see each figure",
            "Active customers and products are those with an order in this choice. Orders are "
            "estimated: every review counts as one. Revenue is the list price of each reviewed "
            "product, where it is known.",
            cubes={**cubes, "catalogue": "catalogue"},
        ),
        "category_distribution": panel(
            "Orders by category",
            ORDERS,
            "A product belongs to the category of its first part of the data.",
            [CATEGORY],
            over=CATEGORY,
            cubes={
                "orders": "orders",
                "customers": "customers",
                "revenue_cents": "revenue_cents",
                "priced_orders": "priced_orders",
            },
        ),
        "satisfaction": panel(
            "Average stars over time",
            "stars, 1 to 5",
            "Mean of all stars in each step; steps without an order are left open.",
            series={"stars_sum": "stars_sum", "orders": "orders"},
        ),
        "stars": panel("Stars given", ORDERS, "", cubes={"star_counts": "star_counts"}),
    }
