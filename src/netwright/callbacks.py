"""Callbacks under Keras's names: what watches and steers a training.

They work in `fit` of models and of `nw.Trainer`. One of your own overrides some of Keras's methods:

>>> class Told(Callback):
...     def on_epoch_end(self, epoch, logs=None):
...         print(epoch, logs["loss"])

Logs are `loss`, `val_loss`, each metric as `accuracy` and `val_accuracy`, and `learning_rate`. Where several
networks train together they are those of the first; `self.state.rows` has all.
"""

from __future__ import annotations

import csv
import inspect
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from netwright import metrics
from netwright.arguments import Checked
from netwright.doctor.callback import Doctor
from netwright.errors import InputError, suggestion
from netwright.training import callbacks as engine
from netwright.training.averaging import StochasticAverage
from netwright.training.callbacks import State
from netwright.training.events import EventWriter
from netwright.training.history import logs as told

__all__ = [
    "CSVLogger",
    "Callback",
    "Doctor",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "StochasticWeightAveraging",
    "TensorBoard",
    "TerminateOnNaN",
    "TimeLimit",
]


class Callback(Checked, engine.Callback):
    """Base of all callbacks: override what is needed. Epochs and batches count from 0, as in Keras.

    Setting `self.model.stop_training = True` ends the training; `self.learning_rate` reads and sets the
    learning rate of the steps that follow.

    Attributes:
        model: what trains.
        params: epochs, and steps of an epoch.
        state: the engine's own view; see `netwright.training.callbacks.State`.
    """

    model: Any = None
    params: dict[str, Any]
    state: State

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Before the first step."""

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Before the first step of an epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """After an epoch's validation."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Before a step. Costs time; only called when it is overridden."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """After a step, with the mean loss of the epoch so far. Costs time; only called when overridden."""

    @property
    def learning_rate(self) -> float:
        """The learning rate of the step to come."""
        return self.state.population.rate_now()

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.state.rate, self.state.rate_factor = float(rate), 1.0

    # What the engine calls.

    def on_start(self, state: State) -> None:
        self.state, self._logs = state, {}
        if state.model is not None:
            self.set_model(state.model)
        passes = state.steps // max(1, state.epochs)
        self.set_params({"epochs": state.epochs, "steps": passes, "verbose": 0})
        self.on_train_begin({})
        self._look()

    def on_epoch_start(self, state: State) -> None:
        self._first, self._steps = state.step, state.population.feed.passes
        self.on_epoch_begin(state.past + state.epoch - 1, {})
        if self._overrides("on_train_batch_begin"):
            self.on_train_batch_begin(0, {})
        self._look()

    def step_hook(self) -> Callable[[State], None] | None:
        mine = type(self).on_step is not Callback.on_step
        batches = self._overrides("on_train_batch_end") or self._overrides("on_train_batch_begin")
        return self.on_step if mine or batches else None

    def on_step(self, state: State) -> None:
        done = state.step - self._first
        self.on_train_batch_end(done - 1, {"loss": float(state.losses[0]) / done})
        if done < self._steps:
            self.on_train_batch_begin(done, {})
        self._look()

    def on_epoch(self, state: State) -> None:
        self._logs = told(state.rows[0])
        self.on_epoch_end(state.past + state.epoch - 1, self._logs)
        self._look()

    def on_end(self, state: State) -> None:
        self.on_train_end(self._logs)

    def _overrides(self, name: str) -> bool:
        return getattr(type(self), name) is not getattr(Callback, name)

    def _look(self) -> None:
        if getattr(self.model, "stop_training", False):
            self.state.stop = True

    def _stop(self, reason: str) -> None:
        self.state.stop, self.state.reason = True, reason


class _Monitor(Callback):
    """What watches one figure of each epoch."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise InputError(f"mode is {mode!r}", where=type(self).__name__, hint="auto, min or max")
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(float(min_delta))
        self.rising = _rises(monitor) if mode == "auto" else mode == "max"

    @property
    def worst(self) -> float:
        return -math.inf if self.rising else math.inf

    def watched(self, logs: dict[str, float] | None) -> float:
        """The figure's value now."""
        known = {name: value for name, value in (logs or {}).items() if value is not None}
        if self.monitor not in known:
            lacks = self.monitor.startswith("val_") and not any(name.startswith("val_") for name in known)
            raise InputError(
                f"there is no {self.monitor!r} to watch",
                where=type(self).__name__,
                hint="give validation_data or validation_split, or monitor='loss'"
                if lacks
                else suggestion(self.monitor, known),
            )
        return float(known[self.monitor])

    def better(self, value: float, than: float) -> bool:
        return value - self.min_delta > than if self.rising else value + self.min_delta < than


def _rises(name: str) -> bool:
    """Whether more of a figure is better, by its name."""
    name = name.removeprefix("val_")
    kind = (metrics.KNOWN | metrics.ALIASES).get(name)
    return kind.higher if kind is not None else name.rpartition("_")[2] in ("acc", "accuracy", "auc")


class EarlyStopping(_Monitor):
    """Ends the training when a figure has not become better for some epochs.

    Arguments:
        monitor: the figure.
        min_delta: what counts as better at least.
        patience: epochs without a better value that are waited for.
        verbose: 1 says so.
        mode: "min", "max", or "auto" by the figure's name.
        baseline: what has to be reached at least for the waiting to begin anew.
        restore_best_weights: whether the best epoch's weights are put back.
        start_from_epoch: epochs before this one are passed over.
    """

    remembers = ("wait", "best", "best_epoch", "stopped_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.wait = self.best_epoch = self.stopped_epoch = 0
        self.best = self.worst
        self.best_weights: list[torch.Tensor] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        value = self.watched(logs)
        if epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.better(value, self.best) or self.best_weights is None:
            self.best_epoch = epoch
            if self.better(value, self.best):
                self.best = value
                if self.baseline is None or self.better(value, self.baseline):
                    self.wait = 0
            # Without weights to put back an empty list says that there was an epoch.
            self.best_weights = [each.clone() for each in _live(self.state)] * self.restore_best_weights
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self._stop("early stopping")

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            with torch.no_grad():
                for live, kept in zip(_live(self.state), self.best_weights, strict=True):
                    live.copy_(kept)


def _live(state: State) -> list[torch.Tensor]:
    """All that training changes in the network. Each [M, ...]"""
    network = state.population.network
    return [network.flat.detach(), *network.live()]


class ModelCheckpoint(_Monitor):
    """Saves the model after epochs.

    Arguments:
        filepath: where to, with the epoch (from 1) and figures where they are wanted, as in
            "weights-{epoch:02d}-{val_loss:.2f}.safetensors".
        monitor: which figure says what is best.
        verbose: 1 says so.
        save_best_only: whether only what is better than before is saved.
        save_weights_only: whether `model.save_weights` is used in the place of `model.save`.
        mode: "min", "max", or "auto" by the figure's name.
        save_freq: "epoch", or a number of steps.
        initial_value_threshold: what the first save has to be better than.
    """

    remembers = ("best",)

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath, self.verbose = str(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise InputError(
                f"save_freq is {save_freq!r}", where="ModelCheckpoint", hint="'epoch', or a number of steps"
            )
        self.save_freq = save_freq
        self.best = self.worst if initial_value_threshold is None else initial_value_threshold

    def step_hook(self) -> Callable[[State], None] | None:
        return None if self.save_freq == "epoch" else self.on_step

    def on_step(self, state: State) -> None:
        if state.step % int(self.save_freq) == 0:
            done = state.step - self._first
            self._save(state.past + state.epoch - 1, {"loss": float(state.losses[0]) / done})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: dict[str, float]) -> None:
        if self.save_best_only:
            value = self.watched(logs)
            if not self.better(value, self.best):
                return
            self.best = value
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            name = str(error.args[0])
            raise InputError(
                f"there is no {name!r} to name a file by",
                where=f"ModelCheckpoint, {self.filepath}",
                hint=suggestion(name, ["epoch", *logs]),
            ) from None
        if self.verbose:
            print(f"Epoch {epoch + 1}: saving the model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Arguments:
        schedule: from the epoch (from 0) and the learning rate to the new learning rate.
        verbose: 1 says so.

    Example:
        >>> callback = LearningRateScheduler(lambda epoch, lr: lr if epoch < 10 else lr * 0.9)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # As in Keras, a function of the epoch alone will do too.
        alone = len(inspect.signature(self.schedule).parameters) == 1
        rate = self.schedule(epoch) if alone else self.schedule(epoch, self.learning_rate)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < math.inf:
            raise InputError(
                f"the schedule gave {rate!r} for epoch {epoch}",
                where="LearningRateScheduler",
                hint="it must give a learning rate, a number of at least 0",
            )
        self.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate {rate:g}")


class ReduceLROnPlateau(_Monitor):
    """Lowers the learning rate when a figure has not become better for some epochs.

    Arguments:
        monitor: the figure.
        factor: what the rate is multiplied by, below 1.
        patience: epochs without a better value that are waited for.
        verbose: 1 says so.
        mode: "min", "max", or "auto" by the figure's name.
        min_delta: what counts as better at least.
        cooldown: epochs after a change before waiting begins again.
        min_lr: the rate never falls below.
    """

    remembers = ("wait", "best", "cooling")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 < factor < 1:
            raise InputError(f"factor is {factor!r}", where="ReduceLROnPlateau", hint="between 0 and 1")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.wait = self.cooling = 0
        self.best = self.worst

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        value = self.watched(logs)
        if self.cooling:
            self.cooling -= 1
            self.wait = 0
        if self.better(value, self.best):
            self.best, self.wait = value, 0
            return
        if self.cooling:
            return
        self.wait += 1
        rate = self.learning_rate
        if self.wait >= self.patience and rate > self.min_lr:
            # A factor, not a rate: a schedule goes on below it, and members keep rates of their own.
            self.state.rate_factor *= max(self.factor, self.min_lr / rate)
            self.cooling, self.wait = self.cooldown, 0
            if self.verbose:
                print(f"Epoch {epoch + 1}: learning rate {self.learning_rate:g}")


class CSVLogger(Callback):
    """Writes a line of figures for each epoch.

    Arguments:
        filename: of the file.
        separator: between figures.
        append: whether what is in the file stays.
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = Path(filename), separator, append

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.begun = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        try:
            self.file = self.filename.open("a" if self.append else "w", newline="", encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"the file cannot be written: {error.strerror}", where=f"CSVLogger, {self.filename}"
            ) from None
        self.writer: Any = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = {"epoch": epoch} | dict(sorted((logs or {}).items()))
        if self.writer is None:
            self.writer = csv.DictWriter(
                self.file, list(row), delimiter=self.separator, lineterminator="\n", extrasaction="ignore"
            )
            if not self.begun:
                self.writer.writeheader()
        self.writer.writerow(row)
        self.file.flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.file.close()


class TensorBoard(Callback):
    """Writes event files that TensorBoard shows; needs no other package.

    Curves are named as Keras names them: `epoch_loss` in the folders `train` and `validation`,
    `epoch_learning_rate`, `batch_loss`.

    Arguments:
        log_dir: the folder.
        update_freq: "epoch"; or "batch", or a number of steps, for the loss of steps too.
    """

    def __init__(self, log_dir: str | Path = "logs", update_freq: str | int = "epoch") -> None:
        every = {"epoch": 0, "batch": 1}.get(update_freq, -1) if isinstance(update_freq, str) else update_freq
        if every < 0:
            raise InputError(
                f"update_freq is {update_freq!r}",
                where="TensorBoard",
                hint="'epoch', 'batch', or a number of steps",
            )
        self.log_dir, self.every = Path(log_dir), every

    def step_hook(self) -> Callable[[State], None] | None:
        return self.on_step if self.every else None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.writers: dict[str, EventWriter] = {}

    def on_step(self, state: State) -> None:
        if state.step % self.every == 0:
            loss = float(state.losses[0]) / (state.step - self._first)
            self._writer("train").scalar("batch_loss", loss, state.step)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name, value in (logs or {}).items():
            folder = "validation" if name.startswith("val_") else "train"
            self._writer(folder).scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        for writer in self.writers.values():
            writer.flush()

    def _writer(self, folder: str) -> EventWriter:
        if folder not in self.writers:
            self.writers[folder] = EventWriter(self.log_dir / folder)
        return self.writers[folder]

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        for writer in self.writers.values():
            writer.close()


class TerminateOnNaN(Callback):
    """Ends the training at the first loss that is not a finite number, without an error.

    It looks at the loss after each step, which a GPU has to be waited for.
    """

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if not bool(torch.isfinite(self.state.losses).any()):
            print(f"Batch {batch}: the loss is not a finite number, training ends")
            self._stop("diverged")


class TimeLimit(Callback):
    """Ends the training after some seconds, in the middle of an epoch if need be.

    Arguments:
        seconds: since the training began.
    """

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise InputError(f"seconds is {seconds!r}", where="TimeLimit", hint="give more than 0")
        self.seconds = seconds

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.end = time.monotonic() + self.seconds

    def on_step(self, state: State) -> None:
        if time.monotonic() > self.end:
            self._stop("time limit")


class LambdaCallback(Callback):
    """Calls functions, which take what the methods of `Callback` of these names take.

    Example:
        >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name.startswith("on_") and value}
        self.given = given
        for name, function in given.items():
            setattr(self, name, function)

    def _overrides(self, name: str) -> bool:
        return name in self.given


class History(Callback):
    """The figures of each epoch; `fit` gives it back.

    Attributes:
        history: {"loss": [...], "accuracy": [...], "val_loss": [...], ...}, a value for each epoch.
        epoch: numbers of the epochs, from 0.
        rates: the learning rate at the end of each epoch.
        rows: the engine's rows of all members.
        stopped: why training ended.
    """

    remembers = ("history", "epoch", "rates", "rows")

    def __init__(self) -> None:
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.rates: list[float] = []
        self.rows: list[dict[str, Any]] = []
        self.stopped = "all epochs"

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch.append(epoch)
        self.rows += self.state.rows
        for name, value in (logs or {}).items():
            if name == "learning_rate":
                self.rates.append(value)
            else:
                self.history.setdefault(name, []).append(value)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.stopped = self.state.population.history.stopped

    def plot(self) -> Any:
        """The curves as a matplotlib figure, which a notebook shows; a panel for each figure."""
        from matplotlib.ticker import MaxNLocator

        from netwright.report.canvas import SERIES, legend, panels
        from netwright.report.canvas import name as label

        names = [name for name in self.history if not name.startswith("val_")]
        columns = min(3, max(1, len(names)))
        rows = max(1, -(-len(names) // columns))
        figure, places = panels(3.6 * columns + 0.3, 2.7 * rows, rows=rows, columns=columns, gap=0.8)
        for place, axes in enumerate(places):
            if place >= len(names):
                axes.set_axis_off()
                continue
            name = names[place]
            for column, words, colour in ((name, "training", 0), (f"val_{name}", "validation", 1)):
                if column in self.history:
                    values = self.history[column]
                    dot = "o" if len(values) == 1 else None
                    axes.plot(
                        range(1, len(values) + 1),
                        values,
                        label=words,
                        marker=dot,
                        color=SERIES[colour],
                        linewidth=1.6,
                    )
            label(axes, "", "epoch", name)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            legend(axes)
        return figure


class StochasticWeightAveraging(Callback):
    """The mean of the weights at the ends of epochs takes their place (SWA, arXiv 1803.05407).

    Batch statistics stay those of the last epoch: average only networks without batch norm, or take the
    statistics anew by a pass over the training rows.

    Arguments:
        start_epoch: the first epoch, from 0, that counts.
    """

    remembers = ("average",)

    def __init__(self, start_epoch: int = 0) -> None:
        if start_epoch < 0:
            raise InputError(f"start_epoch is {start_epoch!r}", where="StochasticWeightAveraging")
        self.start_epoch = start_epoch

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.average = StochasticAverage(self.state.population.network.flat.detach(), self.start_epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.average.update(self.state.population.network.flat.detach())

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        with torch.no_grad():
            self.state.population.network.flat.detach().copy_(self.average.values)

    def remembered(self) -> dict[str, Any]:
        return self.average.state_dict()

    def remember(self, values: dict[str, Any]) -> None:
        self.average.load_state_dict(values)


def checked(callbacks: engine.Callback | Sequence[engine.Callback] | None) -> list[engine.Callback]:
    """The callbacks that a user gave, as a list.

    Raises:
        InputError: one of them is none.
    """
    given = [callbacks] if isinstance(callbacks, engine.Callback) else list(callbacks or [])
    for each in given:
        if not isinstance(each, engine.Callback):
            hint = "give an object: EarlyStopping()" if isinstance(each, type) else "see netwright.callbacks"
            raise InputError(f"{each!r} is no callback", where="callbacks", hint=hint)
    return given
