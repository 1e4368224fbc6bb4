"""The steps from raw lines to reviews, products and customers."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from . import quality
from .customer_records import read_customers
from .described_products import describe, usual_value, with_usual_values
from .line_rules import REVIEW_COLUMNS, type_lines
from .parameters import DataProcessingParameters
from .product_records import PRODUCT_SCHEMA, find_repeated_products, read_products
from .repeats import LINE, find_duplicate_ids, find_repeated_pairs, without
from .review_records import read_records
from .time_split import choose_cuts, part_of, validation_part_of

logger = logging.getLogger(__name__)

UNKNOWN_CATEGORY = "Unknown"

DESCRIBED_COLUMNS = (
    "brand",
    "description",
    "features",
    "category_path",
    "list_price",
    "cost",
    "stock",
    "image",
)
"""What metadata adds to a product, null where it does not; and the list of image addresses."""


def read_review_lines(raw_review_files: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Hand the stream of raw lines from the reader to the table store, JSON records read.

    Parameters
    ----------
    raw_review_files
        The stream of ``RawLinesDataset``.

    Returns
    -------
    pyarrow.RecordBatchReader
        The same stream with ``fields``; it becomes ``review_lines``.
    """
    return read_records(raw_review_files)


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
        *LINE, "review_id", "customer_id", "product_id", "review_date", "review_time"
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
    product_metadata: ibis.Table,
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
    product_metadata
        Gives titles and categories where reviews have none; may be empty.
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
    parted = accepted.mutate(split=part_of(accepted.review_date, *cuts))
    filled = _fill_missing(parted, product_metadata)
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
    """Every line of product metadata, read; no line where none was delivered.

    Parameters
    ----------
    raw_product_metadata
        Stream of raw lines.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``product_records``.
    """
    return read_products(raw_product_metadata)


def choose_product_records(product_records: ibis.Table) -> tuple[ibis.Table, ibis.Table]:
    """One record per product, and every other line with the reason why it is not used.

    Parameters
    ----------
    product_records
        Lines of metadata, read.

    Returns
    -------
    product_metadata : ibis.Table
        Of several records of a product the fullest.
    rejected_product_metadata : ibis.Table
        ``file``, ``line_number``, ``reason``, ``text``.
    """
    repeated = find_repeated_products(product_records)
    usable = product_records.filter(product_records.reject_reason.isnull())
    used = without(usable, repeated).select(*PRODUCT_SCHEMA.names).order_by("product_id")
    unusable = product_records.filter(product_records.reject_reason.notnull())
    less_full = usable.semi_join(repeated, [*LINE]).mutate(
        reject_reason=ibis.literal("repeated_product_id")
    )
    rejected = unusable.union(less_full)
    rejected = rejected.select(*LINE, reason=rejected.reject_reason, text=rejected.text)
    return used, rejected.order_by(*LINE)


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
        before it; of equally frequent ones that which came first. Where reviews give none, title
        and category are those of metadata. A product without a record of its own takes that of
        its parent, which is what the files of 2023 describe.
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
        usual = usual_value(given, name).select("product_id", name)
        products = products.left_join(usual, "product_id").drop("product_id_right")
    products = products.mutate(
        product_parent=products.product_parent.fill_null(products.product_id)
    )
    told = describe(products, product_metadata)
    return told.select(
        "product_id",
        "product_parent",
        product_title=ibis.coalesce(told.product_title, told.title, told.product_id),
        product_category=ibis.coalesce(told.product_category, told.category, UNKNOWN_CATEGORY),
        first_review_date=told.first_review_date,
        **{name: told[name] for name in DESCRIBED_COLUMNS},
        image_urls=told.image_urls.fill_null(ibis.literal([], type="array<string>")),
    ).order_by("product_id")


def report_data_quality(
    review_lines: ibis.Table,
    typed_reviews: ibis.Table,
    repeated_reviews: ibis.Table,
    rejected_reviews: ibis.Table,
    reviews: ibis.Table,
    time_split: dict[str, Any],
    raw_review_manifest: dict[str, Any],
    product_records: ibis.Table,
    product_metadata: ibis.Table,
    rejected_product_metadata: ibis.Table,
    products: ibis.Table,
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
    product_records, product_metadata, rejected_product_metadata
        The lines of metadata, those used and those that are not.
    products
        The reviewed products, of which the report says what is known.

    Returns
    -------
    dict[str, Any]
        ``data_quality_report``.

    Raises
    ------
    ValueError
        If accepted and rejected reviews do not add up to the lines read, or used and rejected
        records to the lines of metadata.
    """
    files = quality.count_lines(review_lines, raw_review_manifest)
    told = quality.join_repeats(typed_reviews, repeated_reviews)
    report = quality.account(review_lines, rejected_reviews, reviews)
    sizes = quality.counts_by(reviews, "split")
    report |= {
        "filled": quality.count_filled(told.filter(told.reason.isnull())),
        "files": files,
        "ignored_files": raw_review_manifest["ignored_files"],
        "metadata_records": quality.account_metadata(
            product_records, product_metadata, rejected_product_metadata
        ),
        "products_known": quality.count_known(products, product_metadata),
        "data": quality.name_data(files, report["accepted"]),
        "split": time_split | {"reviews": sizes},
        "customers": int(reviews.customer_id.nunique().to_pyarrow().as_py()),
        "products": int(reviews.product_id.nunique().to_pyarrow().as_py()),
        "repeats": int(reviews.is_repeat.sum().to_pyarrow().as_py() or 0),
    }
    logger.info(quality.summary(report))
    if report["metadata_records"]["rejected"]:
        logger.warning(quality.metadata_summary(report["metadata_records"]))
    return report


def _fill_missing(accepted: ibis.Table, product_metadata: ibis.Table) -> ibis.Table:
    """Fill by the rules of the README; review text stays text, so missing is empty."""
    titled = with_usual_values(accepted, product_metadata)
    return titled.mutate(
        product_parent=titled.product_parent.fill_null(titled.product_id),
        product_title=ibis.coalesce(
            titled.product_title, titled.usual_product_title, titled.title, titled.product_id
        ),
        product_category=ibis.coalesce(
            titled.product_category,
            titled.usual_product_category,
            titled.category,
            UNKNOWN_CATEGORY,
        ),
        helpful_votes=titled.helpful_votes.fill_null(0),
        # Sources that count the helpful votes only: there were at least as many.
        total_votes=ibis.coalesce(titled.total_votes, titled.helpful_votes, 0),
        vine=titled.vine.fill_null(False),
        verified_purchase=titled.verified_purchase.fill_null(False),
        review_headline=titled.review_headline.fill_null(""),
        review_body=titled.review_body.fill_null(""),
    )
