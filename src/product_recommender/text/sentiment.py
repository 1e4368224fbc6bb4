"""Sentiment of millions of texts: a stream in, a stream out, over several processes."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pyarrow as pa

from product_recommender.text.vader import VaderRules, VaderScorer

if TYPE_CHECKING:
    from rich.progress import Progress

logger = logging.getLogger(__name__)

SENTIMENT_SCHEMA = pa.schema([("text_id", pa.string()), ("compound", pa.float64())])
TEXTS_BEFORE_WORKERS = 32_768
"""Starting workers costs about as long as scoring this many texts: small inputs never need them."""
SECONDS_BEFORE_PROGRESS = 2.0
SECONDS_BETWEEN_LOG_LINES = 10.0


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
    started = time.monotonic()
    next_line = started + SECONDS_BEFORE_PROGRESS
    n_scored = 0
    progress: Progress | None = None
    on_terminal = _is_terminal()
    try:
        for batch in scored:
            n_scored += len(batch)
            now = time.monotonic()
            if progress is not None:
                progress.update(progress.task_ids[0], completed=n_scored)
            elif now >= next_line and on_terminal:
                progress = _start_bar(n_scored, total)
            elif now >= next_line:
                of_all = f" of {total:,}" if total is not None else ""
                rate = n_scored / (now - started)
                logger.info("sentiment: %s%s texts, %.0f a second", f"{n_scored:,}", of_all, rate)
                next_line = now + SECONDS_BETWEEN_LOG_LINES
            yield batch
    finally:
        if progress is not None:
            progress.stop()


def _is_terminal() -> bool:
    from rich.console import Console

    return Console(stderr=True).is_terminal


def _start_bar(completed: int, total: int | None) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("sentiment"), BarColumn(), MofNCompleteColumn(), Remaining())
    progress = Progress(*columns, console=Console(stderr=True))
    progress.start()
    progress.add_task("sentiment", completed=completed, total=total)
    return progress
