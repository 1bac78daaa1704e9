"""What can be asked of a model: its layers, shapes, weights, words and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from netwright.arguments import checked
from netwright.errors import InputError, suggestion
from netwright.layers.base import Layer, Symbol
from netwright.models import weights
from netwright.models.goals import Settings
from netwright.models.keeping import whole_model
from netwright.models.network import GraphNetwork
from netwright.models.summary import summary


class Inspected:
    """The part of `Model` that tells, and changes weights at most."""

    name: str
    network: GraphNetwork | None
    settings: Settings | None
    engine: Any

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

    @property
    def inputs(self) -> list[Symbol]:
        return list(self._built("naming inputs").graph.inputs)

    @property
    def outputs(self) -> list[Symbol]:
        """Symbols to build further models on: `Model(model.inputs, model.outputs)`."""
        return list(self._built("naming outputs").graph.outputs)

    @property
    def input(self) -> Any:
        """The symbol of the input, or a list of several; `Model(model.input, layer.output)` builds on it."""
        return _alone(self.inputs)

    @property
    def output(self) -> Any:
        """The symbol of the output, or a list of several."""
        return _alone(self.outputs)

    @property
    def input_shape(self) -> Any:
        """(None, ...), with the batch in front as in Keras; a list of several."""
        return _alone([(None, *symbol.shape) for symbol in self.inputs])

    @property
    def output_shape(self) -> Any:
        """(None, ...), with the batch in front as in Keras; a list of several."""
        return _alone([(None, *symbol.shape) for symbol in self.outputs])

    @property
    def loss(self) -> Any:
        """As compiled; None before."""
        return None if self.settings is None else self.settings.loss

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` gives, in its order; none before `compile`."""
        if self.settings is None:
            return []
        network = self._built("naming metrics")
        names, several = ["loss"], len(network.goals) > 1
        for output, goal in zip(network.output_names, network.goals, strict=True):
            front = f"{output}_" if several else ""
            names += [f"{front}loss"] if several and goal.loss is not None else []
            names += [f"{front}{metric.label}" for metric in goal.metrics]
        return names

    @property
    def trainable(self) -> bool:
        """Whether any layer is trained; setting it sets it for all. What it is counts at the next `fit`."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = value

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name, or by its place."""
        if index is not None:
            return self.layers[index]
        named = {layer.name: layer for layer in self.layers}
        if name not in named:
            raise InputError(f"the model has no layer {name!r}", hint=suggestion(str(name), named))
        return named[name]

    @checked
    def summary(self, line_length: int | None = None, print_fn: Callable[[str], Any] | None = None) -> None:
        """Prints the layers with their outputs' shapes and numbers of parameters.

        Arguments:
            line_length: how wide the table is at least, in characters.
            print_fn: is called with the whole table in the place of `print`.
        """
        network = self._built("a summary")
        if network.freeze():
            self.engine = None  # as `fit` would do
        (print_fn or print)(summary(self.name, network, line_length or 0))

    def count_params(self) -> int:
        """Numbers of the model, trained or not."""
        return sum(int(values.size) for values in self.get_weights())

    def get_weights(self) -> list[np.ndarray]:
        """All weights, layer by layer, in Keras's order and shapes."""
        return weights.get(self._built("get_weights"))

    @property
    def weights(self) -> list[np.ndarray]:
        """All weights, as `get_weights` gives them: copies."""
        return self.get_weights()

    @property
    def trainable_weights(self) -> list[np.ndarray]:
        """Copies of the weights that training changes by the gradient."""
        return weights.get(self._built("trainable_weights"), trained=True)

    @property
    def non_trainable_weights(self) -> list[np.ndarray]:
        """Copies of the others: statistics, and weights of layers whose `trainable` is False."""
        return weights.get(self._built("non_trainable_weights"), trained=False)

    def set_weights(self, values: Sequence[Any]) -> None:
        """Takes what `get_weights` gave, of this model or of one of the same layers.

        Raises:
            InputError: not so many arrays, another shape, or NaN.
        """
        weights.set_all(self._built("set_weights"), values)

    def plot(self) -> Any:
        """A drawing of the network as a matplotlib figure; see `netwright.plots.network`."""
        from netwright.plots import network

        return network(self)

    def plot_surface(self, x: Any, y: Any = None, **options: Any) -> Any:
        """What a model of two inputs answers everywhere; see `netwright.plots.surface`."""
        from netwright.plots import surface

        return surface(self, x, y, **options)

    def report(
        self,
        folder: str | Path,
        x: Any,
        y: Any,
        *,
        train: Any = None,
        validation: Any = None,
        classes: Sequence[Any] | None = None,
        target: str = "y",
        overwrite: bool = False,
    ) -> Path:
        """Scores the model on rows that it was not trained on, and writes a record of it.

        The folder holds report.html, metrics.json, predictions.csv, evaluation.json, history.csv (of the last
        fit) and the model itself; `nw.load(folder)` gives the model back.

        Arguments:
            folder: a new or empty one.
            x, y: rows to score, as for `evaluate`; what `fit` saw would flatter.
            train: (x, y) that it was trained on; baselines are fitted on them.
            validation: (x, y) that the training was watched on.
            classes: names of the classes, in the order of the outputs.
            target: name of what is predicted.
            overwrite: whether an earlier report may be replaced.

        Returns:
            The page's path.

        Raises:
            InputError: several outputs, or outputs that are no vectors; a folder that holds other things.
        """
        from netwright.models.report import report

        named: dict[str, Any] = {"classes": classes, "target": target, "overwrite": overwrite}
        return report(whole_model(self), Path(folder), x, y, train=train, validation=validation, **named)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def _alone(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
