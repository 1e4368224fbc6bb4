"""Tables of embeddings: written, read back whole and of one model, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

EMBEDDING_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("content_hash", pa.string()),
        ("model", pa.string()),
        ("vector", pa.list_(pa.float32())),
    ]
)
PATH_KEY = b"path"
"""Key of a table's schema metadata: the file that it was read from, for messages."""


class EmbeddingError(ValueError):
    """Embeddings that do not belong together; the message says which file to delete."""


def embedding_table(
    product_ids: Sequence[str], hashes: Sequence[str], model: str, vectors: Mapping[str, np.ndarray]
) -> pa.Table:
    """The table `text_embeddings` or `image_embeddings`.

    Parameters
    ----------
    product_ids
        Products that have the content, in the order of the rows.
    hashes
        Content hash of each.
    model
        Identity of the encoder.
    vectors
        Content hash to float32 vector, all of one length.

    Returns
    -------
    pyarrow.Table
        ``EMBEDDING_SCHEMA``.
    """
    rows = [np.asarray(vectors[key], dtype=np.float32) for key in hashes]
    flat = np.concatenate(rows) if rows else np.zeros(0, dtype=np.float32)
    ends = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int32)
    return pa.table(
        [
            pa.array(product_ids, pa.string()),
            pa.array(hashes, pa.string()),
            pa.array([model] * len(rows), pa.string()),
            pa.ListArray.from_arrays(pa.array(ends), pa.array(flat)),
        ],
        schema=EMBEDDING_SCHEMA,
    )


def known_vectors(
    previous: pa.Table, model: str, dimensions: int, wanted: Sequence[str], dataset: str
) -> dict[str, np.ndarray]:
    """Vectors of an earlier run that need not be made again.

    Parameters
    ----------
    previous
        The table of an earlier run, or an empty one.
    model
        Identity of today's encoder; vectors of another one are of no use.
    dimensions
        Length of today's vectors.
    wanted
        Content hashes of today.
    dataset
        Name of the catalog entry, for messages.

    Returns
    -------
    dict of str to numpy.ndarray
        Content hash to float32 vector.

    Raises
    ------
    EmbeddingError
        If the table has other columns, or vectors of this model have another length.
    """
    missing = [name for name in EMBEDDING_SCHEMA.names if name not in previous.column_names]
    if missing:
        raise EmbeddingError(
            f"{_told(previous, dataset)} has no column {', '.join(missing)}: it was not written by "
            f"this project. {_way_out(previous, dataset)}"
        )
    useful = set(wanted)
    known: dict[str, np.ndarray] = {}
    for batch in previous.select(EMBEDDING_SCHEMA.names).to_batches():
        hashes, models = batch["content_hash"].to_pylist(), batch["model"].to_pylist()
        for row, (key, made_by) in enumerate(zip(hashes, models, strict=True)):
            if made_by != model or key not in useful or key in known:
                continue
            values = batch["vector"][row].values
            vector = np.asarray(values if values is not None else [], dtype=np.float32)
            if len(vector) != dimensions or not np.isfinite(vector).all():
                raise EmbeddingError(
                    f"{_told(previous, dataset)} holds a vector of {len(vector)} numbers that "
                    f"says it is of {model}, which gives {dimensions} finite ones. "
                    f"{_way_out(previous, dataset)}"
                )
            known[key] = vector
    return known


def read_embeddings(table: pa.Table, dataset: str) -> tuple[list[str], np.ndarray, str]:
    """Product ids and vectors of an embedding table, checked to be of one model and one length.

    Parameters
    ----------
    table
        `text_embeddings` or `image_embeddings`; may be empty.
    dataset
        Its name, for messages.

    Returns
    -------
    product_ids : list of str
    vectors : numpy.ndarray
        float32 ``[n, d]``; ``[0, 0]`` for an empty table.
    model : str
        Identity of the encoder; empty for an empty table.

    Raises
    ------
    EmbeddingError
        If models or lengths are mixed, a product has two vectors, or a number is not finite.
    """
    models = sorted(set(table["model"].to_pylist()))
    if not models:
        return [], np.zeros((0, 0), dtype=np.float32), ""
    vectors = table["vector"].combine_chunks()
    lengths = sorted(set(np.asarray(vectors.value_lengths().fill_null(0)).tolist()))
    told, way_out = _told(table, dataset), _way_out(table, dataset)
    if len(models) > 1:
        raise EmbeddingError(
            f"{told} mixes the vectors of different encoders ({', '.join(models)}), which cannot "
            f"be compared. {way_out}"
        )
    if len(lengths) > 1 or lengths == [0]:
        raise EmbeddingError(
            f"{told} holds vectors of different lengths ({', '.join(map(str, lengths))}) or empty "
            f"ones. {way_out}"
        )
    flat = np.asarray(vectors.flatten(), dtype=np.float32).reshape(len(table), lengths[0])
    if not np.isfinite(flat).all():
        raise EmbeddingError(f"{told} holds numbers that are not finite. {way_out}")
    product_ids = table["product_id"].to_pylist()
    if len(set(product_ids)) < len(product_ids):
        raise EmbeddingError(f"{told} holds two vectors of one product. {way_out}")
    return product_ids, flat, models[0]


def place_embeddings(
    table: pa.Table, product_ids: np.ndarray, dataset: str
) -> tuple[np.ndarray, np.ndarray, str]:
    """Vectors of an embedding table in the order of products.

    Parameters
    ----------
    table
        As of ``read_embeddings``; may hold other products.
    product_ids
        Object array ``[n]``: which products are wanted, each once.
    dataset
        Its name, for messages.

    Returns
    -------
    vectors : numpy.ndarray
        float32 ``[n, d]``; zero rows where nothing is known.
    known : numpy.ndarray
        bool ``[n]``.
    model : str
        Identity of the encoder; empty for an empty table.

    Raises
    ------
    EmbeddingError
        As of ``read_embeddings``.
    """
    ids, vectors, model = read_embeddings(table, dataset)
    row_of = {product: row for row, product in enumerate(ids)}
    rows = np.array([row_of.get(product, -1) for product in product_ids.tolist()], dtype=np.int64)
    known = rows >= 0
    placed = np.zeros((len(product_ids), vectors.shape[1]), dtype=np.float32)
    placed[known] = vectors[rows[known]]
    return placed, known, model


def _told(table: pa.Table, dataset: str) -> str:
    path = (table.schema.metadata or {}).get(PATH_KEY)
    return f"{dataset} ({path.decode()})" if path else dataset


def _way_out(table: pa.Table, dataset: str) -> str:
    path = (table.schema.metadata or {}).get(PATH_KEY)
    file = path.decode() if path else f"the file of {dataset} (in 04_feature)"
    return f"Delete {file} and run `kedro run --pipelines content` again."
