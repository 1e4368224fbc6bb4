"""Bad raw files: quarantined lines with reasons, or one clear error; never a dropped row.

Each case goes through the whole data_processing pipeline.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from processing_run import HEADER, ProcessingRun, review, reviews, write_reviews
from product_recommender.cli import message_of
from product_recommender.review_format import RAW_REVIEW_COLUMNS

LINES = HEADER.encode() + b"\n"


def joined(*lines: bytes | str) -> bytes:
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)


def accounted(run: ProcessingRun) -> dict[str, Any]:
    """The report, after checking the books against the tables."""
    report = run.report
    assert report["accepted"] == run.table("reviews").num_rows
    assert report["rejected"] == run.table("rejected_reviews").num_rows
    assert report["accepted"] + report["rejected"] == report["lines_read"]
    assert sum(report["rejected_by_reason"].values()) == report["rejected"]
    assert sum(file["lines_read"] for file in report["files"]) == report["lines_read"]
    return report


def fails(root: Path, path: Path | str, **arguments: Any) -> str:
    """The message that a person sees, after checking that no table pretends to be whole."""
    run = ProcessingRun(root / "data", path, **arguments)
    with pytest.raises((DatasetError, ValueError)) as error:
        run.run()
    for name in ("reviews", "rejected_reviews", "products", "data_quality_report"):
        assert not run.catalog.exists(name), name
    assert [p for p in (root / "data").rglob("*") if "partial" in p.name] == []
    message = message_of(error.value)
    assert "\n" not in message
    return message


# ---------------------------------------------------------------- lines


def test_damaged_lines_are_quarantined_with_their_text(tmp_path: Path) -> None:
    good = reviews(40)
    path = tmp_path / "in" / "bad.tsv"
    path.parent.mkdir()
    short = "\t".join(review(101).split("\t")[:14])
    path.write_bytes(
        b"\xef\xbb\xbf"
        + LINES
        + joined(*good[:20])
        + joined(
            b"",  # line 22
            review(101).encode().replace(b"Body", b"Bo\xffdy"),
            review(102, review_body="nul\0nul"),
            review(103, review_body="x" * 1_000_001),
            short,
            review(104, review_body="one\ttab"),
            review(105, star_rating=6),
            review(106, review_date="2014-02-30"),
            review(107, customer_id=""),
            "US",
            b"   ",
        )
        + joined(*good[20:]).replace(b"\n", b"\r\n")
        + review(108, product_id="").encode()  # no newline at the end
    )
    run = ProcessingRun(tmp_path / "data", path).run()
    report = accounted(run)
    assert (report["lines_read"], report["accepted"]) == (52, 40)
    assert {line: reason for (_, line), reason in run.reasons.items()} == {
        22: "blank",
        23: "invalid_utf8",
        24: "nul_byte",
        25: "line_too_long",
        26: "too_few_fields",
        27: "too_many_fields",
        28: "invalid_star_rating",
        29: "invalid_review_date",
        30: "missing_customer_id",
        31: "too_few_fields",
        32: "blank",
        53: "missing_product_id",
    }
    texts = {row["line_number"]: row["text"] for row in run.rows("rejected_reviews")}
    assert texts[23] == review(101).replace("Body", "Bo�dy")
    assert texts[24] == review(102, review_body="nul\0nul")
    assert texts[25] == review(103, review_body="x" * 1_000_001)
    assert texts[26] == short
    # Windows line ends leave no trace.
    assert {row["review_date"].year for row in run.rows("reviews")} == {2014}


def test_what_looks_strange_but_is_fine_is_accepted(tmp_path: Path) -> None:
    lines = [
        review(1, customer_id="00000000001", product_id="0000013714"),
        review(2, customer_id="1", product_id="0000013714"),
        review(3, review_body='He said "no, and left', review_headline='\'"\'""'),
        review(4, review_body="a lone\rcarriage return"),
        review(5, review_body="\u2028\x85\x0b\x1c other line ends"),
        review(6, customer_id="'; DROP TABLE reviews; --", product_title="<script>x</script>"),
    ]
    path = tmp_path / "in" / "strange.tsv"
    path.parent.mkdir()
    path.write_bytes(LINES + joined(*lines, *reviews(40, start=10)))
    run = ProcessingRun(tmp_path / "data", path).run()
    assert accounted(run)["rejected"] == 0
    rows = run.rows("reviews")
    assert [row["customer_id"] for row in rows[:2]] == ["00000000001", "1"]
    assert rows[0]["product_id"] == "0000013714"
    assert rows[2]["review_body"] == 'He said "no, and left'
    assert rows[2]["review_headline"] == '\'"\'""'
    assert rows[3]["review_body"] == "a lone carriage return"
    assert rows[4]["review_body"] == "\u2028\x85\x0b\x1c other line ends"
    assert rows[5]["customer_id"] == "'; DROP TABLE reviews; --"
    assert rows[5]["product_title"] == "<script>x</script>"


def test_reordered_and_extra_columns_are_read_by_name(tmp_path: Path) -> None:
    order = [*reversed(RAW_REVIEW_COLUMNS), "colour"]
    plain = [dict(zip(RAW_REVIEW_COLUMNS, line.split("\t"), strict=True)) for line in reviews(40)]
    turned = ["\t".join((row | {"colour": "red"})[name] for name in order) for row in plain]
    write_reviews(tmp_path / "one" / "a.tsv", turned, header="\t".join(order))
    write_reviews(tmp_path / "two" / "a.tsv", reviews(40))
    one = ProcessingRun(tmp_path / "data1", tmp_path / "one").run()
    two = ProcessingRun(tmp_path / "data2", tmp_path / "two").run()
    assert accounted(one)["accepted"] == 40
    assert one.table("reviews").equals(two.table("reviews"))


def test_two_files_of_one_name_and_foreign_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_reviews(folder / "x" / "same.tsv", [*reviews(20), ""])
    write_reviews(folder / "y" / "same.tsv", [*reviews(20), ""])
    packed = gzip.compress(LINES + joined(*reviews(20, start=20)))
    (folder / "z.tsv.gz").write_bytes(packed)
    (folder / "empty.tsv").touch()
    (folder / "header.tsv").write_text(HEADER)
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    run = ProcessingRun(tmp_path / "data", folder).run()
    report = accounted(run)
    assert (report["lines_read"], report["accepted"]) == (62, 40)
    assert report["rejected_by_reason"] == {"duplicate_review_id": 20, "blank": 2}
    assert {file for file, _ in run.reasons} == {"x/same.tsv", "y/same.tsv"}
    assert run.reasons["x/same.tsv", 22] == "blank"
    assert report["ignored_files"] == ["photo.jpg"]
    assert {file["file"]: file["lines_read"] for file in report["files"]} == {
        "empty.tsv": 0,
        "header.tsv": 0,
        "x/same.tsv": 21,
        "y/same.tsv": 21,
        "z.tsv.gz": 20,
    }


def test_one_customer_one_product_one_category_equal_stars(tmp_path: Path) -> None:
    days = [f"2014-01-{day:02d}" for day in range(1, 11)]
    only = {"customer_id": "1", "product_id": "B", "star_rating": 5}
    lines = [review(n, review_date=day, **only) for n, day in enumerate(days)]
    path = write_reviews(tmp_path / "in" / "a.tsv", lines)
    run = ProcessingRun(tmp_path / "data", path).run()
    report = accounted(run)
    # One review of the pair stands in each part; the later two are repeats.
    assert report["rejected_by_reason"] == {"superseded_repeat": 7}
    assert [(row["split"], row["is_repeat"]) for row in run.rows("reviews")] == [
        ("train", False),
        ("validation", True),
        ("test", True),
    ]
    assert report["repeats"] == 2


# ---------------------------------------------------------------- whole files


def test_missing_folder_names_the_path_and_the_sources(tmp_path: Path) -> None:
    message = fails(tmp_path, tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in message
    assert "--pipeline=synthetic_data" in message
    assert "--pipeline=data_ingestion" in message


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.tsv": b""}, "a.tsv is empty."),
        ({"a.tsv": LINES}, "a.tsv holds at most a header."),
        (
            {"a.tsv": b"", "b.tsv": LINES, "c.tsv": LINES},
            "a.tsv is empty; b.tsv, c.tsv hold at most a header.",
        ),
        (dict.fromkeys(("a.tsv", "b.tsv", "c.tsv", "d.tsv"), b""), "c.tsv and 1 more are empty."),
    ],
)
def test_files_without_a_line_are_called_what_they_are(
    tmp_path: Path, files: dict[str, bytes], expected: str
) -> None:
    (tmp_path / "in").mkdir()
    for name, content in files.items():
        (tmp_path / "in" / name).write_bytes(content)
    assert f"{expected} Give files" in fails(tmp_path, tmp_path / "in")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "holds no review"),
        (LINES, "holds no review"),
        (joined(*reviews(3)), "line 1: this is not a header"),
        (LINES.replace(b"\tstar_rating", b"") + joined(*reviews(3)), "lacks star_rating"),
        (LINES.replace(b"customer_id", b"customer"), "lacks customer_id"),
        (LINES.replace(b"\t", b","), "line 1: this is not a header"),
        (LINES.decode().encode("utf-16"), "line 1: this is not a header"),
        (gzip.compress(LINES + joined(*reviews(500)))[:-400], "truncated or corrupt after line"),
        (b"\x1f\x8b this is no gzip", "truncated or corrupt after line 0"),
        (
            LINES + joined(*(review(n, star_rating=0) for n in range(9)), ""),
            "none of the 10 lines read is a usable review (invalid_star_rating 9, blank 1; "
            "first: bad.tsv, line 2, invalid_star_rating)",
        ),
        (
            LINES + joined(review(1, star_rating=0)),
            "the only line read is not a usable review (invalid_star_rating 1;",
        ),
        (
            LINES + joined(*(review(n, review_date="2014-01-01") for n in range(9))),
            "data_processing.split.train_share",
        ),
    ],
)
def test_an_unusable_file_is_one_clear_error(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "in" / "bad.tsv"
    path.parent.mkdir()
    path.write_bytes(content)
    message = fails(tmp_path, path.parent)
    assert expected in message
    assert str(path) in message or (str(path.parent) in message)
    assert path.read_bytes() == content


def test_a_split_by_dates_that_leaves_a_part_empty(tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "in" / "a.tsv", reviews(50))
    split = {"train_until": "2014-06-30", "validation_until": "2015-06-30"}
    message = fails(tmp_path, path, parameters={"split": split})
    for part in ("data_processing.split.validation_until", "2015-06-30", "test 0", "leave test"):
        assert part in message


def test_verified_only_without_verified_reviews(tmp_path: Path) -> None:
    lines = [review(n, verified_purchase="N") for n in range(12)]
    path = write_reviews(tmp_path / "in" / "a.tsv", lines)
    assert "not_verified 12" in fails(tmp_path, path, parameters={"verified_only": True})


def test_a_customers_table_without_its_key_is_named(tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "in" / "a.tsv", reviews(50))
    customers = tmp_path / "customers"
    customers.mkdir()
    (customers / "c.csv").write_text("id,region\n1,North\n")
    message = fails(tmp_path, path, customers=customers)
    assert "c.csv, line 1" in message
    assert "customer_id" in message


def test_a_failed_run_leaves_the_tables_of_the_last_good_one(tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "in" / "a.tsv", reviews(50))
    good = ProcessingRun(tmp_path / "data", path).run().table("reviews")
    path.write_bytes(gzip.compress(path.read_bytes())[:-200])
    again = ProcessingRun(tmp_path / "data", path)
    with pytest.raises(DatasetError, match="truncated"):
        again.run()
    assert again.table("reviews").equals(good)
