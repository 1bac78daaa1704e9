"""Chains on NumPy, for small steps of one network in float32 on a processor.

NumPy's calls cost less than PyTorch's, and its library multiplies small matrices faster. Both work on the
same memory: optimiser, callbacks and saving see no difference. Losses and their gradients stay PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from netwright.layers.activation import Activation
from netwright.layers.base import Layer
from netwright.layers.noise import Dropout
from netwright.losses import Loss
from netwright.models.backprop import Chain, Part
from netwright.nn.member import Layout, Mode

SMALL_WORK = 2_000_000
"""Products of a step (rows times parameters) up to which NumPy is the faster one; see docs/log.md."""


def works(flat: Tensor, rows: int) -> bool:
    """Whether a chain of these parameters [M, P] is faster on NumPy with so many rows a step."""
    plain = len(flat) == 1 and flat.dtype == torch.float32 and flat.device.type == "cpu"
    return plain and rows * flat.shape[1] <= SMALL_WORK


class ArrayChain(Chain):
    """A `Chain` of one member on NumPy; arguments as there. Arrays have no member axis: [B, ...]"""

    def __init__(self, layers: list[Layer], loss: Loss, logits: bool, layout: Layout, flat: Tensor) -> None:
        super().__init__(layers, loss, logits, layout, flat)
        self.links = [_link(part, first=place == self.first) for place, part in enumerate(self.parts)]
        self.way_back = self.links[self.first :][::-1]

    def _forth(self, x: Tensor, mode: Mode) -> Tensor:
        values = x.numpy()[0]
        for link in self.links:
            values = link.forth(values, mode)
        return torch.from_numpy(values[None])

    def _back(self, d: Tensor, share: float) -> None:
        values = d.numpy()[0]
        if share != 1.0:
            values *= share
        for link in self.way_back:
            values = link.back(values)


# The layers ------------------------------------------------------------------------------------------------


class Link:
    """One layer; this one does nothing. `back` is given a derivative that it may overwrite."""

    def forth(self, x: np.ndarray, mode: Mode) -> np.ndarray:
        return x

    def back(self, d: np.ndarray) -> np.ndarray:
        return d


class DenseLink(Link):
    """x W + b, activated.

    Arguments:
        part: the layer, with views of the flat tensor and of the flat gradient.
        first: whether nothing has to go further back.
    """

    def __init__(self, part: Part, *, first: bool) -> None:
        self.first = first
        self.activate, self.derive = ACTIVATE[part.activation], DERIVE[part.activation]
        self.kernel, self.kernel_gradient = (_array(each)[0] for each in (part.kernel, part.kernel_gradient))
        self.turned = self.kernel.T  # [H, D]
        self.bias = None
        if part.bias is not None:
            self.bias, self.bias_gradient = (_array(each)[0, 0] for each in (part.bias, part.bias_gradient))

    def forth(self, x: np.ndarray, mode: Mode) -> np.ndarray:
        y = np.dot(x, self.kernel)
        if self.bias is not None:
            y += self.bias
        self.activate(y)
        self.x, self.y = x, y
        return y

    def back(self, d: np.ndarray) -> np.ndarray:
        self.derive(d, self.y)
        np.dot(self.x.T, d, out=self.kernel_gradient)
        if self.bias is not None:
            np.dot(_ones(len(d)), d, out=self.bias_gradient)
        return d if self.first else np.dot(d, self.turned)


class ActivationLink(Link):
    """An activation by itself."""

    def __init__(self, part: Part) -> None:
        self.activate, self.derive = ACTIVATE[part.activation], DERIVE[part.activation]

    def forth(self, x: np.ndarray, mode: Mode) -> np.ndarray:
        self.y = x.copy()
        self.activate(self.y)
        return self.y

    def back(self, d: np.ndarray) -> np.ndarray:
        self.derive(d, self.y)
        return d


class DropoutLink(Link):
    """Dropout with the bits that `nn.layers.Dropout` draws."""

    def __init__(self, part: Part) -> None:
        assert isinstance(part.layer, Dropout)
        self.dropout = part.layer.dropout

    def forth(self, x: np.ndarray, mode: Mode) -> np.ndarray:
        factors = self.dropout.factors(torch.from_numpy(x)[None], mode)
        self.factors = None if factors is None else factors.numpy()[0]
        return x if self.factors is None else x * self.factors

    def back(self, d: np.ndarray) -> np.ndarray:
        return d if self.factors is None else np.multiply(d, self.factors, out=d)


class ShapeLink(Link):
    """Flatten and Reshape."""

    def __init__(self, part: Part) -> None:
        self.layer = part.layer

    def forth(self, x: np.ndarray, mode: Mode) -> np.ndarray:
        self.shape = x.shape
        return self.layer(torch.from_numpy(x)[None], mode).numpy()[0]

    def back(self, d: np.ndarray) -> np.ndarray:
        return d.reshape(self.shape)


def _link(part: Part, *, first: bool) -> Link:
    if part.kernel is not None:
        return DenseLink(part, first=first)
    if isinstance(part.layer, Dropout):
        return DropoutLink(part)
    if isinstance(part.layer, Activation):
        return Link() if part.activation == "linear" else ActivationLink(part)
    return ShapeLink(part)


def _array(tensor: Tensor | None) -> np.ndarray:
    assert tensor is not None
    return tensor.numpy()


@lru_cache(8)
def _ones(rows: int) -> np.ndarray:
    """A product with ones is a faster sum over rows."""
    return np.ones(rows, dtype=np.float32)


# Activations, in place: of y; and of d, by the output y, to d by the input ----------------------------------


def _sigmoid(y: np.ndarray) -> None:
    torch.sigmoid_(torch.from_numpy(y))  # NumPy has none that is exact at both ends


def _through_sigmoid(d: np.ndarray, y: np.ndarray) -> None:
    d *= y
    d *= 1.0 - y


ACTIVATE: dict[str, Callable[[np.ndarray], object]] = {
    "linear": lambda y: None,
    "relu": lambda y: np.maximum(y, 0.0, out=y),
    "sigmoid": _sigmoid,
    "tanh": lambda y: np.tanh(y, out=y),
}
DERIVE: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "linear": lambda d, y: None,
    "relu": lambda d, y: np.multiply(d, np.sign(y), out=d),  # products of floats and booleans are slower
    "sigmoid": _through_sigmoid,
    "tanh": lambda d, y: np.multiply(d, 1.0 - y * y, out=d),
}
