"""The plotly theme and the figure builders."""
