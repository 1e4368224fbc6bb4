"""Two blends, their description, and the served list."""

from kedro.pipeline import Pipeline, node

from product_recommender.pipelines.ensemble import nodes
from product_recommender.recommenders.registry import MODELS

# `random` is the floor that others are measured against, not a member: chance has nothing to add,
# and strangers share one row of scores when they are served, so they would share one draw, too.
MEMBERS = tuple(name for name in MODELS if name != "random")
"""The models that are blended, and that the best single one is chosen from."""


def create_pipeline() -> Pipeline:
    """Build the pipeline over the members."""
    configs, weights, lists, predictions = (
        [f"{model}.{item}" for model in MEMBERS]
        for item in ("config", "weights", "recommendations", "predictions")
    )
    return Pipeline(
        [
            node(
                nodes.blend_ratings,
                inputs=["customer_segments", "params:ensemble", *configs, *predictions],
                outputs=[
                    "ensemble.predictions",
                    "ensemble_equal.predictions",
                    "ensemble_rating.config",
                ],
                name="blend_ratings_node",
            ),
            node(
                nodes.blend_purchases,
                inputs=[
                    "interactions",
                    "customer_ids",
                    "product_ids",
                    "customer_segments",
                    "params:ensemble",
                    *configs,
                    *weights,
                    *lists,
                ],
                outputs=[
                    "ensemble.recommendations",
                    "ensemble_equal.recommendations",
                    "ensemble_purchase.config",
                ],
                name="blend_purchases_node",
            ),
            node(
                nodes.describe_blends,
                inputs=["ensemble_rating.config", "ensemble_purchase.config"],
                outputs=["ensemble.config", "ensemble_weights"],
                name="describe_blends_node",
            ),
            node(
                nodes.recommend_to_everyone,
                inputs=[
                    "interactions",
                    "customer_ids",
                    "product_ids",
                    "customer_segments",
                    "ensemble.config",
                    "params:ensemble",
                    *configs,
                    *weights,
                ],
                outputs="recommendations",
                name="recommend_to_everyone_node",
            ),
        ]
    )
