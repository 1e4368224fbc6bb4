"""Product metadata as it is delivered: every line a row, with what it says or why it is no use.

Records are small beside the reviews and messy in ways that SQL has no words for (a category that
is a list here and a text there, prices that are style sheets), so a line is read by Python, a batch
in memory at a time; which of several records of a product counts is decided on their keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from product_recommender.amazon_records.product_fields import UnusableRecordError, product_fields
from product_recommender.amazon_records.record_text import UnreadableRecordError, parse_record

from .repeats import LINE

PRODUCT_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("features", pa.string()),
        ("brand", pa.string()),
        ("category", pa.string()),
        ("category_path", pa.string()),
        ("list_price", pa.float64()),
        ("cost", pa.float64()),
        ("stock", pa.int64()),
        ("image", pa.string()),
        ("image_urls", pa.list_(pa.string())),
    ]
)

RECORD_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("line_number", pa.int64()),
        *PRODUCT_SCHEMA,
        ("values_given", pa.int8()),
        ("reject_reason", pa.string()),
        ("text", pa.string()),
    ]
)
"""``values_given``: how many of the columns the record fills."""


def read_products(lines: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Type every line of product metadata.

    Parameters
    ----------
    lines
        Stream of ``RawLinesDataset``: JSON lines or, in 2014, Python dictionaries.

    Returns
    -------
    pyarrow.RecordBatchReader
        ``RECORD_SCHEMA``, a row a line. ``reject_reason``: the damage of the line, ``not_json``,
        ``not_an_object``, ``a_review``, ``missing_product_id``, or null.
    """
    return pa.RecordBatchReader.from_batches(RECORD_SCHEMA, _batches(lines))


def find_repeated_products(records: ir.Table) -> ir.Table:
    """The records whose product another record describes more fully.

    Parameters
    ----------
    records
        ``product_records``.

    Returns
    -------
    ibis.expr.types.Table
        ``file``, ``line_number`` of all records of a product but the one that fills most columns;
        of equally full ones the first in the order of files and lines stands.
    """
    keys = records.filter(records.reject_reason.isnull())
    keys = keys.select(*LINE, "product_id", "values_given")
    counted = keys.group_by("product_id").aggregate(n=keys.count())
    several = counted.filter(counted.n > 1).select("product_id")
    candidates = keys.semi_join(several, ["product_id"])
    order = [ibis.desc("values_given"), *LINE]
    ranked = candidates.mutate(place=ibis.row_number().over(group_by="product_id", order_by=order))
    return ranked.filter(ranked.place > 0).select(*LINE)


def _batches(lines: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in lines:
        names = ("file", "line_number", "text", "damage")
        columns = (batch.column(name).to_pylist() for name in names)
        rows = [_row(*values) for values in zip(*columns, strict=True)]
        yield pa.RecordBatch.from_pylist(rows, schema=RECORD_SCHEMA)


def _row(file: str, line_number: int, text: str, damage: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"file": file, "line_number": line_number, "text": text}
    if damage is not None:
        return row | {"reject_reason": damage}
    try:
        values = product_fields(parse_record(text))
    except (UnreadableRecordError, UnusableRecordError) as error:
        return row | {"reject_reason": error.reason}
    given = sum(1 for value in values.values() if value is not None and value != [])
    return row | values | {"values_given": given}
