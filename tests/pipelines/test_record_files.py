"""JSON lines of 2014, 2018 and 2023, and product metadata, through the whole pipeline.

All texts are made up.
"""

from __future__ import annotations

import gzip
import json
import logging
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import ibis
import pyarrow as pa
import pytest
from kedro.io import DatasetError

from processing_run import ProcessingRun, review, write_reviews
from product_recommender.cli import message_of
from product_recommender.datasets import RawLinesDataset
from product_recommender.pipelines.data_processing.line_rules import type_lines
from product_recommender.pipelines.data_processing.nodes import choose_product_records
from product_recommender.pipelines.data_processing.product_records import read_products
from product_recommender.pipelines.data_processing.review_records import read_records

CONNECTION = ibis.duckdb.connect()
DAY = 86_400
FIRST = 1_388_534_400
"""2014-01-01 in seconds."""


def of_2014(number: int, **values: Any) -> dict[str, Any]:
    """A good review, distinct in its number; days run through 2014."""
    return {
        "reviewerID": f"A{number:04d}",
        "asin": f"B{number % 5:09d}",
        "reviewerName": "Somebody",
        "helpful": [1, 2],
        "reviewText": f"Body {number}",
        "overall": float(number % 5 + 1),
        "summary": "Good",
        "unixReviewTime": FIRST + number % 300 * DAY,
    } | values


def of_2023(number: int, **values: Any) -> dict[str, Any]:
    return {
        "rating": float(number % 5 + 1),
        "title": "Good &amp; loud",
        "text": f"Body {number}<br />more",
        "asin": f"C{number % 5:09d}",
        "parent_asin": f"P{number % 5:09d}",
        "user_id": f"U{number:04d}",
        "timestamp": (FIRST + number % 300 * DAY) * 1000 + 3_661_500,
        "helpful_vote": 4,
        "verified_purchase": number % 2 == 0,
    } | values


def write(path: Path, records: list[Any], as_text: Callable[[Any], str] = json.dumps) -> Path:
    """A line a record; texts as they are, gzipped where the name says so."""
    lines = [record if isinstance(record, str) else as_text(record) for record in records]
    data = ("\n".join(lines) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


# ---------------------------------------------------------------- reviews


def test_one_folder_of_every_format_gives_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_reviews(folder / "us.tsv", [review(n, review_body="a\\tb {}") for n in range(20)])
    write(folder / "reviews_Loud_Things_5.json.gz", [of_2014(n) for n in range(20)], repr)
    write(folder / "Quiet_Things.jsonl.gz", [of_2023(n) for n in range(20)])
    of_2018 = of_2014(40) | {"verified": True, "vote": "1,234", "reviewTime": "06 2, 2014"}
    del of_2018["helpful"], of_2018["unixReviewTime"]
    write(folder / "Odd_Things_5.json", [of_2018])
    run = ProcessingRun(tmp_path / "data", folder).run()
    report = run.report
    assert (report["lines_read"], report["accepted"], report["rejected"]) == (61, 61, 0)
    assert {file["file"]: file["lines_read"] for file in report["files"]} == {
        "Odd_Things_5.json": 1,
        "Quiet_Things.jsonl.gz": 20,
        "reviews_Loud_Things_5.json.gz": 20,
        "us.tsv": 20,
    }
    rows = {row["customer_id"]: row for row in run.rows("reviews")}
    assert Counter(row["product_category"] for row in rows.values()) == {
        "Furniture": 20, "Loud Things": 20, "Quiet Things": 20, "Odd Things": 1,
    }  # fmt: skip
    assert rows["00000003"]["review_body"] == "a\\tb {}"
    assert rows["00000003"]["review_time"] is None
    early = rows["A0003"]
    assert (early["review_date"], early["review_time"]) == (date(2014, 1, 4), None)
    assert (early["star_rating"], early["helpful_votes"], early["total_votes"]) == (4, 1, 2)
    # 2014 has no flags: filled as in the tables.
    assert (early["vine"], early["verified_purchase"]) == (False, False)
    late = rows["U0003"]
    assert late["review_date"] == date(2014, 1, 4)
    assert late["review_time"] == datetime(2014, 1, 4, 1, 1, 1, 500_000)
    assert (late["product_id"], late["product_parent"]) == ("C000000003", "P000000003")
    assert (late["review_headline"], late["review_body"]) == ("Good & loud", "Body 3\nmore")
    # Only helpful votes are counted there: there were at least as many votes.
    assert (late["helpful_votes"], late["total_votes"]) == (4, 4)
    assert [rows[f"U000{n}"]["verified_purchase"] for n in (2, 3)] == [True, False]
    odd = rows["A0040"]
    assert (odd["review_date"], odd["helpful_votes"]) == (date(2014, 6, 2), 1234)
    assert report["filled"] == {
        "product_parent": 21, "product_title": 41, "product_category": 0, "helpful_votes": 0,
        "total_votes": 21, "vine": 41, "verified_purchase": 20, "review_headline": 0,
        "review_body": 0,
    }  # fmt: skip


def test_bad_records_are_quarantined_with_their_text(tmp_path: Path) -> None:
    bad = [
        ("not json", "not_json"),
        ('{"reviewerID": "A", "asin"', "not_json"),
        ("[1, 2]", "not_an_object"),
        ("", "blank"),
        (json.dumps(of_2014(1, reviewerID=None)), "missing_customer_id"),
        (json.dumps(of_2014(1, asin=" ")), "missing_product_id"),
        (json.dumps(of_2014(1, overall=None)), "missing_star_rating"),
        (json.dumps(of_2014(1, overall=float("nan"))), "missing_star_rating"),
        (json.dumps(of_2014(1, overall=4.5)), "invalid_star_rating"),
        (json.dumps(of_2014(1, overall=[5])), "invalid_star_rating"),
        (json.dumps(of_2014(1, overall="five")), "invalid_star_rating"),
        (json.dumps(of_2014(1, unixReviewTime=None)), "missing_review_date"),
        (json.dumps(of_2014(1, unixReviewTime=-1)), "invalid_review_date"),
        (json.dumps(of_2014(1, unixReviewTime={"$date": 5})), "invalid_review_date"),
        (json.dumps(of_2014(1, unixReviewTime=FIRST * 10)), "invalid_review_date"),
        (json.dumps(of_2014(1, helpful=[10**12, 10**12])), "invalid_helpful_votes"),
        (json.dumps(of_2014(1, helpful=[1, "many"])), "invalid_total_votes"),
        (json.dumps(of_2014(1, verified="perhaps")), "invalid_flag"),
        (json.dumps(of_2014(1, reviewText="x" * 1_000_001)), "line_too_long"),
        # The record of another line once more, with another writer's name.
        (json.dumps(of_2014(0, reviewerName="Who else")), "duplicate_review_id"),
    ]
    good = [
        of_2014(50, overall="5.0", reviewText="", summary=None),
        of_2014(51, reviewText="\ud83d\0 and [[[nested", style={"a": [{"b": [[]]}]}),
        of_2014(52, overall=5, unixReviewTime=str(FIRST)),
    ]
    lines = [*(of_2014(n) for n in range(30)), *(text for text, _ in bad), *good]
    path = write(tmp_path / "in" / "Things.json", lines)
    run = ProcessingRun(tmp_path / "data", path).run()
    report = run.report
    assert (report["lines_read"], report["accepted"], report["rejected"]) == (53, 33, 20)
    expected = {("Things.json", 31 + place): reason for place, (_, reason) in enumerate(bad)}
    assert run.reasons == expected
    texts = {row["line_number"]: row["text"] for row in run.rows("rejected_reviews")}
    assert [texts[31 + place] for place in range(len(bad))] == [text for text, _ in bad]
    rows = {row["customer_id"]: row for row in run.rows("reviews")}
    assert (rows["A0050"]["review_body"], rows["A0050"]["review_headline"]) == ("", "")
    assert rows["A0051"]["review_body"] == "\ufffd\ufffd and [[[nested"
    assert (rows["A0052"]["star_rating"], rows["A0052"]["review_date"]) == (5, date(2014, 1, 1))


def test_of_repeats_on_one_day_the_latest_time_stands(tmp_path: Path) -> None:
    noon = FIRST * 1000 + 12 * 3_600_000
    pair = {"user_id": "U", "asin": "C", "parent_asin": "P"}
    lines = [
        *(of_2023(n) for n in range(20)),
        of_2023(90, timestamp=noon, **pair),
        of_2023(91, timestamp=noon + 1, **pair),
        of_2023(92, timestamp=noon - 1, **pair),
    ]
    run = ProcessingRun(tmp_path / "data", write(tmp_path / "in" / "a.jsonl", lines)).run()
    assert run.reasons == {
        ("a.jsonl", 21): "superseded_repeat",
        ("a.jsonl", 23): "superseded_repeat",
    }


def test_a_file_that_names_no_category_takes_it_from_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "export.jsonl", [of_2023(n) for n in range(20)])
    records = [
        {"parent_asin": "P000000001", "title": "Of the parent", "categories": ["Home", "Lamps"]},
        {"asin": "C000000002", "title": "Its own", "main_category": "Garden"},
        {"parent_asin": "P000000002", "title": "Not this one", "main_category": "Home"},
    ]
    write(tmp_path / "metadata" / "meta.jsonl", records)
    run = ProcessingRun(tmp_path / "data", path, metadata=tmp_path / "metadata").run()
    for table in ("reviews", "products"):
        told = {
            row["product_id"]: (row["product_title"], row["product_category"])
            for row in run.rows(table)
        }
        assert told == {
            "C000000000": ("C000000000", "Unknown"),
            "C000000001": ("Of the parent", "Home"),
            "C000000002": ("Its own", "Garden"),
            "C000000003": ("C000000003", "Unknown"),
            "C000000004": ("C000000004", "Unknown"),
        }
    products = {row["product_id"]: row for row in run.rows("products")}
    assert products["C000000001"]["category_path"] == "Home > Lamps"
    assert products["C000000001"]["product_parent"] == "P000000001"
    known = run.report["products_known"]
    assert (known["products"], known["own_record"], known["record_of_parent"]) == (5, 1, 1)
    assert run.report["accepted"] == 20


def test_what_reviews_say_goes_before_metadata(tmp_path: Path) -> None:
    lines = [review(n, product_id="B1") for n in range(30)]
    write_reviews(tmp_path / "in" / "a.tsv", lines)
    record = {"asin": "B1", "title": "Another title", "category": ["Other"]}
    write(tmp_path / "metadata" / "meta.jsonl", [record])
    run = ProcessingRun(tmp_path / "data", tmp_path / "in", metadata=tmp_path / "metadata").run()
    (product,) = run.rows("products")
    assert product["product_title"].startswith("Lamp")
    assert (product["product_category"], product["category_path"]) == ("Furniture", "Other")


def test_reviews_and_metadata_may_lie_in_one_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "in"
    reviews_file = write(folder / "Things_5.json.gz", [of_2014(n) for n in range(20)])
    record = {"asin": "B000000001", "title": "A thing", "price": "$5.00 - $10.00"}
    metadata_file = write(folder / "meta_Things.json.gz", ["", "broken", record], repr)
    with caplog.at_level(logging.WARNING):
        run = ProcessingRun(tmp_path / "data", folder, metadata=folder).run()
    messages = [entry.getMessage() for entry in caplog.records]
    assert messages.count(f"{reviews_file} holds reviews, not product metadata: passed over.") == 1
    assert messages.count(f"{metadata_file} holds product metadata, not reviews: passed over.") == 1
    report = run.report
    assert report["ignored_files"] == ["meta_Things.json.gz"]
    assert [file["file"] for file in report["files"]] == ["Things_5.json.gz"]
    assert report["metadata_records"] == {
        "read": 3,
        "used": 1,
        "rejected": 2,
        "rejected_by_reason": {"blank": 1, "not_json": 1},
    }
    products = {row["product_id"]: row for row in run.rows("products")}
    assert products["B000000001"]["product_title"] == "A thing"
    assert products["B000000001"]["list_price"] == 5.0


def test_metadata_alone_is_no_input(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "meta_Things.json", [{"asin": "B1", "title": "T"}])
    run = ProcessingRun(tmp_path / "data", path.parent)
    with pytest.raises(DatasetError) as error:
        run.run()
    message = message_of(error.value)
    for part in (str(path), "product metadata, not reviews", "--params=reviews_path=", "holds no"):
        assert part in message
    assert "\n" not in message


# ---------------------------------------------------------------- metadata


def test_of_several_records_the_fullest_counts(tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "in" / "a.tsv", [review(n) for n in range(30)])
    records = [
        {"asin": "B1", "title": "Bare"},
        {"asin": "B1", "title": "Full", "brand": "Lux", "price": 3},
        {"asin": "B1", "title": "Full again", "brand": "Lux", "price": 4},
        {"asin": "B2", "title": "Once"},
        {"parent_asin": "B2"},
        {"reviewerID": "A", "asin": "B2", "summary": "a review"},
    ]
    write(tmp_path / "metadata" / "a.jsonl", records[:2])
    write(tmp_path / "metadata" / "b.json.gz", records[2:])
    run = ProcessingRun(tmp_path / "data", path, metadata=tmp_path / "metadata").run()
    titles = {row["product_id"]: row["title"] for row in run.rows("product_metadata")}
    assert titles == {"B1": "Full", "B2": "Once"}
    rejected = [
        (row["file"], row["line_number"], row["reason"], json.loads(row["text"]))
        for row in run.rows("rejected_product_metadata")
    ]
    assert rejected == [
        ("a.jsonl", 1, "repeated_product_id", records[0]),
        ("b.json.gz", 1, "repeated_product_id", records[2]),
        ("b.json.gz", 3, "repeated_product_id", records[4]),
        ("b.json.gz", 4, "a_review", records[5]),
    ]
    assert run.report["metadata_records"] == {
        "read": 6,
        "used": 2,
        "rejected": 4,
        "rejected_by_reason": {"repeated_product_id": 3, "a_review": 1},
    }


ASINS = ["B1", "B2", "", " ", 3, None, ["B1"], {}, "\ud800"]
PIECES = [*"{}[]'\":,\\\t\r", "asin", "reviewerID", "NaN", "1e999", "é", "\u2028", "\0", " ", "<b>"]


def any_line(random: Random) -> str:
    """A record or something near one."""
    record = {
        "asin": random.choice(ASINS),
        "title": random.choice(["Lamp", None, 5, ["x"], "<br>"]),
        "price": random.choice(["$3", 3, float("nan"), None]),
        "reviewerID": random.choice(["A", None, "\ud800", 7]),
        "overall": random.choice([5.0, 4.5, "3", float("nan"), None]),
        "unixReviewTime": random.choice([FIRST, "x", 10**30, None]),
    }
    kept = {name: value for name, value in record.items() if random.random() < 0.7}
    text = random.choice([json.dumps, repr])(kept)
    if random.random() < 0.3:
        place = random.randrange(len(text))
        text = text[:place] + random.choice(PIECES) + text[place + random.randrange(3) :]
    elif random.random() < 0.2:
        text = "".join(random.choices(PIECES, k=random.randrange(9)))
    return text


@pytest.mark.parametrize("seed", range(4))
def test_every_line_is_used_or_rejected(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    lines = [any_line(random) for _ in range(1500)]
    content = b"".join(line.encode("utf-8", errors="replace") + b"\n" for line in lines)
    content += b'{"asin": "B\xff"}\n'
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    n_lines = content.count(b"\n")

    def stream(holds: str) -> pa.RecordBatchReader:
        arguments: dict[str, Any] = {"patterns": ["*.jsonl"], "optional": True, "holds": holds}
        return RawLinesDataset(filepath=str(path), **arguments).load()

    records = read_products(stream("lines")).read_all()
    used, rejected = (
        CONNECTION.to_pyarrow(table) for table in choose_product_records(ibis.memtable(records))
    )
    assert used.num_rows + rejected.num_rows == records.num_rows == n_lines
    assert 1 <= len(set(used["product_id"].to_pylist())) == used.num_rows
    assert rejected["reason"].null_count == 0

    read = read_records(stream("lines")).read_all()
    typed = CONNECTION.to_pyarrow(type_lines(ibis.memtable(read), False, 1994, 2035))
    assert typed.num_rows == n_lines
    for row in typed.to_pylist():
        needed = ("customer_id", "product_id", "star_rating", "review_date", "review_id")
        assert row["reject_reason"] or all(row[name] is not None for name in needed)
    reasons = Counter(row["reject_reason"] for row in typed.to_pylist())
    assert reasons.keys() >= {None, "not_json", "missing_customer_id", "invalid_star_rating"}


# ---------------------------------------------------------------- real files


@pytest.mark.real_data
def test_gift_cards_of_2018(tmp_path: Path, real_data_dir: Path) -> None:
    folder = real_data_dir / "amazon_2018_gift_cards"
    run = ProcessingRun(tmp_path, folder, metadata=folder).run()
    report = run.report
    # Counts of the set itself: 2,972 reviews, 458 users, 148 items; each with metadata, 107 with a
    # price, 116 with the address of an image; 1,547 products. 2,965 distinct pairs.
    assert (report["lines_read"], report["accepted"]) == (2_972, 2_965)
    assert report["rejected_by_reason"] == {"superseded_repeat": 7}
    assert (report["customers"], report["products"]) == (458, 148)
    records = report["metadata_records"]
    assert (records["read"], records["used"], records["rejected"]) == (1_547, 1_547, 0)
    known = report["products_known"]
    assert (known["own_record"], known["list_price"], known["image_urls"]) == (148, 107, 116)
    rows = run.rows("reviews")
    assert {row["product_category"] for row in rows} == {"Gift Cards"}
    assert {row["review_time"] for row in rows} == {None}
    assert not [row for row in rows if row["product_title"] == row["product_id"]]
    assert Counter(row["verified_purchase"] for row in run.rows("typed_reviews")) == {
        True: 2_838,
        False: 134,
    }
    assert_no_mark_up(run)


@pytest.mark.real_data
def test_musical_instruments_of_2014_and_appliances_of_2018(
    tmp_path: Path, real_data_dir: Path
) -> None:
    run = ProcessingRun(
        tmp_path,
        real_data_dir / "amazon_2014_musical_instruments",
        metadata=real_data_dir / "amazon_2018_appliances_metadata",
    ).run()
    report = run.report
    assert (report["lines_read"], report["accepted"], report["rejected"]) == (10_261, 10_261, 0)
    assert (report["customers"], report["products"]) == (1_429, 900)
    assert report["filled"]["verified_purchase"] == 10_261
    rows = run.rows("reviews")
    assert Counter(row["star_rating"] for row in rows) == {
        5: 6_938, 4: 2_084, 3: 772, 2: 250, 1: 217,
    }  # fmt: skip
    days = [row["review_date"] for row in rows]
    assert (min(days), max(days)) == (date(2004, 9, 18), date(2014, 7, 22))
    records = report["metadata_records"]
    assert (records["read"], records["used"]) == (100, 100)
    table = run.table("product_metadata")
    # 63 have something where a price belongs; one of these is a style sheet.
    assert table.num_rows - table["list_price"].null_count == 62
    assert set(table["category"].to_pylist()) == {"Appliances"}
    assert_no_mark_up(run)


def assert_no_mark_up(run: ProcessingRun) -> None:
    table = run.table("product_metadata")
    for name in ("title", "description", "features", "brand", "category", "category_path"):
        for text in table[name].drop_null().to_pylist():
            for mark in ("</", "<br", "<span", "&amp;", "&#", "&quot;", "getTime", "{"):
                assert mark not in text, (name, text)
