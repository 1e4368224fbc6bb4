"""Where pretrained models are found, and the one line where they are not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from product_recommender.pretrained import (
    ModelNotFoundError,
    fastest_precision,
    find_model,
    package_folder,
    torch_threads,
)

PROJECT = Path(__file__).resolve().parents[1]
OTHERWISE = "content.text.model: embedded (Small, 384 dimensions)"


def model_folder(path: Path, weights: bytes = b"weights", **config: Any) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").write_bytes(weights)
    return path


def find(model: str, allow_download: bool = False, embedded: Path | None = None) -> Any:
    return find_model(model, allow_download, "content.text", embedded, OTHERWISE)


def test_the_embedded_model_is_the_folder_that_is_given(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", hidden_size=3)
    found = find("embedded", embedded=folder)
    assert (found.path, found.config, found.name) == (folder, {"hidden_size": 3}, "")


def test_a_folder_is_named_by_its_content_and_not_by_its_path(tmp_path: Path) -> None:
    first, same = (find(str(model_folder(tmp_path / n / "bert", a=1))) for n in ("x", "y"))
    assert first.name == same.name
    assert re.fullmatch(r"bert@[0-9a-f]{8}", first.name)
    (first.path / "model.safetensors").write_bytes(b"trained further")
    assert find(str(first.path)).name != same.name
    (same.path / "config.json").write_text('{"a": 2}')
    assert find(str(same.path)).name not in (first.name, find(str(first.path)).name)


@pytest.mark.parametrize("allow_download", [False, True])
def test_a_name_that_cannot_be_had_gives_one_line_with_the_way_out(
    allow_download: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants as hub

    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ModelNotFoundError) as raised:
        find("nobody/such-a-bert", allow_download)
    message = str(raised.value)
    assert "\n" not in message
    assert "nobody/such-a-bert" in message
    assert OTHERWISE in message
    assert ("allow_download is false" in message) != allow_download


def test_no_hub_is_asked_unless_downloads_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[bool] = []

    def download(name: str, local_files_only: bool, **_: Any) -> str:
        asked.append(not local_files_only)
        raise OSError("not\nhere")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ModelNotFoundError):
        find("bert-base-uncased", allow_download=False)
    assert asked == [False]
    with pytest.raises(ModelNotFoundError, match="not here"):
        find("bert-base-uncased", allow_download=True)
    assert asked == [False, False, True]


def test_only_safe_files_are_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    folder = model_folder(tmp_path / "fetched", hidden_size=1)
    patterns: list[str] = []

    def download(name: str, allow_patterns: list[str], **_: Any) -> str:
        patterns.extend(allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find("some/bert", allow_download=True).path == folder
    assert "*.safetensors" in patterns
    assert not [p for p in patterns if p.endswith(("bin", "pth", "pt", "pkl", "py", "*"))]


@pytest.mark.parametrize("spoil", ["config.json", "model.safetensors"])
def test_a_folder_without_a_model_says_what_is_missing(tmp_path: Path, spoil: str) -> None:
    folder = model_folder(tmp_path / "m", hidden_size=1)
    (folder / spoil).unlink()
    with pytest.raises(ModelNotFoundError, match=r"config\.json and \*\.safetensors are needed"):
        find(str(folder))


def test_a_missing_folder_and_a_missing_package_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        find(str(tmp_path / "nothing"))
    with pytest.raises(ModelNotFoundError, match="is not installed"):
        find("embedded", embedded=None)
    assert package_folder("no_such_package_here", "model") is None


def test_precision_is_what_was_asked_for_or_what_the_processor_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    assert fastest_precision("float32") == "float32"
    assert fastest_precision("bfloat16") == "bfloat16"
    for supported, expected in ((True, "bfloat16"), (False, "float32")):
        for ask in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, ask, lambda s=supported: s, raising=False)
        assert fastest_precision("auto") == expected


def test_threads_are_given_back() -> None:
    import torch

    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with torch_threads(None):
        assert torch.get_num_threads() == before


def test_torch_load_is_called_in_one_place() -> None:
    """What is pickled runs code; one file is read after a check of its bytes, and no other."""
    sources = [
        path for room in ("src", "benchmarks") for path in sorted((PROJECT / room).rglob("*.py"))
    ]
    calls = [
        source
        for source in sources
        for line in source.read_text().splitlines()
        if re.search(r"torch\.load\(|pickle\.loads?\(|joblib\.load\(|allow_pickle=True", line)
    ]
    assert [source.name for source in calls] == ["efficientnet_lite.py"]
    text = calls[0].read_text()
    assert "weights_only=True" in text[text.index("torch.load(") :][:100]
