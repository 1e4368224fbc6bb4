"""The raw line reader: every line accounted for, whatever its bytes."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError

from product_recommender.datasets import RawLinesDataset, RawManifestDataset
from product_recommender.datasets import line_blocks as module
from product_recommender.datasets.raw_lines import LINE_SCHEMA
from product_recommender.review_format import RAW_REVIEW_COLUMNS

HEADER = "\t".join(RAW_REVIEW_COLUMNS).encode()
TSV = ["*.tsv", "*.tsv.gz"]


def read(path: Path | str, header: bool = False, **arguments: Any) -> list[dict[str, Any]]:
    dataset = RawLinesDataset(
        filepath=str(path), patterns=TSV, holds="reviews" if header else "lines", **arguments
    )
    return dataset.load().read_all().to_pylist()


def texts(rows: list[dict[str, Any]]) -> list[tuple[int, str, str | None]]:
    return [(row["line_number"], row["text"], row["damage"]) for row in rows]


def test_lines_end_at_newlines_only(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"one\r\ntwo\n\x0bthree\x85four\rfive\r\r\n\xe2\x80\xa8six")
    # \x85 alone is no UTF-8; U+2028, which str.splitlines would split at, is a character.
    assert texts(read(path)) == [
        (1, "one", None),
        (2, "two", None),
        (3, "\x0bthree�four\rfive\r", "invalid_utf8"),
        (4, "\u2028six", None),
    ]


def test_damage_is_named_and_the_text_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"\xef\xbb\xbfgood\n\n \t\r\nnul\0here\nbad\xffbyte\n" + b"x" * 11 + b"\ngood")
    assert texts(read(path, max_line_bytes=10)) == [
        (1, "good", None),
        (2, "", "blank"),
        (3, " \t", "blank"),
        (4, "nul\0here", "nul_byte"),
        (5, "bad�byte", "invalid_utf8"),
        (6, "x" * 11, "line_too_long"),
        (7, "good", None),
    ]


@settings(max_examples=60, deadline=None)
@given(
    content=st.lists(
        st.sampled_from([b"a", b"\n", b"\r", b"\xc3\xa9", b"\xff", b"\0", b" ", b"\t"]), max_size=40
    ),
    block_bytes=st.integers(1, 9),
    packed=st.booleans(),
)
def test_blocks_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], block_bytes: int, packed: bool
) -> None:
    """Against the plain way of doing it, with blocks that cut characters and line ends apart."""
    data = b"".join(content)
    path = tmp_path_factory.mktemp("blocks") / "a.tsv"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_BYTES", max(block_bytes, 4))
        found = [row["text"] for row in read(path)]
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    expected = [line.removesuffix(b"\r").decode("utf-8", errors="replace") for line in lines]
    assert found == expected


def test_the_order_of_columns_is_told_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(HEADER + b"\r\nline a\n")
    reordered = [*reversed(RAW_REVIEW_COLUMNS), "extra"]
    (tmp_path / "b.tsv").write_text("\t".join(reordered) + "\nline b")
    a, b = read(tmp_path, header=True)
    assert (a["file"], a["line_number"], a["n_fields"]) == ("a.tsv", 2, 15)
    assert a["field_order"] == list(range(15))
    assert (b["file"], b["line_number"], b["n_fields"]) == ("b.tsv", 2, 16)
    assert b["field_order"] == list(range(14, -1, -1))


@pytest.mark.parametrize(
    ("first_line", "expected"),
    [
        (b"US\t1\tR1\tB1\t1\tTitle\tBooks\t5", "line 1: this is not a header"),
        (HEADER.replace(b"star_rating", b"stars"), "the header lacks star_rating"),
        (HEADER.replace(b"\tvine\t", b"\t"), "the header lacks vine"),
        (HEADER + b"\tvine", "names vine more than once"),
        (b"", "line 1: this is not a header.* found 1 field, the first ''"),
        (b"US,1", "found 1 field, the first 'US,1'"),
    ],
)
def test_a_wrong_header_is_one_clear_error(
    tmp_path: Path, first_line: bytes, expected: str
) -> None:
    path = tmp_path / "wrong.tsv"
    path.write_bytes(first_line + b"\nline\n")
    with pytest.raises(DatasetError, match=expected) as error:
        read(path, header=True)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_header_only_and_empty_files_hold_no_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "empty.tsv").touch()
    (tmp_path / "header.tsv").write_bytes(HEADER)
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, header=True) == []
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'empty.tsv'} is an empty file: no line to read."
    ]


def test_nothing_found_names_the_absolute_path_and_both_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").touch()
    told = {
        "missing": "does not exist.",
        "there": "holds no *.tsv or *.tsv.gz file.",
        "*.tsv": "matches no *.tsv or *.tsv.gz file.",
    }
    for path, reason in told.items():
        with pytest.raises(DatasetError) as error:
            read(path, header=True)
        message = str(error.value)
        assert message.startswith(f"{tmp_path / path} {reason}")
        assert "`--params=reviews_path=...`" in message
        assert "(with the same --env)" in message
        assert "`kedro run --pipeline=synthetic_data`" in message
        assert "`kedro run --pipeline=data_ingestion`" in message
        assert "\n" not in message
        assert read(path, optional=True) == []


@pytest.mark.parametrize("path", [None, ""])
def test_an_empty_path_names_its_key(path: str | None) -> None:
    for dataset in (
        RawLinesDataset(filepath=path, patterns=TSV, holds="reviews"),
        RawManifestDataset(filepath=path, patterns=TSV),
    ):
        assert not dataset.exists()
        with pytest.raises(DatasetError, match=r"^reviews_path is empty\. Name a file"):
            dataset.load()
    optional = RawLinesDataset(filepath=path, patterns=TSV, holds="lines", optional=True)
    assert optional.load().read_all().num_rows == 0


def test_files_are_told_apart_sorted_and_foreign_ones_ignored(tmp_path: Path) -> None:
    for name in ("b/same.tsv", "a/same.tsv", "z.tsv", ".hidden/same.tsv", ".half.tsv", "a/x.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    names = ["a/same.tsv", "b/same.tsv", "z.tsv"]
    rows = read(tmp_path)
    assert [row["file"] for row in rows] == names
    assert [row["text"] for row in rows] == names
    assert [row["file"] for row in read(f"{tmp_path}/*/same.tsv")] == names[:2]
    assert [row["file"] for row in read(tmp_path / "a" / "x.csv")] == ["x.csv"]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"\0\0")
    (tmp_path / "b.tsv.gz").write_bytes(b"three")
    assert [row["text"] for row in read(tmp_path)] == ["one", "two", "three"]


@pytest.mark.parametrize("harm", ["cut", "flip", "checksum"])
def test_a_broken_gzip_names_the_file_and_the_line_it_got_to(tmp_path: Path, harm: str) -> None:
    lines = b"".join(b"%d %s\n" % (i, b"%x" % (i * 7919 % 65537)) for i in range(5000))
    packed = bytearray(gzip.compress(lines))
    if harm == "cut":
        packed = packed[: len(packed) // 2]
    elif harm == "flip":
        packed[len(packed) // 2] ^= 0xFF
    else:
        packed[-6] ^= 0xFF
    path = tmp_path / "broken.tsv.gz"
    path.write_bytes(packed)
    dataset = RawLinesDataset(filepath=str(path), patterns=TSV, holds="lines")
    reader = dataset.load()
    with pytest.raises(DatasetError, match=r"truncated or corrupt after line (\d+)") as error:
        reader.read_all()
    message = str(error.value)
    got_to = int(message.split("after line ")[1].split(" ")[0])
    assert str(path) in message
    # Bytes after a flipped one may still look like something; then the checksum finds it.
    least, most = {"cut": (1000, 4500), "flip": (1000, 6000), "checksum": (5000, 5000)}[harm]
    assert least <= got_to <= most


def test_a_line_without_end_is_cut_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 64)
    monkeypatch.setattr(module, "LONGEST_TEXT_BYTES", 200)
    path = tmp_path / "a.tsv"
    path.write_bytes(b"one\n" + b"x" * 5000 + b"\nthree\n")
    one, long, three = read(path, max_line_bytes=100)
    assert (one["text"], three["text"], three["line_number"]) == ("one", "three", 3)
    assert long["damage"] == "line_too_long"
    assert 200 <= len(long["text"]) < 300


def test_raw_files_are_never_written(tmp_path: Path) -> None:
    dataset = RawLinesDataset(filepath=str(tmp_path), patterns=TSV, holds="reviews")
    with pytest.raises(DatasetError, match="only read, never written"):
        dataset.save(dataset)
    assert not dataset.exists()
    (tmp_path / "a.tsv").write_bytes(HEADER)
    assert dataset.exists()
    assert dataset.load().schema == LINE_SCHEMA
