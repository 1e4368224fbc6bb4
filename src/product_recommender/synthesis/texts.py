"""Headlines and bodies that agree with the stars and name the planted reasons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import phrases
from .aspects import Aspect
from .customers import Customers
from .products import Products, aspect_directions, vocabulary_of
from .purchases import Purchases
from .settings import WorldSettings
from .taste_weights import experience_weights

_POSITIVE_SHARE = np.array([0.04, 0.20, 0.50, 0.85, 0.97])
"""Share of the aspect sentences that praise, by stars."""

_SHORT_SHARE = np.array([0.12, 0.10, 0.14, 0.20, 0.30])
_MOST_ASPECTS = 4
_ASPECT_COUNT_SHARES = (0.18, 0.36, 0.27, 0.13, 0.06)
_REASON_SCALE = 8.0
"""Brings reasons (standard deviation about 0.25) to about twice the noise of the choice."""
_PICKS = 12


@dataclass(frozen=True)
class _Book:
    """The phrases of one category, ready to be picked by number."""

    aspect_names: tuple[str, ...]
    praise: tuple[tuple[str, ...], ...]
    complaint: tuple[tuple[str, ...], ...]
    nouns: tuple[str, ...]


class ReviewWriter:
    """Writes the texts of purchases, block by block.

    A review of s stars opens, goes on and closes in the tone of s stars. Between stand sentences
    about aspects of the product: praise names those through which the product pleases this
    customer's taste, complaints those through which it does not. ``text_strength`` is how closely
    both are followed; at 0 the tone is that of stars drawn anew and the aspects are random.

    Parameters
    ----------
    settings, customers, products
        The world.
    """

    def __init__(self, settings: WorldSettings, customers: Customers, products: Products) -> None:
        self._settings = settings
        self._products = products
        self._directions = aspect_directions(settings)
        self._tastes = customers.tastes * np.sqrt(experience_weights(settings))
        self._books = [_make_book(settings, code) for code in range(len(settings.categories))]

    def write(
        self, purchases: Purchases, category: int, rng: np.random.Generator
    ) -> tuple[list[str], list[str]]:
        """Headline and body of each purchase; free of tabs and line ends.

        Parameters
        ----------
        purchases
            Purchases of products of one category.
        category
            That category's code.
        rng
            The block's own stream.

        Returns
        -------
        headlines, bodies : list of str
            Aligned with the purchases.
        """
        n, book = len(purchases), self._books[category]
        tones = self._draw_tones(purchases.stars, rng)
        counts = rng.choice(_MOST_ASPECTS + 1, size=n, p=_ASPECT_COUNT_SHARES)
        aspects, positive = self._draw_aspects(purchases, category, tones, rng)
        short = rng.random(n) < _SHORT_SHARE[tones]
        with_context, with_closing = rng.random(n) < 0.55, rng.random(n) < 0.6
        mess = np.where(rng.random(n) < self._settings.mess_rate, rng.integers(1, 3, size=n), 0)
        picks = rng.integers(0, 1 << 30, size=(n, _PICKS))
        kinds = self._products.kinds[purchases.products]
        headlines, bodies = [], []
        columns = (tones, counts, aspects, positive, short, with_context, with_closing, mess)
        for row, (tone, count, order, praise, is_short, context, closing, messy, kind) in enumerate(
            zip(*(column.tolist() for column in (*columns, kinds)), strict=True)
        ):
            pick = picks[row].tolist()
            noun, aspect = book.nouns[kind], book.aspect_names[order[0]]
            headlines.append(_fill(phrases.HEADLINES[tone], pick[0], noun, aspect))
            if is_short:
                bodies.append(_fill(phrases.SHORT_BODIES[tone], pick[1], noun, aspect))
                continue
            parts = [_fill(phrases.OPENINGS[tone], pick[2], noun, aspect)]
            if context:
                parts.append(_context(pick[3], pick[4], noun))
            for number in range(count):
                sentences = (book.praise if praise[number] else book.complaint)[order[number]]
                parts.append(sentences[pick[5 + number] % len(sentences)])
            if closing:
                parts.append(_fill(phrases.CLOSINGS[tone], pick[9], noun, aspect))
            bodies.append(_join(parts, noun, messy))
        return headlines, bodies

    def _draw_tones(self, stars: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Tone of each text, 0 to 4: its own stars, or stars that have nothing to do with it."""
        shares = np.array(self._settings.star_shares)
        other = rng.choice(5, size=len(stars), p=shares / shares.sum())
        own = rng.random(len(stars)) < min(1.0, self._settings.strength("text"))
        return np.where(own, stars.astype(np.int64) - 1, other)

    def _draw_aspects(
        self, purchases: Purchases, category: int, tones: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Four different aspects for each text and whether each is praised.

        Returns
        -------
        aspects : numpy.ndarray
            int64 ``[n, 4]``.
        positive : numpy.ndarray
            bool ``[n, 4]``.
        """
        care = self._tastes[purchases.customers] @ self._directions[category].T
        reasons = care * self._products.aspects[purchases.products]
        scores = self._settings.strength("text") * _REASON_SCALE * reasons
        scores = scores + rng.gumbel(size=scores.shape)
        best_first = np.argsort(-scores, axis=1, kind="stable")
        positive = rng.random((len(tones), _MOST_ASPECTS)) < _POSITIVE_SHARE[tones][:, None]
        # Praise takes from the top of the order, complaints from its bottom: with four of eight
        # aspects the two never meet.
        from_top = np.cumsum(positive, axis=1) - 1
        from_bottom = np.cumsum(~positive, axis=1)
        place = np.where(positive, from_top, scores.shape[1] - from_bottom)
        return np.take_along_axis(best_first, place, axis=1), positive


def _fill(variants: tuple[str, ...], pick: int, noun: str, aspect: str) -> str:
    return variants[pick % len(variants)].replace("{noun}", noun).replace("{aspect}", aspect)


def _context(pick: int, detail: int, noun: str) -> str:
    text = phrases.CONTEXTS[pick % len(phrases.CONTEXTS)].replace("{noun}", noun)
    text = text.replace("{person}", phrases.PERSONS[detail % len(phrases.PERSONS)])
    text = text.replace("{time}", phrases.TIMES[detail % len(phrases.TIMES)])
    return text[0].upper() + text[1:]


def _join(parts: list[str], noun: str, mess: int) -> str:
    """One line of text; ``mess`` 1 breaks it with HTML, 2 quotes the noun with an entity."""
    if mess == 1:
        return "<br /><br />".join(parts)
    body = " ".join(parts)
    return body.replace(noun, f"&#34;{noun}&#34;", 1) if mess == 2 else body


def _make_book(settings: WorldSettings, category: int) -> _Book:
    words = vocabulary_of(settings, category)
    return _Book(
        aspect_names=tuple(aspect.name for aspect in words.aspects),
        praise=tuple(_sentences(a, phrases.PRAISES, phrases.GOOD, a.praise) for a in words.aspects),
        complaint=tuple(
            _sentences(a, phrases.COMPLAINTS, phrases.BAD, a.complaint) for a in words.aspects
        ),
        nouns=tuple(kind.noun for kind in words.kinds),
    )


def _sentences(
    aspect: Aspect, templates: tuple[str, ...], adjectives: tuple[str, ...], own: tuple[str, ...]
) -> tuple[str, ...]:
    """All sentences about an aspect in one tone; its own ones come up in half of the texts."""
    verb = "are" if aspect.plural else "is"
    general = [
        template.format(aspect=aspect.name, verb=verb, word=word, capital=word.capitalize())
        for template in templates
        for word in adjectives
    ]
    return (*general, *own * (len(general) // len(own)))
