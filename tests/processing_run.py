"""Run data_processing alone, on files of a test, with its tables in a temporary folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from product_recommender.pipelines.data_processing import create_pipeline
from product_recommender.pipelines.data_processing.parameters import DataProcessingParameters
from product_recommender.review_format import RAW_REVIEW_COLUMNS

PROJECT = Path(__file__).resolve().parents[1]
HEADER = "\t".join(RAW_REVIEW_COLUMNS)


class ProcessingRun:
    """The catalog of a run, and what its tables say.

    Parameters
    ----------
    root
        An empty folder for the eight layers.
    reviews
        File, folder or glob of review files.
    metadata, customers
        Folders of the optional inputs; by default folders that do not exist.
    parameters
        Settings of data_processing that differ from the defaults.
    """

    def __init__(
        self,
        root: Path,
        reviews: Path | str,
        metadata: Path | None = None,
        customers: Path | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.root = root
        paths = {
            "data_root": str(root),
            "reviews_path": str(reviews),
            "product_metadata_path": str(metadata or root / "no_metadata"),
            "customers_path": str(customers or root / "no_customers"),
        }
        self.catalog = DataCatalog.from_config(_entries(paths))
        settings = DataProcessingParameters(**(parameters or {}))
        self.catalog["params:data_processing"] = MemoryDataset(settings)
        self.pipeline = create_pipeline()

    def run(self) -> ProcessingRun:
        SequentialRunner().run(self.pipeline, self.catalog)
        return self

    def table(self, name: str) -> pa.Table:
        return self.catalog.load(name).to_pyarrow()

    def rows(self, name: str) -> list[dict[str, Any]]:
        return self.table(name).to_pylist()

    @property
    def report(self) -> dict[str, Any]:
        return self.catalog.load("data_quality_report")

    @property
    def reasons(self) -> dict[tuple[str, int], str]:
        """Reason by file and line."""
        rows = self.rows("rejected_reviews")
        return {(row["file"], row["line_number"]): row["reason"] for row in rows}


@cache
def _written_entries() -> str:
    """The catalog entries of the pipeline as JSON, with the names of the paths in place of them."""
    names = ("data_root", "reviews_path", "product_metadata_path", "customers_path")
    loader = OmegaConfigLoader(
        conf_source=str(PROJECT / "conf"),
        base_env="base",
        default_run_env="base",
        runtime_params={name: f"@{name}@" for name in names},
    )
    whole = loader["catalog"]
    needed = [name for name in create_pipeline().datasets() if not name.startswith("params:")]
    return json.dumps({name: whole[name] for name in needed})


def _entries(paths: dict[str, str]) -> dict[str, Any]:
    text = _written_entries()
    for name, path in paths.items():
        text = text.replace(f"@{name}@", json.dumps(path)[1:-1])
    return json.loads(text)


def review(number: int, **values: Any) -> str:
    """One good line, distinct in its number; days run through 2014."""
    fields = {
        "marketplace": "US",
        "customer_id": f"{number:08d}",
        "review_id": f"R{number}",
        "product_id": f"B{number % 7:09d}",
        "product_parent": f"{number % 7}",
        "product_title": f"Lamp {number % 7}",
        "product_category": "Furniture",
        "star_rating": number % 5 + 1,
        "helpful_votes": 0,
        "total_votes": 1,
        "vine": "N",
        "verified_purchase": "Y",
        "review_headline": "Good",
        "review_body": f"Body {number}",
        "review_date": f"2014-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
    } | values
    return "\t".join(str(fields[name]) for name in RAW_REVIEW_COLUMNS)


def reviews(count: int, start: int = 0) -> list[str]:
    return [review(number) for number in range(start, start + count)]


def write_reviews(path: Path, lines: Iterable[str], header: str = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join([header, *lines]) + "\n").encode())
    return path
