"""Product images, and tables of an earlier run: read-only, and allowed to be absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import AbstractDataset, DatasetError

from product_recommender.content.vectors import EMBEDDING_SCHEMA, PATH_KEY
from product_recommender.vision.image_source import ImageSource


class ProductImagesDataset(AbstractDataset[NoReturn, ImageSource]):
    """The folder that product images are in, for nodes that look up one after the other.

    Parameters
    ----------
    filepath
        The folder; it may be missing, and then every image is.
    downloads
        Folder that keeps images which were downloaded.
    metadata
        Free metadata, for example the kedro-viz layer.
    """

    def __init__(
        self, *, filepath: str, downloads: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = filepath
        self._downloads = downloads
        self.metadata = metadata

    def load(self) -> ImageSource:
        """Give the folder; nothing is read yet."""
        return ImageSource(Path(self._filepath), Path(self._downloads))

    def save(self, data: NoReturn) -> None:
        """Refuse: the images are a source's."""
        raise DatasetError(f"{self._filepath}: product images are only read.")

    def _exists(self) -> bool:
        return Path(self._filepath).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "downloads": self._downloads}


class PreviousEmbeddingsDataset(AbstractDataset[NoReturn, pa.Table]):
    """The embeddings that an earlier run left, as a cache; an empty table where there are none.

    A node that makes a table anew may read what it made before. That is a second entry on the same
    file, because no node can have one name as input and output.

    Parameters
    ----------
    filepath
        The parquet file of the entry that is made.
    metadata
        Free metadata, for example the kedro-viz layer.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> pa.Table:
        """Read the whole file; its path goes with the table, for messages."""
        path = Path(self._filepath)
        if not path.is_file():
            return EMBEDDING_SCHEMA.empty_table()
        try:
            # By handle: a path with a "=" or a folder's name must not become a column.
            with path.open("rb") as file:
                table = pq.read_table(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise DatasetError(
                f"{path} cannot be read as parquet ({' '.join(str(error).split())[:160]}). Delete "
                "it: `kedro run --pipelines content` makes it again."
            ) from None
        return table.replace_schema_metadata(
            {**(table.schema.metadata or {}), PATH_KEY: str(path).encode()}
        )

    def save(self, data: NoReturn) -> None:
        """Refuse: the entry that is made has another name."""
        raise DatasetError(f"{self._filepath}: a previous table is only read.")

    def _exists(self) -> bool:
        return True  # an absent file is an empty table

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
