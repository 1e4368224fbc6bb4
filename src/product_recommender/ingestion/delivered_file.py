"""A file as it was delivered: plain, gzipped or zipped; read as blocks, checked on the way."""

from __future__ import annotations

import gzip
import logging
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from product_recommender.review_format import RAW_REVIEW_COLUMNS

from .errors import TransferBrokenError, one_line

logger = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 22

_HEADER = "\t".join(RAW_REVIEW_COLUMNS).encode()


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class DamagedFileError(TransferBrokenError):
    """What arrived is not the file that was asked for."""


@dataclass(frozen=True)
class DeliveredFile:
    """One delivered review file and what is known about it beforehand.

    Attributes
    ----------
    path
        Where the client left it. Kaggle zips large files for the transfer and its client usually,
        but not always, unpacks them; the content decides, not the name.
    name
        Name of the review file, ending in ``.tsv``.
    listed_bytes
        Size in Kaggle's listing; None where the listing gives none.
    """

    path: Path
    name: str
    listed_bytes: int | None = None

    def blocks(self) -> Iterator[bytes]:
        """The plain text in blocks; the last one is out only if the whole file is sound.

        Yields
        ------
        bytes
            At most 4 MiB each.

        Raises
        ------
        DamagedFileError
            If an archive does not unpack, the first line is not the header of the data set, there
            is no review, or the content is shorter than listed or holds a second header. A reader
            that writes the blocks must throw away what it wrote.
        """
        try:
            yield from self._checked(self._plain_blocks())
        except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DamagedFileError(
                f"{self.name}: the delivered archive is damaged ({one_line(error)})."
            ) from None

    def _plain_blocks(self) -> Iterator[bytes]:
        with open(self.path, "rb") as handle:
            magic = handle.read(4)
        if magic.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(self.path) as archive, archive.open(self._member(archive)) as part:
                yield from _read_blocks(part)  # zipfile compares the CRC at the end
        elif magic.startswith(b"\x1f\x8b"):
            with gzip.open(self.path) as part:
                yield from _read_blocks(part)  # gzip compares CRC and length at the end
        else:
            with open(self.path, "rb") as part:
                yield from _read_blocks(part)

    def _member(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        members = [info for info in archive.infolist() if not info.is_dir()]
        named = [info for info in members if info.filename.rsplit("/", 1)[-1] == self.name]
        if len(named) != 1:
            inside = ", ".join(info.filename for info in members[:3]) or "nothing"
            raise DamagedFileError(f"{self.name}: the delivered archive holds {inside} instead.")
        return named[0]

    def _checked(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass the blocks on, one behind, so that the last waits for the checks of the end."""
        size = lines = 0
        last_line_tabs = 0
        overlap = b""
        held = b""
        for block in blocks:
            if size == 0:
                self._check_header(block)
            elif _HEADER in overlap + block:
                raise DamagedFileError(
                    f"{self.name}: a second header line inside; the transfer was joined wrongly."
                )
            overlap = block[-len(_HEADER) :]
            size += len(block)
            lines += block.count(b"\n")
            last_line_tabs = _tabs_of_last_line(block, last_line_tabs)
            if held:
                yield held
            held = block
        self._check_end(size, lines, last_line_tabs)
        yield held
        logger.info("%s: %s bytes, %s lines, sound.", self.name, f"{size:,}", f"{lines:,}")

    def _check_header(self, block: bytes) -> None:
        first = block.split(b"\n", 1)[0].rstrip(b"\r").removeprefix(b"\xef\xbb\xbf")
        if first != _HEADER:
            shown = one_line(first[:80].decode("utf-8", "replace"))
            raise DamagedFileError(
                f"{self.name}: not a review file; its first line is {shown!r} instead of the "
                f"{len(RAW_REVIEW_COLUMNS)} column names."
            )
        if block.count(_HEADER) > 1:
            raise DamagedFileError(
                f"{self.name}: a second header line inside; the transfer was joined wrongly."
            )

    def _check_end(self, size: int, lines: int, last_line_tabs: int) -> None:
        if size == 0:
            raise DamagedFileError(f"{self.name}: the delivered file is empty.")
        if lines == 0 or (lines == 1 and last_line_tabs == 0):
            raise DamagedFileError(f"{self.name}: the delivered file holds no review.")
        delivered = self.path.stat().st_size
        if self.listed_bytes is None:
            # Without a size to compare, a cut file shows only in its last line.
            if last_line_tabs not in (0, len(RAW_REVIEW_COLUMNS) - 1):
                raise DamagedFileError(f"{self.name}: ends in the middle of a line.")
        elif size < self.listed_bytes:
            raise DamagedFileError(
                f"{self.name}: {size:,} bytes arrived, Kaggle lists {self.listed_bytes:,}."
            )
        elif self.listed_bytes not in (size, delivered):
            # Listings have counted compressed bytes at times: more than listed is no proof of harm.
            logger.warning(
                "%s: %s bytes, Kaggle lists %s; the content is complete and sound.",
                self.name,
                f"{size:,}",
                f"{self.listed_bytes:,}",
            )


def _tabs_of_last_line(block: bytes, before: int) -> int:
    """Tabs after the last line end so far; zero right after a line end."""
    end = block.rfind(b"\n")
    return block.count(b"\t", end + 1) + (before if end < 0 else 0)


def _read_blocks(handle: _Readable) -> Iterator[bytes]:
    while block := handle.read(BLOCK_BYTES):
        yield block
