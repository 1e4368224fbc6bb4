"""Downloads against a server on this machine: limits, redirects, addresses, what is kept."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from product_recommender.content.settings import ImageSettings
from product_recommender.vision import downloads
from product_recommender.vision.downloads import download, download_all, public_addresses
from product_recommender.vision.image_source import ImageSource
from product_recommender.vision.pictures import PictureError
from vision.picture_files import encoded, noise

PICTURE = encoded(noise(0))
SETTINGS = ImageSettings(
    download_images=True, max_bytes=100_000, timeout_seconds=0.4, max_redirects=2
)


class Shop(BaseHTTPRequestHandler):
    """Serves what its path says; counts what it was asked for."""

    asked: ClassVar[Counter[str]] = Counter()
    lock = threading.Lock()

    def do_GET(self) -> None:
        with Shop.lock:
            Shop.asked[self.path] += 1
        with contextlib.suppress(OSError):
            self._answer(self.path.partition("?")[0].strip("/"))

    def _answer(self, path: str) -> None:
        name, _, argument = path.partition("/")
        if name == "redirect":
            left = int(argument)
            self._head(302, Location=f"/redirect/{left - 1}" if left else "/picture.png")
        elif name == "private":
            self._head(302, Location="http://10.0.0.1/picture.png")
        elif name == "scheme":
            self._head(302, Location="file:///etc/passwd")
        elif name == "slow":
            time.sleep(1)
        elif name == "drip":
            self._head(200)
            for _ in range(30):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        elif name == "headers":
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Header: ")
            for _ in range(60):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        elif name == "endless":
            self._head(200)
            while True:
                self.wfile.write(b"x" * 65536)
        elif name == "cut":
            self._head(200, **{"Content-Length": "5000"})
            self.wfile.write(PICTURE[:500])
        elif name == "lies":
            self._head(200, **{"Content-Type": "text/html"})
            self.wfile.write(PICTURE)
        elif name.startswith("picture"):
            time.sleep(0.02)
            self._head(200)
            self.wfile.write(PICTURE)
        else:
            self._head(404)

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Shop.asked = Counter()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    httpd.daemon_threads = True
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://shop.test:{httpd.server_address[1]}"
    httpd.shutdown()
    httpd.server_close()


def of_tests(host: str, port: int) -> list[str]:
    """The server of this test is public, everything else is what it really is."""
    return ["127.0.0.1"] if host == "shop.test" else public_addresses(host, port)


def refused(url: str) -> str:
    with pytest.raises(PictureError) as raised:
        download(url, SETTINGS, of_tests)
    return raised.value.status


def test_the_bytes_decide_and_not_what_the_server_calls_them(server: str) -> None:
    assert download(f"{server}/picture.png", SETTINGS, of_tests) == PICTURE
    assert download(f"{server}/lies", SETTINGS, of_tests) == PICTURE
    assert download(f"{server}/picture é.png?a=b c", SETTINGS, of_tests) == PICTURE


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing", "download_failed"),
        ("slow", "timed_out"),
        ("drip", "timed_out"),
        ("headers", "timed_out"),
        ("endless", "too_large"),
        ("cut", "download_failed"),
        ("redirect/2", "download_failed"),
        ("private", "bad_address"),
        ("scheme", "bad_address"),
    ],
)
def test_what_a_server_may_not_do(server: str, path: str, status: str) -> None:
    started = time.monotonic()
    assert refused(f"{server}/{path}") == status
    assert time.monotonic() - started < 3


def test_redirects_are_followed_up_to_the_limit(server: str) -> None:
    assert download(f"{server}/redirect/1", SETTINGS, of_tests) == PICTURE
    assert Shop.asked["/redirect/0"] == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "http://localhost/a.png",
        "http://10.1.2.3/a.png",
        "http://192.168.0.1/a.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
        "http://0.0.0.0/a.png",
        "http://224.0.0.1/a.png",
        "http://2130706433/a.png",
        "http://user:secret@shop.test/a.png",
        "ftp://shop.test/a.png",
        "http:///a.png",
        "http://shop.test:99999/a.png",
        "http://[broken/a.png",
    ],
)
def test_only_public_web_servers_are_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        downloads.socket, "create_connection", lambda *_, **__: pytest.fail("it connected")
    )
    assert refused(url) == "bad_address"


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("93.184.216.34", port)), (2, 1, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(downloads.socket, "getaddrinfo", found)
    with pytest.raises(PictureError, match="not a public server"):
        public_addresses("rebound.test", 80)


def test_what_was_downloaded_is_not_fetched_again(server: str, tmp_path: Path) -> None:
    urls = [f"{server}/picture{i}.png" for i in range(8)] + [f"{server}/nothing"]
    failed = download_all(urls, tmp_path, SETTINGS, of_tests)
    assert {url: error.status for url, error in failed.items()} == {
        f"{server}/nothing": "download_failed"
    }
    assert len(list(tmp_path.iterdir())) == 8
    download_all(urls, tmp_path, SETTINGS, of_tests)
    assert {path: n for path, n in Shop.asked.items() if n > 1} == {"/nothing": 2}


def test_no_server_is_asked_for_more_than_two_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, at_once, most = threading.Lock(), Counter[str](), Counter[str]()

    def slowly(url: str, *_: object) -> bytes:
        server = url.split("/")[2]
        with lock:
            at_once[server] += 1
            most[server] = max(most[server], at_once[server])
        time.sleep(0.02)
        with lock:
            at_once[server] -= 1
        return b"x"

    monkeypatch.setattr(downloads, "download", slowly)
    urls = [f"http://{server}.test/{i}.png" for i in range(6) for server in ("a", "b")]
    assert download_all(urls, tmp_path, SETTINGS) == {}
    assert set(most.values()) == {2}


def test_a_source_downloads_only_where_that_is_asked_for(server: str, tmp_path: Path) -> None:
    url = f"{server}/picture.png"
    source = ImageSource(tmp_path / "images", tmp_path / "downloads", of_tests)
    shy = SETTINGS.model_copy(update={"download_images": False})
    source.download([url], shy)
    with pytest.raises(PictureError) as raised:
        source.read(url, shy)
    assert raised.value.status == "url_not_downloaded"
    assert not Shop.asked
    source.download([url, f"{server}/slow", "a.png"], SETTINGS)
    assert source.read(url, SETTINGS) == PICTURE
    with pytest.raises(PictureError) as raised:
        source.read(f"{server}/slow", SETTINGS)
    assert raised.value.status == "timed_out"
