"""The steps from raw lines to reviews, products and customers."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from . import quality
from .line_rules import REVIEW_COLUMNS, type_lines
from .parameters import DataProcessingParameters
from .repeats import LINE, find_duplicate_ids, find_repeated_pairs, without
from .source_records import read_customers, read_products
from .time_split import choose_cuts, number_of, part_of, validation_part_of

logger = logging.getLogger(__name__)

UNKNOWN_CATEGORY = "Unknown"


def read_review_lines(raw_review_files: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Hand the stream of raw lines from the reader to the table store.

    Parameters
    ----------
    raw_review_files
        The stream of ``RawLinesDataset``.

    Returns
    -------
    pyarrow.RecordBatchReader
        The same stream; it becomes ``review_lines``.
    """
    return raw_review_files


def type_reviews(review_lines: ibis.Table, parameters: DataProcessingParameters) -> ibis.Table:
    """Type and clean every line, and say why it cannot be used where that is so.

    Parameters
    ----------
    review_lines
        Raw lines.
    parameters
        ``verified_only``, ``first_year`` and ``last_year`` are used here.

    Returns
    -------
    ibis.Table
        ``typed_reviews``: one row per line; missing values are null.
    """
    return type_lines(
        review_lines, parameters.verified_only, parameters.first_year, parameters.last_year
    )


def split_reviews(
    typed_reviews: ibis.Table,
    raw_review_manifest: dict[str, Any],
    parameters: DataProcessingParameters,
) -> tuple[ibis.Table, dict[str, Any]]:
    """Find the lines that repeat others, and the days on which training and validation end.

    Parameters
    ----------
    typed_reviews
        Typed lines.
    raw_review_manifest
        Names the input in errors.
    parameters
        ``split`` is used here.

    Returns
    -------
    repeated_reviews : ibis.Table
        ``file``, ``line_number``, ``reason`` (null, ``duplicate_review_id`` or
        ``superseded_repeat``), ``is_repeat``; only lines that repeat something.
    time_split : dict[str, Any]
        ``train_until``, ``validation_until``, ``last_day`` as ISO dates, inclusive.

    Raises
    ------
    ValueError
        If no review is accepted, or a part of the split is empty.
    """
    accepted = typed_reviews.filter(typed_reviews.reject_reason.isnull()).select(
        *LINE, "review_id", "customer_id", "product_id", "review_date"
    )
    duplicates = find_duplicate_ids(accepted)
    first_told = without(accepted, duplicates)
    by_day = first_told.group_by("review_date").aggregate(n=first_told.count())
    histogram = by_day.order_by("review_date").to_pandas()
    if histogram.empty:
        raise ValueError(quality.nothing_accepted(typed_reviews, raw_review_manifest))
    days = [pd.Timestamp(day).date() for day in histogram["review_date"]]
    source = raw_review_manifest["input"]
    train_until, validation_until = choose_cuts(
        days, histogram["n"].to_numpy(), parameters.split, source
    )
    parts = first_told.mutate(split=part_of(first_told.review_date, train_until, validation_until))
    repeated = duplicates.mutate(is_repeat=False).union(find_repeated_pairs(parts))
    return repeated, {
        "train_until": train_until.isoformat(),
        "validation_until": validation_until.isoformat(),
        "last_day": days[-1].isoformat(),
    }


def assemble_reviews(
    typed_reviews: ibis.Table,
    repeated_reviews: ibis.Table,
    time_split: dict[str, Any],
    parameters: DataProcessingParameters,
) -> ibis.Table:
    """The accepted reviews with missing values filled and their part of the split.

    Parameters
    ----------
    typed_reviews
        Typed lines.
    repeated_reviews
        What was decided about lines that repeat others.
    time_split
        The two days that end training and validation.
    parameters
        ``split.seed`` is used here.

    Returns
    -------
    ibis.Table
        ``reviews``, in the order of files and lines.
    """
    told = quality.join_repeats(typed_reviews, repeated_reviews)
    accepted = told.filter(told.reason.isnull())
    cuts = [date.fromisoformat(time_split[key]) for key in ("train_until", "validation_until")]
    filled = _fill_missing(accepted.mutate(split=part_of(accepted.review_date, *cuts)))
    tune_or_blend = validation_part_of(filled.customer_id, parameters.split.seed)
    return (
        filled.mutate(
            validation_part=ibis.ifelse(
                filled.split == "validation", tune_or_blend, ibis.null("string")
            )
        )
        .order_by(*LINE)
        .select(*REVIEW_COLUMNS, "split", "validation_part", "is_repeat")
    )


def collect_rejected_reviews(
    review_lines: ibis.Table, typed_reviews: ibis.Table, repeated_reviews: ibis.Table
) -> ibis.Table:
    """Every line that is no review, with its reason and its raw text.

    Parameters
    ----------
    review_lines
        Raw lines.
    typed_reviews
        Typed lines.
    repeated_reviews
        What was decided about lines that repeat others.

    Returns
    -------
    ibis.Table
        ``rejected_reviews``: ``file``, ``line_number``, ``reason``, ``text``.
    """
    told = quality.join_repeats(typed_reviews.select(*LINE, "reject_reason"), repeated_reviews)
    rejected = told.filter(told.reason.notnull()).select(*LINE, "reason")
    return (
        review_lines.select(*LINE, "text")
        .inner_join(rejected, [*LINE])
        .select(*LINE, "reason", "text")
        .order_by(*LINE)
    )


def read_product_metadata(raw_product_metadata: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Product metadata from JSON lines; empty where none was delivered.

    Parameters
    ----------
    raw_product_metadata
        Stream of raw lines.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``product_metadata``.
    """
    return read_products(raw_product_metadata)


def read_customer_attributes(raw_customers: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Customer attributes from CSV lines; empty where none were delivered.

    Parameters
    ----------
    raw_customers
        Stream of raw lines.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``customers``.
    """
    return read_customers(raw_customers)


def build_products(reviews: ibis.Table, product_metadata: ibis.Table) -> ibis.Table:
    """One row per reviewed product, with what metadata knows of it.

    Parameters
    ----------
    reviews
        Accepted reviews.
    product_metadata
        May be empty.

    Returns
    -------
    ibis.Table
        ``products``. Title, category and parent are the ones given most often in the earliest
        part of the split in which one is given, so that no later part changes what is known
        before it; of equally frequent ones that which came first.
    """
    fallbacks = {
        "product_parent": reviews.product_id,
        "product_title": reviews.product_id,
        "product_category": UNKNOWN_CATEGORY,
    }
    # What was filled in for want of a value is none.
    given = reviews.mutate(**{name: reviews[name].nullif(v) for name, v in fallbacks.items()})
    products = reviews.group_by("product_id").aggregate(first_review_date=reviews.review_date.min())
    for name in fallbacks:
        usual = _usual(given, name).select("product_id", name)
        products = products.left_join(usual, "product_id").drop("product_id_right")
    products = products.mutate(
        product_parent=products.product_parent.fill_null(products.product_id),
        product_title=products.product_title.fill_null(products.product_id),
        product_category=products.product_category.fill_null(UNKNOWN_CATEGORY),
    )
    known = product_metadata.select(
        "product_id", "brand", "description", "list_price", "cost", "stock", "image"
    )
    return (
        products.left_join(known, "product_id")
        .select(
            "product_id",
            "product_parent",
            "product_title",
            "product_category",
            "first_review_date",
            "brand",
            "description",
            "list_price",
            "cost",
            "stock",
            "image",
        )
        .order_by("product_id")
    )


def report_data_quality(
    review_lines: ibis.Table,
    typed_reviews: ibis.Table,
    repeated_reviews: ibis.Table,
    rejected_reviews: ibis.Table,
    reviews: ibis.Table,
    time_split: dict[str, Any],
    raw_review_manifest: dict[str, Any],
    raw_product_metadata: pa.RecordBatchReader,
    product_metadata: ibis.Table,
) -> dict[str, Any]:
    """Account for every line, name the data, and log a summary.

    Parameters
    ----------
    review_lines, typed_reviews, repeated_reviews, rejected_reviews, reviews
        The tables of this pipeline.
    time_split
        The days of the split.
    raw_review_manifest
        Names and hashes of the raw files.
    raw_product_metadata, product_metadata
        The records delivered and those used.

    Returns
    -------
    dict[str, Any]
        ``data_quality_report``.

    Raises
    ------
    ValueError
        If accepted and rejected reviews do not add up to the lines read.
    """
    files = quality.count_lines(review_lines, raw_review_manifest)
    told = quality.join_repeats(typed_reviews, repeated_reviews)
    report = quality.account(review_lines, rejected_reviews, reviews)
    read = sum(batch.num_rows for batch in raw_product_metadata)
    used = int(product_metadata.count().to_pyarrow().as_py())
    sizes = quality.counts_by(reviews, "split")
    report |= {
        "filled": quality.count_filled(told.filter(told.reason.isnull())),
        "files": files,
        "ignored_files": raw_review_manifest["ignored_files"],
        "metadata_records": {"read": read, "used": used, "rejected": read - used},
        "data": quality.name_data(files, report["accepted"]),
        "split": time_split | {"reviews": sizes},
        "customers": int(reviews.customer_id.nunique().to_pyarrow().as_py()),
        "products": int(reviews.product_id.nunique().to_pyarrow().as_py()),
        "repeats": int(reviews.is_repeat.sum().to_pyarrow().as_py() or 0),
    }
    logger.info(quality.summary(report))
    return report


def _fill_missing(accepted: ibis.Table) -> ibis.Table:
    """Fill by the rules of the README; review text stays text, so missing is empty."""
    titled = _join_usual(accepted, "product_title")
    titled = _join_usual(titled, "product_category")
    return titled.mutate(
        product_parent=titled.product_parent.fill_null(titled.product_id),
        product_title=ibis.coalesce(
            titled.product_title, titled.usual_product_title, titled.product_id
        ),
        product_category=ibis.coalesce(
            titled.product_category, titled.usual_product_category, UNKNOWN_CATEGORY
        ),
        helpful_votes=titled.helpful_votes.fill_null(0),
        total_votes=titled.total_votes.fill_null(0),
        vine=titled.vine.fill_null(False),
        verified_purchase=titled.verified_purchase.fill_null(False),
        review_headline=titled.review_headline.fill_null(""),
        review_body=titled.review_body.fill_null(""),
    )


def _join_usual(reviews: ibis.Table, name: str) -> ibis.Table:
    """Add ``usual_<name>``: what the product's reviews give, null where only later parts do."""
    lacking = reviews.filter(reviews[name].isnull()).select("product_id").distinct()
    usual = _usual(reviews.semi_join(lacking, "product_id"), name)
    usual = usual.select(
        usual_of=usual.product_id, usual_part=usual.part, **{f"usual_{name}": usual[name]}
    )
    joined = reviews.left_join(
        usual,
        [reviews.product_id == usual.usual_of, number_of(reviews.split) >= usual.usual_part],
    )
    return joined.drop("usual_of", "usual_part")


def _usual(reviews: ibis.Table, name: str) -> ibis.Table:
    """What the reviews of a product give most often in the earliest part in which one gives it.

    Columns: ``product_id``, the number of that ``part``, and the value; ties go to the earliest
    value, then to the first in the alphabet.
    """
    given = reviews.filter(reviews[name].notnull())
    given = given.mutate(part=number_of(given.split))
    counted = given.group_by(["product_id", "part", name]).aggregate(
        n=given.count(), first_day=given.review_date.min()
    )
    ranked = counted.mutate(
        place=ibis.row_number().over(
            group_by="product_id", order_by=["part", ibis.desc("n"), "first_day", name]
        )
    )
    return ranked.filter(ranked.place == 0).select("product_id", "part", name)
