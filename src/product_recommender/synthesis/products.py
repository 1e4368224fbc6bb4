"""Products: kinds and brands, variants of one parent, style, quality, price, life cycle, words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .aspects import ASPECTS_PER_CATEGORY
from .randomness import stream
from .settings import WorldSettings
from .taste_weights import attraction_weights, experience_weights
from .vocabulary import VOCABULARIES, Vocabulary

WEEK = 7
_ALWAYS_ON_SALE = 0.7
_PARENTS_PER_PRODUCT = 0.85
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Products:
    """The catalogue as aligned arrays of length m.

    Attributes
    ----------
    ids, parents
        Text: ten characters that start with ``B00``; nine digits. Variants share a parent.
    titles, descriptions
        Text.
    colors
        Text: the colour that the title names.
    categories
        int8 codes into ``WorldSettings.categories``.
    brands, kinds
        int8 codes into the category's vocabulary.
    styles
        float64 ``[m, d]``, mean 0 and variance 1 by dimension.
    quality
        float64, mean 0 and variance 1 over the catalogue; brands differ.
    price
        float64, dollars; known to the world even where the metadata lacks it.
    price_is_listed
        bool: whether the metadata give price and cost.
    cost
        float64, dollars.
    stock
        int64.
    price_level
        float64: log price, standardised overall and within the category, the mean of both.
    log_popularity
        float64: log of the base share; ``exp`` sums to one, and to its share in each category.
    launch_day
        int32: day index from which the product is on sale; a multiple of 7, negative if earlier.
    peak_age
        float64: days from launch to the best week of the life cycle.
    aspects
        float64 ``[m, 8]``: how good each of the category's aspects is in use for
        those who care about it; negative where it is bad for them.
    """

    ids: np.ndarray
    parents: np.ndarray
    titles: np.ndarray
    descriptions: np.ndarray
    colors: np.ndarray
    categories: np.ndarray
    brands: np.ndarray
    kinds: np.ndarray
    styles: np.ndarray
    quality: np.ndarray
    price: np.ndarray
    price_is_listed: np.ndarray
    cost: np.ndarray
    stock: np.ndarray
    price_level: np.ndarray
    log_popularity: np.ndarray
    launch_day: np.ndarray
    peak_age: np.ndarray
    aspects: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def make_products(settings: WorldSettings) -> Products:
    """Draw the catalogue of a world.

    Everything is drawn per parent first; variants of a parent share kind, brand, style and quality
    up to a little noise, and differ in colour or attribute.

    Parameters
    ----------
    settings
        The world's settings.

    Returns
    -------
    Products
        In random order with respect to category and popularity.
    """
    m, rng = settings.n_products, stream(settings.seed, "products")
    parent_of, variant = _group_into_parents(m, rng)
    categories = _draw_categories(settings, parent_of, rng)
    kinds = _draw_codes(settings, categories, parent_of, "kinds", rng)
    brands = _draw_codes(settings, categories, parent_of, "brands", rng)
    styles = _draw_styles(settings, categories, kinds, brands, parent_of, rng)
    quality, brand_price = _draw_quality(settings, categories, brands, parent_of, rng)
    price = _draw_prices(settings, categories, kinds, quality, brand_price, parent_of, rng)
    log_popularity = _draw_popularity(settings, categories, rng)
    launch_day, peak_age = _draw_life_cycles(settings, parent_of, rng)
    directions = aspect_directions(settings)[categories]
    in_use = np.einsum("md,mkd->mk", styles * np.sqrt(experience_weights(settings)), directions)
    visible = np.einsum("md,mkd->mk", styles * np.sqrt(attraction_weights(settings)), directions)
    named = _blur_with_strangers(settings, visible)
    titles, descriptions, colors = _write_words(
        settings, categories, kinds, brands, (parent_of, variant), named, rng
    )
    return Products(
        ids=_draw_ids(m, rng),
        parents=(100_000_000 + rng.choice(899_999_999, size=m, replace=False))[parent_of].astype(
            "<U9"
        ),
        titles=titles,
        descriptions=descriptions,
        colors=colors,
        categories=categories,
        brands=brands,
        kinds=kinds,
        styles=styles,
        quality=quality,
        price=price,
        price_is_listed=rng.random(m) >= settings.missing_price_share,
        cost=np.round(price * rng.uniform(0.52, 0.82, size=m), 2),
        stock=rng.negative_binomial(2, 0.03, size=m),
        price_level=_price_level(price, categories),
        log_popularity=log_popularity,
        launch_day=launch_day,
        peak_age=peak_age,
        aspects=in_use,
    )


def aspect_directions(settings: WorldSettings) -> np.ndarray:
    """Direction in style space of every category's aspects.

    A match ``taste.style`` is spread over the aspects by these directions, which is how a text can
    name the reason for its stars.

    Returns
    -------
    numpy.ndarray
        float64 ``[categories, 8, d]``, unit vectors.
    """
    shape = (len(settings.categories), ASPECTS_PER_CATEGORY, settings.taste_dimensions)
    directions = stream(settings.seed, "aspects").standard_normal(shape)
    return directions / np.linalg.norm(directions, axis=2, keepdims=True)


def vocabulary_of(settings: WorldSettings, category: int) -> Vocabulary:
    """Words of a category code."""
    return VOCABULARIES[settings.categories[category]]


def _group_into_parents(m: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Parent number of each product and its number among the parent's variants (0, 1 or 2)."""
    n_parents = max(1, round(m * _PARENTS_PER_PRODUCT), -(-m // 3))
    extra = rng.permutation(np.repeat(np.arange(n_parents), 2))[: m - n_parents]
    parent_of = np.sort(np.concatenate([np.arange(n_parents), extra]))
    first = np.searchsorted(parent_of, np.arange(n_parents))
    variant = np.arange(m) - first[parent_of]
    order = rng.permutation(m)
    return parent_of[order], variant[order]


def _draw_categories(
    settings: WorldSettings, parent_of: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    shares = np.array([settings.category_shares[name] for name in settings.categories])
    n_parents = int(parent_of.max()) + 1
    # Stratified, so that a small world has every category: quotas first, then a shuffle.
    bounds = np.cumsum(shares / shares.sum()) * n_parents
    of_parent = np.searchsorted(bounds, np.arange(n_parents) + 0.5).clip(max=len(shares) - 1)
    return rng.permutation(of_parent)[parent_of].astype(np.int8)


def _draw_codes(
    settings: WorldSettings,
    categories: np.ndarray,
    parent_of: np.ndarray,
    what: str,
    rng: np.random.Generator,
) -> np.ndarray:
    sizes = np.array([len(getattr(VOCABULARIES[name], what)) for name in settings.categories])
    draws = rng.random(int(parent_of.max()) + 1)[parent_of]
    # The power: the first kinds and brands of a list are the common ones.
    return (draws**1.5 * sizes[categories]).astype(np.int8)


def _draw_styles(
    settings: WorldSettings,
    categories: np.ndarray,
    kinds: np.ndarray,
    brands: np.ndarray,
    parent_of: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """A quarter of the variance comes from the brand, a quarter from the kind."""
    d, n_categories = settings.taste_dimensions, len(settings.categories)
    of_brand = rng.standard_normal((n_categories, 32, d))[categories, brands]
    of_kind = rng.standard_normal((n_categories, 32, d))[categories, kinds]
    own = rng.standard_normal((int(parent_of.max()) + 1, d))[parent_of]
    own = own + 0.25 * rng.standard_normal((len(categories), d))
    styles = 0.5 * of_brand + 0.5 * of_kind + np.sqrt(0.5) * own
    return _standardise(styles)


def _draw_quality(
    settings: WorldSettings,
    categories: np.ndarray,
    brands: np.ndarray,
    parent_of: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Quality, and the price position of the brand, which leans towards its quality."""
    brand_quality = rng.standard_normal((len(settings.categories), 32))
    brand_price = 0.6 * brand_quality + 0.8 * rng.standard_normal(brand_quality.shape)
    own = rng.standard_normal(int(parent_of.max()) + 1)[parent_of]
    own = own + 0.2 * rng.standard_normal(len(categories))
    quality = 0.6 * brand_quality[categories, brands] + 0.8 * own
    return _standardise(quality), brand_price[categories, brands]


def _draw_prices(
    settings: WorldSettings,
    categories: np.ndarray,
    kinds: np.ndarray,
    quality: np.ndarray,
    brand_price: np.ndarray,
    parent_of: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    median = np.zeros(len(categories))
    for code in range(len(settings.categories)):
        rows = categories == code
        prices = np.array([kind.price for kind in vocabulary_of(settings, code).kinds])
        median[rows] = prices[kinds[rows]]
    own = rng.standard_normal(int(parent_of.max()) + 1)[parent_of]
    log_price = np.log(median) + 0.25 * brand_price + 0.12 * quality + 0.3 * own
    return np.maximum(np.round(np.exp(log_price)), 4.0) - 0.01


def _price_level(price: np.ndarray, categories: np.ndarray) -> np.ndarray:
    log_price = np.log(price)
    within = log_price.copy()
    for code in np.unique(categories):
        rows = categories == code
        within[rows] = _standardise(log_price[rows])
    return _standardise((_standardise(log_price) + within) / 2)


def _draw_popularity(
    settings: WorldSettings, categories: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    shares = np.array([settings.category_shares[name] for name in settings.categories])
    weights = np.exp(settings.popularity_spread * rng.standard_normal(len(categories)))
    sums = np.bincount(categories, weights=weights, minlength=len(shares))
    present = np.where(sums > 0, shares, 0.0)
    weights = weights / sums[categories] * (present / present.sum())[categories]
    return np.log(weights)


def _draw_life_cycles(
    settings: WorldSettings, parent_of: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Launch day indices (multiples of a week) and ages at the peak, in days."""
    m = len(parent_of)
    # This share is on sale from the first day, whatever the draw: nobody finds an empty shop.
    # At trend strength 0 all products are.
    late = rng.permutation(m) >= np.ceil(_ALWAYS_ON_SALE * m)
    before, after = -rng.random(m) * 700, rng.random(m) * settings.n_days
    after = after * min(1.0, settings.strength("trend"))
    launch = np.where(late, after, before)
    peak = 420 * np.exp(0.5 * rng.standard_normal(m))
    return (np.floor(launch / WEEK) * WEEK).astype(np.int32), peak


def _blur_with_strangers(settings: WorldSettings, visible: np.ndarray) -> np.ndarray:
    """What descriptions go by: how well each aspect shows, or as much of it as words tell."""
    share = settings.own_share("wording")
    other = stream(settings.seed, "wording").standard_normal(visible.shape)
    return share * visible + np.sqrt(1.0 - share**2) * visible.std() * other


def _write_words(
    settings: WorldSettings,
    categories: np.ndarray,
    kinds: np.ndarray,
    brands: np.ndarray,
    parent_and_variant: tuple[np.ndarray, np.ndarray],
    visible: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parent_of, variant = parent_and_variant
    n_parents, m = int(parent_of.max()) + 1, len(categories)
    letters = rng.integers(0, 26, size=(n_parents, 2))[parent_of]
    numbers = rng.integers(100, 990, size=n_parents)[parent_of]
    picks = rng.integers(0, 1 << 20, size=(n_parents, 2))[parent_of]
    best = np.argsort(-visible, axis=1)[:, :2]
    titles, descriptions, colors = [], [], []
    for i in range(m):
        words = vocabulary_of(settings, int(categories[i]))
        kind, brand = words.kinds[kinds[i]], words.brands[brands[i]]
        model = f"{chr(65 + letters[i, 0])}{chr(65 + letters[i, 1])}-{numbers[i]}"
        attribute = kind.attributes[picks[i, 0] % len(kind.attributes)]
        color = words.colors[(picks[i, 1] + variant[i]) % len(words.colors)]
        colors.append(color)
        titles.append(f"{brand} {model} {kind.title}, {attribute}, {color}")
        first, second = (words.aspects[k].name for k in best[i])
        descriptions.append(
            f"{kind.title} by {brand}, {attribute.lower()}, in {color.lower()}. "
            f"Designed for {first} and {second}."
        )
    return (
        np.array(titles, dtype=object),
        np.array(descriptions, dtype=object),
        np.array(colors, dtype=object),
    )


def _draw_ids(m: int, rng: np.random.Generator) -> np.ndarray:
    numbers = rng.choice(36**7, size=m, replace=False)
    digits = np.empty((m, 10), dtype="<U1")
    digits[:, :3] = list("B00")
    alphabet = np.array(list(_BASE36))
    for position in range(9, 2, -1):
        numbers, remainder = np.divmod(numbers, 36)
        digits[:, position] = alphabet[remainder]
    return np.ascontiguousarray(digits).view("<U10").ravel()


def _standardise(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1 by column; a constant column becomes 0."""
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    return centred / np.where(spread > 0, spread, 1.0)
