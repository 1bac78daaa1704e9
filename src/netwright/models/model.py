"""Models made of layers by hand, in Keras's words: compile, fit, evaluate, predict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright import losses, metrics, optimizers
from netwright.callbacks import History
from netwright.config import TrainingConfig
from netwright.data.dataset import Dataset
from netwright.errors import InputError, suggestion
from netwright.layers.base import Activated, Layer, Symbol
from netwright.models import arrays, matching
from netwright.models.network import Goal, GraphNetwork
from netwright.models.progress import Lines, figure, line
from netwright.models.start import fit_start
from netwright.models.summary import summary
from netwright.nn.seed import next_seed
from netwright.schedules import LearningRateSchedule
from netwright.training.callbacks import Callback
from netwright.training.device import find_device, fitting_threads
from netwright.training.feed import ResidentFeed
from netwright.training.population import Member, Population, Totals
from netwright.training.randomness import order

ROWS = 32  # of a batch, as in Keras
SAMPLE = 256  # rows that a start is fitted to


class Model:
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
        >>> from netwright.layers import Dense, Add
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
        self.network = GraphNetwork(_symbols(inputs, "inputs"), _symbols(outputs, "outputs"))
        self._start()

    def _prepare(self, name: str | None) -> None:
        self.name = name or type(self).__name__.lower()
        self.seed = next_seed()
        self.network: GraphNetwork | None = None
        self.settings: dict[str, Any] | None = None
        self.optimizer: optimizers.Optimizer | None = None
        self.engine: Any = None
        self.epochs_done = 0
        self.stop_training = False
        self.history: History | None = None

    def _start(self) -> None:
        """Draws the first weights."""
        assert self.network is not None
        self.network.initialise([self.seed])
        self.network.to(find_device("auto"))
        self.engine = None
        self.fresh = True  # the start may still be fitted to the data

    def _built(self, doing: str) -> GraphNetwork:
        if self.network is None:
            raise InputError(
                f"the model has no shape yet, so {doing} is not possible",
                hint="give the first layer an input_shape, or fit the model first",
            )
        return self.network

    @property
    def layers(self) -> list[Layer]:
        return list(self._built("listing layers").graph.layers.values())  # type: ignore[misc]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name, or by its place."""
        if index is not None:
            return self.layers[index]
        named = {layer.name: layer for layer in self.layers}
        if name not in named:
            raise InputError(f"the model has no layer {name!r}", hint=suggestion(str(name), named))
        return named[name]

    # ---------------------------------------------------------------------------------------- compile

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

        Raises:
            InputError: an unknown name, with the nearest one.
        """
        self.optimizer = optimizers.get(optimizer)
        if loss is None:
            raise InputError(
                "compile needs a loss", hint="such as loss='mse' or loss='categorical_crossentropy'"
            )
        told = list(metrics or []) if not isinstance(metrics, dict) else metrics
        if isinstance(told, list):
            told += list(weighted_metrics or [])
        self.settings = {"loss": loss, "metrics": told, "weights": loss_weights}
        self.engine = None
        for each in matching.leaves(loss):
            if each is not None:
                losses.get(each)
        if self.network is not None:
            self._aim(None)

    def _aim(self, targets: dict[str, np.ndarray] | None) -> None:
        """Resolves losses and metrics for the outputs; targets decide what their form decides."""
        network, settings = self._built("compile"), self.settings
        assert settings is not None
        names = network.output_names
        given = matching.by_output(settings["loss"], names, "loss")
        weights = matching.by_output(settings["weights"], names, "loss_weights", each=1.0)
        told = settings["metrics"]
        named = len(names) > 1 or isinstance(told, dict)
        by_name = matching.by_output(told, names, "metrics", each=[]) if named else {}
        goals = []
        for place, name in enumerate(names):
            shape = _last_shape(network, place)
            loss = None if given[name] is None else losses.get(given[name])
            if loss is not None and targets is not None:
                loss = loss.resolve(targets[name], shape)
            wanted = by_name[name] if named else told
            wanted = wanted if isinstance(wanted, list | tuple) else [wanted]
            found = [] if loss is None else [metrics.get(each, loss, shape) for each in wanted]
            goals.append(Goal(loss, float(weights[name]), found))
        if all(goal.loss is None for goal in goals):
            raise InputError("no output has a loss", hint="give one in compile")
        network.aim(goals)

    # -------------------------------------------------------------------------------------------- fit

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

        Returns:
            The figures of each epoch: `.history`, `.plot()`.

        Raises:
            InputError: arrays that do not fit, compile forgotten, ...
        """
        if self.optimizer is None:
            raise InputError(
                "compile the model before fit", hint="model.compile(optimizer='adam', loss='mse')"
            )
        batch_size = ROWS if batch_size is None else batch_size
        _whole("batch_size", batch_size, 1)
        _whole("epochs", epochs, 1)
        _whole("initial_epoch", initial_epoch, 0)
        if y is None:
            raise InputError("fit needs y, the targets")
        data = self._dataset(x, y, sample_weight, class_weight)
        rows = torch.arange(len(data.weight))
        train, held, judged = rows, rows[:0], None
        if validation_data is not None:
            if not isinstance(validation_data, list | tuple) or len(validation_data) not in (2, 3):
                raise InputError("validation_data is (x, y) or (x, y, sample_weight)")
            judged = self._dataset(*validation_data, where="validation_", resolve=False)
            held = torch.arange(len(judged.weight))
        elif validation_split:
            train, held = _split(rows, validation_split)
        network = self._built("fit")
        if self.engine is None:
            self.engine = self.optimizer.build(network.flat.detach(), network.layout)
        if self.fresh:
            sample = order(self.seed, 0, len(train))[:SAMPLE]
            fit_start(network, {name: each[train[sample]] for name, each in data.raw.items()})
            self.fresh = False
        network.use_chain()
        rate = self.optimizer.learning_rate
        config = TrainingConfig(
            epochs=max(1, epochs - initial_epoch),
            batch_size=batch_size,
            schedule="constant",
            warmup=0.0,
            patience=None,
            precision="float32",
        )
        if epochs <= initial_epoch:
            raise InputError(
                f"epochs is {epochs} and initial_epoch {initial_epoch}", hint="nothing is left to do"
            )
        member = Member(self.seed, train, held, self.optimizer.rate_at(0))
        self.history = History()
        self.stop_training = False
        shown = [] if verbose == 0 else [Lines(1 if verbose == "auto" else int(verbose))]
        population = Population(
            network,
            data,
            [member],
            config,
            [self.history, *self._ready(callbacks), *shown],
            validation=judged,
            feed=ResidentFeed(data, [train], [self.seed], batch_size, shuffle=shuffle, cut=True),
            optimizer=self.engine,
            keep_best=False,
            watch_training=True,
            schedule=_tabled(rate) if isinstance(rate, LearningRateSchedule) else None,
            clip=self.optimizer.clip(network.layout, 1),
            average=self.optimizer.average(network.flat.detach()),
            past=self.epochs_done,
        )
        population.state.past, population.state.model = initial_epoch, self
        with fitting_threads(batch_size * network.layout.size, self.device):
            population.train()
        self.epochs_done += population.state.epoch
        return self.history

    def _ready(self, callbacks: Sequence[Callback] | None) -> list[Callback]:
        """The callbacks of a user, checked."""
        given: list[Any] = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or [])
        for callback in given:
            if not isinstance(callback, Callback):
                raise InputError(
                    f"{callback!r} is no callback", where="callbacks", hint="see netwright.callbacks"
                )
        return given

    def _dataset(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        *,
        where: str = "",
        resolve: bool = True,
    ) -> Dataset:
        """Checked tensors of all rows on the model's device."""
        raw = self._inputs(x, where)
        network = self._built("fit")
        targets = matching.targets(y, network.output_names, where)
        count = arrays.equal_lengths({f"{where}x": next(iter(raw.values())), **targets})
        if resolve:
            self._aim({name: targets.get(f"{where}{_label(name, network)}") for name in network.output_names})  # type: ignore[misc]
        prepared: dict[str, Tensor] = {}
        for place, (name, goal) in enumerate(zip(network.output_names, network.goals, strict=True)):
            label = f"{where}{_label(name, network)}"
            if goal.loss is not None:
                layer = network.graph.last_layer(place)
                activation = layer.activation_name or None if isinstance(layer, Activated) else None
                shape = _last_shape(network, place)
                prepared[name] = goal.loss.prepare(targets[label], shape, activation, label)
        weight = arrays.weights(sample_weight, count)
        weight = torch.ones(count) if weight is None else weight
        if class_weight is not None:
            if len(targets) > 1:
                raise InputError("class_weight is for models of one output", hint="use sample_weight")
            weight = weight * arrays.class_factors(class_weight, next(iter(targets.values())))
        target: Any = prepared if len(network.output_names) > 1 else next(iter(prepared.values()))
        return _moved(Dataset(raw, target, weight), self.device)

    def _inputs(self, x: Any, where: str = "") -> dict[str, Tensor]:
        """Checked tensors of the inputs by name. [N, ...]"""
        network = self._built("reading x")
        given = arrays.inputs(x, network.input_names)
        found = {}
        for place, (name, values) in enumerate(given.items()):
            readers = [node.layer for node in network.graph.nodes if place in node.sources]
            limits = [layer.code_limit for layer in readers if layer.code_limit is not None]
            label = f"{where}x" if len(given) == 1 else f"{where}x[{name!r}]"
            found[name] = arrays.tensor(values, network.graph.shapes[place], label, codes=bool(limits))
            if limits:
                _codes_within(found[name], min(limits), label, readers[0].name)
        return found

    @property
    def device(self) -> torch.device:
        return self._built("computing").flat.device

    # --------------------------------------------------------------------------- evaluate and predict

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
        """
        if self.settings is None:
            raise InputError(
                "compile the model before evaluate", hint="model.compile(loss='mse', metrics=[...])"
            )
        if y is None:
            raise InputError("evaluate needs y, the targets")
        began = time.monotonic()
        data = self._dataset(x, y, sample_weight)
        network = self._built("evaluate")
        totals = Totals(1, self.device)
        feed = ResidentFeed(data, [torch.arange(len(data.weight))], [0], 1)
        size = network.rows_at_a_time() if batch_size is None else batch_size
        with torch.inference_mode():
            for batch in feed.pieces(size):
                totals.add(network.scores(network(batch.raw), batch.target), batch)
            found = {name: float(value[0]) for name, value in network.finish(totals.means()).items()}
        if verbose != 0:
            steps = -(-len(data.weight) // ROWS)
            told = " - ".join(f"{name}: {figure(value)}" for name, value in sorted(found.items()))
            print(f"{line(steps, steps, time.monotonic() - began)} - {told}")
        if return_dict:
            return found
        values = list(found.values())
        return values[0] if len(values) == 1 else values

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> Any:
        """The outputs for rows. [N, ...], a list of several

        Raises:
            InputError: the model has no shape yet, or the rows do not fit it.
        """
        network = self._built("predict")
        if not hasattr(network, "joined"):
            network.aim(network.goals)
        raw = self._inputs(x)
        size = network.rows_at_a_time() if batch_size is None else _whole("batch_size", batch_size, 1)
        parts: list[list[Tensor]] = []
        total = len(next(iter(raw.values())))
        for start in range(0, total, size):
            piece = {name: each[start : start + size][None].to(self.device) for name, each in raw.items()}
            parts.append([output[0].cpu() for output in network.predict(piece)])
        outputs = [torch.cat(each).numpy() for each in zip(*parts, strict=True)]
        return outputs[0] if len(outputs) == 1 else outputs

    def __call__(self, x: Any, training: bool = False) -> Any:
        """On symbols: the outputs' symbols, the model being a part of another. On arrays: `predict`."""
        return self.predict(x)

    # ------------------------------------------------------------------------------ weights and words

    def summary(self) -> None:
        """Prints the layers with their outputs' shapes and numbers of parameters."""
        print(summary(self.name, self._built("a summary")))

    def count_params(self) -> int:
        """Numbers of the model, trained or not."""
        return sum(int(values.size) for values in self.get_weights())

    def get_weights(self) -> list[np.ndarray]:
        """All weights, layer by layer, in Keras's order and shapes."""
        values = self._built("get_weights").named_values()
        return [values[name][0].cpu().numpy().copy() for name in self._weight_names()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Takes what `get_weights` gave, of this model or of one of the same layers.

        Raises:
            InputError: not so many arrays, or another shape.
        """
        network = self._built("set_weights")
        values, names = network.named_values(), self._weight_names()
        if len(weights) != len(names):
            raise InputError(f"the model has {len(names)} arrays of weights, and {len(weights)} were given")
        for name, given in zip(names, weights, strict=True):
            array = np.asarray(given)
            if array.shape != tuple(values[name].shape[1:]):
                raise InputError(
                    f"{name.removeprefix('graph.layers.')} has shape {tuple(values[name].shape[1:])}, "
                    f"and {array.shape} was given"
                )
            values[name] = torch.from_numpy(np.ascontiguousarray(array)).to(values[name])[None]
        network.load_values(values)
        self.fresh = False

    def _weight_names(self) -> list[str]:
        """Names of parameters and statistics in Keras's order: a layer's trained ones, then the others."""
        network = self._built("weights")
        names = []
        for path, module in network.named_modules():
            if path.startswith("graph.layers."):
                names += [f"{path}.{name}" for name in getattr(module, "declared", {})]
                names += [f"{path}.{name}" for name in getattr(module, "statistics", ())]
        return names

    def save(self, path: str | Path, overwrite: bool = True) -> None:
        """Writes layers and weights into a folder; `nw.load` reads it. Nothing in it is ever run.

        Raises:
            InputError: a layer or loss of one's own (code is not saved), or a folder that holds other things.
        """
        from netwright.models.saving import save

        save(self, Path(path), overwrite=overwrite)

    def save_weights(self, path: str | Path) -> None:
        """Writes the weights alone into a .safetensors file."""
        from netwright.models.saving import save_weights

        save_weights(self, Path(path))

    def load_weights(self, path: str | Path) -> None:
        """Takes the weights of a file that `save_weights` wrote."""
        from netwright.models.saving import load_weights

        load_weights(self, Path(path))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def Input(
    shape: Sequence[int | None] | int,
    name: str | None = None,
    dtype: str | None = None,
    batch_size: int | None = None,
) -> Symbol:
    """Where data enters a model.

    Arguments:
        shape: of a row, without the batch; None for a length that may differ.
        name: what `fit` can call it.
        dtype, batch_size: for programs written for Keras; not used.

    Example:
        >>> Input((28, 28, 1)).shape
        (28, 28, 1)
    """
    from netwright.layers.base import as_shape

    return Symbol(as_shape(shape, "Input"), name=name, dtype=dtype or "float32")


def _symbols(given: Any, what: str) -> list[Symbol]:
    found = list(given.values()) if isinstance(given, dict) else given
    found = list(found) if isinstance(found, list | tuple) else [found]
    for each in found:
        if not isinstance(each, Symbol):
            raise InputError(
                f"{what} are what Input and layers give, not {each!r}",
                where="Model",
                hint="x = nw.Input((4,))",
            )
    if not found:
        raise InputError(f"there are no {what}", where="Model")
    return found


def _label(name: str, network: GraphNetwork) -> str:
    return "y" if len(network.output_names) == 1 else f"y[{name!r}]"


def _last_shape(network: GraphNetwork, place: int) -> tuple[int, ...]:
    return network.graph.shapes[network.graph.ends[place]]


def _split(rows: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The first rows to train on, the last ones to validate on."""
    if not isinstance(share, int | float) or not 0 < share < 1:
        raise InputError(f"validation_split is {share!r}", hint="give a share between 0 and 1")
    kept = int(len(rows) * (1 - share))
    if kept == 0 or kept == len(rows):
        side = "training" if kept == 0 else "validation"
        raise InputError(f"validation_split {share:g} of {len(rows)} rows leaves none for {side}")
    return rows[:kept], rows[kept:]


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} is {value!r}", hint=f"give a whole number, at least {least}")
    return int(value)


def _codes_within(codes: Tensor, limit: int, where: str, layer: str) -> None:
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= limit:
        wrong = low if low < 0 else high
        raise InputError(
            f"{where} holds the code {wrong}, and layer {layer!r} knows 0 to {limit - 1}",
            hint=f"Embedding(input_dim={high + 1}, ...) would do" if low >= 0 else "codes are counted from 0",
        )


def _tabled(rate: LearningRateSchedule) -> Any:
    return lambda steps: rate(steps.to(torch.float32))


def _moved(data: Dataset, device: torch.device) -> Dataset:
    if device.type == "cpu":
        return data
    target: Any = data.target
    moved: Any = (
        {name: each.to(device) for name, each in target.items()}
        if isinstance(target, dict)
        else target.to(device)
    )
    return Dataset({name: each.to(device) for name, each in data.raw.items()}, moved, data.weight.to(device))
