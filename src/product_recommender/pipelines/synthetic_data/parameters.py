"""Settings of synthetic_data: those of the generated world."""

from product_recommender.synthesis.settings import WorldSettings


class SyntheticDataParameters(WorldSettings):
    """What ``conf/*/parameters_synthetic_data.yml`` may say; see ``WorldSettings``."""
