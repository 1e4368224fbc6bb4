"""The planted truth as tables beside the data, and back again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .customers import CUSTOMER_TYPES, Customers
from .pictures import shown_styles
from .products import Products, vocabulary_of
from .purchases import VINE_SHIFT, Purchases
from .settings import WorldSettings
from .taste_weights import attraction_weights, experience_weights

if TYPE_CHECKING:
    from collections.abc import Mapping


def customers_table(customers: Customers) -> pa.Table:
    """``planted_customers``: one row a customer, with type, tastes and all that moves them.

    Returns
    -------
    pyarrow.Table
        ``customer_id`` and ``type`` (string); ``taste`` and ``affinity`` (list<double>, the latter
        in the order of the world's categories); ``leniency``, ``noise``, ``price_preference``
        (double, strengths applied); ``reviews`` (int64).
    """
    names = np.array([customer_type.name for customer_type in CUSTOMER_TYPES])
    return pa.table(
        {
            "customer_id": pa.array(customers.ids.tolist(), pa.string()),
            "type": pa.array(names[customers.types].tolist(), pa.string()),
            "taste": _lists(customers.tastes),
            "affinity": _lists(customers.affinities),
            "leniency": customers.leniency,
            "noise": customers.noise,
            "price_preference": customers.price_preference,
            "reviews": customers.review_counts,
        }
    )


def products_table(settings: WorldSettings, products: Products) -> pa.Table:
    """``planted_products``: one row a product, with style, quality, popularity and life cycle.

    Returns
    -------
    pyarrow.Table
        ``product_id``, ``product_parent``, ``category``, ``brand``, ``kind`` (string); ``style``
        and ``aspects`` (list<double>, the latter in the order of the world's aspects of the
        category), ``shown_style`` (list<double>: the style that its picture shows or would
        show); ``quality``, ``price``, ``price_level``, ``log_popularity``, ``peak_age``
        (double); ``launch_day`` (int32, counted from the world's first day).
    """
    words = [vocabulary_of(settings, int(code)) for code in products.categories]
    return pa.table(
        {
            "product_id": pa.array(products.ids.tolist(), pa.string()),
            "product_parent": pa.array(products.parents.tolist(), pa.string()),
            "category": [settings.categories[code] for code in products.categories],
            "brand": [w.brands[b] for w, b in zip(words, products.brands, strict=True)],
            "kind": [w.kinds[k].noun for w, k in zip(words, products.kinds, strict=True)],
            "style": _lists(products.styles),
            "shown_style": _lists(shown_styles(settings, products.styles)),
            "quality": products.quality,
            "price": products.price,
            "price_level": products.price_level,
            "log_popularity": products.log_popularity,
            "launch_day": products.launch_day,
            "peak_age": products.peak_age,
            "aspects": _lists(products.aspects),
        }
    )


def world_record(
    settings: WorldSettings, purchases: Purchases, thresholds: np.ndarray
) -> dict[str, Any]:
    """``planted_world``: every parameter, the thresholds of the stars, and what came out.

    Returns
    -------
    dict
        json-serialisable. ``settings`` rebuilds ``WorldSettings``; with ``thresholds`` and the two
        planted tables it is all that the oracle needs.
    """
    # As json has it: an endless stay is null, a pair a list.
    types = [
        {
            key: list(value) if isinstance(value, tuple) else None if value == np.inf else value
            for key, value in asdict(customer_type).items()
        }
        for customer_type in CUSTOMER_TYPES
    ]
    aspects = {
        name: [aspect.name for aspect in vocabulary_of(settings, code).aspects]
        for code, name in enumerate(settings.categories)
    }
    return {
        "generated": True,
        "settings": settings.model_dump(mode="json"),
        "thresholds": [float(value) for value in thresholds],
        "vine_shift": VINE_SHIFT,
        "attraction_weights": attraction_weights(settings).tolist(),
        "experience_weights": experience_weights(settings).tolist(),
        "categories": list(settings.categories),
        "aspects": aspects,
        "customer_types": types,
        "reviews": len(purchases),
        "star_counts": np.bincount(purchases.stars, minlength=6)[1:].tolist(),
    }


def column_matrix(table: pa.Table, name: str) -> np.ndarray:
    """A list column as a float64 matrix ``[rows, length]``."""
    values = table[name].combine_chunks()
    flat = values.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return flat.reshape(len(table), -1)


def column(table: pa.Table, name: str) -> np.ndarray:
    """A plain column as a numpy array."""
    return table[name].combine_chunks().to_numpy(zero_copy_only=False)


def settings_of(world: Mapping[str, Any]) -> WorldSettings:
    """The settings that a ``planted_world`` was generated with."""
    return WorldSettings.model_validate(world["settings"])


def _lists(values: np.ndarray) -> pa.Array:
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(values).ravel()))
