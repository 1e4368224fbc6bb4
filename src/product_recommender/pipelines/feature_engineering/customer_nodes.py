"""Customers as their training reviews show them."""

from __future__ import annotations

import re

import ibis
import ibis.expr.types as ir

from product_recommender.pipelines.feature_engineering.training_reviews import (
    days_between,
    exact,
    exact_mean,
    exact_sum,
    last_training_day,
    spread,
    training_reviews,
)

DAYS_PER_MONTH = 30.4375  # 365.25 / 12


def compute_customer_features(
    reviews: ibis.Table, products: ibis.Table, review_sentiment: ibis.Table
) -> ibis.Table:
    """How often, when, what, how happily and for how much each customer buys.

    Days are counted up to the last training day. A customer with one purchase is the normal case:
    the days between purchases are then null, the spread of the stars is 0.

    Parameters
    ----------
    reviews
        All reviews; those with ``split == "train"`` are used.
    products
        For ``list_price``.
    review_sentiment
        Sentiment of the training reviews.

    Returns
    -------
    ibis.Table
        ``customer_features`` as in docs/data_dictionary.md, ordered by ``customer_id``.

    Raises
    ------
    ValueError
        If there is no training review.
    """
    train = training_reviews(reviews)
    last_day = last_training_day(train)
    categories = training_categories(train)
    counted = _count_purchases(train, products, categories)
    sentiment = review_sentiment.group_by("customer_id").aggregate(
        sentiment_mean=exact_mean(review_sentiment.sentiment)
    )
    joined = counted.left_join(sentiment, "customer_id").drop("customer_id_right")

    n = joined.purchase_count
    tenure = days_between(last_day, joined.first_day)
    in_category = [joined[f"category_{i}"] for i in range(len(categories))]
    return joined.select(
        "customer_id",
        "purchase_count",
        # A period shorter than a month counts as a month: one purchase yesterday is not 30 a month.
        purchases_per_month=n / ibis.greatest((tenure + 1) / DAYS_PER_MONTH, 1.0),
        recency_days=days_between(last_day, joined.latest_day),
        tenure_days=tenure,
        days_between_purchases=days_between(joined.latest_day, joined.first_day)
        / (n - 1).nullif(0),
        star_mean=joined.star_sum / n,
        star_std=spread(n, joined.star_sum, joined.star_squares).sqrt(),
        sentiment_mean=joined.sentiment_mean,
        verified_share=joined.verified_count / n,
        category_count=sum(
            ((count > 0).cast("int64") for count in in_category), start=ibis.literal(0)
        ).cast("int64"),
        category_entropy=_entropy(in_category, n),
        value_sum=joined.value_sum,
        value_mean=joined.value_sum / joined.priced_count.nullif(0),
        unpriced_count=n - joined.priced_count,
        **{f"month_{m:02d}_share": joined[f"month_{m:02d}"] / n for m in range(1, 13)},
        **{f"weekday_{d}_share": joined[f"weekday_{d}"] / n for d in range(1, 8)},
        **{
            f"affinity_{slug}": count / n
            for slug, count in zip(category_slugs(categories), in_category, strict=True)
        },
        top_category=_largest(in_category, categories),
    ).order_by("customer_id")


def training_categories(train: ibis.Table) -> list[str]:
    """The distinct categories of the training reviews, sorted.

    Parameters
    ----------
    train
        From ``training_reviews``.
    """
    distinct = train.select("product_category").distinct().to_pyarrow()
    return sorted(distinct.column("product_category").to_pylist())


def category_slugs(categories: list[str]) -> list[str]:
    """Column-safe names: lower case, runs of other characters become ``_``.

    Parameters
    ----------
    categories
        Distinct names. Where two of them become one slug ("A-B", "A B"), the later one gets the
        first free number behind it (``a_b_2``).

    Returns
    -------
    list[str]
        As many distinct slugs, in the same order.
    """
    slugs: list[str] = []
    plain = [re.sub(r"[^a-z0-9]+", "_", category.lower()) for category in categories]
    for slug in plain:
        free, number = slug, 2
        # A numbered slug must not take the place of a category that is really called that.
        while free in slugs or (number > 2 and free in plain):
            free, number = f"{slug}_{number}", number + 1
        slugs.append(free)
    return slugs


def _count_purchases(train: ibis.Table, products: ibis.Table, categories: list[str]) -> ibis.Table:
    """Counts, sums and first and last day per customer, in one pass over the reviews."""
    prices = products.select("product_id", list_price=products.list_price.cast("float64"))
    purchases = train.left_join(prices, "product_id").drop("product_id_right")
    stars, day = purchases.star_rating, purchases.review_date
    month, weekday = day.month(), day.day_of_week.index() + 1
    category = purchases.product_category
    return purchases.group_by("customer_id").aggregate(
        purchase_count=purchases.count(),
        first_day=day.min(),
        latest_day=day.max(),
        star_sum=stars.sum(),
        star_squares=(stars * stars).sum(),
        verified_count=purchases.count(where=purchases.verified_purchase),
        value_sum=exact_sum(purchases.list_price),
        priced_count=exact(purchases.list_price).count(),
        **{f"month_{m:02d}": purchases.count(where=month == m) for m in range(1, 13)},
        **{f"weekday_{d}": purchases.count(where=weekday == d) for d in range(1, 8)},
        **{
            f"category_{i}": purchases.count(where=category == name)
            for i, name in enumerate(categories)
        },
    )


def _entropy(counts: list[ir.IntegerValue], total: ir.IntegerValue) -> ir.FloatingValue:
    """Shannon entropy in nats of each row's counts; 0 for a single category."""
    terms = []
    for count in counts:
        share = count / total
        terms.append((count > 0).ifelse(-share * ibis.greatest(share, 1e-300).ln(), 0.0))
    return sum(terms, start=ibis.literal(0.0))


def _largest(counts: list[ir.IntegerValue], names: list[str]) -> ir.StringValue:
    """Name of the largest count; the first in order among equals."""
    most = ibis.greatest(0, *counts)
    return ibis.cases(*((count == most, name) for count, name in zip(counts, names, strict=True)))
