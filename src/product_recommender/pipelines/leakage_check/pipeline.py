"""The graph of the leakage_check pipeline."""

from kedro.pipeline import Node, Pipeline

from product_recommender.pipelines.leakage_check import nodes
from product_recommender.recommenders.registry import MODELS


def create_pipeline() -> Pipeline:
    """Build the pipeline: four checks, one report, and a stop."""
    configs, weights, lists = (
        [f"{model}.{item}" for model in MODELS] for item in ("config", "weights", "recommendations")
    )
    return Pipeline(
        [
            Node(
                nodes.check_tables,
                inputs=[
                    "data_quality_report",
                    "reviews",
                    "products",
                    "text_sentiment",
                    "review_sentiment",
                    "customer_features",
                    "product_features",
                    "product_parent_features",
                    "customer_ids",
                    "product_ids",
                    "interactions",
                    "params:feature_engineering",
                ],
                outputs="leakage_of_tables",
                name="check_tables_node",
            ),
            Node(
                nodes.check_segmentation,
                inputs=[
                    "data_quality_report",
                    "reviews",
                    "customer_features",
                    "segmentation_model",
                    "customer_segments",
                    "params:segmentation",
                ],
                outputs="leakage_of_segmentation",
                name="check_segmentation_node",
            ),
            Node(
                nodes.check_content,
                inputs=[
                    "data_quality_report",
                    "reviews",
                    "products",
                    "product_texts",
                    "text_embeddings",
                    "product_images",
                    "image_embeddings",
                    "params:content",
                ],
                outputs="leakage_of_content",
                name="check_content_node",
            ),
            Node(
                nodes.check_models,
                inputs=[
                    "data_quality_report",
                    "reviews",
                    "customer_ids",
                    "product_ids",
                    "interactions",
                    *configs,
                    *weights,
                    *lists,
                    "ensemble.recommendations",
                    "ensemble_equal.recommendations",
                ],
                outputs="leakage_of_models",
                name="check_models_node",
            ),
            Node(
                nodes.join_findings,
                inputs=[
                    "leakage_of_tables",
                    "leakage_of_segmentation",
                    "leakage_of_content",
                    "leakage_of_models",
                ],
                outputs="leakage_report",
                name="join_findings_node",
            ),
            Node(
                nodes.stop_at_leaks,
                inputs=["leakage_report"],
                outputs=None,
                name="stop_at_leaks_node",
            ),
        ]
    )
