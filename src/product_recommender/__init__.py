"""Product Recommender: from customer reviews to evaluated product recommendations."""

__version__ = "0.1.0"
