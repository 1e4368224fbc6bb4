"""The one training loop that all torch models share.

The whole training set lies on the device as a few aligned tensors. An epoch is one permutation and
a sequence of slices of it: no data loader, no object per sample, no synchronisation per batch.

torch is imported inside functions, so that settings can be checked without waiting for it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from product_recommender.progress import Step

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

RESAMPLING_ROUNDS = 4
"""How often a negative that the user has bought is drawn again before it is left as it is."""

LOOKUP_CELLS = 1 << 26
"""Users x items up to which purchases are looked up in a table of one byte each (64 MB)."""

SAMPLES_FOR_THREADS = 1 << 17
"""Samples in a batch from which on several CPU threads are worth their waiting."""

GATHERED_CELLS = 1 << 20
"""Numbers of an epoch that are gathered at once: 8 MB, and few calls for small batches."""

LAST_STEP = 0.02
"""Smallest share of the step size that a schedule goes down to."""


class TrainingConfig(BaseModel):
    """Settings of the training loop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(
        30, ge=0, le=10_000, description="Passes over the purchases, at most; 0 leaves the start."
    )
    batch_size: int = Field(4096, ge=1, description="Purchases in a batch, negatives not counted.")
    learning_rate: float = Field(0.01, gt=0, description="Step size of Adam.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant",
        description="Of the step size over all the epochs: cosine goes down to 2 % of it.",
    )
    weight_decay: float = Field(
        0.0, ge=0, description="Decoupled decay (AdamW) of matrices; biases are left alone."
    )
    patience: int = Field(
        3, ge=1, description="Epochs without a better validation score before training stops."
    )
    averaging: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Answers come from a running average of the weights, which keeps this share of "
        "itself at every step; 0: from the last weights.",
    )
    gradient_clip: float | None = Field(
        None, gt=0, description="Largest norm of the whole gradient; null does not clip."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where to compute; auto takes CUDA where there is one."
    )


class TrainingDivergedError(RuntimeError):
    """The loss or the validation score became NaN or infinite."""


def choose_device(config: TrainingConfig, to_answer: bool = False) -> torch.device:
    """The device that the settings ask for.

    Parameters
    ----------
    config
        Settings.
    to_answer
        For a trained model that is loaded: it answers on the CPU where there is no CUDA device,
        whatever it was trained on.

    Raises
    ------
    RuntimeError
        If CUDA is asked for by name, for training, and there is none.
    """
    import torch

    if config.device == "auto" or (to_answer and config.device == "cuda"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if config.device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            "training.device is 'cuda' but torch sees no CUDA device: set it to 'auto' or 'cpu'"
        )
    return torch.device(config.device)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Initial weights and dropout come from ``seed``; the global generators are put back after."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def threads_for(samples: int) -> Iterator[None]:
    """One thread for batches of fewer than ``SAMPLES_FOR_THREADS`` samples, then as before.

    Measured on two cores: NeuMF with 2,048 purchases and 4 negatives a batch trains at 1.0 M
    samples/s on one thread and on two; but two threads that share the machine with another busy
    process wait for each other at every operation and fall to 0.03-0.13 M samples/s.
    """
    import torch

    before = torch.get_num_threads()
    if samples < SAMPLES_FOR_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_network(
    network: nn.Module,
    columns: Sequence[Tensor],
    batch_loss: Callable[..., Tensor],
    config: TrainingConfig,
    *,
    name: str,
    seed: int,
    validate: Callable[[], float] | None = None,
    goal: Literal["max", "min"] = "max",
    samples_per_row: int = 1,
    draw: Callable[..., Sequence[Tensor]] | None = None,
) -> dict[str, Any]:
    """Fit ``network`` in place and leave it with its best weights.

    The untrained network is validated as epoch 0, so that training can never end with weights that
    validate worse than the initial ones. Without ``validate`` all epochs are run and the last
    weights stay.

    Parameters
    ----------
    network
        The module to train, already on the device of ``columns``.
    columns
        Aligned tensors ``[n, ...]``: what one batch slices.
    batch_loss
        ``batch_loss(*columns_of_the_batch, generator=...)`` returns the mean loss of the batch, a
        scalar. The generator is seeded and lives on the device. A loss that needs no gradient says
        that the function has filled ``.grad`` of every parameter itself.
    config
        Settings.
    name
        Name of the model, for messages.
    seed
        Seeds the permutations, ``generator`` and dropout.
    validate
        Returns the validation score of the network as it is; called in evaluation mode.
    goal
        Whether a larger (``max``) or a smaller (``min``) validation score is better.
    samples_per_row
        Samples that one row stands for (1 + negatives), for the speed that is reported.
    draw
        ``draw(*columns, generator=...)`` is given the rows of many batches at once and returns what
        the batches slice instead: where negatives are drawn.

    Returns
    -------
    dict
        json-serialisable: ``epochs`` (run), ``best_epoch``, ``loss`` and ``validation`` (one
        number an epoch; validation starts with epoch 0), ``samples_per_second``, ``seconds``,
        ``device``, ``stopped_early``.

    Raises
    ------
    TrainingDivergedError
        If the loss or the validation score is not a finite number.
    """
    import torch

    device = columns[0].device
    n_rows = len(columns[0])
    optimizer = _optimizer(network, config)
    average = WeightAverage(network, config.averaging) if config.averaging else None
    generator = torch.Generator(device=device).manual_seed(seed)
    history: list[float] = []
    scores: list[float] = []
    best_epoch, best_state = 0, None
    training_seconds, started = 0.0, time.perf_counter()
    samples = min(config.batch_size, n_rows) * samples_per_row
    with seeded(seed), threads_for(samples), Step(name, config.epochs, "epochs") as step:
        if validate is not None:
            scores.append(_validated(network, validate, config, name, 0))
            best_state = copy.deepcopy(network.state_dict())
        for epoch in range(1, config.epochs + 1):
            epoch_started = time.perf_counter()
            for group in optimizer.param_groups:
                group["lr"] = step_size(config, epoch)
            batches = _batches(columns, config.batch_size, samples_per_row, draw, generator)
            loss = _run_epoch(network, batches, batch_loss, config, optimizer, generator, average)
            loss /= n_rows
            seconds = time.perf_counter() - epoch_started
            training_seconds += seconds
            if not math.isfinite(loss):
                raise _diverged("loss", loss, config, name, epoch)
            history.append(loss)
            if validate is not None:
                with average.in_place() if average else nullcontext():
                    scores.append(_validated(network, validate, config, name, epoch))
                    best = scores[best_epoch]
                    if scores[-1] > best if goal == "max" else scores[-1] < best:
                        best_epoch, best_state = epoch, copy.deepcopy(network.state_dict())
            speed = n_rows * samples_per_row / max(seconds, 1e-9)
            step.advance(state=_how_it_goes(loss, scores[-1] if scores else None, speed))
            if validate is not None and epoch - best_epoch >= config.patience:
                break
    if best_state is not None:
        network.load_state_dict(best_state)
    elif average is not None:
        average.take_over()
    network.eval()
    done = len(history)
    return {
        "epochs": done,
        "best_epoch": best_epoch if validate is not None else done,
        "stopped_early": done < config.epochs,
        "loss": history,
        "validation": scores,
        "samples_per_second": round(n_rows * samples_per_row * done / max(training_seconds, 1e-9)),
        "seconds": round(time.perf_counter() - started, 3),
        "device": str(device),
    }


class WeightAverage:
    """A running average of a network's weights, which answers better than the last of them.

    Source: Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992. Early
    averages forget faster, so that the initial weights do not linger.

    Parameters
    ----------
    network
        The network that is trained.
    share
        Share of itself that the average keeps at a step.
    """

    def __init__(self, network: nn.Module, share: float) -> None:
        self._share, self._steps = share, 0
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._average = [p.detach().clone() for p in self._parameters]

    def update(self) -> None:
        """Take in the weights as they are after a step."""
        import torch

        self._steps += 1
        share = min(self._share, (1.0 + self._steps) / (10.0 + self._steps))
        torch._foreach_lerp_(self._average, [p.detach() for p in self._parameters], 1.0 - share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The network has the average for weights, and its own again afterwards."""
        import torch

        own = [p.detach().clone() for p in self._parameters]
        with torch.no_grad():
            self.take_over()
            yield
            for parameter, value in zip(self._parameters, own, strict=True):
                parameter.copy_(value)

    def take_over(self) -> None:
        """Leave the average in the network."""
        import torch

        with torch.no_grad():
            for parameter, value in zip(self._parameters, self._average, strict=True):
                parameter.copy_(value)


def _how_it_goes(loss: float, score: float | None, speed: float) -> str:
    validation = "" if score is None else f"  validation {score:.4f}"
    return f"loss {loss:.4f}{validation}  {speed:,.0f} samples/s"


def step_size(config: TrainingConfig, epoch: int) -> float:
    """Adam's step size in an epoch, counted from 1."""
    if config.schedule == "constant":
        return config.learning_rate
    done = (epoch - 0.5) / config.epochs
    share = 0.5 * (1.0 + math.cos(math.pi * done))
    return config.learning_rate * max(LAST_STEP, share)


def _batches(
    columns: Sequence[Tensor],
    batch_size: int,
    samples_per_row: int,
    draw: Callable[..., Sequence[Tensor]] | None,
    generator: torch.Generator,
) -> Iterator[tuple[Tensor, ...]]:
    """The rows of an epoch in random order, gathered for many batches at once."""
    import torch

    n_rows = len(columns[0])
    width = samples_per_row + sum(column[:1].numel() for column in columns)
    at_once = batch_size * max(1, GATHERED_CELLS // (batch_size * width))
    order = torch.randperm(n_rows, generator=generator, device=columns[0].device)
    for start in range(0, n_rows, at_once):
        rows = order[start : start + at_once]
        gathered: Sequence[Tensor] = [column.index_select(0, rows) for column in columns]
        if draw is not None:
            gathered = draw(*gathered, generator=generator)
        yield from zip(*(column.split(batch_size) for column in gathered), strict=True)


def _run_epoch(
    network: nn.Module,
    batches: Iterator[tuple[Tensor, ...]],
    batch_loss: Callable[..., Tensor],
    config: TrainingConfig,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    average: WeightAverage | None,
) -> float:
    """Sum of the losses of the rows."""
    import torch

    network.train()
    total: Tensor | float = 0.0
    for batch in batches:
        loss = batch_loss(*batch, generator=generator)
        if loss.requires_grad:
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
        if config.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
        optimizer.step()
        if average is not None:
            average.update()
        total = total + loss.detach() * len(batch[0])
    # The only synchronisation with the device in an epoch.
    return float(total)


def _optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Fused Adam over everything.

    Dense, also for embedding tables: measured with 76,000 customers, 24 factors and 2,048
    purchases a batch, the update is 16 % of the training time of ``PurchaseStep``.
    """
    import torch

    parameters = [p for p in network.parameters() if p.requires_grad]
    if not config.weight_decay:  # every group costs a small batch something
        return torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.0, fused=True)
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def _validated(
    network: nn.Module, validate: Callable[[], float], config: TrainingConfig, name: str, epoch: int
) -> float:
    import torch

    network.eval()
    with torch.inference_mode():
        score = float(validate())
    if not math.isfinite(score):
        raise _diverged("validation score", score, config, name, epoch)
    return score


def _diverged(
    what: str, value: float, config: TrainingConfig, name: str, epoch: int
) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"{name}: the {what} became {value} in epoch {epoch} with learning_rate "
        f"{config.learning_rate:g}. Lower training.learning_rate (a tenth is a good first try) or "
        "set training.gradient_clip to 1.0."
    )


class NegativeSampler:
    """Draws items that a user has not bought, many at a time.

    Parameters
    ----------
    users, items
        int64 ``[n]`` on the device: the purchases that are no negatives.
    n_items
        Number of items to draw from.
    popularity
        float32 ``[n_items]``: draw in proportion to it; None draws uniformly.
    """

    def __init__(
        self, users: Tensor, items: Tensor, n_items: int, popularity: Tensor | None = None
    ) -> None:
        import torch

        self.n_items = n_items
        self._keys = torch.unique(users * n_items + items)
        self._is_bought: Tensor | None = None
        n_cells = (int(users.max()) + 1) * n_items if len(users) else 0
        if 0 < n_cells <= LOOKUP_CELLS:
            # The last cell is that of all users beyond, who have bought nothing.
            self._is_bought = torch.zeros(n_cells + 1, dtype=torch.bool, device=users.device)
            self._is_bought[self._keys] = True
        self._cumulative = None
        if popularity is not None:
            cumulative = popularity.double().cumsum(0)
            self._cumulative = cumulative / cumulative[-1]

    def sample(self, users: Tensor, k: int, generator: torch.Generator) -> Tensor:
        """``k`` items for each user.

        A draw that hits a purchase is drawn again, up to ``RESAMPLING_ROUNDS`` times: a user who
        bought everything gets a purchase after all instead of an endless loop.

        Parameters
        ----------
        users
            int64 ``[b]``.
        k
            Draws per user, with replacement.
        generator
            Source of randomness, on the device of ``users``.

        Returns
        -------
        torch.Tensor
            int64 ``[b, k]``.
        """
        import torch

        drawn = self._draw(len(users) * k, users.device, generator)
        keys = users.repeat_interleave(k) * self.n_items
        pending: Tensor | None = None
        for _ in range(RESAMPLING_ROUNDS):
            key = keys + drawn if pending is None else keys[pending] + drawn[pending]
            bought = torch.nonzero(self._bought(key)).squeeze(1)
            if len(bought) == 0:
                break
            pending = bought if pending is None else pending[bought]
            drawn[pending] = self._draw(len(pending), users.device, generator)
        return drawn.view(len(users), k)

    def _bought(self, keys: Tensor) -> Tensor:
        """bool: which of these pairs are purchases; a look into a table where one is small."""
        import torch

        if self._is_bought is not None:
            return self._is_bought.index_select(0, keys.clamp(max=len(self._is_bought) - 1))
        place = torch.searchsorted(self._keys, keys).clamp_(max=len(self._keys) - 1)
        return self._keys[place] == keys

    def _draw(self, n: int, device: torch.device, generator: torch.Generator) -> Tensor:
        import torch

        if self._cumulative is None:
            return torch.randint(self.n_items, (n,), generator=generator, device=device)
        uniform = torch.rand(n, generator=generator, device=device, dtype=torch.float64)
        return torch.searchsorted(self._cumulative, uniform).clamp_(max=self.n_items - 1)
