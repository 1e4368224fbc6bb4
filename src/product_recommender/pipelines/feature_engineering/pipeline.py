"""The graph of the feature_engineering pipeline."""

from kedro.pipeline import Node, Pipeline

from product_recommender.pipelines.feature_engineering.customer_nodes import (
    compute_customer_features,
)
from product_recommender.pipelines.feature_engineering.nodes import (
    assign_codes,
    collect_review_texts,
    encode_interactions,
    join_review_sentiment,
    score_review_texts,
)
from product_recommender.pipelines.feature_engineering.product_nodes import (
    compute_product_features,
    compute_product_parent_features,
)

PARAMETERS = "params:feature_engineering"


def create_pipeline() -> Pipeline:
    """Build the pipeline: texts and sentiment, then features, and codes beside them."""
    return Pipeline(
        [
            Node(
                collect_review_texts,
                inputs=["reviews"],
                outputs="review_texts@table",
                name="collect_review_texts_node",
            ),
            Node(
                score_review_texts,
                inputs=["review_texts@batches", "review_texts@table", PARAMETERS],
                outputs="text_sentiment",
                name="score_review_texts_node",
            ),
            Node(
                join_review_sentiment,
                inputs=["reviews", "text_sentiment"],
                outputs="review_sentiment",
                name="join_review_sentiment_node",
            ),
            Node(
                compute_customer_features,
                inputs=["reviews", "products", "review_sentiment"],
                outputs="customer_features",
                name="compute_customer_features_node",
            ),
            Node(
                compute_product_features,
                inputs=["reviews", "products", "review_sentiment", PARAMETERS],
                outputs="product_features",
                name="compute_product_features_node",
            ),
            Node(
                compute_product_parent_features,
                inputs=["reviews", "products", "review_sentiment", PARAMETERS],
                outputs="product_parent_features",
                name="compute_product_parent_features_node",
            ),
            Node(
                assign_codes,
                inputs=["reviews", "products"],
                outputs=["customer_ids", "product_ids"],
                name="assign_codes_node",
            ),
            Node(
                encode_interactions,
                inputs=["reviews", "customer_ids", "product_ids"],
                outputs="interactions",
                name="encode_interactions_node",
            ),
        ]
    )
