"""Targets at the door: what a user gives as y, checked against what the network gives and the loss needs.

Each function takes the array y [N, ...], the shape of one row's output, such as (10,), and `where`, the name
that errors call it by. Rows in errors count from 0, as the array does.
"""

from __future__ import annotations

import numpy as np

from netwright.errors import InputError

MOST_SHOWN = 5


def numbers(target: object, where: str) -> np.ndarray:
    """The target as an array of finite numbers [N, ...]; floating ones as they are, no empty ones."""
    try:
        values = np.asarray(target)
    except ValueError as error:
        raise InputError(f"{where} is no array: its rows differ in length", hint="pad or cut them") from error
    if values.dtype.kind == "O":
        values = _from_objects(values, where)
    if values.dtype.kind in "UST":
        raise _text(values, where)
    if values.dtype.kind not in "biuf":
        raise InputError(f"{where} holds {values.dtype}, not numbers", hint="turn it into numbers first")
    if values.ndim == 0 or values.size == 0:
        raise InputError(
            f"{where} is empty: it has shape {values.shape}", hint="give a row for each row of x"
        )
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            small = values.astype(np.float32, copy=False)
        wrong = ~np.isfinite(small)
        if wrong.any():
            first = int(np.nonzero(wrong)[0][0])
            count = _count(int(wrong.sum()), "value")
            kind = "too large for 32-bit numbers" if np.isfinite(values[wrong]).any() else "NaN or infinite"
            raise InputError(
                f"{where} has {count} {kind}, the first in row {first}",
                hint="scale the target down" if "large" in kind else "drop or fill these rows",
            )
    return values.astype(np.uint8) if values.dtype.kind == "b" else values


def columns(target: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """The target in the shape of the output, number for number. [N, *shape]"""
    got = target.shape[1:]
    if got == shape:
        return target
    if shape[-1:] == (1,) and got == shape[:-1]:
        return target[..., None]
    if got == (*shape, 1):
        return target[..., 0]
    units = shape[-1] if shape else 1
    if len(got) == len(shape) and got[:-1] == shape[:-1]:
        wants = f"{where} has {_count(got[-1], 'column')}, the network gives {_count(units, 'number')} a row"
        raise InputError(wants, hint=f"the last layer needs {_count(got[-1], 'unit')}")
    hint = "the last layer needs 1 unit" if not got else "their shapes must agree"
    raise InputError(f"{where} has shape {_shape(got)}, the network gives shape {_shape(shape)}", hint=hint)


def codes(target: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Class numbers from 0 to C - 1, int64. [N, *shape[:-1]]"""
    classes, wanted, got = shape[-1], shape[:-1], target.shape[1:]
    if got == (*wanted, 1):
        target = target[..., 0]
    elif got == shape:
        raise InputError(
            f"{where} has a column for each class (one-hot), where class numbers are wanted",
            hint=f"use categorical_crossentropy, or give np.argmax({where}, axis=-1)",
        )
    elif got != wanted:
        raise InputError(
            f"{where} has shape {_shape(got)}, where class numbers of shape {_shape(wanted)} are wanted",
            hint=f"the network gives {classes} probabilities for each",
        )
    if target.dtype.kind == "f" and (wrong := target != np.floor(target)).any():
        raise InputError(
            f"{where} holds numbers that are no class numbers: {some(target, wrong)}",
            hint="class numbers are whole; for a regression use a loss such as mse",
        )
    wrong = (target < 0) | (target >= classes)
    if wrong.any():
        low, high = int(target.min()), int(target.max())
        if low == 1 and high == classes:
            hint = f"they start at 1 here: give {where} - 1"
        elif low >= 0:
            hint = f"the last layer needs {high + 1} units, or these rows are wrong"
        else:
            hint = "class numbers start at 0"
        raise InputError(
            f"{where} has {_count(int(wrong.sum()), 'label')} outside the {classes} classes "
            f"0 to {classes - 1}: {some(target, wrong)}",
            hint=hint,
        )
    return target.astype(np.int64)


def distributions(target: np.ndarray, shape: tuple[int, ...], where: str, loss: str) -> np.ndarray:
    """One-hot columns, or probabilities that sum to 1. [N, *shape]"""
    got = target.shape[1:]
    if got in (shape[:-1], (*shape[:-1], 1)) and shape[-1] > 1:
        raise InputError(
            f"{where} holds a number for each row, and {loss} wants a column for each class (one-hot)",
            hint=f"use sparse_categorical_crossentropy, or to_categorical({where}, {shape[-1]})",
        )
    target = shares(columns(target, shape, where), where, "one-hot columns hold 0 and 1")
    wrong = np.abs(target.sum(-1, dtype=np.float64) - 1) > 1e-3
    if wrong.any():
        first = int(np.nonzero(wrong)[0][0])
        raise InputError(
            f"{where} has {_count(int(wrong.sum()), 'row')} whose classes do not sum to 1, "
            f"the first is row {first}",
            hint="where a row may have several labels, use a sigmoid and binary_crossentropy",
        )
    return target


def shares(target: np.ndarray, where: str, hint: str) -> np.ndarray:
    """Numbers from 0 to 1."""
    wrong = (target < 0) | (target > 1)
    if wrong.any():
        if target.min() == 1 and np.isin(target, (1, 2)).all():
            hint = f"they are 1 and 2 here: give {where} - 1"
        elif np.isin(target, (-1, 1)).all():
            hint = f"they are -1 and 1 here: give ({where} + 1) / 2, or use hinge"
        raise InputError(
            f"{where} has {_count(int(wrong.sum()), 'value')} outside 0 to 1: {some(target, wrong)}",
            hint=hint,
        )
    return target


def at_least_zero(target: np.ndarray, where: str, loss: str) -> np.ndarray:
    """Numbers that are not negative."""
    if (wrong := target < 0).any():
        raise InputError(
            f"{where} has {_count(int(wrong.sum()), 'value')} below 0: {some(target, wrong)}",
            hint=f"{loss} is for numbers of at least 0",
        )
    return target


def signs(target: np.ndarray, where: str) -> np.ndarray:
    """-1 and 1, from these or from 0 and 1."""
    if np.isin(target, (0, 1)).all():
        return 2.0 * target - 1.0
    if (wrong := ~np.isin(target, (-1, 1))).any():
        raise InputError(
            f"{where} has {_count(int(wrong.sum()), 'label')} other than -1 and 1: {some(target, wrong)}",
            hint="a hinge loss wants -1 and 1, or 0 and 1",
        )
    return target


def some(target: np.ndarray, wrong: np.ndarray) -> str:
    """The first wrong values and their rows.

    Example:
        >>> some(np.array([0, 7, -1]), np.array([False, True, True]))
        '7 (row 1), -1 (row 2)'
    """
    places = np.argwhere(wrong)
    shown = [f"{target[tuple(place)]:g} (row {place[0]})" for place in places[:MOST_SHOWN]]
    more = len(places) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _from_objects(values: np.ndarray, where: str) -> np.ndarray:
    if any(isinstance(each, str | bytes) for each in values.flat):
        raise _text(values, where)
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        kinds = sorted({type(each).__name__ for each in values.flat})
        raise InputError(
            f"{where} holds {', '.join(kinds[:MOST_SHOWN])}, which are not all numbers",
            hint="drop the rows without a target, and give numbers",
        ) from error


def _text(values: np.ndarray, where: str) -> InputError:
    seen = list(dict.fromkeys(str(each) for each in values.flat))
    shown = ", ".join(repr(each) for each in seen[:3]) + (", ..." if len(seen) > 3 else "")
    return InputError(
        f"{where} holds text ({shown}), and labels must be numbers here",
        hint=f"np.unique({where}, return_inverse=True)[1] numbers them; nw.NetClassifier takes them so",
    )


def _shape(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(["N", *(str(each) for each in shape)]) + "]"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
