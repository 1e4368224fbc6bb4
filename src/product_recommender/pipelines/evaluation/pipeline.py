"""Measures, a table of models, a report and figures."""

from kedro.pipeline import Pipeline, node

from product_recommender.pipelines.evaluation import nodes
from product_recommender.recommenders.registry import MODELS


def create_pipeline() -> Pipeline:
    """Build the pipeline over all models of the registry and both ensembles."""
    configs = [f"{model}.config" for model in (*MODELS, "ensemble")]
    lists, predictions = (
        [f"{model}.{item}" for model in (*MODELS, "ensemble", nodes.EQUAL)]
        for item in ("recommendations", "predictions")
    )
    coded = ["interactions", "customer_ids", "product_ids"]
    drawings = [
        node(
            function,
            inputs=["metrics", "data_quality_report"],
            outputs=f"evaluation_{name}_figure",
            name=f"draw_{name}_node",
        )
        for name, function in (
            ("ranking", nodes.draw_rankings),
            ("rating", nodes.draw_ratings),
            ("segments", nodes.draw_segments),
            ("history", nodes.draw_history),
            ("cold_products", nodes.draw_cold_products),
        )
    ]
    return Pipeline(
        [
            node(
                nodes.measure_customers,
                inputs=[*coded, "leakage_report", "params:evaluation", *configs, *lists],
                outputs="customer_metrics",
                name="measure_customers_node",
            ),
            node(
                nodes.measure_models,
                inputs=[
                    *coded,
                    "customer_segments",
                    "leakage_report",
                    "params:evaluation",
                    *configs,
                    *lists,
                    *predictions,
                ],
                outputs="metrics",
                name="measure_models_node",
            ),
            node(
                nodes.rank_models,
                inputs=["metrics", "data_quality_report", "params:evaluation", *configs],
                outputs="leaderboard",
                name="rank_models_node",
            ),
            node(
                nodes.report_evaluation,
                inputs=[
                    *coded,
                    "customer_metrics",
                    "metrics",
                    "data_quality_report",
                    "leakage_report",
                    "params:evaluation",
                    *configs,
                    *predictions,
                ],
                outputs="evaluation_report",
                name="report_evaluation_node",
            ),
            *drawings,
        ]
    )
