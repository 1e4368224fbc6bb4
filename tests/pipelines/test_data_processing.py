"""From raw lines to reviews: rules worked out by hand, and the whole pipeline on small files."""

from __future__ import annotations

import hashlib
import html
import os
from collections import Counter
from datetime import date
from html.entities import name2codepoint
from pathlib import Path
from random import Random
from typing import Any

import ibis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from processing_run import ProcessingRun, review, reviews, write_reviews
from product_recommender.datasets import SourceFolderDataset
from product_recommender.datasets.raw_lines import LINE_SCHEMA
from product_recommender.pipelines.data_processing.line_rules import type_lines
from product_recommender.pipelines.data_processing.parameters import (
    DataProcessingParameters,
    SplitParameters,
)
from product_recommender.pipelines.data_processing.quality import account
from product_recommender.pipelines.data_processing.review_records import FIELDS
from product_recommender.pipelines.data_processing.text_cleaning import (
    COMMON_ENTITIES,
    RARE_ENTITIES,
    clean_text,
    unescape_html,
)
from product_recommender.pipelines.data_processing.time_split import (
    choose_cuts,
    validation_part_of,
)
from product_recommender.review_format import RAW_REVIEW_COLUMNS

CONNECTION = ibis.duckdb.connect()
REVIEW_LINES = ibis.Schema.from_pyarrow(LINE_SCHEMA.append(FIELDS))


def evaluate(values: list[str], rule: Any) -> list[Any]:
    table = ibis.memtable({"row": range(len(values)), "text": values})
    expression = table.select("row", answer=rule(table.text)).order_by("row")
    return CONNECTION.to_pyarrow(expression)["answer"].to_pylist()


def typed(*lines: str, **settings_: Any) -> list[dict[str, Any]]:
    """Typed rows of lines in canonical order."""
    arguments = {"verified_only": False, "first_year": 1994, "last_year": 2035} | settings_
    table = ibis.memtable(
        {
            "file": ["a.tsv"] * len(lines),
            "line_number": list(range(2, len(lines) + 2)),
            "field_order": [list(range(15))] * len(lines),
            "n_fields": [15] * len(lines),
            "text": list(lines),
            "damage": [None] * len(lines),
            "fields": [None] * len(lines),
        },
        schema=REVIEW_LINES,
    )
    expression = type_lines(table, **arguments).order_by("line_number")
    return CONNECTION.to_pyarrow(expression).to_pylist()


# ---------------------------------------------------------------- texts


def test_all_of_latin_1_is_listed() -> None:
    latin = {name for name, code in name2codepoint.items() if 0xA0 <= code <= 0xFF}
    assert latin <= set(COMMON_ENTITIES | RARE_ENTITIES)


def test_every_listed_entity_means_what_python_says() -> None:
    entities = COMMON_ENTITIES | RARE_ENTITIES
    for name in entities:
        assert html.unescape(f"&{name};") == entities[name] or name == "nbsp"
    written = [
        form.format(name=name, code=ord(html.unescape(f"&{name};")))
        for name in [*entities, "amp"]
        for form in (
            "a &{name}; b",
            "&#{code};&#{code};",
            "&#x{code:x};",
            "x&#X{code:X};&#0{code};",
        )
    ]
    expected = [html.unescape(text).replace("\xa0", " ") for text in written]
    assert evaluate(written, unescape_html) == expected


@settings(max_examples=4, deadline=None)
@given(st.randoms(use_true_random=False))
def test_entities_are_undone_once_as_in_python(random: Random) -> None:
    parts = ["&", "amp;", "&amp;", "lt;", "#34;", "&#38;", "&eacute;", "é", "q", ";"]
    texts = ["".join(random.choices(parts, k=random.randrange(12))) for _ in range(300)]
    assert evaluate(texts, unescape_html) == [html.unescape(text) for text in texts]


def test_breaks_become_newlines_and_other_tags_stay() -> None:
    texts = ["one<br />two <br/> three<BR>four", " <b>5 < 6</b> ", "&lt;br /&gt;", "<br />", "  "]
    assert evaluate(texts, clean_text) == [
        "one\ntwo\nthree\nfour",
        "<b>5 < 6</b>",
        "<br />",
        None,
        None,
    ]


# ---------------------------------------------------------------- one line


def test_a_good_line_is_typed() -> None:
    line = review(
        7,
        customer_id="007",
        product_id="0000031852",
        star_rating="4.0",
        helpful_votes="2",
        total_votes="3",
        vine="y",
        verified_purchase="N",
        product_title="&#34;Tutu&#34; &amp; more",
        review_headline='say "so"',
        review_body="a\rb<br />c",
        review_date="2014/3/9",
    )
    (row,) = typed(line)
    assert row == {
        "file": "a.tsv",
        "line_number": 2,
        "review_id": "R7",
        "customer_id": "007",
        "product_id": "0000031852",
        "product_parent": "0",
        "product_title": '"Tutu" & more',
        "product_category": "Furniture",
        "star_rating": 4,
        "helpful_votes": 2,
        "total_votes": 3,
        "vine": True,
        "verified_purchase": False,
        "review_headline": 'say "so"',
        "review_body": "a b\nc",
        "review_date": date(2014, 3, 9),
        "review_time": None,
        "reject_reason": None,
    }


def test_dates_are_year_first_possible_and_plausible() -> None:
    cases = [
        ("2014-02-28", date(2014, 2, 28)),
        ("2012-02-29", date(2012, 2, 29)),
        ("2014.2.8", date(2014, 2, 8)),
        ("20140228", date(2014, 2, 28)),
        ("2014-02-28T23:59:59Z", date(2014, 2, 28)),
        ("2014-02-28 10:00", date(2014, 2, 28)),
        ("2014/2/8 00:00:00", date(2014, 2, 8)),
        ("2014-1-12T23:59:59.123+02:00", date(2014, 1, 12)),
        ("\ufeff2014-11-01", date(2014, 11, 1)),
        ("2014-11", None),
        ("201411", None),
        ("2014-111", None),
        ("2014111", None),
        ("2014-1101", None),
        ("2014-1/2", None),
        ("2014/1-2", None),
        ("2014-01-011", None),
        ("201401011", None),
        ("2014-05-05T99:99", None),
        ("2014-05-05T24:00", None),
        ("2014-05-05T10:60", None),
        ("2014-05-05T10:00:60", None),
        ("2014-05-05T10", None),
        ("2014-05-05T", None),
        ("2014-05-05 garbage", None),
        ("2014-05-05 10:00 garbage", None),
        ("2014-05-0510:00", None),
        ("2014-02-29", None),
        ("2014-13-01", None),
        ("2014-00-10", None),
        ("02/03/2014", None),
        ("1993-12-31", None),
        ("2036-01-01", None),
        ("9999-12-31", None),
        ("yesterday", None),
        ("1393459200", None),
    ]
    rows = typed(*(review(1, review_date=text) for text, _ in cases))
    for (text, expected), row in zip(cases, rows, strict=True):
        assert row["review_date"] == expected, text
        assert row["reject_reason"] == (None if expected else "invalid_review_date"), text


def test_byte_order_marks_around_ids_make_no_other_customer() -> None:
    rows = typed(
        review(1, customer_id="\ufeff0042", product_id=" \ufeff B1\ufeff ", star_rating="\ufeff5"),
        review(1, customer_id=" \ufeff "),
        review(1, customer_id="00\ufeff42"),
    )
    assert (rows[0]["customer_id"], rows[0]["product_id"]) == ("0042", "B1")
    assert rows[0]["star_rating"] == 5
    assert rows[1]["reject_reason"] == "missing_customer_id"
    assert rows[2]["customer_id"] == "00\ufeff42"


def test_reasons() -> None:
    cases = [
        ({"customer_id": " "}, "missing_customer_id"),
        ({"product_id": r"\N"}, "missing_product_id"),
        ({"star_rating": ""}, "missing_star_rating"),
        ({"star_rating": "0"}, "invalid_star_rating"),
        ({"star_rating": "6"}, "invalid_star_rating"),
        ({"star_rating": "4.5"}, "invalid_star_rating"),
        ({"star_rating": "-3"}, "invalid_star_rating"),
        ({"star_rating": "inf"}, "invalid_star_rating"),
        ({"star_rating": "five"}, "invalid_star_rating"),
        ({"review_date": ""}, "missing_review_date"),
        ({"helpful_votes": "-1"}, "invalid_helpful_votes"),
        ({"helpful_votes": "99999999999"}, "invalid_helpful_votes"),
        ({"total_votes": "many"}, "invalid_total_votes"),
        ({"vine": "maybe"}, "invalid_flag"),
        ({"verified_purchase": "2"}, "invalid_flag"),
        ({"review_body": "a\ttab"}, "too_many_fields"),
        # Optional values may be missing.
        ({"review_id": ""}, None),
        ({"helpful_votes": "", "total_votes": "NULL", "vine": "", "verified_purchase": ""}, None),
        ({"product_title": "", "product_category": "", "product_parent": ""}, None),
        ({"review_headline": "", "review_body": ""}, None),
    ]
    rows = typed(*(review(1, **values) for values, _ in cases))
    for (values, reason), row in zip(cases, rows, strict=True):
        assert row["reject_reason"] == reason, values


def test_too_few_fields_and_the_first_reason_wins() -> None:
    short = "\t".join(review(1).split("\t")[:9])
    rows = typed(short, "alone", review(1, customer_id="", star_rating="9"))
    assert [row["reject_reason"] for row in rows] == [
        "too_few_fields",
        "too_few_fields",
        "missing_customer_id",
    ]


def test_verified_only_rejects_the_others() -> None:
    lines = [review(1, verified_purchase=flag) for flag in ("Y", "N", "")]
    rows = typed(*lines, verified_only=True)
    assert [row["reject_reason"] for row in rows] == [None, "not_verified", "not_verified"]


def test_the_rules_compile_for_spark() -> None:
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler

    lines = ibis.table(REVIEW_LINES, name="review_lines")
    sql = PySparkCompiler().to_sqlglot(type_lines(lines, True, 1994, 2035)).sql("spark")
    assert "TRY_CAST" in sql


# ---------------------------------------------------------------- the split


def days_of(*numbers: int) -> list[date]:
    return [date(2014, 1, number) for number in numbers]


def test_cuts_meet_the_shares_as_nearly_as_whole_days_allow() -> None:
    days, split = days_of(1, 2, 3, 4, 5, 6), SplitParameters()
    # cumulated: 3, 7, 8, 9, 12, 13 of 20 ... the nearest to 80 % (16) and 90 % (18)
    assert choose_cuts(days, np.array([8, 6, 3, 1, 1, 1]), split, "x") == (days[2], days[3])
    # one heavy day in front: 19 of 20 train, the others get a day each all the same
    assert choose_cuts(days[:3], np.array([90, 5, 5]), split, "x") == (days[0], days[1])
    assert choose_cuts(days[:3], np.array([5, 5, 90]), split, "x") == (days[0], days[1])


def test_a_split_without_enough_days_names_the_keys() -> None:
    told = r"data_processing\.split\.train_share.*: 100 reviews lie on 2 days, 2014-01-01 to"
    with pytest.raises(ValueError, match=told):
        choose_cuts(days_of(1, 2), np.array([50, 50]), SplitParameters(), "x")
    with pytest.raises(ValueError, match="1 review lies on 1 day, 2014-01-01, and train"):
        choose_cuts(days_of(1), np.array([1]), SplitParameters(), "x")


def test_dates_that_leave_a_part_empty_are_named() -> None:
    split = SplitParameters(train_until="2014-01-02", validation_until="2014-01-04")
    assert choose_cuts(days_of(1, 3, 5), np.array([1, 1, 1]), split, "x") == (
        date(2014, 1, 2),
        date(2014, 1, 4),
    )
    with pytest.raises(ValueError, match=r"split\.validation_until.*leave validation without"):
        choose_cuts(days_of(1, 5), np.array([3, 4]), split, "x")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train_share": 0.95}, "below 1"),
        ({"train_until": "2014-01-01"}, "both"),
        ({"train_until": "2014-01-02", "validation_until": "2014-01-02"}, "before"),
        ({"train_shar": 0.5}, "train_shar"),
    ],
)
def test_impossible_settings_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataProcessingParameters(split=values)


def test_validation_customers_are_halved_by_md5() -> None:
    ids = [f"{number}" for number in range(2000)]
    found = evaluate(ids, lambda customer: validation_part_of(customer, 3))
    by_hand = [
        "tune" if hashlib.md5(f"3:{i}".encode()).hexdigest()[0] < "8" else "blend" for i in ids
    ]
    assert found == by_hand
    assert 900 < found.count("tune") < 1100


# ---------------------------------------------------------------- the whole pipeline


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> ProcessingRun:
    """Two files, some gaps, some repeats, metadata and customers; dates chosen by hand."""
    root = tmp_path_factory.mktemp("world")
    day = {"train": "2014-01-10", "validation": "2014-02-10", "test": "2014-03-10"}
    common = {"product_id": "B1", "product_title": "Lamp"}
    write_reviews(
        root / "in" / "a.tsv",
        [
            review(1, customer_id="01", review_date="2014-01-05", **common),
            # the same pair again in training: this later one stands
            review(2, customer_id="01", review_date="2014-01-06", **common),
            # and again in validation, twice on one day: the second stands, as a repeat
            review(3, customer_id="01", review_date=day["validation"], **common),
            review(4, customer_id="01", review_date=day["validation"], **common),
            review(5, customer_id="05", review_date=day["train"], **common, review_id="R1"),
            # a title given once, but earliest, and a title given twice
            review(
                6, customer_id="06", product_id="B2", product_title="Old", review_date="2014-01-01"
            ),
            review(
                7, customer_id="07", product_id="B2", product_title="New", review_date="2014-01-02"
            ),
            review(
                8, customer_id="08", product_id="B2", product_title="New", review_date=day["test"]
            ),
            review(9, customer_id="09", product_id="B2", product_title="", review_date=day["test"]),
        ],
    )
    write_reviews(
        root / "in" / "b.tsv",
        [
            review(10, product_id="B3", product_title="", product_category="", product_parent="",
                   review_headline="", helpful_votes="", review_date=day["validation"]),
            review(11, product_id="B4", product_title="Tie z", review_date="2014-01-03"),
            review(12, product_id="B4", product_title="Tie a", review_date="2014-01-04"),
            # an id of the other file
            review(13, review_id="R6", review_date=day["test"]),
        ],
    )  # fmt: skip
    (root / "in" / "readme.txt").write_text("foreign")
    metadata = [
        '{"asin": "B1", "title": "Lamp", "category": ["Home", "Lamps"], "price": "$1,299.50", '
        '"stock": 3, "brand": "Lux &amp; Co", "cost": 12, "description": ["<b>One</b>", "two"], '
        '"image": ["u1", "u2"]}',
        '{"asin": "B1", "title": "again"}',
        '{"asin": "B9", "title": "never reviewed", "price": "see above"}',
        "not json",
        "",
        '{"title": "no asin"}',
        "[1]",
    ]
    (root / "metadata").mkdir()
    (root / "metadata" / "p.jsonl").write_text("\n".join(metadata) + "\n")
    customers = [
        "customer_id,region,age_group,is_prime,sign_up_date",
        '01,"North, far",18-24,true,2010-05-06',
        "02,,,,",
        "01,South,,,",
        "03,too,few",
    ]
    (root / "customers").mkdir()
    (root / "customers" / "c.csv").write_text("\n".join(customers) + "\n")
    split = {"train_until": "2014-01-31", "validation_until": "2014-02-28"}
    return ProcessingRun(
        root / "data",
        root / "in",
        metadata=root / "metadata",
        customers=root / "customers",
        parameters={"split": split},
    ).run()


def test_every_line_is_a_review_or_rejected_with_a_reason(world: ProcessingRun) -> None:
    assert world.reasons == {
        ("a.tsv", 2): "superseded_repeat",
        ("a.tsv", 4): "superseded_repeat",
        ("a.tsv", 6): "duplicate_review_id",
        ("b.tsv", 5): "duplicate_review_id",
    }
    rejected = world.rows("rejected_reviews")
    assert rejected[0]["text"] == review(
        1, customer_id="01", review_date="2014-01-05", product_id="B1", product_title="Lamp"
    )
    report = world.report
    assert (report["lines_read"], report["accepted"], report["rejected"]) == (13, 9, 4)
    assert report["rejected_by_reason"] == {"duplicate_review_id": 2, "superseded_repeat": 2}


def test_reviews_hold_the_promised_columns(world: ProcessingRun) -> None:
    table = world.table("reviews")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        **dict.fromkeys(("customer_id", "product_id", "product_parent"), "string"),
        **dict.fromkeys(("product_title", "product_category"), "string"),
        "star_rating": "int8",
        **dict.fromkeys(("helpful_votes", "total_votes"), "int32"),
        **dict.fromkeys(("vine", "verified_purchase"), "bool"),
        **dict.fromkeys(("review_headline", "review_body"), "string"),
        "review_date": "date32[day]",
        "review_time": "timestamp[us]",
        **dict.fromkeys(("split", "validation_part"), "string"),
        "is_repeat": "bool",
    }
    sometimes = ("validation_part", "review_time")
    always_given = [name for name in table.column_names if name not in sometimes]
    assert [table[name].null_count for name in always_given] == [0] * len(always_given)


def test_parts_repeats_and_order(world: ProcessingRun) -> None:
    rows = world.rows("reviews")
    assert [(row["customer_id"], row["split"], row["is_repeat"]) for row in rows] == [
        ("01", "train", False),
        ("01", "validation", True),
        ("06", "train", False),
        ("07", "train", False),
        ("08", "test", False),
        ("09", "test", False),
        ("00000010", "validation", False),
        ("00000011", "train", False),
        ("00000012", "train", False),
    ]
    for row in rows:
        assert (row["validation_part"] in ("tune", "blend")) == (row["split"] == "validation")
    assert world.report["split"] == {
        "train_until": "2014-01-31",
        "validation_until": "2014-02-28",
        "last_day": "2014-03-10",
        "reviews": {"train": 5, "test": 2, "validation": 2},
    }
    assert world.report["repeats"] == 1


def test_missing_values_are_filled_and_counted(world: ProcessingRun) -> None:
    by_customer = {row["customer_id"]: row for row in world.rows("reviews")}
    # "New" is given twice, but only once in training, where "Old" came first.
    assert by_customer["09"]["product_title"] == "Old"
    gaps = by_customer["00000010"]
    assert (gaps["product_title"], gaps["product_category"]) == ("B3", "Unknown")
    assert (gaps["product_parent"], gaps["review_headline"]) == ("B3", "")
    assert gaps["helpful_votes"] == 0
    filled = {name: n for name, n in world.report["filled"].items() if n}
    assert filled == {
        "product_parent": 1,
        "product_title": 2,
        "product_category": 1,
        "helpful_votes": 1,
        "review_headline": 1,
    }


def test_products_take_the_usual_title_and_the_metadata(world: ProcessingRun) -> None:
    products = {row["product_id"]: row for row in world.rows("products")}
    assert list(products) == ["B1", "B2", "B3", "B4"]
    assert products["B2"]["product_title"] == "Old"
    assert products["B2"]["first_review_date"] == date(2014, 1, 1)
    assert products["B4"]["product_title"] == "Tie z"
    lamp = products["B1"]
    assert (lamp["brand"], lamp["list_price"], lamp["cost"]) == ("Lux & Co", 1299.5, 12.0)
    assert (lamp["stock"], lamp["image"], lamp["description"]) == (3, "u1", "One\ntwo")
    assert products["B2"]["list_price"] is None
    assert (lamp["category_path"], lamp["image_urls"]) == ("Home > Lamps", [])
    assert products["B2"]["image_urls"] == []
    assert world.report["metadata_records"] == {
        "read": 7,
        "used": 2,
        "rejected": 5,
        "rejected_by_reason": {
            "blank": 1,
            "missing_product_id": 1,
            "not_an_object": 1,
            "not_json": 1,
            "repeated_product_id": 1,
        },
    }
    metadata = {row["product_id"]: row for row in world.rows("product_metadata")}
    assert list(metadata) == ["B1", "B9"]
    assert (metadata["B1"]["category"], metadata["B1"]["title"]) == ("Home", "Lamp")
    assert metadata["B9"]["list_price"] is None


def told_later(tmp_path: Path, later: str) -> ProcessingRun:
    """B1 and B2 are known in training, B2 without values; later parts say ``later`` and more."""
    day = {"train": "2014-01-10", "validation": "2014-02-10", "test": "2014-03-10"}

    def told(number: int, part: str, product: str, value: str) -> str:
        return review(
            number,
            product_id=product,
            review_date=day[part],
            product_title=value and f"title {value}",
            product_category=value and f"category {value}",
            product_parent=value and f"parent {value}",
        )

    lines = [
        told(1, "train", "B1", "early"),
        told(2, "train", "B1", ""),
        told(3, "train", "B2", ""),
        *(told(n, "validation", "B1", later) for n in (4, 5, 6)),
        told(7, "validation", "B2", later),
        told(8, "validation", "B2", ""),
        *(told(n, "test", "B1", f"{later} still") for n in (9, 10, 11)),
        *(told(n, "test", "B2", f"{later} still") for n in (12, 13, 14)),
    ]
    split = {"train_until": "2014-01-31", "validation_until": "2014-02-28"}
    path = write_reviews(tmp_path / later / "a.tsv", lines)
    return ProcessingRun(tmp_path / later / "data", path, parameters={"split": split}).run()


def test_later_parts_change_neither_products_known_in_training_nor_filled_reviews(
    tmp_path: Path,
) -> None:
    named = ("product_title", "product_category", "product_parent")
    one, two = told_later(tmp_path, "x"), told_later(tmp_path, "y")
    training = [
        [row for row in run.rows("reviews") if row["split"] == "train"] for run in (one, two)
    ]
    assert training[0] == training[1]
    assert [tuple(row[name] for name in named) for row in training[0]] == [
        ("title early", "category early", "parent early"),
        ("title early", "category early", "B1"),
        ("B2", "Unknown", "B2"),
    ]
    for run, later in ((one, "x"), (two, "y")):
        products = {row["product_id"]: row for row in run.rows("products")}
        assert [products["B1"][name] for name in named] == [
            "title early",
            "category early",
            "parent early",
        ]
        # Training says nothing of B2: the earliest part that does, not what is said most often.
        assert [products["B2"][name] for name in named] == [
            f"title {later}",
            f"category {later}",
            f"parent {later}",
        ]
        filled = {row["customer_id"]: row for row in run.rows("reviews")}["00000008"]
        assert filled["product_title"] == f"title {later}"


def test_customers_are_read_with_their_attributes(world: ProcessingRun) -> None:
    assert world.rows("customers") == [
        {
            "customer_id": "01",
            "age_group": "18-24",
            "region": "North, far",
            "is_prime": True,
            "sign_up_date": date(2010, 5, 6),
        },
        {
            "customer_id": "02",
            "age_group": None,
            "region": None,
            "is_prime": None,
            "sign_up_date": None,
        },
    ]


def test_the_report_names_the_data(world: ProcessingRun) -> None:
    report = world.report
    assert set(report) == {
        "lines_read", "accepted", "rejected", "rejected_by_reason", "filled", "files",
        "ignored_files", "metadata_records", "products_known", "data", "split", "customers",
        "products", "repeats",
    }  # fmt: skip
    assert [(file["file"], file["lines_read"]) for file in report["files"]] == [
        ("a.tsv", 9),
        ("b.tsv", 4),
    ]
    assert report["ignored_files"] == ["readme.txt"]
    assert report["data"]["label"] == report["data"]["name"] == "a.tsv, b.tsv"
    assert report["data"]["generated"] is False
    assert (report["customers"], report["products"]) == (8, 4)


def test_generated_files_are_called_generated_and_missing_side_tables_are_empty(
    tmp_path: Path,
) -> None:
    header = "\t".join(RAW_REVIEW_COLUMNS)
    folder = tmp_path / "reviews"
    SourceFolderDataset(filepath=str(folder), source="synthetic_data", patterns=["*.tsv"]).save(
        {"a.tsv": "\n".join([header, *reviews(60)])}
    )
    run = ProcessingRun(tmp_path / "data", folder).run()
    assert run.report["data"] | {"sha256": ""} == {
        "name": "a.tsv",
        "generated": True,
        "label": "generated data (synthetic_data), 60 reviews",
        "sha256": "",
    }
    assert run.rows("customers") == run.rows("product_metadata") == []
    none = {"read": 0, "used": 0, "rejected": 0, "rejected_by_reason": {}}
    assert run.report["metadata_records"] == none


def test_two_runs_give_the_same_tables(tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "a.tsv", reviews(500))
    one, two = (ProcessingRun(tmp_path / name, path).run() for name in ("one", "two"))
    for name in ("reviews", "products", "rejected_reviews"):
        assert one.table(name).equals(two.table(name))


def test_books_that_do_not_balance_are_an_error(world: ProcessingRun) -> None:
    lines, rejected, accepted = (
        world.catalog.load(name) for name in ("review_lines@table", "rejected_reviews", "reviews")
    )
    assert account(lines, rejected, accepted)["lines_read"] == 13
    with pytest.raises(ValueError, match="9 accepted and 3 rejected reviews are not the 13 lines"):
        account(lines, rejected.limit(3), accepted)


# ---------------------------------------------------------------- the real category


@pytest.mark.real_data
def test_digital_software_is_accounted_for(tmp_path: Path, real_data_dir: Path) -> None:
    folder = real_data_dir / "amazon_us_digital_software"

    def state() -> list[tuple[str, int, int]]:
        return [(e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in os.scandir(folder)]

    before = state()
    run = ProcessingRun(tmp_path, folder).run()
    assert state() == before
    report = run.report
    assert (report["lines_read"], report["accepted"], report["rejected"]) == (102_084, 102_074, 10)
    assert report["rejected_by_reason"] == {"superseded_repeat": 10}
    assert (report["customers"], report["products"]) == (94_314, 2_998)
    assert sum(report["split"]["reviews"].values()) == 102_074
    # Published counts are those of all lines: typed and accepted, before repeats are taken out.
    lines = run.table("typed_reviews").select(["star_rating", "reject_reason", "verified_purchase"])
    assert lines["reject_reason"].null_count == 102_084
    stars = Counter(lines["star_rating"].to_pylist())
    assert [stars[n] for n in (5, 4, 3, 2, 1)] == [46_410, 16_693, 8_308, 6_890, 23_783]
    assert Counter(lines["verified_purchase"].to_pylist())[True] == 70_860
    texts = run.table("reviews").select(["product_title", "review_headline", "review_body"])
    for column in texts.columns:
        joined = "\n".join(column.to_pylist())
        assert "&#34;" not in joined
        assert "<br />" not in joined
