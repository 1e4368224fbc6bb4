"""The feature tables and the sentiments a second time, from training reviews alone.

Every column has a rule here: what it may hold, and which leak it would be if it held something
else. A column without a rule is refused, because nothing is known about it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from product_recommender.feature_settings import FeatureEngineeringParameters
from product_recommender.leakage.comparison import compare_tables, unknown_columns
from product_recommender.leakage.findings import Finding
from product_recommender.leakage.reviews import UNKNOWN_CATEGORY, Cuts

SOURCE = "training reviews"
DAYS_PER_MONTH = 365.25 / 12
BANDS = ("low", "mid", "high", "premium")
AFFINITY = "affinity_"


def check_sentiment(
    reviews: ibis.Table, text_sentiment: ibis.Table, review_sentiment: ibis.Table, cuts: Cuts
) -> list[Finding]:
    """Sentiments are those of the texts of training reviews, and of no other.

    Parameters
    ----------
    reviews, text_sentiment, review_sentiment
        The datasets of those names.
    cuts
        The two days.
    """
    train = cuts.training(reviews)
    expected = train.select(
        "customer_id",
        "product_id",
        headline_id=train.review_headline.hexdigest("md5"),
        body_id=train.review_body.hexdigest("md5"),
    )
    for part in ("headline", "body"):
        of_text = text_sentiment.select(
            **{f"{part}_id": "text_id", f"{part}_sentiment": "compound"}
        )
        expected = expected.left_join(of_text, f"{part}_id").drop(f"{part}_id_right")
    headline, body = expected.headline_sentiment, expected.body_sentiment
    known = headline.notnull().cast("int8") + body.notnull().cast("int8")
    total = headline.fill_null(0.0) + body.fill_null(0.0)
    expected = expected.mutate(sentiment=total / known.nullif(0))
    names = ("headline_sentiment", "body_sentiment", "sentiment")
    keys = ["customer_id", "product_id"]
    return [
        *compare_tables(
            review_sentiment,
            expected,
            keys,
            dict.fromkeys(names, "target_text"),
            "target_text",
            "review_sentiment",
            "the texts of training reviews",
        ),
        unknown_columns(review_sentiment, (*keys, *names), "review_sentiment"),
    ]


def check_customer_features(
    reviews: ibis.Table,
    products: ibis.Table,
    review_sentiment: ibis.Table,
    customer_features: ibis.Table,
    cuts: Cuts,
) -> list[Finding]:
    """Each column of ``customer_features`` is what training reviews say of the customer.

    Parameters
    ----------
    reviews, products, review_sentiment, customer_features
        The datasets of those names.
    cuts
        The two days.
    """
    train = _training(reviews, products, cuts)
    categories = sorted(
        train.select("product_category").distinct().to_pyarrow()["product_category"].to_pylist()
    )
    affinities = [name for name in customer_features.columns if name.startswith(AFFINITY)]
    expected = _expected_customers(train, _last_day(train), categories, affinities)
    expected = _with_sentiment(expected, review_sentiment, "customer_id")
    compared = [name for name in expected.columns if name in customer_features.columns]
    leak_of = {name: _leak(name) for name in compared if name != "customer_id"}
    findings = compare_tables(
        customer_features,
        expected,
        ["customer_id"],
        leak_of,
        "test_pairs",
        "customer_features",
        SOURCE,
    )
    # Categories are in the order of their names, so a category of the future shifts the columns.
    findings.append(
        Finding(
            "test_pairs",
            "customer_features",
            "one affinity column for each category of the training reviews",
            len(affinities),
            abs(len(affinities) - len(categories)),
            f"{len(affinities)} columns for {len(categories)} training categories."
            if len(affinities) != len(categories)
            else "",
        )
    )
    findings.append(
        unknown_columns(
            customer_features, expected.columns, "customer_features", cuts.later(reviews)
        )
    )
    return findings


def check_product_features(
    reviews: ibis.Table,
    products: ibis.Table,
    review_sentiment: ibis.Table,
    tables: Mapping[str, ibis.Table],
    cuts: Cuts,
    settings: FeatureEngineeringParameters,
) -> list[Finding]:
    """Each column of the tables of products and product parents is what training reviews say.

    Parameters
    ----------
    reviews, products, review_sentiment
        The datasets of those names.
    tables
        ``product_id`` and ``product_parent``: the feature table with that key.
    cuts
        The two days.
    settings
        Window, smoothing and shrinking.
    """
    findings = []
    train = _training(reviews, products, cuts)
    pairs = train.select("product_id", "product_parent").distinct()
    sentiment = review_sentiment.inner_join(pairs, "product_id")
    for key, table in tables.items():
        dataset = "product_features" if key == "product_id" else "product_parent_features"
        expected = _with_sentiment(_expected_products(train, key, settings), sentiment, key)
        leak_of = {
            name: _leak(name) for name in expected.columns if name != key and name in table.columns
        }
        findings += compare_tables(table, expected, [key], leak_of, "test_pairs", dataset, SOURCE)
        findings.append(unknown_columns(table, expected.columns, dataset, cuts.later(reviews)))
    return findings


def _leak(column: str) -> str:
    """Which leak it would be if this column knew the future."""
    if column.startswith("star_"):
        return "target_rating"
    if column in ("sentiment_mean", "verified_share"):
        return "target_text"
    if column in ("popularity", "recent_popularity", "trend"):
        return "popularity"
    return "test_pairs"


def _training(reviews: ibis.Table, products: ibis.Table, cuts: Cuts) -> ibis.Table:
    train = cuts.training(reviews)
    listed = products.select(
        "product_id",
        listed_category=products.product_category.fill_null(UNKNOWN_CATEGORY),
        list_price=products.list_price.cast("float64"),
    )
    train = train.select(
        "customer_id",
        "product_id",
        "review_date",
        product_parent=train.product_parent.fill_null(train.product_id),
        product_category=train.product_category.fill_null(UNKNOWN_CATEGORY),
        stars=train.star_rating.cast("float64"),
        verified=train.verified_purchase.fill_null(False).cast("float64"),
    )
    return train.left_join(listed, "product_id").drop("product_id_right")


def _last_day(train: ibis.Table) -> datetime.date:
    day = train.review_date.max().to_pyarrow().as_py()
    if day is None:
        raise ValueError(
            "`reviews` holds no review until the end of training, so there is nothing to compare "
            "features with: run kedro run --pipelines data_processing again."
        )
    return day.date() if isinstance(day, datetime.datetime) else day


def _expected_customers(
    train: ibis.Table, last_day: datetime.date, categories: list[str], affinities: list[str]
) -> ibis.Table:
    day, category = train.review_date, train.product_category
    grouped = train.group_by("customer_id").aggregate(
        n=train.count().cast("float64"),
        first=day.min(),
        last=day.max(),
        star_mean=train.stars.mean(),
        star_variance=train.stars.var(how="pop"),
        verified_share=train.verified.mean(),
        value_sum=train.list_price.sum(),
        value_mean=train.list_price.mean(),
        priced=train.list_price.count(),
        **{f"m{i}": (day.month() == i).cast("float64").mean() for i in range(1, 13)},
        **{f"w{i}": (day.day_of_week.index() + 1 == i).cast("float64").mean() for i in range(1, 8)},
        **{f"c{i}": (category == name).cast("float64").mean() for i, name in enumerate(categories)},
    )
    shares = [grouped[f"c{i}"] for i in range(len(categories))]
    tenure = ibis.date(last_day).delta(grouped["first"], unit="day")
    span = grouped["last"].delta(grouped["first"], unit="day")
    return grouped.select(
        "customer_id",
        "star_mean",
        "verified_share",
        "value_sum",
        "value_mean",
        purchase_count=grouped.n,
        purchases_per_month=grouped.n / ibis.greatest((tenure + 1) / DAYS_PER_MONTH, 1.0),
        recency_days=ibis.date(last_day).delta(grouped["last"], unit="day"),
        tenure_days=tenure,
        days_between_purchases=span / (grouped.n - 1).nullif(0),
        star_std=grouped.star_variance.sqrt(),
        unpriced_count=grouped.n - grouped.priced,
        category_count=_sum((share > 0).cast("float64") for share in shares),
        category_entropy=_sum(
            ibis.cases((share > 0, -share * ibis.greatest(share, 1e-300).ln()), else_=0.0)
            for share in shares
        ),
        top_category=ibis.cases(
            *(
                (share >= ibis.greatest(0.0, *shares), name)
                for share, name in zip(shares, categories, strict=True)
            )
        ),
        **{f"month_{i:02d}_share": grouped[f"m{i}"] for i in range(1, 13)},
        **{f"weekday_{i}_share": grouped[f"w{i}"] for i in range(1, 8)},
        **dict(zip(affinities, shares, strict=False)),
    )


def _expected_products(
    train: ibis.Table, key: str, settings: FeatureEngineeringParameters
) -> ibis.Table:
    last_day = _last_day(train)
    opening = last_day - datetime.timedelta(days=settings.recent_days - 1)
    recent = train.review_date >= ibis.date(opening)
    own = train.group_by(key).aggregate(
        popularity=train.count().cast("float64"),
        recent_popularity=recent.cast("float64").sum(),
        first=train.review_date.min(),
        star_sum=train.stars.sum(),
        star_squares=(train.stars * train.stars).sum(),
    )
    own = own.left_join(_listing(train, key), key).drop(f"{key}_right")
    totals = own.group_by("product_category").aggregate(
        all_n=own.popularity.sum(), all_sum=own.star_sum.sum(), all_squares=own.star_squares.sum()
    )
    own = own.left_join(totals, "product_category").drop("product_category_right")
    strength, n = settings.star_prior_strength, own.popularity
    prior = own.all_sum / own.all_n
    prior_variance = own.all_squares / own.all_n - prior * prior
    mean = own.star_sum / n
    variance = own.star_squares / n - mean * mean
    days_before = ibis.date(opening).delta(own["first"], unit="day").cast("float64")
    expected_recent = (
        (n - own.recent_popularity)
        * settings.recent_days
        / ibis.greatest(days_before, ibis.literal(float(settings.recent_days)))
    )
    smoothing = settings.trend_smoothing
    shrunk = (n * variance + strength * prior_variance) / (n + strength)
    priced = own.list_price.notnull()
    window = ibis.window(group_by=[own.product_category, priced], order_by=own.list_price)
    peers = ibis.window(group_by=[own.product_category, priced])
    quarter = (4 * ibis.rank().over(window)) // own.count().over(peers)
    return own.select(
        key,
        "product_category",
        "popularity",
        "recent_popularity",
        "list_price",
        trend=((own.recent_popularity + smoothing) / (expected_recent + smoothing)).ln(),
        star_mean=(own.star_sum + strength * prior) / (n + strength),
        star_std=ibis.greatest(shrunk, 0.0).sqrt(),
        price_band=ibis.cases(
            (~priced, "unknown"), *((quarter == i, band) for i, band in enumerate(BANDS))
        ),
    )


def _listing(train: ibis.Table, key: str) -> ibis.Table:
    """Category and list price of a product, or of a parent from its products that were bought."""
    if key == "product_id":
        return train.group_by(key).aggregate(
            product_category=train.listed_category.max(), list_price=train.list_price.max()
        )
    counts = train.group_by(key, "product_category").aggregate(n=train.count())
    order = ibis.window(group_by=key, order_by=[counts.n.desc(), counts.product_category])
    first = counts.mutate(place=ibis.row_number().over(order))
    products = train.group_by(key, "product_id").aggregate(price=train.list_price.max())
    prices = products.group_by(key).aggregate(list_price=products.price.mean())
    category = first.filter(first.place == 0).select(key, "product_category")
    return category.left_join(prices, key).drop(f"{key}_right")


def _with_sentiment(expected: ibis.Table, sentiment: ibis.Table, key: str) -> ibis.Table:
    means = sentiment.group_by(key).aggregate(sentiment_mean=sentiment.sentiment.mean())
    return expected.left_join(means, key).drop(f"{key}_right")


def _sum(values: ir.Value) -> ir.NumericValue:
    return sum(values, start=ibis.literal(0.0))
