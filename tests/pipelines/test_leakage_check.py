"""The pipeline over every model of the registry, on a run of the tiny world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from product_recommender.leakage.findings import LEAKS, LeakageError
from product_recommender.pipeline_registry import register_pipelines
from product_recommender.pipelines import evaluation, leakage_check
from product_recommender.recommenders.registry import MODELS


class Saved(MemoryDataset):
    """Remembers on the class what was saved, for a run that fails."""

    names: list[str] = []  # noqa: RUF012

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def save(self, data: Any) -> None:
        Saved.names.append(self._name)
        super().save(data)


def catalog_of(tiny_run: Any, **replaced: Any) -> DataCatalog:
    pipeline = leakage_check.create_pipeline() + evaluation.create_pipeline()
    loaded = {name: tiny_run.load(name) for name in pipeline.inputs()}
    loaded |= {name.replace("__", "."): item for name, item in replaced.items()}
    catalog = DataCatalog({name: MemoryDataset(item) for name, item in loaded.items()})
    for name in pipeline.all_outputs():
        catalog[name] = Saved(name)
    return catalog


def test_the_check_stands_between_the_models_and_the_numbers() -> None:
    pipelines = register_pipelines()
    measuring = [n for n in pipelines["evaluation"].nodes if "measure" in n.name]
    assert measuring
    for node in measuring:
        assert "leakage_report" in node.inputs, node.name
    assert "stop_at_leaks_node" in {node.name for node in pipelines["__default__"].nodes}


def test_every_model_of_the_registry_is_compared(tiny_run: Any) -> None:
    report = tiny_run.load("leakage_report")
    assert set(report["outcome"]) == {"clean"}
    assert set(report["leak"]) == set(LEAKS)
    for model in MODELS:
        of_weights = report[report["dataset"] == f"{model}.weights"]
        assert {"id_map", "test_pairs", "popularity"} <= set(of_weights["leak"]), model
        assert f"{model}.recommendations" in set(report["dataset"])
    assert tiny_run.load("evaluation_report")["leakage_check"]["outcome"] == "clean"


def test_a_leak_fails_the_run_before_anything_is_measured(tiny_run: Any) -> None:
    weights = dict(tiny_run.load("bias.weights"))
    size = weights["base/size"].tolist()
    full = np.arange(size[1], dtype=np.int32)  # the first customer bought everything
    indptr = weights["base/seen_indptr"].clone()
    own = int(indptr[1] - indptr[0])
    indptr[1:] += size[1] - own
    weights["base/seen_indptr"] = indptr
    rest = weights["base/seen_indices"][own:]
    weights["base/seen_indices"] = torch.cat([torch.from_numpy(full), rest])
    catalog = catalog_of(tiny_run, bias__weights=weights)
    Saved.names.clear()
    pipeline = leakage_check.create_pipeline() + evaluation.create_pipeline()
    with pytest.raises(LeakageError, match=r"test_pairs: bias\.weights"):
        SequentialRunner().run(pipeline, catalog)
    assert "leakage_report" in Saved.names
    assert not {"metrics", "customer_metrics", "leaderboard"} & set(Saved.names)


def test_weights_that_do_not_say_what_they_have_seen_are_refused(tiny_run: Any) -> None:
    weights = tiny_run.load("bias.weights")
    bare = {key: value for key, value in weights.items() if key != "base/seen_indices"}
    catalog = catalog_of(tiny_run, bias__weights=bare)
    with pytest.raises(ValueError, match=r"bias\.weights lacks base/seen_indices"):
        SequentialRunner().run(leakage_check.create_pipeline(), catalog)


def test_the_readme_names_every_leak() -> None:
    readme = (Path(leakage_check.__file__).parent / "README.md").read_text()
    for leak in LEAKS:
        assert f"`{leak}`" in readme
