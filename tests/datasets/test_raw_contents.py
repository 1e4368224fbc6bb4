"""What a file holds is told by its first lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from product_recommender.datasets.raw_contents import LOOKED_AT, look_into, passed_over, read_as
from product_recommender.datasets.raw_files import RawFile
from product_recommender.review_format import RAW_REVIEW_COLUMNS

HEADER = "\t".join(RAW_REVIEW_COLUMNS)
REVIEW = json.dumps({"reviewerID": "A", "asin": "B", "overall": 5.0})
PRODUCT = json.dumps({"asin": "B", "title": "Lamp"})


@pytest.mark.parametrize(
    ("name", "lines", "kind"),
    [
        ("a.tsv", [HEADER, "x"], "table"),
        ("a.json", [HEADER, "x"], "table"),
        ("a.json", ["\t".join(reversed(RAW_REVIEW_COLUMNS)), "x"], "table"),
        ("a.tsv", [REVIEW], "reviews"),
        ("a.tsv", ["{'reviewerID': 'A', 'asin': 'B'}"], "reviews"),
        ("a.json", ["", "  ", REVIEW], "reviews"),
        ("a.json", ["garbage", "[1]", "{broken", REVIEW, PRODUCT], "reviews"),
        ("a.jsonl.gz", ["{broken", PRODUCT, REVIEW], "products"),
        ("a.jsonl", ['{"neither": 1}', REVIEW], "reviews"),
        ("a.jsonl", ['{"neither": 1}'], "records"),
        ("a.jsonl", [*["{broken"] * LOOKED_AT, PRODUCT], "records"),
        ("a.tsv", ["garbage", REVIEW], "table"),  # and then an error that calls for a header
        ("a.tsv", [""], "table"),
    ],
)
def test_kinds(tmp_path: Path, name: str, lines: list[str], kind: str) -> None:
    data = ("\ufeff" + "\n".join(lines) + "\n").encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    found = look_into(path, "reviews")
    assert (found.kind, found.first_line) == (kind, lines[0])
    assert look_into(path, "lines").kind == "lines"


def test_an_empty_file_has_no_first_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.touch()
    assert look_into(path, "reviews").first_line is None


def test_files_of_the_other_kind_are_passed_over_and_unclear_ones_read(tmp_path: Path) -> None:
    files = []
    for name, line in (("a", REVIEW), ("b", PRODUCT), ("c", "{broken"), ("d", PRODUCT)):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(line)
        files.append(RawFile(name, path))
    reviews, foreign = read_as(files, "reviews")
    assert [file.name for file, _ in reviews] == ["a", "c"]
    assert [file.name for file in foreign] == ["b", "d"]
    assert passed_over(foreign, "reviews") == (
        f"{tmp_path / 'b.jsonl'}, {tmp_path / 'd.jsonl'} hold product metadata, not reviews: "
        "passed over."
    )
    products, foreign = read_as(files, "products")
    assert [file.name for file, _ in products] == ["b", "c", "d"]
    assert passed_over(foreign, "products") == (
        f"{tmp_path / 'a.jsonl'} holds reviews, not product metadata: passed over."
    )
    everything, foreign = read_as(files, "lines")
    assert (len(everything), foreign) == (4, [])
