"""The graph of the synthetic_data pipeline."""

from kedro.pipeline import Pipeline, node

from .nodes import generate_world


def create_pipeline() -> Pipeline:
    """Build the pipeline."""
    return Pipeline(
        [
            node(
                generate_world,
                inputs=["params:synthetic_data"],
                outputs=[
                    "generated_review_files",
                    "generated_product_metadata",
                    "generated_customers",
                    "generated_product_images",
                    "planted_customers",
                    "planted_products",
                    "planted_world",
                ],
                name="generate_world_node",
            )
        ]
    )
