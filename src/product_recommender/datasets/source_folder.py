"""The folder into which a source writes, and where it touches nothing but its own files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

Content = bytes | str | Iterator[bytes]


class SourceFolderDataset(AbstractDataset[dict[str, Content], list[str]]):
    """Files of one source in a folder of 01_raw, each written whole or not at all.

    The source keeps a manifest ``.<source>.json`` of what it wrote (name to SHA-256). It refuses to
    overwrite or delete anything else, and refuses to write beside foreign files that the raw
    readers would read, too: real data is never mixed with generated data.

    Parameters
    ----------
    filepath
        The folder.
    source
        Name of the source, for the manifest and the errors.
    patterns
        Patterns of the file names that the raw readers take from this folder. Every file that is
        saved has to match one.
    metadata
        Free metadata, for example the kedro-viz layer.

    Raises
    ------
    DatasetError
        On saving, before anything is written: a file in the folder that matches the patterns and
        was not written by this source, or was changed since.

    Notes
    -----
    ``save`` takes a mapping of file name to content (bytes, text, or an iterator of bytes for
    files that should not be held in memory). Own files of an earlier run that are not produced
    any more are removed. A process killed in between leaves whole files, and a manifest that
    still knows all of them as its own.
    """

    def __init__(
        self,
        *,
        filepath: str,
        source: str,
        patterns: list[str],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._folder = Path(filepath)
        self._source = source
        self._patterns = list(patterns)
        self.metadata = metadata

    def load(self) -> list[str]:
        """Paths of the files that this source wrote, sorted."""
        known = read_manifest(self._folder, self._source)
        return [str(self._folder / name) for name in sorted(known) if self._is_there(name)]

    def save(self, data: dict[str, Content]) -> None:
        """Write all files beside their targets, then move them into place."""
        self._check_names(data)
        known = read_manifest(self._folder, self._source)
        self._check_folder(known)
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = {name: self._folder / f".{self._source}.{name}.partial" for name in data}
        try:
            written: dict[str, tuple[str, ...]] = {
                name: (write_flushed(beside[name], content),) for name, content in data.items()
            }
            # Both contents are on record while files change places: killed here, the next run
            # still knows its own files, old and new.
            both = {n: (*known.get(n, ()), *written.get(n, ())) for n in {*known, *written}}
            self._write_manifest(both)
            for name, path in beside.items():
                os.replace(path, self._folder / name)
        finally:
            for path in beside.values():
                path.unlink(missing_ok=True)
        for name in known.keys() - written.keys():
            (self._folder / name).unlink(missing_ok=True)
        self._write_manifest(written)

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            plain = Path(name).name == name and not name.startswith(".")
            if not plain or not any(fnmatch(name, pattern) for pattern in self._patterns):
                raise DatasetError(
                    f"{self._source} cannot write {name!r} to {self._folder}: the name has to be a "
                    f"plain file name that matches {' or '.join(self._patterns)}."
                )

    def _check_folder(self, known: dict[str, tuple[str, ...]]) -> None:
        if self._folder.exists() and not self._folder.is_dir():
            raise DatasetError(f"{self._folder} is a file; {self._source} needs a folder there.")
        for file in sorted(self._folder.rglob("*")) if self._folder.is_dir() else []:
            name = file.relative_to(self._folder).as_posix()
            hidden = any(part.startswith(".") for part in Path(name).parts)
            if hidden or not any(fnmatch(file.name, pattern) for pattern in self._patterns):
                continue
            if name not in known:
                reason = f"was not written by {self._source}"
            elif not file.is_file() or sha256_of(file) not in known[name]:
                reason = f"was changed since {self._source} wrote it"
            else:
                continue
            raise DatasetError(
                f"{file.absolute()} {reason}; {self._source} neither overwrites it nor mixes its "
                "own files with it. Move it away, or generate into another place: "
                f"`kedro run --pipeline={self._source} --params=data_root=ANOTHER_FOLDER`."
            )

    def _write_manifest(self, files: dict[str, tuple[str, ...]]) -> None:
        path = _manifest_path(self._folder, self._source)
        content = {
            "source": self._source,
            "files": {
                name: digests[0] if len(digests) == 1 else list(digests)
                for name, digests in sorted(files.items())
            },
        }
        beside = path.with_name(f"{path.name}.partial")
        write_flushed(beside, json.dumps(content, indent=2) + "\n")
        os.replace(beside, path)

    def _is_there(self, name: str) -> bool:
        return (self._folder / name).is_file()

    def _exists(self) -> bool:
        known = read_manifest(self._folder, self._source)
        return bool(known) and all(self._is_there(name) for name in known)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "source": self._source, "patterns": self._patterns}


def read_manifest(folder: Path, source: str) -> dict[str, tuple[str, ...]]:
    """What a source wrote into a folder.

    Parameters
    ----------
    folder
        The folder.
    source
        Name of the source.

    Returns
    -------
    dict[str, tuple[str, ...]]
        File name to SHA-256 (hexadecimal); two of them where a run was killed between the old
        content and the new. Empty where the source wrote nothing.

    Raises
    ------
    DatasetError
        If the manifest cannot be understood.
    """
    path = _manifest_path(folder, source)
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {
            name: (digest,) if isinstance(digest, str) else tuple(digest)
            for name, digest in files.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path.absolute()} is not a manifest of {source} ({error!r}). Delete it together with "
            "the files that the source wrote beside it."
        ) from None


def _manifest_path(folder: Path, source: str) -> Path:
    return folder / f".{source}.json"


def write_flushed(path: Path, content: Content) -> str:
    """Write a file and flush it to the disk.

    Parameters
    ----------
    path
        The file.
    content
        Bytes, text (written as UTF-8) or blocks of bytes.

    Returns
    -------
    str
        SHA-256 of what was written, hexadecimal.
    """
    if isinstance(content, str):
        content = content.encode()
    digest = hashlib.sha256()
    with open(path, "wb") as handle:
        for chunk in [content] if isinstance(content, bytes) else content:
            digest.update(chunk)
            handle.write(chunk)
        handle.flush()
        os.fsync(handle.fileno())
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in blocks."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
