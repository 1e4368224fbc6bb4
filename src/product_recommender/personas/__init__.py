"""Clustering customers, naming the clusters, and how stable that is."""
