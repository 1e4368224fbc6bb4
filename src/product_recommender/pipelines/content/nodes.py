"""The steps of the content pipeline: texts, vectors of texts and images, what was left out."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from product_recommender.content.pictures import PictureReader
from product_recommender.content.product_texts import SOURCES, product_texts
from product_recommender.content.vectors import embedding_table, known_vectors, read_embeddings
from product_recommender.pipelines.content.parameters import ContentParameters
from product_recommender.text.encoder import TextEncoder
from product_recommender.vision.encoder import ImageEncoder
from product_recommender.vision.image_source import ImageSource
from product_recommender.vision.pictures import OK, REASONS
from product_recommender.wording import counted

logger = logging.getLogger(__name__)


def collect_product_texts(
    products: ibis.Table, reviews: ibis.Table, parameters: ContentParameters
) -> ibis.Table:
    """One text a product, from its metadata, its title or (if asked for) its training reviews.

    Parameters
    ----------
    products
        Titles and metadata.
    reviews
        Read only where ``text.training_reviews`` is set, and of those only the training part.
    parameters
        For ``text``.

    Returns
    -------
    ibis.Table
        `product_texts` as in docs/data_dictionary.md.
    """
    settings = parameters.text
    return product_texts(products, reviews if settings.training_reviews else None, settings)


def encode_product_texts(
    product_texts: ibis.Table, previous: pa.Table, parameters: ContentParameters
) -> pa.Table:
    """A vector for each product with a text; texts that an earlier run encoded are not encoded.

    Parameters
    ----------
    product_texts
        The dataset of that name.
    previous
        `text_embeddings` of an earlier run, or an empty table.
    parameters
        For ``text``.

    Returns
    -------
    pyarrow.Table
        `text_embeddings`.

    Raises
    ------
    ModelNotFoundError
        If the model is not here and may not or cannot be downloaded.
    EmbeddingError
        If ``previous`` holds vectors that cannot be of this model; names the file to delete.
    """
    rows = product_texts.filter(product_texts.source != "none").to_pyarrow()
    encoder = TextEncoder(parameters.text)
    hashes = rows["content_hash"].to_pylist()
    texts = dict(zip(hashes, rows["text"].to_pylist(), strict=True))
    vectors = known_vectors(
        previous, encoder.identity, encoder.dimensions, hashes, "text_embeddings"
    )
    new = [key for key in texts if key not in vectors]
    vectors.update(zip(new, encoder.encode([texts[key] for key in new]), strict=True))
    _say_what_was_encoded("Texts", len(rows), len(new), encoder.identity)
    return embedding_table(rows["product_id"].to_pylist(), hashes, encoder.identity, vectors)


def encode_product_images(
    products: ibis.Table,
    images: ImageSource,
    previous: pa.Table,
    parameters: ContentParameters,
) -> tuple[pa.Table, pa.Table]:
    """Look at each product's image, and make a vector of each that is a picture.

    Parameters
    ----------
    products
        For ``product_id`` and ``image``: a path in the folder of images, or a URL.
    images
        The folder, from the catalog.
    previous
        `image_embeddings` of an earlier run, or an empty table.
    parameters
        For ``images``.

    Returns
    -------
    product_images : pyarrow.Table
        One row a product that names an image, with what became of it.
    image_embeddings : pyarrow.Table
        One row a product whose image is a picture.

    Raises
    ------
    ModelNotFoundError
        If the model is not here and may not or cannot be downloaded.
    EmbeddingError
        If ``previous`` holds vectors that cannot be of this model; names the file to delete.
    """
    named = products.filter(products.image.fill_null("") != "").select("product_id", "image")
    rows = named.order_by("product_id").to_pyarrow()
    references = dict(zip(rows["product_id"].to_pylist(), rows["image"].to_pylist(), strict=True))
    encoder = ImageEncoder(parameters.images)
    known = known_vectors(
        previous,
        encoder.identity,
        encoder.dimensions,
        previous["content_hash"].to_pylist() if "content_hash" in previous.column_names else [],
        "image_embeddings",
    )
    reader = PictureReader(images, parameters.images, encoder, known)
    looked_at = reader.read(references)
    _say_what_was_encoded("Images", len(references), reader.encoded, encoder.identity)
    shown = [
        (row["product_id"], row["content_hash"])
        for row in looked_at.to_pylist()
        if row["status"] == OK
    ]
    ids, hashes = [product for product, _ in shown], [key for _, key in shown]
    return looked_at, embedding_table(ids, hashes, encoder.identity, reader.vectors)


def report_content(
    product_texts: ibis.Table,
    text_embeddings: ibis.Table,
    product_images: ibis.Table,
    image_embeddings: ibis.Table,
    data_quality_report: dict[str, Any],
) -> dict[str, Any]:
    """Count what products have, and what was left out and why; say it in one line of the log.

    Parameters
    ----------
    product_texts, text_embeddings, product_images, image_embeddings, data_quality_report
        The datasets of those names.

    Returns
    -------
    dict
        `content_report` as in docs/data_dictionary.md.

    Raises
    ------
    EmbeddingError
        If a table of embeddings mixes models or lengths.
    """
    sources = Counter(product_texts.select("source").to_pyarrow()["source"].to_pylist())
    statuses = Counter(product_images.select("status").to_pyarrow()["status"].to_pylist())
    n = sum(sources.values())
    report: dict[str, Any] = {
        "data": data_quality_report["data"],
        "products": n,
        "text": {
            "by_source": {source: sources[source] for source in SOURCES},
            **_summary(text_embeddings, "text_embeddings"),
        },
        "images": {
            "not_named": n - sum(statuses.values()),
            "by_status": {status: statuses[status] for status in (OK, *REASONS)},
            **_summary(image_embeddings, "image_embeddings"),
        },
    }
    report["left_out"] = _left_out(report)
    left_out = "; ".join(report["left_out"])
    logger.info(
        "Content: %s; %s with text, %s with an image. %s",
        counted(n, "product"),
        f"{report['text']['embedded']:,}",
        f"{report['images']['embedded']:,}",
        f"Left out: {left_out}." if left_out else "Nothing left out.",
    )
    return report


def draw_text_map(
    text_embeddings: ibis.Table,
    products: ibis.Table,
    data_quality_report: dict[str, Any],
    parameters: ContentParameters,
) -> Any:
    """Draw products by what they say: the two main directions (PCA) of their text vectors."""
    from product_recommender.content.maps import principal_plane
    from product_recommender.figures.content import map_figure

    frame, vectors, total = _sampled(text_embeddings, products, "text_embeddings", parameters)
    plane, shares = principal_plane(vectors)
    axes = tuple(
        f"component {number} ({share:.0%} of the variance)"
        for number, share in enumerate(shares, 1)
    )
    return map_figure(
        frame.assign(x=plane[:, 0], y=plane[:, 1]),
        "What products say: the two main directions of their texts",
        axes,
        data_quality_report,
        total,
        "text",
    )


def draw_image_map(
    image_embeddings: ibis.Table,
    products: ibis.Table,
    data_quality_report: dict[str, Any],
    parameters: ContentParameters,
) -> Any:
    """Draw products by how they look: t-SNE of their image vectors."""
    from product_recommender.content.maps import neighbour_map
    from product_recommender.figures.content import map_figure

    frame, vectors, total = _sampled(image_embeddings, products, "image_embeddings", parameters)
    plane = neighbour_map(vectors, parameters.figures.perplexity, parameters.figures.seed)
    return map_figure(
        frame.assign(x=plane[:, 0], y=plane[:, 1]),
        "How products look: alike pictures lie together (t-SNE)",
        None,
        data_quality_report,
        total,
        "an image",
    )


def _sampled(
    embeddings: ibis.Table, products: ibis.Table, dataset: str, parameters: ContentParameters
) -> tuple[pd.DataFrame, Any, int]:
    """Products to draw with their vectors, and how many there are in all."""
    from product_recommender.content.maps import sample_rows

    ids, vectors, _ = read_embeddings(embeddings.order_by("product_id").to_pyarrow(), dataset)
    rows = sample_rows(len(ids), parameters.figures.max_products, parameters.figures.seed)
    drawn = pd.DataFrame({"product_id": pd.Series([ids[row] for row in rows], dtype="str")})
    told = products.select("product_id", "product_title", "product_category", "brand", "list_price")
    wanted = told.filter(told.product_id.isin(drawn["product_id"].tolist())).to_pandas()
    return drawn.merge(wanted, on="product_id", how="left"), vectors[rows], len(ids)


def _summary(embeddings: ibis.Table, dataset: str) -> dict[str, Any]:
    _, vectors, model = read_embeddings(embeddings.to_pyarrow(), dataset)
    return {
        "model": model or None,
        "dimensions": vectors.shape[1] or None,
        "embedded": len(vectors),
    }


def _left_out(report: dict[str, Any]) -> list[str]:
    told = []
    if silent := report["text"]["by_source"]["none"]:
        told.append(f"{counted(silent, 'product')} without a text")
    if unseen := report["images"]["not_named"]:
        told.append(f"{counted(unseen, 'product')} naming no image")
    for status, count in report["images"]["by_status"].items():
        if status != OK and count:
            told.append(f"{counted(count, 'image')} {status} ({REASONS[status]})")
    return told


def _say_what_was_encoded(what: str, total: int, new: int, model: str) -> None:
    logger.info("%s: %s, %s encoded now (%s).", what, f"{total:,}", f"{new:,}", model)
