"""Product metadata and customer attributes as sources deliver them: a stream of text lines.

Both are small beside the reviews and messy in ways that SQL has no words for (a category that is
a list here and a text there, prices with a currency sign), so a record is read by Python, a batch
of lines in memory at a time.
"""

from __future__ import annotations

import csv
import json
import logging
import math
import re
from collections.abc import Callable, Iterator
from datetime import date
from html import unescape
from typing import Any

import pyarrow as pa

from product_recommender.wording import counted

logger = logging.getLogger(__name__)

PRODUCT_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("brand", pa.string()),
        ("category", pa.string()),
        ("list_price", pa.float64()),
        ("cost", pa.float64()),
        ("stock", pa.int64()),
        ("image", pa.string()),
    ]
)

CUSTOMER_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("age_group", pa.string()),
        ("region", pa.string()),
        ("is_prime", pa.bool_()),
        ("sign_up_date", pa.date32()),
    ]
)

_MONEY = re.compile(r"[$€£]?\s*([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)$")
_YES = {"true", "t", "yes", "y", "1"}
_NO = {"false", "f", "no", "n", "0"}
_NAMED_IN_LOG = 5
_ABSURD_AMOUNT = 1e15

Record = dict[str, Any]


class BadRecordError(ValueError):
    """A record that cannot be used; the message says why."""


def read_products(lines: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Product metadata from JSON lines.

    Parameters
    ----------
    lines
        ``RawLinesDataset`` stream of JSON objects: ``asin`` and, each where given, ``title``,
        ``description``, ``brand``, ``category``, ``price``, ``cost``, ``stock``, ``image``.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``PRODUCT_SCHEMA``, each product once (the first record counts). Values that cannot be
        read are null. Records without an ``asin``, repeated or not JSON are left out, counted and
        named in the log when the stream ends.
    """
    parse = _ProductParser()
    return pa.RecordBatchReader.from_batches(
        PRODUCT_SCHEMA, _records(lines, parse, PRODUCT_SCHEMA, "product metadata")
    )


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
    parse = _CustomerParser()
    return pa.RecordBatchReader.from_batches(
        CUSTOMER_SCHEMA, _records(lines, parse, CUSTOMER_SCHEMA, "customers")
    )


def _records(
    lines: pa.RecordBatchReader,
    parse: Callable[[str, int, str], Record | None],
    schema: pa.Schema,
    what: str,
) -> Iterator[pa.RecordBatch]:
    key = schema.names[0]
    seen: set[str] = set()
    bad: list[str] = []
    n_bad = 0
    for batch in lines:
        records = []
        columns = (batch.column(name).to_pylist() for name in ("file", "line_number", "text"))
        for file, number, text in zip(*columns, strict=True):
            try:
                record = parse(file, number, text)
                if record is not None and record[key] in seen:
                    raise BadRecordError(f"{key} {record[key]!r} was there before")
            except BadRecordError as error:
                n_bad += 1
                if len(bad) < _NAMED_IN_LOG:
                    bad.append(f"{file}, line {number}: {error}")
                continue
            if record is not None:
                seen.add(record[key])
                records.append(record)
        if records:
            yield pa.RecordBatch.from_pylist(records, schema=schema)
    if n_bad:
        logger.warning("%s: %s rejected, e.g. %s", what, counted(n_bad, "record"), "; ".join(bad))


class _ProductParser:
    def __call__(self, file: str, number: int, text: str) -> Record | None:
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadRecordError("not JSON" if text.strip() else "blank") from error
        if not isinstance(record, dict):
            raise BadRecordError("not a JSON object")
        product_id = _text(record.get("asin"))
        if not product_id:
            raise BadRecordError("no asin")
        price = record.get("price")
        return {
            "product_id": product_id,
            "title": _html_text(record.get("title")),
            "description": _html_text(record.get("description")),
            "brand": _html_text(record.get("brand")),
            "category": _html_text(_most_specific(record.get("category"))),
            "list_price": _money(price if price is not None else record.get("list_price")),
            "cost": _money(record.get("cost")),
            "stock": _count(record.get("stock")),
            "image": _text(_first(record.get("image"))),
        }


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


def _text(value: Any) -> str | None:
    if isinstance(value, str | int) and not isinstance(value, bool):
        # A lone surrogate (\ud800 in JSON) is no text that a file can hold.
        return str(value).encode("utf-8", errors="replace").decode().strip() or None
    return None


def _html_text(value: Any) -> str | None:
    if isinstance(value, list):
        value = "\n".join(part for part in value if isinstance(part, str))
    text = _text(value)
    if text is None:
        return None
    text = re.sub(r"(?i)<br ?/?>", "\n", text)
    text = re.sub(r"</?[a-zA-Z][^<>]{0,500}>", " ", text)
    return _text(unescape(text))


def _most_specific(value: Any) -> Any:
    """Amazon's later files give the path from the department down."""
    if isinstance(value, list):
        texts = [part for part in value if isinstance(part, str)]
        return texts[-1] if texts else None
    return value


def _first(value: Any) -> Any:
    return (value[0] if value else None) if isinstance(value, list) else value


def _money(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        usable = 0 <= value < _ABSURD_AMOUNT and not math.isnan(value)
        return float(value) if usable else None
    match = _MONEY.match(value.strip()) if isinstance(value, str) else None
    return float(match.group(1).replace(",", "")) if match else None


def _count(value: Any) -> int | None:
    amount = _money(value)
    return int(amount) if amount is not None and amount == int(amount) else None


def _flag(value: str) -> bool | None:
    low = value.lower()
    return True if low in _YES else False if low in _NO else None


def _iso_date(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
