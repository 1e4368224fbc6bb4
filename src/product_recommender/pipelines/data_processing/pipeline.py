"""The graph of the data_processing pipeline."""

from kedro.pipeline import Pipeline, node

from .nodes import (
    assemble_reviews,
    build_products,
    choose_product_records,
    collect_rejected_reviews,
    read_customer_attributes,
    read_product_metadata,
    read_review_lines,
    report_data_quality,
    split_reviews,
    type_reviews,
)


def create_pipeline() -> Pipeline:
    """From raw files (01_raw) to typed lines (02_intermediate) and reviews (03_primary)."""
    return Pipeline(
        [
            node(
                read_review_lines,
                inputs=["raw_review_files"],
                outputs="review_lines@batches",
                name="read_review_lines_node",
            ),
            node(
                type_reviews,
                inputs=["review_lines@table", "params:data_processing"],
                outputs="typed_reviews",
                name="type_reviews_node",
            ),
            node(
                split_reviews,
                inputs=["typed_reviews", "raw_review_manifest", "params:data_processing"],
                outputs=["repeated_reviews", "time_split"],
                name="split_reviews_node",
            ),
            node(
                assemble_reviews,
                inputs=[
                    "typed_reviews",
                    "repeated_reviews",
                    "time_split",
                    "product_metadata",
                    "params:data_processing",
                ],
                outputs="reviews",
                name="assemble_reviews_node",
            ),
            node(
                collect_rejected_reviews,
                inputs=["review_lines@table", "typed_reviews", "repeated_reviews"],
                outputs="rejected_reviews",
                name="collect_rejected_reviews_node",
            ),
            node(
                read_product_metadata,
                inputs=["raw_product_metadata"],
                outputs="product_records",
                name="read_product_metadata_node",
            ),
            node(
                choose_product_records,
                inputs=["product_records"],
                outputs=["product_metadata", "rejected_product_metadata"],
                name="choose_product_records_node",
            ),
            node(
                read_customer_attributes,
                inputs=["raw_customers"],
                outputs="customers",
                name="read_customer_attributes_node",
            ),
            node(
                build_products,
                inputs=["reviews", "product_metadata"],
                outputs="products",
                name="build_products_node",
            ),
            node(
                report_data_quality,
                inputs=[
                    "review_lines@table",
                    "typed_reviews",
                    "repeated_reviews",
                    "rejected_reviews",
                    "reviews",
                    "time_split",
                    "raw_review_manifest",
                    "product_records",
                    "product_metadata",
                    "rejected_product_metadata",
                    "products",
                ],
                outputs="data_quality_report",
                name="report_data_quality_node",
            ),
        ]
    )
