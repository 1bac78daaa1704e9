"""What the classifier and the regressor share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from netwright.callbacks import checked
from netwright.config import Config
from netwright.data.dataset import Dataset, encode
from netwright.data.media import Media
from netwright.data.schema import Schema, Target
from netwright.estimators.frames import column_names, find_schema, given_categories, read_inputs
from netwright.estimators.rows import Rows, merge
from netwright.nn.network import Network
from netwright.pipeline.resolve import resolve
from netwright.runs import bundle
from netwright.runs.bundle import Bundle
from netwright.runs.model import TableModel
from netwright.runs.network import build
from netwright.training.callbacks import Callback, State
from netwright.training.optimizer import Optimizer
from netwright.training.population import Member, Population


class Lines(Callback):
    """A line for each epoch, for `verbose`."""

    def on_epoch(self, state: State) -> None:
        losses = {name: value for name, value in state.rows[0].items() if name.endswith("loss")}
        shown = ", ".join(f"{name} {value:.6g}" for name, value in losses.items())
        print(f"epoch {state.epoch} of {state.epochs}: {shown}")


class NetEstimator(BaseEstimator):
    """A network behind scikit-learn's interface. See `NetClassifier` and `NetRegressor`."""

    def __init__(
        self,
        network: str | list[Any] = "mlp",
        *,
        width: int | str = "auto",
        depth: int | str = "auto",
        heads: int | str = "auto",
        activation: str = "relu",
        normalization: str = "auto",
        dropout: float | str = "auto",
        scaling: str = "robust",
        embedding: str = "auto",
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        optimizer: str = "adamw",
        learning_rate: float | str = "auto",
        weight_decay: float | str = "auto",
        schedule: str = "cosine",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int | str = "auto",
        effort: str = "normal",
        members: int | str = "auto",
        kinds: dict[str, str] | None = None,
        random_state: Any = None,
        device: str = "cpu",
        warm_start: bool = False,
        callbacks: Any = None,
        verbose: bool = False,
    ) -> None:
        self.network = network
        self.width = width
        self.depth = depth
        self.heads = heads
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.scaling = scaling
        self.embedding = embedding
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.effort = effort
        self.members = members
        self.kinds = kinds
        self.random_state = random_state
        self.device = device
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fits the network.

        Arguments:
            X: rows: an array, a frame of pandas or polars (its columns may be numbers, text, categories,
                dates, booleans), or lists. Missing cells are allowed. [N, F], or pictures [N, H, W] or
                [N, H, W, C], or series [N, T, C]
            y: targets. [N], or several [N, T]
            sample_weight: of the rows, at least 0; each 1 unless given. [N]

        Returns:
            The estimator itself.

        Raises:
            ValueError: as scikit-learn raises it, and for settings that there are not.
        """
        again = self.warm_start and hasattr(self, "model_")
        frame, media = read_inputs(self, X, reset=not again)
        y = self._check_target(y, frame.height)
        weight = self._weights(y, sample_weight)
        keep = weight > 0
        target = self._learn_target(y[keep], again=again)
        rows = merge(frame.filter(pl.Series(keep)), target, weight[keep])
        if not again:
            self._build(rows, media, given_categories(X))
        config = self._config(self.model_.schema, rows)
        data = self._dataset(rows, media)
        members = self._members(config, rows)
        population = self._population(data, members, config)
        if again:
            self._keep_network(population)
        else:
            population.prepare()
        self._optimizer: Any = None
        self._train(population)
        return self

    def _continue(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> Any:
        """One epoch over these rows, from where the network stands; see `partial_fit`."""
        first = not hasattr(self, "model_")
        frame, media = read_inputs(self, X, reset=first)
        y = self._check_target(y, frame.height)
        weight = self._weights(y, sample_weight)
        keep = weight > 0
        target = self._learn_target(y[keep], again=not first, classes=classes)
        rows = merge(frame.filter(pl.Series(keep)), target, weight[keep])
        if first:
            self._build(rows, media, given_categories(X))
        self._calls += 1
        config = self._config(self.model_.schema, rows)
        config.training.epochs, config.training.schedule, config.training.warmup = 1, "constant", 0.0
        data = self._dataset(rows, media)
        every = torch.from_numpy(rows.numbers(np.arange(len(rows))))
        members = [Member.of(config.training, every, every[:0], seed + self._calls) for seed in self._seeds()]
        population = self._population(data, members, config)
        if first:
            population.prepare()
        elif not isinstance(self._optimizer, Optimizer):
            self._keep_network(population)
            assert population.optimizer is not None
            if self._optimizer is not None:  # as it was pickled
                state = {name: torch.from_numpy(value) for name, value in self._optimizer.items()}
                population.optimizer.load_state_dict(state)
        else:
            population.optimizer = self._optimizer
        self._widen(data)
        self._train(population)
        self._optimizer = population.optimizer
        return self

    # ----------------------------------------------------------------------------------------- targets

    def _check_target(self, y: Any, rows: int) -> np.ndarray:
        """The targets as an array. [N] or [N, T]"""
        raise NotImplementedError

    def _learn_target(self, y: np.ndarray, *, again: bool, classes: Any = None) -> np.ndarray:
        """Codes or values for the network; sets what is learnt about the target. [N] or [N, T]"""
        raise NotImplementedError

    def _target(self, name: str) -> Target:
        """What the network predicts; `name` for its column."""
        raise NotImplementedError

    def _tensor(self, target: np.ndarray) -> torch.Tensor:
        """The targets as the network's head takes them."""
        raise NotImplementedError

    def _weights(self, y: np.ndarray, sample_weight: Any) -> np.ndarray:
        """[N] float64"""
        return _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)

    def _strata(self, target: np.ndarray) -> np.ndarray | None:
        """What validation rows are drawn in proportion to."""
        return None

    def _widen(self, data: Dataset) -> None:
        """Tells the network of targets that are beyond those it was prepared for."""

    # ---------------------------------------------------------------------------------------- building

    def _config(self, schema: Schema, rows: Rows) -> Config:
        """The settings without "auto"."""
        network = {
            "layers" if isinstance(self.network, list) else "kind": self.network,
            "width": self.width,
            "depth": self.depth,
            "heads": self.heads,
            "activation": self.activation,
            "normalization": self.normalization,
            "dropout": self.dropout,
        }
        training = {
            "effort": self.effort,
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "schedule": self.schedule,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "patience": self.patience,
            "members": self.members,
            "device": self.device,
            "precision": "float32",
        }
        inputs = {"number": {"scaling": self.scaling, "embedding": self.embedding}}
        sections = {"inputs": inputs, "network": _plain(network), "training": _plain(training)}
        config, _ = resolve(Config.parse(sections, where=type(self).__name__), schema, rows.total)
        if self.epochs == "auto":
            config.training.epochs = self._epochs(config, rows)
        return config

    def _epochs(self, config: Config, rows: Rows) -> int:
        """As many steps as if each row stood there as often as it counts."""
        epochs, batch = int(config.training.epochs), int(config.training.batch_size)
        steps = -(-rows.total // batch) * epochs
        if not self.early_stopping:
            steps = max(LEAST_STEPS, steps // UNWATCHED)
        a_pass = -(-len(rows.numbers(np.arange(len(rows)))) // batch)
        return max(1, min(MOST_EPOCHS, -(-steps // a_pass)))

    def _build(self, rows: Rows, media: dict[str, Media], categories: list[int]) -> None:
        """The network of the right shape, not yet fitted."""
        names = column_names(self)
        kinds: Any = {names[place]: "category" for place in categories} | (self.kinds or {})
        target = self._target(_unused("target", names))
        schema = find_schema(rows.frame, media, kinds, target, Config().inputs)
        config = self._config(schema, rows)
        # A number between 0 and 2³¹ even for a generator that is in use elsewhere.
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        network = build(schema, config.inputs, config.network, int(config.training.members))
        network.to(config.training.device)
        self.model_ = TableModel(Bundle(network, schema, config.inputs, config.network))
        self._calls = 0  # of partial_fit

    def _dataset(self, rows: Rows, media: dict[str, Media]) -> Dataset:
        saved = self.model_.bundle
        raw = encode(rows.frame, saved.schema, media)
        data = Dataset(raw, self._tensor(rows.target), torch.from_numpy(rows.weights))
        return data.to(saved.network.flat.device)

    def _seeds(self) -> list[int]:
        return [self._seed + place for place in range(self.model_.network.members)]

    def _members(self, config: Config, rows: Rows) -> list[Member]:
        train, validation = np.arange(len(rows)), np.arange(0)
        if self.early_stopping:
            train, validation = train_test_split(
                train,
                test_size=self.validation_fraction,
                random_state=self._seed,
                stratify=self._strata(rows.target),
            )
        seen, judged = (torch.from_numpy(rows.numbers(np.sort(part))) for part in (train, validation))
        return [Member.of(config.training, seen, judged, seed) for seed in self._seeds()]

    def _population(self, data: Dataset, members: list[Member], config: Config) -> Population:
        callbacks = checked(self.callbacks)
        callbacks += [Lines()] if self.verbose else []
        return Population(self.model_.network, data, members, config.training, callbacks)

    def _keep_network(self, population: Population) -> None:
        """Sets the optimiser up, and leaves the network as it is."""
        values = {name: value.clone() for name, value in self.model_.network.named_values().items()}
        population.prepare()
        self.model_.network.load_values(values)

    def _train(self, population: Population) -> None:
        with _threads(population.config.threads):
            history = population.train()
        if history.stopped == "interrupted":
            warnings.warn("Training interrupted by user.", stacklevel=3)
        self.history_ = history
        self.n_iter_ = history.epochs
        self.loss_curve_ = history.column("train_loss")
        self._exact = _exact(self.model_.bundle)

    # -------------------------------------------------------------------------------------- predicting

    def _outputs(self, X: Any) -> np.ndarray:
        """Probabilities or values, averaged over the members. [N, C] float64"""
        check_is_fitted(self)
        frame, media = read_inputs(self, X, reset=False)
        saved = self.model_.bundle
        raw = encode(frame, saved.schema, media)
        return self._exact.predict_mean(raw).numpy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """The network as bytes of safetensors and JSON, the rest as plain Python and NumPy."""
        state: dict[str, Any] = {**super().__getstate__()}  # type: ignore[dict-item]
        if "model_" in state:
            state["model_"] = bundle.to_bytes(self.model_.bundle)
            del state["_exact"]
            if self._optimizer is not None:
                state["_optimizer"] = {
                    name: value.cpu().numpy() for name, value in self._optimizer.state_dict().items()
                }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            saved = bundle.from_bytes(state["model_"])
            self.model_, self._exact = TableModel(saved), _exact(saved)


MOST_EPOCHS = 10_000
UNWATCHED = 3  # without validation rows a third of the epochs: networks of few rows would learn them by heart
LEAST_STEPS = 150


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """NumPy's numbers, as a grid of `np.arange` gives them, as Python's."""
    return {
        name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()
    }


def _unused(name: str, names: list[str]) -> str:
    while name in names:
        name += "_"
    return name


def _exact(saved: Bundle) -> Network:
    """The network in float64, on the processor.

    The prediction of a row then does not depend on the rows beside it, but for the 15th digit. Networks of
    pictures, sounds and series are too large for that, and stay in float32.
    """
    if saved.schema.of_kind("image", "sound", "series"):
        return saved.network.cpu()
    network = build(saved.schema, saved.inputs, saved.config, saved.network.members).double()
    network.load_values(saved.network.named_values())
    return network


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """So many processor threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
