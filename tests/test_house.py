"""The rules of the house (docs/architecture.md), held by tests."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from product_recommender.pipeline_registry import MAIN_PIPELINES, register_pipelines

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "src" / "product_recommender"
ENVIRONMENTS = ("base", "amazon_us", "test")
READ_ONLY_OR_ATOMIC_BY_THEMSELVES = {
    "product_recommender.datasets.RawLinesDataset",
    "product_recommender.datasets.RawManifestDataset",
    "product_recommender.datasets.SourceFolderDataset",
    "product_recommender.datasets.KaggleReviewFilesDataset",
    "product_recommender.datasets.ProductImagesDataset",
    "product_recommender.datasets.PreviousEmbeddingsDataset",
}
LAYERS = (
    "raw",
    "intermediate",
    "primary",
    "feature",
    "model_input",
    "models",
    "model_output",
    "reporting",
)
HEAVY = ("torch", "sklearn", "plotly", "nltk", "optuna", "transformers", "implicit", "PIL")
KEDRO_ROOMS = {
    "pipelines",
    "datasets",
    "cli.py",
    "hooks.py",
    "local_credentials.py",
    "pipeline_registry.py",
    "settings.py",
}


def catalog_config(environment: str) -> dict[str, Any]:
    loader = OmegaConfigLoader(
        str(PROJECT / "conf"),
        base_env="base",
        default_run_env=environment,
        merge_strategy={"parameters": "soft", "globals": "soft"},
    )
    return dict(loader["catalog"])


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            found.add(statement.module)
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_file_entry_is_atomic(environment: str) -> None:
    entries = catalog_config(environment)
    assert len(entries) > 30
    unwrapped = {
        name: entry["type"]
        for name, entry in entries.items()
        if entry["type"] != "product_recommender.datasets.AtomicDataset"
        and entry["type"] not in READ_ONLY_OR_ATOMIC_BY_THEMSELVES
    }
    assert not unwrapped, "wrap these in product_recommender.datasets.AtomicDataset"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_entry_has_a_layer(environment: str) -> None:
    without = [
        name
        for name, entry in catalog_config(environment).items()
        if not entry.get("metadata", {}).get("kedro-viz", {}).get("layer")
    ]
    assert not without


def test_environments_do_not_repeat_the_catalog() -> None:
    for environment in ENVIRONMENTS[1:]:
        assert not list((PROJECT / "conf" / environment).glob("catalog*"))


def test_library_rooms_do_not_know_kedro() -> None:
    guilty = []
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in KEDRO_ROOMS:
            continue
        guilty += [
            f"{path.relative_to(PACKAGE)} imports {module}"
            for module in imported_modules(path)
            if module.split(".")[0] in ("kedro", "kedro_datasets")
            or module.startswith("product_recommender.pipelines")
        ]
    assert not guilty


def test_pipelines_do_not_import_each_other() -> None:
    guilty = []
    for path in (PACKAGE / "pipelines").glob("*/*.py"):
        own = f"product_recommender.pipelines.{path.parent.name}"
        guilty += [
            f"{path.relative_to(PACKAGE)} imports {module}"
            for module in imported_modules(path)
            if module.startswith("product_recommender.pipelines.") and not module.startswith(own)
        ]
    assert not guilty


def run_python(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=240
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["registry", "list"],
        ["run", "--env=test", "--pipelines=data_processing", "--params=data_root={tmp}"],
    ],
    ids=["registry list", "run --pipelines=data_processing"],
)
def test_light_commands_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    code = f"""
import sys
from kedro.framework.cli.cli import main
sys.argv = ["kedro", *{filled!r}]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("HEAVY:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "HEAVY: []" in done.stdout


@pytest.mark.parametrize("name", [*MAIN_PIPELINES, "synthetic_data", "data_ingestion"])
def test_pipeline_has_nodes_with_verb_names_and_resolvable_types(name: str) -> None:
    nodes = register_pipelines()[name].nodes
    assert nodes
    for node in nodes:
        assert node.name.endswith("_node"), node.name
        assert inspect.getdoc(node.func), f"{node.name} has no docstring for kedro-viz to show"
        hints = get_type_hints(node.func)  # Kedro silently skips validation where this fails
        for dataset, argument in zip(
            node.inputs, inspect.signature(node.func).parameters, strict=False
        ):
            if dataset.startswith("params:"):
                assert hasattr(hints[argument], "model_fields"), f"{node.name}: {argument}"


def test_no_accidental_memory_datasets() -> None:
    entries = set(catalog_config("base"))
    patterns = [entry for entry in entries if "{" in entry]

    def matches(name: str) -> bool:
        import parse

        return name in entries or any(parse.parse(pattern, name) for pattern in patterns)

    missing = {
        name
        for pipeline in register_pipelines().values()
        for name in pipeline.datasets()
        if not name.startswith("params:") and name != "parameters" and not matches(name)
    }
    assert not missing


def test_data_never_flows_back_to_an_earlier_layer() -> None:
    """kedro-viz draws no layers at all if they form a circle."""
    import parse

    entries = catalog_config("base")
    exact_first = sorted(entries, key=lambda entry: ("{" in entry, -len(entry)))

    def layer(name: str) -> int:
        entry = next(e for e in exact_first if e == name or parse.parse(e, name))
        return LAYERS.index(entries[entry]["metadata"]["kedro-viz"]["layer"])

    backwards = []
    for node in register_pipelines()["__default__"].nodes:
        inputs = [layer(name) for name in node.inputs if not name.startswith("params:")]
        outputs = [layer(name) for name in node.outputs]
        if inputs and outputs and min(outputs) < max(inputs):
            backwards.append(node.name)
    assert not backwards


def test_every_pipeline_has_a_readme() -> None:
    for name in [*MAIN_PIPELINES, "synthetic_data", "data_ingestion"]:
        readme = PACKAGE / "pipelines" / name / "README.md"
        assert readme.exists(), name
        assert len(readme.read_text()) > 200, f"{name}: the README says too little"


def test_parameter_files_have_one_top_level_key_of_their_pipeline() -> None:
    for path in (PROJECT / "conf").glob("*/parameters_*.yml"):
        assert list(yaml.safe_load(path.read_text())) == [path.stem.removeprefix("parameters_")]


def test_no_file_name_says_nothing() -> None:
    silent = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.name in silent]


def test_runtime_keys_are_those_that_the_configuration_reads() -> None:
    import re

    from product_recommender.hooks import RUNTIME_KEYS

    read = {
        key
        for path in (PROJECT / "conf").glob("*/*.yml")
        for key in re.findall(r"\$\{runtime_params:(\w+)", path.read_text())
    }
    assert read == set(RUNTIME_KEYS)
