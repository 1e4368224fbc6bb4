"""Where product images are: files in one folder, and URLs where a person asked for them."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from product_recommender.vision.pictures import PictureError

if TYPE_CHECKING:
    from product_recommender.content.settings import ImageSettings
    from product_recommender.vision.downloads import Resolver

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HTTP = re.compile(r"(?i)https?://")


@dataclass
class ImageSource:
    """What the catalog entry ``raw_product_images`` gives to a node.

    Attributes
    ----------
    folder
        Relative paths are looked up here and nowhere else; it need not exist.
    downloads
        Folder that keeps what was downloaded, by the hash of its URL.
    resolver
        Finds addresses of a host; only tests name another one.
    """

    folder: Path
    downloads: Path
    resolver: Resolver | None = None
    _failed: dict[str, PictureError] = field(default_factory=dict)

    def download(self, references: Iterable[str], settings: ImageSettings) -> None:
        """Fetch those of the references that are URLs and are not here yet.

        Parameters
        ----------
        references
            Paths and URLs.
        settings
            Limits; nothing happens unless ``download_images`` is set.
        """
        urls = sorted({name for name in references if _HTTP.match(name)})
        if not settings.download_images or not urls:
            return
        from product_recommender.vision.downloads import download_all

        self._failed = download_all(urls, self.downloads, settings, self.resolver)

    def read(self, reference: str, settings: ImageSettings) -> bytes:
        """The bytes of an image.

        Parameters
        ----------
        reference
            A path relative to the folder, or a URL.
        settings
            For ``max_bytes`` and ``download_images``.

        Raises
        ------
        PictureError
            With the status that says why there are none.
        """
        if _HTTP.match(reference):
            return self._read_download(reference, settings)
        if _SCHEME.match(reference) or reference.startswith("//"):
            raise PictureError("bad_address")
        return self._read_file(reference, settings.max_bytes)

    def _read_download(self, url: str, settings: ImageSettings) -> bytes:
        from product_recommender.vision.downloads import kept_at

        if not settings.download_images:
            raise PictureError("url_not_downloaded")
        if url in self._failed:
            raise self._failed[url]
        return _read_regular(kept_at(self.downloads, url), settings.max_bytes)

    def _read_file(self, reference: str, max_bytes: int) -> bytes:
        if "\0" in reference:
            raise PictureError("missing")
        try:
            root = self.folder.resolve()
            # Resolved with every link on the way: what counts is where the file really lies.
            path = (root / reference).resolve()
        except (OSError, RuntimeError):  # a circle of links, a name that is too long
            raise PictureError("missing") from None
        if not path.is_relative_to(root) or Path(reference).is_absolute():
            raise PictureError("outside_folder")
        return _read_regular(path, max_bytes)


def _read_regular(path: Path, max_bytes: int) -> bytes:
    try:
        # Neither waits for a pipe to be filled nor follows a link that was put there just now.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        raise PictureError("missing") from None
    except OSError as error:
        # A name that is too long is the name of no file.
        named = "missing" if error.errno == errno.ENAMETOOLONG else "not_a_file"
        raise PictureError(named) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise PictureError("not_a_file")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > max_bytes:
            raise PictureError("too_large", f"{status.st_size:,} bytes")
        return file.read(max_bytes)
