"""Settings of the segmentation pipeline."""

from __future__ import annotations

from product_recommender.personas.settings import FeatureSetting, SegmentationParameters

__all__ = ["FeatureSetting", "SegmentationParameters"]
