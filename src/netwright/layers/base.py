"""What all layers made by hand share: Keras's common arguments, shapes, and being called on symbols."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from netwright.errors import InputError, suggestion
from netwright.nn import activations, member
from netwright.nn.initial import Initial
from netwright.nn.member import Mode

Shape = tuple[int | None, ...]
"""A shape without members and batch; None is a length that may differ from batch to batch."""


@dataclass(frozen=True, eq=False)
class Symbol:
    """What a layer will give when data flows: the edges of a model's graph.

    Arguments:
        shape: without the batch.
        layer: which gives it; None for an input.
        sources: what the layer is given.
        name: of an input.
        dtype: "float32", or "int32" for codes.
    """

    shape: Shape
    layer: Layer | None = None
    sources: tuple[Symbol, ...] = ()
    name: str | None = None
    dtype: str = "float32"


class Layer(member.Layer):
    """Base of the layers of `netwright.layers`. Data runs as [M, B, *shape], channels last.

    A layer of one's own overrides `output_shape` (when it changes the shape), `build` (when it has
    parameters: `self.declare("kernel", (2, 3), initializer)`) and `forward`.

    Arguments:
        name: the layer's name; made from its class unless given.
        input_shape: of the first layer of a `Sequential`, without the batch.
        input_dim: the same for vectors: an input_shape of (input_dim,).
        batch_input_shape, batch_shape: the same with the batch in front: (None, 28, 28, 1).
        trainable: whether its parameters are trained.
        dtype: for programs written for Keras; not used: layers compute in float32.

    Example:
        >>> class Double(Layer):
        ...     def forward(self, x, mode):
        ...         return 2 * x
    """

    arguments: dict[str, Any]
    several = False  # whether it takes a list of inputs
    code_limit: int | None = None  # of a layer that takes codes: they run from 0 to below it

    def __new__(cls, *args: Any, **kwargs: Any) -> Layer:
        layer = super().__new__(cls)
        layer.__dict__["arguments"] = _bound(cls, args, kwargs)
        return layer

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """A copy takes the state as it is: no arguments are bound anew."""
        return object.__new__, (type(self),), self.__getstate__()

    def __init__(
        self,
        *,
        name: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        trainable: bool = True,
        batch_input_shape: Sequence[int | None] | None = None,
        batch_shape: Sequence[int | None] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.given_name = name
        self.name = name or snake_case(type(self).__name__)
        if input_shape is None and input_dim is not None:
            input_shape = (input_dim,)
        batch_shape = batch_input_shape if batch_shape is None else batch_shape
        if input_shape is None and batch_shape is not None:
            input_shape = without_batch(batch_shape, self.place)
        self.input_shape: Shape | None = None if input_shape is None else as_shape(input_shape, self.place)
        self.trainable = trainable
        self.members = 1
        self.built_for: Any = None

    @property
    def place(self) -> str:
        """Where an error is."""
        return f"layer {self.name!r}"

    def wrong(self, what: str, hint: str | None = None) -> InputError:
        """An error that names this layer, to be raised."""
        return InputError(what, where=f"{self.place}, {type(self).__name__}", hint=hint)

    def output_shape(self, shape: Any) -> Any:
        """The output's shape for an input's (a list of shapes where it takes several). Refuses wrong ones."""
        return shape

    def build(self, shape: Any) -> None:
        """Declares the parameters for inputs of that shape."""

    def forward(self, x: Any, mode: Mode) -> Any:
        """[M, B, *shape] to [M, B, *output_shape]."""
        raise NotImplementedError

    def connect(self, shape: Any, members: int) -> Any:
        """Builds the layer for inputs of that shape when it is not yet, and returns the output's shape."""
        given = self.output_shape(shape)
        if self.built_for is None:
            self.members = members
            self.build(shape)
            self.built_for = shape
        elif _last(shape) != _last(self.built_for):
            raise self.wrong(f"it was built for inputs of shape {self.built_for}, and now gets {shape}")
        return given

    def inner(self, layer: Layer, shape: Any) -> Any:
        """Builds a layer inside this one, with its members; returns its output's shape."""
        layer.trainable = layer.trainable and self.trainable
        return layer.connect(shape, self.members)

    def declare(self, name: str, shape: tuple[int, ...], initial: Initial, **group: Any) -> None:
        """Asks for a parameter; see `netwright.nn.member.Declared`. Biases and scales do not decay."""
        group.setdefault("decay", len(shape) > 1 and "bias" not in name and name != "alpha")
        if not self.trainable:
            group["rate"] = 0.0
        super().declare(name, shape, initial, **group)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the layer's weights, in Keras's order.

        Raises:
            InputError: it is in no model yet whose input's shape is known.
        """
        from netwright.models import weights

        return weights.get(self._home(), of=self)

    def set_weights(self, values: Sequence[Any]) -> None:
        """Takes what `get_weights` gave, of this layer or one like it.

        Raises:
            InputError: it is in no model yet, or not so many arrays, another shape, or NaN.
        """
        from netwright.models import weights

        weights.set_all(self._home(), values, of=self)

    @property
    def weights(self) -> list[np.ndarray]:
        """As `get_weights`."""
        return self.get_weights()

    def count_params(self) -> int:
        """Numbers of the layer, trained or not."""
        return sum(int(values.size) for values in self.get_weights())

    @property
    def input(self) -> Any:
        """The symbol that the layer is given in its model, or a list of several."""
        sources = list(self.output.sources)
        return sources if self.several else sources[0]

    @property
    def output(self) -> Symbol:
        """The symbol that the layer gives in its model: `Model(model.input, layer.output)`.

        Raises:
            InputError: it is in no model yet.
        """
        waiting, seen = list(self._home().graph.outputs), set()
        while (symbol := waiting.pop()).layer is not self:
            waiting += [source for source in symbol.sources if source not in seen]
            seen.update(symbol.sources)
        return symbol

    def _home(self) -> Any:
        """A network that the layer is a part of."""
        from netwright.models import sharing

        network = sharing.home(self)
        if network is None:
            raise self.wrong("it is in no model yet", "a model has weights once its input's shape is known")
        return network

    def __call__(self, *inputs: Any, **more: Any) -> Any:
        """On symbols: a symbol of the output. On tensors: the forward pass."""
        first = inputs[0] if inputs else None
        symbols: list[Any] = list(first) if isinstance(first, list | tuple) else [first]
        if not symbols or not all(isinstance(each, Symbol) for each in symbols):
            return super().__call__(*inputs, **more)
        if self.several != isinstance(first, list | tuple):
            raise self.wrong(
                "it takes a list of inputs" if self.several else "it takes one input, and was given a list"
            )
        shape = [each.shape for each in symbols] if self.several else symbols[0].shape
        return Symbol(self.output_shape(shape), self, tuple(symbols))

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items() if key != "name")
        return f"{type(self).__name__}({shown})"


class Activated(Layer):
    """A layer that ends with an activation of each value (softmax: of each vector).

    A model leaves the last activation out where its loss is computed on what comes before it.

    Arguments:
        activation: its name, a function of a tensor, or None.

    Attributes:
        activation_name: "linear" when there is none, "" for a function of one's own.
    """

    def __init__(self, activation: str | Callable[[Tensor], Tensor] | None = None, **common: Any) -> None:
        super().__init__(**common)
        self.activation = activation
        try:
            self.activate = activations.get(activation)
        except InputError as error:
            raise self.wrong(error.what, error.hint) from None
        self.activation_name = activations.name_of(activation) or ""

    def compute(self, x: Tensor, mode: Mode) -> Tensor:
        """All but the activation."""
        raise NotImplementedError

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = self.compute(x, mode)
        return x if self.activation is None else self.activate(x)


def as_shape(shape: Any, where: str) -> Shape:
    """A shape that a user gave, checked."""
    values = (shape,) if isinstance(shape, int | np.integer) or shape is None else tuple(shape)
    for value in values:
        if value is not None and (not isinstance(value, int | np.integer) or value < 1):
            raise InputError(
                f"a shape holds whole numbers from 1 on (or None), and not {value!r}",
                where=where,
                hint="give it without the batch: input_shape=(28, 28, 1)",
            )
    return tuple(None if value is None else int(value) for value in values)


def without_batch(shape: Any, where: str) -> Shape:
    """A shape that a user gave with the batch in front, checked, without it.

    Example:
        >>> without_batch((None, 28, 28, 1), "Input")
        (28, 28, 1)
    """
    return as_shape(shape, where)[1:]


def at_least(value: Any, least: int, name: str, layer: Layer) -> int:
    """A whole number that a user gave, checked."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise layer.wrong(f"{name} is {value!r}", f"give a whole number, at least {least}")
    return int(value)


def share(value: Any, name: str, layer: Layer) -> float:
    """A number from 0 to below 1 that a user gave, checked."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise layer.wrong(f"{name} is {value!r}", "give a number from 0 to below 1")
    return float(value)


def snake_case(name: str) -> str:
    """
    Example:
        >>> snake_case("LayerNormalization"), snake_case("Conv2D"), snake_case("GRU")
        ('layer_normalization', 'conv2d', 'gru')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _last(shape: Any) -> Any:
    """What of an input's shape parameters depend on."""
    if isinstance(shape, list):
        return [_last(each) for each in shape]
    return shape[-1:]


def _bound(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a layer was made with, by name."""
    signature = inspect.signature(cls.__init__)
    common = inspect.signature(Layer.__init__).parameters
    names = [
        name
        for name, each in [*signature.parameters.items(), *common.items()]
        if name != "self" and each.kind is not each.VAR_KEYWORD
    ]
    for key in kwargs:
        if key not in names:
            raise InputError(
                f"{cls.__name__} has no argument {key!r}", where="layers", hint=suggestion(key, names)
            )
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError as error:
        raise InputError(f"{cls.__name__}: {error}", where="layers") from None
    values = dict(list(bound.arguments.items())[1:])
    for name, each in signature.parameters.items():
        if each.kind is each.VAR_KEYWORD:
            values |= values.pop(name, {})
        elif each.kind is each.VAR_POSITIONAL and name in values:
            values[name] = list(values[name])
    return values


def last_axis(shape: Shape, layer: Layer) -> int:
    """The features of an input; refuses an unknown number."""
    if not shape or shape[-1] is None:
        raise layer.wrong(f"the last axis of its input, of shape {shape}, must be known")
    return shape[-1]


def axis_of(axis: int, shape: Shape, layer: Layer) -> int:
    """Where in a shape without the batch an axis is that a user counted with it, as Keras does."""
    place = axis - 1 if axis > 0 else axis + len(shape)
    if axis == 0 or not 0 <= place < len(shape):
        raise layer.wrong(
            f"there is no axis {axis} in its input of shape {shape}",
            f"give a whole number from 1 to {len(shape)}, or -1 for the last; 0 is the batch",
        )
    return place
