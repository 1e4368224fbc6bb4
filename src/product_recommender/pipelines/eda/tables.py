"""Aggregations of reviews in Ibis; what leaves here is small enough for pandas."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis import _

ALL = "all"
STARS = (1, 2, 3, 4, 5)
PERCENTILES = (10, 25, 50, 75, 90)


def activity(reviews: ibis.Table, who: str, listed: ibis.Table | None = None) -> pd.DataFrame:
    """Count how many customers (or products) have how many reviews.

    Parameters
    ----------
    reviews
        ``reviews``.
    who
        ``customer`` or ``product``.
    listed
        A table with all ids of that kind, to count those without a review; None: only those with.

    Returns
    -------
    pandas.DataFrame
        ``reviews_each`` ascending, ``<who>s``, ``<who>_share``, ``review_share`` (of all reviews).
    """
    key = f"{who}_id"
    sizes = reviews.group_by(key).agg(reviews_each=_.count())
    if listed is not None:
        without = listed.select(key).distinct().anti_join(sizes, key)
        sizes = sizes.union(without.mutate(reviews_each=ibis.literal(0, "int64")))
    table = (
        sizes.group_by("reviews_each").agg(**{f"{who}s": _.count()}).order_by("reviews_each")
    ).to_pandas()
    counts = table[f"{who}s"]
    table[f"{who}_share"] = counts / counts.sum()
    weighted = counts * table["reviews_each"]
    table["review_share"] = weighted / max(int(weighted.sum()), 1)
    return table


def sparsity(reviews: ibis.Table, core_sizes: list[int], max_iterations: int) -> pd.DataFrame:
    """Count customers, products, purchases and density before and after k-core filtering.

    Parameters
    ----------
    reviews
        ``reviews``; repeated reviews of one product by one customer count once.
    core_sizes
        The k, ascending: a larger core lies inside a smaller one, so each starts from the last.
    max_iterations
        Rounds per k; each removes customers and products with fewer than k of what is left.

    Returns
    -------
    pandas.DataFrame
        ``filter`` (``no filter``, ``2-core``, ...), ``k``, ``customers``, ``products``,
        ``reviews``, ``density`` (null where nothing is left), ``iterations``, ``converged``.
    """
    pairs = reviews.select("customer_id", "product_id").distinct().cache()
    rows = [{"filter": "no filter", "k": 1, **_size(pairs), "iterations": 0, "converged": True}]
    for k in core_sizes:
        pairs, iterations, converged = k_core(pairs, k, max_iterations)
        rows.append(
            {
                "filter": f"{k}-core",
                "k": k,
                **_size(pairs),
                "iterations": iterations,
                "converged": converged,
            }
        )
    table = pd.DataFrame(rows)
    cells = (table["customers"] * table["products"]).astype(float)
    table.insert(5, "density", table["reviews"] / cells.where(cells > 0))
    return table


def k_core(pairs: ibis.Table, k: int, max_iterations: int) -> tuple[ibis.Table, int, bool]:
    """Remove customers and products with fewer than ``k`` of each other until none is left to go.

    Parameters
    ----------
    pairs
        Distinct ``customer_id``, ``product_id``.
    k
        Purchases that every customer and every product keeps at least.
    max_iterations
        Rounds at most.

    Returns
    -------
    tuple
        The pairs left (materialised), rounds that removed something, and whether it is stable.
    """
    left = pairs.count().to_pyarrow().as_py()
    for iteration in range(max_iterations):
        customers = pairs.group_by("customer_id").agg(n=_.count()).filter(_.n >= k)
        products = pairs.group_by("product_id").agg(n=_.count()).filter(_.n >= k)
        # Materialised each round: otherwise round n would carry the plan of all rounds before it.
        kept = pairs.semi_join(customers, "customer_id").semi_join(products, "product_id").cache()
        now = kept.count().to_pyarrow().as_py()
        pairs = kept
        if now == left:
            return pairs, iteration, True
        left = now
    return pairs, max_iterations, False


def _size(pairs: ibis.Table) -> dict[str, int]:
    counts = pairs.agg(
        customers=_.customer_id.nunique(), products=_.product_id.nunique(), reviews=_.count()
    )
    return counts.to_pyarrow().to_pylist()[0]


def categories(reviews: ibis.Table, products: ibis.Table) -> pd.DataFrame:
    """Count reviews, customers and products per category.

    Parameters
    ----------
    reviews, products
        ``reviews`` and ``products``; a listed product without a review counts as a product.

    Returns
    -------
    pandas.DataFrame
        ``product_category``, ``reviews``, ``review_share``, ``customers``, ``products``,
        ``star_mean``, ``verified_share``; most reviewed first.
    """
    counted = reviews.group_by("product_category").agg(
        reviews=_.count(),
        customers=_.customer_id.nunique(),
        star_mean=_.star_rating.mean(),
        verified_share=_.verified_purchase.cast("int64").mean(),
    )
    listed = (
        products.select("product_id", "product_category")
        .union(reviews.select("product_id", "product_category"))
        .group_by("product_category")
        .agg(products=_.product_id.nunique())
    )
    table = (
        listed.left_join(counted, "product_category")
        .select(
            "product_category", "reviews", "customers", "products", "star_mean", "verified_share"
        )
        .to_pandas()
    )
    table["product_category"] = table["product_category"].fillna("unknown")
    for column in ("reviews", "customers"):
        table[column] = table[column].fillna(0).astype("int64")
    table.insert(2, "review_share", table["reviews"] / max(int(table["reviews"].sum()), 1))
    order = ["reviews", "product_category"]
    return table.sort_values(order, ascending=[False, True], ignore_index=True)


def stars(reviews: ibis.Table) -> pd.DataFrame:
    """Count stars overall and by category.

    Parameters
    ----------
    reviews
        ``reviews``.

    Returns
    -------
    pandas.DataFrame
        ``product_category`` (``all`` first, then the most reviewed), ``star_rating`` (all five,
        also where none was given), ``reviews``, ``share`` (of the category).
    """
    counts = reviews.group_by("product_category", "star_rating").agg(reviews=_.count()).to_pandas()
    counts["product_category"] = counts["product_category"].fillna("unknown")
    # A category of a stranger may be called `all` too; it must not merge with the whole.
    counts.loc[counts["product_category"] == ALL, "product_category"] = f"{ALL} (category)"
    wide = counts.pivot_table(
        index="product_category",
        columns="star_rating",
        values="reviews",
        aggfunc="sum",
        fill_value=0,
    ).reindex(columns=list(STARS), fill_value=0)
    largest = wide.sum(axis=1).sort_values(ascending=False, kind="stable").index
    whole = wide.sum().to_frame(ALL).T
    wide = pd.concat([whole, wide.loc[largest]])
    shares = wide.div(wide.sum(axis=1), axis=0)
    rows = [
        {
            "product_category": category,
            "star_rating": star,
            "reviews": int(wide.loc[category, star]),
            "share": float(shares.loc[category, star]),
        }
        for category in wide.index
        for star in STARS
    ]
    return pd.DataFrame(rows)


def daily_reviews(reviews: ibis.Table) -> pd.DataFrame:
    """Count reviews per day, days without one included.

    Parameters
    ----------
    reviews
        ``reviews``.

    Returns
    -------
    pandas.DataFrame
        ``day`` (datetime64), ``reviews``: every day from the first to the last.
    """
    counts = reviews.group_by("review_date").agg(reviews=_.count()).to_pandas()
    series = counts.set_index(pd.to_datetime(counts["review_date"]))["reviews"]
    days = pd.date_range(series.index.min(), series.index.max(), freq="D", name="day")
    return series.reindex(days, fill_value=0).astype("int64").rename("reviews").reset_index()


def review_length(reviews: ibis.Table) -> pd.DataFrame:
    """Percentiles of words and characters of review bodies, by stars and overall.

    Parameters
    ----------
    reviews
        ``reviews``. Words are what stands between spaces, tabs and line ends; runs of up to eight
        of these separate once.

    Returns
    -------
    pandas.DataFrame
        ``stars`` (``1`` .. ``5``, ``all``), ``reviews``, ``empty_share``, ``words_p10`` ...
        ``words_p90``, ``words_mean``, ``characters_p10`` ...; of reviews with a text, null where
        there is none.
    """
    body = _.review_body.fill_null("").strip()
    # Plain replacements: a regular expression for white space takes twice the time on long texts.
    spaced = body
    for separator in ("\n", "\t", "\r"):
        spaced = spaced.replace(separator, " ")
    for _round in range(3):
        spaced = spaced.replace("  ", " ")
    texts = reviews.select(
        "star_rating",
        characters=body.length().cast("int64"),
        words=ibis.ifelse(body == "", 0, spaced.split(" ").length()).cast("int64"),
    ).cache()  # two numbers a review; otherwise every percentile would count words again
    filled = _.characters > 0
    measures = {
        f"{unit}_p{percent}": getattr(_, unit).quantile(percent / 100, where=filled)
        for unit in ("words", "characters")
        for percent in PERCENTILES
    } | {f"{unit}_mean": getattr(_, unit).mean(where=filled) for unit in ("words", "characters")}
    counts = {"reviews": _.count(), "empty_share": (_.characters == 0).cast("int64").mean()}
    return _by_stars(texts, counts | measures)


def votes(reviews: ibis.Table) -> pd.DataFrame:
    """Share of reviews with votes and share of helpful votes, by stars and overall.

    Totals of votes are those at the time of the snapshot: shown here, never an input to a model.

    Parameters
    ----------
    reviews
        ``reviews``.

    Returns
    -------
    pandas.DataFrame
        ``stars`` (``1`` .. ``5``, ``all``), ``reviews``, ``voted_share``, ``helpful_votes``,
        ``total_votes``, ``helpful_share`` (null where no votes were cast).
    """
    table = _by_stars(
        reviews.select("star_rating", "helpful_votes", "total_votes"),
        {
            "reviews": _.count(),
            "voted_share": (_.total_votes > 0).cast("int64").mean(),
            "helpful_votes": _.helpful_votes.sum(),
            "total_votes": _.total_votes.sum(),
        },
    )
    cast = table["total_votes"].astype(float)
    table["helpful_share"] = table["helpful_votes"] / cast.where(cast > 0)
    return table


def _by_stars(table: ibis.Table, measures: dict[str, ibis.Deferred]) -> pd.DataFrame:
    """Aggregate by stars (all five rows, also the empty ones) and over everything."""
    by_star = table.group_by("star_rating").agg(**measures).to_pandas().set_index("star_rating")
    whole = table.agg(**measures).to_pandas()
    whole.index = pd.Index([ALL])
    by_star = by_star.reindex(list(STARS))
    result = pd.concat([by_star, whole])
    for column in ("reviews", "helpful_votes", "total_votes"):
        if column in result:
            result[column] = result[column].fillna(0).astype("int64")
    result.insert(0, "stars", [str(star) for star in result.index])
    return result.reset_index(drop=True)
