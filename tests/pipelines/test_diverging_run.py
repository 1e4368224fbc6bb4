"""A training that diverges inside a run: one clear error, and the previous good model stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from kedro.runner import SequentialRunner

from product_recommender.cli import message_of
from product_recommender.pipeline_registry import register_pipelines
from product_recommender.recommenders.stages import load_stage
from product_recommender.recommenders.training import TrainingDivergedError

MODEL = "ncf_random"
SETTINGS = f"params:modeling.models.{MODEL}"


@pytest.fixture
def hopeless_run(tiny_run: Any) -> Iterator[Any]:
    """The catalog of a good run, with settings under which the model cannot be trained."""
    good = tiny_run.load(SETTINGS)
    content = good if isinstance(good, dict) else good.model_dump()
    training = dict(content["training"]) | {"learning_rate": 1e30, "epochs": 6}
    bad = content | {"training": training}
    node = register_pipelines()["modeling"].only_nodes(f"{MODEL}.train_node").nodes[0]
    tiny_run[SETTINGS] = node.func.__annotations__["parameters"](**bad)
    yield tiny_run
    tiny_run[SETTINGS] = good


def files_of(catalog: Any) -> dict[Path, bytes]:
    folder = Path(str(catalog.get(f"{MODEL}.weights")._filepath)).parent
    found = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in found} == {"weights.safetensors", "config.json"}
    return found


def test_the_previous_good_model_stays_and_answers(hopeless_run: Any) -> None:
    catalog = hopeless_run
    before = files_of(catalog)
    weights = catalog.load(f"{MODEL}.weights")
    lists = catalog.load(f"{MODEL}.recommendations").to_pandas()
    modeling = register_pipelines()["modeling"].only_nodes_with_tags(MODEL)
    with pytest.raises(TrainingDivergedError) as error:
        SequentialRunner().run(modeling, catalog)
    message = message_of(error.value)
    assert message.startswith(f"{MODEL}: the ")
    assert "became nan" in message
    assert "Lower training.learning_rate" in message
    assert files_of(catalog) == before
    after = catalog.load(f"{MODEL}.weights")
    assert all(torch.equal(after[key], tensor) for key, tensor in weights.items())
    assert catalog.load(f"{MODEL}.recommendations").to_pandas().equals(lists)
    model = load_stage(after, catalog.load(f"{MODEL}.config"), "test")
    assert model.is_trained
