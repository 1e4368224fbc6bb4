"""Parquet tables accept what nodes have in hand and come back as Ibis tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from product_recommender.datasets import ParquetBatchesDataset, ParquetTableDataset

DUCKDB = {"backend": "duckdb", "database": ":memory:", "threads": 1}


@pytest.fixture
def entry(tmp_path: Path) -> ParquetTableDataset:
    return ParquetTableDataset(filepath=str(tmp_path / "t.parquet"), connection=DUCKDB)


def batches(schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    yield pa.record_batch({"a": [1, 2], "s": ["x", None]}, schema=schema)
    yield pa.record_batch({"a": [3], "s": ["z"]}, schema=schema)


@pytest.mark.parametrize("kind", ["ibis", "arrow", "reader", "pandas"])
def test_all_kinds_of_table_come_back_equal(entry: ParquetTableDataset, kind: str) -> None:
    schema = pa.schema({"a": pa.int64(), "s": pa.string()})
    arrow = pa.Table.from_batches(batches(schema))
    data = {
        "ibis": lambda: ibis.memtable(arrow),
        "arrow": lambda: arrow,
        "reader": lambda: pa.RecordBatchReader.from_batches(schema, batches(schema)),
        "pandas": lambda: arrow.to_pandas(),
    }[kind]()
    entry.save(data)
    assert entry.load().order_by("a").to_pyarrow().to_pylist() == [
        {"a": 1, "s": "x"},
        {"a": 2, "s": None},
        {"a": 3, "s": "z"},
    ]


def test_an_empty_stream_keeps_its_columns(entry: ParquetTableDataset) -> None:
    schema = pa.schema({"a": pa.int64()})
    entry.save(pa.RecordBatchReader.from_batches(schema, iter([])))
    loaded = entry.load()
    assert loaded.count().execute() == 0
    assert loaded.columns == ("a",)


def test_pandas_index_is_not_stored(entry: ParquetTableDataset) -> None:
    entry.save(pd.DataFrame({"a": [1]}, index=["row"]))
    assert entry.load().columns == ("a",)


def test_anything_else_is_refused_by_name(entry: ParquetTableDataset) -> None:
    with pytest.raises(DatasetError, match="cannot write a list"):
        entry.save([1, 2])


def test_tables_of_one_connection_join(tmp_path: Path) -> None:
    left = ParquetTableDataset(filepath=str(tmp_path / "l.parquet"), connection=DUCKDB)
    right = ParquetTableDataset(filepath=str(tmp_path / "r.parquet"), connection=dict(DUCKDB))
    left.save(pa.table({"k": [1, 2], "l": ["a", "b"]}))
    right.save(pa.table({"k": [2], "r": ["c"]}))
    joined = left.load().join(right.load(), "k")
    assert joined.to_pyarrow().to_pylist() == [{"k": 2, "l": "b", "r": "c"}]


def test_batches_are_read_in_bounded_pieces(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table({"a": list(range(10))}), path)
    reader = ParquetBatchesDataset(filepath=str(path), batch_size=4).load()
    sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == 10
    assert max(sizes) <= 4
