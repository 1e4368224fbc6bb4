"""Everything that is shown to a person who asks what to recommend to one customer."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from product_recommender.answers.asking import Listed, ask_now, check_name
from product_recommender.answers.catalog import Catalog, NotMadeYetError, require
from product_recommender.answers.reasons import Reason, find_reasons
from product_recommender.interactions import UNKNOWN

TABLES = ("customer_ids", "product_ids", "products", "interactions", "data_quality_report")


@dataclass(frozen=True)
class Purchase:
    """One purchase of the customer."""

    day: datetime.date
    product_id: str
    title: str
    category: str
    stars: int


@dataclass(frozen=True)
class Suggestion:
    """One recommended product; ``because_title`` names the own product of the reason, if any."""

    product_id: str
    title: str
    category: str
    score: float
    reason: Reason
    because_title: str | None


@dataclass(frozen=True)
class CustomerAnswer:
    """What is known of a customer and recommended to them.

    Attributes
    ----------
    customer_id
        As asked.
    is_listed
        Whether the data hold a purchase of this customer.
    segment
        Their persona; None where there is no segmentation.
    purchases
        Newest first.
    data
        Label of the data.
    as_of
        Last day of the data.
    model, ranks_by
        Who answered, and by what.
    is_fallback
        The model had no answer of its own.
    suggestions
        Best first, at most as many as asked for.
    asked_for
        Products asked for.
    propensity
        ``category, period, probability``, most likely first, for the customer; empty where there
        is no estimate for them, None where the dataset was not made.
    """

    customer_id: str
    is_listed: bool
    segment: str | None
    purchases: list[Purchase]
    data: str
    as_of: datetime.date
    model: str
    ranks_by: str
    is_fallback: bool
    suggestions: list[Suggestion]
    asked_for: int
    propensity: pd.DataFrame | None


def answer_for(
    catalog: Catalog, customer_id: str, k: int, model: str | None, run: str
) -> CustomerAnswer:
    """Gather the answer for one customer.

    Without a model's name the served list answers; a model is loaded only where that list is too
    short or does not know the customer.

    Parameters
    ----------
    catalog
        The catalog of a run.
    customer_id
        Any text; somebody who is not in the data gets the answer for strangers.
    k
        Products wanted, at least 1.
    model
        Who shall answer; None asks whom `ensemble` chose to serve.
    run
        How this environment is run, for messages.

    Raises
    ------
    NotMadeYetError
        If there was no run yet, or the model was not trained.
    ValueError
        If there is no such model.
    """
    if model is not None:
        check_name(model)
    require(catalog, TABLES, run, "A recommendation")
    interactions, customer_ids = catalog.load("interactions"), catalog.load("customer_ids")
    own = customer_ids.filter(customer_ids["customer_id"] == customer_id).to_pyarrow()
    user = int(own["user"][0].as_py()) if len(own) else UNKNOWN
    last_day = interactions["day"].max().to_pyarrow().as_py()
    listed = _list_of(catalog, customer_id, user, k, model, run)
    products = _products(catalog)
    history = (
        interactions.filter(interactions["user"] == user)
        .select("item", "day", "star_rating")
        .to_pandas()
        .sort_values(["day", "item"], ascending=[False, True])
    )
    reasons = find_reasons(
        interactions,
        user,
        history["item"].unique(),
        listed.items,
        products["category"].to_numpy(),
    )
    return CustomerAnswer(
        customer_id=customer_id,
        is_listed=user != UNKNOWN,
        segment=_segment(catalog, customer_id),
        purchases=[
            Purchase(_date(day), *_shown(products, item), int(stars))
            for item, day, stars in history.itertuples(index=False)
        ],
        data=str(catalog.load("data_quality_report")["data"]["label"]),
        as_of=_date(last_day),
        model=listed.model,
        ranks_by=_ranks_by(catalog, listed.model),
        is_fallback=listed.is_fallback,
        suggestions=[
            Suggestion(
                *_shown(products, item),
                float(score),
                reason,
                None if reason.because_of is None else _shown(products, reason.because_of)[1],
            )
            for item, score, reason in zip(listed.items, listed.scores, reasons, strict=True)
        ],
        asked_for=k,
        propensity=_propensity(catalog, customer_id),
    )


_SHOWN = ["product_id", "title", "category"]


def _list_of(
    catalog: Catalog, customer_id: str, user: int, k: int, model: str | None, run: str
) -> Listed:
    """The served list where it suffices (no torch is imported then), a model's own otherwise."""
    if model is not None:
        return ask_now(catalog, model, user, k, run)
    if not catalog.exists("recommendations"):
        raise NotMadeYetError(
            "The served lists (recommendations) are not made yet. Make them: "
            f"{run} --pipelines=ensemble   (or name a trained model with --model)"
        )
    recommendations = catalog.load("recommendations")
    products = catalog.load("product_ids").select("product_id", "item")
    rows = (
        recommendations.filter(
            recommendations["customer_id"] == customer_id, recommendations["rank"] <= k
        )
        .join(products, "product_id")
        .to_pandas()
        .sort_values("rank")
    )
    if len(rows) == k:
        return Listed(
            str(rows["model"].iloc[0]),
            rows["item"].to_numpy(),
            rows["score"].to_numpy(),
            bool(rows["is_fallback"].iloc[0]),
        )
    require(catalog, ("ensemble.config",), f"{run} --pipelines=ensemble", "This list")
    return ask_now(catalog, str(catalog.load("ensemble.config")["served"]), user, k, run)


def _products(catalog: Catalog) -> pd.DataFrame:
    """``product_id, title, category`` of every product, indexed by item code."""
    products = catalog.load("products").select("product_id", "product_title")
    coded = catalog.load("product_ids").select("product_id", "item", "product_category")
    table = coded.left_join(products, "product_id").to_pandas().set_index("item").sort_index()
    names = {"product_title": "title", "product_category": "category"}
    table = table.rename(columns=names)[_SHOWN]
    return table.fillna({"title": "(no title)", "category": "Unknown"})


def _shown(products: pd.DataFrame, item: int) -> tuple[str, str, str]:
    """Id, title and category of a product."""
    product_id, title, category = (str(value) for value in products.loc[item, _SHOWN])
    return product_id, title, category


def _segment(catalog: Catalog, customer_id: str) -> str | None:
    if not catalog.exists("customer_segments"):
        return None
    segments = catalog.load("customer_segments")
    found = segments.filter(segments["customer_id"] == customer_id).select("segment").to_pyarrow()
    return str(found["segment"][0].as_py()) if len(found) else None


def _propensity(catalog: Catalog, customer_id: str) -> pd.DataFrame | None:
    if not catalog.exists("purchase_propensity"):
        return None
    table = catalog.load("purchase_propensity")
    own = table.filter(table["customer_id"] == customer_id)
    columns = ["category", "period", "probability"]
    return (
        own.select(*columns)
        .to_pandas()
        .sort_values(["period", "probability", "category"], ascending=[True, False, True])
        .reset_index(drop=True)
    )


def _ranks_by(catalog: Catalog, model: str) -> str:
    config = "ensemble.config" if model == "ensemble_equal" else f"{model}.config"
    if not catalog.exists(config):
        return ""
    found: dict[str, Any] = catalog.load(config)
    return str(found.get("ranks_by") or "")


def _date(day: Any) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=int(np.int64(day)))
