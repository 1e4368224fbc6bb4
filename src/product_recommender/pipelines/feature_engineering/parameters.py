"""Settings of the feature_engineering pipeline."""

from __future__ import annotations

from product_recommender.feature_settings import FeatureEngineeringParameters

__all__ = ["FeatureEngineeringParameters"]
