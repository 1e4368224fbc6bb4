"""Measurements; each module is a command. Results go to `benchmarks/results/`."""

import sys
from pathlib import Path

# The project runs from its checkout without being installed; Kedro adds `src` by itself, `python -m
# benchmarks.x` has to be told.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
