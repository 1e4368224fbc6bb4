"""Substitutes: products of the same shelf that are most alike, and the better ones above them."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from product_recommender.related.catalogue import PRICE_BANDS, UNKNOWN_BAND, Catalogue
from product_recommender.related.likeness import Likeness, first_of_each, nearest, ranks
from product_recommender.related.settings import RelatedSettings

SIMILAR_COLUMNS = (
    "product_id",
    "rank",
    "related_product_id",
    "score",
    "text_similarity",
    "image_similarity",
    "bought_alike",
    "customers",
)
UPSELL_COLUMNS = (
    "product_id",
    "rank",
    "related_product_id",
    "score",
    "text_similarity",
    "image_similarity",
    "bought_alike",
    "stars",
    "ratings",
    "related_stars",
    "related_ratings",
    "chance_better",
    "list_price",
    "related_list_price",
    "price_band",
    "related_price_band",
)

_SPARE = 2
"""Lengths of a list that are looked for, because several may be variants of one product."""


def similar_products(
    catalogue: Catalogue, likeness: Likeness, settings: RelatedSettings
) -> pd.DataFrame:
    """The products of the same shelf that are most alike, without variants of the product.

    Parameters
    ----------
    catalogue
        The products.
    likeness
        How alike they are.
    settings
        Length of the lists and the least similarity.

    Returns
    -------
    pandas.DataFrame
        ``SIMILAR_COLUMNS``, ordered by item code and rank. Similarities are NaN where one of the
        two products has no such content.
    """

    def no_variant(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        different: np.ndarray = catalogue.parents[rows][:, None] != catalogue.parents[columns]
        return different

    found = []
    for members in catalogue.by_shelf():
        asked = members[likeness.weight_known[members] > 0]
        width = _SPARE * settings.list_length
        least = settings.min_similarity
        found.append(nearest(asked, members, likeness.scores, width, least, no_variant))
    first, second, score = _joined(found, catalogue, settings.list_length)
    table = _listed(catalogue, likeness, first, second, score)
    return table.assign(customers=catalogue.bought_both(first, second))[list(SIMILAR_COLUMNS)]


def upsell_products(
    catalogue: Catalogue, likeness: Likeness, settings: RelatedSettings
) -> pd.DataFrame:
    """Similar products of the next price band on the shelf that are better liked, surely so.

    A product is better liked where the difference of the believed mean stars, which both are drawn
    towards the category's, is above zero with ``better_confidence``: a single five says little.

    Parameters
    ----------
    catalogue
        The products; without prices nothing is found.
    likeness
        How alike they are.
    settings
        Length of the lists, the least similarity and the confidence.

    Returns
    -------
    pandas.DataFrame
        ``UPSELL_COLUMNS``, ordered by item code and rank, most similar first.
    """
    margin = float(ndtri(settings.better_confidence))
    means, variances = catalogue.star_means, catalogue.star_variances
    prices = catalogue.prices

    def better(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        lead = means[columns] - means[rows][:, None]
        doubt = np.sqrt(variances[columns] + variances[rows][:, None])
        variant = catalogue.parents[rows][:, None] == catalogue.parents[columns]
        affordable = prices[columns] <= settings.max_price_ratio * prices[rows][:, None]
        chosen: np.ndarray = (lead > 0) & (lead >= margin * doubt) & affordable & ~variant
        return chosen

    found = []
    for members in catalogue.by_shelf():
        sold = np.unique(catalogue.bands[members])
        for band, next_band in itertools.pairwise(sold[sold != UNKNOWN_BAND].tolist()):
            asked = members[catalogue.bands[members] == band]
            above = members[catalogue.bands[members] == next_band]
            asked = asked[likeness.weight_known[asked] > 0]
            width = _SPARE * settings.list_length
            least = settings.min_similarity
            found.append(nearest(asked, above, likeness.scores, width, least, better))
    first, second, score = _joined(found, catalogue, settings.list_length)
    table = _listed(catalogue, likeness, first, second, score)
    doubt = np.sqrt(variances[first] + variances[second])
    lead = means[second] - means[first]
    names = np.array([*PRICE_BANDS, "unknown"], dtype=object)
    assert UNKNOWN_BAND == -1  # the last of the names
    table = table.assign(
        stars=means[first],
        ratings=catalogue.star_counts[first],
        related_stars=means[second],
        related_ratings=catalogue.star_counts[second],
        chance_better=ndtr(lead / np.where(doubt > 0, doubt, 1e-9)),
        list_price=catalogue.prices[first],
        related_list_price=catalogue.prices[second],
        price_band=names[catalogue.bands[first]],
        related_price_band=names[catalogue.bands[second]],
    )
    return table[list(UPSELL_COLUMNS)]


def _joined(
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]], catalogue: Catalogue, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of all shelves, by the code of the first product, one variant of each second one,
    the first ``length`` of them."""
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    first, second, score = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    order = np.argsort(first, kind="stable")
    order = order[first_of_each(first[order], catalogue.parents[second[order]])]
    order = order[ranks(first[order]) <= length]
    return first[order], second[order], score[order]


def _listed(
    catalogue: Catalogue,
    likeness: Likeness,
    first: np.ndarray,
    second: np.ndarray,
    score: np.ndarray,
) -> pd.DataFrame:
    """Ids, ranks, scores and the parts of the similarities of sorted pairs."""
    return pd.DataFrame(
        {
            "product_id": catalogue.product_ids[first],
            "rank": ranks(first),
            "related_product_id": catalogue.product_ids[second],
            "score": score.astype(np.float32),
            "text_similarity": likeness.text.cosines(first, second),
            "image_similarity": likeness.image.cosines(first, second),
            "bought_alike": likeness.alike(first, second),
        }
    ).astype({"product_id": "str", "related_product_id": "str"})
