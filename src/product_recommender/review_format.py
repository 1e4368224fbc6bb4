"""The columns of the Amazon US Customer Reviews files; all that read or write them share it."""

from __future__ import annotations

RAW_REVIEW_COLUMNS: tuple[str, ...] = (
    "marketplace",
    "customer_id",
    "review_id",
    "product_id",
    "product_parent",
    "product_title",
    "product_category",
    "star_rating",
    "helpful_votes",
    "total_votes",
    "vine",
    "verified_purchase",
    "review_headline",
    "review_body",
    "review_date",
)
"""Header of every review file, in its order; tab-separated, unquoted."""

RECORD_FIELDS: tuple[str, ...] = (*RAW_REVIEW_COLUMNS, "review_time")
"""What a JSON record is brought to: the same columns, and the time of day in UTC."""
