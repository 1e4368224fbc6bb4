"""Lines that are records, lines that only look like some, and lines that mean harm."""

from __future__ import annotations

import json
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_recommender.amazon_records.record_text import (
    DEEPEST_LITERAL,
    LONGEST_LITERAL,
    UnreadableRecordError,
    kind_of,
    parse_record,
    storable,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
RECORDS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3)


def reason_of(text: str) -> str:
    with pytest.raises(UnreadableRecordError) as error:
        parse_record(text)
    return error.value.reason


@given(RECORDS)
def test_json_comes_back_as_it_was(record: dict[str, object]) -> None:
    assert parse_record(json.dumps(record)) == record


@given(st.dictionaries(st.text(max_size=5), st.lists(SCALARS) | SCALARS, max_size=5))
def test_python_literals_come_back_as_they_were(record: dict[str, object]) -> None:
    assert parse_record(repr(record)) == record


def test_a_line_of_2014_in_single_quotes() -> None:
    line = (
        "{'asin': '0000031852', 'title': \"Girls' Tutu\", 'price': 3.17, 'related': "
        "{'also_bought': ['B00JHONN1S', 'B002BZX8Z6']}, 'salesRank': {'Toys & Games': 211836}, "
        "'categories': [['Sports & Outdoors', 'Other Sports', 'Dance']], 'brand': None}"
    )
    record = parse_record(line)
    assert record["title"] == "Girls' Tutu"
    assert record["categories"] == [["Sports & Outdoors", "Other Sports", "Dance"]]
    assert (record["price"], record["brand"]) == (3.17, None)


def test_escapes_that_python_warns_of_are_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse_record(r"{'path': 'C:\data'}") == {"path": "C:\\data"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_json"),
        ("not json", "not_json"),
        ('{"asin": "B1"', "not_json"),
        ('{"asin": "B1"} trailing', "not_json"),
        ("{'asin': open('/etc/hostname').read()}", "not_json"),
        ("{'asin': __import__('os')}", "not_json"),
        ("{**{}}", "not_json"),
        ("{'a': 'b' * 10**9}", "not_json"),
        ("{'a': 1 + 1j}", "not_json"),
        ("{'a': f'{1}'}", "not_json"),
        ("{[]: 1}", "not_json"),
        ("{'a': " + "1" * 5000 + "}", "not_json"),
        ('{"a": ' + "1" * 5000 + "}", "not_json"),
        ("[1, 2]", "not_an_object"),
        ("['a']", "not_json"),
        ("{1, 2}", "not_an_object"),
        ('"text"', "not_an_object"),
        ("3", "not_an_object"),
        ("null", "not_an_object"),
        ("NaN", "not_an_object"),
    ],
)
def test_what_is_no_record_has_a_reason(text: str, reason: str) -> None:
    assert reason_of(text) == reason


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ' + "[" * 100_000,
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "{'a': " + "[" * 50_000,
        "{'a': " + "{'b': " * 5_000 + "1" + "}" * 5_001,
        "{'a': " + "-" * 50_000 + "1}",
        "{'a': " + "- " * 50_000 + "1}",
        "{'a': 1" + "+1" * 50_000 + "}",
        "{'a': " + "not " * 40_000 + "1}",
        "{'a': " + "lambda:" * 20_000 + "1}",
        "{'a': 1" + ".b" * 50_000 + "}",
        "{'a': 'b' " + "if 1 else 'b' " * 10_000 + "}",
        "{'a': " + "'" * 99_999 + "}",
        "{'a': '" + "\\" * 99_999 + "}",
    ],
)
def test_hostile_lines_end_quickly_and_without_harm(text: str) -> None:
    start = time.perf_counter()
    assert reason_of(text) == "not_json"
    assert time.perf_counter() - start < 3


def test_literals_have_bounds_that_json_has_not() -> None:
    deep = "[" * (DEEPEST_LITERAL - 1) + "]" * (DEEPEST_LITERAL - 1)
    assert "a" in parse_record(f"{{'a': {deep}}}")
    assert reason_of(f"{{'a': [{deep}]}}") == "not_json"
    assert parse_record("{'a': '" + "([{" * 100 + "'}") == {"a": "([{" * 100}
    long = "x" * LONGEST_LITERAL
    assert reason_of(f"{{'a': '{long}'}}") == "not_json"
    assert parse_record(f'{{"a": "{long}"}}') == {"a": long}


def test_reviews_and_products_are_told_by_their_keys() -> None:
    assert kind_of({"reviewerID": "A", "asin": "B"}) == "review"
    assert kind_of({"user_id": None, "parent_asin": "B"}) == "review"
    assert kind_of({"asin": "B", "title": "T"}) == "product"
    assert kind_of({"parent_asin": "B", "average_rating": 4.5}) == "product"
    assert kind_of({"title": "T"}) is None


@given(st.text(alphabet=st.characters() | st.sampled_from("\0\ud800\udfff"), max_size=30))
def test_any_text_becomes_one_that_a_table_can_hold(text: str) -> None:
    stored = storable(text)
    assert len(stored) == len(text)
    assert "\0" not in stored
    stored.encode()
    kept = [(a, b) for a, b in zip(text, stored, strict=True) if b != "\ufffd"]
    assert all(a == b for a, b in kept)
