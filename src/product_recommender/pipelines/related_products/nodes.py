"""The steps of the related_products pipeline."""

from __future__ import annotations

import logging
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.model_inputs import TEST, TRAIN, InteractionArrays
from product_recommender.model_inputs import interaction_arrays as read_interactions
from product_recommender.pipelines.related_products.parameters import RelatedProductsParameters
from product_recommender.related.catalogue import Catalogue, purchase_matrix
from product_recommender.related.complement_evidence import EVIDENCE
from product_recommender.related.complements import complementary_pairs
from product_recommender.related.complements import complementary_products as find_complements
from product_recommender.related.content_space import ContentSpace
from product_recommender.related.likeness import Likeness
from product_recommender.related.similar import similar_products as find_similar
from product_recommender.related.similar import upsell_products as find_upsells
from product_recommender.related.temporal_check import LaterPurchases, check_complements
from product_recommender.wording import counted

logger = logging.getLogger(__name__)

Json = dict[str, Any]


def find_similar_products(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    products: ibis.Table,
    text_embeddings: ibis.Table,
    image_embeddings: ibis.Table,
    parameters: RelatedProductsParameters,
) -> pd.DataFrame:
    """List the substitutes of each product: same shelf, most alike in words, looks and use.

    Parameters
    ----------
    interactions, customer_ids, product_ids, products, text_embeddings, image_embeddings
        The datasets of those names; embeddings may be empty.
    parameters
        Settings of the pipeline.

    Returns
    -------
    pandas.DataFrame
        The dataset `similar_products`.
    """
    arrays = read_interactions(interactions, customer_ids, product_ids)
    catalogue = Catalogue.read(arrays, product_ids, products, parameters)
    likeness = _likeness(catalogue, text_embeddings, image_embeddings, parameters)
    return find_similar(catalogue, likeness, parameters)


def find_complementary_products(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    products: ibis.Table,
    text_embeddings: ibis.Table,
    image_embeddings: ibis.Table,
    parameters: RelatedProductsParameters,
) -> pd.DataFrame:
    """List what is bought beside each product more often than chance gives, with the evidence.

    Parameters
    ----------
    interactions, customer_ids, product_ids, products, text_embeddings, image_embeddings
        The datasets of those names; embeddings may be empty.
    parameters
        Settings of the pipeline.

    Returns
    -------
    pandas.DataFrame
        The dataset `complementary_products`.
    """
    arrays = read_interactions(interactions, customer_ids, product_ids)
    catalogue = Catalogue.read(arrays, product_ids, products, parameters)
    likeness = _likeness(catalogue, text_embeddings, image_embeddings, parameters)
    return find_complements(catalogue, likeness, parameters)


def find_upsell_products(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    products: ibis.Table,
    text_embeddings: ibis.Table,
    image_embeddings: ibis.Table,
    parameters: RelatedProductsParameters,
) -> pd.DataFrame:
    """List similar products of the next price band that are better liked, and surely so.

    Parameters
    ----------
    interactions, customer_ids, product_ids, products, text_embeddings, image_embeddings
        The datasets of those names; embeddings may be empty.
    parameters
        Settings of the pipeline.

    Returns
    -------
    pandas.DataFrame
        The dataset `upsell_products`; empty where no price is known.
    """
    arrays = read_interactions(interactions, customer_ids, product_ids)
    catalogue = Catalogue.read(arrays, product_ids, products, parameters)
    likeness = _likeness(catalogue, text_embeddings, image_embeddings, parameters)
    return find_upsells(catalogue, likeness, parameters)


def check_related_products(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    products: ibis.Table,
    text_embeddings: ibis.Table,
    image_embeddings: ibis.Table,
    similar_products: ibis.Table,
    complementary_products: ibis.Table,
    upsell_products: ibis.Table,
    data_quality_report: Json,
    parameters: RelatedProductsParameters,
) -> Json:
    """Count what was found, say what was left out, and look whether complements come true.

    For the latter, complements are found once more from training purchases alone and compared with
    what was bought in the test part (``related/temporal_check.py``).

    Parameters
    ----------
    interactions, customer_ids, product_ids, products, text_embeddings, image_embeddings
        The datasets of those names; embeddings may be empty.
    similar_products, complementary_products, upsell_products, data_quality_report
        The datasets of those names.
    parameters
        Settings of the pipeline.

    Returns
    -------
    dict
        The dataset `related_products_report`.
    """
    arrays = read_interactions(interactions, customer_ids, product_ids)
    is_known, is_later = arrays.parts == TRAIN, (arrays.parts == TEST) & ~arrays.is_repeat
    catalogue = Catalogue.read(arrays, product_ids, products, parameters, is_known)
    likeness = _likeness(catalogue, text_embeddings, image_embeddings, parameters)
    most_alike = parameters.max_complement_similarity
    found = complementary_pairs(catalogue, likeness, parameters)
    later = LaterPurchases.of(catalogue, likeness, most_alike, purchase_matrix(arrays, is_later))
    check = check_complements(
        found,
        catalogue,
        likeness,
        most_alike,
        later,
        parameters.n_resamples,
        parameters.level,
        parameters.seed,
    )
    notes = _left_out(catalogue, likeness, arrays)
    for note in notes:
        logger.info("Related products: %s", note)
    kinds = complementary_products.select("evidence").to_pandas()["evidence"].value_counts()
    lists = {
        "similar_products": similar_products,
        "complementary_products": complementary_products,
        "upsell_products": upsell_products,
    }
    return {
        "data": data_quality_report["data"],
        "products": len(catalogue),
        "shelves": len(catalogue.shelf_names),
        "lists": {
            name: {key: int(value) for key, value in _size(table).items()}
            for name, table in lists.items()
        },
        "evidence": {kind: int(kinds.get(kind, 0)) for kind in EVIDENCE},
        "models": {"text": likeness.text.model, "image": likeness.image.model},
        "left_out": notes,
        "check": {
            "learnt_from": "training purchases",
            "asked_about": "test purchases that are no repeats, of products sold in training",
            "customers": len(np.unique(later.users)),
            "pairs": len(later.users),
            "lists": check,
        },
    }


def _likeness(
    catalogue: Catalogue,
    text_embeddings: ibis.Table,
    image_embeddings: ibis.Table,
    parameters: RelatedProductsParameters,
) -> Likeness:
    ids, dimensions = catalogue.product_ids, parameters.dimensions
    text = ContentSpace.read(text_embeddings, ids, dimensions, "text_embeddings")
    image = ContentSpace.read(image_embeddings, ids, dimensions, "image_embeddings")
    return Likeness.of(text, image, catalogue.purchases, parameters)


def _size(table: ibis.Table) -> dict[str, Any]:
    counts = table.aggregate(products=table["product_id"].nunique(), rows=table.count())
    found: dict[str, Any] = counts.to_pyarrow().to_pylist()[0]
    return found


def _left_out(catalogue: Catalogue, likeness: Likeness, arrays: InteractionArrays) -> list[str]:
    """What the lists had to do without, one sentence each."""
    notes = []
    for name, space in (("text", likeness.text), ("image", likeness.image)):
        if not space.known.any():
            notes.append(
                f"no {name} embeddings: similarities leave the {name} out. kedro run "
                "--pipelines=content makes them where the data hold any."
            )
    if not likeness.text.known.any() and not likeness.image.known.any():
        notes.append(
            "without any content all lists rest on purchases alone, and nothing tells a substitute "
            "from a complement on the same shelf."
        )
    priced = int(np.isfinite(catalogue.prices).sum())
    if priced == 0:
        notes.append("no product has a price: upsell_products is empty.")
    elif priced < len(catalogue):
        notes.append(
            f"of {counted(len(catalogue), 'product')} {len(catalogue) - priced:,} without a price "
            "neither get an up-sell nor are one."
        )
    everything = purchase_matrix(arrays, np.ones(len(arrays.users), dtype=bool))
    each = np.diff(everything.indptr)
    if not (each > 1).any():
        notes.append("nobody bought two products: no complement can be counted.")
    return notes
