"""The training loop: M members of one network, each with its own rows, seed and settings, as one program."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import torch
from torch import Tensor

from netwright.config import TrainingConfig
from netwright.data.dataset import Dataset
from netwright.errors import NetwrightError
from netwright.nn.member import Mode
from netwright.nn.trainable import Step, Trainable
from netwright.training.averaging import MovingAverage
from netwright.training.callbacks import Callback, State
from netwright.training.clip import Clip
from netwright.training.device import autocast
from netwright.training.feed import Batch, Feed, ResidentFeed
from netwright.training.history import Ending, History
from netwright.training.interrupt import Interrupt
from netwright.training.optimizer import Optimizer, Settings
from netwright.training.randomness import MemberGenerators
from netwright.training.schedule import factor

WAITING = 32  # steps whose outputs wait for their metrics


@dataclass
class Member:
    """What one member of a population trains on, and how.

    Arguments:
        seed: of its weights, order and dropout.
        train: numbers of its training rows. [n] int64
        validation: numbers of its validation rows; may be empty, then the last epoch is kept.
        others: as in `TrainingConfig`.
    """

    seed: int
    train: Tensor
    validation: Tensor
    learning_rate: float
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    momentum: float = 0.9
    label_smoothing: float = 0.0
    clip_norm: float = float("inf")
    l1: float = 0.0

    @classmethod
    def of(cls, config: TrainingConfig, train: Tensor, validation: Tensor, seed: int) -> Member:
        """A member with a config's settings."""
        return cls(
            seed=seed,
            train=train,
            validation=validation,
            learning_rate=float(config.learning_rate),
            weight_decay=float(config.weight_decay),
            beta1=config.beta1,
            beta2=config.beta2,
            momentum=config.momentum,
            label_smoothing=config.label_smoothing,
            clip_norm=config.clip_norm or float("inf"),
            l1=config.l1,
        )


class Population:
    """Trains the members of a network together; each ends as it would have ended alone.

    Arguments:
        network: M members, not yet fitted.
        data: raw tensors on the network's device.
        members: M of them.
        config: what members share: epochs, batch size, optimiser, schedule, patience, precision.
        callbacks: watch and steer.
        validation: the data that the members' validation rows are numbers of, where it is not `data`; or
            what gives them.
        feed: gives the training batches in the place of `data`'s rows, such as from a loader.
        optimizer: one that has already been at work on this network; a new one unless given.
        keep_best: whether each member's best epoch is put back at the end.
        watch_training: whether metrics are taken of the training batches too; the loss told is then the mean
            over their rows, where it is else the mean over their steps.
        schedule: learning rates of all members by step [S], in the place of the config's schedule.
        clip: what is done to the gradient, in the place of the members' `clip_norm`.
        average: takes in the weights after each step, and their place at the end.
        past: epochs that the network was trained for before; orders and dropout go on from there.
    """

    def __init__(
        self,
        network: Trainable,
        data: Dataset,
        members: list[Member],
        config: TrainingConfig,
        callbacks: Sequence[Callback] = (),
        *,
        validation: Dataset | Feed | None = None,
        feed: Feed | None = None,
        optimizer: Optimizer | None = None,
        keep_best: bool = True,
        watch_training: bool = False,
        schedule: Callable[[Tensor], Tensor] | None = None,
        clip: Clip | None = None,
        average: MovingAverage | None = None,
        past: int = 0,
    ) -> None:
        self.network, self.data, self.members, self.config = network, data, members, config
        self.callbacks, self.step_hooks, self.optimizer = callbacks, [], optimizer
        self.keep_best, self.watch_training = keep_best, watch_training
        self.schedule, self.average, self.past = schedule, average, past
        self.device = network.flat.device
        self.epochs = int(config.epochs)
        seeds = [member.seed for member in members]
        self.feed = feed or ResidentFeed(
            data, [member.train for member in members], seeds, int(config.batch_size), known=self._known(data)
        )
        judged = data if validation is None else validation
        self.validation = judged if isinstance(judged, Feed) else self._judged(judged, seeds)
        self.rate = self._each("learning_rate")
        l1 = self._each("l1")
        self.l1 = l1 if bool(l1.any()) else None
        norms = self._each("clip_norm")
        self.clip = clip or (Clip(norm=norms) if bool(torch.isfinite(norms).any()) else None)
        smoothing = self._each("label_smoothing")[:, 0]
        self.smoothing = smoothing if bool((smoothing > 0).any()) else None
        self.generators = MemberGenerators(seeds, self.device)
        self.decays = network.layout.decays().to(self.device)
        self.state = State(self.epochs, self.epochs * self.feed.passes, best_epoch=[0] * len(members))
        self.state.population = self
        self.history = History()

    def _judged(self, data: Dataset, seeds: list[int]) -> Feed:
        """The members' validation rows."""
        return ResidentFeed(
            data, [member.validation for member in self.members], seeds, 1, known=self._known(data)
        )

    def _known(self, data: Dataset) -> Tensor | None:
        """Which rows have a target. [N]"""
        known = self.network.known(_lead(data.target))
        return None if known is None else known[0]

    def _each(self, name: str) -> Tensor:
        """One setting of all members. [M, 1]"""
        return torch.tensor([[getattr(member, name)] for member in self.members], device=self.device)

    def prepare(self) -> None:
        """Fits the members' preparation, draws their first weights and sets the optimiser up."""
        network, data = self.network, self.data
        for place, member in enumerate(self.members):
            rows = member.train.to(self.device)
            network.fit_preparation(place, data.raw, data.target, data.weight, rows)
        network.initialise([member.seed for member in self.members])
        settings = Settings(
            self._each("weight_decay"),
            self._each("beta1"),
            self._each("beta2"),
            self._each("momentum"),
            self.config.nesterov,
        )
        rates = network.layout.rates().to(self.device)
        self.optimizer = Optimizer(self.config.optimizer, network.flat.detach(), settings, rates, self.decays)

    def fit(self, deadline: float | None = None) -> History:
        """Prepares, and trains to the end; see `train`."""
        self.prepare()
        return self.train(deadline)

    @torch.no_grad()  # networks ask for gradients where they need them
    def train(self, deadline: float | None = None) -> History:
        """Trains from where the network stands to the end, the deadline or Ctrl-C.

        Arguments:
            deadline: when training must be over, by `time.monotonic`.

        Raises:
            NetwrightError: the loss was not a finite number before any epoch was a success.
        """
        # Without validation rows there is nothing to wait for: the loss of training rows only ever falls.
        patience = self.config.patience if self.validation.rows else None
        best = Best(self.network, patience) if self.keep_best else None  # type: ignore[arg-type]
        self._tell("on_start")
        began = time.monotonic() - self.state.seconds
        hooks = [(callback, callback.step_hook()) for callback in self.callbacks]
        self.step_hooks = [(callback, hook) for callback, hook in hooks if hook is not None]
        with Interrupt() as interrupt:
            self.deadline, self.interrupt = deadline, interrupt
            ending: Ending | None = self.state.reason if self.state.stop else None
            while ending is None and self.state.epoch < self.epochs:
                ending = self._epoch(best, began)
        self.history.stopped = ending or "all epochs"
        self.history.epochs = self.state.epoch
        if ending in ("time limit", "interrupted"):
            self.history.stop_step = self.state.step
        if self.average is not None:
            self.network.flat.data.copy_(self.average.values)
        if best is not None:
            best.restore(keep_last=not self.validation.rows and ending != "diverged")
            self.history.best_epoch = best.epoch
        self._tell("on_end")
        return self.history

    @torch.no_grad()
    def measure(self, seconds: float) -> float:
        """The seconds that one epoch with its validation takes, by a trial of about so many seconds.

        The weights that it trains are to be thrown away.
        """
        self.prepare()
        generators = self.generators.start(0)
        times: list[float] = []
        began = start = time.monotonic()
        for batch in self.feed.epoch(0):
            self._step(batch, self.rate * 0.0, generators)
            times.append(time.monotonic() - start)
            if time.monotonic() - began > seconds and len(times) >= 3:
                break
            start = time.monotonic()
        start = time.monotonic()
        self.validate()
        steady = sorted(times)[len(times) // 2]
        return steady * self.feed.passes + (time.monotonic() - start)

    def _epoch(self, best: Best | None, began: float) -> Ending | None:
        """One pass over the training rows, then validation. Returns why training ends, or None."""
        state = self.state
        first = state.step
        state.epoch += 1
        generators = self.generators.start(self.past + state.epoch)
        losses = torch.zeros(len(self.members), device=self.device)
        seen = Watched(self.network, self.device) if self.watch_training else None
        cut: Ending | None = None
        self._tell("on_epoch_start")
        rates = self._rates(first)  # [S, M, 1]
        # One rate for all members is a number: the optimiser then has less to do.
        alone = bool((rates == rates[:, :1]).all())
        each: Any = rates[:, 0, 0].tolist() if alone else rates
        # A feed may not know its length; then the last rate goes on.
        endless = chain(each, repeat(each[-1])) if len(each) else each
        for batch, rate in zip(self.feed.epoch(self.past + state.epoch), endless, strict=False):
            if state.rate is not None:
                rate = state.rate
            if state.rate_factor != 1.0:
                rate = rate * state.rate_factor
            step = self._step(batch, rate, generators)
            losses += step.losses
            if seen is not None:
                seen.add(step.output, batch)
            state.learning_rate = float(rate[0]) if isinstance(rate, Tensor) else rate
            state.step += 1
            state.seconds = time.monotonic() - began
            state.losses, state.batch = losses, batch
            for callback, hook in self.step_hooks:
                self._call(callback, hook)
            cut = self._cut()
            if cut:
                break
        done = self.feed.done_in_epoch(state.step - first)
        steps = self.feed.member_steps(state.step).tolist()
        measured = {} if seen is None else self._finish(seen.totals())
        train_loss = measured.pop("loss", None) or (losses / done.clamp(min=1).to(self.device)).tolist()
        last = rates[done.clamp(1, len(rates)) - 1, torch.arange(len(self.members)), 0]
        if state.rate is not None:
            last = torch.full_like(last, state.rate)
        last = last * state.rate_factor
        scores = self.validate() if self.validation.rows else {}
        told = {f"train_{name}": values for name, values in measured.items()}
        told |= {f"validation_{name}": values for name, values in scores.items()}
        state.rows = [
            {
                "member": place,
                "epoch": state.epoch,
                "step": steps[place],
                "seconds": round(time.monotonic() - began, 3),
                "learning_rate": float(last[place]),
                "train_loss": train_loss[place],
            }
            | {name: values[place] for name, values in told.items()}
            for place in range(len(self.members))
        ]
        self.history.rows += state.rows
        state.train_loss = sum(train_loss) / len(train_loss)
        state.learning_rate = float(last[0])
        if not torch.isfinite(torch.tensor(train_loss)).any():
            if cut != "diverged" and (best is None or not any(best.epoch)):
                raise Diverged(state.epoch, self.rate[0].item())
            return "diverged"
        patient = True
        if best is not None:
            judged = scores["loss"] if self.validation.rows else train_loss
            patient = best.update(torch.tensor(judged, device=self.device), state.epoch)
            state.best_epoch = best.epoch
        state.cut = cut
        self._tell("on_epoch")
        if cut or state.stop:
            return cut or state.reason
        return None if patient else "early stopping"

    def rate_now(self) -> float:
        """The first member's learning rate in the step to come."""
        state = self.state
        rate = float(self._rates(state.step)[0, 0, 0]) if state.rate is None else state.rate
        return rate * state.rate_factor

    def _rates(self, first: int) -> Tensor:
        """The learning rates of an epoch's steps, each by the member's own progress. [S, M, 1]"""
        passes = self.feed.passes
        if self.schedule is not None:
            steps = torch.arange(first, first + passes) + self.past * passes
            return self.schedule(steps).to(self.rate)[:, None, None].expand(-1, len(self.members), 1)
        if self.config.schedule == "constant" and not self.config.warmup:
            return self.rate.expand(passes, -1, -1)
        inside = torch.arange(first % passes, first % passes + passes)[:, None]
        done = first // passes * self.feed.steps + self.feed.done_in_epoch(inside)  # [S, M]
        total = self.feed.steps * self.epochs
        factors = factor(self.config.schedule, done, total, self.config.warmup)
        return (self.rate[None, :, 0] * factors.to(self.device))[..., None]

    def _step(self, batch: Batch, rate: Tensor | float, generators: list[torch.Generator]) -> Step:
        """One update of each member that has rows left in this epoch. Its losses are 0 for the others."""
        network = self.network
        mode = Mode(training=True, generators=generators, rows=batch.rows)
        with autocast(self.device, self.config.precision):
            step = network.step(batch.raw, batch.target, batch.weight, mode, self.smoothing)
        gradient = step.gradient
        if self.l1 is not None:
            gradient.add_(self.l1 * self.decays * network.flat.detach().sign())
        if self.clip is not None:
            self.clip(gradient, batch.active)
        assert self.optimizer is not None
        self.optimizer.step(gradient, rate, batch.active)
        if network.constrained:
            network.constrain()
        if self.average is not None:
            self.average.update(network.flat, batch.active)
        if batch.active is None:
            return step
        return step._replace(losses=torch.where(batch.active, step.losses, 0.0))

    def validate(self) -> dict[str, list[float]]:
        """Loss of the averaged prediction and the network's metrics on each member's validation rows."""
        totals = Totals(len(self.members), self.device)
        with torch.inference_mode():
            for batch in self.validation.pieces(self.network.rows_at_a_time()):
                with autocast(self.device, self.config.precision):
                    output = self.network(batch.raw)
                totals.add(self.network.scores(output, batch.target), batch)
        return self._finish(totals)

    def _finish(self, totals: Totals) -> dict[str, list[float]]:
        with torch.inference_mode():
            return {name: value.tolist() for name, value in self.network.finish(totals.means()).items()}

    def _cut(self) -> Ending | None:
        state = self.state
        if self.config.stop_step is not None and state.step >= self.config.stop_step:
            return "interrupted"
        if self.interrupt.asked:
            return "interrupted"
        if state.stop:
            return state.reason
        if self.deadline is not None and time.monotonic() > self.deadline:
            return "time limit"
        return None

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            self._call(callback, getattr(callback, event))

    def _call(self, callback: Callback, hook: Callable[[State], None]) -> None:
        try:
            hook(self.state)
        except Exception as error:
            error.add_note(f"raised by the callback {type(callback).__name__} in {hook.__name__}")
            raise


class Diverged(NetwrightError):
    """The training loss is not a finite number, and there is no good epoch to go back to."""

    def __init__(self, epoch: int, rate: float) -> None:
        super().__init__(
            f"the training loss is not a finite number: the weights ran away in epoch {epoch}; "
            f"try a lower rate (training.learning_rate is {rate:g})"
        )


class Totals:
    """Weighted means of rows' scores, summed up batch by batch on the device."""

    def __init__(self, members: int, device: torch.device) -> None:
        self.sums: dict[str, Tensor] = {}
        self.weights = torch.zeros(members, device=device, dtype=torch.float64)

    @torch.no_grad()
    def add(self, scores: dict[str, Tensor], batch: Batch) -> None:
        """Scores [M, B] or [M, B, S] of a batch."""
        weight = batch.weight
        rows = next(iter(scores.values()))
        self.weights += rows.shape[1] if weight is None else weight.sum(1)
        for name, values in scores.items():
            if weight is not None:
                values = values * (weight if values.dim() == 2 else weight[..., None])
            total = values.sum(1, dtype=torch.float64)
            self.sums[name] = self.sums[name] + total if name in self.sums else total

    def means(self) -> dict[str, Tensor]:
        """Each [M] or [M, S]"""
        counts = self.weights.clamp(min=1e-12)
        return {name: total / counts.view(-1, *[1] * (total.dim() - 1)) for name, total in self.sums.items()}


class Watched:
    """Metrics of the training batches. Outputs wait until there are many: one computation serves them all."""

    def __init__(self, network: Trainable, device: torch.device) -> None:
        self.network, self.waiting = network, []
        self.sums = Totals(network.members, device)

    waiting: list[tuple[Any, Batch]]

    def add(self, output: Any, batch: Batch) -> None:
        """What a step gave."""
        if self.waiting and not _alike(self.waiting[-1], (output, batch)):
            self._count()
        self.waiting.append((output, batch))
        if len(self.waiting) >= WAITING:
            self._count()

    def totals(self) -> Totals:
        """The sums over all steps so far."""
        self._count()
        return self.sums

    @torch.no_grad()
    def _count(self) -> None:
        if not self.waiting:
            return
        output = _joined([output for output, _ in self.waiting])
        target = _joined([batch.target for _, batch in self.waiting])
        weights = [batch.weight for _, batch in self.waiting if batch.weight is not None]
        self.waiting = []
        batch = Batch({}, target, torch.cat(weights, 1) if weights else None)
        self.sums.add(self.network.scores(output, target), batch)


def _alike(one: tuple[Any, Batch], other: tuple[Any, Batch]) -> bool:
    """Whether two steps' outputs can stand in one tensor."""
    first, second = (each[0] if isinstance(each, list | tuple) else each for each in (one[0], other[0]))
    return first.shape[2:] == second.shape[2:] and (one[1].weight is None) == (other[1].weight is None)


def _joined(parts: list[Any]) -> Any:
    """Several steps' tensors (or lists, or dictionaries of tensors) as one. [M, B, ...]"""
    first = parts[0]
    if isinstance(first, dict):
        return {name: torch.cat([part[name] for part in parts], 1) for name in first}
    if isinstance(first, list | tuple):
        return [torch.cat([part[place] for part in parts], 1) for place in range(len(first))]
    return torch.cat(parts, 1)


def _lead(target: Any) -> Any:
    """The same with a member axis of one in front."""
    return {name: each[None] for name, each in target.items()} if isinstance(target, dict) else target[None]


class Best:
    """Remembers each member's weights at its best validation score."""

    def __init__(self, network: Trainable, patience: int | None) -> None:
        self.flat = network.flat.detach()
        self.live = [self.flat, *network.live()]
        self.kept = [tensor.clone() for tensor in self.live]
        self.patience = patience
        self.score = torch.full((len(self.flat),), float("inf"), device=self.flat.device)
        self.epoch = [0] * len(self.flat)
        self.waited = torch.zeros(len(self.flat), dtype=torch.int64)

    def update(self, score: Tensor, epoch: int) -> bool:
        """Keeps the weights of members that are better than before; False when all have waited enough."""
        better = score.nan_to_num(nan=float("inf")) < self.score
        if self.patience is not None:
            better &= (self.waited < self.patience).to(better.device)  # whoever has stopped stays as it is
        self.score = torch.where(better, score.to(self.score.dtype), self.score)
        for live, kept in zip(self.live, self.kept, strict=True):
            kept[better] = live[better]
        chosen = better.cpu()
        self.epoch = [epoch if new else old for new, old in zip(chosen.tolist(), self.epoch, strict=True)]
        done = self.waited >= self.patience if self.patience is not None else torch.zeros_like(chosen)
        self.waited = torch.where(chosen & ~done, 0, self.waited + 1)
        return self.patience is None or bool((self.waited < self.patience).any())

    def restore(self, *, keep_last: bool) -> None:
        """Puts the best weights back."""
        if keep_last:
            return
        for live, kept in zip(self.live, self.kept, strict=True):
            live.copy_(kept)
