"""The protocol in words, to stand beside the numbers."""

from __future__ import annotations

from product_recommender.pipelines.evaluation.parameters import EvaluationParameters


def protocol_text(parameters: EvaluationParameters, refit_on_validation: bool) -> list[str]:
    """Sentences that say how the numbers were made.

    Parameters
    ----------
    parameters
        Settings of the evaluation.
    refit_on_validation
        Whether the models that answered the test had learnt from validation too.
    """
    trained = "training and validation" if refit_on_validation else "training"
    return [
        "Global time split in whole days: training, validation, test. Nothing after a cut is used "
        "before it.",
        f"The test was answered by models trained on {trained} purchases.",
        f"Lists of {parameters.list_length} from all products on sale by the cut, without what the "
        "customer had bought before it.",
        "A target is a product bought after the cut, on sale by then, and not bought before; every "
        "customer with a target counts once. Purchases that are no targets are counted under "
        "`cuts`.",
        "Equal scores are put in an order of the products drawn from the seed before any score is "
        "seen.",
        "Validation numbers are of the `blend` customers; the ensemble's are cross-fitted, so no "
        "customer is answered by weights learnt from their own purchases.",
        "Customers without history before the cut are `cold`; where a model has no answer of its "
        "own for them, recent popularity answers, and fallback_share counts it.",
        "`cold products` counts only the targets without a training purchase, first sold during "
        "validation, and only the customers who have one; the lists are those of the full ranking. "
        "A model that does not know products by their content ranks them below all others.",
        "RMSE, MSE and MAE in stars over all purchases of the part that are not repeats, products "
        "not on sale before the cut included.",
        f"Intervals: {parameters.level:.0%} percentile bootstrap over customers, "
        f"{parameters.n_resamples} draws, seed {parameters.seed}. A comparison is called a "
        "difference only where its interval excludes zero and Holm's corrected p-value is below "
        f"{1 - parameters.level:.2g}.",
    ]
