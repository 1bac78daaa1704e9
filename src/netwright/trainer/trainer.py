"""nw.Trainer: any `torch.nn.Module`, on arrays, data sets or loaders, with checkpoints and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from netwright import callbacks as public
from netwright import optimizers
from netwright.config import TrainingConfig
from netwright.data.dataset import Dataset
from netwright.doctor.callback import Doctor
from netwright.errors import InputError, NetwrightError, suggestion
from netwright.files import write_bytes
from netwright.models import arrays
from netwright.models.progress import Lines
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.seed import default_seed, next_seed
from netwright.schedules import LearningRateSchedule
from netwright.trainer import data as sources
from netwright.trainer.course import Again
from netwright.trainer.goal import ModuleGoal
from netwright.trainer.steps import TorchSteps
from netwright.training import checkpoint as checkpoints
from netwright.training import finder
from netwright.training.callbacks import Callback, State
from netwright.training.clip import Clip
from netwright.training.device import autocast, find_device, find_precision
from netwright.training.feed import Feed, ResidentFeed
from netwright.training.population import Diverged, Member, Population
from netwright.training.randomness import seed_of
from netwright.training.schedule import SCHEDULES, factor

if TYPE_CHECKING:
    from netwright.trainer.repair import Repair


class Trainer:
    """Trains a module of PyTorch, which stays yours: it is changed in place and can be used as before.

    Data are tensors, arrays, frames, or data sets and loaders of PyTorch that give (x, y) or (x, y, weight).
    Several inputs are a tuple, module(*x), or a dictionary, module(**x). Floating ones are brought to the
    module's type, whole numbers stay whole.

    A loss by name, such as "mse" or "sparse_categorical_crossentropy", is computed from logits unless the
    module ends with `nn.Softmax` or `nn.Sigmoid`; an object of `netwright.losses` says for itself. Everything
    else, `nn.CrossEntropyLoss()` or a function, is called with (output, target) as everywhere in PyTorch.

    Arguments:
        module: what is trained.
        loss: see above.
        optimizer: a name or object of `netwright.optimizers` (Keras's defaults); or a class or an instance of
            `torch.optim`, which then steps by itself.
        learning_rate: in the place of the optimiser's own.
        metrics: names or objects of `netwright.metrics`.
        callbacks: watch and steer; see `netwright.callbacks`.
        precision: "float32", "bfloat16" (mixed), or "auto" for what the device is fast at.
        device: "cpu", "cuda", "mps" or "auto". The module is moved there.
        schedule: "constant", "cosine", "linear", "one-cycle", ... over the whole training, or one of
            `netwright.schedules`.
        clip_norm: greatest norm of the gradient.
        accumulate: batches that make one step together.
        seed: of the order of rows, and of dropout and loaders while training. Without one it follows
            `nw.set_seed` or `torch.manual_seed`.
        checkpoint: folder of the checkpoint that is written after each epoch.

    Raises:
        InputError: an argument that is not allowed.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> trainer = Trainer(nn.Linear(2, 1), "mse", "sgd", learning_rate=0.1)
        >>> x = np.random.default_rng(0).normal(size=(64, 2))
        >>> history = trainer.fit(x, x.sum(1), epochs=20, verbose=0)
        >>> history.history["loss"][-1] < 1e-3
        True
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Any,
        optimizer: Any = "adam",
        learning_rate: float | LearningRateSchedule | None = None,
        *,
        metrics: Sequence[Any] = (),
        callbacks: Sequence[Callback] = (),
        precision: str = "float32",
        device: str = "auto",
        schedule: str | LearningRateSchedule = "constant",
        clip_norm: float | None = None,
        accumulate: int = 1,
        seed: int | None = None,
        checkpoint: str | Path | None = None,
    ) -> None:
        if not isinstance(module, nn.Module):
            hint = "give an object, such as Net()" if isinstance(module, type) else "see torch.nn.Module"
            raise InputError(f"{module!r} is no module of PyTorch", where="module", hint=hint)
        if precision not in (known := ("float32", "bfloat16", "auto")):
            raise InputError(f"unknown precision {precision!r}", hint=suggestion(str(precision), known))
        if device not in (known := ("auto", "cpu", "cuda", "mps")):
            raise InputError(f"unknown device {device!r}", hint=suggestion(str(device), known))
        if isinstance(schedule, str) and schedule not in SCHEDULES:
            raise InputError(f"unknown schedule {schedule!r}", hint=suggestion(schedule, SCHEDULES))
        if clip_norm is not None and not clip_norm > 0:
            raise InputError(f"clip_norm is {clip_norm!r}", hint="give more than 0, or None")
        _whole("accumulate", accumulate)
        self.module, self.device = module, find_device(device)
        self.precision = find_precision(precision, self.device)
        self.goal = ModuleGoal(loss, [metrics] if isinstance(metrics, str) else list(metrics), module)
        self.optimizer: Any = optimizer
        self.learning_rate = learning_rate
        if not _is_torch_class(optimizer) and not isinstance(optimizer, torch.optim.Optimizer):
            self.optimizer = optimizers.get(optimizer)
            if learning_rate is not None:
                self.optimizer = replace(self.optimizer, learning_rate=learning_rate)
        self.callbacks = public.checked(callbacks)
        self.schedule, self.clip_norm, self.accumulate, self.seed = schedule, clip_norm, accumulate, seed
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.stop_training = False
        self.epochs_done = 0
        self.network: ForeignNetwork | None = None
        self.engine: Any = None
        self.example: Any = None

    # -------------------------------------------------------------------------------------------- fit

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: Any = None,
        validation_split: float = 0.0,
        sample_weight: Any = None,
        shuffle: bool = True,
        verbose: int = 1,
        resume: bool = False,
    ) -> public.History:
        """Trains the module; a second call goes on where the first one ended.

        Ctrl-C ends the training after the step, with the history so far.

        Arguments:
            x: inputs [N, ...]; or a data set or loader that gives targets too.
            y: targets. [N, ...]
            epochs: times that all rows are seen.
            batch_size: rows of a batch; loaders have their own.
            validation_data: (x, y), (x, y, weight), a data set or a loader.
            validation_split: share of the rows, from the end, that is validated on in its place.
            sample_weight: of each row. [N]
            shuffle: whether rows come in another order in each epoch; loaders have their own way.
            verbose: 0 silent, 1 a bar, 2 a line for each epoch.
            resume: whether to go on from the checkpoint, to the same weights as without a break. Starts from
                the beginning where there is none.

        Returns:
            The figures of each epoch: `.history`, `.plot()`.

        Raises:
            InputError: data that do not fit.
            NetwrightError: the loss is no longer a finite number.
        """
        _whole("epochs", epochs)
        if resume and self.checkpoint is None:
            raise InputError("there is no checkpoint to resume", hint="Trainer(..., checkpoint='folder')")
        seed = self._seed(resume)
        with self._own_randomness(), self._flags():
            torch.manual_seed(seed_of(seed, "start"))
            feed, judged = self._feeds(
                x, y, batch_size, validation_data, validation_split, sample_weight, shuffle, seed
            )
            history = public.History()
            shown: list[Callback] = [Lines(verbose)] if verbose else []
            watching = [_Seeded(seed), history, *self.callbacks, *shown]
            if self.checkpoint is not None:
                watching.append(checkpoints.Checkpoint(self.checkpoint, resume=resume, extra={"seed": seed}))
            population = self._population(feed, judged, epochs, watching, seed)
            self.stop_training = False
            population.state.model = self
            network = population.network
            assert isinstance(network, ForeignNetwork)
            network.attach()
            try:
                population.train()
            except Diverged as error:
                likely = (
                    f"the weights ran away in epoch {population.state.epoch}; "
                    f"try a learning rate below {population.rate_now():g}, or clip_norm=1.0"
                )
                raise NetwrightError(f"the loss is not a finite number: {error.verdict or likely}") from None
            finally:
                network.detach()
            self.epochs_done = population.past + population.state.epoch
        return history

    def find_rate(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int = 32,
        sample_weight: Any = None,
        low: float = 1e-7,
        high: float = 10.0,
        steps: int = 200,
    ) -> finder.RateTest:
        """A learning-rate range test; the module is left as it was. See `netwright.training.finder`.

        Returns:
            `.suggestion`, `.rates`, `.losses`, `.plot()`.
        """
        seed = self._seed(resume=False)
        with self._own_randomness(), self._flags():
            torch.manual_seed(seed_of(seed, "start"))
            feed, _ = self._feeds(x, y, batch_size, None, 0.0, sample_weight, True, seed)
            population = self._population(feed, None, 1, [], seed)
            assert self.network is not None
            self.network.attach()
            try:
                return finder.find_rate(population, low, high, steps)
            finally:
                self.network.detach()

    def repair(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: tuple[Any, Any],
        sample_weight: Any = None,
        shuffle: bool = True,
        doctor: Doctor | None = None,
        verbose: int = 0,
    ) -> Repair:
        """Trains as `fit` does, lets the doctor look, and repairs what can be proved to become better.

        Remedies are tried from the module's weights as they are now, for a tenth of the epochs, beside the
        original; the best one trains for all epochs, and is kept when it gains more than two standard errors
        on the validation rows; from there once more, where the doctor still finds harm. `module` is then the
        trained network: another object, also where its layers have not changed. Nothing is tried when the
        doctor finds nothing that does harm: all is then as after `fit`.

        Arguments:
            x, y, epochs, batch_size, sample_weight, shuffle, verbose: as for `fit`; arrays or tensors.
            validation_data: (x, y), on which all choices are made.
            doctor: who is asked; that of `callbacks`, or a new one, unless given.

        Returns:
            What was found, tried, accepted and refused, with figures before and after.

        Raises:
            InputError: data that do not fit.
            NetwrightError: the loss is no longer a finite number, and no remedy has helped.

        Example:
            >>> _ = torch.manual_seed(0)
            >>> x = np.random.default_rng(0).normal(size=(400, 4)).astype("float32")
            >>> y = (x[:, 0] * x[:, 1] > 0).astype("int64")
            >>> net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
            >>> trainer = Trainer(net, nn.CrossEntropyLoss(), learning_rate=1e-7)
            >>> held = x[300:], y[300:]
            >>> found = trainer.repair(x[:300], y[:300], epochs=40, validation_data=held)
            >>> found.after > found.before + 0.2
            True
        """
        from netwright.trainer.repair import course_of, repair

        _whole("epochs", epochs)
        _whole("batch_size", batch_size)
        plan = {"epochs": epochs, "batch_size": batch_size, "weight": sample_weight, "shuffle": shuffle}
        found = repair(self, course_of(self, x, y, validation_data, **plan), doctor, verbose=verbose)
        if found.failure is not None:
            raise found.failure
        if found.accepted:
            kept = found.course
            self.module, self.network, self.engine = found.module, None, None
            self.goal = ModuleGoal(kept.loss, self.goal.named, found.module)
            made = kept.optimizer
            self.optimizer = made(found.module) if isinstance(made, Again) else made
            self.learning_rate, self.schedule = kept.learning_rate, kept.schedule
            if isinstance(made, optimizers.Optimizer) and kept.learning_rate is not None:
                self.optimizer = replace(made, learning_rate=kept.learning_rate)
            self.clip_norm = kept.clip_norm
        return found

    def _seed(self, resume: bool) -> int:
        if resume and self.checkpoint is not None and (self.checkpoint / checkpoints.FILE).exists():
            return checkpoints.read(self.checkpoint)["extra"]["seed"]
        if self.seed is not None:
            return self.seed
        return int(torch.randint(2**31, ())) if default_seed() is None else next_seed()

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """Nothing that is drawn inside changes what is drawn outside."""
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            yield

    @contextmanager
    def _flags(self) -> Iterator[None]:
        """Leaves each part of the module in training or evaluation mode, as it was."""
        flags = [(part, part.training) for part in self.module.modules()]
        try:
            yield
        finally:
            for part, training in flags:
                part.training = training

    def _population(
        self, feed: Feed, judged: Feed | None, epochs: int, watching: list[Callback], seed: int
    ) -> Population:
        network = self.network
        assert network is not None
        network.watched = bool(self.goal.metrics)
        config = TrainingConfig(
            epochs=epochs,
            batch_size=1,
            schedule="constant",
            warmup=0.0,
            patience=None,
            precision=self.precision,  # type: ignore[arg-type]
            clip_norm=None,
        )
        nothing = torch.zeros(0, dtype=torch.int64)
        empty = Dataset({}, torch.zeros(0, device=self.device), torch.zeros(0, device=self.device))
        own = self.optimizer if isinstance(self.optimizer, optimizers.Optimizer) else None
        clip = own.clip(network.layout, 1) if own is not None else None
        if self.clip_norm is not None:
            clip = Clip(norm=self.clip_norm)
        return Population(
            network,
            empty,
            [Member(seed, nothing, nothing, self._base_rate())],
            config,
            watching,
            validation=judged if judged is not None else empty,
            feed=feed,
            optimizer=self.engine,
            keep_best=False,
            watch_training=network.watched,
            schedule=self._rates(feed, epochs),
            clip=clip,
            average=own.average(network.flat.detach()) if own is not None else None,
            past=self.epochs_done,
        )

    def _base_rate(self) -> float:
        return self.engine.rate if isinstance(self.engine, TorchSteps) else self.optimizer.rate_at(0)

    def _rates(self, feed: Feed, epochs: int) -> Callable[[Tensor], Tensor]:
        """Learning rates by step."""
        chosen: Any = self.schedule
        given = None if isinstance(self.engine, TorchSteps) else self.optimizer.learning_rate
        if chosen == "constant" and isinstance(given, LearningRateSchedule):
            chosen = given
        if isinstance(chosen, LearningRateSchedule):
            return lambda steps: torch.tensor([chosen(int(step)) for step in steps])
        if chosen != "constant" and isinstance(feed, sources.LoaderFeed) and not feed.known:
            raise InputError(
                f"the schedule {chosen!r} needs the number of steps, and the loader has no length",
                hint="give one of netwright.schedules, or a data set with a length",
            )
        base, start, total = (
            self._base_rate(),
            self.epochs_done * feed.passes,
            torch.tensor(feed.passes * epochs),
        )
        return lambda steps: base * factor(chosen, steps - start, total, 0.0)

    # ------------------------------------------------------------------------------------------- data

    def _feeds(
        self,
        x: Any,
        y: Any,
        batch_size: int,
        validation_data: Any,
        validation_split: float,
        sample_weight: Any,
        shuffle: bool,
        seed: int,
    ) -> tuple[Feed, Feed | None]:
        _whole("batch_size", batch_size)
        if validation_data is not None and validation_split:
            raise InputError("give validation_data or validation_split, not both")
        self.goal.ready = False
        if isinstance(x, sources.TensorDataset) and y is None:
            x, y, given = sources.item(x.tensors)
            sample_weight = given if sample_weight is None else sample_weight
        loader = sources.loader(x, batch_size, shuffle=shuffle)
        if loader is not None:
            if y is not None or sample_weight is not None or validation_split:
                raise InputError(
                    "y, sample_weight and validation_split do not go with a data set or loader",
                    hint="let it give (x, y, weight), and give validation_data",
                )
            self.goal.weighted = False
            feed: Feed = sources.LoaderFeed(loader, self._reader("x"), self.accumulate)
            held: Feed | None = None
            micro = getattr(loader, "batch_size", None)
        else:
            dataset = self._dataset(x, y, sample_weight)
            rows = torch.arange(len(dataset.weight))
            train, kept = _split(rows, validation_split)
            feed = ResidentFeed(dataset, [train], [seed], batch_size * self.accumulate, shuffle=shuffle)
            held = ResidentFeed(dataset, [kept], [seed], batch_size) if len(kept) else None
            micro = batch_size
        if isinstance(feed, sources.LoaderFeed):
            self._look(feed)
        assert self.network is not None
        self.network.micro = micro if self.accumulate > 1 else None
        if validation_data is not None:
            held = self._judged(validation_data, batch_size, "validation_")
        return feed, held

    def _look(self, feed: sources.LoaderFeed) -> None:
        """Builds the network by a loader's first batch, which comes again afterwards."""
        states = [each.get_state() for each in feed.generators]
        first = next(iter(feed.loader), None)
        for each, state in zip(feed.generators, states, strict=True):
            each.set_state(state)
        if first is None:
            raise InputError("the loader gave no batch", hint="there is nothing in it")
        feed.read(first)

    def _judged(self, given: Any, batch_size: int, where: str = "") -> Feed:
        """Rows in their own order."""
        loader = sources.loader(sources.unpacked(given), batch_size, shuffle=False)
        if loader is not None:
            return sources.LoaderFeed(loader, self._reader(f"{where}x"))
        parts = sources.unpacked(given)
        if not isinstance(parts, list | tuple) or len(parts) not in (2, 3):
            raise InputError("validation_data is (x, y), (x, y, weight), a data set or a loader")
        dataset = self._dataset(*parts, where=where)
        rows = torch.arange(len(dataset.weight))
        return ResidentFeed(dataset, [rows], [0], batch_size)

    def _dataset(self, x: Any, y: Any, weight: Any = None, where: str = "") -> Dataset:
        """Checked tensors of all rows, on the device."""
        if y is None:
            raise InputError(f"fit needs {where}y, the targets", hint="or a data set that gives (x, y)")
        style, raw = sources.inputs(x, self._dtype(), f"{where}x")
        count = arrays.equal_lengths(
            {f"{where}x" if style == "one" else f"{where}x[{n}]": v for n, v in raw.items()}
        )
        raw = sources.moved(raw, self.device)
        target = self.goal.prepare(y, self._example(style, raw), f"{where}y")
        told = (
            {f"{where}y[{n}]": v for n, v in target.items()}
            if isinstance(target, dict)
            else {f"{where}y": target}
        )
        arrays.equal_lengths({f"{where}x": next(iter(raw.values())), **told})
        weights = arrays.weights(weight, count)
        self.goal.weighted = weights is not None or (bool(where) and self.goal.weighted)
        weights = torch.ones(count) if weights is None else weights
        return Dataset(raw, sources.moved(target, self.device), weights.to(self.device))

    def _reader(self, where: str) -> sources.Read:
        """From what a loader gives to tensors on the device."""

        def read(batch: Any) -> tuple[dict[str, Tensor], Any, Tensor | None]:
            x, y, weight = sources.item(batch)
            style, raw = sources.inputs(x, self._dtype(), where, look=False)
            raw = sources.moved(raw, self.device)
            if self.network is None or not self.goal.ready or self.goal.own is not None:
                self.example = self._example(style, raw)
            target = self.goal.prepare(y, self.example, where.replace("x", "y"))
            if weight is not None:
                self.goal.weighted = True
                weight = torch.as_tensor(weight, dtype=torch.float32, device=self.device).reshape(-1)
            return raw, sources.moved(target, self.device), weight

        return read

    def _dtype(self) -> torch.dtype:
        found = [each.dtype for each in self.module.parameters() if each.is_floating_point()]
        return found[0] if found else torch.float32

    def _example(self, style: sources.Style, raw: dict[str, Tensor]) -> Any:
        """What the module gives for two rows; builds the network when it is not yet, or was taken apart."""
        if any(isinstance(each, nn.UninitializedParameter) for each in self.module.parameters()):
            self.module.to(self.device)
            with torch.no_grad():
                _called(self.module, style, {name: each[:2] for name, each in raw.items()})
        if self.network is None or not self.network.attached():
            self.module.to(self.device)
            self.network = ForeignNetwork([self.module], self.goal)
            self.engine = self._engine()
        self.network.style = style
        with torch.no_grad(), autocast(self.device, self.precision):
            return self.network.call(0, {name: each[:2] for name, each in raw.items()}, training=False)

    def _engine(self) -> Any:
        network = self.network
        assert network is not None
        if isinstance(self.optimizer, optimizers.Optimizer):
            return self.optimizer.build(network.flat.detach(), network.layout)
        made = self.optimizer
        if _is_torch_class(made):
            rate = {} if self.learning_rate is None else {"lr": self.learning_rate}
            made = made(network.parameters_of[0], **rate)
        elif self.learning_rate is not None:
            for group in made.param_groups:
                group["lr"] = self.learning_rate
        return TorchSteps(made, self.module)

    # ---------------------------------------------------------------------------------------- results

    def evaluate(
        self, x: Any, y: Any = None, *, batch_size: int = 256, sample_weight: Any = None
    ) -> dict[str, float]:
        """Loss and metrics.

        Arguments:
            x, y, sample_weight: as for `fit`.

        Returns:
            {"loss": ..., each metric: ...}

        Raises:
            InputError: data that do not fit.
        """
        with self._own_randomness(), self._flags():
            self.goal.ready = False
            given = x if y is None else (x, y) if sample_weight is None else (x, y, sample_weight)
            weighted, self.goal.weighted = self.goal.weighted, sample_weight is not None
            feed = self._judged(given, batch_size)
            if isinstance(feed, sources.LoaderFeed):
                self._look(feed)
            population = self._population(feed, feed, 1, [], 0)
            found = {name: value[0] for name, value in population.validate().items()}
            self.goal.weighted = weighted
        return found

    def predict(self, x: Any, *, batch_size: int = 256) -> Any:
        """What the module gives in evaluation mode, as NumPy arrays on the CPU.

        Arguments:
            x: inputs as for `fit`; a data set or loader may give targets too, which are left out.

        Returns:
            The outputs of all rows [N, ...]; a list or dictionary where the module gives several.
        """
        loader = sources.loader(sources.unpacked(x), batch_size, shuffle=False)
        self.module.to(self.device)
        parts = []
        with (
            self._own_randomness(),
            self._flags(),
            torch.inference_mode(),
            autocast(self.device, self.precision),
        ):
            self.module.eval()
            if loader is not None:
                for batch in loader:
                    only, _, _ = sources.item(batch, target=False)
                    style, raw = sources.inputs(only, self._dtype(), look=False)
                    parts.append(_called(self.module, style, sources.moved(raw, self.device)))
            else:
                if isinstance(x, sources.TensorDataset):
                    x, _, _ = sources.item(x.tensors, target=False)
                style, raw = sources.inputs(x, self._dtype())
                count = arrays.equal_lengths(raw)
                for start in range(0, count, batch_size):
                    piece = {name: each[start : start + batch_size] for name, each in raw.items()}
                    parts.append(_called(self.module, style, sources.moved(piece, self.device)))
        if not parts:
            raise InputError("the loader gave no batch", hint="there is nothing in it")
        return _collected(parts)

    def save_weights(self, path: str | Path) -> Path:
        """Writes the module's `state_dict` as safetensors, which PyTorch alone can load too."""
        path = Path(path)
        state = {
            name: each.detach().to("cpu", copy=True).contiguous()
            for name, each in self.module.state_dict().items()
            if isinstance(each, Tensor)
        }
        write_bytes(path, save(state))
        return path

    save = save_weights

    def load_weights(self, path: str | Path) -> None:
        """Takes what `save_weights` wrote. Raises InputError for a damaged file or another module's."""
        path = Path(path)
        try:
            state = load(path.read_bytes())
        except FileNotFoundError:
            raise InputError("there is no such file", where=str(path)) from None
        except (OSError, SafetensorError) as error:
            raise InputError(f"the weights cannot be read: {error}", where=str(path)) from None
        try:
            self.module.load_state_dict(state)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines()[1:]]
            raise InputError(
                f"the weights are of another module: {' '.join(lines[:2])}", where=str(path)
            ) from None


class _Seeded(Callback):
    """Dropout and loaders draw from a seed of the epoch's own: it does not matter where one begins."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_epoch_start(self, state: State) -> None:
        torch.manual_seed(seed_of(self.seed, "epoch", state.population.past + state.epoch))


def _is_torch_class(optimizer: Any) -> bool:
    return isinstance(optimizer, type) and issubclass(optimizer, torch.optim.Optimizer)


def _whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}", hint="give a whole number, at least 1")


def _split(rows: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Rows to train on, and the last ones to validate on."""
    if not 0 <= share < 1:
        raise InputError(f"validation_split is {share!r}", hint="give a share from 0 to below 1, such as 0.2")
    count = int(len(rows) * (1.0 - share)) if share else len(rows)
    if share and not 0 < count < len(rows):
        raise InputError(
            f"a validation_split of {share} leaves nothing of {len(rows)} rows on one side",
            hint="give more rows, or validation_data",
        )
    return rows[:count], rows[count:]


def _called(module: nn.Module, style: sources.Style, raw: dict[str, Tensor]) -> Any:
    if style == "one":
        return module(raw["x"])
    return module(*raw.values()) if style == "several" else module(**raw)


def _collected(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, Tensor):
        joined = torch.cat(parts).cpu()
        return (joined.float() if joined.dtype == torch.bfloat16 else joined).numpy()
    if isinstance(first, dict):
        return {name: _collected([part[name] for part in parts]) for name in first}
    return [_collected(list(each)) for each in zip(*parts, strict=True)]
