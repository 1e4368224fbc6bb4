"""What is known of a product: from its reviews, part by part of the split, and from metadata."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from .time_split import number_of


def usual_value(reviews: ir.Table, name: str) -> ir.Table:
    """What the reviews of a product give most often in the earliest part in which one gives it.

    Parameters
    ----------
    reviews
        Reviews with ``product_id``, ``split``, ``review_date`` and the column.
    name
        The column; null where a review does not give it.

    Returns
    -------
    ibis.expr.types.Table
        ``product_id``, the number of that ``part``, and the value; ties go to the earliest value,
        then to the first in the alphabet.
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


def with_usual_values(reviews: ir.Table, product_metadata: ir.Table) -> ir.Table:
    """Add what fills a missing title or category.

    Parameters
    ----------
    reviews
        Accepted reviews, with ``split``.
    product_metadata
        May be empty.

    Returns
    -------
    ibis.expr.types.Table
        The reviews with ``usual_product_title`` and ``usual_product_category`` (what the product's
        reviews give; null where only later parts do), ``title`` and ``category`` (of metadata).
        Where a review lacks nothing they may be null, too.
    """
    lacking = reviews.filter(reviews.product_title.isnull() | reviews.product_category.isnull())
    # One parent each, or a review would be there once for each of them.
    products = lacking.group_by("product_id").aggregate(product_parent=lacking.product_parent.min())
    told = describe(products, product_metadata.select("product_id", "title", "category"))
    told = told.select(told_of=told.product_id, title=told.title, category=told.category)
    reviews = _join_usual(_join_usual(reviews, "product_title"), "product_category")
    return reviews.left_join(told, [reviews.product_id == told.told_of]).drop("told_of")


def describe(products: ir.Table, product_metadata: ir.Table) -> ir.Table:
    """Join each product's own record, or else that of its parent.

    Parameters
    ----------
    products
        ``product_id``, ``product_parent`` and more; each product once.
    product_metadata
        Keyed by ``product_id``; no other column of that name is in both tables.

    Returns
    -------
    ibis.expr.types.Table
        The products with the columns of metadata, null where there is no record.
    """
    own = product_metadata.select(own_id="product_id")
    joined = products.left_join(own, [products.product_id == own.own_id])
    keyed = joined.mutate(record_id=ibis.coalesce(joined.own_id, joined.product_parent))
    keyed = keyed.drop("own_id")
    records = product_metadata.rename(described_id="product_id")
    told = keyed.left_join(records, [keyed.record_id == records.described_id])
    return told.drop("record_id", "described_id")


def _join_usual(reviews: ir.Table, name: str) -> ir.Table:
    """Add ``usual_<name>``: what the product's reviews give, null where only later parts do."""
    lacking = reviews.filter(reviews[name].isnull()).select("product_id").distinct()
    usual = usual_value(reviews.semi_join(lacking, "product_id"), name)
    usual = usual.select(
        usual_of=usual.product_id, usual_part=usual.part, **{f"usual_{name}": usual[name]}
    )
    joined = reviews.left_join(
        usual,
        [reviews.product_id == usual.usual_of, number_of(reviews.split) >= usual.usual_part],
    )
    return joined.drop("usual_of", "usual_part")
