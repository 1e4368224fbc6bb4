"""What two products have in common, as far as the tables say so: nothing is guessed.

A brand is common where the metadata name the same one, a colour where both titles give it as a part
of their own ("Office Chair, Mesh Back, Black") or after "in", a price where both are known and
close. Words are common where they stand side by side in both, and few other products have them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

import ibis

COLOURS = frozenset(
    re.findall(
        r"\w+",
        """
    aqua beige black blue bronze brown burgundy champagne charcoal cherry chrome clear copper
    coral cream cyan ebony espresso gold golden graphite gray green grey indigo ivory khaki
    lavender lime magenta mahogany maroon mint mocha multicolor natural navy oak olive orange
    peach pink platinum purple red rose salmon silver stainless tan taupe teal turquoise
    violet walnut white yellow
    """,
    )
)
_PLAIN_COLOUR_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    antique bright brushed color colour dark finish light matte metallic pale satin steel
    """,
    )
)
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    a an and as at by for from in into is it its of on or set that the this to with without
    you your
    """,
    )
)
_PUNCTUATION = re.compile(r"[^\w\s&+'’-]")
CLOSE_PRICE = 1.25
"""Prices are alike up to this ratio."""

RARE_SHARE = 0.1
"""Words that at most this share of the products have say something."""

MOST_WORDS, MOST_RUNS, LONGEST_TEXT = 4, 2, 1000


@dataclass(frozen=True)
class Described:
    """What the tables say of a product; empty or None where they say nothing.

    Attributes
    ----------
    title, category, brand, features
        Text.
    kind
        The last level of the category path.
    price
        List price.
    """

    title: str
    category: str
    brand: str = ""
    features: str = ""
    kind: str = ""
    price: float | None = None

    @property
    def text(self) -> str:
        """Title and features, not endlessly long."""
        return f"{self.title} {self.features}"[:LONGEST_TEXT]


@dataclass(frozen=True)
class InCommon:
    """What two products share.

    Attributes
    ----------
    brand, colour, kind
        What both have; empty where nothing.
    words
        Runs of words that both have and few others, as the second one writes them.
    prices
        Both prices where they are close, the first one's first.
    """

    brand: str = ""
    colour: str = ""
    kind: str = ""
    words: tuple[str, ...] = ()
    prices: tuple[float, float] | None = None

    def __bool__(self) -> bool:
        return bool(self.brand or self.colour or self.kind or self.words or self.prices)


def in_common(first: Described, second: Described, shares: Mapping[str, float]) -> InCommon:
    """Compare two products.

    Parameters
    ----------
    first, second
        What is known of them.
    shares
        Share of all products that have a word, as of ``word_shares``; an unknown word is not shown.

    Returns
    -------
    InCommon
        False where they share nothing that is known.
    """
    same_brand = bool(first.brand) and first.brand.casefold() == second.brand.casefold()
    colours = _colours(second.title)
    shared = [colour for colour in colours if colour in set(_colours(first.title))]
    same_kind = bool(first.kind) and first.kind.casefold() == second.kind.casefold()
    close = None
    if first.price and second.price:
        ratio = max(first.price, second.price) / min(first.price, second.price)
        close = (first.price, second.price) if ratio <= CLOSE_PRICE else None
    return InCommon(
        brand=second.brand if same_brand else "",
        colour=shared[0] if shared else "",
        kind=second.kind if same_kind else "",
        words=_rare_runs(first, second, shares, shared[0] if shared else ""),
        prices=close,
    )


def shared_words(first: Described, second: Described) -> set[str]:
    """Words of both, in lower case, that may be worth showing."""
    words = {word.lower() for word in _words(first.text)} & {
        word.lower() for word in _words(second.text)
    }
    return {word for word in words if len(word) > 2 and word not in _STOP_WORDS}


def common_ground(
    products: ibis.Table,
    described: Mapping[int, Described],
    pairs: Collection[tuple[int, int]],
) -> dict[tuple[int, int], InCommon]:
    """What each pair of products shares, the words of all pairs counted in one pass.

    Parameters
    ----------
    products
        The dataset of that name.
    described
        Item code -> what is known of it.
    pairs
        Item codes; of prices and words the second one's spelling and the first one's price lead,
        as in ``in_common``.
    """
    wanted = set(pairs)
    words: set[str] = set()
    for first, second in wanted:
        words |= shared_words(described[first], described[second])
    shares = word_shares(products, words)
    return {
        (first, second): in_common(described[first], described[second], shares)
        for first, second in wanted
    }


def word_shares(products: ibis.Table, words: Iterable[str]) -> dict[str, float]:
    """Which share of the products has each of some words in title or features.

    Parameters
    ----------
    products
        The dataset of that name; the column ``features`` may be missing.
    words
        In lower case.
    """
    wanted = sorted(set(words))
    if not wanted:
        return {}
    text = products["product_title"].fill_null("")
    if "features" in products.columns:
        text = text + " " + products["features"].fill_null("")
    split = text.substr(0, LONGEST_TEXT).lower().re_split(r"[^\p{L}\p{N}]+")
    each = products.select("product_id", word=split.unnest())
    once = each.filter(each["word"].isin(wanted)).distinct()
    found = once.group_by("word").aggregate(n=once.count())
    total = max(int(products.count().to_pyarrow().as_py()), 1)
    counts = found.to_pyarrow().to_pylist()
    return {str(row["word"]): int(row["n"]) / total for row in counts}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


def _colours(title: str) -> list[str]:
    """Colours that a title names as such, in lower case and in its order."""
    found = []
    parts = re.split(r"[,;/()\[\]|]|\s[-–]\s|\bin\b", title.lower())
    for part in parts[1:]:
        words = part.split()
        named = [word for word in words if word in COLOURS]
        if named and all(word in COLOURS or word in _PLAIN_COLOUR_WORDS for word in words):
            shown = " ".join(w for w in words if w not in ("color", "colour", "finish"))
            found.append(shown)
    return found


def _rare_runs(
    first: Described, second: Described, shares: Mapping[str, float], colour: str
) -> tuple[str, ...]:
    """The rarest runs of words in both; brands, colours and categories are told elsewhere."""
    told = {w.lower() for w in _words(f"{first.brand} {second.brand} {colour} {second.category}")}
    one = [word.lower() for word in _words(first.text)]
    text = second.text
    spans = [match.span() for match in re.finditer(r"[^\W_]+", text)]
    two = [text[start:end].lower() for start, end in spans]
    runs: dict[str, tuple[float, str]] = {}
    for _, start, length in SequenceMatcher(None, one, two, autojunk=False).get_matching_blocks():
        for piece in _pieces(text, spans[start : start + length], told):
            words = [text[begin:end].lower() for begin, end in piece]
            rarest = min(shares.get(word, 1.0) for word in words)
            if rarest <= RARE_SHARE:
                shown = text[piece[0][0] : piece[-1][1]]
                runs.setdefault(" ".join(words), (rarest, shown))
    best = sorted(runs.values(), key=lambda run: (run[0], run[1]))[:MOST_RUNS]
    return tuple(shown for _, shown in best)


def _pieces(text: str, spans: list[tuple[int, int]], told: set[str]) -> list[list[tuple[int, int]]]:
    """A run of words, cut at punctuation and at words that are told elsewhere; pieces that say
    something, not too long."""
    pieces: list[list[tuple[int, int]]] = [[]]
    end_before = None
    for start, end in spans:
        if end_before is not None and _PUNCTUATION.search(text, end_before, start):
            pieces.append([])
        if text[start:end].lower() in told:
            pieces.append([])
        else:
            pieces[-1].append((start, end))
        end_before = end
    trimmed = [_without_stop_words(text, piece) for piece in pieces]
    return [
        piece
        for piece in trimmed
        if any(end - start > 2 and not text[start:end].isdigit() for start, end in piece)
    ]


def _without_stop_words(text: str, piece: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same without "and", "with" and their like at its ends, and cut to ``MOST_WORDS``."""

    def is_stop(span: tuple[int, int]) -> bool:
        return text[span[0] : span[1]].lower() in _STOP_WORDS

    while piece and is_stop(piece[0]):
        piece = piece[1:]
    piece = piece[:MOST_WORDS]
    while piece and is_stop(piece[-1]):
        piece = piece[:-1]
    return piece
