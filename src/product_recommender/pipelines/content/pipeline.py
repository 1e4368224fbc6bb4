"""The graph of the content pipeline."""

from kedro.pipeline import Node, Pipeline

from product_recommender.pipelines.content import nodes

PARAMETERS = "params:content"


def create_pipeline() -> Pipeline:
    """Build the pipeline: texts and images to vectors, then a report and two maps."""
    return Pipeline(
        [
            Node(
                nodes.collect_product_texts,
                inputs=["products", "reviews", PARAMETERS],
                outputs="product_texts",
                name="collect_product_texts_node",
            ),
            Node(
                nodes.encode_product_texts,
                inputs=["product_texts", "previous_text_embeddings", PARAMETERS],
                outputs="text_embeddings",
                name="encode_product_texts_node",
            ),
            Node(
                nodes.encode_product_images,
                inputs=[
                    "products",
                    "raw_product_images",
                    "previous_image_embeddings",
                    PARAMETERS,
                ],
                outputs=["product_images", "image_embeddings"],
                name="encode_product_images_node",
            ),
            Node(
                nodes.report_content,
                inputs=[
                    "product_texts",
                    "text_embeddings",
                    "product_images",
                    "image_embeddings",
                    "data_quality_report",
                ],
                outputs="content_report",
                name="report_content_node",
            ),
            Node(
                nodes.draw_text_map,
                inputs=["text_embeddings", "products", "data_quality_report", PARAMETERS],
                outputs="content_text_figure",
                name="draw_text_map_node",
            ),
            Node(
                nodes.draw_image_map,
                inputs=["image_embeddings", "products", "data_quality_report", PARAMETERS],
                outputs="content_image_figure",
                name="draw_image_map_node",
            ),
        ]
    )
