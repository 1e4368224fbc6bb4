"""One review of each year, and each of the ways in which they are broken; all texts made up."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_recommender.amazon_records.review_fields import (
    UNUSABLE,
    category_of_file,
    review_fields,
)
from product_recommender.review_format import RAW_REVIEW_COLUMNS, RECORD_FIELDS

OF_2014 = {
    "reviewerID": "A0001",
    "asin": "0000013714",
    "reviewerName": "Somebody",
    "helpful": [2, 3],
    "reviewText": "Loud.\r\nVery loud.",
    "overall": 5.0,
    "summary": "A drum",
    "unixReviewTime": 1393545600,
    "reviewTime": "02 28, 2014",
}
OF_2018 = {
    "overall": 4.0,
    "verified": True,
    "vote": "1,234",
    "reviewTime": "06 2, 2018",
    "reviewerID": "A0002",
    "asin": "B000000002",
    "style": {"Size:": " Large"},
    "reviewerName": "Somebody else",
    "reviewText": "It fits.",
    "summary": "Fits",
    "unixReviewTime": 1527897600,
    "image": ["https://images.example.com/1.jpg"],
}
OF_2023 = {
    "rating": 1.0,
    "title": "Broke",
    "text": "After a day.<br />Sent back.",
    "images": [],
    "asin": "B000000003",
    "parent_asin": "B00000000P",
    "user_id": "AFKZ",
    "timestamp": 1588687728923,
    "helpful_vote": 7,
    "verified_purchase": False,
}


def fields(record: dict[str, Any], category: str | None = None) -> dict[str, str | None]:
    return dict(zip(RECORD_FIELDS, review_fields(record, category), strict=True))


def test_the_fields_are_those_of_the_tables_and_the_time() -> None:
    assert RECORD_FIELDS[:-1] == RAW_REVIEW_COLUMNS
    assert RECORD_FIELDS[-1] == "review_time"


def test_2014() -> None:
    found = fields(OF_2014, "Musical Instruments")
    made = found.pop("review_id")
    assert found == {
        "marketplace": None,
        "customer_id": "A0001",
        "product_id": "0000013714",
        "product_parent": None,
        "product_title": None,
        "product_category": "Musical Instruments",
        "star_rating": "5.0",
        "helpful_votes": "2",
        "total_votes": "3",
        "vine": None,
        "verified_purchase": None,
        "review_headline": "A drum",
        "review_body": "Loud.\nVery loud.",
        "review_date": "2014-02-28",
        "review_time": None,
    }
    assert made is not None
    assert len(made) == 32


def test_2018() -> None:
    found = fields(OF_2018)
    assert (found["customer_id"], found["product_id"]) == ("A0002", "B000000002")
    assert (found["star_rating"], found["verified_purchase"]) == ("4.0", "true")
    assert (found["helpful_votes"], found["total_votes"]) == ("1234", None)
    assert (found["review_date"], found["review_time"]) == ("2018-06-02", None)
    assert (found["review_headline"], found["review_body"]) == ("Fits", "It fits.")
    assert found["product_category"] is None


def test_2023() -> None:
    found = fields(OF_2023)
    assert (found["customer_id"], found["product_id"]) == ("AFKZ", "B000000003")
    assert found["product_parent"] == "B00000000P"
    # `title` is the headline of the review, not the name of the product.
    assert (found["review_headline"], found["product_title"]) == ("Broke", None)
    assert found["review_body"] == "After a day.<br />Sent back."
    assert (found["star_rating"], found["verified_purchase"]) == ("1.0", "false")
    assert (found["helpful_votes"], found["total_votes"]) == ("7", None)
    # 1588687728 is 2020-05-05 14:08:48 UTC (date -u -d @1588687728).
    assert (found["review_date"], found["review_time"]) == (
        "2020-05-05",
        "2020-05-05 14:08:48.923",
    )


@pytest.mark.parametrize(
    ("change", "day", "time"),
    [
        ({"timestamp": 1588687728}, "2020-05-05", "2020-05-05 14:08:48.000"),
        ({"timestamp": "1588687728923"}, "2020-05-05", "2020-05-05 14:08:48.923"),
        ({"timestamp": 1588687728923.0}, "2020-05-05", "2020-05-05 14:08:48.923"),
        ({"timestamp": "2020-05-05 14:08:48.923"}, "2020-05-05", "2020-05-05 14:08:48.923"),
        ({"timestamp": "2020-05-05T23:30:00-02:00"}, "2020-05-06", "2020-05-06 01:30:00.000"),
        ({"timestamp": "2020-05-05"}, "2020-05-05", None),
        ({"timestamp": 1588636800000}, "2020-05-05", "2020-05-05 00:00:00.000"),
        ({"timestamp": None, "unixReviewTime": 1588687728}, "2020-05-05", None),
        ({"timestamp": "soon", "reviewTime": "5 5, 2020"}, "2020-05-05", None),
        ({"timestamp": None, "unixReviewTime": "x", "reviewTime": "12 31, 1999"}, "1999-12-31",
         None),
        ({"timestamp": None}, None, None),
        ({"timestamp": ""}, None, None),
        ({"timestamp": "soon"}, "soon", None),
        ({"timestamp": 0}, "0", None),
        ({"timestamp": True}, "true", None),
        ({"timestamp": math.nan}, "nan", None),
        ({"timestamp": math.inf}, "inf", None),
        ({"timestamp": 10**15}, str(10**15), None),  # the year 33658
        ({"timestamp": 10**18}, str(10**18), None),
        ({"timestamp": [1]}, UNUSABLE, None),
        ({"timestamp": None, "reviewTime": "02 30, 2014"}, "02 30, 2014", None),
        ({"timestamp": None, "reviewTime": "28 02, 2014"}, "28 02, 2014", None),
    ],
)  # fmt: skip
def test_times(change: dict[str, Any], day: str | None, time: str | None) -> None:
    found = fields(OF_2023 | change)
    assert (found["review_date"], found["review_time"]) == (day, time)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, "5"),
        ("5.0", "5.0"),
        (4.5, "4.5"),
        (math.nan, "nan"),
        (True, "true"),
        (None, None),
        ([5], UNUSABLE),
        ({"stars": 5}, UNUSABLE),
    ],
)
def test_stars_are_handed_on_as_they_stand(value: Any, expected: str | None) -> None:
    assert fields(OF_2014 | {"overall": value})["star_rating"] == expected


@pytest.mark.parametrize(
    ("change", "helpful", "total"),
    [
        ({"helpful": [0, 0]}, "0", "0"),
        ({"helpful": (4, 9)}, "4", "9"),
        ({"helpful": "[4, 9]"}, "4", "9"),
        ({"helpful": [1]}, UNUSABLE, None),
        ({"helpful": {"yes": 1}}, UNUSABLE, None),
        ({"helpful": [[1], 2]}, UNUSABLE, "2"),
        ({"helpful": None}, None, None),
        ({"helpful": None, "vote": "12"}, "12", None),
        ({"helpful": None, "vote": "1,234,567"}, "1234567", None),
        ({"helpful": None, "vote": "1,23"}, "1,23", None),
        ({"helpful": None, "vote": 10**30}, str(10**30), None),
        ({"helpful": None, "helpful_vote": 0}, "0", None),
    ],
)
def test_votes(change: dict[str, Any], helpful: str | None, total: str | None) -> None:
    found = fields(OF_2014 | change)
    assert (found["helpful_votes"], found["total_votes"]) == (helpful, total)


def test_ids_are_texts_or_none() -> None:
    for value, expected in (
        ("007", "007"), (7, "7"), (7.0, None), (True, None), (None, None), (["A"], None),
        ({}, None), (math.nan, None), ("A\0", "A\ufffd"), ("\ud800", "\ufffd"),
    ):  # fmt: skip
        found = fields(OF_2014 | {"reviewerID": value, "asin": value})
        assert (found["customer_id"], found["product_id"]) == (expected, expected), value
    assert fields({"parent_asin": "B1", "user_id": "A"})["product_id"] == "B1"


def test_texts_that_are_none_are_missing() -> None:
    for value in (None, {"a": 1}, True, math.nan):
        found = fields(OF_2014 | {"reviewText": value, "summary": value})
        assert (found["review_headline"], found["review_body"]) == (None, None)
    assert fields(OF_2014 | {"reviewText": ["a", 1, "b"]})["review_body"] == "a\nb"
    assert fields(OF_2014 | {"reviewText": "x\0\ud83d"})["review_body"] == "x\ufffd\ufffd"


def test_a_repeat_has_the_same_id_and_any_change_another() -> None:
    made = fields(OF_2014)["review_id"]
    assert fields(dict(reversed(OF_2014.items())) | {"reviewerName": "X"})["review_id"] == made
    assert fields(OF_2014, "Another category")["review_id"] == made
    changes = (
        {"reviewerID": "A0009"}, {"asin": "B1"}, {"overall": 4.0}, {"summary": "A Drum"},
        {"reviewText": "Loud."}, {"unixReviewTime": 1393632000},
    )  # fmt: skip
    others = {fields(OF_2014 | change)["review_id"] for change in changes}
    assert len(others | {made}) == len(changes) + 1
    assert (
        fields(OF_2023)["review_id"] != fields(OF_2023 | {"timestamp": 1588687728924})["review_id"]
    )
    assert fields(OF_2014 | {"review_id": "R1"})["review_id"] == "R1"


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("reviews_Musical_Instruments_5.json.gz", "Musical Instruments"),
        ("Gift_Cards_5.json.gz", "Gift Cards"),
        ("Gift_Cards.json", "Gift Cards"),
        ("2023/raw/Musical_Instruments.jsonl.gz", "Musical Instruments"),
        ("CDs_and_Vinyl.jsonl", "CDs and Vinyl"),
        ("Clothing_Shoes_and_Jewelry_10.json", "Clothing Shoes and Jewelry"),
        ("Electronics.JSONL", "Electronics"),
        ("reviews.jsonl", None),
        ("Reviews.jsonl", None),
        ("reviews_5.json", None),
        ("part-00001.json.gz", None),
        ("my_export.json", None),
        ("2023.json", None),
        (".json", None),
    ],
)
def test_the_category_in_the_name_of_a_file(name: str, category: str | None) -> None:
    assert category_of_file(name) == category


GARBAGE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters() | st.just("\ud800"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
KEYS = sorted({*OF_2014, *OF_2018, *OF_2023})


@given(st.dictionaries(st.sampled_from(KEYS), GARBAGE))
def test_no_record_is_an_error_and_every_field_can_be_stored(record: dict[str, Any]) -> None:
    found = review_fields(record, None)
    assert len(found) == len(RECORD_FIELDS)
    for value in found:
        assert value is None or value.encode() is not None
