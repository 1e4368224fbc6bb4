"""What counts as a sound delivery, on files made by hand."""

from __future__ import annotations

import gzip

import pytest
from stand_in_kaggle import review_file, zipped

from product_recommender.ingestion import DamagedFileError, DeliveredFile
from product_recommender.ingestion import delivered_file as module

NAME = "amazon_reviews_us_Furniture_v1_00.tsv"
CONTENT = review_file("Furniture", 300)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)


@pytest.fixture
def deliver(tmp_path):
    def write(content: bytes, listed: int | None = None) -> DeliveredFile:
        path = tmp_path / NAME
        path.write_bytes(content)
        return DeliveredFile(path, NAME, listed)

    return write


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: zipped(NAME, text)])
def test_the_content_decides_how_it_is_unpacked(deliver, pack):
    blocks = list(deliver(pack(CONTENT), len(CONTENT)).blocks())
    assert b"".join(blocks) == CONTENT
    assert max(map(len, blocks)) <= 1000


@pytest.mark.parametrize(
    ("content", "listed", "says"),
    [
        pytest.param(b"", None, "is empty", id="empty"),
        pytest.param(CONTENT.split(b"\n")[0] + b"\n", None, "no review", id="header only"),
        pytest.param(b"<!DOCTYPE html>\n<p>Sign in", None, "<!DOCTYPE html>", id="login page"),
        pytest.param(CONTENT.replace(b"vine", b"wine", 1), None, "15 column names", id="columns"),
        pytest.param(CONTENT[:-40], len(CONTENT), f"Kaggle lists {len(CONTENT):,}", id="short"),
        pytest.param(CONTENT[:-20], None, "middle of a line", id="cut, size unknown"),
        pytest.param(CONTENT + CONTENT, len(CONTENT), "second header", id="joined wrongly"),
        pytest.param(gzip.compress(CONTENT)[:-30], None, "archive is damaged", id="cut gzip"),
        pytest.param(zipped(NAME, CONTENT)[:-30], None, "archive is damaged", id="cut zip"),
        pytest.param(zipped("other.tsv", CONTENT), None, "holds other.tsv", id="other member"),
    ],
)
def test_damage_is_named(deliver, content, listed, says):
    with pytest.raises(DamagedFileError) as caught:
        list(deliver(content, listed).blocks())
    assert says in str(caught.value)
    assert NAME in str(caught.value)


def test_a_flipped_bit_in_an_archive_is_found(deliver):
    archive = bytearray(zipped(NAME, CONTENT))
    archive[len(archive) // 2] ^= 1
    with pytest.raises(DamagedFileError):
        list(deliver(bytes(archive)).blocks())


def test_a_second_header_is_found_across_blocks(deliver, monkeypatch):
    for size in range(200, 260, 7):
        monkeypatch.setattr(module, "BLOCK_BYTES", size)
        with pytest.raises(DamagedFileError, match="second header"):
            list(deliver(CONTENT + CONTENT).blocks())


def test_the_last_block_waits_for_the_checks(deliver):
    out: list[bytes] = []
    blocks = deliver(CONTENT, len(CONTENT) + 1).blocks()
    with pytest.raises(DamagedFileError):
        out.extend(blocks)
    # list.extend keeps what came before the error: all but the last block of 1000 bytes at most.
    assert len(CONTENT) - 1000 <= sum(map(len, out)) < len(CONTENT)


def test_a_listing_of_compressed_bytes_does_not_reject_a_sound_file(deliver, caplog):
    assert b"".join(deliver(CONTENT, len(CONTENT) // 3).blocks()) == CONTENT
    assert "Kaggle lists" in caplog.text
