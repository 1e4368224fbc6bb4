"""Readers of benchmark folders: every format that is promised, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.protocols import ncf, ratings, sequential, topn
from benchmarks.protocols.files import BenchmarkDataError, Codes
from benchmarks.protocols.lists import read_lists
from tests.protocols.folders import ncf_folder, write

RATINGS = "".join(f"u{n % 4}\ti{n}\t{1 + n % 5}\t{n}\n" for n in range(12))


def lists_of(path: Path) -> list[tuple[int, int]]:
    users, items, _ = read_lists(path, Codes(), Codes())
    return list(zip(users.tolist(), items.tolist(), strict=True))


# ------------------------------------------------------------------ lists and pairs


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lists_and_pairs_mean_the_same(tmp_path, name, end, mark) -> None:
    expected = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 3)]
    lists = write(tmp_path, name, mark + end.join(["anna a b c", "", "x,y(z) b ü"]))
    assert lists_of(lists) == expected
    pairs = ["anna a", "anna b", "", "anna c", "x,y(z) b", "x,y(z) ü", ""]
    assert lists_of(write(tmp_path, name, mark + end.join(pairs))) == expected


def test_lists_and_pairs_in_one_file_are_an_error(tmp_path) -> None:
    path = write(tmp_path, "x.txt", "a 1 2\n\nb 1\nb 2\n")
    with pytest.raises(BenchmarkDataError, match=r"x\.txt, line 4: line 1 holds several items"):
        lists_of(path)
    path = write(tmp_path, "x.txt", "b 1\nb 2\na 1 2\n")
    with pytest.raises(BenchmarkDataError, match=r"line 3: line 3 holds several items"):
        lists_of(path)


def test_a_user_without_items_is_counted_in_lists_and_an_error_in_pairs(tmp_path) -> None:
    users, _, empty = read_lists(write(tmp_path, "x.txt", "a 1 2\nb\n"), Codes(), Codes())
    assert (users.tolist(), empty) == ([0, 0], 1)
    with pytest.raises(BenchmarkDataError, match=r"line 3: pairs, but 1 lines name a user"):
        lists_of(write(tmp_path, "x.txt", "a 1\nb\na 2\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \r\n", "the file is empty"),
        ("a\nb\n", "no line names an item"),
        ("a,1\n", "line 1: 'a,1' is separated by commas"),
        ("a 1\rb 2\r", "line 1: this is no text"),
        ("a 1\n".encode("utf-16"), "line 1: this is no text"),
    ],
)
def test_what_is_no_list_file_is_refused(tmp_path, content, message) -> None:
    with pytest.raises(BenchmarkDataError, match=message):
        lists_of(write(tmp_path, "x.txt", content))


def test_a_damaged_gzip_file_is_refused(tmp_path) -> None:
    path = write(tmp_path, "x.txt.gz", "".join(f"u{n} i{n * n}\n" for n in range(5000)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BenchmarkDataError, match="damaged or cut off"):
        lists_of(path)
    path.write_bytes(b"a 1 2\n")
    with pytest.raises(BenchmarkDataError, match="line 1: the gzip file is damaged"):
        lists_of(path)


# ------------------------------------------------------------------ folders


@pytest.mark.parametrize("protocol", [ncf, sequential, topn, ratings])
def test_a_missing_or_empty_folder_is_named(tmp_path, protocol) -> None:
    with pytest.raises(BenchmarkDataError, match="there is no such folder"):
        protocol.read(tmp_path / "nowhere", None)
    with pytest.raises(BenchmarkDataError, match=r"no data set|there is no file here|lacks"):
        protocol.read(tmp_path, None)


def test_the_one_file_is_found_beside_a_readme(tmp_path) -> None:
    write(tmp_path, "README.md", "about")
    write(tmp_path, ".hidden", "x")
    write(tmp_path, "games.txt", "a 1 2 3\n")
    assert sequential.read(tmp_path, None).name == "games"
    write(tmp_path, "toys.txt.gz", "a 1 2 3\n")
    with pytest.raises(BenchmarkDataError, match=r"several files: games\.txt, toys\.txt\.gz"):
        sequential.read(tmp_path, None)
    assert sequential.read(tmp_path, "toys").paths[0].name == "toys.txt.gz"
    assert sequential.read(tmp_path / "games.txt", None).name == "games"
    with pytest.raises(BenchmarkDataError, match="no file named 'books'"):
        sequential.read(tmp_path, "books")


def test_topn_needs_both_files_once(tmp_path) -> None:
    write(tmp_path, "train.txt.gz", "a 1 2 3\n")
    with pytest.raises(BenchmarkDataError, match=r"lacks test\.txt"):
        topn.read(tmp_path, None)
    write(tmp_path, "test.txt", "a 4\n")
    assert topn.read(tmp_path, None).counts["test interactions"] == 1
    write(tmp_path, "train.txt", "a 1 2 3\n")
    with pytest.raises(BenchmarkDataError, match=r"both train\.txt and train\.txt\.gz"):
        topn.read(tmp_path, None)


def test_several_topn_sets_in_one_folder(tmp_path) -> None:
    write(tmp_path, "yelp.train.txt", "a 1 2 3\n")
    write(tmp_path, "yelp.test.txt", "a 4\n")
    with pytest.raises(BenchmarkDataError, match="it holds yelp, say which one with --name"):
        topn.read(tmp_path, None)
    assert topn.read(tmp_path, "yelp").name == "yelp"


# ------------------------------------------------------------------ counts


def test_topn_counts_its_oddities(tmp_path) -> None:
    write(tmp_path, "train.txt", "a 1 2 2\nb 1\nc\n")
    write(tmp_path, "test.txt", "a 2 9\nc 1\nb\nd 1 1\n")
    counts = topn.read(tmp_path, None).counts
    assert counts["users"] == 2
    assert counts["items"] == 2
    assert counts["training interactions"] == 3
    assert counts["test interactions"] == 4
    assert counts["test questions"] == 3
    assert counts["users without training items"] == 1
    assert counts["users without test items (not asked)"] == 1
    assert counts["repeated rows (counted once)"] == 2
    assert counts["test users without training purchase"] == 2
    assert counts["test items without training purchase (misses)"] == 1
    assert counts["test items that the user has in training (misses)"] == 1


def test_sequential_counts_its_oddities(tmp_path) -> None:
    write(tmp_path, "x.txt", "a 1 2 3 4\nb 1 2\nc 3 2 3\nd 1 2 9\n")
    counts = sequential.read(tmp_path, None).counts
    assert counts["users"] == 4
    assert counts["interactions"] == 12
    assert counts["test questions"] == 3
    assert counts["users with fewer than three items (training only)"] == 1
    assert counts["repeated items of a user"] == 1
    assert counts["test items that stand in the history (misses)"] == 1
    assert counts["test items without training purchase (misses)"] == 2  # 4 and 9
    with pytest.raises(BenchmarkDataError, match="no user has 3 items"):
        sequential.read(write(tmp_path, "x.txt", "a 1 2\nb 2\n"), None)


# ------------------------------------------------------------------ ncf


def test_ncf_ids_are_texts_and_may_hold_commas_and_brackets(tmp_path) -> None:
    write(tmp_path, "n.train.rating", "a,b\tx(1)\t5\t0\na,b\ty\t5\t0\nc\ty\t5\t0\n")
    write(tmp_path, "n.test.rating.gz", "c\tx(1)\t5\t0\na,b\tz,z\t5\t0\n")
    write(tmp_path, "n.test.negative", "(a,b,z,z)\ty\tq\n(c,x(1))\tz,z\tx(1)\tq\tq\n")
    files = ncf.read(tmp_path, None)
    assert files.name == "n"
    assert files.counts["users"] == 2
    assert files.counts["items"] == 2
    assert files.counts["negatives equal to the test item (left out)"] == 1
    assert files.counts["negatives listed twice (counted once)"] == 1
    assert files.counts["negatives that the user has in training"] == 1
    assert files.counts["test items without training purchase (misses)"] == 1
    task = ncf.task(files)
    # Codes by first appearance: x(1) and y are trained on, z,z and q are not.
    assert sorted(task.asked.items[0][1:].tolist()) == sorted([2, 3])
    assert task.asked.items[1, 0] == 2


@pytest.mark.parametrize(
    ("suffix", "line", "message"),
    [
        ("train.rating", "5\n", r"made\.train\.rating, line 641: 1 column"),
        ("train.rating", "5 6 1 0\n", "line 641: 1 column"),
        ("train.rating", "5\t6\n", "line 641: 2 columns, but the lines before have 4"),
        ("train.rating", "\t6\t1\t0\n", "line 641: the user or the item is empty"),
        ("test.rating", "0\t99\t1\t0\n", "1 test rows have no line of negatives"),
        ("test.negative", "(0,99)\t1\n", r"line 81: '\(0,99\)' is no pair of the test file"),
        ("test.negative", "0\t1\t2\n", "line 81: '0' is no pair of the test file"),
    ],
)
def test_ncf_errors_name_the_line(tmp_path, suffix, line, message) -> None:
    path = ncf_folder(tmp_path) / f"made.{suffix}"
    path.write_text(path.read_text() + line)
    with pytest.raises(BenchmarkDataError, match=message):
        ncf.read(tmp_path, None)


def test_ncf_repeats_of_a_test_row_or_its_negatives_are_errors(tmp_path) -> None:
    path = ncf_folder(tmp_path) / "made.test.negative"
    good = path.read_text()
    path.write_text(good + good.splitlines()[0] + "\n")
    with pytest.raises(BenchmarkDataError, match="line 81: a second line for"):
        ncf.read(tmp_path, None)
    path.write_text(good)
    path = tmp_path / "made.test.rating"
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    with pytest.raises(BenchmarkDataError, match=r"line 81: the pair .* stands here twice"):
        ncf.read(tmp_path, None)


def test_ncf_several_sets_need_a_name_and_a_missing_file_is_named(tmp_path) -> None:
    ncf_folder(tmp_path)
    write(tmp_path, "more.train.rating", "a\tb\n")
    with pytest.raises(BenchmarkDataError, match="several data sets: made, more"):
        ncf.read(tmp_path, None)
    assert ncf.read(tmp_path, "made").counts["users"] == 80
    with pytest.raises(
        BenchmarkDataError, match=r"lacks more\.test\.rating and more\.test\.negative"
    ):
        ncf.read(tmp_path, "more")


# ------------------------------------------------------------------ ratings


@pytest.mark.parametrize("header", ["", "user_id:token\titem_id:token\trating:float\tt:float\n"])
def test_ratings_with_and_without_a_header(tmp_path, header) -> None:
    file = ratings.read(write(tmp_path, "r.inter", header + RATINGS), None)
    assert file.counts["ratings"] == 12
    assert file.rows.stars.tolist() == [1 + n % 5 for n in range(12)]
    assert file.rows.days.tolist() == list(range(12))


def test_ratings_repeats_and_times(tmp_path) -> None:
    rows = RATINGS + "u0\ti0\t5\t86400000000\n"
    file = ratings.read(write(tmp_path, "r.tsv.gz", rows), None)
    assert file.counts["repeated ratings of a pair (the last line counts)"] == 1
    assert file.rows.stars[-1] == 5
    assert file.rows.days[-1] == 1_000_000  # read as seconds: the largest is after 1973
    assert file.rows.days[0] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("u1\ti99\tgood\t0\n", r"line 13: the rating is 'good', which is no number"),
        ("u1\ti99\tnan\t0\n", "line 13: the rating is 'nan'"),
        ("u1\ti99\t3\tMay\n", "line 13: the timestamp is 'May'"),
        ("u1::i99::3::0\n", "line 13: 1 column"),
    ],
)
def test_ratings_errors_name_the_line(tmp_path, line, message) -> None:
    with pytest.raises(BenchmarkDataError, match=message):
        ratings.read(write(tmp_path, "r.tsv", RATINGS + line), None)


def test_ratings_too_few_or_all_equal(tmp_path) -> None:
    with pytest.raises(BenchmarkDataError, match="2 ratings are too few"):
        ratings.read(write(tmp_path, "r.tsv", "a\tb\t1\t0\na\tc\t2\t0\n"), None)
    equal = "".join(f"u{n}\ti{n}\t3\t0\n" for n in range(12))
    with pytest.raises(BenchmarkDataError, match="nothing to predict"):
        ratings.read(write(tmp_path, "r.tsv", equal), None)


def test_the_codes_of_a_world_grow_by_first_appearance(tmp_path) -> None:
    write(tmp_path, "train.txt", "a 5 6 7 8\nb 10\n")
    write(tmp_path, "test.txt", "c 5 9\na 9\n")
    task = topn.task(topn.read(tmp_path, None))
    assert (task.train.n_users, task.full.n_users) == (2, 2)
    assert task.train.n_items == 4
    assert task.full.n_items == 5
    assert np.unique(task.full.items).tolist() == [0, 1, 2, 3, 4]
    assert sorted(task.asked.users.tolist()) == [0, 2]
    assert task.asked.targets.shape[1] == 6
