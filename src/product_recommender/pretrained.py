"""Pretrained models: the embedded ones, a folder, or a name on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EMBEDDED = "embedded"
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
"""What is fetched from the hub: no pickles and no code, whatever lies there."""
PRECISIONS = ("float32", "bfloat16")


class ModelNotFoundError(ValueError):
    """A pretrained model that is named but not here; the message is one line with the way out."""


@dataclass(frozen=True)
class ModelFolder:
    """A folder with ``config.json`` and safetensors.

    Attributes
    ----------
    name
        Short name for tables and messages, without a path.
    path
        The folder.
    config
        Content of ``config.json``.
    """

    name: str
    path: Path
    config: dict[str, Any]


def find_model(
    model: str, allow_download: bool, setting: str, embedded: Path | None, otherwise: str
) -> ModelFolder:
    """Find the folder of a model.

    Parameters
    ----------
    model
        ``embedded``, a local folder, or a name such as ``bert-base-uncased``.
    allow_download
        Whether a name may be fetched from the hub. One that an earlier run fetched is used either
        way.
    setting
        The parameters' key, for messages, for example ``content.text``.
    embedded
        Folder of the embedded model.
    otherwise
        What to use instead, for messages.

    Returns
    -------
    ModelFolder
        Its name ends in a digest of configuration and weights, so that a folder whose content
        changes is another model; it is empty for the embedded model, whose release is pinned.

    Raises
    ------
    ModelNotFoundError
        One line that names the model, the reason and the embedded default.
    """
    way_out = f"Use {otherwise}, or name a local folder in {setting}.model."
    if model == EMBEDDED:
        if embedded is None:
            raise ModelNotFoundError(
                f"{setting}.model: the package that carries the embedded model is not installed. "
                f"Install the project's requirements again. {otherwise} comes with them."
            )
        return _described("", embedded, setting, way_out)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _described(folder.resolve().name, folder, setting, way_out)
    if os.sep in model.strip() and (folder.is_absolute() or model.startswith((".", "~"))):
        raise ModelNotFoundError(
            f"{setting}.model: the folder {model} does not exist. Use {otherwise}."
        )
    return _described(model, _from_hub(model, allow_download, setting, way_out), setting, way_out)


def package_folder(package: str, folder: str) -> Path | None:
    """A folder inside an installed package, found without running the package's code.

    Parameters
    ----------
    package
        Name of the import.
    folder
        Path inside it.

    Returns
    -------
    Path or None
        None where the package is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))) / folder


def fastest_precision(choice: str) -> str:
    """The number format to compute in.

    Parameters
    ----------
    choice
        ``float32``, ``bfloat16``, or ``auto``: bfloat16 where this processor multiplies it in
        hardware (AVX-512 BF16 or AMX; elsewhere it is emulated and slower).

    Returns
    -------
    str
        ``float32`` or ``bfloat16``.
    """
    if choice in PRECISIONS:
        return choice
    import torch

    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    supported = any(getattr(torch.cpu, ask, bool)() for ask in asks)
    return "bfloat16" if supported else "float32"


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Let torch use so many threads for a while; None leaves it as it is.

    Parameters
    ----------
    threads
        Number of threads.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _from_hub(name: str, allow_download: bool, setting: str, way_out: str) -> Path:
    from huggingface_hub import snapshot_download

    reason = "it was not downloaded before"
    for may_download in dict.fromkeys((False, allow_download)):
        try:
            return Path(
                snapshot_download(
                    name,
                    allow_patterns=HUB_FILES,
                    local_files_only=not may_download,
                    etag_timeout=10,
                )
            )
        except Exception as error:  # of the hub, of any of its transports, or of the name itself
            if may_download:
                reason = f"it could not be downloaded ({_one_line(error)})"
    if not allow_download:
        reason += f", and {setting}.allow_download is false"
    raise ModelNotFoundError(f"{setting}.model: {name} is no folder here; {reason}. {way_out}")


def _described(name: str, path: Path, setting: str, way_out: str) -> ModelFolder:
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        weights = sorted(path.glob("*.safetensors"))
        if not isinstance(config, dict) or not weights:
            raise ValueError("no *.safetensors" if isinstance(config, dict) else "no JSON object")
        digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
        for file in weights if name else []:
            with open(file, "rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"{setting}.model: {path} holds no usable model: config.json and *.safetensors are "
            f"needed ({_one_line(error)}). {way_out}"
        ) from None
    return ModelFolder(f"{name}@{digest.hexdigest()[:8]}" if name else "", path, config)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:159] + "…"
