"""Other recommender libraries, run in their own environment to compare speeds."""
