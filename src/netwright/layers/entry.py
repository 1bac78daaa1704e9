"""Where data enters a model."""

from __future__ import annotations

from collections.abc import Sequence

from netwright.arguments import checked
from netwright.errors import InputError
from netwright.layers.base import Symbol, as_shape, without_batch


@checked
def Input(
    shape: Sequence[int | None] | int | None = None,
    name: str | None = None,
    dtype: str | None = None,
    batch_size: int | None = None,
    batch_shape: Sequence[int | None] | None = None,
) -> Symbol:
    """Where data enters a model.

    Arguments:
        shape: of a row, without the batch; None in it for a length that may differ.
        name: what `fit` can call it.
        dtype, batch_size: for programs written for Keras; not used.
        batch_shape: the shape with the batch in front, in the place of `shape`.

    Raises:
        InputError: no shape, or one that holds other things than whole numbers from 1 on.

    Example:
        >>> Input((28, 28, 1)).shape
        (28, 28, 1)
    """
    if shape is None and batch_shape is None:
        raise InputError("Input needs a shape", hint="of a row, without the batch: Input((28, 28, 1))")
    given = without_batch(batch_shape, "Input") if shape is None else as_shape(shape, "Input")
    return Symbol(given, name=name, dtype=dtype or "float32")


@checked
def InputLayer(
    shape: Sequence[int | None] | int | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    input_shape: Sequence[int | None] | int | None = None,
    batch_input_shape: Sequence[int | None] | None = None,
) -> Symbol:
    """`Input` under the name, and with the arguments, that it has in front of a `Sequential` of Keras.

    Example:
        >>> InputLayer(input_shape=(4,)).shape
        (4,)
    """
    batch_shape = batch_input_shape if batch_shape is None else batch_shape
    return Input(input_shape if shape is None else shape, name, dtype, batch_size, batch_shape)
