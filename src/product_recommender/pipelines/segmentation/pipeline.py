"""The graph of the segmentation pipeline."""

from kedro.pipeline import Node, Pipeline

from product_recommender.pipelines.segmentation import nodes


def create_pipeline() -> Pipeline:
    """Build the pipeline: fit and name, assign everyone, describe, draw."""
    return Pipeline(
        [
            Node(
                nodes.fit_segmentation,
                inputs=["customer_features", "params:segmentation"],
                outputs=["segmentation_model", "segmentation_report"],
                name="fit_segmentation_node",
            ),
            Node(
                nodes.assign_segments,
                inputs=["customer_features", "customer_ids", "segmentation_model"],
                outputs="customer_segments",
                name="assign_segments_node",
            ),
            Node(
                nodes.describe_segments,
                inputs=[
                    "customer_segments",
                    "customer_features",
                    "customers",
                    "params:segmentation",
                ],
                outputs="segment_profiles",
                name="describe_segments_node",
            ),
            Node(
                nodes.draw_segmentation,
                inputs=[
                    "customer_features",
                    "segment_profiles",
                    "segmentation_model",
                    "segmentation_report",
                    "data_quality_report",
                    "params:segmentation",
                ],
                outputs=[
                    "segmentation_profiles_figure",
                    "segmentation_selection_figure",
                    "segmentation_map_figure",
                ],
                name="draw_segmentation_node",
            ),
        ]
    )
