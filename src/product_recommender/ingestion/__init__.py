"""Real review files from Kaggle: what exists, fetching it, and checking what arrived.

``categories`` knows the files by name, ``kaggle_client`` talks to Kaggle, ``delivered_file`` reads
and checks what was delivered, ``download`` puts the three together.
"""

from .categories import CATEGORIES, category_of_file, files_of_category, plain_name
from .delivered_file import DamagedFileError, DeliveredFile
from .download import FolderWithReceipts, ReviewDownload
from .errors import IngestionError, TransferBrokenError
from .kaggle_client import KaggleCredentials, KaggleHubClient, RemoteFile, ReviewFileClient

__all__ = [
    "CATEGORIES",
    "DamagedFileError",
    "DeliveredFile",
    "FolderWithReceipts",
    "IngestionError",
    "KaggleCredentials",
    "KaggleHubClient",
    "RemoteFile",
    "ReviewDownload",
    "ReviewFileClient",
    "TransferBrokenError",
    "category_of_file",
    "files_of_category",
    "plain_name",
]
