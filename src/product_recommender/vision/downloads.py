"""Images from the web, for those who ask for them: public servers only, with limits on everything.

Addresses are looked up once and connected to as they were found and checked, so that a name
cannot point to a private address a moment later. No proxy of the environment, no cookies, no
credentials: a URL is a stranger's text.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import ipaddress
import logging
import os
import socket
import ssl
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from product_recommender.progress import Step
from product_recommender.vision.pictures import PictureError

if TYPE_CHECKING:
    from product_recommender.content.settings import ImageSettings

logger = logging.getLogger(__name__)

Resolver = Callable[[str, int], list[str]]
"""Host and port to IP addresses that may be connected to."""

BLOCK = 65_536
AT_ONCE_PER_SERVER = 2
ADDRESSES_TRIED = 4
WHOLE_DOWNLOAD = 3.0
"""A download may take so many times ``timeout_seconds`` in all, redirects included."""
REDIRECTS = (301, 302, 303, 307, 308)
USER_AGENT = "product-recommender (product images; content.images.download_images)"
PORTS = {"http": 80, "https": 443}


def public_addresses(host: str, port: int) -> list[str]:
    """Look a host up and refuse it if any of its addresses is not a public one.

    Parameters
    ----------
    host, port
        From the URL.

    Returns
    -------
    list of str
        IP addresses, at least one.

    Raises
    ------
    PictureError
        ``bad_address`` for private, local, reserved and multicast addresses; ``download_failed``
        for names that nobody knows.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise PictureError("download_failed", "unknown host") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if not address.is_global or address.is_multicast:
            raise PictureError("bad_address", "not a public server")
    return addresses


def kept_at(folder: Path, url: str) -> Path:
    """Where the download of a URL is kept."""
    return folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()


def download_all(
    urls: Sequence[str], folder: Path, settings: ImageSettings, resolver: Resolver | None = None
) -> dict[str, PictureError]:
    """Download what is not kept yet, a few at a time.

    Parameters
    ----------
    urls
        Distinct URLs.
    folder
        Where they are kept: whole files, named by the hash of the URL.
    settings
        Limits.
    resolver
        Finds the addresses of a host; None: ``public_addresses``.

    Returns
    -------
    dict of str to PictureError
        Those that could not be had, with the reason. They are tried again by the next run.
    """
    wanted = [url for url in urls if not kept_at(folder, url).is_file()]
    failed: dict[str, PictureError] = {}
    if not wanted:
        return failed
    folder.mkdir(parents=True, exist_ok=True)
    turns: dict[str, threading.Semaphore] = defaultdict(
        lambda: threading.Semaphore(AT_ONCE_PER_SERVER)
    )
    servers = {url: turns[_server(url)] for url in wanted}

    def fetch(url: str) -> tuple[str, PictureError | None]:
        with servers[url]:
            try:
                _keep(folder, url, download(url, settings, resolver or public_addresses))
            except PictureError as error:
                return url, error
        return url, None

    with (
        ThreadPoolExecutor(settings.downloads_at_once) as pool,
        Step("downloading images", len(wanted), "images", with_speed=True) as step,
    ):
        for url, error in pool.map(fetch, wanted):
            if error is not None:
                failed[url] = error
            step.advance()
    logger.info("Images downloaded: %d of %d.", len(wanted) - len(failed), len(wanted))
    return failed


def download(url: str, settings: ImageSettings, resolver: Resolver = public_addresses) -> bytes:
    """Fetch one URL.

    Parameters
    ----------
    url
        ``http`` or ``https``.
    settings
        ``max_bytes``, ``timeout_seconds``, ``max_redirects``.
    resolver
        Asked anew for every redirect.

    Raises
    ------
    PictureError
        ``bad_address``, ``download_failed``, ``timed_out`` or ``too_large``.
    """
    deadline = time.monotonic() + WHOLE_DOWNLOAD * settings.timeout_seconds
    for _ in range(settings.max_redirects + 1):
        connection, path = _connection(url, settings.timeout_seconds, resolver)
        # A server that sends a byte now and then keeps every single read within its time.
        watch = threading.Timer(max(deadline - time.monotonic(), 0.0), connection.hang_up)
        watch.daemon = True
        watch.start()
        try:
            connection.request("GET", path, headers={"User-Agent": USER_AGENT, "Accept": "image/*"})
            response = connection.getresponse()
            if response.status in REDIRECTS:
                url = urljoin(url, response.getheader("Location", ""))
                continue
            if response.status != 200:
                raise PictureError("download_failed", f"HTTP {response.status}")
            return _body(response, settings.max_bytes, deadline)
        except TimeoutError:
            raise PictureError("timed_out") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= deadline:
                raise PictureError("timed_out") from None
            if isinstance(error, PictureError):
                raise
            raise PictureError("download_failed", type(error).__name__) from None
        finally:
            watch.cancel()
            connection.close()
    raise PictureError("download_failed", f"more than {settings.max_redirects} redirects")


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to an address that was checked, whatever the name says by now."""

    def __init__(self, parts: SplitResult, port: int, addresses: list[str], timeout: float) -> None:
        super().__init__(str(parts.hostname), port, timeout=timeout)
        self._addresses = addresses
        self._secure = parts.scheme.lower() == "https"
        if self._secure:
            self.default_port = PORTS["https"]

    def connect(self) -> None:
        failure: OSError | None = None
        for address in self._addresses[:ADDRESSES_TRIED]:
            try:
                self.sock = socket.create_connection((address, self.port), self.timeout)
                break
            except OSError as error:
                failure = error
        else:
            raise failure or OSError("no address")
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def hang_up(self) -> None:
        """End whatever another thread is waiting for."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def _connection(url: str, timeout: float, resolver: Resolver) -> tuple[_PinnedConnection, str]:
    try:
        parts = urlsplit(url.strip())
        host, scheme = parts.hostname, parts.scheme.lower()
        port = parts.port or PORTS[scheme]
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=-._~?")
    except (ValueError, KeyError):
        raise PictureError("bad_address") from None
    if not host or parts.username is not None or parts.password is not None:
        raise PictureError("bad_address")
    addresses = resolver(host, port)
    try:
        connection = _PinnedConnection(parts, port, addresses, timeout)
    except http.client.InvalidURL:
        raise PictureError("bad_address") from None
    return connection, path + (f"?{query}" if query else "")


def _body(response: http.client.HTTPResponse, max_bytes: int, deadline: float) -> bytes:
    """Read in blocks: neither the length a server announces nor its patience is trusted."""
    blocks, total = [], 0
    while block := response.read1(BLOCK):
        total += len(block)
        if total > max_bytes:
            raise PictureError("too_large")
        blocks.append(block)
        if time.monotonic() >= deadline:
            break
    if time.monotonic() >= deadline:  # what was hung up on looks like an end
        raise PictureError("timed_out")
    if response.length:  # announced, and not delivered
        raise PictureError("download_failed", "cut off")
    return b"".join(blocks)


def _keep(folder: Path, url: str, content: bytes) -> None:
    beside = folder / f".{uuid.uuid4().hex}.partial"
    try:
        beside.write_bytes(content)
        os.replace(beside, kept_at(folder, url))
    finally:
        beside.unlink(missing_ok=True)


def _server(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
