"""Reading benchmark files: lines with their numbers, tokens as codes, errors that name both."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

NOT_DATA = ("readme", "license", "licence", "copying", "changes", "notice", "checksums")
"""Beginnings of the names of files that lie beside data and are none."""

NOT_DATA_SUFFIXES = (".md", ".pdf", ".html", ".json", ".sha256", ".md5", ".py", ".sh")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BenchmarkDataError(ValueError):
    """A benchmark folder or file is missing, empty or malformed; the message says where."""


class Codes(dict[bytes, int]):
    """Arbitrary tokens as dense codes, in the order in which they are first asked for."""

    def __missing__(self, token: bytes) -> int:
        self[token] = code = len(self)
        return code


@dataclass(frozen=True)
class Lines:
    """The lines of one file, plain or gzipped.

    Attributes
    ----------
    path
        The file.
    """

    path: Path

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Number, from 1, and content of every line that is not blank, without its line end.

        Raises
        ------
        BenchmarkDataError
            If the file cannot be read, is no text, or holds nothing but blank lines.
        """
        any_line = False
        opened = gzip.open if self.path.suffix == ".gz" else open
        number = 0
        try:
            with opened(self.path, "rb") as file:
                for number, line in enumerate(file, start=1):
                    if number == 1 and line.startswith(_BYTE_ORDER_MARK):
                        line = line[len(_BYTE_ORDER_MARK) :]
                    line = line.rstrip(b"\r\n")
                    if b"\0" in line or b"\r" in line:
                        self.fail(
                            number,
                            "this is no text in UTF-8 with line ends LF or CRLF; convert the file",
                        )
                    if line.strip():
                        any_line = True
                        yield number, line
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            self.fail(number + 1, f"the gzip file is damaged or cut off ({error}); fetch it again")
        except OSError as error:
            raise BenchmarkDataError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not any_line:
            raise BenchmarkDataError(f"{self.path}: the file is empty; fetch it again")

    def fail(self, number: int, what: str) -> NoReturn:
        """Stop with the file, the line and the way out."""
        raise BenchmarkDataError(f"{self.path}, line {number}: {what}")


def shown(token: bytes) -> str:
    """A token as it may stand in a message."""
    text = token.decode("utf-8", errors="replace")
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def columns(lines: Lines, at_least: int, example: str) -> Iterator[tuple[int, list[bytes]]]:
    """The fields of each line of a tab-separated file; all lines must have as many.

    Parameters
    ----------
    lines
        The file.
    at_least
        Fewest columns.
    example
        What a line should look like, for messages.

    Raises
    ------
    BenchmarkDataError
        If a line has too few columns, another number of them than the first, or an empty id.
    """
    width = 0
    for number, line in lines:
        fields = line.split(b"\t")
        if len(fields) < at_least:
            lines.fail(
                number,
                f"{len(fields)} column(s) in {shown(line)}, but at least {at_least} separated by "
                f"tabs are needed: {example}",
            )
        width = width or len(fields)
        if len(fields) != width:
            lines.fail(
                number,
                f"{len(fields)} columns, but the lines before have {width}: the file is malformed",
            )
        fields[0], fields[1] = fields[0].strip(), fields[1].strip()
        if not fields[0] or not fields[1]:
            lines.fail(number, f"the user or the item is empty: {example}")
        yield number, fields


def is_header(fields: Sequence[bytes]) -> bool:
    """Whether a first line names the columns: ``user_id:token`` and so on, or plain names."""
    typed = all(field.rpartition(b":")[2] in _HEADER_TYPES for field in fields)
    return typed or all(field.lower().replace(b"_", b"") in _HEADER_NAMES for field in fields)


_HEADER_TYPES = (b"token", b"float", b"token_seq", b"float_seq")
_HEADER_NAMES = frozenset(
    b"user userid item itemid movie movieid product productid rating stars score label "
    b"timestamp time date".split()
)


def number_in(lines: Lines, number: int, field: bytes, what: str) -> float:
    """A finite number, or an error that says where it is missing."""
    try:
        value = float(field)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        lines.fail(number, f"the {what} is {shown(field)}, which is no number")
    return value


def codes_of(values: Sequence[int] | array[int]) -> np.ndarray:
    """int64 array of what a reader gathered."""
    return np.asarray(values, dtype=np.int64)


def beside(folder: Path, name: str) -> Path | None:
    """``folder/name`` or ``folder/name.gz``, whichever is there; None where neither is.

    Raises
    ------
    BenchmarkDataError
        If both are there.
    """
    found = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
    if len(found) == 2:
        raise BenchmarkDataError(
            f"{folder} holds both {name} and {name}.gz: remove one, so that it is clear which "
            "counts"
        )
    return found[0] if found else None


def require_folder(folder: Path) -> None:
    """Stop if the folder is not there."""
    if not folder.exists():
        raise BenchmarkDataError(f"{folder}: there is no such folder; --data names one")
    if not folder.is_dir():
        raise BenchmarkDataError(f"{folder} is a file; --data names the folder that it lies in")


def only_file(data: Path, name: str | None, what: str) -> Path:
    """The one data file of a folder.

    Parameters
    ----------
    data
        A folder, or the file itself.
    name
        Which file, where the folder holds several; with or without its suffixes.
    what
        What the file should hold, for messages.

    Raises
    ------
    BenchmarkDataError
        If there is no such file, or several and none is named.
    """
    if data.is_file():
        return data
    require_folder(data)
    files = sorted(path for path in data.iterdir() if path.is_file() and _may_hold_data(path))
    listed = ", ".join(path.name for path in files) or "no data file"
    if name is not None:
        files = [p for p in files if name in (p.name, p.name.removesuffix(".gz"), _stem(p))]
    if len(files) == 1:
        return files[0]
    if name is not None:
        problem = "there is no file" if not files else "several files are"
        raise BenchmarkDataError(
            f"{data}: {problem} named {name!r}; it holds {listed}. Give --name one of these in full"
        )
    if not files:
        raise BenchmarkDataError(f"{data}: there is no file here; needed is {what}")
    raise BenchmarkDataError(
        f"{data} holds several files: {listed}. Say which one with --name; needed is {what}"
    )


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _may_hold_data(path: Path) -> bool:
    name = path.name.lower()
    return not name.startswith((".", *NOT_DATA)) and not name.endswith(NOT_DATA_SUFFIXES)


def described_files(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Name, size and SHA-256 of the files read, without their folder."""
    found = []
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest})
    return found
