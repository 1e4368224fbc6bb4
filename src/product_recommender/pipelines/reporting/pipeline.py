"""One self-contained page about everything that a run has made."""

from kedro.pipeline import Pipeline, node

from product_recommender.pipelines.reporting import nodes


def create_pipeline() -> Pipeline:
    """Build the pipeline: the numbers first, then the page that shows them."""
    return Pipeline(
        [
            node(
                nodes.gather_dashboard_data,
                inputs=[
                    "interactions",
                    "customer_ids",
                    "product_ids",
                    "products",
                    "customers",
                    "customer_segments",
                    "segment_profiles",
                    "recommendations",
                    "purchase_propensity",
                    "similar_products",
                    "complementary_products",
                    "upsell_products",
                    "metrics",
                    "leaderboard",
                    "evaluation_report",
                    "propensity_report",
                    "data_quality_report",
                    "params:reporting",
                ],
                outputs="dashboard_data",
                name="gather_dashboard_data_node",
            ),
            node(
                nodes.draw_dashboard,
                inputs="dashboard_data",
                outputs="dashboard",
                name="draw_dashboard_node",
            ),
        ]
    )
