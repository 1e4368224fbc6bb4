"""The steps of the eda pipeline: each turns reviews into one small table and one figure."""

from __future__ import annotations

import logging
from typing import Any

import ibis
import pandas as pd

from product_recommender.figures import activity, opinions, timeline
from product_recommender.figures.theme import data_subtitle
from product_recommender.pipelines.eda import calendar, tables
from product_recommender.pipelines.eda.parameters import EdaParameters
from product_recommender.seasonality import seasonality

logger = logging.getLogger(__name__)


def describe_customer_activity(
    reviews: ibis.Table, report: dict[str, Any]
) -> tuple[pd.DataFrame, Any]:
    """Count customers by number of reviews; draw the long tail and its Lorenz curve."""
    table = tables.activity(reviews, "customer")
    return table, activity.activity_figure(table, "customer", data_subtitle(report))


def describe_product_activity(
    reviews: ibis.Table, products: ibis.Table, report: dict[str, Any]
) -> tuple[pd.DataFrame, Any]:
    """Count products by number of reviews, listed ones without a review included."""
    table = tables.activity(reviews, "product", listed=products)
    return table, activity.activity_figure(table, "product", data_subtitle(report))


def describe_sparsity(
    reviews: ibis.Table, report: dict[str, Any], parameters: EdaParameters
) -> tuple[pd.DataFrame, Any]:
    """Count what k-core filtering would leave; the pipelines themselves filter nothing."""
    table = tables.sparsity(reviews, parameters.core_sizes, parameters.core_max_iterations)
    for row in table[~table["converged"]].itertuples():
        logger.warning(
            "The %s was not stable after %d rounds; raise eda.core_max_iterations.",
            row.filter,
            row.iterations,
        )
    return table, activity.sparsity_figure(table, data_subtitle(report))


def describe_categories(
    reviews: ibis.Table, products: ibis.Table, report: dict[str, Any], parameters: EdaParameters
) -> tuple[pd.DataFrame, Any]:
    """Count reviews, customers and products per category."""
    table = tables.categories(reviews, products)
    subtitle = data_subtitle(report)
    return table, activity.categories_figure(table, parameters.categories_shown, subtitle)


def describe_stars(
    reviews: ibis.Table, report: dict[str, Any], parameters: EdaParameters
) -> tuple[pd.DataFrame, Any]:
    """Count stars overall and by category."""
    table = tables.stars(reviews)
    subtitle = data_subtitle(report)
    return table, opinions.stars_figure(table, parameters.categories_shown, subtitle)


def describe_purchases_over_time(
    reviews: ibis.Table, report: dict[str, Any], parameters: EdaParameters
) -> tuple[pd.DataFrame, Any]:
    """Count reviews per week and mark the weeks that stand out from their neighbours."""
    rule = parameters.spikes
    table = calendar.weekly_reviews(tables.daily_reviews(reviews), rule)
    words = f"spike: robust z ≥ {rule.threshold:g} over {rule.window_weeks} weeks"
    whole = table[table["days"] == 7]  # a week cut off by the end of the data looks like a collapse
    figure = timeline.purchases_figure(
        whole if len(whole) else table, report.get("split") or {}, words, data_subtitle(report)
    )
    return table, figure


def describe_seasonality(
    reviews: ibis.Table, report: dict[str, Any], parameters: EdaParameters
) -> tuple[pd.DataFrame, Any]:
    """Compare months and weekdays with the average day, growth removed."""
    daily = tables.daily_reviews(reviews)
    table = seasonality(daily, parameters.seasonality_minimum_months)
    return table, timeline.seasonality_figure(table, data_subtitle(report))


def describe_review_length(reviews: ibis.Table, report: dict[str, Any]) -> tuple[pd.DataFrame, Any]:
    """Measure words and characters of review bodies by stars."""
    table = tables.review_length(reviews)
    return table, opinions.review_length_figure(table, data_subtitle(report))


def describe_votes(reviews: ibis.Table, report: dict[str, Any]) -> tuple[pd.DataFrame, Any]:
    """Measure votes and helpful votes by stars; shown, never an input to a model."""
    table = tables.votes(reviews)
    return table, opinions.votes_figure(table, data_subtitle(report))
