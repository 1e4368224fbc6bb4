"""Catalog entries of our own; `conf/` refers to them by these names."""

from .atomic import AtomicDataset
from .kaggle import KaggleReviewFilesDataset
from .parquet_table import ParquetBatchesDataset, ParquetTableDataset
from .product_images import PreviousEmbeddingsDataset, ProductImagesDataset
from .raw_lines import RawLinesDataset
from .raw_manifest import RawManifestDataset
from .source_folder import SourceFolderDataset

__all__ = [
    "AtomicDataset",
    "KaggleReviewFilesDataset",
    "ParquetBatchesDataset",
    "ParquetTableDataset",
    "PreviousEmbeddingsDataset",
    "ProductImagesDataset",
    "RawLinesDataset",
    "RawManifestDataset",
    "SourceFolderDataset",
]
