"""Kedro's project settings: where the configuration lives and which hooks run."""

import warnings

from kedro.config import OmegaConfigLoader

from product_recommender.hooks import RunReportHooks
from product_recommender.local_credentials import LocalCredentialsHooks

# The ensemble and the evaluation take the models' items by their names in the catalog
# (`ncf_random.weights`); those dots are the namespaces that Kedro gave them.
warnings.filterwarnings("ignore", message="One or more dataset names contain '.'")
# Third parties' business: ibis 12 on duckdb 2 and pandas 3.
warnings.filterwarnings("ignore", message="fetch_arrow_table", category=DeprecationWarning)
warnings.filterwarnings("ignore", message="The 'future.infer_string' option")
# `--pipeline=NAME` is how people type it, and it works; nobody needs to be told off for it.
warnings.filterwarnings("ignore", message="Option '--pipeline' is deprecated")

HOOKS = (RunReportHooks(), LocalCredentialsHooks())

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment changes globals and single parameters; it never has to repeat a whole block.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
}
