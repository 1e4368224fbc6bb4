"""One small train-and-answer pipeline, instantiated once for every model under its name."""

from kedro.pipeline import Pipeline, node, pipeline

from product_recommender.pipelines.modeling import nodes
from product_recommender.recommenders.registry import MODELS, recommender_class

CONTENTS = ("text_embeddings", "image_embeddings")
"""Read by the models that know products by content (``reads_contents``), and by no others."""

SHARED_INPUTS = {
    "interactions",
    "customer_ids",
    "product_ids",
    "customer_features",
    "product_features",
    "customer_segments",
}


def create_pipeline() -> Pipeline:
    """Build the pipeline: the same three nodes for each model, in a namespace of its own."""
    return sum((_model_pipeline(name) for name in MODELS), start=Pipeline([]))


def _model_pipeline(name: str) -> Pipeline:
    contents = list(CONTENTS) if recommender_class(name).reads_contents else []
    template = Pipeline(
        [
            node(
                nodes.make_train_function(name),
                inputs=[
                    "interactions",
                    "customer_ids",
                    "product_ids",
                    "customer_features",
                    "product_features",
                    "customer_segments",
                    "params:modeling.settings",
                    "params:modeling.models." + name,
                    *contents,
                ],
                outputs=["weights", "config"],
                name="train_node",
            ),
            node(
                nodes.recommend_at_cuts,
                inputs=[
                    "weights",
                    "config",
                    "interactions",
                    "customer_ids",
                    "product_ids",
                    "params:modeling.settings",
                ],
                outputs="recommendations",
                name="recommend_node",
            ),
            node(
                nodes.predict_ratings,
                inputs=["weights", "config", "interactions", "customer_ids", "product_ids"],
                outputs="predictions",
                name="predict_node",
            ),
        ]
    )
    return pipeline(
        template,
        namespace=name,
        inputs=SHARED_INPUTS | set(contents),
        parameters={"params:modeling.settings", "params:modeling.models." + name},
        tags=[name],
    )
