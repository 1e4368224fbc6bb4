"""The shared loop: convergence, early stopping, seeds, divergence, negatives."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from product_recommender import progress
from product_recommender.recommenders import training
from product_recommender.recommenders.training import (
    SAMPLES_FOR_THREADS,
    NegativeSampler,
    TrainingConfig,
    TrainingDivergedError,
    choose_device,
    threads_for,
    train_network,
)


class Line(torch.nn.Module):
    """y = a x, with dropout that does nothing to a noise-free fit in evaluation mode."""

    def __init__(self, slope: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor([slope]))
        self.dropout = dropout

    def loss(self, x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        x = torch.nn.functional.dropout(x, self.dropout, self.training)
        return ((self.slope * x - y) ** 2).mean()


def line_data(n: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.linspace(-1, 1, n)
    return x, 3 * x


def fit(network: Line, validate=None, goal="max", **settings):
    config = TrainingConfig(
        **({"batch_size": 50, "learning_rate": 0.05, "device": "cpu"} | settings)
    )
    return train_network(
        network,
        line_data(),
        network.loss,
        config,
        name="line",
        seed=1,
        validate=validate,
        goal=goal,
    )


def test_it_learns_the_slope_and_reports_every_epoch() -> None:
    network = Line()
    report = fit(network, epochs=40)
    assert network.slope.item() == pytest.approx(3.0, abs=0.01)
    assert report["epochs"] == report["best_epoch"] == len(report["loss"]) == 40
    assert report["loss"][-1] < 1e-4 < report["loss"][0]
    assert report["validation"] == []
    assert not report["stopped_early"]
    assert report["samples_per_second"] > 0
    assert json.loads(json.dumps(report)) == report


def test_the_mean_loss_weighs_the_short_last_batch_by_its_rows() -> None:
    # Slope 0 and a step of 1e-12: the epoch's loss is the mean of (3x)^2 however it is cut.
    _, y = line_data()
    report = fit(Line(), epochs=1, batch_size=300, learning_rate=1e-12)
    assert report["loss"][0] == pytest.approx(float((y**2).mean()), rel=1e-5)


def test_early_stopping_returns_to_the_best_weights() -> None:
    network = Line()
    report = fit(network, lambda: -abs(network.slope.item() - 1.0), epochs=100, patience=4)
    best = report["best_epoch"]
    assert report["stopped_early"]
    assert report["epochs"] == best + 4
    assert report["validation"][best] == max(report["validation"])
    # The restored weights are those of the best epoch: validating again gives its score.
    assert -abs(network.slope.item() - 1.0) == report["validation"][best]


def test_a_start_that_training_cannot_beat_is_kept() -> None:
    network = Line(slope=5.0)
    report = fit(
        network, lambda: abs(network.slope.item() - 5.0), goal="min", epochs=20, patience=2
    )
    assert report["best_epoch"] == 0
    assert network.slope.item() == 5.0


def test_same_seed_same_weights_and_the_global_generator_is_untouched() -> None:
    torch.manual_seed(77)
    before = torch.get_rng_state()
    slopes = []
    for _ in range(2):
        network = Line(dropout=0.5)
        fit(network, epochs=3)
        slopes.append(network.slope.item())
        torch.rand(3)  # what others draw must not matter
    torch.manual_seed(77)
    assert slopes[0] == slopes[1]
    network = Line(dropout=0.5)
    fit(network, epochs=3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_divergence_names_model_epoch_rate_and_the_way_out(value: float) -> None:
    def loss(x, y, generator):
        return (network.slope * value).sum()

    network = Line(slope=1.0)
    config = TrainingConfig(epochs=3, learning_rate=0.5, device="cpu")
    with pytest.raises(TrainingDivergedError, match=r"crooked.*epoch 1.*0\.5.*Lower training"):
        train_network(network, line_data(), loss, config, name="crooked", seed=0)


def test_a_validation_score_that_is_nan_is_divergence() -> None:
    with pytest.raises(TrainingDivergedError, match="validation score became nan in epoch 0"):
        fit(Line(), lambda: float("nan"), epochs=2)


def test_gradient_clipping_limits_the_first_step_direction() -> None:
    seen = []

    class Spy(Line):
        def loss(self, x, y, generator):
            return 1e6 * super().loss(x, y, generator)

    network = Spy()
    original = torch.optim.AdamW.step

    def step(self, *arguments, **named):
        seen.append(float(network.slope.grad.norm()))
        return original(self, *arguments, **named)

    torch.optim.AdamW.step = step
    try:
        fit(network, epochs=1, gradient_clip=1.0)
    finally:
        torch.optim.AdamW.step = original
    assert max(seen) == pytest.approx(1.0, rel=1e-3)


def test_weight_decay_spares_biases() -> None:
    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = torch.nn.Parameter(torch.ones(1, 1))
            self.bias = torch.nn.Parameter(torch.ones(1))

    network = Flat()

    def loss(x, y, generator):
        return 0.0 * (network.matrix.sum() + network.bias.sum())

    config = TrainingConfig(epochs=1, batch_size=400, learning_rate=0.1, weight_decay=0.5)
    train_network(network, line_data(), loss, config, name="flat", seed=0)
    assert network.matrix.item() == pytest.approx(1 - 0.1 * 0.5)
    assert network.bias.item() == 1.0


def test_a_long_training_tells_its_loss_and_speed(caplog, monkeypatch) -> None:
    monkeypatch.setattr(progress, "is_terminal", lambda: False)
    monkeypatch.setattr(progress, "SECONDS_BEFORE_PROGRESS", 0.0)
    with caplog.at_level(logging.INFO, logger=progress.__name__):
        fit(Line(), epochs=50, batch_size=10)
    (line,) = (record.getMessage() for record in caplog.records)  # the next after ten seconds
    assert re.fullmatch(r"line: 1 of 50 epochs  loss [\d.]+  [\d,]+ samples/s", line)


def test_settings_are_checked() -> None:
    with pytest.raises(ValidationError, match="learning_rate"):
        TrainingConfig(learning_rate=0)
    with pytest.raises(ValidationError, match="momentum"):
        TrainingConfig(momentum=0.9)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match=r"training\.device"):
            choose_device(TrainingConfig(device="cuda"))


def test_settings_and_models_import_without_torch() -> None:
    code = (
        "import sys; import product_recommender.recommenders.ncf_per_segment, "
        "product_recommender.recommenders.tuning; "
        "assert not {'torch', 'optuna', 'sklearn', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment())


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": "src"}


def test_negatives_avoid_purchases_and_cover_the_rest() -> None:
    # User 0 bought 0..6 of 10, user 1 bought nothing, user 2 bought all but item 4.
    bought = [(0, i) for i in range(7)] + [(2, i) for i in range(10) if i != 4]
    users, items = (torch.tensor(column) for column in zip(*bought, strict=True))
    sampler = NegativeSampler(users, items, 10)
    generator = torch.Generator().manual_seed(0)
    drawn = sampler.sample(torch.tensor([0, 1] * 500), 4, generator)
    assert drawn.shape == (1000, 4)
    first, second = drawn[0::2], drawn[1::2]
    # Seven tenths are hit in each of five draws: 0.7 ** 5 = 17 % stay, against 70 % unrejected.
    assert float((first < 7).float().mean()) == pytest.approx(0.7**5, abs=0.03)
    assert set(second.unique().tolist()) == set(range(10))
    share = torch.bincount(second.flatten(), minlength=10) / second.numel()
    assert float((share - 0.1).abs().max()) < 0.03
    again = sampler.sample(torch.tensor([0, 1] * 500), 4, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)


def test_looking_purchases_up_and_searching_for_them_draw_the_same(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    users, items = (torch.from_numpy(rng.integers(n, size=60)) for n in (9, 12))
    asked = torch.arange(12).repeat(20)  # users 9 to 11 have bought nothing
    drawn = []
    for cells in (training.LOOKUP_CELLS, 0):
        monkeypatch.setattr(training, "LOOKUP_CELLS", cells)
        sampler = NegativeSampler(users, items, 12)
        drawn.append(sampler.sample(asked, 3, torch.Generator().manual_seed(5)))
    assert torch.equal(*drawn)


def test_the_cosine_schedule_goes_down_to_its_floor() -> None:
    config = TrainingConfig(epochs=4, learning_rate=0.1, schedule="cosine")
    steps = [training.step_size(config, epoch) for epoch in range(1, 5)]
    # (1 + cos(pi x)) / 2 in the middle of each quarter.
    np.testing.assert_allclose(steps, [0.09619398, 0.06913417, 0.03086583, 0.00380602], rtol=1e-6)
    long = TrainingConfig(epochs=1000, learning_rate=0.1, schedule="cosine")
    assert training.step_size(long, 1000) == pytest.approx(0.002)
    assert training.step_size(TrainingConfig(learning_rate=0.1), 30) == 0.1


def test_popular_negatives_are_drawn_in_proportion() -> None:
    sampler = NegativeSampler(
        torch.tensor([0]), torch.tensor([3]), 4, torch.tensor([1.0, 2.0, 7.0, 10.0])
    )
    drawn = sampler.sample(
        torch.zeros(5000, dtype=torch.int64), 4, torch.Generator().manual_seed(1)
    )
    share = torch.bincount(drawn.flatten(), minlength=4) / drawn.numel()
    # Item 3 was bought; half of each of five draws hits it, and 1/32 stays.
    assert float(share[3]) == pytest.approx(0.5**5, abs=0.005)
    assert float(share[2] / share[0]) == pytest.approx(7.0, rel=0.1)


def test_a_user_who_bought_everything_does_not_hang() -> None:
    sampler = NegativeSampler(torch.tensor([0, 0]), torch.tensor([0, 1]), 2)
    drawn = sampler.sample(torch.tensor([0]), 3, torch.Generator().manual_seed(0))
    assert drawn.shape == (1, 3)


def test_small_batches_train_on_one_thread_and_the_setting_returns() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threads_for(SAMPLES_FOR_THREADS - 1):
            assert torch.get_num_threads() == 1
        with threads_for(SAMPLES_FOR_THREADS):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("cells", [1, 40, 1 << 20], ids=["a batch", "some batches", "all"])
def test_batches_slice_what_was_drawn_for_many_of_them(monkeypatch, cells) -> None:
    """Whatever is gathered at once, the same rows come in the same batches, each once."""
    monkeypatch.setattr(training, "GATHERED_CELLS", cells)
    sizes, seen = [], []

    def draw(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator):
        sizes.append(len(x))
        return x, y, 2 * x

    def loss(x, y, doubled, generator):
        assert torch.equal(doubled, 2 * x)
        assert torch.equal(y, 3 * x)
        seen.append(x)
        return (network.slope * x - y).square().mean()

    network = Line()
    x, y = line_data(107)
    config = TrainingConfig(epochs=1, batch_size=5, device="cpu")
    train_network(network, (x, y), loss, config, name="line", seed=1, draw=draw)
    assert [len(batch) for batch in seen] == [5] * 21 + [2]
    torch.testing.assert_close(torch.cat(seen).sort().values, x)
    order = torch.randperm(107, generator=torch.Generator().manual_seed(1))
    assert torch.equal(torch.cat(seen), x[order])
    # 40 numbers are 13 rows of two columns and a sample: two batches of five, and the rest.
    assert sizes == {1: [5] * 21 + [2], 40: [10] * 10 + [7], 1 << 20: [107]}[cells]


def test_a_loss_without_a_gradient_has_filled_the_gradients_itself() -> None:
    """The same weights as by ``backward``."""

    def by_hand(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        with torch.no_grad():
            error = written.slope * x - y
            written.slope.grad = 2 * (error * x).mean().view(1)
            return error.square().mean()

    recorded, written = Line(), Line()
    config = TrainingConfig(epochs=3, batch_size=50, learning_rate=0.05, device="cpu")
    reports = [
        train_network(network, line_data(), loss, config, name="line", seed=1)
        for network, loss in ((recorded, recorded.loss), (written, by_hand))
    ]
    torch.testing.assert_close(written.slope, recorded.slope)
    assert reports[0]["loss"] == pytest.approx(reports[1]["loss"])
    assert reports[0]["loss"][-1] < reports[0]["loss"][0]


def test_answers_come_from_the_average_of_the_weights():
    """Steps of one size go back and forth around the slope; their average lies on it."""
    settings = {"epochs": 30, "learning_rate": 0.5, "batch_size": 400}
    last, average = Line(), Line()
    fit(last, **settings)
    fit(average, **settings, averaging=0.9)
    steps, kept = [], 0.0
    follower = Line()
    for epochs in range(1, 31):
        follower = Line()
        fit(follower, **(settings | {"epochs": epochs}))
        steps.append(float(follower.slope))
    for number, slope in enumerate(steps, start=1):
        share = min(0.9, (1 + number) / (10 + number))
        kept = share * kept + (1 - share) * slope
    assert float(last.slope) == steps[-1]
    assert float(average.slope) == pytest.approx(kept, rel=1e-4)


def test_validation_sees_the_average_and_training_goes_on_without_it():
    seen: list[float] = []
    network = Line()

    def validate() -> float:
        seen.append(float(network.slope))
        return -abs(float(network.slope) - 3)

    settings = {"epochs": 6, "batch_size": 400, "patience": 6, "averaging": 0.9}
    fit(network, validate, **settings)
    alone = Line()
    fit(alone, **(settings | {"epochs": 6}))
    assert seen[-1] == pytest.approx(float(alone.slope), rel=1e-6)
    assert float(network.slope) == min(seen, key=lambda slope: abs(slope - 3))
