"""Streams of texts: order, laziness, processes, and what is said on the way."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pyarrow as pa
import pytest

from product_recommender import progress
from product_recommender.text import sentiment
from product_recommender.text.sentiment import SENTIMENT_SCHEMA, score_batches
from product_recommender.text.vader import VaderRules, VaderScorer

SCHEMA = pa.schema([("text_id", pa.string()), ("text", pa.string())])
WORDS = ("good", "bad", "great", "awful", "book", "not", "very", "love", "hate", "so")


def batches(n: int, size: int) -> Iterator[pa.RecordBatch]:
    """Batches of distinct texts: the digits of the row number, as words."""
    for start in range(0, n, size):
        rows = range(start, min(start + size, n))
        texts = [" ".join(WORDS[int(digit)] for digit in str(row)) for row in rows]
        yield pa.record_batch([[str(row) for row in rows], texts], schema=SCHEMA)


def reader(n: int, size: int) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(SCHEMA, batches(n, size))


def expected(n: int) -> list[float | None]:
    scorer = VaderScorer(VaderRules.from_nltk())
    return [x for b in batches(n, n) for x in scorer.compounds(b.column("text").to_pylist())]


def test_every_text_in_order_in_one_process() -> None:
    table = score_batches(reader(250, 40), processes=1).read_all()
    assert table.schema == SENTIMENT_SCHEMA
    assert table.column("text_id").to_pylist() == [str(row) for row in range(250)]
    assert table.column("compound").to_pylist() == expected(250)


def test_workers_give_the_same_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentiment, "TEXTS_BEFORE_WORKERS", 50)
    used: list[int] = []
    start = sentiment.ProcessPoolExecutor

    def count(processes: int, *arguments: object) -> object:
        used.append(processes)
        return start(processes, *arguments)

    monkeypatch.setattr(sentiment, "ProcessPoolExecutor", count)
    table = score_batches(reader(600, 25), processes=2).read_all()
    assert used == [2]
    assert table.column("text_id").to_pylist() == [str(row) for row in range(600)]
    assert table.column("compound").to_pylist() == expected(600)


def test_small_inputs_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a worker was started for a small input")

    monkeypatch.setattr(sentiment, "ProcessPoolExecutor", refuse)
    assert score_batches(reader(500, 100), processes=8).read_all().num_rows == 500


def _die(rules: VaderRules) -> None:
    os._exit(3)


def test_dying_workers_are_replaced_by_this_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sentiment, "TEXTS_BEFORE_WORKERS", 50)
    monkeypatch.setattr(sentiment, "_start_worker", _die)
    with caplog.at_level(logging.WARNING):
        table = score_batches(reader(400, 25), processes=2).read_all()
    assert table.column("compound").to_pylist() == expected(400)
    assert "going on without them" in caplog.text
    assert len(caplog.records) == 1


def test_nothing_is_read_ahead_of_need() -> None:
    read = []

    def watched() -> Iterator[pa.RecordBatch]:
        for batch in batches(100, 10):
            read.append(len(batch))
            yield batch

    result = score_batches(pa.RecordBatchReader.from_batches(SCHEMA, watched()), processes=1)
    assert read == []
    result.read_next_batch()
    assert read == [10]


def test_an_error_of_the_input_is_passed_on() -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield from batches(10, 10)
        raise OSError("the disk is gone")

    result = score_batches(pa.RecordBatchReader.from_batches(SCHEMA, failing()), processes=1)
    with pytest.raises(OSError, match="the disk is gone"):
        result.read_all()


def test_no_texts_at_all() -> None:
    assert score_batches(reader(0, 10)).read_all().to_pylist() == []


def test_a_missing_column_is_named() -> None:
    wrong = pa.table({"text_id": ["a"], "body": ["good"]}).to_reader()
    with pytest.raises(ValueError, match=r"\['text'\].*'body'"):
        score_batches(wrong)


def test_long_inputs_report_in_log_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "is_terminal", lambda: False)
    monkeypatch.setattr(progress, "SECONDS_BEFORE_PROGRESS", 0.0)
    with caplog.at_level(logging.INFO, logger=progress.__name__):
        score_batches(reader(100, 10), processes=1, total=100).read_all()
    assert len(caplog.records) == 1  # the next one would be due ten seconds later
    assert "sentiment: 10 of 100 texts" in caplog.text
    assert "texts a second" in caplog.text


def test_short_inputs_report_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=progress.__name__):
        score_batches(reader(100, 10), processes=1, total=100).read_all()
    assert caplog.records == []
