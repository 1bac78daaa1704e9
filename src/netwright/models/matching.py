"""Which target, loss or metric belongs to which output: one for all, lists in order, or by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from netwright.errors import InputError, suggestion
from netwright.models import arrays


def targets(y: Any, names: list[str], where: str) -> dict[str, np.ndarray]:
    """The target arrays by the outputs' names: from one array, several as a list, or by name.

    Arguments:
        y: as the user gave it.
        names: of the outputs.
        where: what errors put before y: "validation_".
    """
    if isinstance(y, dict):
        for name in y:
            if name not in names:
                raise InputError(
                    f"the model has no output {name!r}", where=f"{where}y", hint=suggestion(str(name), names)
                )
        given = y
    elif len(names) == 1:
        given = {names[0]: y}
    elif isinstance(y, list | tuple) and len(y) == len(names):
        given = dict(zip(names, y, strict=True))
    else:
        count = len(y) if isinstance(y, list | tuple) else 1
        raise InputError(
            f"the model has {len(names)} outputs, and {where}y holds {count}",
            hint=f"give a list of arrays in the order {', '.join(names)}, or a dictionary",
        )
    missing = [name for name in names if name not in given]
    if missing:
        raise InputError(f"{where}y lacks the output {missing[0]!r}")
    several = len(names) > 1
    return {name: _target(given[name], f"{where}y[{name!r}]" if several else f"{where}y") for name in names}


def _target(values: Any, where: str) -> np.ndarray:
    """An array of whatever type: the loss says what it wants."""
    found = arrays.plain(values, where)
    if found.ndim == 0 or not len(found):
        raise InputError(f"{where} is empty" if found.ndim else f"{where} is a single value")
    return found


def by_output(given: Any, names: list[str], what: str, each: Any = None) -> dict[str, Any]:
    """One entry for each output, from one for all, a list, or a dictionary."""
    if given is None:
        return dict.fromkeys(names, each)
    if isinstance(given, dict):
        for name in given:
            if name not in names:
                raise InputError(
                    f"{what} names {name!r}, which is no output", hint=suggestion(str(name), names)
                )
        return {name: given.get(name, each) for name in names}
    if isinstance(given, list | tuple):
        nested = what == "metrics" and not any(isinstance(one, list | tuple) for one in given)
        if nested:
            return dict.fromkeys(names, given)
        if len(given) != len(names):
            raise InputError(f"{what} holds {len(given)} entries for {len(names)} outputs")
        return dict(zip(names, given, strict=True))
    return dict.fromkeys(names, given)


def leaves(given: Any) -> list[Any]:
    if isinstance(given, dict):
        return list(given.values())
    return list(given) if isinstance(given, list | tuple) else [given]
