"""The graph of the eda pipeline."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from product_recommender.pipelines.eda import nodes

REVIEWS, PRODUCTS = "reviews", "products"
REPORT, PARAMETERS = "data_quality_report", "params:eda"

TOPICS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "customer_activity": (nodes.describe_customer_activity, [REVIEWS, REPORT]),
    "product_activity": (nodes.describe_product_activity, [REVIEWS, PRODUCTS, REPORT]),
    "sparsity": (nodes.describe_sparsity, [REVIEWS, REPORT, PARAMETERS]),
    "categories": (nodes.describe_categories, [REVIEWS, PRODUCTS, REPORT, PARAMETERS]),
    "stars": (nodes.describe_stars, [REVIEWS, REPORT, PARAMETERS]),
    "purchases_over_time": (nodes.describe_purchases_over_time, [REVIEWS, REPORT, PARAMETERS]),
    "seasonality": (nodes.describe_seasonality, [REVIEWS, REPORT, PARAMETERS]),
    "review_length": (nodes.describe_review_length, [REVIEWS, REPORT]),
    "votes": (nodes.describe_votes, [REVIEWS, REPORT]),
}
"""Topic: the function that describes it, and its inputs in the order of its arguments."""


def create_pipeline() -> Pipeline:
    """Build the pipeline: one node per topic, each giving a table and a figure."""
    return Pipeline(
        [
            Node(
                function,
                inputs=inputs,
                outputs=[f"eda_{topic}_table", f"eda_{topic}_figure"],
                name=f"describe_{topic}_node",
            )
            for topic, (function, inputs) in TOPICS.items()
        ]
    )
