"""A download of chosen categories: what is missing, fetched, checked, handed over file by file."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .categories import category_of_file, files_of_category, plain_name
from .delivered_file import DeliveredFile
from .errors import IngestionError, TransferBrokenError
from .kaggle_client import RemoteFile, ReviewFileClient

logger = logging.getLogger(__name__)


class FolderWithReceipts(Protocol):
    """A folder that remembers, with a checksum, which files it was given by this source."""

    def holds(self, name: str) -> bool:
        """Whether the file is there and its content is what was put in."""

    def refuse_foreign(self, names: Iterable[str]) -> None:
        """Raise if one of these names is taken by a file that this source did not write."""

    def put(self, name: str, blocks: Iterator[bytes]) -> None:
        """Write the blocks under this name: the whole file or, if they raise, none of it."""


@dataclass(frozen=True)
class ReviewDownload:
    """Bring the review files of some categories into a folder.

    Attributes
    ----------
    client
        Who delivers the files.
    folder
        Where they belong.
    listing_file
        A copy of Kaggle's listing, so that a finished download needs no network to know that it
        is finished. Delete it to look at Kaggle again.
    attempts
        How often one file is asked for before the download gives up.
    wait_seconds
        Pause before the second attempt; it doubles each time.
    """

    client: ReviewFileClient
    folder: FolderWithReceipts
    listing_file: Path
    attempts: int = 4
    wait_seconds: float = 2.0

    def run(self, categories: Iterable[str]) -> list[str]:
        """Fetch what is missing.

        Parameters
        ----------
        categories
            Names out of ``CATEGORIES``.

        Returns
        -------
        list[str]
            The files of these categories, all of them now in the folder.

        Raises
        ------
        IngestionError
            If Kaggle cannot be reached, lacks a category, or a file stays broken; files that were
            finished before stay.
        """
        categories = list(categories)
        known = self._remembered_listing()
        if known is not None and _covers(known, categories):
            wanted = self._wanted(known, categories)
            if all(self.folder.holds(plain_name(file.name)) for file in wanted):
                logger.info("All %d files are in place and sound.", len(wanted))
                return [plain_name(file.name) for file in wanted]
        wanted = self._wanted(self._fresh_listing(), categories)
        self.folder.refuse_foreign(plain_name(file.name) for file in wanted)
        for number, file in enumerate(wanted, start=1):
            progress = f"file {number} of {len(wanted)}"
            if self.folder.holds(plain_name(file.name)):
                logger.info("%s (%s) is in place and sound: skipped.", file.name, progress)
            else:
                size = f", {file.size / 1e6:,.0f} MB" if file.size else ""
                logger.info("%s (%s%s)", file.name, progress, size)
                self._bring(file)
            self.client.discard(file.name)
        return [plain_name(file.name) for file in wanted]

    def _bring(self, file: RemoteFile) -> None:
        for attempt in range(1, self.attempts + 1):
            try:
                name = plain_name(file.name)
                delivered = DeliveredFile(self.client.fetch(file.name), name, file.size)
                self.folder.put(name, self._discarding_damage(file.name, delivered))
                return
            except TransferBrokenError as error:
                if attempt == self.attempts:
                    raise
                wait = self.wait_seconds * 2 ** (attempt - 1)
                logger.warning(
                    "Attempt %d of %d: %s Again in %.0f s.",
                    attempt,
                    self.attempts,
                    error.what,
                    wait,
                )
                time.sleep(wait)

    def _discarding_damage(self, name: str, delivered: DeliveredFile) -> Iterator[bytes]:
        """The file's blocks; a damaged file is removed so that the next attempt starts afresh."""
        try:
            yield from delivered.blocks()
        except TransferBrokenError:
            self.client.discard(name)
            raise

    def _wanted(self, listing: list[RemoteFile], categories: list[str]) -> list[RemoteFile]:
        by_name = {file.name: file for file in listing}
        wanted: list[RemoteFile] = []
        for category in categories:
            names = files_of_category(category, by_name)
            if not names:
                offered = {category_of_file(name) for name in by_name}
                there = ", ".join(sorted(name for name in offered if name))
                raise IngestionError(
                    f"Kaggle's copy of the data set has no category {category!r}; it has "
                    f"{there or 'no review file at all'}. Change data_ingestion.categories."
                )
            wanted += [by_name[name] for name in names]
        return wanted

    def _fresh_listing(self) -> list[RemoteFile]:
        listing = self.client.list_files()
        self.listing_file.parent.mkdir(parents=True, exist_ok=True)
        content = {file.name: file.size for file in listing}
        beside = self.listing_file.with_suffix(".partial")
        beside.write_text(json.dumps(content, indent=1))
        beside.replace(self.listing_file)
        return listing

    def _remembered_listing(self) -> list[RemoteFile] | None:
        try:
            content = json.loads(self.listing_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return [RemoteFile(name, size) for name, size in content.items()]


def _covers(listing: list[RemoteFile], categories: list[str]) -> bool:
    names = [file.name for file in listing]
    return all(files_of_category(category, names) for category in categories)
