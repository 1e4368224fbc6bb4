"""Everything that is shown to a person who asks what to recommend to one customer."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from product_recommender.answers.asking import Listed, ask_now, check_name, explain_served
from product_recommender.answers.attributes import InCommon, common_ground
from product_recommender.answers.catalog import Catalog, NotMadeYetError, require
from product_recommender.answers.described import Shelf
from product_recommender.answers.listed_pairs import listed_pairs
from product_recommender.answers.reasons import Reason, find_reasons
from product_recommender.answers.sample_sentences import purchases_to_name
from product_recommender.answers.sentences import why
from product_recommender.days import date_of
from product_recommender.interactions import UNKNOWN
from product_recommender.recommenders.explanation import Explanation

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
    """One recommended product.

    Attributes
    ----------
    product_id, title, category, score
        The product.
    reason
        The strongest fact that speaks for it.
    because_id, because_title, bought_on
        The customer's own product that the reason names, if any, and its last purchase.
    common
        What the two have in common.
    sentence
        All this as a shopper would say it.
    modality_weights
        Share of each modality in the model's own answer; None where the model does not tell.
    """

    product_id: str
    title: str
    category: str
    score: float
    reason: Reason
    because_id: str | None
    because_title: str | None
    bought_on: datetime.date | None
    common: InCommon
    sentence: str
    modality_weights: dict[str, float] | None


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
    history = (
        interactions.filter(interactions["user"] == user)
        .select("item", "day", "star_rating")
        .to_pandas()
        .sort_values(["day", "item"], ascending=[False, True])
    )
    shelf = Shelf.of(catalog, np.concatenate([history["item"].to_numpy(int), listed.items]))
    return CustomerAnswer(
        customer_id=customer_id,
        is_listed=user != UNKNOWN,
        segment=_segment(catalog, customer_id),
        purchases=[
            Purchase(date_of(day), *shelf.shown(item), int(stars))
            for item, day, stars in history.itertuples(index=False)
        ],
        data=str(catalog.load("data_quality_report")["data"]["label"]),
        as_of=date_of(last_day),
        model=listed.model,
        ranks_by=_ranks_by(catalog, listed.model),
        is_fallback=listed.is_fallback,
        suggestions=_suggestions(catalog, listed, history, user, shelf, date_of(last_day)),
        asked_for=k,
        propensity=_propensity(catalog, customer_id),
    )


def _suggestions(
    catalog: Catalog,
    listed: Listed,
    history: pd.DataFrame,
    user: int,
    shelf: Shelf,
    as_of: datetime.date,
) -> list[Suggestion]:
    """The products of a list with what speaks for each."""
    own = purchases_to_name(history.assign(user=user))["own"].to_numpy(int)
    explanations = listed.explanations or {}
    reasons = find_reasons(
        catalog.load("interactions"),
        user,
        np.union1d(own, _named(explanations, history)),
        listed.items,
        shelf.categories,
        listed_pairs(catalog, own, listed.items, shelf.product_ids),
        explanations,
    )
    common = _in_common(catalog, listed.items, reasons, shelf)
    last_bought = history.groupby("item")["day"].max()
    suggestions = []
    for item, score, reason, shared in zip(
        listed.items, listed.scores, reasons, common, strict=True
    ):
        own_code = reason.because_of
        because = None if own_code is None else shelf.shown(own_code)
        bought_on = None if own_code is None else date_of(last_bought[own_code])
        told = explanations.get(int(item))
        suggestions.append(
            Suggestion(
                *shelf.shown(item),
                score=float(score),
                reason=reason,
                because_id=because and because[0],
                because_title=because and because[1],
                bought_on=bought_on,
                common=shared,
                sentence=why(
                    reason,
                    because and because[1],
                    bought_on,
                    shared,
                    as_of,
                    shelf.on_sale_since.get(int(item)),
                ),
                modality_weights=None if told is None else dict(told.modality_weights),
            )
        )
    return suggestions


def _named(explanations: dict[int, Explanation], history: pd.DataFrame) -> np.ndarray:
    """Own products that the model names, liked or not: what it says is not to be changed."""
    named = {
        int(told.history[0][0])
        for told in explanations.values()
        if told.uses_attention and told.history
    }
    return np.array(sorted(named & set(history["item"].tolist())), dtype=int)


def _in_common(
    catalog: Catalog, items: np.ndarray, reasons: list[Reason], shelf: Shelf
) -> list[InCommon]:
    """What each product shares with the one that its reason names."""
    pairs = [
        None if reason.because_of is None else (reason.because_of, int(item))
        for item, reason in zip(items, reasons, strict=True)
    ]
    told = {pair for pair in pairs if pair}
    common = common_ground(catalog.load("products"), shelf.described, told)
    return [common[pair] if pair else InCommon() for pair in pairs]


def _list_of(
    catalog: Catalog, customer_id: str, user: int, k: int, model: str | None, run: str
) -> Listed:
    """The served list where it suffices, a model's own otherwise. Torch is imported only for the
    latter, and where the model that was served can say why."""
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
        listed = Listed(
            str(rows["model"].iloc[0]),
            rows["item"].to_numpy(),
            rows["score"].to_numpy(),
            bool(rows["is_fallback"].iloc[0]),
        )
        return explain_served(catalog, listed, user, run)
    require(catalog, ("ensemble.config",), f"{run} --pipelines=ensemble", "This list")
    return ask_now(catalog, str(catalog.load("ensemble.config")["served"]), user, k, run)


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
