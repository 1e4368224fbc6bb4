"""Review files downloaded from Kaggle into a folder of 01_raw."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from product_recommender.ingestion import (
    IngestionError,
    KaggleCredentials,
    KaggleHubClient,
    ReviewDownload,
    ReviewFileClient,
)

from .raw_manifest import GENERATING_SOURCE
from .source_folder import SourceFolderDataset, read_manifest, sha256_of, write_flushed

SOURCE = "data_ingestion"


class KaggleReviewFilesDataset(AbstractDataset[list[str], list[str]]):
    """Review files of the Amazon US data set: saving a list of categories downloads them.

    The folder follows the rule of every source (``SourceFolderDataset``): files are whole or
    absent, a manifest remembers them with their SHA-256, and nothing of another writer is touched.
    Unlike a generator's, categories of earlier runs stay: downloads add up.

    Parameters
    ----------
    filepath
        The folder for the review files.
    staging
        Folder for transfers under way, on the same disk. A download that was killed continues
        from what lies there.
    handle
        Kaggle's ``owner/dataset``, or ``owner/dataset/versions/3``.
    attempts
        How often a broken transfer is taken up again before the download gives up.
    wait_seconds
        Pause before the second attempt, in seconds; it doubles each time.
    credentials
        ``username`` and ``key``, or ``token``; empty: the environment (see ``KaggleHubClient``).
    metadata
        Free metadata, for example the kedro-viz layer.

    Raises
    ------
    DatasetError
        One line with what failed and what to do.
    """

    def __init__(
        self,
        *,
        filepath: str,
        staging: str,
        handle: str,
        attempts: int = 4,
        wait_seconds: float = 2.0,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if attempts < 1 or wait_seconds < 0:
            raise DatasetError(f"{filepath}: attempts starts at 1 and wait_seconds at 0.")
        self._folder = DownloadFolder(filepath)
        self._staging = Path(staging)
        self._handle = handle
        self._attempts = attempts
        self._wait_seconds = wait_seconds
        self._credentials = credentials
        self.metadata = metadata

    def load(self) -> list[str]:
        """Paths of the downloaded files, sorted."""
        return self._folder.load()

    def save(self, data: list[str]) -> None:
        """Download what is missing of these categories."""
        try:
            ReviewDownload(
                self._client(),
                self._folder,
                self._staging / "listing.json",
                self._attempts,
                self._wait_seconds,
            ).run(data)
        except IngestionError as error:
            raise DatasetError(str(error)) from None

    def _client(self) -> ReviewFileClient:
        credentials = KaggleCredentials.from_mapping(self._credentials)
        return KaggleHubClient(self._handle, self._staging, credentials)

    def _exists(self) -> bool:
        return self._folder.exists()

    def _describe(self) -> dict[str, Any]:
        return {**self._folder._describe(), "handle": self._handle, "staging": str(self._staging)}


class DownloadFolder(SourceFolderDataset):
    """The folder of downloaded files, written one file at a time (``FolderWithReceipts``)."""

    def __init__(self, filepath: str) -> None:
        super().__init__(filepath=filepath, source=SOURCE, patterns=["*.tsv", "*.tsv.gz"])
        self._sound: dict[str, tuple[int, int]] = {}

    def holds(self, name: str) -> bool:
        """Whether the file is there with the content that was downloaded.

        Parameters
        ----------
        name
            File name.
        """
        path = self._folder / name
        known = read_manifest(self._folder, SOURCE).get(name, ())
        if not known or not path.is_file():
            return False
        # Hashing gigabytes takes seconds: once per run, unless the file changes meanwhile.
        state = path.stat()
        stamp = (state.st_size, state.st_mtime_ns)
        if self._sound.get(name) != stamp and sha256_of(path) in known:
            self._sound[name] = stamp
        return self._sound.get(name) == stamp

    def refuse_foreign(self, names: Iterable[str]) -> None:
        """Raise rather than overwrite somebody's file or mix real reviews with generated ones.

        Parameters
        ----------
        names
            File names about to be written.

        Raises
        ------
        DatasetError
            Naming the file in the way and the way out.
        """
        names = list(names)
        self._check_names(names)
        generated = [
            name
            for name in sorted(read_manifest(self._folder, GENERATING_SOURCE))
            if self._is_there(name)
        ]
        if generated:
            raise DatasetError(
                f"{self._folder.absolute()} holds generated data ({generated[0]}); real reviews "
                "are never mixed with it. Use "
                f"`kedro run --env=amazon_us --pipeline={SOURCE}` (into data/amazon_us), or delete "
                "the generated files first."
            )
        known = read_manifest(self._folder, SOURCE)
        for name in names:
            path = self._folder / name
            if path.exists() and not self.holds(name):
                reason = "was changed since the download" if name in known else "is not its own"
                raise DatasetError(
                    f"{path.absolute()}: {SOURCE} overwrites no file that {reason}. Delete or move "
                    "it to have it downloaded, or take its category off data_ingestion.categories."
                )

    def put(self, name: str, blocks: Iterator[bytes]) -> None:
        """Write one file, whole or not at all, and remember it.

        Parameters
        ----------
        name
            File name.
        blocks
            Its content.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / f".{SOURCE}.{name}.partial"
        try:
            digest = write_flushed(beside, blocks)
            # On record before it is in place: killed in between, the file is simply not there yet.
            self._write_manifest({**read_manifest(self._folder, SOURCE), name: (digest,)})
            os.replace(beside, self._folder / name)
        except OSError as error:
            raise DatasetError(f"Cannot write {self._folder / name}: {error.strerror}.") from None
        finally:
            beside.unlink(missing_ok=True)
