"""A download into a real folder, with the client replaced at its boundary."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from kedro.io import DatasetError
from stand_in_kaggle import review_file

from product_recommender.datasets import SourceFolderDataset
from product_recommender.datasets.kaggle import DownloadFolder
from product_recommender.ingestion import (
    CATEGORIES,
    IngestionError,
    RemoteFile,
    ReviewDownload,
    TransferBrokenError,
    category_of_file,
    files_of_category,
)

FURNITURE = "amazon_reviews_us_Furniture_v1_00.tsv"
BOOKS = [f"amazon_reviews_us_Books_v1_0{n}.tsv" for n in range(3)]


class ScriptedClient:
    """Delivers from memory; each fetch can be told to stop early or to deliver something else."""

    def __init__(self, staging: Path, files: dict[str, bytes]) -> None:
        self.staging, self.files = staging, files
        self.stops: list[int | None] = []
        self.offline = False
        self.fetched: list[tuple[str, int]] = []
        """Name and size of what lay in staging when each fetch began."""

    def list_files(self) -> list[RemoteFile]:
        if self.offline:
            raise TransferBrokenError("no connection")
        return [RemoteFile(name, len(content)) for name, content in self.files.items()]

    def fetch(self, name: str) -> Path:
        self.staging.mkdir(exist_ok=True)
        path = self.staging / name
        there = path.stat().st_size if path.exists() else 0
        self.fetched.append((name, there))
        stop = self.stops.pop(0) if self.stops else None
        with open(path, "ab") as handle:
            handle.write(self.files[name][there:stop])
        if stop is not None:
            raise TransferBrokenError(f"{name} stopped at {stop}")
        return path

    def discard(self, name: str) -> None:
        (self.staging / name).unlink(missing_ok=True)


@pytest.fixture
def client(tmp_path):
    files = {name: review_file("Books", 10 + n) for n, name in enumerate(BOOKS)}
    return ScriptedClient(tmp_path / "staging", {**files, FURNITURE: review_file("Furniture", 50)})


@pytest.fixture
def reviews(tmp_path):
    return tmp_path / "reviews"


@pytest.fixture
def download(client, reviews, tmp_path):
    """A new run each time: nothing is remembered but what lies on the disk."""

    def run(*categories: str) -> list[str]:
        folder = DownloadFolder(str(reviews))
        listing = tmp_path / "listing.json"
        return ReviewDownload(client, folder, listing, attempts=3, wait_seconds=0).run(categories)

    return run


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if not path.name.startswith("."))


def test_every_file_of_a_category_arrives_and_is_remembered(download, client, reviews):
    assert download("Books", "Furniture") == [*BOOKS, FURNITURE]
    for name, content in client.files.items():
        assert (reviews / name).read_bytes() == content
    manifest = json.loads((reviews / ".data_ingestion.json").read_text())["files"]
    assert manifest[FURNITURE] == hashlib.sha256(client.files[FURNITURE]).hexdigest()
    assert list(client.staging.iterdir()) == []


def test_what_is_there_and_sound_is_skipped_even_without_a_network(download, client):
    download("Books")
    client.fetched.clear()
    client.offline = True
    assert download("Books") == BOOKS
    assert client.fetched == []
    (client.staging.parent / "listing.json").unlink()
    with pytest.raises(IngestionError, match="no connection"):
        download("Books")


def test_categories_add_up(download, client, reviews):
    download("Furniture")
    download("Books")
    assert visible(reviews) == sorted([FURNITURE, *BOOKS])
    assert client.fetched == [(name, 0) for name in (FURNITURE, *BOOKS)]


def test_a_broken_transfer_is_taken_up_again_where_it_stopped(download, client, reviews):
    client.stops = [700, 1500]
    download("Furniture")
    assert client.fetched == [(FURNITURE, 0), (FURNITURE, 700), (FURNITURE, 1500)]
    assert (reviews / FURNITURE).read_bytes() == client.files[FURNITURE]


def test_giving_up_keeps_finished_files_and_shows_no_half_one(download, client, reviews):
    client.stops = [None, 100, 200, 300]
    with pytest.raises(TransferBrokenError, match="stopped at 300"):
        download("Books")
    assert visible(reviews) == BOOKS[:1]
    download("Books")
    assert client.fetched[-2:] == [(BOOKS[1], 300), (BOOKS[2], 0)]
    assert visible(reviews) == BOOKS


def test_a_damaged_file_is_fetched_afresh_and_never_put_in_place(download, client, reviews):
    sound = client.files[FURNITURE]
    client.staging.mkdir()
    (client.staging / FURNITURE).write_bytes(b"\0" * 100)
    download("Furniture")
    assert client.fetched == [(FURNITURE, 100), (FURNITURE, 0)]
    assert (reviews / FURNITURE).read_bytes() == sound


def test_a_size_that_never_fits_is_an_error_and_leaves_nothing(download, client, reviews):
    full = client.files[FURNITURE]
    client.list_files = lambda: [RemoteFile(FURNITURE, len(full) + 1)]
    with pytest.raises(TransferBrokenError, match=f"Kaggle lists {len(full) + 1:,}"):
        download("Furniture")
    assert len(client.fetched) == 3
    assert [path.name for path in reviews.iterdir()] == []


def test_a_killed_run_leaves_only_what_the_next_one_clears_away(download, client, reviews):
    reviews.mkdir()
    (reviews / f".data_ingestion.{FURNITURE}.partial").write_bytes(b"half")
    manifest = {"source": "data_ingestion", "files": {FURNITURE: "recorded, not yet in place"}}
    (reviews / ".data_ingestion.json").write_text(json.dumps(manifest))
    download("Furniture")
    assert sorted(p.name for p in reviews.iterdir()) == [".data_ingestion.json", FURNITURE]


@pytest.mark.parametrize("ours", [False, True])
def test_a_file_of_somebody_else_is_refused_before_anything_is_fetched(
    download, client, reviews, ours
):
    if ours:
        download("Furniture")
        client.fetched.clear()
    reviews.mkdir(exist_ok=True)
    (reviews / FURNITURE).write_bytes(b"my notes")
    with pytest.raises(DatasetError, match=FURNITURE) as caught:
        download("Books", "Furniture")
    assert ("changed since" in str(caught.value)) == ours
    assert client.fetched == []
    assert (reviews / FURNITURE).read_bytes() == b"my notes"


def test_other_real_files_may_lie_beside(download, reviews):
    reviews.mkdir()
    (reviews / "amazon_reviews_us_Toys_v1_00.tsv").write_bytes(b"put here by hand")
    download("Furniture")
    assert len(visible(reviews)) == 2


def test_real_reviews_are_not_mixed_with_generated_ones(download, client, reviews):
    SourceFolderDataset(filepath=str(reviews), source="synthetic_data", patterns=["*.tsv"]).save(
        {"amazon_reviews_us_Toys_v1_00.tsv": b"generated"}
    )
    with pytest.raises(DatasetError, match="--env=amazon_us"):
        download("Furniture")
    assert client.fetched == []


def test_a_category_that_kaggle_lacks_is_named_with_those_it_has(download, client):
    with pytest.raises(IngestionError, match=r"no category 'Toys'; it has Books, Furniture"):
        download("Furniture", "Toys")
    assert client.fetched == []


def test_a_file_listed_as_compressed_gets_its_plain_name(download, client, reviews):
    import gzip

    content = client.files.pop(FURNITURE)
    client.files[f"{FURNITURE}.gz"] = gzip.compress(content)
    assert download("Furniture") == [FURNITURE]
    assert (reviews / FURNITURE).read_bytes() == content


def test_categories_that_start_alike_are_told_apart():
    names = [f"amazon_reviews_us_{category}_v1_00.tsv" for category in CATEGORIES]
    names += ["amazon_reviews_multilingual_US_v1_00.tsv", "readme.txt"]
    for category in CATEGORIES:
        assert files_of_category(category, names) == [f"amazon_reviews_us_{category}_v1_00.tsv"]
    assert category_of_file(names[-2]) is None
    assert len(set(CATEGORIES)) == 43
