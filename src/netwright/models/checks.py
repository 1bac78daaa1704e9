"""What users give to models, checked at the door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from netwright.errors import InputError
from netwright.layers.base import Symbol
from netwright.training.callbacks import Callback


def symbols_of(given: Any, what: str) -> list[Symbol]:
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


def callbacks_of(given: Any) -> list[Callback]:
    """The callbacks of a user, checked."""
    found: list[Any] = list(given or []) if isinstance(given, list | tuple) or given is None else [given]
    for callback in found:
        if not isinstance(callback, Callback):
            raise InputError(
                f"{callback!r} is no callback", where="callbacks", hint="see netwright.callbacks"
            )
    return found


def both_given(doing: str, x: Any, y: Any) -> None:
    refuse_streams(x)
    if x is None:
        raise InputError(f"{doing} needs x, the inputs")
    if y is None:
        raise InputError(f"{doing} needs y, the targets", hint="arrays are given as fit(x, y)")


def at_least_one(name: str, value: Any) -> int:
    return whole(name, value, 1)


def whole(name: str, value: Any, least: int) -> int:
    """A whole number that a user gave, checked."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} is {value!r}", hint=f"give a whole number, at least {least}")
    return int(value)


def check_mixup(alpha: Any, raw: dict[str, Tensor]) -> None:
    """A mixup other than 0, and inputs that can be blended."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < float("inf"):
        raise InputError(f"mixup is {alpha!r}, not a number of 0 or more", hint="such as 0.2")
    for name, values in raw.items():
        if not values.is_floating_point():
            raise InputError(f"mixup blends numbers, and the input {name!r} holds codes", hint="leave it out")


def refuse_streams(x: Any) -> None:
    """Raises InputError where x is what gives batches one by one: a loader, a data set, a generator."""
    rows = isinstance(x, Sequence | Mapping) or hasattr(x, "__array__") or hasattr(x, "toarray")
    if not rows and (isinstance(x, Iterable) or hasattr(x, "__getitem__")):
        raise InputError(
            f"x is a {type(x).__name__}, and models by hand take arrays whole",
            hint="give arrays, x and y; nw.Trainer, for modules of PyTorch, takes loaders",
        )
