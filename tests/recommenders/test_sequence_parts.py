"""Batches, losses, trends and networks of the sequence models, piece by piece."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from product_recommender.recommenders import sequence_losses
from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.sequence_batches import SequenceBatch, SequenceStore
from product_recommender.recommenders.sequence_losses import (
    Negatives,
    Predictions,
    binary_cross_entropy,
    cross_entropy,
    gbce_power,
    sampled_softmax,
)
from product_recommender.recommenders.sequence_networks import (
    TIME_BUCKETS,
    Attention,
    Dropout,
    LSTMNetwork,
    SequenceNetwork,
    TransformerNetwork,
    time_bucket,
)
from product_recommender.recommenders.sequence_trends import trend_days, trends_before

CPU = torch.device("cpu")
N_ITEMS = 9
START = N_ITEMS


def histories(*purchases: list[tuple[int, int]]) -> Histories:
    """One list of (item, day) for each user."""
    lengths = [len(of_user) for of_user in purchases]
    flat = np.array([pair for of_user in purchases for pair in of_user], dtype=np.int32)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Histories(indptr, flat[:, 0].copy(), flat[:, 1].copy())


THREE = histories([(1, 10), (2, 13), (3, 20)], [(4, 5)], [(5, 1), (6, 1), (7, 2), (8, 9), (0, 30)])


# ---------------------------------------------------------------------- batches


def test_training_tokens_predict_every_purchase_from_the_ones_before() -> None:
    store = SequenceStore(THREE, N_ITEMS, 50, CPU)
    batch = store.training_batch(*store.windows())
    assert batch.order.tolist() == [1, 0, 2]  # shorter histories first
    assert batch.items.tolist() == [START, START, 1, 2, START, 5, 6, 7, 8]
    assert batch.targets.tolist() == [4, 1, 2, 3, 5, 6, 7, 8, 0]
    assert batch.positions.tolist() == [0, 0, 1, 2, 0, 1, 2, 3, 4]
    assert batch.asked.tolist() == [5, 10, 13, 20, 1, 1, 2, 9, 30]
    assert batch.days.tolist() == [5, 10, 10, 13, 1, 1, 1, 2, 9]
    assert batch.last_tokens.tolist() == [0, 3, 8]


def test_long_histories_become_windows_that_hold_every_purchase_once() -> None:
    store = SequenceStore(THREE, N_ITEMS, 2, CPU)
    first, lengths = store.windows()
    held = sorted((int(f), int(f + n)) for f, n in zip(first, lengths, strict=True))
    # 3 purchases: the newest 2 and 1 before them; 5: two full windows and 1 before them.
    assert held == [(0, 1), (1, 3), (3, 4), (4, 5), (5, 7), (7, 9)]


def test_a_question_ends_with_the_newest_purchase_and_the_day_of_asking() -> None:
    batch = SequenceStore(THREE, N_ITEMS, 3, CPU).question(asked_on=40)
    assert batch.order.tolist() == [1, 0, 2]
    assert batch.items.tolist() == [START, 4, START, 1, 2, 3, START, 7, 8, 0]
    assert batch.asked.tolist() == [5, 40, 10, 13, 20, 40, 2, 9, 30, 40]
    assert batch.days.tolist() == [5, 5, 10, 10, 13, 20, 2, 2, 9, 30]


def test_rectangles_hold_every_token_once_at_the_left_of_its_row() -> None:
    rng = np.random.default_rng(0)
    many = histories(*([(int(rng.integers(9)), 1)] * n for n in rng.integers(1, 40, size=60)))
    batch = SequenceStore(many, N_ITEMS, 50, CPU).question(2)
    assert len(batch.groups) > 2
    filled = 0
    for group in batch.groups:
        assert group.first == filled
        filled = group.last
        cells = torch.full((group.rows * group.width,), -1)
        cells[group.places] = batch.positions[group.first : group.last]
        for row in cells.view(group.rows, group.width).tolist():
            n = sum(cell >= 0 for cell in row)
            assert row == [*range(n), *[-1] * (group.width - n)]
    assert filled == len(batch.items)
    # Doubling widths waste less than half of a rectangle, but for the shortest group.
    wide = [g for g in batch.groups if g.width > 4]
    assert all(g.last - g.first > 0.5 * g.rows * g.width for g in wide)


# ---------------------------------------------------------------------- losses


def predictions(n: int = 40, periods: int | None = None, seed: int = 0) -> Predictions:
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator).requires_grad_()

    return Predictions(
        states=normal(n, 6),
        table=normal(N_ITEMS, 6),
        bias=normal(periods or 1, N_ITEMS),
        periods=torch.randint(periods, (n,), generator=generator) if periods else None,
        targets=torch.randint(N_ITEMS, (n,), generator=generator),
    )


def logits_of(said: Predictions) -> torch.Tensor:
    row = said.bias if said.periods is None else said.bias[said.periods]
    return said.states @ said.table.T + row


@pytest.mark.parametrize("periods", [None, 3])
def test_cross_entropy_and_its_gradients_are_torchs_in_any_chunks(
    periods: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence_losses, "CHUNK_CELLS", 7 * N_ITEMS)
    said = predictions(periods=periods)
    weights = torch.rand(40, generator=torch.Generator().manual_seed(1))
    ours = 0.5 * cross_entropy(said, weights)
    inputs = (said.states, said.table, said.bias)
    our_gradients = torch.autograd.grad(ours, inputs)
    losses = functional.cross_entropy(logits_of(said), said.targets, reduction="none")
    theirs = 0.5 * (weights * losses).sum()
    torch.testing.assert_close(ours, theirs)
    for mine, torchs in zip(our_gradients, torch.autograd.grad(theirs, inputs), strict=True):
        torch.testing.assert_close(mine, torchs)


@pytest.mark.parametrize("periods", [None, 3])
def test_sampled_softmax_of_all_items_is_cross_entropy(periods: int | None) -> None:
    said = predictions(periods=periods)
    losses = sampled_softmax(said, torch.arange(N_ITEMS), torch.ones(N_ITEMS))
    exact = functional.cross_entropy(logits_of(said), said.targets, reduction="none")
    torch.testing.assert_close(losses, exact)


def test_the_correction_makes_drawn_items_stand_for_all() -> None:
    said = predictions(n=1)
    counts = torch.arange(1.0, N_ITEMS + 1)
    negatives = Negatives(counts, k=5, popular_share=0.7)
    generator = torch.Generator().manual_seed(3)
    right = said.of_targets().detach()
    sums, times, rounds = torch.zeros(1), torch.zeros(N_ITEMS), 4000
    with torch.no_grad():
        for _ in range(rounds):
            drawn = negatives.draw(generator)
            times[drawn] += 1
            losses = sampled_softmax(said, drawn, negatives.chance)
            sums += torch.exp(losses + right)  # the estimate of the sum over all items
        exact = torch.exp(logits_of(said)).sum()
    torch.testing.assert_close(times / rounds, negatives.chance, atol=0.03, rtol=0)
    assert float(sums / rounds) == pytest.approx(float(exact), rel=0.03)


def test_draws_are_ascending_without_repeats_and_follow_the_mixture() -> None:
    negatives = Negatives(torch.tensor([98.0, 1.0, 1.0, 0.0]), k=2, popular_share=1.0)
    drawn = [negatives.draw(torch.Generator().manual_seed(s)).tolist() for s in range(200)]
    assert all(d == sorted(set(d)) for d in drawn)
    assert not any(3 in d for d in drawn)  # never bought, so never drawn by popularity alone
    assert sum(d == [0] for d in drawn) > 150
    # Chance of being drawn at all: 1 - (1 - p) ** k.
    assert negatives.chance[0].item() == pytest.approx(1 - 0.02**2)


def test_binary_losses_by_hand() -> None:
    # Logits 0, so every item has probability 1/2; 3 items, the target is 0.
    said = Predictions(
        torch.zeros(1, 2), torch.zeros(3, 2), torch.zeros(1, 3), None, torch.tensor([0])
    )
    everything, sure = torch.arange(3), torch.ones(3)
    # All 2 others drawn surely, standing for 1 negative: log 2 for the target, log 2 for it.
    plain = binary_cross_entropy(said, everything, sure, 1)
    assert plain.item() == pytest.approx(2 * math.log(2))
    # Drawn with chance 1/2 they count double; the target's own hit does not count.
    half = binary_cross_entropy(said, torch.tensor([0, 2]), 0.5 * sure, 1)
    assert half.item() == pytest.approx(2 * math.log(2))
    powered = binary_cross_entropy(said, everything, sure, 2, power=0.25)
    assert powered.item() == pytest.approx(2.25 * math.log(2))


def test_gbce_power_is_the_papers() -> None:
    assert gbce_power(256, 1025, calibration=0.0) == 1.0
    assert gbce_power(256, 1025, calibration=1.0) == pytest.approx(0.25)
    # alpha (t (1 - 1/alpha) + 1/alpha) with alpha = 1/4, t = 1/2: (1/4)(-3/2 + 4) = 5/8.
    assert gbce_power(256, 1025, calibration=0.5) == pytest.approx(0.625)
    assert gbce_power(10_000, 11, calibration=1.0) == 1.0


# ---------------------------------------------------------------------- trends


def test_trends_count_what_was_bought_before_the_moment() -> None:
    items, days = np.array([1, 0, 0]), np.array([20, 0, 10])
    trends = trends_before(items, days, np.array([0, 10, 20, 21]), (10.0,), n_items=2)
    assert trends.shape == (4, 2, 1)
    counts = np.array([[0, 0], [0.5, 0], [0.75, 0], [0.75 * 2**-0.1, 2**-0.1]])
    smoothed = counts + 1
    expected = np.log(smoothed / smoothed.mean(axis=1, keepdims=True))
    np.testing.assert_allclose(trends[:, :, 0], expected, rtol=1e-5, atol=1e-7)


def test_trend_days_begin_with_the_first_and_share_the_purchases() -> None:
    days = np.repeat(np.arange(128), 10)
    moments = trend_days(days)
    assert moments[0] == 0
    assert len(moments) == 64
    shares = np.diff(np.searchsorted(days, [*moments, 128]))
    assert shares.min() >= 10
    assert shares.max() <= 30
    assert trend_days(np.array([7, 7, 7])).tolist() == [7]


# ---------------------------------------------------------------------- networks


def network(kind: str, time_aware: bool = True, **settings) -> SequenceNetwork:
    shared = {
        "n_items": N_ITEMS,
        "width": 8,
        "dropout": 0.0,
        "features": None,
        "item_bias": torch.zeros(N_ITEMS),
        "trends": 0,
        "time_aware": time_aware,
        "temperature": None,
    } | settings
    torch.manual_seed(0)
    made: SequenceNetwork
    if kind == "lstm":
        made = LSTMNetwork(layers=2, hidden=6, **shared)
    else:
        made = TransformerNetwork(layers=2, heads=2, hidden=2.0, max_length=50, **shared)
    for parameter in made.parameters():  # nothing stays at a start that hides it
        torch.nn.init.normal_(parameter, std=0.5)
    return made.eval()


def last_states(model: SequenceNetwork, batch: SequenceBatch) -> torch.Tensor:
    with torch.inference_mode():
        states, _ = model(batch)
    in_order = torch.empty(len(batch.order), states.shape[1])
    in_order[batch.order] = states[batch.last_tokens]
    return in_order


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
def test_a_state_depends_on_its_own_past_alone(kind: str) -> None:
    model = network(kind)
    store = SequenceStore(THREE, N_ITEMS, 50, CPU)
    with torch.inference_mode():
        before, _ = model(store.training_batch(*store.windows()))
        changed = histories([(1, 10), (2, 13), (8, 29)], [(4, 5)], [(5, 1), (6, 1), (7, 2)])
        other = SequenceStore(changed, N_ITEMS, 50, CPU)
        after, _ = model(other.training_batch(*other.windows()))
    # Tokens of the three-purchase history are rows 1 to 3 of both; only day 29 is new, and it is
    # the day on which the last of them is asked.
    torch.testing.assert_close(before[1:3], after[1:3])
    assert not torch.allclose(before[3], after[3])
    # The longest history lost its end: its first three tokens stay.
    torch.testing.assert_close(before[4:7], after[4:7])


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
def test_a_history_is_read_alike_alone_and_in_company(kind: str) -> None:
    model = network(kind)
    together = last_states(model, SequenceStore(THREE, N_ITEMS, 50, CPU).question(33))
    for user in range(3):
        alone = SequenceStore(THREE.take(np.array([user])), N_ITEMS, 50, CPU).question(33)
        torch.testing.assert_close(last_states(model, alone)[0], together[user])


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
def test_days_count_only_where_the_network_knows_of_time(kind: str) -> None:
    later = histories(
        [(1, 10), (2, 19), (3, 20)], [(4, 5)], [(5, 1), (6, 1), (7, 2), (8, 9), (0, 30)]
    )
    for time_aware in (True, False):
        model = network(kind, time_aware)
        one = last_states(model, SequenceStore(THREE, N_ITEMS, 50, CPU).question(33))
        two = last_states(model, SequenceStore(later, N_ITEMS, 50, CPU).question(33))
        assert torch.allclose(one[0], two[0]) is not time_aware
        torch.testing.assert_close(one[1:], two[1:])


def test_attention_is_torchs_causal_attention_until_distances_are_learnt() -> None:
    torch.manual_seed(0)
    attention = Attention(width=8, heads=2, max_length=50, time_aware=False)
    batch = SequenceStore(histories([(i, i) for i in range(6)]), N_ITEMS, 50, CPU).question(9)
    x = torch.randn(7, 8)
    reference = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(attention.into.weight)
        reference.in_proj_bias.copy_(attention.into.bias)
        reference.out_proj.weight.copy_(attention.out.weight)
        reference.out_proj.bias.copy_(attention.out.bias)
        ahead = torch.ones(7, 7, dtype=torch.bool).triu(1)
        theirs, _ = reference(x[None], x[None], x[None], attn_mask=ahead)
        torch.testing.assert_close(attention(x, batch), theirs[0])
        attention.distances[:, 0] = 50.0  # everybody looks at themselves alone
        own = attention.out(attention.into(x)[:, 16:])
        torch.testing.assert_close(attention(x, batch), own)


def test_time_buckets_double_twice_as_slowly() -> None:
    days = torch.tensor([-3, 0, 1, 2, 3, 7, 15, 10**7])
    assert time_bucket(days).tolist() == [0, 0, 2, 3, 4, 6, 8, TIME_BUCKETS - 1]


def test_cosine_scores_are_bounded_by_the_temperature() -> None:
    model = network("transformer", temperature=0.1)
    with torch.inference_mode():
        states, table = model(SequenceStore(THREE, N_ITEMS, 50, CPU).question(33))
    lengths = torch.linalg.vector_norm
    torch.testing.assert_close(lengths(states, dim=1), torch.full((len(states),), 10.0))
    torch.testing.assert_close(lengths(table, dim=1), torch.ones(N_ITEMS))


def test_cheap_dropout_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout = Dropout(0.3)
    ones = torch.ones(1001, 101)
    dropped = dropout(ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.005)
    assert sorted(dropped.unique().tolist()) == pytest.approx([0.0, 1 / 0.7])
    # Neighbours share one draw of random bits: they must not share their fate.
    pairs = (dropped[:, :-1] == 0) & (dropped[:, 1:] == 0)
    assert pairs.float().mean().item() == pytest.approx(0.09, abs=0.005)
    assert dropout.eval()(ones) is ones
