"""Why a product was recommended, as far as a model can tell of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """What moved one product up for one customer.

    Attributes
    ----------
    modality_weights
        Share of each modality (``ids``, ``text``, ``image``, ``time``) in what lifts the product
        above the average one; not negative, sum 1. Only modalities that the model has.
    history
        ``(item code, share)`` of the past purchases that lifted it, most important first; shares
        are positive and sum to 1. Empty where no purchase did.
    uses_attention
        Whether the shares of ``history`` passed the deletion test (docs/evaluation.md): taking away
        the purchases that they name lowers the score more than taking away random ones. Where
        False they are not to be shown as a reason.
    """

    modality_weights: dict[str, float]
    history: list[tuple[int, float]]
    uses_attention: bool
