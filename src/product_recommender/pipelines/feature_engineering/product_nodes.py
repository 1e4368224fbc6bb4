"""Products and product parents as training reviews show them."""

from __future__ import annotations

import datetime

import ibis

from product_recommender.pipelines.feature_engineering.parameters import (
    FeatureEngineeringParameters,
)
from product_recommender.pipelines.feature_engineering.training_reviews import (
    UNKNOWN_CATEGORY,
    days_between,
    exact_mean,
    last_training_day,
    spread,
    training_reviews,
)

PRICE_BANDS = ("low", "mid", "high", "premium")


def compute_product_features(
    reviews: ibis.Table,
    products: ibis.Table,
    review_sentiment: ibis.Table,
    parameters: FeatureEngineeringParameters,
) -> ibis.Table:
    """Popularity, trend, stars, sentiment and price of every product with a training review.

    Parameters
    ----------
    reviews
        All reviews; those with ``split == "train"`` are used.
    products
        For ``product_category`` and ``list_price``.
    review_sentiment
        Sentiment of the training reviews.
    parameters
        Window, smoothing and shrinking.

    Returns
    -------
    ibis.Table
        ``product_features`` as in docs/data_dictionary.md, ordered by ``product_id``. The formulas
        are in this pipeline's README.

    Raises
    ------
    ValueError
        If there is no training review.
    """
    train = training_reviews(reviews)
    attributes = products.select(
        "product_id",
        product_category=products.product_category.fill_null(UNKNOWN_CATEGORY),
        list_price=products.list_price.cast("float64"),
    )
    return _features("product_id", train, attributes, review_sentiment, parameters)


def compute_product_parent_features(
    reviews: ibis.Table,
    products: ibis.Table,
    review_sentiment: ibis.Table,
    parameters: FeatureEngineeringParameters,
) -> ibis.Table:
    """The same for product parents, which join the variants of one product.

    A parent's category is the one most of its training reviews are in (the alphabet decides among
    equals); its list price is the mean over its products with a training review and a price.

    Parameters
    ----------
    reviews, products, review_sentiment, parameters
        As for ``compute_product_features``.

    Returns
    -------
    ibis.Table
        ``product_parent_features`` as in docs/data_dictionary.md, ordered by ``product_parent``.

    Raises
    ------
    ValueError
        If there is no training review.
    """
    train = training_reviews(reviews)
    # A sentiment row names its product only.
    parents = train.select("product_id", "product_parent").distinct()
    sentiment = review_sentiment.inner_join(parents, "product_id").select(
        "product_parent", "sentiment"
    )

    counts = train.group_by("product_parent", "product_category").aggregate(n=train.count())
    order = ibis.window(
        group_by="product_parent", order_by=[counts.n.desc(), counts.product_category]
    )
    ranked = counts.mutate(place=ibis.row_number().over(order))
    category = ranked.filter(ranked.place == 0).select("product_parent", "product_category")

    priced = parents.inner_join(products.select("product_id", "list_price"), "product_id")
    price = priced.group_by("product_parent").aggregate(
        list_price=exact_mean(priced.list_price.cast("float64"))
    )
    attributes = category.left_join(price, "product_parent").drop("product_parent_right")
    return _features("product_parent", train, attributes, sentiment, parameters)


def _features(
    key: str,
    train: ibis.Table,
    attributes: ibis.Table,
    sentiment: ibis.Table,
    parameters: FeatureEngineeringParameters,
) -> ibis.Table:
    """Features per ``key``; ``attributes`` has one row per key with category and list price."""
    counted = _count_purchases(key, train, last_training_day(train), parameters.recent_days)
    known = counted.left_join(attributes, key).drop(f"{key}_right")
    known = known.mutate(product_category=known.product_category.fill_null(UNKNOWN_CATEGORY))
    known = _shrink_stars(known, parameters.star_prior_strength)
    mean_sentiment = sentiment.group_by(key).aggregate(
        sentiment_mean=exact_mean(sentiment.sentiment)
    )
    known = known.left_join(mean_sentiment, key).drop(f"{key}_right")

    smoothing = parameters.trend_smoothing
    before = known.popularity - known.recent_popularity
    # Younger products count as if they had been there for one window before this one: a single
    # purchase the day before it is not a rate of one a day.
    expected = (
        before
        * parameters.recent_days
        / ibis.greatest(known.days_before, ibis.literal(parameters.recent_days))
    )
    return known.select(
        key,
        "product_category",
        "popularity",
        "recent_popularity",
        trend=((known.recent_popularity + smoothing) / (expected + smoothing)).ln(),
        star_mean=known.star_mean,
        star_std=known.star_std,
        sentiment_mean=known.sentiment_mean,
        list_price=known.list_price,
        price_band=_price_band(known),
    ).order_by(key)


def _count_purchases(
    key: str, train: ibis.Table, last_day: datetime.date, recent_days: int
) -> ibis.Table:
    """Counts and sums per key; ``days_before``: days on sale before the recent window."""
    window_start = last_day - datetime.timedelta(days=recent_days - 1)
    stars = train.star_rating
    recent = train.review_date >= ibis.literal(window_start, type="date")
    return train.group_by(key).aggregate(
        popularity=train.count(),
        recent_popularity=train.count(where=recent),
        days_before=days_between(window_start, train.review_date.min()),
        star_sum=stars.sum(),
        star_squares=(stars * stars).sum(),
    )


def _shrink_stars(table: ibis.Table, strength: float) -> ibis.Table:
    """Add ``star_mean`` and ``star_std``: own figures, and ``strength`` reviews like the rest."""
    category = table.group_by("product_category").aggregate(
        n=table.popularity.sum().cast("int64"),
        total=table.star_sum.sum().cast("int64"),
        squares=table.star_squares.sum().cast("int64"),
    )
    prior = category.select(
        "product_category",
        prior_mean=category.total / category.n,
        prior_variance=spread(category.n, category.total, category.squares),
    )
    joined = table.left_join(prior, "product_category").drop("product_category_right")
    n = joined.popularity
    variance = spread(n, joined.star_sum, joined.star_squares)
    return joined.mutate(
        star_mean=(joined.star_sum + strength * joined.prior_mean) / (n + strength),
        star_std=((n * variance + strength * joined.prior_variance) / (n + strength)).sqrt(),
    )


def _price_band(table: ibis.Table) -> ibis.Value:
    """Quartile of the price among the known prices of the category; equal prices share a band."""
    priced = table.list_price.notnull()
    window = ibis.window(group_by=[table.product_category, priced], order_by=table.list_price)
    cheaper = ibis.rank().over(window)
    of_all = table.count().over(ibis.window(group_by=[table.product_category, priced]))
    quarter = (4 * cheaper) // of_all
    bands = ((quarter == i, band) for i, band in enumerate(PRICE_BANDS))
    return ibis.cases((~priced, "unknown"), *bands)
