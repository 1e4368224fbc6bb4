"""VADER sentiment, the same numbers as NLTK's, many times faster.

NLTK's analyser builds, for every text, a dictionary of each of its words joined with 17 punctuation
marks on either side, only to learn which marks to strip. Whether a mark is stripped depends on the
token alone, though, and so does everything else VADER wants to know about a token. Here all of it
is looked up once per distinct token; what is left per text is the arithmetic around its few
sentiment words.

The rules, their order and their oddities are those of ``nltk.sentiment.vader`` in NLTK 3.10; word
lists and constants are taken from it at run time. Source of the method: C. J. Hutto and E. Gilbert,
"VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nltk.sentiment.vader import SentimentIntensityAnalyzer

LEXICON_FILE = "vader_lexicon.txt"
MAX_CACHED_TOKENS = 1 << 18
MAX_CACHED_LENGTH = 64

# Words outside the lists that a rule compares with.
_RULE_WORDS = frozenset({"but", "kind", "of", "least", "at", "very", "never", "so", "this"})
_DELETE_PUNCTUATION = str.maketrans("", "", string.punctuation)


def load_analyzer() -> SentimentIntensityAnalyzer:
    """NLTK's own analyser, reading the lexicon that the package vaderSentiment ships.

    NLTK downloads its lexicon and refuses files outside ``nltk.data.path``; the PyPI package of
    VADER's authors brings the file along, so its folder joins that path while the file is read.

    Raises
    ------
    FileNotFoundError
        If vaderSentiment is not installed.
    """
    import nltk.data
    from nltk.sentiment.vader import SentimentIntensityAnalyzer

    spec = find_spec("vaderSentiment")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else None
    if folder is None or not (folder / LEXICON_FILE).is_file():
        raise FileNotFoundError(
            f"{LEXICON_FILE} not found: it comes with the package vaderSentiment. "
            "Install the project's requirements (make install, or pip install vaderSentiment)."
        )
    # In front, so that no stray file of this name in another NLTK folder is read instead.
    nltk.data.path.insert(0, str(folder))
    try:
        return SentimentIntensityAnalyzer(LEXICON_FILE)
    finally:
        nltk.data.path.remove(str(folder))


@dataclass(frozen=True)
class VaderRules:
    """Lexicon, word lists and constants, small enough to be sent to worker processes.

    Attributes
    ----------
    lexicon
        Valence of each lower-case word or emoticon, about -4 to 4.
    boosters
        Increment of each degree adverb.
    negations
        Lower-case negating words; any word that contains "n't" negates as well.
    idioms
        Valence of fixed phrases, compared with their case.
    affixes
        Punctuation that is stripped from one end of a token.
    booster_decrement, capitals_increment, negation_factor
        The constants B_DECR, C_INCR and N_SCALAR.
    """

    lexicon: dict[str, float]
    boosters: dict[str, float]
    negations: frozenset[str]
    idioms: dict[str, float]
    affixes: frozenset[str]
    booster_decrement: float
    capitals_increment: float
    negation_factor: float

    @classmethod
    def from_nltk(cls) -> VaderRules:
        """Take everything from NLTK's analyser."""
        analyzer = load_analyzer()
        constants = analyzer.constants
        return cls(
            lexicon=dict(analyzer.lexicon),
            boosters=dict(constants.BOOSTER_DICT),
            negations=frozenset(constants.NEGATE),
            idioms=dict(constants.SPECIAL_CASE_IDIOMS),
            affixes=frozenset(constants.PUNC_LIST),
            booster_decrement=constants.B_DECR,
            capitals_increment=constants.C_INCR,
            negation_factor=constants.N_SCALAR,
        )


class _Token:
    """What the rules ask about a token; ``word`` and ``lower`` stay empty where no rule asks."""

    __slots__ = (
        "booster",
        "counts",
        "in_lexicon",
        "is_but",
        "is_upper",
        "lower",
        "negates",
        "valence",
        "word",
    )

    def __init__(self, word: str, lower: str, is_upper: bool, rules: VaderRules) -> None:
        self.word = word
        self.lower = lower
        self.is_upper = is_upper
        self.in_lexicon = lower in rules.lexicon
        self.booster = rules.boosters.get(lower, 0.0)
        # A booster is never scored itself, even if the lexicon listed it.
        scored = self.in_lexicon and lower not in rules.boosters
        self.valence = rules.lexicon[lower] if scored else None
        self.negates = lower in rules.negations or "n't" in lower
        self.is_but = lower == "but"
        self.counts = self.is_but or scored


class _Tokens(dict[str, "_Token | None"]):
    """Raw token to what is known about it, filled on demand and bounded; None: not a word."""

    def __init__(self, rules: VaderRules) -> None:
        super().__init__()
        self._rules = rules
        phrases = [*rules.idioms, *(phrase for phrase in rules.boosters if " " in phrase)]
        self._phrase_words = frozenset(word for phrase in phrases for word in phrase.split())
        # Most tokens mean nothing to VADER. They share two objects, so that the cache stays small.
        self._plain = _Token("", "", False, rules)
        self._plain_upper = _Token("", "", True, rules)

    def __missing__(self, raw: str) -> _Token | None:
        # VADER drops tokens of one character before anything else.
        token = self._make(raw) if len(raw) > 1 else None
        if len(raw) <= MAX_CACHED_LENGTH:
            if len(self) >= MAX_CACHED_TOKENS:
                self.clear()
            self[raw] = token
        return token

    def _make(self, raw: str) -> _Token:
        word = self._strip(raw)
        lower = word.lower()
        rules = self._rules
        if (
            lower in rules.lexicon
            or lower in rules.boosters
            or lower in rules.negations
            or "n't" in lower
            or lower in _RULE_WORDS
            or word in self._phrase_words
        ):
            return _Token(word, lower, word.isupper(), rules)
        return self._plain_upper if word.isupper() else self._plain

    def _strip(self, raw: str) -> str:
        """Remove one known mark from one end; a token with punctuation elsewhere stays whole."""
        bare = raw.translate(_DELETE_PUNCTUATION)
        if len(bare) < 2 or len(bare) == len(raw):
            return raw
        if raw.startswith(bare):
            affix = raw[len(bare) :]
        elif raw.endswith(bare):
            affix = raw[: -len(bare)]
        else:
            return raw
        return bare if affix in self._rules.affixes else raw


class VaderScorer:
    """Scores texts exactly as NLTK's ``SentimentIntensityAnalyzer`` does.

    Parameters
    ----------
    rules
        From ``VaderRules.from_nltk()``.

    Examples
    --------
    >>> VaderScorer(VaderRules.from_nltk()).compound("VADER is smart, handsome, and funny!")
    0.8439
    """

    def __init__(self, rules: VaderRules) -> None:
        self._rules = rules
        self._tokens = _Tokens(rules)
        # An idiom in reach ends with one of these; without one, no idiom has to be looked for.
        self._phrase_ends = frozenset(
            phrase.rsplit(" ", 1)[-1]
            for phrase in [*rules.idioms, *rules.boosters]
            if " " in phrase
        )

    def compounds(self, texts: Iterable[str | None]) -> list[float | None]:
        """``compound`` of each text, in order; None stays None."""
        return [None if text is None else self.compound(text) for text in texts]

    def compound(self, text: str) -> float:
        """``polarity_scores(text)["compound"]``: between -1 and 1, rounded to four decimals."""
        known = self._tokens
        tokens = [token for token in map(known.__getitem__, text.split()) if token is not None]
        marked = [i for i, token in enumerate(tokens) if token.counts]
        if not marked:
            return 0.0
        # NLTK judges every occurrence of a word by the neighbours of its first one.
        valence_of: dict[str, float] = {}
        valences, positions, but = [], [], -1
        for i in marked:
            token = tokens[i]
            if token.is_but and but < 0:
                but = i
            if token.valence is None:
                continue
            valence = valence_of.get(token.word)
            if valence is None:
                valence = valence_of[token.word] = self._valence(tokens, i)
            valences.append(valence)
            positions.append(i)
        if but >= 0:
            valences = [
                valence * 0.5 if i < but else valence * 1.5 if i > but else valence
                for valence, i in zip(valences, positions, strict=True)
            ]
        # The built-in sum, in this order, because NLTK adds up that way; its zeros change nothing.
        total = float(sum(valences))
        if total > 0:
            total += _punctuation_emphasis(text)
        elif total < 0:
            total -= _punctuation_emphasis(text)
        return round(total / math.sqrt((total * total) + 15), 4)

    def _valence(self, tokens: list[_Token], i: int) -> float:
        """Valence of the lexicon word at ``i`` among its neighbours."""
        token = tokens[i]
        assert token.valence is not None
        if token.lower == "kind" and i + 1 < len(tokens) and tokens[i + 1].lower == "of":
            return 0
        valence = token.valence
        # Capitals count only where some other word is not in capitals.
        if token.is_upper and not all(other.is_upper for other in tokens):
            increment = self._rules.capitals_increment
            valence = valence + increment if valence > 0 else valence - increment
        idioms = i > 2 and not tokens[i - 3].in_lexicon
        for distance in range(1, min(i, 3) + 1):
            before = tokens[i - distance]
            if before.in_lexicon:
                continue
            if before.booster:
                valence += self._boost(before, valence, tokens, distance)
            valence = self._negate(valence, tokens, i, distance)
        if idioms:
            valence = self._replace_by_idiom(valence, tokens, i)
        return self._least(valence, tokens, i)

    def _boost(self, booster: _Token, valence: float, tokens: list[_Token], distance: int) -> float:
        scalar = booster.booster
        if valence < 0:
            scalar *= -1
        if booster.is_upper and not all(other.is_upper for other in tokens):
            increment = self._rules.capitals_increment
            scalar = scalar + increment if valence > 0 else scalar - increment
        if scalar != 0 and distance == 2:
            scalar = scalar * 0.95
        elif scalar != 0 and distance == 3:
            scalar = scalar * 0.9
        return scalar

    def _negate(self, valence: float, tokens: list[_Token], i: int, distance: int) -> float:
        before = tokens[i - distance]
        if distance == 2 and before.word == "never" and tokens[i - 1].word in ("so", "this"):
            return valence * 1.5
        if distance == 3 and (
            (before.word == "never" and tokens[i - 2].word in ("so", "this"))
            or tokens[i - 1].word in ("so", "this")
        ):
            return valence * 1.25
        return valence * self._rules.negation_factor if before.negates else valence

    def _replace_by_idiom(self, valence: float, tokens: list[_Token], i: int) -> float:
        """An idiom's valence where one is in reach; "sort of" and the like weaken."""
        ends = self._phrase_ends
        around = tokens[i - 2 : i + 3]
        if not any(token.word in ends for token in around):
            return valence
        idioms, boosters = self._rules.idioms, self._rules.boosters
        words = [token.word for token in tokens[i - 3 : i + 3]]
        three, two, one, zero = words[:4]
        threetwo, twoone = f"{three} {two}", f"{two} {one}"
        sequences = (
            f"{one} {zero}",
            f"{two} {one} {zero}",
            twoone,
            f"{three} {two} {one}",
            threetwo,
        )
        for sequence in sequences:
            if sequence in idioms:
                valence = idioms[sequence]
                break
        for stop in range(5, len(words) + 1):
            valence = idioms.get(" ".join(words[3:stop]), valence)
        if threetwo in boosters or twoone in boosters:
            valence = valence + self._rules.booster_decrement
        return valence

    def _least(self, valence: float, tokens: list[_Token], i: int) -> float:
        """ "least good" turns the word round, unless it is "at least" or "very least"."""
        if i == 0 or tokens[i - 1].lower != "least" or tokens[i - 1].in_lexicon:
            return valence
        if i > 1 and tokens[i - 2].lower in ("at", "very"):
            return valence
        return valence * self._rules.negation_factor


def _punctuation_emphasis(text: str) -> float:
    exclamations = min(text.count("!"), 4) * 0.292
    questions = text.count("?")
    if questions < 2:
        return exclamations + 0
    return exclamations + (questions * 0.18 if questions <= 3 else 0.96)
