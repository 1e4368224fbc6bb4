"""The steps of the reporting pipeline."""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd

from product_recommender.pipelines.reporting.parameters import ReportingParameters

Json = dict[str, Any]


def gather_dashboard_data(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    products: ibis.Table,
    customers: ibis.Table,
    customer_segments: ibis.Table,
    segment_profiles: pd.DataFrame,
    recommendations: ibis.Table,
    purchase_propensity: ibis.Table,
    similar_products: ibis.Table,
    complementary_products: ibis.Table,
    upsell_products: ibis.Table,
    metrics: pd.DataFrame,
    leaderboard: pd.DataFrame,
    evaluation_report: Json,
    propensity_report: Json,
    data_quality_report: Json,
    parameters: ReportingParameters,
) -> Json:
    """Count everything that the dashboard shows, in every cell of its filters."""
    from product_recommender.dashboard.payload import build_payload
    from product_recommender.dashboard.recommendations import Answers
    from product_recommender.dashboard.shop import Tables

    tables = Tables(interactions, customer_ids, product_ids, products, customers, customer_segments)
    answers = Answers(
        recommendations,
        purchase_propensity,
        similar_products,
        complementary_products,
        upsell_products,
        metrics,
        leaderboard,
        evaluation_report,
        propensity_report,
    )
    return build_payload(tables, answers, segment_profiles, data_quality_report, parameters)


def draw_dashboard(dashboard_data: Json) -> str:
    """Put the data, the scripts and the styles into one page that needs no network."""
    from product_recommender.dashboard.bundle import dashboard_html

    return dashboard_html(dashboard_data)
