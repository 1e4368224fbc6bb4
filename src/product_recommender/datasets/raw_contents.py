"""What a raw file holds, told by its first lines: its name alone promises nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from product_recommender.amazon_records.record_text import (
    UnreadableRecordError,
    kind_of,
    parse_record,
)
from product_recommender.review_format import RAW_REVIEW_COLUMNS

from .line_blocks import line_blocks
from .raw_files import RawFile

Holds = Literal["reviews", "products", "lines"]
Kind = Literal["table", "reviews", "products", "records", "lines"]

LOOKED_AT = 100
"""Lines in which a record is looked for that tells of which kind the file is."""

_RECORD_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")


@dataclass(frozen=True)
class Contents:
    """What the beginning of a file says.

    Attributes
    ----------
    kind
        ``table`` (a header and lines below it), ``reviews`` or ``products`` (JSON records of that
        kind), ``records`` (JSON records that do not tell), ``lines`` (nothing was looked for).
    first_line
        The first line; None in an empty file.
    """

    kind: Kind
    first_line: str | None


def look_into(path: Path, holds: Holds) -> Contents:
    """Tell the contents of a file by its first lines, and by its name where these do not.

    Parameters
    ----------
    path
        The file, plain or gzipped.
    holds
        What it is hoped to hold.

    Raises
    ------
    DatasetError
        If it is a broken gzip file, or cannot be read.
    """
    block = next(line_blocks(path), None)
    if block is None:
        return Contents("lines", None)
    lines = [line.decode("utf-8", errors="replace") for line in block[:LOOKED_AT]]
    if holds == "lines":
        return Contents("lines", lines[0])
    if holds == "reviews" and not _holds_records(path, lines):
        return Contents("table", lines[0])
    return Contents(_kind_of_records(lines), lines[0])


def read_as(
    files: list[RawFile], holds: Holds
) -> tuple[list[tuple[RawFile, Contents]], list[RawFile]]:
    """The files to read with their contents, and those of the other kind."""
    looked = [(file, look_into(file.path, holds)) for file in files]
    other = {"reviews": "products", "products": "reviews", "lines": None}[holds]
    wanted = [(file, contents) for file, contents in looked if contents.kind != other]
    return wanted, [file for file, contents in looked if contents.kind == other]


def passed_over(files: list[RawFile], holds: Holds) -> str:
    """The one line that names the files of the other kind."""
    names = ", ".join(str(file.path) for file in files)
    found, wanted = (
        ("product metadata", "reviews") if holds == "reviews" else ("reviews", "product metadata")
    )
    verb = "holds" if len(files) == 1 else "hold"
    return f"{names} {verb} {found}, not {wanted}: passed over."


def _holds_records(path: Path, lines: list[str]) -> bool:
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("{"):
        return True
    header = set(RAW_REVIEW_COLUMNS) & {name.strip() for name in first.split("\t")}
    return not header and path.name.lower().endswith(_RECORD_ENDINGS)


def _kind_of_records(lines: list[str]) -> Kind:
    for line in lines:
        try:
            kind = kind_of(parse_record(line))
        except UnreadableRecordError:
            continue
        if kind is not None:
            return "reviews" if kind == "review" else "products"
    return "records"
