"""The graph of the data_ingestion pipeline."""

from kedro.pipeline import Pipeline, node

from .nodes import choose_review_categories


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                choose_review_categories,
                inputs=["params:data_ingestion"],
                outputs="downloaded_review_files",
                name="choose_review_categories_node",
            )
        ]
    )
