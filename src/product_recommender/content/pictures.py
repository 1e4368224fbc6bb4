"""Images of products: opened, hashed and encoded in one pass, a batch of pixels in memory."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from product_recommender.progress import Step
from product_recommender.vision.pictures import OK, PictureError, open_picture

if TYPE_CHECKING:
    from product_recommender.content.settings import ImageSettings
    from product_recommender.vision.image_source import ImageSource

logger = logging.getLogger(__name__)

PICTURE_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("path", pa.string()),
        ("status", pa.string()),
        ("content_hash", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ]
)


class PictureEncoder(Protocol):
    """What is asked of an encoder; ``vision.encoder.ImageEncoder`` is one."""

    pixels: int
    dimensions: int
    identity: str

    def encode(self, squares: Sequence[np.ndarray]) -> np.ndarray:
        """uint8 ``[n, pixels, pixels, 3]`` to float32 ``[n, dimensions]``."""
        ...


@dataclass
class _Outcome:
    """What became of one file's content."""

    status: str
    width: int | None = None
    height: int | None = None


@dataclass
class PictureReader:
    """Goes through references and collects rows and vectors.

    Attributes
    ----------
    source
        Where images are.
    settings
        Limits and batch size.
    encoder
        Called once for each batch of pictures that are not known.
    vectors
        Content hash to vector: at first those that are known, in the end all.
    encoded
        How many pictures went through the encoder.
    """

    source: ImageSource
    settings: ImageSettings
    encoder: PictureEncoder
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    encoded: int = 0
    _outcomes: dict[str, _Outcome] = field(default_factory=dict)
    _waiting: dict[str, np.ndarray] = field(default_factory=dict)

    def read(self, references: Mapping[str, str]) -> pa.Table:
        """Read, check and encode the image of each product.

        Parameters
        ----------
        references
            Product id to path or URL. The same content is decoded and encoded once, whatever its
            names.

        Returns
        -------
        pyarrow.Table
            ``PICTURE_SCHEMA``, one row a product, in the order given.
        """
        self.source.download(references.values(), self.settings)
        rows = []
        with Step("encoding images", len(references), "images", with_speed=True) as step:
            for product_id, reference in references.items():
                key, outcome = self._look_at(reference)
                rows.append((product_id, reference, key, outcome))
                step.advance()
            self._encode_waiting()
        return pa.Table.from_pylist(
            [
                {
                    "product_id": product_id,
                    "path": reference,
                    "status": outcome.status,
                    "content_hash": key,
                    "width": outcome.width,
                    "height": outcome.height,
                }
                for product_id, reference, key, outcome in rows
            ],
            schema=PICTURE_SCHEMA,
        )

    def _look_at(self, reference: str) -> tuple[str | None, _Outcome]:
        try:
            content = self.source.read(reference, self.settings)
        except PictureError as error:
            return None, _Outcome(error.status)
        key = hashlib.sha256(content).hexdigest()
        if key not in self._outcomes:
            self._outcomes[key] = self._judge(key, content)
        return key, self._outcomes[key]

    def _judge(self, key: str, content: bytes) -> _Outcome:
        outcome = _Outcome(OK)
        try:
            picture = open_picture(content, self.settings.max_pixels)
            outcome.width, outcome.height = picture.width, picture.height
            if key not in self.vectors:
                self._waiting[key] = picture.square(self.encoder.pixels)
        except PictureError as error:
            outcome.status = error.status
        if len(self._waiting) >= self.settings.batch_size:
            self._encode_waiting()
        return outcome

    def _encode_waiting(self) -> None:
        if self._waiting:
            found = self.encoder.encode(list(self._waiting.values()))
            self.vectors.update(zip(self._waiting, found, strict=True))
            self.encoded += len(self._waiting)
            self._waiting = {}
