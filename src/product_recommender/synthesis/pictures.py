"""Which style the picture of each product shows, and the pictures as files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .drawing.look import LOOKS, Look
from .products import Products, vocabulary_of
from .randomness import stream
from .settings import WorldSettings
from .taste_weights import attraction_weights, experience_weights

_FULL_SWING = 2.2
"""Standard deviations of style at which a visual attribute reaches its end."""

_SHIFT = 3.0
_ZOOM = (0.94, 1.04)
_MOTIFS = 3


def n_pictures(settings: WorldSettings) -> int:
    """How many products have a picture: the first ones of the catalogue, which has no order."""
    return min(settings.n_products, settings.max_pictures)


def picture_name(product_id: str) -> str:
    """File name of a product's picture."""
    return f"{product_id}.png"


def shown_styles(settings: WorldSettings, styles: np.ndarray) -> np.ndarray:
    """The style that each picture shows.

    Parameters
    ----------
    settings
        The world's settings. With share ``s = min(1, picture_strength * signal_strength)`` the
        result is ``s * style + sqrt(1 - s**2) * stranger``. The stranger is drawn for each picture
        alone: neither brand nor kind nor the variants of one parent are found in it.
    styles
        float64 ``[m, d]``.

    Returns
    -------
    numpy.ndarray
        float64 ``[m, d]``, as varied as the styles.
    """
    share = settings.own_share("picture")
    other = stream(settings.seed, "pictures", "strangers").standard_normal(styles.shape)
    return share * styles + np.sqrt(1.0 - share**2) * other


def looks_of(settings: WorldSettings, styles: np.ndarray) -> list[Look]:
    """What is visible of each product beyond its kind and colour.

    Every visual attribute follows one style dimension, in the order of ``LOOKS``. In a world with
    more dimensions than attributes those that weigh most in purchases or stars are shown; in one
    with fewer, the attributes left over are drawn at random.

    Parameters
    ----------
    settings
        The world's settings.
    styles
        float64 ``[n, d]``: the styles to show, of the first n products.

    Returns
    -------
    list of Look
        Length n.
    """
    n = len(styles)
    values = stream(settings.seed, "pictures", "looks").standard_normal((n, len(LOOKS)))
    weights = np.maximum(attraction_weights(settings), experience_weights(settings))
    heaviest = np.sort(np.argsort(-weights, kind="stable")[: len(LOOKS)])
    values[:, : len(heaviest)] = styles[:, heaviest]
    attributes = np.clip(values / _FULL_SWING, -1.0, 1.0)
    accidents = stream(settings.seed, "pictures", "accidents").random((n, 4))
    return [
        Look(
            **dict(zip(LOOKS, row, strict=True)),
            shift=_SHIFT * (2.0 * shift - 1.0),
            zoom=_ZOOM[0] + (_ZOOM[1] - _ZOOM[0]) * zoom,
            motif=int(_MOTIFS * motif),
            mirrored=mirrored < 0.5,
        )
        for row, (shift, zoom, motif, mirrored) in zip(
            attributes.tolist(), accidents.tolist(), strict=True
        )
    ]


def picture_files(settings: WorldSettings, products: Products) -> dict[str, Iterator[bytes]]:
    """A PNG of every product that has a picture.

    Parameters
    ----------
    settings, products
        The world.

    Returns
    -------
    dict[str, Iterator[bytes]]
        File name to content. A picture is drawn when it is asked for, so that any number of them
        passes through little memory; the order of asking changes nothing. The same settings give
        the same pixels, and with one version of Pillow the same bytes.
    """
    shown = shown_styles(settings, products.styles)[: n_pictures(settings)]
    return {
        picture_name(products.ids[row]): _drawn(settings, products, row, look)
        for row, look in enumerate(looks_of(settings, shown))
    }


def _drawn(settings: WorldSettings, products: Products, row: int, look: Look) -> Iterator[bytes]:
    from .drawing.product_picture import draw_product, png_of

    category = int(products.categories[row])
    noun = vocabulary_of(settings, category).kinds[products.kinds[row]].noun
    name = settings.categories[category]
    yield png_of(draw_product(name, noun, products.colors[row], look))
