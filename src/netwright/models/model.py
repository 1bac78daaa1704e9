"""Models made of layers by hand, in Keras's words: compile, fit, evaluate, predict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from netwright import optimizers
from netwright.arguments import Checked, checked
from netwright.callbacks import History
from netwright.config import TrainingConfig
from netwright.data.dataset import Dataset
from netwright.errors import InputError, suggestion
from netwright.layers.base import Symbol
from netwright.models import data, sharing
from netwright.models.checks import at_least_one, both_given, callbacks_of, check_mixup, symbols_of, whole
from netwright.models.goals import Settings, goals
from netwright.models.inspection import Inspected
from netwright.models.keeping import Kept
from netwright.models.network import GraphNetwork
from netwright.models.progress import lines
from netwright.models.rate import AssignedRate
from netwright.models.start import fit_start
from netwright.nn.member import PREDICT, Mode
from netwright.nn.seed import next_seed
from netwright.schedules import LearningRateSchedule
from netwright.training.callbacks import Callback
from netwright.training.device import SMALL_STEP, find_device, fitting_threads, multiplies_bfloat16
from netwright.training.feed import ResidentFeed
from netwright.training.finder import RateTest, find_rate
from netwright.training.population import Member, Population
from netwright.training.randomness import order, seed_of
from netwright.training.trial import agreed_precision

ROWS = 32  # of a batch, as in Keras
PRECISIONS = ("float32", "bfloat16", "auto")
SAMPLE = 256  # rows that a start is fitted to


class Model(Checked, Inspected, Kept):
    """A network from inputs to outputs.

    Arguments:
        inputs: one symbol of `Input`, or several.
        outputs: one symbol that a layer gave, or several.
        name: of the model.

    Attributes:
        layers: in order.
        history: of the last `fit`.
        stop_training: a callback may set it; ends `fit` after the step.

    Example:
        >>> from netwright.layers import Add, Dense, Input
        >>> x = Input((4,))
        >>> hidden = Dense(4, "relu")(x)
        >>> model = Model(x, Dense(1)(Add()([x, hidden])))
        >>> model.count_params()
        25
    """

    def __init__(
        self,
        inputs: Symbol | Sequence[Symbol] | dict[str, Symbol],
        outputs: Symbol | Sequence[Symbol] | dict[str, Symbol],
        name: str | None = None,
    ) -> None:
        self._prepare(name)
        self.network = GraphNetwork(symbols_of(inputs, "inputs"), symbols_of(outputs, "outputs"))
        self._start()

    def _prepare(self, name: str | None) -> None:
        self.name = name or type(self).__name__.lower()
        self.seed = next_seed()
        self.network: GraphNetwork | None = None
        self.settings: Settings | None = None
        self.optimizer: optimizers.Optimizer | None = None
        self.engine: Any = None
        self.precision = self.used_precision = "float32"  # as compiled, and in the last fit
        self.epochs_done = 0
        self.draws = 0  # of randomness in calls with training=True
        self.stop_training = False
        self.history: History | None = None

    def _start(self) -> None:
        """Draws the first weights; layers that have some keep theirs."""
        assert self.network is not None
        self.network.initialise([self.seed])
        self.network.to(find_device("auto"))
        sharing.enter(self.network)
        self.engine = None

    # ---------------------------------------------------------------------------------------- compile

    @checked
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        precision: str = "float32",
    ) -> None:
        """Says how the model is to be trained.

        Arguments:
            optimizer: name ("adam") or object (`optimizers.Adam(1e-3)`).
            loss: name, object or function (y_true, y_pred); for several outputs a list, or by name.
            metrics: told beside the loss; a list, for several outputs a list of lists, or by name.
            loss_weights: of the outputs' losses; a list, or by name.
            weighted_metrics: taken as further metrics: all metrics weigh rows here.
            run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: for programs written for Keras;
                not used.
            precision: of the training: "float32"; "bfloat16", in which products are faster on hardware that
                has instructions for it (weights, losses and the optimiser stay in float32); or "auto", which
                takes bfloat16 where the hardware has them, a step is large enough to gain, and some steps
                from the same start lose no more in it. Predictions are always made in float32.

        Raises:
            InputError: an unknown name, with the nearest one.
        """
        if precision not in PRECISIONS:
            raise InputError(f"unknown precision {precision!r}", hint=suggestion(str(precision), PRECISIONS))
        self.precision = self.used_precision = precision
        self.optimizer = optimizers.get(optimizer)
        self.settings = Settings.of(loss, metrics, weighted_metrics, loss_weights)
        self.engine = None
        if self.network is not None:
            self.network.aim(goals(self.settings, self.network))

    # -------------------------------------------------------------------------------------------- fit

    @checked
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_batch_size: int | None = None,
        mixup: float = 0.0,
    ) -> History:
        """Trains the model.

        Arguments:
            x: arrays, lists, tensors, columns of pandas or polars. [N, ...], or several as a list or by name
            y: targets. [N, ...], or several
            batch_size: rows of a step; 32 unless given.
            epochs: times that all rows are seen.
            verbose: 0 silent, 1 a bar, 2 a line for each epoch; "auto" is 1.
            callbacks: watch and steer; see `netwright.callbacks`.
            validation_split: share of the rows, taken from the end before shuffling, to validate on.
            validation_data: (x, y) or (x, y, sample_weight) to validate on.
            shuffle: whether rows come in another order in each epoch.
            class_weight: {class number: weight}.
            sample_weight: of each row. [N]
            initial_epoch: where the count of epochs begins.
            validation_batch_size: not used: validation takes as many rows at a time as fit.
            mixup: alpha: rows of a batch are blended by shares from Beta(alpha, alpha), and their losses too
                (arXiv 1710.09412); 0 for none.

        Returns:
            The figures of each epoch: `.history`, `.plot()`.

        Raises:
            InputError: arrays that do not fit, compile forgotten, ...
        """
        if self.optimizer is None or self.settings is None:
            raise InputError(
                "compile the model before fit", hint="model.compile(optimizer='adam', loss='mse')"
            )
        batch_size = at_least_one("batch_size", ROWS if batch_size is None else batch_size)
        if at_least_one("epochs", epochs) <= whole("initial_epoch", initial_epoch, 0):
            raise InputError(
                f"epochs is {epochs} and initial_epoch {initial_epoch}", hint="nothing is left to do"
            )
        watching = [*callbacks_of(callbacks), *lines(verbose)]
        both_given("fit", x, y)
        raw = self._inputs(x)
        network = self._built("fit")
        if not network.layout.places:
            raise InputError("the model has no weights to train", hint="add a layer such as layers.Dense(10)")
        given = data.targets(network, y)
        network.aim(goals(self.settings, network, given))
        rows = data.dataset(network, raw, given, sample_weight)
        judged = self._judged(validation_data)
        train, held = data.split(len(rows.weight), validation_split if judged is None else 0.0)
        if judged is not None:
            held = torch.arange(len(judged.weight))
        if class_weight is not None:
            data.weigh_classes(rows, network, class_weight, given, train)
        self._ready(rows, train, min(batch_size, len(train)))
        if mixup:
            check_mixup(mixup, raw)
            network.chain = None
        self.history = History()
        self.stop_training = False
        population = self._population(
            rows,
            train,
            held,
            judged,
            min(batch_size, len(train)),
            epochs - initial_epoch,
            shuffle,
            [self.history, *watching, AssignedRate(self.optimizer)],
            mixup,
        )
        population.state.past, population.state.model = initial_epoch, self
        with fitting_threads(batch_size * network.layout.size, self.device):
            try:
                self._choose_precision(population)
                population.train()
            finally:  # what was learnt stays, whatever a callback raises
                self.epochs_done += population.state.epoch
                sharing.tell(network)
        return self.history

    @checked
    def find_rate(
        self,
        x: Any,
        y: Any,
        *,
        batch_size: int | None = None,
        sample_weight: Any = None,
        low: float = 1e-7,
        high: float = 10.0,
        steps: int = 200,
    ) -> RateTest:
        """A learning-rate range test; weights and optimiser are left as they were.

        Arguments:
            x, y, batch_size, sample_weight: as for `fit`.
            low, high: the first and the last rate.
            steps: from one to the other.

        Returns:
            `.suggestion`, `.rates`, `.losses`, `.plot()`.

        Raises:
            InputError: compile forgotten, or arrays that do not fit.
        """
        if self.optimizer is None or self.settings is None:
            hint = "model.compile(optimizer='adam', loss='mse')"
            raise InputError("compile the model before find_rate", hint=hint)
        size = at_least_one("batch_size", ROWS if batch_size is None else batch_size)
        both_given("find_rate", x, y)
        raw = self._inputs(x)
        network = self._built("find_rate")
        given = data.targets(network, y)
        network.aim(goals(self.settings, network, given))
        rows = data.dataset(network, raw, given, sample_weight)
        train = torch.arange(len(rows.weight))
        self._ready(rows, train, min(size, len(train)))
        population = self._population(rows, train, train[:0], None, min(size, len(train)), 1, True, [])
        with fitting_threads(size * network.layout.size, self.device):
            return find_rate(population, low, high, steps)

    def _judged(self, validation_data: Any) -> Dataset | None:
        """The rows of `validation_data`."""
        if validation_data is None:
            return None
        if not isinstance(validation_data, list | tuple) or len(validation_data) not in (2, 3):
            raise InputError("validation_data is (x, y) or (x, y, sample_weight)")
        network, (x, y, *weight) = self._built("fit"), validation_data
        raw = data.inputs(network, x, "validation_")
        given = data.targets(network, y, "validation_")
        return data.dataset(network, raw, given, *weight, where="validation_")

    def _ready(self, rows: Dataset, train: Tensor, batch_size: int) -> None:
        """The start, the optimiser and the way of back-propagation."""
        network = self._built("fit")
        assert self.optimizer is not None
        sample = train[order(self.seed, 0, len(train))[:SAMPLE]]
        settled = [layer for layer in self.layers if sharing.settled(layer)]
        fit_start(network, {name: each[sample.to(each.device)] for name, each in rows.raw.items()}, settled)
        if network.freeze() or self.engine is None:
            self.engine = self.optimizer.build(network.flat.detach(), network.layout)
        if self.precision == "float32":
            network.use_chain(batch_size)

    def _choose_precision(self, population: Population) -> None:
        """What "auto" is, found in the first fit after `compile`."""
        network, size = self._built("fit"), int(population.config.batch_size)
        if self.used_precision == "auto":
            large = size * network.layout.size >= SMALL_STEP
            tried = large and multiplies_bfloat16(self.device)
            self.used_precision = agreed_precision(population) if tried else "float32"
        if self.precision == "auto":
            update = {"precision": self.used_precision}
            population.config = population.config.model_copy(update=update)
            if self.used_precision == "float32" and population.mixup is None:
                network.use_chain(size)

    def _population(
        self,
        rows: Dataset,
        train: Tensor,
        held: Tensor,
        judged: Dataset | None,
        batch_size: int,
        epochs: int,
        shuffle: bool,
        watching: list[Callback],
        mixup: float = 0.0,
    ) -> Population:
        """What trains the network."""
        network = self._built("fit")
        assert self.optimizer is not None
        flat = network.flat.detach()
        feed = ResidentFeed(rows, [train], [self.seed], batch_size, shuffle=shuffle, cut=True)
        config = TrainingConfig(
            epochs=epochs,
            batch_size=batch_size,
            schedule="constant",
            warmup=0.0,
            patience=None,
            precision="float32" if self.precision == "auto" else self.precision,  # type: ignore[arg-type]
        )
        return Population(
            network,
            rows,
            [Member(self.seed, train, held, self.optimizer.rate_at(0), mixup=mixup)],
            config,
            watching,
            validation=judged,
            feed=feed,
            optimizer=self.engine,
            keep_best=False,
            watch_training=True,
            schedule=self._schedule(feed.passes),
            clip=self.optimizer.clip(network.layout, 1),
            average=self.optimizer.average(flat),
            past=self.epochs_done,
        )

    def _schedule(self, passes: int) -> Callable[[Tensor], Tensor] | None:
        """Learning rates by the optimiser's own steps, whatever the epochs before this fit were like."""
        assert self.optimizer is not None
        rate = self.optimizer.learning_rate
        if not isinstance(rate, LearningRateSchedule):
            return None
        shift = float(self.engine.steps[0, 0]) - self.epochs_done * passes
        return lambda steps: rate(steps.to(torch.float32) + shift)

    def _inputs(self, x: Any) -> dict[str, Tensor]:
        """Checked tensors of the inputs by name. [N, ...]"""
        return data.inputs(self._built("reading x"), x)

    @property
    def device(self) -> torch.device:
        return self._built("computing").flat.device

    # --------------------------------------------------------------------------- evaluate and predict

    @checked
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss, and the metrics, on labelled rows.

        Returns:
            The loss, or a list of loss and metrics as compiled; by name with `return_dict`.

        Raises:
            InputError: compile forgotten, or rows that do not fit.
        """
        if self.settings is None:
            raise InputError(
                "compile the model before evaluate", hint="model.compile(loss='mse', metrics=[...])"
            )
        size = at_least_one("batch_size", ROWS if batch_size is None else batch_size)
        both_given("evaluate", x, y)
        watched, began = lines(verbose), time.monotonic()
        raw = self._inputs(x)
        network = self._built("evaluate")
        given = data.targets(network, y)
        network.aim(goals(self.settings, network, given))
        rows = data.dataset(network, raw, given, sample_weight)
        found = network.evaluate(rows, network.rows_at_a_time() if batch_size is None else size)
        for each in watched:
            each.tell(-(-len(rows.weight) // size), time.monotonic() - began, found)
        return _told(found, return_dict)

    @checked
    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> Any:
        """The outputs for rows. [N, ...], a list of several

        Arguments:
            x: as for `fit`.
            batch_size: rows at a time.
            verbose: for programs written for Keras; not used.

        Raises:
            InputError: the model has no shape yet, or the rows do not fit it.
        """
        network = self._built("predict")
        size = network.rows_at_a_time() if batch_size is None else at_least_one("batch_size", batch_size)
        return self._outputs(self._inputs(x), size, PREDICT)

    @checked
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on all rows that are given; `fit` is many times as fast for many steps.

        Returns:
            The loss before the step and the metrics, as `evaluate` gives them.

        Raises:
            InputError: as for `fit`.
        """
        both_given("train_on_batch", x, y)
        rows = len(next(iter(self._inputs(x).values())))
        history = self.fit(
            x, y, rows, verbose=0, shuffle=False, sample_weight=sample_weight, class_weight=class_weight
        ).history
        return _told({name: history[name][0] for name in self.metrics_names}, return_dict)

    @checked
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """`evaluate` without a line."""
        return self.evaluate(x, y, None, 0, sample_weight, return_dict)

    @checked
    def predict_on_batch(self, x: Any) -> Any:
        """`predict` of all rows at once."""
        rows = len(next(iter(self._inputs(x).values())))
        return self.predict(x, rows)

    def __call__(self, x: Any, training: bool = False) -> Any:
        """`predict` of arrays; with `training` as while training: dropout is on, batch statistics count."""
        parts = x.values() if isinstance(x, dict) else x if isinstance(x, list | tuple) else [x]
        if any(isinstance(each, Symbol) for each in parts):
            raise InputError(
                f"the model {self.name!r} cannot be a layer of another model",
                hint="use its layers: for layer in model.layers: x = layer(x); they share their weights",
            )
        if not training:
            return self.predict(x)
        self.draws += 1
        seed = seed_of(self.seed, "call", self.draws)
        mode = Mode(training=True, generators=[torch.Generator(self.device).manual_seed(seed)])
        raw = self._inputs(x)
        return self._outputs(raw, len(next(iter(raw.values()))), mode)

    def _outputs(self, raw: dict[str, Tensor], size: int, mode: Mode) -> Any:
        """Outputs for checked inputs, so many rows at a time."""
        network = self._built("predict")
        parts: list[list[Tensor]] = []
        for start in range(0, len(next(iter(raw.values()))), size):
            piece = {name: each[start : start + size][None].to(self.device) for name, each in raw.items()}
            parts.append([output[0].cpu() for output in network.predict(piece, mode)])
        outputs = [torch.cat(each).numpy() for each in zip(*parts, strict=True)]
        return outputs[0] if len(outputs) == 1 else outputs


def _told(found: dict[str, float], by_name: bool) -> Any:
    """Figures as Keras gives them: one alone, several as a list, or by name."""
    values = list(found.values())
    return found if by_name else values[0] if len(values) == 1 else values
