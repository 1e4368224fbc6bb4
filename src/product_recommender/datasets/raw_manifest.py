"""What the raw input consists of: names, sizes, hashes, and who made it."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset, DatasetError

from .raw_contents import Holds, read_as
from .raw_files import find_raw_files, nothing_found
from .source_folder import read_manifest, sha256_of

GENERATING_SOURCE = "synthetic_data"
"""The source whose files are generated data."""


class RawManifestDataset(AbstractDataset[Any, dict[str, Any]]):
    """Names, sizes and SHA-256 of the raw files, so that every table can state its data.

    Parameters
    ----------
    filepath, patterns, holds
        As for ``RawLinesDataset``.
    metadata
        Free metadata, for example the kedro-viz layer.

    Raises
    ------
    DatasetError
        On loading, if no file matches.

    Notes
    -----
    ``load()`` gives ``input`` (str, as configured), ``files`` (list of ``file``: name relative to
    the input, ``bytes``, ``sha256``, ``generated``: whether the manifest of the source
    `synthetic_data` in the same folder lists this very content) and ``ignored_files`` (names of
    the foreign files that were passed over, those with records of the other kind among them).
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        patterns: list[str],
        holds: Holds = "reviews",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = filepath
        self._patterns = list(patterns)
        self._holds = holds
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Hash every file of the input."""
        found, ignored = find_raw_files(self._filepath, self._patterns)
        if not found:
            raise DatasetError(nothing_found(self._filepath, self._patterns))
        files, foreign = read_as(found, self._holds)
        ignored = sorted([*ignored, *(file.name for file in foreign)])
        entries = []
        for file, _ in files:
            digest = sha256_of(file.path)
            written = read_manifest(file.path.parent, GENERATING_SOURCE).get(file.path.name, ())
            entries.append(
                {
                    "file": file.name,
                    "bytes": file.path.stat().st_size,
                    "sha256": digest,
                    "generated": digest in written,
                }
            )
        return {"input": self._filepath, "files": entries, "ignored_files": ignored}

    def save(self, data: Any) -> None:
        """Refuse: raw files are read-only."""
        raise DatasetError(f"{self._filepath}: raw files are only read, never written.")

    def _exists(self) -> bool:
        return bool(find_raw_files(self._filepath, self._patterns)[0])

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "patterns": self._patterns}
