"""Complements: products bought by the same customers, and no substitutes of one another.

Four kinds of evidence, of which the first that holds is named:

``co_purchase``
    customers bought both, more often than chance gives;
``text``, ``image``
    too few bought both, but those who bought products that read (look) like the first one bought
    the second more often than chance gives: their buyers stand in;
``category_pair``
    customers of the first product's shelf buy on the other shelf more often than chance gives, and
    the second product is among those most bought there. Such rows stand behind all others.

"More often than chance" is the same everywhere: with ``confidence``, the lift is above 1
(``pair_evidence``).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from product_recommender.related.catalogue import Catalogue
from product_recommender.related.complement_evidence import (
    CATEGORY_PAIR,
    CO_PURCHASE,
    EVIDENCE,
    IMAGE,
    TEXT,
    Candidates,
    PairCounter,
    ShelfPairs,
    stand_ins,
)
from product_recommender.related.likeness import Likeness, first_of_each, ranks
from product_recommender.related.settings import RelatedSettings

COLUMNS = (
    "product_id",
    "rank",
    "related_product_id",
    "score",
    "evidence",
    "customers",
    "expected_customers",
    "lift",
    "lift_low",
    "bought_both",
    "text_similarity",
    "image_similarity",
)
_BLOCK_CELLS = 1 << 23


def complementary_products(
    catalogue: Catalogue, likeness: Likeness, settings: RelatedSettings
) -> pd.DataFrame:
    """What customers buy beside each product, with the evidence.

    Parameters
    ----------
    catalogue
        The products and who bought them.
    likeness
        Tells substitutes from complements, and finds the products that stand in.
    settings
        Length of the lists and what counts as evidence.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, ordered by item code and rank.
    """
    found = complementary_pairs(catalogue, likeness, settings)
    table = pd.DataFrame(
        {
            "product_id": catalogue.product_ids[found.first],
            "rank": ranks(found.first),
            "related_product_id": catalogue.product_ids[found.second],
            "score": found.score.astype(np.float32),
            "evidence": np.array(EVIDENCE, dtype=object)[found.evidence],
            "customers": found.customers.astype(np.int64),
            "expected_customers": found.expected,
            "lift": found.lift,
            "lift_low": found.lift_low,
            "bought_both": catalogue.bought_both(found.first, found.second),
            "text_similarity": likeness.text.cosines(found.first, found.second),
            "image_similarity": likeness.image.cosines(found.first, found.second),
        }
    )
    texts = dict.fromkeys(("product_id", "related_product_id", "evidence"), "str")
    return table.astype(texts)[list(COLUMNS)]


def complementary_pairs(
    catalogue: Catalogue, likeness: Likeness, settings: RelatedSettings
) -> Candidates:
    """The same in codes: the best pairs of each product, best first.

    Parameters
    ----------
    catalogue, likeness, settings
        As of ``complementary_products``.
    """
    counter = PairCounter.of(catalogue, settings)
    shelves = ShelfPairs.of(catalogue, settings)
    like = {
        kind: stand_ins(catalogue, space, settings)
        for kind, space in ((TEXT, likeness.text), (IMAGE, likeness.image))
        if settings.standing_in and space.known.any()
    }
    kept = [shelves.pairs(np.zeros(0, dtype=np.int64))]
    for items in _item_blocks(len(catalogue)):
        parts = [counter.pairs(items, CO_PURCHASE), shelves.pairs(items)]
        parts += [counter.pairs(items, kind, nearest[items]) for kind, nearest in like.items()]
        kept.append(_best(Candidates.joined(parts), catalogue, likeness, settings))
    return Candidates.joined(kept)


def may_complement(
    catalogue: Catalogue,
    likeness: Likeness,
    most_alike: float,
    first: np.ndarray,
    second: np.ndarray,
) -> np.ndarray:
    """Whether pairs are neither variants of one product nor substitutes.

    Parameters
    ----------
    catalogue, likeness
        The products.
    most_alike
        On the same shelf, what is more alike than this in content is a substitute. Where the
        content of one is unknown, nobody can tell, and the pair may stand.
    first, second
        int ``[n]``: item codes.

    Returns
    -------
    numpy.ndarray
        bool ``[n]``.
    """
    same_shelf = catalogue.shelves[first] == catalogue.shelves[second]
    substitute = same_shelf & (likeness.of_content(first, second) > most_alike)
    may: np.ndarray = ~substitute & (catalogue.parents[first] != catalogue.parents[second])
    return may


def _best(
    found: Candidates, catalogue: Catalogue, likeness: Likeness, settings: RelatedSettings
) -> Candidates:
    """One piece of evidence for each pair, one variant of each second product; the best of each."""
    most_alike = settings.max_complement_similarity
    found = found.take(may_complement(catalogue, likeness, most_alike, found.first, found.second))
    # The first kind of evidence that holds.
    found = found.take(np.lexsort((-found.score, found.evidence, found.second, found.first)))
    found = found.take(first_of_each(found.first, found.second))
    general = found.evidence == CATEGORY_PAIR
    found = found.take(np.lexsort((found.second, -found.score, general, found.first)))
    found = found.take(first_of_each(found.first, catalogue.parents[found.second]))
    return found.take(ranks(found.first) <= settings.list_length)


def _item_blocks(n: int) -> Iterator[np.ndarray]:
    """Blocks of items whose pairs with all others, were they all there, fit."""
    size = max(1, _BLOCK_CELLS // max(n, 1))
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))
