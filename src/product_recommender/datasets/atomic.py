"""A dataset on disk is whole or absent: write beside, fsync, rename."""

from __future__ import annotations

import functools
import inspect
import os
import shutil
import uuid
from copy import deepcopy
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError, Version
from kedro.io.core import parse_dataset_definition


class AtomicDataset(AbstractVersionedDataset[Any, Any]):
    """Wrap any local file dataset so that readers never see half of a file.

    The wrapped dataset writes to a hidden sibling of the target; the sibling is flushed to the
    disk and then renamed over the target, which is atomic on one file system. A process killed at
    any moment leaves the previous file, or none.

    Parameters
    ----------
    filepath
        Target file (or folder, for datasets that write one). With versioning the usual
        ``name/<timestamp>/name`` layout is used.
    dataset
        Definition of the wrapped dataset without its ``filepath`` and without ``versioned``.
    version
        Set by Kedro for ``versioned: true``.
    metadata
        Free metadata, for example the layer and preview settings of kedro-viz.

    Raises
    ------
    DatasetError
        If the wrapped definition names a path of its own, or saving fails. The previous content
        of the target stays as it was.
    """

    def __init__(
        self,
        *,
        filepath: str,
        dataset: str | dict[str, Any],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        definition = {"type": dataset} if isinstance(dataset, str) else deepcopy(dataset)
        for key in ("filepath", "versioned", "version"):
            if key in definition:
                raise DatasetError(
                    f"{filepath}: put '{key}' on the atomic entry, not on the dataset it wraps."
                )
        self._wrapped_class, self._wrapped_arguments = parse_dataset_definition(definition)
        self.metadata = metadata
        if hasattr(self._wrapped_class, "preview"):
            self.preview = self._make_preview()

    def _wrapped_at(self, path: str | PurePosixPath | Path) -> AbstractDataset[Any, Any]:
        dataset_class: Any = self._wrapped_class
        dataset: AbstractDataset[Any, Any] = dataset_class(
            filepath=str(path), **deepcopy(self._wrapped_arguments)
        )
        return dataset

    def _make_preview(self) -> Any:
        """Forward previews; kedro-viz picks the renderer from the return annotation."""

        def preview(**arguments: Any) -> Any:
            return self._wrapped_at(self._get_load_path()).preview(**arguments)  # type: ignore[attr-defined]

        functools.update_wrapper(preview, self._wrapped_class.preview)  # type: ignore[attr-defined]
        signature = inspect.signature(self._wrapped_class.preview)  # type: ignore[attr-defined]
        preview.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[p for name, p in signature.parameters.items() if name != "self"]
        )
        return preview

    def load(self) -> Any:
        """Load through the wrapped dataset."""
        path = self._get_load_path()
        if not Path(path).exists():
            raise DatasetError(f"{path} does not exist.")
        return self._wrapped_at(path).load()

    def save(self, data: Any) -> None:
        """Save beside the target, flush, then rename into place."""
        target = Path(self._get_save_path())
        target.parent.mkdir(parents=True, exist_ok=True)
        # The suffix is kept because writers choose formats and compression by it.
        beside = target.with_name(f".{target.stem}.{uuid.uuid4().hex}.partial{target.suffix}")
        for left_over in target.parent.glob(f".{target.stem}.*.partial{target.suffix}"):
            _remove(left_over)  # of a process that was killed
        try:
            self._wrapped_at(beside).save(data)
            if not beside.exists():
                raise DatasetError(f"{self._wrapped_class.__name__} wrote nothing to {beside}.")
            _flush(beside)
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(beside, target)
            _flush_folder(target.parent)
        except BaseException:
            _remove(beside)
            raise
        self._clear_version_cache_after_save()

    def _clear_version_cache_after_save(self) -> None:
        # A later load in the same session has to find what was just saved.
        self._cached_load_version = None

    def _exists(self) -> bool:
        try:
            return Path(self._get_load_path()).exists()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": str(self._filepath),
            "dataset": self._wrapped_class.__name__,
            "version": self._version,
        }


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    for file in files:
        with open(file, "rb") as handle:
            os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # pragma: no cover - Windows cannot fsync a folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
