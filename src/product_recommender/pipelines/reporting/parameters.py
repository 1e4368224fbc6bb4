"""Settings of the reporting pipeline."""

from product_recommender.dashboard.settings import DashboardSettings


class ReportingParameters(DashboardSettings):
    """Settings of the reporting pipeline (``conf/base/parameters_reporting.yml``)."""
