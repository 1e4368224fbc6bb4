"""The step of data_ingestion; the download itself is how its output is saved."""

from .parameters import DataIngestionParameters


def choose_review_categories(parameters: DataIngestionParameters) -> list[str]:
    """Name the categories whose review files are wanted in 01_raw.

    Parameters
    ----------
    parameters
        Checked against the known categories before anything is downloaded.

    Returns
    -------
    list[str]
        Each category once, in the order given. ``downloaded_review_files`` downloads what is
        missing of them.
    """
    return parameters.categories
