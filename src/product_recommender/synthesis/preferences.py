"""The planted model: who buys what on which day, and how many stars they give.

The generator draws from it and the oracle answers from it, so there is one place where it is
written down.

Purchases: ``P(product | customer, day)`` is proportional to

    popularity x life cycle(day) x season(category, month)
    x exp(taste_strength * attraction + affinity_strength * affinity[category]
          + type_strength * price preference * price level)

over the products on sale. Stars: a latent value

    leniency + quality_strength * quality + match_strength * experience + noise

is cut at four thresholds, which the generator sets so that the target shares come out.
Attraction and experience are two weighted inner products of the same taste and the same style:
what draws a customer to a product is only partly what pleases in use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calendar import Calendar, category_season, make_calendar
from .customers import CUSTOMER_TYPES, Customers
from .products import WEEK, Products
from .settings import WorldSettings
from .taste_weights import attraction_weights, experience_weights

_LOWEST_LIFE = 0.03


def world_calendar(settings: WorldSettings) -> Calendar:
    """The volume curves of the four customer types and the neutral one."""
    tilts = np.array([[t.holiday_tilt, t.weekend_tilt] for t in CUSTOMER_TYPES])
    # A type's season is as much season as type: without either there is none.
    return make_calendar(settings, tilts * settings.strength("season") * settings.strength("type"))


@dataclass(frozen=True)
class Preferences:
    """The planted model in the form that both drawing and scoring need.

    Attributes
    ----------
    settings
        The world's settings.
    customer_vectors, product_vectors
        float64 ``[n, f]`` and ``[m, f]``: their inner product is the log of what the customer adds
        to a product's popularity.
    star_tastes, styles
        float64 ``[n, d]`` and ``[m, d]``: their inner product is the experience in the stars.
    leniency, noise
        float64 ``[n]``.
    quality
        float64 ``[m]``, ``quality_strength`` applied.
    categories
        int ``[m]``.
    log_popularity, launch_day, peak_age
        As in ``Products``.
    months
        int8 ``[days]``: month of each day of the span.
    """

    settings: WorldSettings
    customer_vectors: np.ndarray
    product_vectors: np.ndarray
    star_tastes: np.ndarray
    styles: np.ndarray
    leniency: np.ndarray
    noise: np.ndarray
    quality: np.ndarray
    categories: np.ndarray
    log_popularity: np.ndarray
    launch_day: np.ndarray
    peak_age: np.ndarray
    months: np.ndarray

    @classmethod
    def of(
        cls, settings: WorldSettings, customers: Customers, products: Products, calendar: Calendar
    ) -> Preferences:
        """The planted model of drawn customers and products."""
        return cls.build(
            settings,
            tastes=customers.tastes,
            affinities=customers.affinities,
            leniency=customers.leniency,
            noise=customers.noise,
            price_preference=customers.price_preference,
            styles=products.styles,
            quality=products.quality,
            price_level=products.price_level,
            categories=products.categories,
            log_popularity=products.log_popularity,
            launch_day=products.launch_day,
            peak_age=products.peak_age,
            months=calendar.months,
        )

    @classmethod
    def build(
        cls,
        settings: WorldSettings,
        *,
        tastes: np.ndarray,
        affinities: np.ndarray,
        leniency: np.ndarray,
        noise: np.ndarray,
        price_preference: np.ndarray,
        styles: np.ndarray,
        quality: np.ndarray,
        price_level: np.ndarray,
        categories: np.ndarray,
        log_popularity: np.ndarray,
        launch_day: np.ndarray,
        peak_age: np.ndarray,
        months: np.ndarray,
    ) -> Preferences:
        """The planted model of plain arrays, named and shaped as in ``Customers``, ``Products``."""
        attraction = settings.strength("taste") * attraction_weights(settings) * tastes
        affinity = settings.strength("affinity") * affinities
        one_hot = np.eye(len(settings.categories))[categories]
        return cls(
            settings=settings,
            customer_vectors=np.column_stack([attraction, affinity, price_preference]),
            product_vectors=np.column_stack([styles, one_hot, price_level]),
            star_tastes=settings.strength("match") * experience_weights(settings) * tastes,
            styles=styles,
            leniency=leniency,
            noise=noise,
            quality=settings.strength("quality") * quality,
            categories=categories,
            log_popularity=log_popularity,
            launch_day=launch_day,
            peak_age=peak_age,
            months=months,
        )

    def product_weights(self, day: int) -> np.ndarray:
        """What every product sells to everybody in the week of a day.

        Parameters
        ----------
        day
            Day index, 0 for the first day of the span. Life cycles move by the week; a day beyond
            the span has the month of the same day a year (or more) before.

        Returns
        -------
        numpy.ndarray
            float64 ``[m]``: popularity x life cycle x season, 0 where not yet on sale.
        """
        week = day // WEEK * WEEK
        age = np.maximum(week - self.launch_day, 0) + WEEK
        relative = age / self.peak_age
        life = np.maximum(relative * np.exp(1 - relative), _LOWEST_LIFE)
        month = self.months[self._inside_span(week)] - 1
        season = category_season(self.settings)[self.categories, month]
        log_weights = self.log_popularity + self.settings.strength("trend") * np.log(life) + season
        return np.where(self.launch_day <= week, np.exp(log_weights), 0.0)

    def _inside_span(self, day: int) -> int:
        while day >= len(self.months):
            day -= 365
        return max(day, 0)

    def star_means(self, customers: np.ndarray, products: np.ndarray) -> np.ndarray:
        """Mean of the latent value behind the stars, float64 ``[n]`` for aligned row numbers."""
        match = np.einsum("nd,nd->n", self.star_tastes[customers], self.styles[products])
        return self.leniency[customers] + self.quality[products] + match
