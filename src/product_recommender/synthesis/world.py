"""A whole generated world: customers, products, purchases, and what was planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .customers import Customers, make_customers
from .preferences import Preferences, world_calendar
from .products import Products, make_products
from .purchases import Purchases, make_purchases
from .settings import WorldSettings


@dataclass(frozen=True)
class World:
    """Everything that was drawn for one ``WorldSettings``.

    Attributes
    ----------
    settings
        What it was made from.
    customers, products, purchases
        The drawn arrays; texts are written when files are made.
    preferences
        The planted model behind the purchases and the stars.
    thresholds
        float64 ``[4]``: latent values at which 2, 3, 4 and 5 stars begin.
    """

    settings: WorldSettings
    customers: Customers
    products: Products
    preferences: Preferences
    purchases: Purchases
    thresholds: np.ndarray


def make_world(settings: WorldSettings) -> World:
    """Draw a world. The same settings give the same world, bit by bit.

    Parameters
    ----------
    settings
        Size, span, strengths and seed.

    Returns
    -------
    World
        Memory is about 25 bytes a purchase, 200 a customer and 800 a product.
    """
    calendar = world_calendar(settings)
    customers = make_customers(settings, calendar)
    products = make_products(settings)
    preferences = Preferences.of(settings, customers, products, calendar)
    purchases, thresholds = make_purchases(settings, customers, preferences, calendar)
    return World(settings, customers, products, preferences, purchases, thresholds)
