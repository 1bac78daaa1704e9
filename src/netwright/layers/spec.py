"""Layers as JSON and YAML, and back: {"class": "Dense", "units": 64, "activation": "relu"}."""

from __future__ import annotations

from typing import Any

from netwright import constraints, initializers, layers, regularizers
from netwright.errors import InputError, suggestion
from netwright.layers.base import Layer
from netwright.nn.spec import from_spec as object_from_spec
from netwright.nn.spec import to_spec as object_to_spec


def known() -> dict[str, type[Layer]]:
    """All layers by their class's name."""
    values = {name: getattr(layers, name) for name in layers.__all__ if name != "Layer"}
    return {name: value for name, value in values.items() if isinstance(value, type)}  # not `add`


def _objects() -> dict[str, type]:
    """Classes whose objects can be arguments of layers."""
    return {
        name: value
        for module in (initializers, regularizers, constraints)
        for name, value in vars(module).items()
        if isinstance(value, type) and hasattr(value, "__dataclass_fields__")
    }


def to_spec(layer: Layer) -> dict[str, Any]:
    """What a layer was made with.

    Raises:
        InputError: a layer or argument that is code, such as a function of one's own as activation.

    Example:
        >>> to_spec(layers.Dense(3, activation="relu"))
        {'class': 'Dense', 'units': 3, 'activation': 'relu'}
    """
    name = type(layer).__name__
    if known().get(name) is not type(layer):
        raise layer.wrong(
            "a layer of one's own cannot be saved: it is code, not data", "save its weights with save_weights"
        )
    try:
        return {"class": name} | {key: _value(value) for key, value in layer.arguments.items()}
    except InputError as error:
        raise layer.wrong(error.what, error.hint) from None


def _value(value: Any) -> Any:
    if isinstance(value, Layer):
        return to_spec(value)
    if isinstance(value, list | tuple) and any(isinstance(each, Layer) for each in value):
        return [_value(each) for each in value]
    return object_to_spec(value)


def from_spec(spec: Any, where: str = "layers") -> Layer:
    """The layer of {"class": "Dense", "units": 64}, {"Dense": {"units": 64}} or {"Dense": 64}.

    Raises:
        InputError: an unknown layer, or arguments that it does not take.

    Example:
        >>> from_spec({"Dense": 64}), from_spec("Flatten")
        (Dense(units=64), Flatten())
    """
    if isinstance(spec, str):
        spec = {"class": spec}
    if not isinstance(spec, dict) or not spec:
        raise InputError(f"{spec!r} describes no layer", where=where, hint="such as {Dense: {units: 64}}")
    if "class" in spec:
        name, given = spec["class"], {key: value for key, value in spec.items() if key != "class"}
    elif len(spec) == 1:
        name, given = next(iter(spec.items()))
    else:
        raise InputError(f"{spec!r} names several layers", where=where, hint="give each its own line")
    classes: dict[str, Any] = known()
    if name not in classes:
        raise InputError(f"unknown layer {name!r}", where=where, hint=suggestion(str(name), classes))
    if given is None:
        given = {}
    arguments = given if isinstance(given, dict) else {"": given}
    values = {key: _argument(value, where) for key, value in arguments.items()}
    try:
        return classes[name](values[""]) if "" in values else classes[name](**values)
    except TypeError as error:
        raise InputError(f"{name}: {error}", where=where) from None


def _argument(value: Any, where: str) -> Any:
    if isinstance(value, dict) and (
        value.get("class") in known() or (len(value) == 1 and value.keys() <= known().keys())
    ):
        return from_spec(value, where)
    if isinstance(value, list):
        return [_argument(each, where) for each in value]
    return object_from_spec(_objects(), value) if isinstance(value, dict) else value
