"""Pictures to vectors: the embedded network, and a ResNet of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from product_recommender.content.settings import ImageSettings
from product_recommender.pretrained import ModelNotFoundError
from product_recommender.vision.encoder import ImageEncoder
from product_recommender.vision.pictures import open_picture
from vision.picture_files import encoded, noise, two_halves


@pytest.fixture(scope="module")
def embedded() -> ImageEncoder:
    return ImageEncoder(ImageSettings())


@pytest.fixture(scope="module")
def squares() -> np.ndarray:
    pictures = [noise(0), two_halves(), two_halves(200, 100)]
    return np.stack([open_picture(encoded(p), 10**6).square(224) for p in pictures])


@pytest.fixture(scope="module")
def tiny_resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet with random weights, as somebody's own folder."""
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("resnet")
    config = ResNetConfig(embedding_size=4, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "image_mean": [0.1, 0.2, 0.3],
                "image_std": [0.5, 0.6, 0.7],
                "size": {"shortest_edge": 64},
            }
        )
    )
    return folder


def test_the_embedded_network_is_efficientnet_as_trained(
    embedded: ImageEncoder, squares: np.ndarray
) -> None:
    from product_recommender.vision.efficientnet_lite import pretrained

    with torch.inference_mode():
        pixels = torch.from_numpy(squares).permute(0, 3, 1, 2)
        expected = pretrained()((pixels.float() - 127) / 128).numpy()
    found = embedded.encode(squares)
    assert found.dtype == np.float32
    assert found.shape == (3, embedded.dimensions) == (3, 1280)
    assert np.allclose(found, expected, atol=1e-3)


def test_a_vector_does_not_depend_on_its_batch(embedded: ImageEncoder, squares: np.ndarray) -> None:
    alone = np.vstack([embedded.encode(squares[i : i + 1]) for i in range(3)])
    assert np.allclose(alone, embedded.encode(squares), atol=1e-4)
    assert embedded.encode([]).shape == (0, 1280)


def test_nothing_is_loaded_before_the_first_picture() -> None:
    encoder = ImageEncoder(ImageSettings())
    assert encoder.encode([]).shape == (0, 1280)
    assert "_network" not in vars(encoder)


def test_a_resnet_of_ones_own_is_scaled_as_its_folder_says(tiny_resnet: Path) -> None:
    from transformers import AutoModel

    own = ImageEncoder(ImageSettings(model=str(tiny_resnet)))
    assert (own.dimensions, own.pixels) == (12, 64)
    square = open_picture(encoded(noise(3)), 10**6).square(64)
    scaled = (square.astype(np.float32) / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]
    pixels = torch.from_numpy(scaled.transpose(2, 0, 1)[None]).float()
    with torch.no_grad():
        expected = AutoModel.from_pretrained(tiny_resnet).eval()(pixels).last_hidden_state
    assert np.allclose(own.encode([square])[0], expected.mean(dim=(2, 3))[0].numpy(), atol=1e-5)


def test_identities_tell_models_and_precisions_apart(tiny_resnet: Path) -> None:
    settings = (
        ImageSettings(),
        ImageSettings(precision="bfloat16"),
        ImageSettings(model=str(tiny_resnet)),
    )
    names = {ImageEncoder(s).identity for s in settings}
    assert len(names) == 3
    assert not any("/" in name for name in names)


def test_what_cannot_be_had_names_the_embedded_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as hub

    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFoundError, match=r"resnet-50.*EfficientNet-lite0, 1,280 dim") as e:
        ImageEncoder(ImageSettings(model="microsoft/resnet-50"))
    assert "\n" not in str(e.value)
    (tmp_path / "config.json").write_text('{"hidden_size": 3}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="no convolutional image network"):
        ImageEncoder(ImageSettings(model=str(tmp_path)))
