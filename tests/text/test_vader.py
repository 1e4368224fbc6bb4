"""Our VADER against NLTK's, on hand-picked oddities, on random word salad and on real texts."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from product_recommender.text import vader
from product_recommender.text.vader import VaderRules, VaderScorer, load_analyzer

analyzer = cache(load_analyzer)


@cache
def scorer() -> VaderScorer:
    return VaderScorer(VaderRules.from_nltk())


def nltk_compound(text: str) -> float:
    return analyzer().polarity_scores(text)["compound"]


def assert_equal_to_nltk(text: str) -> None:
    assert scorer().compound(text) == nltk_compound(text), repr(text)


# Every rule of VADER: capitals, boosters at each distance, negation, never so, least, idioms,
# "sort of", but, punctuation, emoticons, and the first occurrence deciding for later ones.
SENTENCES = [
    "VADER is smart, handsome, and funny!",
    "VADER is VERY SMART, really handsome, and INCREDIBLY FUNNY!!!",
    "ALL OF THIS IS GREAT",
    "The plot was good, but the characters are uncompelling and the dialog is not great.",
    "but but good but bad",
    "good good, not good",
    "not good. good! GOOD (good) 'good",
    "It was never so good and never this bad",
    "never ever so very good",
    "so this good",
    "At least it isn't a horrible book.",
    "the least good",
    "very least good",
    "at least good",
    "least good",
    "good, the least good",
    "Today only kinda sux! But I'll get by, lol",
    "a kind of good, kind of bad, sort of great and just enough love",
    "KIND of kind kind of",
    "one two three the shit and the bomb of it",
    "the bomb bad ass, the shit yeah right",
    "love it so good",
    "one two This good, one two So bad",
    "he is a bad ass and that is bad ass man",
    "oh well yeah right great",
    "it does not cut the mustard good",
    "give it the kiss of death love",
    "we live from hand to mouth happy",
    "without hope, without doubt a winner",
    "she doesn't hate it, SHE DOESN'T HATE it",
    "don't don't don't love it",
    ":) :-D :D ;-) <3 good:) (good :( :-(",
    "love?? love??? love???? what???",
    "!!!!! great !!!!!",
    "great!!!! great?!? ?!?great -great- great.. ...great",
    "absolutely not hardly bad, BARELY good",
    "no no no problem",
    "",
    " \n\t ",
    "a b c",
    "...",
    "don't",
    "GOOD",
    "GOOD thing",
    "İyi GOOD ǅ good ß BAD ẞ",
    "good\u00a0bad\u2028great\x1fawful\x85nice",
    "“good” good… good— 好 good",
    "x" * 200 + " good " + "good" * 50,
]


@pytest.mark.parametrize("text", SENTENCES)
def test_sentences(text: str) -> None:
    assert_equal_to_nltk(text)


def test_published_scores() -> None:
    """From the authors' README: a check that does not go through NLTK's code."""
    assert scorer().compound("VADER is smart, handsome, and funny.") == 0.8316
    assert scorer().compound("VADER is VERY SMART, handsome, and FUNNY!!!") == 0.9342
    assert scorer().compound("The book was good.") == 0.4404
    assert scorer().compound("Today SUX!") == -0.5461


def test_the_lexicon_is_the_shipped_file_read_by_nltk() -> None:
    import nltk.data
    import vaderSentiment

    before = list(nltk.data.path)
    rules = VaderRules.from_nltk()
    assert nltk.data.path == before
    file = Path(vaderSentiment.__file__).parent / vader.LEXICON_FILE
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rules.lexicon == {row[0].strip(): float(row[1]) for row in rows}
    assert len(rules.lexicon) > 7_000
    assert rules.lexicon["good"] == 1.9


def _vocabulary() -> list[str]:
    constants = analyzer().constants
    lexicon = sorted(analyzer().lexicon)
    words = random.Random(0).sample(lexicon, 150)
    emoticons = [word for word in lexicon if not any(c.isalpha() for c in word)][:40]
    rules = [*constants.BOOSTER_DICT, *sorted(constants.NEGATE), *constants.SPECIAL_CASE_IDIOMS]
    special = ["but", "kind", "of", "least", "at", "very", "never", "so", "this", "the", "yeah"]
    plain = ["book", "table", "I", "a", "it's", "x2", "don't", "mightn't've", "好", "Ünder", "ﬁne"]
    return words + emoticons + rules + special * 6 + plain * 4


@st.composite
def _texts(draw: st.DrawFn) -> str:
    """Salads of the words that VADER has rules for, few enough that they meet and repeat."""
    vocabulary = _vocabulary()
    words = draw(st.lists(st.sampled_from(vocabulary), min_size=1, max_size=9))
    marks = ["", "", "", "", *analyzer().constants.PUNC_LIST, "...", "!!!!", ")", "*", "—"]
    cases = [str, str, str, str.upper, str.title]
    tokens = draw(
        st.lists(
            st.tuples(
                st.sampled_from(words),
                st.sampled_from(cases),
                st.sampled_from(marks),
                st.sampled_from(marks[:12]),
            ),
            max_size=25,
        )
    )
    return " ".join(before + case(word) + after for word, case, after, before in tokens)


@settings(max_examples=600, deadline=None)
@given(_texts())
@example("never so good never so good")
def test_word_salad(text: str) -> None:
    assert_equal_to_nltk(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_characters(text: str) -> None:
    assert_equal_to_nltk(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=" .!?'-:;)(gGoOdD\n<3", max_size=40))
def test_punctuation_around_words(text: str) -> None:
    assert_equal_to_nltk(text)


def test_a_full_token_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vader, "MAX_CACHED_TOKENS", 3)
    small = VaderScorer(VaderRules.from_nltk())
    text = "a very good book, not a bad one; the best of the least bad, so great"
    assert small.compound(text) == nltk_compound(text) != 0
    assert len(small._tokens) <= 3


def test_null_stays_null() -> None:
    assert scorer().compounds(["good", None, ""]) == [0.4404, None, 0.0]


def _real_texts(folder: Path) -> Iterator[str]:
    (file,) = (folder / "amazon_us_digital_software").glob("*.tsv.gz")
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
        next(lines)
        for line in lines:
            yield from line.rstrip("\n").split("\t")[12:14]


@pytest.mark.real_data
def test_real_reviews(real_data_dir: Path) -> None:
    texts = sorted(set(_real_texts(real_data_dir)))
    assert len(texts) > 160_000
    sample = random.Random(1).sample(texts, 6_000)
    different = [text for text in sample if scorer().compound(text) != nltk_compound(text)]
    assert different == []
