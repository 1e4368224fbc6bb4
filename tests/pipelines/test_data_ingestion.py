"""The data_ingestion pipeline on the project's own catalog, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, DatasetError
from kedro.runner import SequentialRunner
from pydantic import ValidationError

from product_recommender.datasets import KaggleReviewFilesDataset
from product_recommender.ingestion import RemoteFile
from product_recommender.local_credentials import LocalCredentialsHooks
from product_recommender.pipelines.data_ingestion import create_pipeline
from product_recommender.pipelines.data_ingestion.nodes import choose_review_categories
from product_recommender.pipelines.data_ingestion.parameters import DataIngestionParameters
from product_recommender.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[2]
HEADER = (
    "marketplace customer_id review_id product_id product_parent product_title product_category "
    "star_rating helpful_votes total_votes vine verified_purchase review_headline review_body "
    "review_date"
)


def file_of(category: str) -> bytes:
    row = f"US 1 R1 B1 1 Thing {category} 5 0 0 N Y Fine Works 2015-08-31"
    return "".join("\t".join(line.split()) + "\n" for line in (HEADER, row)).encode()


class InstantClient:
    """Has every category of the parameters, at once."""

    def __init__(self, staging: Path, categories: list[str]) -> None:
        self.staging = staging
        self.files = {f"amazon_reviews_us_{c}_v1_00.tsv": file_of(c) for c in categories}

    def list_files(self) -> list[RemoteFile]:
        return [RemoteFile(name, len(content)) for name, content in self.files.items()]

    def fetch(self, name: str) -> Path:
        path = self.staging / name
        path.write_bytes(self.files[name])
        return path

    def discard(self, name: str) -> None:
        (self.staging / name).unlink(missing_ok=True)


def catalog_in(folder: Path, env: str = "local") -> tuple[DataCatalog, OmegaConfigLoader]:
    loader = OmegaConfigLoader(
        conf_source=str(ROOT / "conf"),
        env=env,
        runtime_params={"data_root": str(folder)},
        **CONFIG_LOADER_ARGS,
    )
    # Other people's local secrets are none of a test's business.
    return DataCatalog.from_config(loader["catalog"], {"kaggle": {}}), loader


@pytest.mark.parametrize("env", ["local", "amazon_us"])
def test_the_pipeline_brings_the_configured_categories(tmp_path, monkeypatch, env):
    catalog, loader = catalog_in(tmp_path, env)
    parameters = DataIngestionParameters(**loader["parameters"]["data_ingestion"])
    client = InstantClient(tmp_path / "01_raw" / ".kaggle", parameters.categories)
    monkeypatch.setattr(KaggleReviewFilesDataset, "_client", lambda self: client)
    catalog["params:data_ingestion"] = parameters

    SequentialRunner().run(create_pipeline(), catalog)

    reviews = tmp_path / "01_raw" / "reviews"
    assert {p.name: p.read_bytes() for p in reviews.glob("*.tsv")} == client.files
    assert catalog.load("downloaded_review_files") == [str(reviews / n) for n in client.files]
    assert catalog.exists("downloaded_review_files")


def test_the_defaults_in_code_are_those_of_the_file(tmp_path):
    _, loader = catalog_in(tmp_path)
    assert DataIngestionParameters(**loader["parameters"]["data_ingestion"]) == (
        DataIngestionParameters()
    )


def test_categories_are_wanted_once_in_the_order_given():
    parameters = DataIngestionParameters(categories=["Toys", "Baby", "Toys"])
    assert parameters == DataIngestionParameters.model_validate({"categories": "Toys Baby"})
    assert choose_review_categories(parameters) == ["Toys", "Baby"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"categories": ["Furniture", "Gardening"]}, "unknown: Gardening; the categories are"),
        ({"categories": []}, "at least 1 item"),
        ({"categorys": ["Toys"]}, "Extra inputs"),
    ],
)
def test_wrong_parameters_name_the_key_and_the_choices(settings, says):
    with pytest.raises(ValidationError, match=says):
        DataIngestionParameters(**settings)


def test_without_kagglehub_one_line_names_the_package(tmp_path, monkeypatch):
    catalog, _ = catalog_in(tmp_path)
    monkeypatch.setitem(sys.modules, "kagglehub", None)  # as if it were not installed
    with pytest.raises(DatasetError, match=r"pip install 'kagglehub>=1\.0'") as caught:
        catalog.save("downloaded_review_files", ["Furniture"])
    assert "--pipeline=synthetic_data" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("block", "says"),
    [({"username": "ann"}, "one of username and key only"), ({"user": "ann"}, "unknown: user")],
)
def test_half_credentials_are_named_before_anything_is_asked(tmp_path, block, says):
    dataset = KaggleReviewFilesDataset(
        filepath=str(tmp_path), staging=str(tmp_path / "s"), handle="o/d", credentials=block
    )
    with pytest.raises(DatasetError, match=says) as caught:
        dataset.save(["Furniture"])
    assert "ann" not in str(caught.value)


def test_local_secrets_count_in_every_environment(tmp_path):
    shutil.copytree(ROOT / "conf" / "base", tmp_path / "conf" / "base")
    for env, secret in (
        ("local", "kaggle: {token: mine}\nother: {a: 1}"),
        ("shop", "other: {a: 2}"),
    ):
        (tmp_path / "conf" / env).mkdir()
        (tmp_path / "conf" / env / "credentials.yml").write_text(secret)
    loader = OmegaConfigLoader(conf_source=str(tmp_path / "conf"), env="shop", **CONFIG_LOADER_ARGS)
    assert not loader["credentials"]["kaggle"]
    LocalCredentialsHooks().after_context_created(SimpleNamespace(config_loader=loader))
    assert loader["credentials"]["kaggle"] == {"token": "mine"}
    assert loader["credentials"]["other"] == {"a": 2}


def test_lending_secrets_leaves_the_environment_its_paths():
    loader = OmegaConfigLoader(
        conf_source=str(ROOT / "conf"), env="amazon_us", **CONFIG_LOADER_ARGS
    )
    LocalCredentialsHooks().after_context_created(SimpleNamespace(config_loader=loader))
    entry = loader["catalog"]["downloaded_review_files"]
    assert entry["filepath"] == "data/amazon_us/01_raw/reviews"
    assert "kaggle" in loader["credentials"]


def test_importing_the_pipeline_does_not_import_the_client():
    code = (
        "import sys, product_recommender.pipelines.data_ingestion, product_recommender.datasets;"
        "sys.exit(bool({'kagglehub', 'requests', 'torch'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
