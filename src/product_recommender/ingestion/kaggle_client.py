"""The boundary to Kaggle: listing and fetching files of one data set through ``kagglehub``."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .errors import WITHOUT_IT, IngestionError, TransferBrokenError, one_line

T = TypeVar("T")

_CONNECTION_OBJECT = re.compile(r"^<?[\w.]*HTTPS?Connection.*?\)( object at 0x\w+>)?: ")

INSTALL = "`pip install 'kagglehub>=1.0'`, the extra `ingestion` of this project"
HOW_TO_AUTHENTICATE = (
    "get a token at https://www.kaggle.com/settings (API, Create New Token) and write "
    "`kaggle: {username: ..., key: ...}` or `kaggle: {token: ...}` into "
    "conf/local/credentials.yml, or set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN"
)


@dataclass(frozen=True)
class RemoteFile:
    """One file of the listing; ``size`` in bytes, None where the listing gives none."""

    name: str
    size: int | None


class ReviewFileClient(Protocol):
    """What a download needs of whoever delivers the files."""

    def list_files(self) -> list[RemoteFile]:
        """Every file of the data set."""

    def fetch(self, name: str) -> Path:
        """Fetch one file into the staging folder, continuing what an earlier call left there.

        Raises
        ------
        TransferBrokenError
            If the transfer stopped; what has arrived stays for the next call.
        IngestionError
            If asking again cannot help.
        """

    def discard(self, name: str) -> None:
        """Remove everything of this file from the staging folder."""


@dataclass(frozen=True)
class KaggleCredentials:
    """A Kaggle user name and key, or an API token, or nothing (then the environment counts).

    Attributes
    ----------
    username, key
        As in a downloaded ``kaggle.json``.
    token
        The newer API token.
    """

    username: str | None = None
    key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def from_mapping(cls, mapping: dict[str, Any] | None) -> KaggleCredentials:
        """Read the block ``kaggle`` of ``credentials.yml``.

        Raises
        ------
        IngestionError
            If a name is unknown, or only one of username and key is given.
        """
        given = {key: str(value).strip() for key, value in (mapping or {}).items() if value}
        unknown = sorted(set(given) - {"username", "key", "token"})
        if unknown or ("username" in given) != ("key" in given):
            wrong = f"unknown: {', '.join(unknown)}" if unknown else "one of username and key only"
            raise IngestionError(
                f"credentials.yml, block `kaggle` ({wrong}): {HOW_TO_AUTHENTICATE}."
            )
        return cls(**given)

    def as_environment(self) -> dict[str, str | None]:
        """Variables that the client reads; None means unset. Empty where nothing was given."""
        if self.token:
            return {"KAGGLE_API_TOKEN": self.token}
        if self.username:
            # A token in the environment would win over the pair that was written down.
            return {
                "KAGGLE_USERNAME": self.username,
                "KAGGLE_KEY": self.key,
                "KAGGLE_API_TOKEN": None,
            }
        return {}


class KaggleHubClient:
    """Files of one Kaggle data set through the official ``kagglehub`` package.

    ``kagglehub`` shows the progress bar, continues a broken transfer with a range request and
    compares the MD5 sum that Kaggle's storage sends. It does so only in its cache folder (its
    ``output_dir`` refuses a file that is already there), hence the staging folder as its cache.

    Parameters
    ----------
    handle
        ``owner/dataset``, or ``owner/dataset/versions/3`` for a fixed version.
    staging
        Folder for transfers under way; only this client writes there.
    credentials
        From ``credentials.yml``; without them ``kagglehub`` looks at KAGGLE_API_TOKEN,
        KAGGLE_USERNAME and KAGGLE_KEY, ``~/.kaggle/access_token`` and ``~/.kaggle/kaggle.json``,
        and asks anonymously where it finds none of these.
    """

    def __init__(
        self, handle: str, staging: Path, credentials: KaggleCredentials | None = None
    ) -> None:
        self.handle = handle
        self.staging = staging
        self.credentials = credentials or KaggleCredentials()

    def list_files(self) -> list[RemoteFile]:
        """Every file of the data set, with its size.

        Raises
        ------
        IngestionError
            If ``kagglehub`` is not installed, Kaggle cannot be reached or does not let us in.
        """
        return self._ask("list the files of the data set", self._list_files)

    def fetch(self, name: str) -> Path:
        """See ``ReviewFileClient.fetch``."""
        self._mend_interrupted_unpacking(name)
        return Path(
            self._ask(
                f"download {name}",
                lambda: _kagglehub().dataset_download(self.handle, path=name),
            )
        )

    def discard(self, name: str) -> None:
        """See ``ReviewFileClient.discard``."""
        for suffix in ("", ".zip", ".complete"):
            for path in self.staging.rglob(name + suffix):
                path.unlink()

    def _list_files(self) -> list[RemoteFile]:
        _kagglehub()
        from kagglehub.clients import build_kaggle_client
        from kagglehub.handle import parse_dataset_handle
        from kagglesdk.datasets.types.dataset_api_service import ApiListDatasetFilesRequest

        handle = parse_dataset_handle(self.handle)
        request = ApiListDatasetFilesRequest()
        request.owner_slug, request.dataset_slug = handle.owner, handle.dataset
        if handle.version is not None:
            request.dataset_version_number = handle.version
        request.page_size = 200
        files: list[RemoteFile] = []
        with build_kaggle_client() as client:
            while True:
                page = client.datasets.dataset_api_client.list_dataset_files(request)
                files += [RemoteFile(f.name, f.total_bytes or None) for f in page.dataset_files]
                if not page.next_page_token:
                    return files
                request.page_token = page.next_page_token

    def _mend_interrupted_unpacking(self, name: str) -> None:
        """Undo an unpacking that was killed.

        ``kagglehub`` renames the finished transfer to ``.zip`` and unpacks it under the real name.
        Killed in between, it would take the half-unpacked text for a transfer to be continued.
        """
        for archive in self.staging.rglob(name + ".zip"):
            os.replace(archive, archive.with_name(name))

    def _ask(self, what: str, question: Callable[[], T]) -> T:
        """Ask Kaggle, and say in one line why there is no answer."""
        with self._environment():
            try:
                return question()
            except IngestionError:
                raise
            except Exception as error:
                raise self._explained(what, error) from None

    @contextmanager
    def _environment(self) -> Iterator[None]:
        # Environment variables are the documented way to configure kagglehub.
        wanted = self.credentials.as_environment()
        wanted["KAGGLEHUB_CACHE"] = str(self.staging.resolve())
        before = {key: os.environ.get(key) for key in wanted}
        _set_environment(wanted)
        try:
            yield
        finally:
            _set_environment(before)

    def _explained(self, what: str, error: Exception) -> Exception:
        import requests
        from kagglehub.exceptions import CredentialError, DataCorruptionError, UnauthenticatedError

        if isinstance(error, DataCorruptionError):
            return TransferBrokenError(f"Cannot {what}: its MD5 sum is not the one Kaggle names.")
        if isinstance(error, CredentialError | UnauthenticatedError):
            return IngestionError(f"Cannot {what}: no Kaggle credentials; {HOW_TO_AUTHENTICATE}.")
        if isinstance(error, requests.HTTPError):
            return self._refused(what, error)
        if isinstance(error, requests.RequestException) or _is_network_error(error):
            return TransferBrokenError(
                f"Cannot {what}: no connection to Kaggle ({_cause(error)}).",
                "Check the network and run the same command again; it continues where it stopped "
                f"{WITHOUT_IT}.{self._no_credentials_note()}",
            )
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return IngestionError(f"Cannot {what}: no space left on the disk of {self.staging}.")
        return IngestionError(f"Cannot {what}: {type(error).__name__}: {one_line(error)}")

    def _refused(self, what: str, error: Any) -> Exception:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            found = "no Kaggle credentials were found" if self._anonymous() else "Kaggle refused"
            return IngestionError(
                f"Cannot {what}: {found} (HTTP {status}); {HOW_TO_AUTHENTICATE} {WITHOUT_IT}."
            )
        if status == 404:
            return IngestionError(f"Cannot {what}: Kaggle has no such file in {self.handle}.")
        if status == 429 or (status is not None and status >= 500):
            return TransferBrokenError(
                f"Cannot {what}: Kaggle answers HTTP {status}; try again later."
            )
        return IngestionError(f"Cannot {what}: {one_line(error)}")

    def _anonymous(self) -> bool:
        from kagglehub.config import get_kaggle_credentials

        return get_kaggle_credentials() is None

    def _no_credentials_note(self) -> str:
        if not self._anonymous():
            return ""
        return f" No Kaggle credentials were found either: {HOW_TO_AUTHENTICATE}."


def _kagglehub() -> Any:
    try:
        import kagglehub
    except ImportError:
        raise IngestionError(
            f"The download needs the package kagglehub ({INSTALL}) {WITHOUT_IT}."
        ) from None
    return kagglehub


def _set_environment(values: dict[str, str | None]) -> None:
    for key, value in values.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value


def _is_network_error(error: Exception) -> bool:
    from urllib3.exceptions import HTTPError

    return isinstance(error, HTTPError | ConnectionError | TimeoutError)


def _cause(error: BaseException) -> str:
    """The innermost reason of a stack of network errors, without object addresses."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (part for part in error.args if isinstance(part, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            text = _CONNECTION_OBJECT.sub("", one_line(error))
            return one_line(text, limit=160) or type(error).__name__
        error = inner
