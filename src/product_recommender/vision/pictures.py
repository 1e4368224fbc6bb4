"""Bytes of strangers to pixels: what is no still picture of a sane size is refused, with a reason.

Only formats that Pillow decodes by itself are accepted. Sizes are checked before anything is
decoded; what decodes only in part is broken.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
WHITE = (255, 255, 255)
REASONS = {
    "missing": "no such file",
    "outside_folder": "a path out of the image folder",
    "not_a_file": "a folder, a device or unreadable",
    "url_not_downloaded": "a URL, and content.images.download_images is false",
    "bad_address": "neither a path nor an http(s) URL of a public server",
    "download_failed": "the server did not deliver",
    "timed_out": "the server was too slow",
    "too_large": "more bytes than content.images.max_bytes",
    "too_many_pixels": "more pixels than content.images.max_pixels",
    "not_an_image": "not one of " + ", ".join(FORMATS),
    "animated": "more than one frame",
    "broken": "cut off or damaged",
}
"""Every status but ``ok``, and what it means."""
OK = "ok"


class PictureError(ValueError):
    """A picture that is left out.

    Attributes
    ----------
    status
        A key of ``REASONS``.
    """

    def __init__(self, status: str, detail: str = "") -> None:
        super().__init__(f"{REASONS[status]}{f' ({detail})' if detail else ''}")
        self.status = status


@dataclass(frozen=True)
class OpenedPicture:
    """A picture whose head has been read and whose pixels have not.

    Attributes
    ----------
    width, height
        Pixels, as stored (before any rotation that the file asks for).
    """

    width: int
    height: int
    _image: Any

    def square(self, side: int) -> np.ndarray:
        """Decode, and fit the whole picture into a white square.

        Parameters
        ----------
        side
            Pixels.

        Returns
        -------
        numpy.ndarray
            uint8 ``[side, side, 3]``, RGB, turned as the file asks for. What is transparent is
            white, as a shop would show it.

        Raises
        ------
        PictureError
            ``broken``, if not all of it can be decoded.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return np.asarray(_fitted(_upright(self._image, side), side))
        except Exception as error:  # decoders fail in many ways on damaged input
            raise PictureError("broken", type(error).__name__) from None


def open_picture(content: bytes, max_pixels: int) -> OpenedPicture:
    """Read the head of a picture.

    Parameters
    ----------
    content
        The file. Its bytes say what it is; a name or a content type say nothing.
    max_pixels
        Width times height that is accepted.

    Raises
    ------
    PictureError
        ``not_an_image``, ``too_many_pixels``, ``animated`` or ``broken``.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limits are told by name
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            width, height = image.size
            if width * height > max_pixels:
                raise PictureError("too_many_pixels", f"{width} x {height}")
            frames = getattr(image, "n_frames", 1)
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError("not_an_image") from None
    except Image.DecompressionBombError:
        raise PictureError("too_many_pixels") from None
    except Exception as error:
        raise PictureError("broken", type(error).__name__) from None
    if frames > 1:
        raise PictureError("animated", f"{frames} frames")
    return OpenedPicture(width, height, image)


def _upright(image: Image.Image, side: int) -> Image.Image:
    """RGB, turned by the orientation tag, at least ``side`` pixels wide and high where it was."""
    from PIL import ImageOps

    # JPEG can be decoded at 1/2, 1/4 or 1/8; twice the side keeps what bicubic needs.
    image.draft(None, (2 * side, 2 * side))
    image.load()
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # a damaged tag does not make the pixels wrong
        image = image.copy()
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits a pixel to eight: Pillow's own conversion cuts bright values off."""
    from PIL import Image

    values = np.asarray(image).astype(np.float64) / 257.0
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    ground = Image.new("RGBA", image.size, (*WHITE, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def _fitted(image: Image.Image, side: int) -> Image.Image:
    from PIL import Image

    scale = side / max(image.size)
    width, height = (max(round(length * scale), 1) for length in image.size)
    small = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    square = Image.new("RGB", (side, side), WHITE)
    square.paste(small, ((side - width) // 2, (side - height) // 2))
    return square
