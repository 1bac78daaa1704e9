"""The training loop: M members of one network, each with its own rows, seed and settings, as one program."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.config import TrainingConfig
from netwright.data.dataset import Dataset
from netwright.errors import NetwrightError
from netwright.nn.layers import BatchNorm
from netwright.nn.member import Mode
from netwright.nn.network import Network
from netwright.training.batches import Batches
from netwright.training.callbacks import Callback, State
from netwright.training.device import autocast
from netwright.training.history import Ending, History
from netwright.training.interrupt import Interrupt
from netwright.training.optimizer import Optimizer, Settings, clip_norm
from netwright.training.randomness import MemberGenerators
from netwright.training.schedule import factor


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
    """

    def __init__(
        self,
        network: Network,
        data: Dataset,
        members: list[Member],
        config: TrainingConfig,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.network, self.data, self.members, self.config = network, data, members, config
        self.callbacks = callbacks
        self.device = network.flat.device
        self.epochs = int(config.epochs)
        self.batches = Batches(
            [m.train for m in members], [m.seed for m in members], int(config.batch_size), self.device
        )
        self.validation = Batches.shared([m.validation for m in members], self.device)
        self.rate = self._each("learning_rate")
        self.l1 = self._each("l1")
        self.clip = self._each("clip_norm")
        smoothing = self._each("label_smoothing")[:, 0]
        self.smoothing = smoothing if bool((smoothing > 0).any()) else None
        self.generators = MemberGenerators([m.seed for m in members], self.device)
        self.state = State(self.epochs, self.epochs * self.batches.passes, best_epoch=[0] * len(members))
        self.history = History()

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
        rates, decays = network.layout.rates().to(self.device), network.layout.decays().to(self.device)
        self.decays = decays
        self.optimizer = Optimizer(self.config.optimizer, network.flat.detach(), settings, rates, decays)

    def fit(self, deadline: float | None = None) -> History:
        """Trains to the end, the deadline or Ctrl-C, and puts each member's best epoch back.

        Arguments:
            deadline: when training must be over, by `time.monotonic`.

        Raises:
            NetwrightError: the loss was not a finite number before any epoch was a success.
        """
        self.prepare()
        # Without validation rows there is nothing to wait for: the loss of training rows only ever falls.
        patience = self.config.patience if self.validation.rows else None
        best = Best(self.network, patience)  # type: ignore[arg-type]
        began = time.monotonic()
        self._tell("on_start")
        with Interrupt() as interrupt:
            self.deadline, self.interrupt = deadline, interrupt
            ending: Ending | None = None
            while ending is None and self.state.epoch < self.epochs:
                ending = self._epoch(best, began)
        self.history.stopped = ending or "all epochs"
        self.history.epochs = self.state.epoch
        if ending in ("time limit", "interrupted"):
            self.history.stop_step = self.state.step
        best.restore(keep_last=not self.validation.rows and ending != "diverged")
        self.history.best_epoch = best.epoch
        self._tell("on_end")
        return self.history

    def measure(self, seconds: float) -> float:
        """The seconds that one epoch with its validation takes, by a trial of about so many seconds.

        The weights that it trains are to be thrown away.
        """
        self.prepare()
        generators = self.generators.start(0)
        times: list[float] = []
        began = time.monotonic()
        for index, rows in self.batches.epoch(0):
            start = time.monotonic()
            self._step(index, rows, self.rate * 0.0, generators)
            times.append(time.monotonic() - start)
            if time.monotonic() - began > seconds and len(times) >= 3:
                break
        start = time.monotonic()
        self._validate()
        steady = sorted(times)[len(times) // 2]
        return steady * self.batches.passes + (time.monotonic() - start)

    def _epoch(self, best: Best, began: float) -> Ending | None:
        """One pass over the training rows, then validation. Returns why training ends, or None."""
        state = self.state
        state.epoch += 1
        generators = self.generators.start(state.epoch)
        total = torch.zeros(len(self.members), device=self.device)
        cut: Ending | None = None
        rate = self.rate
        for index, rows in self.batches.epoch(state.epoch):
            rate = torch.where(rows[:, :1] > 0, self._rate(), rate)
            total += self._step(index, rows, rate, generators)
            state.step += 1
            state.seconds = time.monotonic() - began
            self._tell("on_step")
            cut = self._cut()
            if cut:
                break
        done = self.batches.done_in_epoch(state.step - (state.epoch - 1) * self.batches.passes).to(
            self.device
        )
        steps = self.batches.member_steps(state.step).tolist()
        train_loss = (total / done.clamp(min=1)).tolist()
        scores = self._validate()
        state.rows = [
            {
                "member": place,
                "epoch": state.epoch,
                "step": steps[place],
                "seconds": round(time.monotonic() - began, 3),
                "learning_rate": float(rate[place]),
                "train_loss": train_loss[place],
            }
            | {f"validation_{name}": values[place] for name, values in scores.items()}
            for place in range(len(self.members))
        ]
        self.history.rows += state.rows
        watched = scores["loss"] if self.validation.rows else train_loss
        if not torch.isfinite(torch.tensor(train_loss)).any():
            if not any(best.epoch):
                raise NetwrightError(
                    f"the training loss is not a finite number: the weights ran away in epoch {state.epoch}; "
                    f"try a lower rate (training.learning_rate is {self.rate[0].item():g})"
                )
            return "diverged"
        patient = best.update(torch.tensor(watched, device=self.device), state.epoch)
        state.best_epoch = best.epoch
        state.train_loss = sum(train_loss) / len(train_loss)
        self._tell("on_epoch_end")
        if cut or state.stop:
            return cut or "interrupted"
        return None if patient else "early stopping"

    def _rate(self) -> Tensor:
        """The learning rate of each member's next step. [M, 1]"""
        member_step = self.batches.member_steps(self.state.step)
        factors = factor(
            self.config.schedule, member_step, self.batches.steps * self.epochs, self.config.warmup
        )
        rate = self.rate * factors[:, None].to(self.device)
        self.state.learning_rate = float(rate[0])
        return rate

    def _step(self, index: Tensor, rows: Tensor, rate: Tensor, generators: list[torch.Generator]) -> Tensor:
        """One update of each member with rows left in this epoch. Returns losses, 0 for the others. [M]"""
        network, data = self.network, self.data
        raw = {name: tensor[index] for name, tensor in data.raw.items()}
        target = data.target[index]
        mode = Mode(training=True, generators=generators, rows=rows)
        with autocast(self.device, self.config.precision):
            output = network(raw, mode)
        weight = data.weight[index] * rows * network.head.known(target)
        losses = network.head.loss(output.float(), target, weight, self.smoothing)
        active = rows[:, 0] > 0
        objective = losses.sum()
        if self.config.l1 or bool(self.l1.any()):
            objective = objective + (self.l1 * (network.flat * self.decays).abs()).sum()
        network.flat.grad = None
        objective.backward()
        gradient = network.flat.grad
        assert gradient is not None
        clip_norm(gradient, self.clip)
        everyone = bool(active.all()) if self.batches.ragged else True
        self.optimizer.step(gradient, rate, None if everyone else active)
        return torch.where(active, losses.detach(), 0.0)

    def _validate(self) -> dict[str, list[float]]:
        """Loss of the averaged prediction and the head's metric on each member's validation rows."""
        head = self.network.head
        totals: dict[str, Tensor] = {}
        weights = torch.zeros(len(self.members), device=self.device, dtype=torch.float64)
        with torch.inference_mode():
            for index, rows in self.validation.pieces(self.network.rows_at_a_time()):
                raw = {name: tensor[index] for name, tensor in self.data.raw.items()}
                target = self.data.target[index]
                with autocast(self.device, self.config.precision):
                    output = self.network(raw)
                weight = self.data.weight[index] * rows * head.known(target)
                weights += weight.sum(1)
                for name, values in head.scores(output.float(), target).items():
                    totals[name] = totals.get(name, 0.0) + (values * weight).sum(1, dtype=torch.float64)
        means = {name: total / weights.clamp(min=1e-12) for name, total in totals.items()}
        return {name: value.tolist() for name, value in head.finish(means).items()}

    def _cut(self) -> Ending | None:
        state = self.state
        if self.config.stop_step is not None and state.step >= self.config.stop_step:
            return "interrupted"
        if self.interrupt.asked or state.stop:
            return "interrupted"
        if self.deadline is not None and time.monotonic() > self.deadline:
            return "time limit"
        return None

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self.state)


class Best:
    """Remembers each member's weights at its best validation score."""

    def __init__(self, network: Network, patience: int | None) -> None:
        self.flat = network.flat.detach()
        norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
        self.live = [self.flat, *(buffer for norm in norms for buffer in (norm.mean, norm.variance))]
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
