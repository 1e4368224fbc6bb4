"""The real ``kagglehub`` against a stand-in for Kaggle on this machine."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from stand_in_kaggle import StandInKaggle, review_file

from product_recommender.ingestion import (
    DeliveredFile,
    IngestionError,
    KaggleCredentials,
    KaggleHubClient,
    RemoteFile,
    TransferBrokenError,
)

pytest.importorskip("kagglehub", reason="the extra `ingestion` (kagglehub) is not installed")

FURNITURE = "amazon_reviews_us_Furniture_v1_00.tsv"
BOOKS = [f"amazon_reviews_us_Books_v1_0{n}.tsv" for n in range(3)]
CONTENT = review_file("Furniture", 20_000)


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(monkeypatch, tmp_path):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def point_at(monkeypatch):
    """Let the client talk to another address; its own variable knows fixed addresses only."""
    from kagglesdk import kaggle_env

    def point(url: str) -> None:
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, url)

    return point


@pytest.fixture
def client(tmp_path):
    return KaggleHubClient("owner/reviews", tmp_path / "staging")


def plain(client: KaggleHubClient, name: str = FURNITURE) -> bytes:
    return b"".join(DeliveredFile(client.fetch(name), name).blocks())


def test_the_listing_is_read_to_its_last_page(client, point_at):
    files = {name: b"x" * size for size, name in enumerate([*BOOKS, FURNITURE], start=1)}
    with StandInKaggle(files, page_size=3) as kaggle:
        point_at(kaggle.url)
        assert client.list_files() == [
            *(RemoteFile(name, size) for size, name in enumerate(BOOKS, start=1)),
            RemoteFile(FURNITURE, 4),
        ]


@pytest.mark.parametrize("zip_transfers", [False, True])
def test_a_file_arrives_whole_with_a_progress_bar(client, point_at, capsys, zip_transfers):
    with StandInKaggle({FURNITURE: CONTENT}, zip_transfers=zip_transfers) as kaggle:
        point_at(kaggle.url)
        assert plain(client) == CONTENT
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("zip_transfers", [False, True])
def test_a_broken_transfer_continues_where_it_stopped(client, point_at, zip_transfers):
    large = review_file("Furniture", 800, noise_bytes=2_000)
    with StandInKaggle(
        {FURNITURE: large}, zip_transfers=zip_transfers, break_after=[1_400_000]
    ) as kaggle:
        point_at(kaggle.url)
        with pytest.raises(TransferBrokenError, match="no connection to Kaggle"):
            client.fetch(FURNITURE)
        assert plain(client) == large
        # The client writes blocks of 1 MiB. It asks for the whole file to learn its size, then
        # for the rest of it.
        assert [first for _, first in kaggle.storage_requests] == [0, 0, 1 << 20]


def test_an_unpacking_that_was_killed_is_repeated_without_a_new_transfer(client, point_at):
    with StandInKaggle({FURNITURE: CONTENT}, zip_transfers=True) as kaggle:
        point_at(kaggle.url)
        delivered = client.fetch(FURNITURE)
        _, archive = kaggle.stored(FURNITURE)
        # The state in which a kill leaves the folder: the archive renamed, the text cut short.
        delivered.with_name(FURNITURE + ".zip").write_bytes(archive)
        delivered.write_bytes(CONTENT[:1000])
        for marker in client.staging.rglob(f"{FURNITURE}.complete"):
            marker.unlink()
        assert plain(client) == CONTENT


def test_a_wrong_checksum_is_an_error_and_leaves_no_file(client, point_at):
    with StandInKaggle({FURNITURE: CONTENT}, wrong_md5=True) as kaggle:
        point_at(kaggle.url)
        with pytest.raises(TransferBrokenError, match="MD5"):
            client.fetch(FURNITURE)
    assert list(client.staging.rglob(FURNITURE)) == []


def test_discarding_makes_the_next_fetch_start_afresh(client, point_at):
    with StandInKaggle({FURNITURE: CONTENT}) as kaggle:
        point_at(kaggle.url)
        client.fetch(FURNITURE)
        client.discard(FURNITURE)
        assert plain(client) == CONTENT
        assert [first for _, first in kaggle.storage_requests] == [0, 0]


def test_credentials_that_were_given_are_sent_and_others_missed(tmp_path, client, point_at):
    with StandInKaggle({FURNITURE: CONTENT}, login=("ann", "secret")) as kaggle:
        point_at(kaggle.url)
        with pytest.raises(IngestionError) as caught:
            client.list_files()
        for part in ("conf/local/credentials.yml", "KAGGLE_KEY", "kaggle.com/settings"):
            assert part in str(caught.value)
        assert "\n" not in str(caught.value)
        known = KaggleHubClient(
            "owner/reviews", tmp_path / "staging", KaggleCredentials("ann", "secret")
        )
        assert known.list_files() == [RemoteFile(FURNITURE, len(CONTENT))]


def test_credentials_of_the_environment_count(client, point_at, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    with StandInKaggle({FURNITURE: CONTENT}, login=("ann", "secret")) as kaggle:
        point_at(kaggle.url)
        assert client.list_files() == [RemoteFile(FURNITURE, len(CONTENT))]


def test_without_a_network_one_line_says_so(client, point_at):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        point_at(f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(TransferBrokenError) as caught:
            client.list_files()
    line = str(caught.value)
    assert "no connection to Kaggle (" in line
    assert "Connection refused" in line
    assert "--pipeline=synthetic_data" in line
    assert "\n" not in line
    assert "0x" not in line


def test_a_server_in_trouble_is_worth_another_attempt_and_a_missing_file_is_not(client, point_at):
    with StandInKaggle({FURNITURE: CONTENT}, failures=[503]) as kaggle:
        point_at(kaggle.url)
        with pytest.raises(TransferBrokenError, match="503"):
            client.fetch(FURNITURE)
        with pytest.raises(IngestionError, match="no such file") as caught:
            client.fetch("amazon_reviews_us_Nothing_v1_00.tsv")
        assert not isinstance(caught.value, TransferBrokenError)


def test_the_environment_is_left_as_it_was(client, point_at, monkeypatch):
    import os

    monkeypatch.setenv("KAGGLE_API_TOKEN", "mine")
    monkeypatch.delenv("KAGGLEHUB_CACHE", raising=False)
    paired = KaggleHubClient("owner/reviews", Path("s"), KaggleCredentials("ann", "secret"))
    with StandInKaggle({FURNITURE: CONTENT}) as kaggle:
        point_at(kaggle.url)
        paired.list_files()
    assert os.environ["KAGGLE_API_TOKEN"] == "mine"
    assert not {"KAGGLE_USERNAME", "KAGGLEHUB_CACHE"} & set(os.environ)
