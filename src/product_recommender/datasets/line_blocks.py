"""Bytes of raw text files, plain or gzipped, as blocks of whole lines."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from kedro.io import DatasetError

BLOCK_BYTES = 1 << 22
"""Bytes read at once."""

LONGEST_TEXT_BYTES = 1 << 26
"""What is kept of a single line. The rest of such a line is skipped, so that a file without any
newline cannot fill the memory."""

_BOM = b"\xef\xbb\xbf"
_GZIP_MAGIC = b"\x1f\x8b"


def line_blocks(path: Path) -> Iterator[list[bytes]]:
    """Whole lines without their ends, a block of the file at a time.

    Lines end at ``\\n``; one ``\\r`` before it belongs to the line end. A byte-order mark at the
    start of the file is dropped; the last line counts without a newline, too.

    Parameters
    ----------
    path
        The file. gzip is told by its first bytes, not by its name.

    Raises
    ------
    DatasetError
        A truncated or corrupt gzip file, with the line it got to; a file that cannot be read.
    """
    read = 0
    rest: list[bytes] = []
    rest_bytes = 0
    start = True
    try:
        for block in _blocks(path):
            if start:
                block, start = block.removeprefix(_BOM), False
            head, newline, tail = block.rpartition(b"\n")
            if newline:
                lines = b"".join([*rest, head]).split(b"\n")
                rest, rest_bytes = [], 0
                if any(line.endswith(b"\r") for line in lines):
                    lines = [line.removesuffix(b"\r") for line in lines]
                read += len(lines)
                yield lines
            kept = tail[: LONGEST_TEXT_BYTES - rest_bytes]
            if kept:
                rest.append(kept)
                rest_bytes += len(kept)
    except (EOFError, zlib.error) as error:
        raise DatasetError(
            f"{path}: the gzip file is truncated or corrupt after line {read} ({error}). Fetch it "
            "again, or take it out of the input."
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from None
    if rest:
        yield [b"".join(rest).removesuffix(b"\r")]


def _blocks(path: Path) -> Iterator[bytes]:
    """Blocks of the unpacked bytes. gzip is told by its first bytes, not by its name."""
    with open(path, "rb") as handle:
        packed = handle.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        handle.seek(0)
        if packed:
            yield from _unpacked_blocks(handle)
        else:
            while block := handle.read(BLOCK_BYTES):
                yield block


def _unpacked_blocks(handle: BinaryIO) -> Iterator[bytes]:
    """Blocks of a gzip file, down to its last good byte.

    ``gzip.GzipFile`` throws away what it has unpacked of a block when the file ends too early,
    and then nobody can say how far it was readable.
    """
    unpacker = zlib.decompressobj(wbits=31)
    packed = b""
    while packed := packed or handle.read(BLOCK_BYTES // 4):
        if unpacker.eof:  # a further member, after zeros as padding
            packed = packed.lstrip(b"\0")
            if not packed:
                continue
            unpacker = zlib.decompressobj(wbits=31)
        before = unpacker.copy()
        try:
            block = unpacker.decompress(packed, BLOCK_BYTES)
        except zlib.error:
            yield from _good_part(before, packed)
            raise
        packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        if block:
            yield block
    while not unpacker.eof and (block := unpacker.decompress(b"", BLOCK_BYTES)):
        yield block
    if not unpacker.eof:
        raise EOFError("it ends before its end mark")


def _good_part(unpacker: Any, packed: bytes) -> Iterator[bytes]:
    """What can be unpacked before the place where the bytes are wrong: a byte at a time."""
    good = bytearray()
    try:
        for position in range(len(packed)):
            good += unpacker.decompress(packed[position : position + 1])
    except zlib.error:
        pass
    if good:
        yield bytes(good)
