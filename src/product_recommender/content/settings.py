"""Settings of product content, read by the pipeline that encodes it and by the leakage check."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "float32", "bfloat16"]


class TextSettings(BaseModel):
    """What a product's text is made of, and how it is encoded."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        default="embedded",
        min_length=1,
        max_length=500,
        description="embedded (all-MiniLM-L6-v2, 384 dimensions, installed with the project), a "
        "local folder with config.json and safetensors, or a name on the Hugging Face hub such as "
        "bert-base-uncased.",
    )
    allow_download: bool = Field(
        default=False, description="Whether a name on the hub may be downloaded."
    )
    max_length: int | None = Field(
        default=None,
        ge=8,
        le=8192,
        description="Tokens kept of a text; null: as many as the model was made for.",
    )
    max_characters: int = Field(
        default=4000, ge=50, le=100_000, description="Characters kept of a product's text."
    )
    batch_tokens: int = Field(
        default=4096, ge=64, le=1_000_000, description="Tokens of a batch, padding included."
    )
    precision: Precision = Field(
        default="auto", description="Number format; auto: bfloat16 where the processor has it."
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads; null: torch's choice."
    )
    training_reviews: bool = Field(
        default=False,
        description="Whether a product without metadata is also described by the texts of its "
        "training reviews.",
    )
    reviews_per_product: int = Field(
        default=20, ge=1, le=1000, description="Training reviews used of a product, earliest first."
    )
    review_characters: int = Field(
        default=300, ge=10, le=10_000, description="Characters used of a review's body."
    )


class ImageSettings(BaseModel):
    """Which images are opened, and how they are encoded."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        default="embedded",
        min_length=1,
        max_length=500,
        description="embedded (EfficientNet-lite0, 1,280 dimensions, installed with the project), "
        "a local folder with config.json and safetensors, or a name on the Hugging Face hub such "
        "as microsoft/resnet-50.",
    )
    allow_download: bool = Field(
        default=False, description="Whether a name on the hub may be downloaded."
    )
    batch_size: int = Field(
        default=4,
        ge=1,
        le=4096,
        description="Images of a batch; what few of them need stays in the processor's cache, "
        "which is faster than many at once.",
    )
    precision: Precision = Field(
        default="float32",
        description="Number format; bfloat16 is faster where the processor has it, and moves the "
        "vectors visibly (cosine .99).",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads; null: torch's choice."
    )
    max_bytes: int = Field(
        default=20_000_000, ge=1000, le=1_000_000_000, description="A larger file is skipped."
    )
    max_pixels: int = Field(
        default=50_000_000, ge=1000, le=500_000_000, description="A larger image is skipped."
    )
    download_images: bool = Field(
        default=False, description="Whether images that are named by a URL are downloaded."
    )
    timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="Until a server answers, or sends more; a download may take three times that.",
    )
    max_redirects: int = Field(default=3, ge=0, le=20, description="Redirects followed.")
    downloads_at_once: int = Field(
        default=4, ge=1, le=64, description="Downloads at the same time; two of a server at most."
    )


class FigureSettings(BaseModel):
    """The maps of texts and images."""

    model_config = ConfigDict(extra="forbid")

    max_products: int = Field(
        default=2000, ge=10, le=10_000, description="Products drawn; more are sampled."
    )
    perplexity: float = Field(
        default=30.0, ge=2, le=200, description="Of t-SNE: how many neighbours count."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Of the sample and of t-SNE.")


class ContentParameters(BaseModel):
    """The parameters ``content``."""

    model_config = ConfigDict(extra="forbid")

    text: TextSettings = Field(default_factory=TextSettings, description="Product texts.")
    images: ImageSettings = Field(default_factory=ImageSettings, description="Product images.")
    figures: FigureSettings = Field(default_factory=FigureSettings, description="Their maps.")
