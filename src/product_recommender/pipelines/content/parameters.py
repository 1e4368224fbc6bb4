"""Settings of the content pipeline."""

from __future__ import annotations

from product_recommender.content.settings import ContentParameters

__all__ = ["ContentParameters"]
