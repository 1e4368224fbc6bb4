"""Learn, answer, judge, draw."""

from kedro.pipeline import Node, Pipeline

from product_recommender.pipelines.propensity import nodes

CODED = ["interactions", "customer_ids", "product_ids"]
MODEL = ["propensity.weights", "propensity.config"]
PARAMETERS = "params:propensity"


def create_pipeline() -> Pipeline:
    """Build the pipeline: from coded purchases to calibrated chances, and what they are worth."""
    return Pipeline(
        [
            Node(
                nodes.fit_propensity,
                inputs=[*CODED, PARAMETERS],
                outputs=MODEL,
                name="fit_propensity_node",
            ),
            Node(
                nodes.estimate_propensity,
                inputs=[*CODED, *MODEL],
                outputs="purchase_propensity",
                name="estimate_propensity_node",
            ),
            Node(
                nodes.measure_propensity,
                inputs=[*CODED, *MODEL, "data_quality_report", PARAMETERS],
                outputs=[
                    "propensity_metrics",
                    "propensity_reliability_table",
                    "propensity_report",
                ],
                name="measure_propensity_node",
            ),
            Node(
                nodes.draw_reliability,
                inputs=[
                    "propensity_reliability_table",
                    "propensity_metrics",
                    "propensity_report",
                    "data_quality_report",
                    PARAMETERS,
                ],
                outputs="propensity_reliability_figure",
                name="draw_reliability_node",
            ),
        ]
    )
