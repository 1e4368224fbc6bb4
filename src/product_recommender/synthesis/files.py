"""The world in the form that the real source delivers: TSV, JSON lines, CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from product_recommender.days import EPOCH
from product_recommender.review_format import RAW_REVIEW_COLUMNS

from .customers import AGE_GROUPS, REGIONS, Customers
from .pictures import n_pictures, picture_name
from .products import Products, vocabulary_of
from .purchases import Purchases
from .randomness import stream
from .settings import WorldSettings
from .texts import ReviewWriter

CUSTOMER_COLUMNS = ("customer_id", "age_group", "region", "is_prime", "sign_up_date")

_BLOCK_ROWS = 8_192
_BASE36 = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)


def review_files(
    settings: WorldSettings, customers: Customers, products: Products, purchases: Purchases
) -> dict[str, Iterator[bytes]]:
    """One review file per category, named and laid out like the Amazon US ones.

    Parameters
    ----------
    settings, customers, products, purchases
        The world.

    Returns
    -------
    dict[str, Iterator[bytes]]
        File name to blocks of UTF-8 lines, the header first. Newest reviews first, as in the
        source; the order inside a day is random. A block is written when it is asked for, so that
        files of any size pass through little memory; the order of asking changes nothing.
    """
    writer = ReviewWriter(settings, customers, products)
    return {
        review_file_name(name): _review_blocks(
            settings, (customers, products, purchases), code, writer
        )
        for code, name in enumerate(settings.categories)
    }


def review_file_name(category: str) -> str:
    """File name of a category in the source, e.g. ``amazon_reviews_us_Furniture_v1_00.tsv``."""
    return f"amazon_reviews_us_{category.replace(' ', '_')}_v1_00.tsv"


def _review_blocks(
    settings: WorldSettings,
    world: tuple[Customers, Products, Purchases],
    category: int,
    writer: ReviewWriter,
) -> Iterator[bytes]:
    customers, products, purchases = world
    name = settings.categories[category]
    yield ("\t".join(RAW_REVIEW_COLUMNS) + "\n").encode()
    rows = np.flatnonzero(products.categories[purchases.products] == category)
    rows = stream(settings.seed, "file order", name).permutation(rows)
    rows = rows[np.argsort(-purchases.days[rows].astype(np.int64), kind="stable")]
    dates = _date_texts(settings)
    for block, start in enumerate(range(0, len(rows), _BLOCK_ROWS)):
        part = rows[start : start + _BLOCK_ROWS]
        bought = purchases.take(part)
        rng = stream(settings.seed, "texts", name, block)
        headlines, bodies = writer.write(bought, category, rng)
        columns = (
            customers.ids[bought.customers].tolist(),
            _review_ids(settings.seed, part),
            products.ids[bought.products].tolist(),
            products.parents[bought.products].tolist(),
            products.titles[bought.products].tolist(),
            bought.stars.astype(str).tolist(),
            bought.helpful_votes.astype(str).tolist(),
            bought.total_votes.astype(str).tolist(),
            np.where(bought.vine, "Y", "N").tolist(),
            np.where(bought.verified, "Y", "N").tolist(),
            headlines,
            bodies,
            dates[bought.days].tolist(),
        )
        lines = [
            f"US\t{customer}\t{review}\t{product}\t{parent}\t{title}\t{name}\t" + "\t".join(rest)
            for customer, review, product, parent, title, *rest in zip(*columns, strict=True)
        ]
        yield ("\n".join(lines) + "\n").encode()


def _date_texts(settings: WorldSettings) -> np.ndarray:
    days = np.datetime64(settings.first_day) + np.arange(settings.n_days)
    return days.astype("datetime64[D]").astype("<U10")


def _review_ids(seed: int, slots: np.ndarray) -> list[str]:
    """``R`` and 13 characters: a bijection of the purchase's number, so no two are equal."""
    offset = stream(seed, "review ids").integers(0, 1 << 63, dtype=np.uint64)
    mixed = slots.astype(np.uint64) + offset
    # The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every step can be undone.
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    letters = np.empty((len(slots), 14), dtype=np.uint8)
    letters[:, 0] = ord("R")
    for position in range(13, 0, -1):
        mixed, digit = np.divmod(mixed, np.uint64(36))
        letters[:, position] = _BASE36[digit]
    return letters.view("S14").ravel().astype("<U14").tolist()


def metadata_files(settings: WorldSettings, products: Products) -> dict[str, Iterator[bytes]]:
    """``products.jsonl``: one JSON object a product.

    Price and cost are null where not listed, the image where there is no picture; else it is the
    name of a file of ``picture_files``.
    """
    return {"products.jsonl": _metadata_blocks(settings, products)}


def _metadata_blocks(settings: WorldSettings, products: Products) -> Iterator[bytes]:
    brands = [vocabulary_of(settings, c).brands for c in range(len(settings.categories))]
    pictured = n_pictures(settings)
    for start in range(0, len(products), _BLOCK_ROWS):
        lines = []
        for i in range(start, min(start + _BLOCK_ROWS, len(products))):
            listed, category = bool(products.price_is_listed[i]), int(products.categories[i])
            record = {
                "asin": str(products.ids[i]),
                "title": products.titles[i],
                "description": products.descriptions[i],
                "brand": brands[category][products.brands[i]],
                "category": settings.categories[category],
                "price": round(float(products.price[i]), 2) if listed else None,
                "cost": round(float(products.cost[i]), 2) if listed else None,
                "stock": int(products.stock[i]),
                "image": picture_name(products.ids[i]) if i < pictured else None,
            }
            lines.append(json.dumps(record))
        yield ("\n".join(lines) + "\n").encode()


def customer_files(customers: Customers) -> dict[str, Iterator[bytes]]:
    """``customers.csv`` with a header; ``is_prime`` is ``true`` or ``false``."""
    return {"customers.csv": _customer_blocks(customers)}


def _customer_blocks(customers: Customers) -> Iterator[bytes]:
    yield (",".join(CUSTOMER_COLUMNS) + "\n").encode()
    for start in range(0, len(customers), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        dates = np.datetime64(EPOCH) + customers.sign_up_day[part]
        columns = (
            customers.ids[part].tolist(),
            np.array(AGE_GROUPS)[customers.age_groups[part]].tolist(),
            np.array(REGIONS)[customers.regions[part]].tolist(),
            np.where(customers.is_prime[part], "true", "false").tolist(),
            dates.astype("datetime64[D]").astype("<U10").tolist(),
        )
        yield ("\n".join(map(",".join, zip(*columns, strict=True))) + "\n").encode()
