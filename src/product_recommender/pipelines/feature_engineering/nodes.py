"""Texts, their sentiment, and integer codes. Customers and products have files of their own."""

from __future__ import annotations

import ibis
import pyarrow as pa

from product_recommender.days import EPOCH
from product_recommender.pipelines.feature_engineering.parameters import (
    FeatureEngineeringParameters,
)
from product_recommender.pipelines.feature_engineering.training_reviews import (
    UNKNOWN_CATEGORY,
    days_between,
    training_reviews,
)
from product_recommender.text.sentiment import score_batches

PARTS = ("train", "validation", "test")


def collect_review_texts(reviews: ibis.Table) -> ibis.Table:
    """Each distinct headline or body of the training reviews once, in no particular order.

    Parameters
    ----------
    reviews
        All reviews; those with ``split == "train"`` are used.

    Returns
    -------
    ibis.Table
        ``text_id`` (md5 of the text), ``text``: not empty, nor white space alone.
    """
    train = training_reviews(reviews)
    texts = ibis.union(
        train.select(text=train.review_headline), train.select(text=train.review_body)
    )
    filled = texts.filter(texts.text.strip() != "")
    # Distinct by both columns: the engine can move such keys to the disk where memory is short.
    return filled.select(text_id=_text_id(filled.text), text=filled.text).distinct()


def score_review_texts(
    review_texts: pa.RecordBatchReader,
    review_texts_table: ibis.Table,
    parameters: FeatureEngineeringParameters,
) -> pa.RecordBatchReader:
    """NLTK's VADER on each text.

    Parameters
    ----------
    review_texts
        ``text_id``, ``text`` as a stream: texts are never all in memory.
    review_texts_table
        The same as a table, to know how many there are.
    parameters
        For ``sentiment_processes``.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``text_id``, ``compound`` (double, -1 to 1), one row per text.
    """
    total = review_texts_table.count().to_pyarrow().as_py()
    return score_batches(review_texts, parameters.sentiment_processes, total)


def join_review_sentiment(reviews: ibis.Table, text_sentiment: ibis.Table) -> ibis.Table:
    """Bring the sentiment of headline and body back to each training review.

    Parameters
    ----------
    reviews
        All reviews; those with ``split == "train"`` are used.
    text_sentiment
        ``text_id``, ``compound``.

    Returns
    -------
    ibis.Table
        ``customer_id``, ``product_id``, ``headline_sentiment``, ``body_sentiment``, ``sentiment``
        (mean of those of the two that hold text; null where both are empty), ordered by the ids.
    """
    train = training_reviews(reviews)
    rows = train.select(
        "customer_id",
        "product_id",
        headline_id=_text_id(train.review_headline),
        body_id=_text_id(train.review_body),
    )
    headline = text_sentiment.select(headline_id="text_id", headline_sentiment="compound")
    body = text_sentiment.select(body_id="text_id", body_sentiment="compound")
    joined = (
        rows.left_join(headline, "headline_id")
        .drop("headline_id_right")
        .left_join(body, "body_id")
        .drop("body_id_right")
    )
    both = (joined.headline_sentiment + joined.body_sentiment) / 2
    return joined.select(
        "customer_id",
        "product_id",
        "headline_sentiment",
        "body_sentiment",
        sentiment=ibis.coalesce(both, joined.headline_sentiment, joined.body_sentiment),
    ).order_by("customer_id", "product_id", "headline_sentiment", "body_sentiment")


def assign_codes(reviews: ibis.Table, products: ibis.Table) -> tuple[ibis.Table, ibis.Table]:
    """Number customers and products by the part in which they first appear, then by their id.

    Training customers are ``0 .. n_users - 1`` whatever happens later, so no code can leak how
    many customers the future holds; products likewise.

    Parameters
    ----------
    reviews
        All reviews, of every part.
    products
        For ``product_category`` and ``first_review_date``.

    Returns
    -------
    customer_ids : ibis.Table
        ``customer_id``, ``user`` (int32), ``in_training``, ordered by ``user``.
    product_ids : ibis.Table
        ``product_id``, ``item`` (int32), ``in_training``, ``product_category``,
        ``first_review_date``, ordered by ``item``.
    """
    customer_ids = _codes(reviews, "customer_id", "user")
    attributes = products.select(
        "product_id",
        "first_review_date",
        product_category=products.product_category.fill_null(UNKNOWN_CATEGORY),
    )
    items = _codes(reviews, "product_id", "item")
    product_ids = (
        items.left_join(attributes, "product_id")
        .drop("product_id_right")
        .select("product_id", "item", "in_training", "product_category", "first_review_date")
    )
    return customer_ids.order_by("user"), product_ids.order_by("item")


def encode_interactions(
    reviews: ibis.Table, customer_ids: ibis.Table, product_ids: ibis.Table
) -> ibis.Table:
    """All reviews of all parts in codes: what recommenders read.

    Parameters
    ----------
    reviews
        All reviews.
    customer_ids, product_ids
        The two maps from id to code.

    Returns
    -------
    ibis.Table
        ``user``, ``item`` (int32), ``star_rating`` (int8), ``day`` (int32, days since 1970-01-01),
        ``split``, ``validation_part``, ``is_repeat``, ``verified_purchase``, ordered by day, user
        and item.
    """
    coded = reviews.inner_join(
        customer_ids.select("customer_id", "user"), "customer_id"
    ).inner_join(product_ids.select("product_id", "item"), "product_id")
    epoch = ibis.literal(EPOCH, type="date")
    return coded.select(
        "user",
        "item",
        star_rating=coded.star_rating.cast("int8"),
        day=days_between(coded.review_date, epoch).cast("int32"),
        split=coded.split,
        validation_part=coded.validation_part,
        is_repeat=coded.is_repeat,
        verified_purchase=coded.verified_purchase,
    ).order_by("day", "user", "item", "star_rating")


def _text_id(text: ibis.Value) -> ibis.Value:
    return text.hexdigest("md5")


def _codes(reviews: ibis.Table, key: str, code: str) -> ibis.Table:
    part = ibis.cases(*((reviews.split == name, i) for i, name in enumerate(PARTS)))
    first = reviews.group_by(key).aggregate(part=part.min())
    order = ibis.window(order_by=[first.part, first[key]])
    numbered = first.mutate(**{code: ibis.row_number().over(order).cast("int32")})
    return numbered.select(key, code, in_training=numbered.part == 0)
