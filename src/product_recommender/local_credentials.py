"""Secrets of `conf/local/credentials.yml` count in every environment."""

from __future__ import annotations

from pathlib import Path

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl


class LocalCredentialsHooks:
    """Lend the secrets of the environment `local` to all others.

    Kedro reads ``conf/base`` and one environment: with ``--env=amazon_us`` it would not look into
    ``conf/local``, the one place that git ignores.
    """

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Fill credentials that the environment leaves empty from the local ones."""
        loader = context.config_loader
        if not isinstance(loader, OmegaConfigLoader):
            return
        folder = Path(loader.conf_source) / "local"
        if not folder.is_dir():
            return
        # Asking a second loader would not do: the resolvers of the last one made serve them all.
        local = loader.load_and_merge_dir_config(
            str(folder), loader.config_patterns["credentials"], "credentials", set(), True
        )
        own = {name: block for name, block in loader["credentials"].items() if block}
        loader["credentials"] = {**loader["credentials"], **local, **own}
