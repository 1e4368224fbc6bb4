"""The reporting pipeline; its README says what goes in and what comes out."""

from .pipeline import create_pipeline

__all__ = ["create_pipeline"]
