"""A stand-in for Kaggle on 127.0.0.1: the three calls of its API that a download makes.

``kagglehub`` posts to ``/api/v1/datasets.DatasetApiService/<Call>``; a download is answered with a
redirect to storage, which sends the file (zipped, if it is large), its MD5 sum and byte ranges.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COLUMNS = [
    "marketplace",
    "customer_id",
    "review_id",
    "product_id",
    "product_parent",
    "product_title",
    "product_category",
    "star_rating",
    "helpful_votes",
    "total_votes",
    "vine",
    "verified_purchase",
    "review_headline",
    "review_body",
    "review_date",
]


def review_file(category: str, reviews: int, noise_bytes: int = 0) -> bytes:
    """Made-up reviews in the format of the data set, each with noise that does not compress."""
    noise = random.Random(0)
    lines = ["\t".join(COLUMNS)]
    for n in range(reviews):
        row = ["US", f"{n:08d}", f"R{n}", f"B{n % 7:09d}", "1", "A thing", category, "5", "0", "0"]
        body = f"It works, says {n * n} {noise.randbytes(noise_bytes).hex()}"
        lines.append("\t".join([*row, "N", "Y", "Fine", body, "2015-08-31"]))
    return ("\n".join(lines) + "\n").encode()


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    member = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))  # the same bytes every time
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()


@dataclass
class StandInKaggle:
    """What the server offers and how it misbehaves."""

    files: dict[str, bytes]
    zip_transfers: bool = False
    login: tuple[str, str] | None = None
    page_size: int = 2
    break_after: list[int | None] = field(default_factory=list)
    """One entry per storage request: drop the connection after so many bytes (None: do not)."""
    wrong_md5: bool = False
    failures: list[int] = field(default_factory=list)
    """HTTP statuses with which the next storage requests are answered."""
    storage_requests: list[tuple[str, int]] = field(default_factory=list)
    """Name and first byte of every storage request."""

    def __enter__(self) -> StandInKaggle:
        stand_in = self

        class Handler(_Handler):
            kaggle = stand_in

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def stored(self, name: str) -> tuple[str, bytes]:
        """Name and bytes as they travel."""
        content = self.files[name]
        return (f"{name}.zip", zipped(name, content)) if self.zip_transfers else (name, content)


class _Handler(BaseHTTPRequestHandler):
    kaggle: StandInKaggle

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if not self._let_in():
            return self._json({"code": 401, "message": "Unauthenticated"}, status=401)
        call = self.path.rsplit("/", 1)[-1]
        if call == "GetDataset":
            return self._json({"ref": "owner/reviews", "currentVersionNumber": 3})
        if call == "ListDatasetFiles":
            return self._listing(int(body.get("pageToken") or 0))
        assert call == "DownloadDataset", call
        if body["fileName"] not in self.kaggle.files:
            return self._json({"code": 404, "message": "Not found"}, status=404)
        stored_name, _ = self.kaggle.stored(body["fileName"])
        self.send_response(302)
        self.send_header("Location", f"{self.kaggle.url}/storage/{stored_name}")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        _, content = self.kaggle.stored(name.removesuffix(".zip"))
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.kaggle.storage_requests.append((name, first))
        if self.kaggle.failures:
            return self.send_error(self.kaggle.failures.pop(0))
        digest = hashlib.md5(b"other" if self.kaggle.wrong_md5 else content).digest()
        part = content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("x-goog-hash", f"md5={base64.b64encode(digest).decode()}")
        self.end_headers()
        limit = self.kaggle.break_after.pop(0) if self.kaggle.break_after else None
        self.wfile.write(part[:limit])
        self.close_connection = True
        return None

    def _let_in(self) -> bool:
        if self.kaggle.login is None:
            return True
        pair = ":".join(self.kaggle.login).encode()
        expected = f"Basic {base64.b64encode(pair).decode()}"
        return self.headers.get("Authorization") == expected

    def _listing(self, first: int) -> None:
        names = sorted(self.kaggle.files)
        page = names[first : first + self.kaggle.page_size]
        following = first + self.kaggle.page_size
        self._json(
            {
                "datasetFiles": [
                    {"name": name, "totalBytes": len(self.kaggle.files[name])} for name in page
                ],
                "nextPageToken": str(following) if following < len(names) else "",
            }
        )

    def _json(self, content: object, status: int = 200) -> None:
        payload = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
