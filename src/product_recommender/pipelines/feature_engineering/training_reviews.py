"""What every feature starts from: training reviews, and sums of them that never wobble.

DuckDB adds floating-point columns up in whatever order its threads finish, which changes the last
bits from run to run. All sums here are of integers or decimals, so that the same reviews give the
same features, bit for bit.
"""

from __future__ import annotations

import datetime

import ibis
import ibis.expr.types as ir

UNKNOWN_CATEGORY = "unknown"


def training_reviews(reviews: ibis.Table) -> ibis.Table:
    """The training reviews, without the columns that no feature may look at.

    Votes are left out because they are totals at the time of the snapshot and so know the future.

    Parameters
    ----------
    reviews
        The dataset ``reviews``.

    Returns
    -------
    ibis.Table
        ``customer_id``, ``product_id``, ``product_parent`` (the product itself where it has none),
        ``product_category`` (never null), ``star_rating``, ``verified_purchase`` (never null),
        ``review_headline``, ``review_body``, ``review_date``.
    """
    return reviews.filter(reviews.split == "train").select(
        "customer_id",
        "product_id",
        product_parent=reviews.product_parent.fill_null(reviews.product_id),
        product_category=reviews.product_category.fill_null(UNKNOWN_CATEGORY),
        star_rating=reviews.star_rating.cast("int64"),
        verified_purchase=reviews.verified_purchase.fill_null(False),
        review_headline=reviews.review_headline,
        review_body=reviews.review_body,
        review_date=reviews.review_date,
    )


def last_training_day(train: ibis.Table) -> datetime.date:
    """The day from which recency, tenure and trends are counted: the last one in the data.

    Parameters
    ----------
    train
        From ``training_reviews``.

    Raises
    ------
    ValueError
        If there is no training review.
    """
    days = train.aggregate(last_day=train.review_date.max()).to_pyarrow().column("last_day")
    last_day = days[0].as_py()
    if last_day is None:
        raise ValueError(
            "`reviews` holds no training review, so there is nothing to make features of: give "
            "training a larger share in parameters_data_processing.yml, or deliver more reviews."
        )
    return last_day.date() if isinstance(last_day, datetime.datetime) else last_day


def days_between(later: ir.DateValue | datetime.date, earlier: ir.DateValue) -> ir.IntegerValue:
    """Whole days from ``earlier`` to ``later``, as int64."""
    end = ibis.literal(later, type="date") if isinstance(later, datetime.date) else later
    return end.delta(earlier, unit="day").cast("int64")


def exact(values: ir.FloatingValue) -> ir.DecimalValue:
    """A double column as decimals with five places; null for what is no number below 10^13.

    Sentiments (four places, halved at most) and prices lose nothing by it.
    """
    return values.try_cast("decimal(18, 5)")


def exact_sum(values: ir.FloatingValue) -> ir.FloatingScalar:
    """Sum of the non-null values; null where there are none."""
    return exact(values).sum().cast("float64")


def exact_mean(values: ir.FloatingValue) -> ir.FloatingScalar:
    """Mean of the non-null values; null where there are none."""
    return exact_sum(values) / exact(values).count().nullif(0)


def spread(count: ir.IntegerValue, total: ir.IntegerValue, squares: ir.IntegerValue) -> ir.Value:
    """Population variance from the count, the sum and the sum of squares of whole numbers."""
    return (count * squares - total * total).cast("float64") / (count * count).cast("float64")
