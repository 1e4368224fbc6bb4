"""Find the raw files that a person named: one file, a folder or a glob."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatch
from glob import glob, has_magic
from pathlib import Path

WHAT_TO_DO = (
    "Put files there, name files that lie elsewhere with `--params=reviews_path=...`, or let a "
    "source write them (with the same --env): `kedro run --pipeline=synthetic_data` (generated) or "
    "`kedro run --pipeline=data_ingestion` (downloaded)."
)


@dataclass(frozen=True)
class RawFile:
    """A raw file and the name by which tables speak of it.

    Attributes
    ----------
    name
        Path relative to the input, with forward slashes: tells files of one name apart.
    path
        Where it is.
    """

    name: str
    path: Path


def find_raw_files(filepath: str | None, patterns: list[str]) -> tuple[list[RawFile], list[str]]:
    """Resolve a file, a folder (searched with its subfolders) or a glob.

    Hidden files and folders (a leading dot) are never looked at: manifests, half-written files of
    a killed process and the droppings of file managers live there. A file that is named outright
    is taken whatever its name.

    Parameters
    ----------
    filepath
        What the person configured; nothing (an empty setting) names no file.
    patterns
        File name patterns such as ``*.tsv``; only matching files are taken from a folder or glob.

    Returns
    -------
    files : list[RawFile]
        Sorted by name; empty where nothing matches.
    ignored : list[str]
        Names of the foreign files that were passed over, sorted.
    """
    if not filepath:
        return [], []
    path = Path(filepath)
    if path.is_file():
        return [RawFile(path.name, path)], []
    if path.is_dir():
        root, found = path, _walk(path)
    elif has_magic(filepath):
        root = _fixed_part(path)
        found = []
        for match in map(Path, glob(filepath, recursive=True)):
            found += _walk(match) if match.is_dir() else [match]
    else:
        return [], []
    files, ignored = {}, set()
    for file in found:
        name = file.relative_to(root).as_posix()
        if any(fnmatch(file.name, pattern) for pattern in patterns):
            files[name] = RawFile(name, file)
        else:
            ignored.add(name)
    return [files[name] for name in sorted(files)], sorted(ignored)


def nothing_found(filepath: str | None, patterns: list[str]) -> str:
    """The one line that says where no review file was found and what to do about it."""
    if not filepath:
        return (
            "reviews_path is empty. Name a file, a folder or a glob with "
            "`--params=reviews_path=...`, or leave it out to read what globals.yml of the "
            "environment names."
        )
    what = " or ".join(patterns)
    if Path(filepath).is_dir():
        reason = f"holds no {what} file"
    else:
        reason = f"matches no {what} file" if has_magic(filepath) else "does not exist"
    return f"{os.path.abspath(filepath)} {reason}. {WHAT_TO_DO}"


def _walk(folder: Path) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return [file for file in found if file.is_file()]


def _fixed_part(pattern: Path) -> Path:
    """The folders before the first wildcard."""
    parts = []
    for part in pattern.parts[:-1]:
        if has_magic(part):
            break
        parts.append(part)
    return Path(*parts)
