"""Parquet tables: Ibis expressions out, Ibis expressions, Arrow data or pandas frames in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.ibis import FileDataset


class ParquetTableDataset(FileDataset):
    """A parquet file that loads as an Ibis table on the shared connection.

    Saving accepts what a node naturally has in hand: an Ibis table (written by the engine), an
    Arrow table, an Arrow record batch reader (streamed, one batch in memory at a time) or a pandas
    frame without its index.

    Parameters
    ----------
    filepath
        The parquet file.
    connection
        The Ibis connection mapping. Tables meet only on identical mappings: define it once.
    metadata
        Free metadata, for example the kedro-viz layer.
    """

    def __init__(
        self,
        *,
        filepath: str,
        connection: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath, file_format="parquet", connection=connection, metadata=metadata)

    def save(self, data: Any) -> None:
        """Write ``data`` as zstd-compressed parquet."""
        path = str(self._get_save_path())
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, pa.RecordBatchReader):
            write_batches(data, path)
        elif isinstance(data, pa.Table):
            pq.write_table(data, path, compression="zstd")
        elif hasattr(data, "to_arrow") or hasattr(data, "op"):  # an Ibis expression
            self.connection.to_parquet(data, path, compression="zstd")
        elif type(data).__module__.startswith("pandas"):
            pq.write_table(
                pa.Table.from_pandas(data, preserve_index=False), path, compression="zstd"
            )
        else:
            raise DatasetError(
                f"{path}: cannot write a {type(data).__name__} as parquet; give an Ibis or Arrow "
                "table, a RecordBatchReader or a pandas frame."
            )


class ParquetBatchesDataset(AbstractDataset[pa.RecordBatchReader, Iterator[pa.RecordBatch]]):
    """The same file as a stream of Arrow record batches, for code that must not hold it whole.

    Parameters
    ----------
    filepath
        The parquet file.
    batch_size
        Rows in a batch, at most.
    metadata
        Free metadata, for example the kedro-viz layer.
    """

    def __init__(
        self, *, filepath: str, batch_size: int = 65_536, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = filepath
        self._batch_size = batch_size
        self.metadata = metadata

    def load(self) -> pa.RecordBatchReader:
        """Open the file; batches are read when the reader is iterated."""
        file = pq.ParquetFile(self._filepath)
        return pa.RecordBatchReader.from_batches(
            file.schema_arrow, file.iter_batches(batch_size=self._batch_size)
        )

    def save(self, data: pa.RecordBatchReader) -> None:
        """Stream the batches into the file."""
        Path(self._filepath).parent.mkdir(parents=True, exist_ok=True)
        write_batches(data, self._filepath)

    def _exists(self) -> bool:
        return Path(self._filepath).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "batch_size": self._batch_size}


def write_batches(reader: pa.RecordBatchReader, path: str) -> None:
    """Write a record batch reader to parquet, one row group a batch.

    Parameters
    ----------
    reader
        The batches; consumed.
    path
        The target file.
    """
    with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
