"""JSON lines of reviews among the raw lines: read here, typed by the rules that type all lines."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from product_recommender.amazon_records.record_text import UnreadableRecordError, parse_record
from product_recommender.amazon_records.review_fields import category_of_file, review_fields

FIELDS = pa.field("fields", pa.list_(pa.string()))
"""The values of ``RECORD_FIELDS`` of a line that is a JSON record; null in all others."""


def read_records(lines: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Add ``fields`` to every line that is a record, and say of it where it is none.

    Parameters
    ----------
    lines
        Stream of ``RawLinesDataset``. Lines below a header (those with a ``field_order``) and
        damaged ones pass through as they are.

    Returns
    -------
    pyarrow.RecordBatchReader
        The same lines, a batch at a time, with ``fields``; ``damage`` is ``not_json`` or
        ``not_an_object`` where a line cannot be read as a record.
    """
    schema = lines.schema.append(FIELDS)
    return pa.RecordBatchReader.from_batches(schema, _batches(lines, schema))


def _batches(lines: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in lines:
        columns = {name: batch.column(name) for name in batch.schema.names}
        if columns["field_order"].null_count == 0:
            fields: pa.Array = pa.nulls(batch.num_rows, FIELDS.type)
        else:
            columns["damage"], fields = _read(
                *(columns[name].to_pylist() for name in ("file", "text", "damage"))
            )
        yield pa.record_batch([*columns.values(), fields], schema=schema)


def _read(
    files: list[str], texts: list[str], damages: list[str | None]
) -> tuple[pa.Array, pa.Array]:
    categories = {file: category_of_file(file) for file in set(files)}
    found: list[list[str | None] | None] = [None] * len(texts)
    for row, (file, text, damage) in enumerate(zip(files, texts, damages, strict=True)):
        if damage is None:
            try:
                found[row] = review_fields(parse_record(text), categories[file])
            except UnreadableRecordError as error:
                damages[row] = error.reason
    return pa.array(damages, pa.string()), pa.array(found, FIELDS.type)
