"""Substitutes, complements, up-sells, and whether the complements come true."""

from kedro.pipeline import Node, Pipeline

from product_recommender.pipelines.related_products import nodes

TABLES = [
    "interactions",
    "customer_ids",
    "product_ids",
    "products",
    "text_embeddings",
    "image_embeddings",
]
LISTS = ["similar_products", "complementary_products", "upsell_products"]
PARAMETERS = "params:related_products"


def create_pipeline() -> Pipeline:
    """Build the pipeline: three lists for every product, and a report."""
    return Pipeline(
        [
            Node(
                nodes.find_similar_products,
                inputs=[*TABLES, PARAMETERS],
                outputs="similar_products",
                name="find_similar_products_node",
            ),
            Node(
                nodes.find_complementary_products,
                inputs=[*TABLES, PARAMETERS],
                outputs="complementary_products",
                name="find_complementary_products_node",
            ),
            Node(
                nodes.find_upsell_products,
                inputs=[*TABLES, PARAMETERS],
                outputs="upsell_products",
                name="find_upsell_products_node",
            ),
            Node(
                nodes.check_related_products,
                inputs=[*TABLES, *LISTS, "data_quality_report", PARAMETERS],
                outputs="related_products_report",
                name="check_related_products_node",
            ),
        ]
    )
