"""Generated worlds that several tests look at; each is drawn once."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from product_recommender.synthesis.files import review_files
from product_recommender.synthesis.settings import WorldSettings
from product_recommender.synthesis.world import World, make_world


@functools.cache
def world(**changes: Any) -> World:
    """A world of 300 products, 2,000 customers and 30,000 reviews unless said otherwise."""
    sizes = {"n_products": 300, "n_customers": 2_000, "n_reviews": 30_000}
    return make_world(WorldSettings(**(sizes | changes)))


def review_bytes(made: World) -> dict[str, bytes]:
    files = review_files(made.settings, made.customers, made.products, made.purchases)
    return {name: b"".join(blocks) for name, blocks in files.items()}


def raw_match(made: World) -> np.ndarray:
    """Experience of every purchase before any strength: planted taste meets planted style."""
    weights = made.settings.taste_overlap ** np.arange(made.settings.taste_dimensions)[::-1]
    tastes = made.customers.tastes[made.purchases.customers]
    styles = made.products.styles[made.purchases.products]
    return (tastes * weights * styles).sum(axis=1) / np.linalg.norm(weights)
