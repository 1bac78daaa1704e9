"""Small objects (losses, initialisers, ...) by name, and as JSON: {"class": name, argument: value, ...}."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from netwright.errors import InputError, suggestion


def to_spec(value: Any) -> Any:
    """What JSON can hold of an object.

    Arguments:
        value: a dataclass object, whose arguments may be such objects again, lists of them, or plain values.

    Returns:
        {"class": name, **arguments} for a dataclass object, lists for lists and tuples, plain values as they
        are.

    Raises:
        InputError: for a function or another object that cannot be written down.

    Example:
        >>> from netwright.regularizers import L2
        >>> to_spec([L2(0.5), 3])
        [{'class': 'L2', 'l2': 0.5}, 3]
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and not isinstance(value, type):
        arguments = {each.name: to_spec(getattr(value, each.name)) for each in fields(value) if each.init}
        return {"class": type(value).__name__} | arguments
    if isinstance(value, list | tuple):
        return [to_spec(each) for each in value]
    if isinstance(value, dict):
        return {str(key): to_spec(each) for key, each in value.items()}
    name = getattr(value, "__qualname__", repr(value))
    raise InputError(f"{name} cannot be saved: it is code, not data", hint="give it by a name of Netwright's")


def from_spec(known: Mapping[str, type], spec: Any) -> Any:
    """The object that `to_spec` wrote down.

    Arguments:
        known: {name: class} of the classes that may be made; nothing else is ever run.
        spec: what `to_spec` gave, perhaps after a way through JSON.

    Raises:
        InputError: a class or argument is unknown.

    Example:
        >>> from netwright.regularizers import L2
        >>> from_spec({"L2": L2}, {"class": "L2", "l2": 0.5})
        L2(l2=0.5)
    """
    if isinstance(spec, list | tuple):
        return [from_spec(known, each) for each in spec]
    if not isinstance(spec, dict):
        return spec
    arguments = {key: from_spec(known, each) for key, each in spec.items() if key != "class"}
    if "class" not in spec:
        return arguments
    name = spec["class"]
    if name not in known:
        raise InputError(f"unknown class {name!r}", hint=suggestion(str(name), known))
    names = [each.name for each in fields(known[name]) if each.init]
    for key in arguments:
        if key not in names:
            raise InputError(f"{name} has no argument {key!r}", hint=suggestion(key, names))
    return known[name](**arguments)


def find(what: str, identifier: str, known: Mapping[str, Any]) -> Any:
    """The entry of that name; "he_normal", "HeNormal" and "he normal" are one name.

    Arguments:
        what: what is looked for, as in "unknown loss".
        identifier: the name that a user gave.
        known: {snake_case name: entry}.

    Raises:
        InputError: unknown name, with the nearest one.

    Example:
        >>> find("fruit", "GreenApple", {"green_apple": 1, "pear": 2})
        1
    """
    folded = {_fold(name): entry for name, entry in known.items()}
    if _fold(identifier) not in folded:
        raise InputError(f"unknown {what} {identifier!r}", hint=suggestion(identifier, known))
    return folded[_fold(identifier)]


def _fold(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").casefold()
