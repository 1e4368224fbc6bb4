"""Everything that the page shows, as one JSON document of bounded size."""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
import pandas as pd

from product_recommender import __version__
from product_recommender.dashboard import cells
from product_recommender.dashboard.controls import iso
from product_recommender.dashboard.customers import customers
from product_recommender.dashboard.encoding import decode_cube
from product_recommender.dashboard.forecast import RECENT_WEEKS
from product_recommender.dashboard.lookup import lookup
from product_recommender.dashboard.overview import overview
from product_recommender.dashboard.panels import Json, Shelf
from product_recommender.dashboard.products import products
from product_recommender.dashboard.recommendations import Answers, recommendations
from product_recommender.dashboard.sales import sales
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop, Tables, open_shop
from product_recommender.dashboard.suggestions import Numbers, suggest
from product_recommender.dashboard.trends import daily_orders, trends

logger = logging.getLogger(__name__)

SCHEMA = 1

REDUCTIONS: tuple[dict[str, int], ...] = (
    {
        "max_categories": 8,
        "listed_products": 1_500,
        "scatter_products": 150,
        "cohort_months": 12,
        "lookup_customers": 250,
        "lookup_products": 250,
    },
    {
        "max_categories": 4,
        "listed_products": 500,
        "list_length": 5,
        "title_characters": 60,
        "lookup_customers": 100,
        "lookup_products": 100,
    },
)
"""What is taken away until the data fit: few and large steps, for each counts everything again."""


def build_payload(
    tables: Tables,
    answers: Answers,
    segment_profiles: pd.DataFrame,
    data_quality_report: Json,
    settings: DashboardSettings,
) -> Json:
    """Compute the page's data, with as much detail as the limit of size allows.

    Parameters
    ----------
    tables
        Orders, customers and products.
    answers
        What the models answered and how they were judged.
    segment_profiles, data_quality_report
        The datasets of those names.
    settings
        Settings of the dashboard.

    Returns
    -------
    dict
        ``schema``, ``meta``, ``controls``, ``cubes``, ``series``, ``products``, ``analyses``;
        docs/dashboard.md says what stands where. JSON values only.

    Raises
    ------
    ValueError
        If there is no order, or the data do not fit even with the least detail.
    """
    limit = int(settings.max_megabytes * 1e6)
    reduced: dict[str, int] = {}
    for reduction in ({}, *REDUCTIONS):
        smaller = {name: most for name, most in reduction.items() if most < getattr(settings, name)}
        if reduction and not smaller:
            continue
        reduced |= smaller
        detail = settings.model_copy(update=reduced)
        payload = _assemble(tables, answers, segment_profiles, data_quality_report, detail)
        payload["meta"]["reduced"] = _reductions(reduced)
        size = payload_bytes(payload)
        if size <= limit:
            return payload
        logger.warning(
            "Dashboard: %.1f MB of data are more than reporting.max_megabytes (%g) allows; "
            "trying with less detail.",
            size / 1e6,
            settings.max_megabytes,
        )
    raise ValueError(
        f"reporting.max_megabytes is {settings.max_megabytes:g}, but the dashboard's data take "
        f"{size / 1e6:.1f} MB with the least detail. Raise it in "
        "conf/base/parameters_reporting.yml."
    )


def payload_bytes(payload: Json) -> int:
    """Size of the payload written without spaces, in bytes of UTF-8."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return len(text.encode())


def _reductions(reduced: dict[str, int]) -> list[str]:
    return [f"{name.replace('_', ' ')}: {most:,}" for name, most in reduced.items()]


def _assemble(
    tables: Tables,
    answers: Answers,
    segment_profiles: pd.DataFrame,
    data_quality_report: Json,
    settings: DashboardSettings,
) -> Json:
    shop = open_shop(tables, settings)
    shelf = Shelf(shop, settings.title_characters)
    by_customer = cells.count_customers(shop)
    by_product, best = cells.count_products(shop, settings.list_length)
    cubes = cells.cell_cubes(shop, by_customer, by_product)
    of_customers, customer_cubes = customers(
        shop, tables.customers, tables.customer_ids, segment_profiles, settings
    )
    of_products, cover = products(shop, best, shelf, settings)
    daily = daily_orders(shop)
    recent = [days["reviews"].tail(7 * RECENT_WEEKS).sum() for days in daily]
    of_trends, forecasts = trends(shop, daily, settings)
    ids = tables.customer_ids, tables.product_ids
    of_recommendations, recommendation_cubes = recommendations(shop, answers, *ids, shelf, settings)
    of_recommendations["lookup"] = lookup(shop, tables, answers, shelf, settings)
    numbers = Numbers(
        cubes=_arrays(shop, cubes),
        best=best,
        cover=cover,
        forecasts=forecasts,
        recent_weeks=np.array(recent) / RECENT_WEEKS,
    )
    of_recommendations["suggestions"] = suggest(shop, numbers, settings)
    return {
        "schema": SCHEMA,
        "meta": _meta(shop, tables, data_quality_report, of_customers),
        "controls": shop.controls.encode(),
        "cubes": cubes | customer_cubes | recommendation_cubes,
        "series": cells.series(shop, list(cells.count_steps(shop))),
        "products": shelf.encode(),
        "analyses": {
            "overview": overview(shop),
            "sales": sales(shop),
            "customers": of_customers,
            "products": of_products,
            "trends": of_trends,
            "recommendations": of_recommendations,
        },
    }


def _arrays(shop: Shop, cubes: Json) -> dict[str, np.ndarray]:
    """The cubes over the four controls, and one more axis where they have one, as arrays."""
    arrays = {}
    for name, cube in cubes.items():
        if tuple(cube["axes"][:4]) == cells.AXES:
            extra = [len(labels) for labels in cube.get("labels", {}).values()]
            arrays[name] = decode_cube(cube, (*shop.controls.shape, *extra))
    return arrays


def _meta(shop: Shop, tables: Tables, report: Json, of_customers: Json) -> Json:
    data = report["data"]
    is_generated = bool(data.get("generated"))
    title = "Product Recommender: dashboard"
    window = shop.controls.periods[-1].window
    meta: dict[str, Any] = {
        "title": f"{title} (generated data)" if is_generated else title,
        "data_name": data["name"],
        "is_generated": is_generated,
        "label": data["label"],
        "first_day": iso(window.first),
        "last_day": iso(window.last),
        "data_sha256": data.get("sha256"),
        "counts": {
            "orders": int(shop.orders.count().to_pyarrow().as_py()),
            "customers": int(tables.customer_ids.count().to_pyarrow().as_py()),
            "products": len(shop.products),
            "categories_in_other": shop.controls.categories_left_out,
        },
        "prices_known": shop.prices_known,
        "cost_known": shop.cost_known,
        "stock_known": shop.stock_known,
        "attributes_known": bool(of_customers["attributes"]["available"]),
        "versions": {"product_recommender": __version__},
    }
    return meta
