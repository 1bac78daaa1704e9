"""What users give as x and y, checked and as tensors. What can be wrong with arrays is told here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.errors import InputError, suggestion
from netwright.layers.base import Shape


def inputs(x: Any, names: Sequence[str], where: str = "x") -> dict[str, np.ndarray]:
    """The arrays of all inputs by name; one array, several as a list, or by name.

    Raises:
        InputError: not so many as inputs, or of unequal length.
    """
    if isinstance(x, dict):
        given = _named(x, names, where)
    elif len(names) > 1:
        if not isinstance(x, list | tuple) or len(x) != len(names):
            count = len(x) if isinstance(x, list | tuple) else 1
            raise InputError(
                f"the model has {len(names)} inputs, and {where} holds {count}",
                hint=f"give a list of arrays in the order {', '.join(names)}, or a dictionary",
            )
        given = list(x)
    else:
        alone = isinstance(x, list | tuple) and len(x) == 1 and getattr(x[0], "ndim", 0) > 1
        given = [x[0] if alone else x]  # Keras takes [x] for x
    several = len(names) > 1
    found = {
        name: array(each, f"{where}[{name!r}]" if several else where)
        for name, each in zip(names, given, strict=True)
    }
    equal_lengths({f"{where}[{name!r}]": each for name, each in found.items()}, "inputs belong row by row")
    return found


def _named(x: dict[Any, Any], names: Sequence[str], where: str) -> list[Any]:
    for name in x:
        if name not in names:
            raise InputError(
                f"the model has no input {name!r}", where=where, hint=suggestion(str(name), names)
            )
    missing = [name for name in names if name not in x]
    if missing:
        raise InputError(
            f"{where} lacks the input {missing[0]!r}", hint=f"the model wants {', '.join(names)}"
        )
    return [x[name] for name in names]


def plain(values: Any, where: str) -> np.ndarray:
    """An array of whatever an array, list, tensor, column or frame holds.

    Raises:
        InputError: rows of unequal length.
    """
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    elif hasattr(values, "toarray"):
        raise InputError(f"{where} is a sparse matrix", hint=f"give {where}.toarray()")
    try:
        if isinstance(values, list | tuple) and any(isinstance(each, Tensor) for each in values):
            values = [plain(each, where) for each in values]
        return np.asarray(values)
    except ValueError:
        raise InputError(
            f"the rows of {where} have different lengths", hint="pad them to one length"
        ) from None


def numbers(values: Any, where: str) -> np.ndarray:
    """An array of numbers from an array, a list, a tensor, a column or frame of pandas or polars.

    Raises:
        InputError: text, missing values, or rows of unequal length.
    """
    found = plain(values, where)
    if found.dtype == object or found.dtype.kind in "US":
        try:
            found = found.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            raise _no_numbers(found, where) from None
    if found.dtype.kind not in "biuf":
        raise InputError(f"{where} holds values of type {found.dtype}, which are no numbers")
    return found


def _no_numbers(values: np.ndarray, where: str) -> InputError:
    example = _example(values)
    if isinstance(example, list | np.ndarray):
        return InputError(f"the rows of {where} have different lengths", hint="pad them to one length")
    if type(example).__name__ == "NAType":
        return InputError(f"{where} holds missing values", hint="fill or drop them first")
    return InputError(
        f"{where} holds values that are no numbers, such as {example!r}",
        hint="give numbers; nw.NetClassifier and nw.train take tables with text as they are",
    )


def array(values: Any, where: str) -> np.ndarray:
    """As `numbers`, with rows.

    Raises:
        InputError: nothing at all, or a single number, too.
    """
    found = numbers(values, where)
    if found.ndim == 0:
        raise InputError(f"{where} is a single number", hint="give an array with a row for each example")
    if not len(found):
        raise InputError(f"{where} is empty", hint="there is no row in it")
    return found


def tensor(
    values: np.ndarray, shape: Shape, where: str, *, codes: bool = False, reader: str | None = None
) -> Tensor:
    """The tensor of an input, held against the model's shape. [N, *shape]

    Arguments:
        values: checked by `array`.
        shape: what the model was built for.
        where: what errors call it.
        codes: whether whole numbers are wanted, such as for an Embedding.
        reader: the layer that is given it.

    Raises:
        InputError: another shape, or NaN and infinite values.
    """
    if values.ndim == 1 and len(shape) == 1 and shape[0] in (1, None):
        values = values[:, None]
    got = values.shape[1:]
    if len(got) != len(shape) or any(
        want is not None and want != have for want, have in zip(shape, got, strict=True)
    ):
        raise InputError(
            f"{where} has shape {_shown((len(values), *got))}, and "
            f"{f'layer {reader!r}' if reader else 'the model'} wants {_shown(('N', *shape))}",
            hint=_shape_hint(got, shape),
        )
    if values.dtype.kind == "f":
        finite(values, where)
    if codes:
        if values.dtype.kind == "f" and (values != np.floor(values)).any():
            raise InputError(f"{where} holds fractions, and codes are whole numbers")
        return torch.from_numpy(np.ascontiguousarray(values.astype(np.int64)))
    with np.errstate(over="ignore"):
        made = torch.from_numpy(np.ascontiguousarray(values.astype(np.float32)))
    if values.dtype.kind == "f" and values.dtype.itemsize > 4 and not bool(made.isfinite().all()):
        raise InputError(f"{where} holds values that are too large for float32", hint="scale them")
    return made


def finite(values: np.ndarray, where: str) -> None:
    """Raises InputError for NaN and infinite values, with how many and where the first is."""
    flat = values.reshape(len(values), -1)
    with np.errstate(all="ignore"):
        if np.isfinite(flat.sum(dtype=np.float64)):
            return
    wrong = ~np.isfinite(flat)
    if not wrong.any():
        return
    row, column = (int(each) for each in np.argwhere(wrong)[0])
    count = int(wrong.sum())
    what = "missing value" if np.isnan(flat[wrong]).any() else "infinite value"
    told = f"1 {what}," if count == 1 else f"{count:,} {what}s, the first"
    raise InputError(
        f"{where} holds {told} in row {row}, column {column}",
        hint="fill or drop them first; nw.NetClassifier and nw.train handle missing values themselves",
    )


def equal_lengths(arrays: dict[str, Any], hint: str = "each row of x needs its row of y") -> int:
    """The number of rows that all have. Raises InputError when they differ."""
    lengths = {name: len(each) for name, each in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise InputError(f"the numbers of rows differ: {told}", hint=hint)
    return next(iter(lengths.values()))


def weights(sample_weight: Any, rows: int) -> Tensor | None:
    """Row weights as a tensor. [N] float32"""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, dict):
        raise InputError("sample_weight is an array here, a weight for each row, and not a dictionary")
    values = array(sample_weight, "sample_weight")
    if values.size != len(values):
        raise InputError(
            f"sample_weight has shape {_shown(values.shape)}", hint="give one weight for each row"
        )
    if len(values) != rows:
        raise InputError(f"sample_weight has {len(values)} values for {rows} rows")
    found = tensor(values.reshape(-1, 1), (1,), "sample_weight")[:, 0]
    if (found < 0).any():
        row = int((found < 0).int().argmax())
        raise InputError(f"sample_weight holds values below 0, the first in row {row}")
    if not found.any():
        raise InputError("all of sample_weight is 0", hint="no row would count")
    return found


def class_factors(class_weight: dict[Any, float], target: np.ndarray, classes: int) -> Tensor:
    """Each row's weight by its class; 1 for classes that are not named.

    Arguments:
        class_weight: {class number: weight}.
        target: class numbers [N] or [N, 1], or one-hot [N, C].
        classes: how many there are.

    Returns:
        [N] float32

    Raises:
        InputError: no such class, or a weight that is none.
    """
    if not isinstance(class_weight, dict) or not class_weight:
        raise InputError("class_weight is a dictionary", hint="such as {0: 1.0, 1: 5.0}")
    if target.ndim > 2:
        raise InputError("class_weight is for targets of one class a row", hint="use sample_weight")
    one_hot = target.ndim == 2 and target.shape[1] > 1
    codes = target.argmax(1) if one_hot else target.reshape(-1)
    found = np.ones(len(codes), dtype=np.float32)
    there = {*range(classes), *np.unique(codes).astype(int).tolist()}
    for name, weight in class_weight.items():
        if not isinstance(name, int | np.integer) or int(name) not in there:
            known = ", ".join(str(each) for each in sorted(there)[:12])
            raise InputError(
                f"class_weight names {name!r}, which is no class of y", hint=f"there are: {known}"
            )
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= weight < math.inf:
            raise InputError(
                f"the weight of class {name} is {weight!r}", hint="a weight is a number from 0 on"
            )
        found[codes == name] = float(weight)
    return torch.from_numpy(found)


def _shown(shape: tuple[Any, ...]) -> str:
    text = ", ".join("any" if each is None else str(each) for each in shape)
    return f"({text},)" if len(shape) == 1 else f"({text})"


def _shape_hint(got: tuple[int, ...], wanted: Shape) -> str:
    if len(got) + 1 == len(wanted) and wanted[-1] == 1 and tuple(got) == tuple(wanted[:-1]):
        return "give it an axis of channels: x[..., None]"
    if len(got) == 3 and len(wanted) == 3 and got[0] == wanted[-1]:
        return "channels come last: x.transpose(0, 2, 3, 1)"
    return "look at input_shape of the first layer, or at x.shape"


def _example(values: np.ndarray) -> Any:
    """The first value that is no number."""
    for value in values.reshape(-1).tolist():
        try:
            float(value)
        except (TypeError, ValueError):
            return value
    return values.reshape(-1).tolist()[0]
