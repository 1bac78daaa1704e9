"""Windows that slide over the axes of a row: what convolutions and pooling share.

A row is [T, C] with one such axis and [H, W, C] with two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from netwright.errors import suggestion
from netwright.layers.base import Layer, Shape, at_least

AXES = {1: "sequences [length, channels]", 2: "pictures [height, width, channels]"}
EXAMPLES = {1: "Reshape((28, 28)) or Reshape((100, 1))", 2: "Reshape((28, 28, 1))"}


def sizes(value: Any, axes: int, name: str, layer: Layer, least: int = 1) -> tuple[int, ...]:
    """A number for all axes, or one for each, as the user gave it."""
    if not isinstance(value, Sequence):
        return (at_least(value, least, name, layer),) * axes
    if len(value) != axes:
        raise layer.wrong(f"{name} is {value!r}", f"give a whole number, or {axes} of them")
    return tuple(at_least(each, least, name, layer) for each in value)


def padding_name(value: Any, known: Sequence[str], layer: Layer) -> str:
    """ "valid", "same" or "causal", as the user gave it."""
    name = value.lower() if isinstance(value, str) else value
    if name not in known:
        raise layer.wrong(f"padding is {value!r}", suggestion(str(value), known))
    return name


def channels_last(data_format: Any, layer: Layer) -> None:
    """Refuses any other order of the axes."""
    if data_format not in (None, "channels_last"):
        raise layer.wrong(
            f"data_format is {data_format!r}", "channels are always the last axis here; use Permute before it"
        )


def expect(shape: Shape, axes: int, layer: Layer, channels: bool = True) -> None:
    """Refuses an input without the axes that windows slide over, or with an unknown number of channels."""
    if len(shape) != axes + 1:
        fits = f"add {EXAMPLES[axes]} before it, with your own sizes" if len(shape) <= axes else None
        raise layer.wrong(f"it takes {AXES[axes]} and its input has shape {shape}", fits)
    if channels and shape[-1] is None:
        raise layer.wrong(f"the number of channels of its input, of shape {shape}, must be known")


def length(size: int | None, window: int, stride: int, padding: str) -> int | None:
    """How many windows there are along an axis of that size; below 1 when it is too short for one."""
    if size is None:
        return None
    return (size - window) // stride + 1 if padding == "valid" else -(-size // stride)


def lengths(
    shape: Shape, window: Sequence[int], strides: Sequence[int], padding: str, layer: Layer, name: str
) -> Shape:
    """How many windows there are along each axis. Refuses axes that are too short.

    Arguments:
        shape: of the input, with channels.
        window: how far each window reaches, with its gaps.
        name: what the window is, in the error.
    """
    found = tuple(length(*each, padding) for each in zip(shape[:-1], window, strides, strict=True))
    if any(each is not None and each < 1 for each in found):
        raise layer.wrong(
            f"its {name} reaches over {tuple(window)} and its input, of shape {shape}, is smaller",
            'a smaller one, fewer layers before it that shrink, or padding="same"',
        )
    return found


def margins(
    spatial: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: str
) -> list[tuple[int, int]]:
    """What is added before and after each axis. "same" adds the odd one after, as Keras does."""
    if padding == "valid":
        return [(0, 0)] * len(window)
    found = []
    for size, reach, stride in zip(spatial, window, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        found.append((reach - 1, 0) if padding == "causal" else (total // 2, total - total // 2))
    return found


def pad(x: Tensor, around: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """Adds (before, after) to the axes before the channels; takes away where negative. [..., *axes, C]"""
    if not any(map(any, around)):
        return x
    return functional.pad(x, [0, 0, *(each for pair in reversed(around) for each in pair)], value=value)
