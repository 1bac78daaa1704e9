"""Which target, loss or metric belongs to which output: one for all, lists in order, or by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from netwright.errors import InputError, suggestion


def targets(y: Any, names: list[str], where: str) -> dict[str, np.ndarray]:
    """The target arrays by what errors call them: y, or y['name'] of several outputs."""
    if len(names) == 1:
        y = y[names[0]] if isinstance(y, dict) and names[0] in y else y
        return {f"{where}y": target(y, f"{where}y")}
    if isinstance(y, dict):
        for name in y:
            if name not in names:
                raise InputError(
                    f"the model has no output {name!r}", where="y", hint=suggestion(str(name), names)
                )
        given = y
    elif isinstance(y, list | tuple) and len(y) == len(names):
        given = dict(zip(names, y, strict=True))
    else:
        raise InputError(
            f"the model has {len(names)} outputs", hint=f"give y as a list in the order {', '.join(names)}"
        )
    missing = [name for name in names if name not in given]
    if missing:
        raise InputError(f"y lacks the output {missing[0]!r}")
    return {f"{where}y[{name!r}]": target(given[name], f"{where}y[{name!r}]") for name in names}


def target(values: Any, where: str) -> np.ndarray:
    """An array of whatever type: the loss says what it wants."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    try:
        found = np.asarray(values)
    except ValueError:
        raise InputError(f"the rows of {where} have different lengths") from None
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
