"""Small helps under Keras's names: one-hot columns, the seed, unit lengths."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netwright.arguments import checked
from netwright.errors import InputError
from netwright.nn.seed import set_seed


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot columns.

    Arguments:
        x: whole numbers from 0, of any shape; a last axis of size 1 is dropped, as in Keras.
        num_classes: how many columns; the greatest class number + 1 unless given.

    Returns:
        1 in the class's column, else 0, float32. [..., num_classes]

    Raises:
        InputError: what is not a whole number from 0 to num_classes - 1, or nothing at all.

    Example:
        >>> to_categorical([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    values = np.asarray(x)
    if values.dtype.kind not in "biuf":
        raise InputError(
            f"to_categorical needs class numbers, and got {values.dtype}",
            hint="np.unique(y, return_inverse=True)[1] makes them of any labels",
        )
    if values.ndim > 1 and values.shape[-1] == 1:
        values = values.reshape(values.shape[:-1])
    if values.size == 0 and not num_classes:
        raise InputError("to_categorical got no labels", hint="give num_classes for an empty array")
    if not np.all(np.isfinite(values)) or np.any(values != np.floor(values)):
        raise InputError("to_categorical needs whole numbers", hint="round them, or look for NaN")
    codes = values.astype(np.int64)
    classes = int(codes.max()) + 1 if num_classes is None else int(num_classes)
    wrong = codes[(codes < 0) | (codes >= classes)]
    if wrong.size:
        raise InputError(
            f"to_categorical got the class {wrong.flat[0]}, and classes are 0 to {classes - 1}",
            hint="class numbers start at 0; num_classes must be greater than each",
        )
    columns = np.zeros((codes.size, classes), dtype=np.float32)
    columns[np.arange(codes.size), codes.reshape(-1)] = 1.0
    return columns.reshape(*codes.shape, classes)


def set_random_seed(seed: int) -> None:
    """`nw.set_seed`, and as in Keras also the seeds of Python's, NumPy's and PyTorch's own randomness.

    Arguments:
        seed: a whole number, at least 0 and below 2**32.

    Raises:
        InputError: another seed.

    Example:
        >>> set_random_seed(1)
        >>> first = np.random.random()  # NumPy's old way, as in a program that was written for Keras
        >>> set_random_seed(1)
        >>> np.random.random() == first
        True
    """
    if isinstance(seed, int) and seed >= 2**32:
        raise InputError(f"seed is {seed}", hint="NumPy takes seeds below 2**32")
    set_seed(seed)
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - the programs' own data often come from here
    torch.manual_seed(int(seed))


@checked
def plot_model(
    model: Any,
    to_file: str | Path | None = "model.png",
    show_shapes: bool = True,
    show_layer_names: bool = True,
    show_layer_activations: bool = True,
    rankdir: str = "TB",
    dpi: int = 200,
) -> Any:
    """A drawing of a model as `netwright.plots.network` makes it, in a file.

    Arguments:
        model: a `Sequential` or `Model`.
        to_file: its name ends as the kind of picture: .png, .svg, .pdf; None for no file.
        show_shapes, show_layer_names, show_layer_activations, rankdir: for programs written for Keras; not
            used.
        dpi: dots an inch.

    Returns:
        The matplotlib figure.

    Raises:
        InputError: the model has no shape yet.
    """
    from netwright.plots import network

    figure = network(model)
    if to_file is not None:
        figure.savefig(to_file, dpi=dpi)
    return figure


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Each vector along an axis divided by its length; a vector of zeros stays.

    Arguments:
        x: numbers, of any shape.
        axis: along which.
        order: of the norm.

    Example:
        >>> normalize([[3.0, 4.0]])
        array([[0.6, 0.8]])
    """
    values = np.atleast_1d(np.asarray(x))
    if values.dtype.kind not in "biuf":
        raise InputError(f"normalize needs numbers, and got {values.dtype}")
    length = np.asarray(np.linalg.norm(values, order, axis, keepdims=True))
    return values / np.where(length == 0, 1, length)
