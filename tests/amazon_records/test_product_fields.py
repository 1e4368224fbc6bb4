"""One product of each year, and each of the ways in which they are broken; all texts made up."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_recommender.amazon_records.product_fields import UnusableRecordError, product_fields
from product_recommender.amazon_records.record_text import parse_record

NOTHING = {
    "product_id": "B1",
    "title": None,
    "description": None,
    "features": None,
    "brand": None,
    "category": None,
    "category_path": None,
    "list_price": None,
    "cost": None,
    "stock": None,
    "image": None,
    "image_urls": [],
}


def of(**values: Any) -> dict[str, Any]:
    return product_fields({"asin": "B1"} | values)


def test_2014() -> None:
    line = (
        "{'asin': '0000031852', 'title': 'Girls&#39; Skirt', 'price': 3.17, 'imUrl': "
        "'http://img.example.com/a.jpg', 'brand': 'Coxy', 'salesRank': {'Toys': 5}, 'related': "
        "{'also_bought': ['B2']}, 'categories': [['Sports', 'Dance'], ['Toys']], "
        "'description': 'A skirt.'}"
    )
    assert product_fields(parse_record(line)) == NOTHING | {
        "product_id": "0000031852",
        "title": "Girls' Skirt",
        "description": "A skirt.",
        "brand": "Coxy",
        "category": "Sports",
        "category_path": "Sports > Dance",
        "list_price": 3.17,
        "image": "http://img.example.com/a.jpg",
        "image_urls": ["http://img.example.com/a.jpg"],
    }


def test_2018() -> None:
    found = of(
        title='<span id="t">A\n  drum</span>',
        description=["", "<p>First.</p>", "Second &amp; last."],
        feature=["Loud", "<span>\n Very loud </span>", "Loud", ""],
        price="$5.00 - $10.00",
        brand="by\n    \n    Drums &amp; Co",
        category=["Music &amp; More", "Music & More", "Drums", "</span></span>", "Made of wood."],
        main_cat="Toys",
        image=["https://img.example.com/small.jpg"],
        imageURL=["https://img.example.com/small.jpg"],
        imageURLHighRes=["https://img.example.com/large.jpg", "https://img.example.com/2.jpg"],
        tech1=" class='x'>",
        rank=[">#39,745 in Music"],
    )
    assert found == NOTHING | {
        "title": "A drum",
        "description": "First.\nSecond & last.",
        "features": "Loud\nVery loud",
        "brand": "Drums & Co",
        "category": "Music & More",
        "category_path": "Music & More > Drums",
        "list_price": 5.0,
        "image": "https://img.example.com/large.jpg",
        "image_urls": ["https://img.example.com/large.jpg", "https://img.example.com/2.jpg"],
    }


def test_2023() -> None:
    record = {
        "main_category": "Musical Instruments",
        "title": "A drum",
        "average_rating": 4.5,
        "rating_number": 12,
        "features": [],
        "description": ["Loud."],
        "price": "None",
        "images": [
            {"thumb": "https://img.example.com/t2.jpg", "hi_res": None, "variant": "PT01",
             "large": "https://img.example.com/l2.jpg"},
            {"thumb": "https://img.example.com/t1.jpg", "variant": "MAIN",
             "hi_res": "https://img.example.com/h1.jpg"},
        ],
        "videos": [],
        "store": "Visit the Drums Store",
        "categories": [],
        "details": '{"Brand": "Other", "Material": "Wood"}',
        "parent_asin": "B00000000P",
        "bought_together": None,
    }  # fmt: skip
    assert product_fields(record) == NOTHING | {
        "product_id": "B00000000P",
        "title": "A drum",
        "description": "Loud.",
        "brand": "Drums",
        "category": "Musical Instruments",
        "image": "https://img.example.com/h1.jpg",
        "image_urls": ["https://img.example.com/h1.jpg", "https://img.example.com/l2.jpg"],
    }
    by_size = {
        "hi_res": [None, "https://img.example.com/h2.jpg"],
        "large": ["https://img.example.com/l1.jpg", "https://img.example.com/l2.jpg"],
        "thumb": ["https://img.example.com/t1.jpg"],
        "variant": ["MAIN", "PT01"],
    }
    assert of(images=by_size)["image_urls"] == [
        "https://img.example.com/l1.jpg",
        "https://img.example.com/h2.jpg",
    ]


def test_our_own_generated_record_with_a_picture() -> None:
    found = of(
        title="Sonivo BO-902", category="Electronics", price=401.99, cost=326.64, stock=10,
        image="B1.png",
    )  # fmt: skip
    assert found == NOTHING | {
        "title": "Sonivo BO-902",
        "category": "Electronics",
        "category_path": "Electronics",
        "list_price": 401.99,
        "cost": 326.64,
        "stock": 10,
        "image": "B1.png",
    }


@pytest.mark.parametrize(
    ("values", "image", "urls"),
    [
        ({"image": "a/b.png"}, "a/b.png", []),
        ({"images": ["b.png", "c.png"]}, "b.png", []),
        ({"image": "../../etc/passwd"}, "../../etc/passwd", []),  # judged where it is opened
        ({"image": "b.png", "imageURL": ["https://x.example.com/1"]}, "b.png",
         ["https://x.example.com/1"]),
        ({"image": "https://x.example.com/1"}, "https://x.example.com/1",
         ["https://x.example.com/1"]),
        ({"image": "data:image/png;base64,AAAA"}, None, []),
        ({"image": "javascript:alert(1)"}, None, []),
        ({"image": "file:///etc/passwd"}, None, []),
        ({"image": "//x.example.com/1"}, None, []),
        ({"image": "https://x.example.com/a b"}, None, []),
        ({"image": 'https://x.example.com/"><script>'}, None, []),
        ({"image": "https://x.example.com/" + "a" * 2000}, None, []),
        ({"image": []}, None, []),
        ({"image": {}}, None, []),
        ({"image": [None, 1, "b.png"]}, "b.png", []),
        ({"images": [{"large": 5}, {"large": "https://x.example.com/1"}]},
         "https://x.example.com/1", ["https://x.example.com/1"]),
        ({"images": {"large": "not a list"}}, None, []),
        ({"image": ["https://x.example.com/1", "https://x.example.com/1"]},
         "https://x.example.com/1", ["https://x.example.com/1"]),
    ],
)  # fmt: skip
def test_images(values: dict[str, Any], image: str | None, urls: list[str]) -> None:
    found = of(**values)
    assert (found["image"], found["image_urls"]) == (image, urls)


@pytest.mark.parametrize(
    ("values", "brand"),
    [
        ({"brand": "Lux"}, "Lux"),
        ({"brand": "by Lux"}, "Lux"),
        ({"brand": "By Lux"}, "By Lux"),
        ({"brand": "Visit the Lux & Co Store"}, "Lux & Co"),
        ({"brand": "Brand: Lux"}, "Lux"),
        ({"brand": "\n\n   Lux\n"}, "Lux"),
        ({"brand": "", "store": "Lux"}, "Lux"),
        ({"brand": "Unknown", "details": {"Brand Name": "Lux"}}, "Lux"),
        ({"brand": None, "details": '{"Brand": "Lux"}'}, "Lux"),
        ({"details": "not json"}, None),
        ({"details": ["Brand", "Lux"]}, None),
        ({"brand": ["Lux"]}, None),
        ({"brand": "N/A"}, None),
        ({"brand": "11:11"}, "11:11"),
    ],
)
def test_brands(values: dict[str, Any], brand: str | None) -> None:
    assert of(**values)["brand"] == brand


@pytest.mark.parametrize(
    ("values", "category", "path"),
    [
        ({"category": "Home > Lamps > Desk"}, "Home", "Home > Lamps > Desk"),
        ({"categories": [[["Home", "Lamps"]]]}, "Home", "Home > Lamps"),
        ({"category": ["Home", "x" * 81, "Lamps"]}, "Home", "Home"),
        ({"category": ["Home", 3, None, "Lamps"]}, "Home", "Home > 3"),
        ({"category": [], "main_cat": "Tools &amp; More"}, "Tools & More", None),
        ({"main_cat": '<img src="x.png" alt="FASHION"/>'}, None, None),
        ({"category": {"a": 1}}, None, None),
    ],
)
def test_categories(values: dict[str, Any], category: str | None, path: str | None) -> None:
    found = of(**values)
    assert (found["category"], found["category_path"]) == (category, path)


def test_a_title_that_is_a_script_is_none() -> None:
    assert of(title="var aPageStart = (new Date()).getTime();")["title"] is None


def test_a_price_that_is_none_gives_way_to_the_list_price() -> None:
    assert of(price="—", list_price="$7")["list_price"] == 7.0
    assert of(price=0, list_price="$7")["list_price"] == 0.0


@pytest.mark.parametrize(
    ("value", "stock"),
    [(3, 3), ("3", 3), (2.5, None), (-1, None), (math.nan, None), (10**30, None), ([], None)],
)
def test_stock(value: Any, stock: int | None) -> None:
    assert of(stock=value)["stock"] == stock


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"asin": "B1", "reviewerID": "A", "title": "Great!"}, "a_review"),
        ({"parent_asin": "B1", "user_id": "A", "title": "Great!"}, "a_review"),
        ({"title": "no id"}, "missing_product_id"),
        ({"asin": None}, "missing_product_id"),
        ({"asin": "  "}, "missing_product_id"),
        ({"asin": ["B1"]}, "missing_product_id"),
        ({"asin": True}, "missing_product_id"),
        ({"asin": math.nan}, "missing_product_id"),
        ({}, "missing_product_id"),
    ],
)
def test_what_is_no_product_has_a_reason(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnusableRecordError) as error:
        product_fields(record)
    assert error.value.reason == reason


GARBAGE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters() | st.sampled_from("<>&;\ud800"), max_size=12)
    | st.sampled_from(["$5.00", "https://x.example.com/1", "<script>", "MAIN", "a > b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["large", "hi_res", "variant", "Brand", "x"]), inner)
    ),
    max_leaves=6,
)
KEYS = [
    *("parent_asin", "title", "description", "feature", "features", "brand", "store", "details"),
    *("category", "categories", "main_category", "main_cat", "price", "list_price", "cost"),
    *("stock", "image", "images", "imageURLHighRes", "imageURL", "imUrl"),
]


@given(st.dictionaries(st.sampled_from(KEYS), GARBAGE))
def test_no_record_is_an_error_and_every_value_can_be_stored(record: dict[str, Any]) -> None:
    found = of(**record)
    assert set(found) == set(NOTHING)
    json.dumps(found).encode()
    for name, value in found.items():
        if isinstance(value, str):
            assert value.encode() is not None
            assert value.strip(), name
    assert all(url.encode().startswith(b"http") for url in found["image_urls"])
