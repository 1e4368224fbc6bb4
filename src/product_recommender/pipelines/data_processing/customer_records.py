"""Customer attributes as sources deliver them: CSV lines, read a batch at a time."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa

from product_recommender.wording import counted

logger = logging.getLogger(__name__)

CUSTOMER_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("age_group", pa.string()),
        ("region", pa.string()),
        ("is_prime", pa.bool_()),
        ("sign_up_date", pa.date32()),
    ]
)

_YES = {"true", "t", "yes", "y", "1"}
_NO = {"false", "f", "no", "n", "0"}
_NAMED_IN_LOG = 5

Record = dict[str, Any]


class BadRecordError(ValueError):
    """A record that cannot be used; the message says why."""


def read_customers(lines: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Customer attributes from CSV lines with a header in each file.

    Parameters
    ----------
    lines
        ``RawLinesDataset`` stream; the header names ``customer_id`` and any of ``age_group``,
        ``region``, ``is_prime``, ``sign_up_date``.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``CUSTOMER_SCHEMA``, each customer once (the first record counts). Values that cannot be
        read are null; records without an id, repeated or of the wrong length are left out,
        counted and named in the log when the stream ends.

    Raises
    ------
    ValueError
        While streaming, if a file's header has no ``customer_id``.
    """
    return pa.RecordBatchReader.from_batches(CUSTOMER_SCHEMA, _batches(lines))


def _batches(lines: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    parse = _CustomerParser()
    seen: set[str] = set()
    bad: list[str] = []
    n_bad = 0
    for batch in lines:
        records = []
        columns = (batch.column(name).to_pylist() for name in ("file", "line_number", "text"))
        for file, number, text in zip(*columns, strict=True):
            try:
                record = parse(file, number, text)
                if record is not None and record["customer_id"] in seen:
                    raise BadRecordError(f"customer_id {record['customer_id']!r} was there before")
            except BadRecordError as error:
                n_bad += 1
                if len(bad) < _NAMED_IN_LOG:
                    bad.append(f"{file}, line {number}: {error}")
                continue
            if record is not None:
                seen.add(record["customer_id"])
                records.append(record)
        if records:
            yield pa.RecordBatch.from_pylist(records, schema=CUSTOMER_SCHEMA)
    if n_bad:
        logger.warning("customers: %s rejected, e.g. %s", counted(n_bad, "record"), "; ".join(bad))


class _CustomerParser:
    """Remembers the header of the file it is in."""

    def __init__(self) -> None:
        self._file: str | None = None
        self._header: list[str] = []

    def __call__(self, file: str, number: int, text: str) -> Record | None:
        try:
            fields = next(csv.reader([text], strict=True), [])
        except csv.Error as error:
            raise BadRecordError(f"not CSV ({error})") from error
        if file != self._file:
            self._file, self._header = file, [name.strip() for name in fields]
            if "customer_id" not in self._header:
                raise ValueError(
                    f"customers file {file}, line {number}: the header must name customer_id (and "
                    f"any of {', '.join(CUSTOMER_SCHEMA.names[1:])}); found {text[:80]!r}."
                )
            return None
        if len(fields) != len(self._header):
            raise BadRecordError(
                f"{counted(len(fields), 'field')}, the header has {len(self._header)}"
            )
        row = dict(zip(self._header, (field.strip() for field in fields), strict=True))
        if not row["customer_id"]:
            raise BadRecordError("no customer_id")
        return {
            "customer_id": row["customer_id"],
            "age_group": row.get("age_group") or None,
            "region": row.get("region") or None,
            "is_prime": _flag(row.get("is_prime", "")),
            "sign_up_date": _iso_date(row.get("sign_up_date", "")),
        }


def _flag(value: str) -> bool | None:
    low = value.lower()
    return True if low in _YES else False if low in _NO else None


def _iso_date(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
