"""The written-out step says what autograd says of ``NeuMF.forward``, and differences agree."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from product_recommender.recommenders.networks import NeuMF, Side
from product_recommender.recommenders.purchase_step import PurchaseStep

N_USERS, N_ITEMS, FACTORS, WIDTH = 40, 30, 3, 4
SIGNS = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)


def network(layers: tuple[int, ...], dropout: float = 0.0) -> NeuMF:
    """Double precision, so that agreement means the same mathematics."""
    torch.manual_seed(3)
    sides = (Side(n, FACTORS + WIDTH, True, None, scale=1.0) for n in (N_USERS, N_ITEMS))
    made = NeuMF(*sides, FACTORS, WIDTH, layers, dropout, torch.randn(N_ITEMS)).double()
    with torch.no_grad():
        made.gmf_heads.normal_()
        made.purchase_bias.fill_(0.3)
    return made.train()


def batch(b: int, seed: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Users and items repeat, as in a real batch."""
    torch.manual_seed(seed)
    pairs = torch.randint(N_ITEMS, (b, len(SIGNS)))
    return torch.randint(N_USERS // 4, (b,)), pairs, torch.rand(b, dtype=torch.float64)


def by_autograd(made: NeuMF, of: tuple[torch.Tensor, ...], l2: float, offsets: torch.Tensor):
    users, pairs, weights = of
    made.zero_grad(set_to_none=True)
    _, logits, penalty = made(users, pairs, False, True)
    entropy = functional.softplus((logits + offsets[pairs]) * SIGNS).sum(dim=1)
    loss = (weights * entropy).mean() + l2 * penalty.mean()
    loss.backward()
    return float(loss.detach()), gradients(made)


def gradients(made: NeuMF) -> dict[str, torch.Tensor]:
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in made.named_parameters()
    }


@pytest.mark.parametrize("layers", [(), (6,), (6, 5, 2)])
@pytest.mark.parametrize("b", [4, 50], ids=["gathered items", "all items"])
@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_loss_and_gradients_are_those_of_autograd(layers, b, l2) -> None:
    made, offsets = network(layers), torch.linspace(-1, 1, N_ITEMS, dtype=torch.float64)
    step = PurchaseStep(made, l2, offsets)
    # Other rows each time: what the batch before left in a buffer must be gone.
    for seed in (5, 6, 7):
        of = batch(b, seed)
        loss, expected = by_autograd(made, of, l2, offsets)
        assert float(step(*of)) == pytest.approx(loss, rel=1e-12)
        for name, gradient in gradients(made).items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-9, atol=1e-12)


def test_switching_between_large_and_small_batches_leaves_nothing_behind() -> None:
    made, offsets = network((6, 5)), torch.zeros(N_ITEMS, dtype=torch.float64)
    step = PurchaseStep(made, 0.1)
    for b in (50, 1, 50, 1, 1):
        of = batch(b, seed=b)
        _, expected = by_autograd(made, of, 0.1, offsets)
        step(*of)
        torch.testing.assert_close(gradients(made), expected)


def test_with_dropout_the_gradient_is_that_of_the_masked_loss() -> None:
    made = network((6, 5), dropout=0.5)
    step, of = PurchaseStep(made, 0.2), batch(20)

    def loss() -> float:
        torch.manual_seed(11)  # the same masks
        return float(step(*of))

    loss()
    found = gradients(made)
    assert float(found["mlp_heads"].abs().sum()) > 0
    for name, parameter in made.named_parameters():
        flat = parameter.data.view(-1)
        for place in range(0, len(flat), max(1, len(flat) // 9)):
            kept = float(flat[place])
            flat[place] = kept + 1e-6
            above = loss()
            flat[place] = kept - 1e-6
            below = loss()
            flat[place] = kept
            slope = (above - below) / 2e-6
            assert float(found[name].view(-1)[place]) == pytest.approx(slope, abs=1e-6), name


def test_dropout_is_a_matter_of_the_networks_mode() -> None:
    made, of = network((6,), dropout=0.5), batch(20)
    step = PurchaseStep(made, 0.0)
    assert float(step(*of)) != float(step(*of))
    made.eval()
    assert float(step(*of)) == float(step(*of))


def test_what_is_held_fixed_gets_no_gradient() -> None:
    made = network((6,))
    made.gmf_heads.requires_grad_(False)
    PurchaseStep(made, 0.0)(*batch(4))
    assert made.gmf_heads.grad is None
    assert made.mlp_heads.grad is not None


def test_a_network_that_reads_features_is_refused() -> None:
    side = Side(N_USERS, FACTORS, True, torch.ones(N_USERS, 2))
    made = NeuMF(side, Side(N_ITEMS, FACTORS, True, None), FACTORS, 0, (), 0.0, torch.ones(N_ITEMS))
    with pytest.raises(ValueError, match="features"):
        PurchaseStep(made, 0.0)
