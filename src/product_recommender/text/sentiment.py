"""Sentiment of millions of texts: a stream in, a stream out, over several processes."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from multiprocessing import get_context

import pyarrow as pa

from product_recommender.progress import Step
from product_recommender.text.vader import VaderRules, VaderScorer

logger = logging.getLogger(__name__)

SENTIMENT_SCHEMA = pa.schema([("text_id", pa.string()), ("compound", pa.float64())])
TEXTS_BEFORE_WORKERS = 32_768
"""Starting workers costs about as long as scoring this many texts: small inputs never need them."""


def score_batches(
    reader: pa.RecordBatchReader, processes: int | None = None, total: int | None = None
) -> pa.RecordBatchReader:
    """VADER's compound score of each text, batch by batch, in the order of the input.

    Nothing is read before the result is: at any time a few batches are in memory, never all texts.
    What takes longer than two seconds shows a progress bar on a terminal, log lines elsewhere.

    Parameters
    ----------
    reader
        Batches with ``text_id`` and ``text`` (both string); consumed. A null text scores null.
    processes
        Worker processes for large inputs; None means one for each core this process may use. The
        first texts are scored right here, so that small inputs start no process at all. The scores
        do not depend on it.
    total
        Number of texts, if known: the progress bar's end.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``text_id`` (string), ``compound`` (double): between -1 and 1, exactly what NLTK's
        ``SentimentIntensityAnalyzer`` answers.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    missing = {"text_id", "text"} - set(reader.schema.names)
    if missing:
        raise ValueError(
            f"texts to score lack the column(s) {sorted(missing)}; they have {reader.schema.names}"
        )
    scored = _score(reader, processes or usable_cores())
    return pa.RecordBatchReader.from_batches(SENTIMENT_SCHEMA, _report(scored, total))


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _score(batches: Iterable[pa.RecordBatch], processes: int) -> Iterator[pa.RecordBatch]:
    rules = VaderRules.from_nltk()
    scorer = VaderScorer(rules)
    batches = iter(batches)
    n_scored = 0
    for batch in batches:
        if processes > 1 and n_scored >= TEXTS_BEFORE_WORKERS:
            yield from _score_in_workers(chain([batch], batches), rules, scorer, processes)
            return
        yield _scored_batch(batch, scorer.compounds(_texts(batch)))
        n_scored += len(batch)


def _score_in_workers(
    batches: Iterator[pa.RecordBatch], rules: VaderRules, scorer: VaderScorer, processes: int
) -> Iterator[pa.RecordBatch]:
    """Hand batches to workers, a few ahead; without working workers go on in this process."""
    # Spawned, not forked: a fork of a process in which DuckDB or Arrow run threads may hang.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (rules,))
    waiting: deque[tuple[pa.RecordBatch, Future[list[float | None]] | None]] = deque()
    broken = False

    def finish_oldest() -> pa.RecordBatch:
        nonlocal broken
        batch, future = waiting.popleft()
        if future is not None:
            try:
                return _scored_batch(batch, future.result())
            except BrokenProcessPool as error:
                if not broken:
                    logger.warning("sentiment workers failed (%s): going on without them", error)
                broken = True
        return _scored_batch(batch, scorer.compounds(_texts(batch)))

    try:
        for batch in batches:
            try:
                future = None if broken else pool.submit(_score_in_worker, _texts(batch))
            except BrokenProcessPool:
                future = None
            waiting.append((batch, future))
            if len(waiting) > 2 * processes:
                yield finish_oldest()
        while waiting:
            yield finish_oldest()
    finally:
        pool.shutdown(cancel_futures=True)


_worker_scorer: VaderScorer | None = None


def _start_worker(rules: VaderRules) -> None:
    global _worker_scorer
    _worker_scorer = VaderScorer(rules)


def _score_in_worker(texts: list[str | None]) -> list[float | None]:
    assert _worker_scorer is not None
    return _worker_scorer.compounds(texts)


def _texts(batch: pa.RecordBatch) -> list[str | None]:
    return batch.column("text").to_pylist()


def _scored_batch(batch: pa.RecordBatch, compounds: list[float | None]) -> pa.RecordBatch:
    text_ids = batch.column("text_id").cast(pa.string())
    return pa.record_batch([text_ids, pa.array(compounds, pa.float64())], schema=SENTIMENT_SCHEMA)


def _report(scored: Iterator[pa.RecordBatch], total: int | None) -> Iterator[pa.RecordBatch]:
    """Pass the batches on and say how far they are, if it takes long."""
    with Step("sentiment", total, "texts", with_speed=True) as step:
        for batch in scored:
            step.advance(len(batch))
            yield batch
