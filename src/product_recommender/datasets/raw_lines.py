"""Raw text files as a stream of numbered lines, damaged ones included.

A CSV reader decides for itself what a line is and drops what it dislikes; then nobody can account
for the missing rows. This one splits on newlines and nothing else, looks at no quotes, and says of
every line where it stood and what is wrong with its bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from kedro.io import AbstractDataset, DatasetError

from product_recommender.progress import Step
from product_recommender.review_format import RAW_REVIEW_COLUMNS
from product_recommender.wording import counted

from .line_blocks import line_blocks
from .raw_contents import Contents, Holds, passed_over, read_as
from .raw_files import RawFile, find_raw_files, nothing_found

logger = logging.getLogger(__name__)

LINE_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("line_number", pa.int64()),
        ("field_order", pa.list_(pa.int8())),
        ("n_fields", pa.int16()),
        ("text", pa.string()),
        ("damage", pa.string()),
    ]
)


class RawLinesDataset(AbstractDataset[Any, pa.RecordBatchReader]):
    """Lines of raw text files, plain or gzipped, as a stream of Arrow record batches.

    Lines end at ``\\n``; one ``\\r`` before it belongs to the line end, any other stays in the
    text. The last line counts without a newline, too. A byte-order mark at the start of a file is
    dropped. Lines are numbered from 1, the header included; files come sorted by name.

    Parameters
    ----------
    filepath
        A file, a folder (with its subfolders) or a glob; an empty setting names no file.
    patterns
        File name patterns; other files are ignored.
    holds
        What is looked for. ``reviews``: files whose first line names the 15 review columns, in any
        order, further columns allowed; or JSON records of reviews. ``products``: JSON records of
        products. Files that turn out to hold records of the other kind are passed over, with a
        warning. ``lines``: every line is data. Only below a header are ``field_order`` and
        ``n_fields`` given.
    optional
        True: no matching file is an empty stream instead of an error.
    max_line_bytes
        Longer lines are marked ``line_too_long``. Their text is kept (up to 64 MiB).
    metadata
        Free metadata, for example the kedro-viz layer.

    Raises
    ------
    DatasetError
        On loading: no file, or a file without a proper header. While streaming: a truncated or
        corrupt gzip file, with the line it got to.

    Notes
    -----
    Columns: ``file`` (name relative to the input), ``line_number``, ``field_order`` (list<int8>:
    for each canonical column its position in the file), ``n_fields`` (int16: columns of the
    header), ``text`` (without line end; invalid bytes replaced by U+FFFD), ``damage`` (null, or
    ``blank``, ``invalid_utf8``, ``nul_byte``, ``line_too_long``; the first that applies, in the
    order ``line_too_long``, ``invalid_utf8``, ``nul_byte``, ``blank``).
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        patterns: list[str],
        holds: Holds,
        optional: bool = False,
        max_line_bytes: int = 1_000_000,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = filepath
        self._patterns = list(patterns)
        self._holds = holds
        self._optional = optional
        self._max_line_bytes = max_line_bytes
        self.metadata = metadata

    def load(self) -> pa.RecordBatchReader:
        """Look into every file, then stream the lines; one block is in memory at a time."""
        found, _ = find_raw_files(self._filepath, self._patterns)
        files, foreign = read_as(found, self._holds)
        if foreign:
            logger.warning(passed_over(foreign, self._holds))
        if not files and not self._optional:
            if foreign:
                raise DatasetError(
                    f"{self._filepath} holds no review: {passed_over(foreign, self._holds)} Name "
                    "files of reviews with `--params=reviews_path=...`; product metadata goes to "
                    "product_metadata_path."
                )
            raise DatasetError(nothing_found(self._filepath, self._patterns))
        orders = {file.name: self._field_order(file, contents) for file, contents in files}
        return pa.RecordBatchReader.from_batches(
            LINE_SCHEMA, self._batches([file for file, _ in files], orders)
        )

    def save(self, data: Any) -> None:
        """Refuse: raw files are read-only."""
        raise DatasetError(f"{self._filepath}: raw files are only read, never written.")

    def _exists(self) -> bool:
        return self._optional or bool(find_raw_files(self._filepath, self._patterns)[0])

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "patterns": self._patterns, "holds": self._holds}

    def _field_order(self, file: RawFile, contents: Contents) -> tuple[np.ndarray, int] | None:
        """Positions of the canonical columns and number of columns; None: no header to read."""
        if contents.first_line is None:
            logger.warning("%s is an empty file: no line to read.", file.path)
        if contents.first_line is None or contents.kind != "table":
            return None
        return _read_header(file.path, contents.first_line)

    def _batches(
        self, files: list[RawFile], orders: dict[str, tuple[np.ndarray, int] | None]
    ) -> Iterator[pa.RecordBatch]:
        for file in files:
            number = 1
            # A header is a line of the file but not of the data.
            skip = 0 if orders[file.name] is None else 1
            with Step(f"reading {file.name}", unit="lines", with_speed=True) as step:
                for lines in line_blocks(file.path):
                    data = lines[skip:]
                    number, skip = number + len(lines) - len(data), 0
                    step.advance(len(lines))
                    if data:
                        yield self._batch(file.name, number, data, orders[file.name])
                        number += len(data)

    def _batch(
        self, name: str, number: int, lines: list[bytes], order: tuple[np.ndarray, int] | None
    ) -> pa.RecordBatch:
        n = len(lines)
        text, damage = _decode(lines, self._max_line_bytes)
        if order is None:
            field_order: pa.Array = pa.nulls(n, LINE_SCHEMA.field("field_order").type)
            n_fields: pa.Array = pa.nulls(n, pa.int16())
        else:
            positions, width = order
            offsets = np.arange(0, (n + 1) * len(positions), len(positions), dtype=np.int32)
            field_order = pa.ListArray.from_arrays(offsets, pa.array(np.tile(positions, n)))
            n_fields = pa.array(np.full(n, width, dtype=np.int16))
        numbers = np.arange(number, number + n, dtype=np.int64)
        return pa.record_batch(
            [pa.repeat(name, n), pa.array(numbers), field_order, n_fields, text, damage],
            schema=LINE_SCHEMA,
        )


def _read_header(path: Path, line: str) -> tuple[np.ndarray, int]:
    names = [name.strip() for name in line.split("\t")]
    missing = [name for name in RAW_REVIEW_COLUMNS if name not in names]
    if len(missing) == len(RAW_REVIEW_COLUMNS):
        raise DatasetError(
            f"{path}, line 1: this is not a header. The first line must name the "
            f"{len(RAW_REVIEW_COLUMNS)} columns {', '.join(RAW_REVIEW_COLUMNS)}, "
            f"separated by tabs; found {counted(len(names), 'field')}, the first {names[0][:40]!r}."
        )
    if missing:
        raise DatasetError(
            f"{path}, line 1: the header lacks {', '.join(missing)}. Needed, in any order and "
            f"separated by tabs: {', '.join(RAW_REVIEW_COLUMNS)}."
        )
    twice = [name for name in RAW_REVIEW_COLUMNS if names.count(name) > 1]
    if twice:
        raise DatasetError(f"{path}, line 1: the header names {', '.join(twice)} more than once.")
    if len(names) > np.iinfo(np.int8).max:
        raise DatasetError(f"{path}, line 1: {len(names)} columns; at most 127 can be read.")
    positions = np.array([names.index(name) for name in RAW_REVIEW_COLUMNS], dtype=np.int8)
    return positions, len(names)


def _decode(lines: list[bytes], max_line_bytes: int) -> tuple[pa.Array, pa.Array]:
    """Text and damage of whole lines; per-line work only where a cheap test found something."""
    n = len(lines)
    raw = pa.array(lines, type=pa.binary())
    damage = np.full(n, None, dtype=object)
    trimmed = pc.binary_length(pc.ascii_trim_whitespace(raw.cast(pa.string(), safe=False)))
    damage[pc.equal(trimmed, 0).to_numpy(zero_copy_only=False)] = "blank"
    nul = pc.match_substring(raw, b"\0").to_numpy(zero_copy_only=False)
    damage[nul] = "nul_byte"
    try:
        text = raw.cast(pa.string())
    except pa.ArrowInvalid:
        decoded: list[str] = []
        for row, line in enumerate(lines):
            try:
                decoded.append(line.decode("utf-8"))
            except UnicodeDecodeError:
                decoded.append(line.decode("utf-8", errors="replace"))
                damage[row] = "invalid_utf8"
        text = pa.array(decoded, type=pa.string())
    too_long = pc.greater(pc.binary_length(raw), max_line_bytes).to_numpy(zero_copy_only=False)
    damage[too_long] = "line_too_long"
    return text, pa.array(damage, type=pa.string())
