"""The training loop: M members of one network, each with its own rows, seed and settings, as one program."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.config import TrainingConfig
from netwright.data.dataset import Dataset
from netwright.errors import NetwrightError
from netwright.nn.member import Mode
from netwright.nn.mixup import draw
from netwright.nn.objective import SETTINGS, Objective
from netwright.nn.trainable import Step, Trainable
from netwright.training.averaging import MovingAverage
from netwright.training.best import Best
from netwright.training.callbacks import Callback, State
from netwright.training.clip import Clip
from netwright.training.device import autocast, kept_memory
from netwright.training.feed import Batch, Feed, ResidentFeed
from netwright.training.history import Ending, History
from netwright.training.interrupt import Interrupt
from netwright.training.optimizer import Optimizer, Settings
from netwright.training.randomness import MemberGenerators, mixing
from netwright.training.schedule import factor
from netwright.training.totals import Totals, Watched

Hook = tuple[Callback, Callable[[State], None]]
WORTH_LEAVING = 0.2  # share of the members that must be done before the others go on without them


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
    sampling: str = "plain"
    logit_adjustment: float = 0.0
    mixup: float = 0.0
    focal_gamma: float = 2.0
    generalized_q: float = 0.7
    symmetric_alpha: float = 0.1
    symmetric_beta: float = 1.0
    huber_delta: float = 1.0

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
            label_smoothing=float(config.label_smoothing),
            clip_norm=config.clip_norm or float("inf"),
            l1=config.l1,
            sampling=config.sampling,
            logit_adjustment=config.logit_adjustment,
            mixup=config.mixup,
            **{name: getattr(config, name) for name in SETTINGS},
        )


def drawn_classes(data: Dataset, member: Member) -> Tensor | None:
    """Codes of the training rows of a member that sees all classes equally often, -1 without weight. [n]"""
    if member.sampling != "balanced":
        return None
    rows = member.train.to(data.weight.device)
    return torch.where(data.weight[rows] > 0, data.target[rows], -1).cpu()


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
        leave: whether members that are done leave the computation. `network` holds all in the end.
        prune: names members to be given up after an epoch, from the best validation loss of each that is
            still there.
        start: changes the first weights once they are drawn, such as to those of an earlier network.
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
        leave: bool = False,
        prune: Callable[[int, dict[int, float]], set[int]] | None = None,
        start: Callable[[Population], None] | None = None,
    ) -> None:
        self.network, self.data, self.members, self.config = network, data, members, config
        self.leave, self.prune, self.start = leave and keep_best, prune, start
        self.whole, self.numbers = network, list(range(len(members)))  # all members, and who is still there
        self.pruned: set[int] = set()
        self.best: Best | None = None  # the members' best epochs, while it trains
        self.first = 0  # step at which the epoch began
        self.callbacks, self.optimizer = callbacks, optimizer
        self.step_hooks: list[Hook] = []
        self.gradient_hooks: list[Hook] = []
        self.keep_best, self.watch_training = keep_best, watch_training
        self.schedule, self.average, self.past = schedule, average, past
        self.device = network.flat.device
        self.epochs = int(config.epochs)
        seeds = [member.seed for member in members]
        self.feed = feed or ResidentFeed(
            data,
            [member.train for member in members],
            seeds,
            int(config.batch_size),
            known=self._known(data),
            classes=[drawn_classes(data, member) for member in members],
        )
        judged = data if validation is None else validation
        self.validation = judged if isinstance(judged, Feed) else self._judged(judged, seeds)
        self.given_clip = clip
        self.given = (self.members, self.feed, self.validation)  # of all members
        self._settle()
        self.state = State(self.epochs, self.epochs * self.feed.passes, best_epoch=[0] * len(members))
        self.state.population = self
        self.history = History()

    def _settle(self) -> None:
        """What follows from who the members are."""
        members, network = self.members, self.network
        self.rate = self._each("learning_rate")
        l1 = self._each("l1")
        self.l1 = l1 if bool(l1.any()) else None
        norms = self._each("clip_norm")
        self.clip = self.given_clip or (Clip(norm=norms) if bool(torch.isfinite(norms).any()) else None)
        smoothing = self._each("label_smoothing")[:, 0]
        self.smoothing = smoothing if bool((smoothing > 0).any()) else None
        self.generators = MemberGenerators([member.seed for member in members], self.device)
        self.decays = network.layout.decays().to(self.device)
        network.set_objective(self._objective())
        self.mixup = [member.mixup for member in members] if any(member.mixup for member in members) else None
        self.balance = self._balance()

    def _objective(self) -> Objective:
        """The members' losses."""
        settings = {name: self._each(name)[:, 0] for name in SETTINGS}
        adjustment = self._each("logit_adjustment")[:, 0]
        return Objective(self.config.loss, settings, adjustment if bool((adjustment > 0).any()) else None)

    def _balance(self) -> Tensor | None:
        """Factors of the validation losses by class: for members that see classes equally often they let the
        classes of the validation rows weigh alike. None when all are 1. [M, C]"""
        balanced = [member.sampling == "balanced" for member in self.members]
        if not any(balanced) or not isinstance(self.validation, ResidentFeed):
            return None
        feed = self.validation
        factors = torch.ones(len(balanced), int(feed.data.target.max()) + 1, device=self.device)
        for place, rows in enumerate(feed.batches.member_rows):
            if balanced[place]:
                rows = rows.to(self.device)
                weight = torch.ones(len(rows)) if feed.weight is None else feed.weight[rows]
                counts = torch.zeros_like(factors[0])
                counts.index_add_(0, feed.data.target[rows].clamp(min=0), weight.to(counts))
                factors[place] = counts.sum() / ((counts > 0).sum() * counts).clamp(min=1e-12)
        return factors

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
            balanced = member.sampling == "balanced"
            network.fit_preparation(place, data.raw, data.target, data.weight, rows, balanced)
        network.initialise([member.seed for member in self.members])
        if self.start is not None:
            self.start(self)
        self.optimizer = self._new_optimizer()

    def _new_optimizer(self) -> Optimizer:
        """The config's optimiser with the members' settings."""
        network = self.network
        settings = Settings(
            self._each("weight_decay"),
            self._each("beta1"),
            self._each("beta2"),
            self._each("momentum"),
            self.config.nesterov,
        )
        rates = network.layout.rates().to(self.device)
        return Optimizer(self.config.optimizer, network.flat.detach(), settings, rates, self.decays)

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
            Diverged: the loss was not a finite number before any epoch was a success. The callbacks have been
                told of the end, and where best epochs are kept the network has its first weights again.
        """
        # Without validation rows there is nothing to wait for: the loss of training rows only ever falls.
        patience = self.config.patience if self.validation.rows else None
        self.best = Best(self.network, patience) if self.keep_best else None  # type: ignore[arg-type]
        self._tell("on_start")
        began = time.monotonic() - self.state.seconds
        hooks = [(callback, callback.step_hook()) for callback in self.callbacks]
        self.step_hooks = [(callback, hook) for callback, hook in hooks if hook is not None]
        looks = [(callback, callback.gradient_hook()) for callback in self.callbacks]
        self.gradient_hooks = [(callback, hook) for callback, hook in looks if hook is not None]
        self.network.tell_losses = bool(self.step_hooks) or not self.watch_training
        with Interrupt() as interrupt, kept_memory():
            self.deadline, self.interrupt = deadline, interrupt
            ending: Ending | None = self.state.reason if self.state.stop else None
            if self.best is not None and ending is None and self.state.epoch:  # a training is taken up
                self.best, ending = self._taken_up(self.best)
            while ending is None and self.state.epoch < self.epochs:
                ending = self._epoch(self.best, began)
                if self.best is not None and ending is None:
                    self.best, ending = self._leave(self.best)
        best, self.best = self.best, None
        self.history.stopped = ending or "all epochs"
        self.history.epochs = self.state.epoch
        if ending in ("time limit", "interrupted"):
            self.history.stop_step = self.state.step
        if self.average is not None:
            self.network.flat.data.copy_(self.average.values)
        if best is not None:
            best.restore(keep_last=not self.validation.rows and ending != "diverged")
            if self.whole is not self.network:
                self._store(list(range(len(self.members))), best.live)
                self._widen()
            self.history.best_epoch = self.state.best_epoch
        self._tell("on_end")
        if ending == "diverged" and self.state.cut != "diverged":  # no callback has meant it to end so
            failure = Diverged(self.state.epoch, self.rate[0].item(), self.state.verdict)
            self.history.failure = str(failure)
            if not any(self.state.best_epoch):
                raise failure
        return self.history

    def _taken_up(self, best: Best) -> tuple[Best, Ending | None]:
        """What follows an epoch, after which an earlier training was broken off."""
        return self._leave(best) if best.patient() else (best, "early stopping")

    def narrow(self, numbers: list[int]) -> None:
        """Goes on with the members of these numbers alone, before the first step."""
        assert self.best is not None
        self.best = self._narrow([self.numbers.index(number) for number in numbers], self.best)

    def _leave(self, best: Best) -> tuple[Best, Ending | None]:
        """Takes members that are done, given up or diverged out of the computation, when that is worth it."""
        if not self.leave or self.given_clip is not None or self.average is not None:
            return best, None
        losses = {
            number: float(score) for number, score in zip(self.numbers, best.score.tolist(), strict=True)
        }
        pruned = set() if self.prune is None else self.prune(self.state.epoch, losses) & set(self.numbers)
        self.pruned |= pruned
        done = best.done().tolist()
        gone = [
            place
            for place, (number, row) in enumerate(zip(self.numbers, self.state.rows, strict=True))
            if done[place] or number in pruned or not math.isfinite(row["train_loss"])
        ]
        if len(gone) == len(self.numbers):
            return best, "early stopping"
        if not gone or (not pruned and len(gone) < WORTH_LEAVING * len(self.numbers)):
            return best, None
        self._store(gone, best.kept)
        left = [place for place in range(len(self.numbers)) if place not in gone]
        return self._narrow(left, best), None

    def _store(self, places: list[int], tensors: list[Tensor]) -> None:
        """Writes some members' parameters and statistics to where all members are."""
        numbers = [self.numbers[place] for place in places]
        for whole, part in zip([self.whole.flat.data, *self.whole.live()], tensors, strict=True):
            whole[numbers] = part[places]

    def _widen(self) -> None:
        """Has all members there again, for whoever looks at what was trained."""
        self.network, self.numbers = self.whole, list(range(self.whole.members))
        self.members, self.feed, self.validation = self.given
        self._settle()

    def _narrow(self, left: list[int], best: Best) -> Best:
        """Goes on with some of the members, whose memory is returned."""
        assert self.optimizer is not None
        assert isinstance(self.feed, ResidentFeed)
        state = {name: value[left] for name, value in self.optimizer.state_dict().items()}
        self.network = self.network.select(left)
        self.members = [self.members[place] for place in left]
        self.numbers = [self.numbers[place] for place in left]
        self.feed = self.feed.select(left)
        if isinstance(self.validation, ResidentFeed):
            self.validation = self.validation.select(left)
        self._settle()
        self.optimizer = self._new_optimizer()
        self.optimizer.load_state_dict(state)
        remaining = self.epochs - self.state.epoch
        self.state.steps = self.state.step + remaining * self.feed.passes
        return best.part(left, self.network)

    @torch.no_grad()
    @np.errstate(all="ignore")
    def measure(self, seconds: float) -> float:
        """The seconds that one epoch with its validation takes, by a trial of about so many seconds.

        The weights that it trains are to be thrown away.
        """
        self.prepare()
        mode = self._draw_anew(0)
        times: list[float] = []
        began = start = time.monotonic()
        for batch in self.feed.epoch(0):
            self._step(batch, self.rate * 0.0, mode)
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
        first = self.first = state.step
        state.epoch += 1
        mode = self._draw_anew(self.past + state.epoch)
        losses = state.losses = torch.zeros(len(self.members), device=self.device)
        seen = Watched(self.network, self.device) if self.watch_training else None
        self._tell("on_epoch_start")
        rates = self._rates(state.epoch - 1)  # [S, M, 1]
        cut = self._steps(rates, mode, losses, seen, began)
        done = self.feed.done_in_epoch(state.step - first)
        steps = ((state.epoch - 1) * self.feed.steps + done).tolist()
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
                "member": self.numbers[place],
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
        state.cut = cut
        if not any(math.isfinite(loss) for loss in train_loss):
            return "diverged"
        patient = True
        if best is not None:
            judged = scores["loss"] if self.validation.rows else train_loss
            patient = best.update(torch.tensor(judged, device=self.device), state.epoch)
            for number, epoch in zip(self.numbers, best.epoch, strict=True):
                state.best_epoch[number] = epoch
        self._tell("on_epoch")
        if cut or state.stop:
            return cut or state.reason
        return None if patient else "early stopping"

    @np.errstate(all="ignore")  # weights that run away are found in their losses
    def _steps(
        self, rates: Tensor, mode: Mode, losses: Tensor, seen: Watched | None, began: float
    ) -> Ending | None:
        """The steps of an epoch, with rates [S, M, 1], added to `losses` [M] and `seen`; why it was cut."""
        state, hooks, tell_losses = self.state, self.step_hooks, self.network.tell_losses
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
            step = self._step(batch, rate, mode)
            if tell_losses:
                losses += step.losses
            if seen is not None:
                seen.add(step.output, batch)
            state.learning_rate = float(rate[0]) if isinstance(rate, Tensor) else rate
            state.step += 1
            state.seconds = time.monotonic() - began
            state.batch, state.step_losses = batch, step.losses
            for callback, hook in hooks:
                self._call(callback, hook)
            cut = self._cut()
            if cut:
                return cut
        return None

    def rate_now(self) -> float:
        """The first member's learning rate in the step to come."""
        state = self.state
        inside, done = state.step - self.first, state.epoch - 1
        if done < 0 or inside >= self.feed.passes:  # between epochs
            inside, done = 0, state.epoch
        rate = float(self._rates(done)[inside, 0, 0]) if state.rate is None else state.rate
        return rate * state.rate_factor

    def _rates(self, epochs: int) -> Tensor:
        """The learning rates of an epoch after so many others, by the member's own progress. [S, M, 1]"""
        passes = self.feed.passes
        if self.schedule is None and self.config.schedule == "constant" and not self.config.warmup:
            return self.rate.expand(passes, -1, -1)
        inside = torch.arange(passes)
        if self.schedule is not None:
            rates = self.schedule((self.past + epochs) * passes + inside).to(self.rate)
            return rates[:, None, None].expand(-1, len(self.members), 1)
        done = epochs * self.feed.steps + self.feed.done_in_epoch(inside[:, None])  # [S, M]
        total = self.feed.steps * self.epochs
        factors = factor(self.config.schedule, done, total, float(self.config.warmup))
        return (self.rate[None, :, 0] * factors.to(self.device))[..., None]

    def _draw_anew(self, epoch: int) -> Mode:
        """Starts the members' randomness of an epoch; what its steps are made with."""
        if self.mixup is not None:
            self.mixers = mixing([member.seed for member in self.members], epoch)
        return Mode(training=True, generators=self.generators.start(epoch))

    def _step(self, batch: Batch, rate: Tensor | float, mode: Mode) -> Step:
        """One update of each member that has rows left in this epoch. Its losses are 0 for the others."""
        network = self.network
        mode.rows = batch.rows
        if self.mixup is not None:
            rows = len(next(iter(batch.raw.values()))[0])
            mode.mix = draw(self.mixers, self.mixup, rows, batch.weight, self.device)
        with autocast(self.device, self.config.precision):
            step = network.step(batch.raw, batch.target, batch.weight, mode, self.smoothing)
        gradient = step.gradient
        if self.l1 is not None:
            gradient.add_(self.l1 * self.decays * network.flat.detach().sign())
        if self.gradient_hooks:
            self.state.gradient, self.state.batch = gradient, batch
            self.state.step_losses, self.state.output = step.losses, step.output
            for callback, hook in self.gradient_hooks:
                self._call(callback, hook)
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
                scores = self.network.scores(output, batch.target)
                if self.balance is not None:
                    factors = self.balance.gather(1, batch.target.clamp(min=0))
                    scores = {"log_loss": scores["loss"]} | scores | {"loss": scores["loss"] * factors}
                totals.add(scores, batch)
        return self._finish(totals)

    def _finish(self, totals: Totals) -> dict[str, list[float]]:
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
    """The training loss is not a finite number, and there is no good epoch to go back to.

    Arguments:
        epoch: in which that was.
        rate: the learning rate.
        verdict: what a callback says of it; what is likely unless given.
    """

    def __init__(self, epoch: int, rate: float, verdict: str | None = None) -> None:
        likely = (
            f"the weights ran away in epoch {epoch}; try a lower learning rate than {rate:g} "
            "(training.learning_rate of a config, learning_rate of an optimizer)"
        )
        super().__init__(f"the training loss is not a finite number: {verdict or likely}")
        self.verdict = verdict


def _lead(target: Any) -> Any:
    """The same with a member axis of one in front."""
    return {name: each[None] for name, each in target.items()} if isinstance(target, dict) else target[None]
