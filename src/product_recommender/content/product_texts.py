"""What a product says of itself, as one text: title, brand, category, features, description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

if TYPE_CHECKING:
    from product_recommender.content.settings import TextSettings

METADATA_PARTS = ("brand", "category_path", "features", "description")
"""Columns of `products`, in the order in which they follow the title."""
SOURCES = ("metadata", "title", "training_reviews", "none")
BETWEEN = ". "
WHITE_SPACE = "[ \\t\\n\\f\\r\\x0b\u00a0\u2028\u2029\u3000]+"
"""Named one by one, because engines do not agree on what ``\\s`` is."""


def product_texts(
    products: ibis.Table, reviews: ibis.Table | None, settings: TextSettings
) -> ibis.Table:
    """One text a product, with its source and its hash.

    Title first and description last: a model reads the beginning, and cuts the end off.

    Parameters
    ----------
    products
        ``product_id``, ``product_title`` and ``METADATA_PARTS``.
    reviews
        Reviews with ``split``, ``product_id``, ``review_date``, ``customer_id``,
        ``review_headline`` and ``review_body``; None uses none. Only those of the training part
        are used, and only for products without metadata.
    settings
        ``max_characters``, ``reviews_per_product``, ``review_characters``.

    Returns
    -------
    ibis.Table
        ``product_id``, ``text`` (empty for source ``none``), ``source`` (of ``SOURCES``),
        ``content_hash`` (SHA-256 of the text, in hexadecimal), ordered by ``product_id``.
    """
    # Where nobody gave a title `products` shows the id instead, which says nothing.
    title = cleaned(products.product_title.nullif(products.product_id))
    own = products.select(
        "product_id",
        title=title,
        details=joined([cleaned(products[name]) for name in METADATA_PARTS]),
    )
    if reviews is None:
        told = own.mutate(said=ibis.literal(""))
    else:
        told = own.left_join(_review_texts(reviews, settings), "product_id")
        told = told.drop("product_id_right").mutate(said=told.said.fill_null(""))
    source = ibis.cases(
        (told.details != "", "metadata"),
        (told.said != "", "training_reviews"),
        (told.title != "", "title"),
        else_="none",
    )
    more = (told.details != "").ifelse(told.details, told.said)
    text = joined([told.title, more]).substr(0, settings.max_characters).strip()
    described = told.select("product_id", text=text, source=source)
    return described.mutate(content_hash=described.text.hexdigest("sha256")).order_by("product_id")


def cleaned(text: ir.StringValue) -> ir.StringValue:
    """On one line, without runs of white space; empty for null."""
    return text.fill_null("").re_replace(WHITE_SPACE, " ").strip()


def joined(parts: list[ir.StringValue]) -> ir.StringValue:
    """Those of the parts that are not empty, one after the other."""
    whole: ir.StringValue = ibis.literal("")
    for part in parts:
        whole = whole + (part == "").ifelse("", ibis.literal(BETWEEN) + part)
    return whole.substr(len(BETWEEN))


def _review_texts(reviews: ibis.Table, settings: TextSettings) -> ibis.Table:
    """``product_id``, ``said``: headlines first, because they say most in least, then bodies."""
    train = reviews.filter(reviews.split == "train")
    rows = train.select(
        "product_id",
        "review_date",
        "customer_id",
        headline=cleaned(train.review_headline),
        body=cleaned(train.review_body).substr(0, settings.review_characters).strip(),
    )
    order = [rows.review_date, rows.customer_id, rows.headline, rows.body]
    numbered = rows.mutate(place=ibis.row_number().over(group_by=rows.product_id, order_by=order))
    first = numbered.filter(numbered.place < settings.reviews_per_product)
    grouped = first.group_by("product_id").aggregate(
        headlines=first.headline.nullif("").group_concat(BETWEEN, order_by=first.place),
        bodies=first.body.nullif("").group_concat(BETWEEN, order_by=first.place),
    )
    said = joined([grouped.headlines.fill_null(""), grouped.bodies.fill_null("")])
    return grouped.select("product_id", said=said)
