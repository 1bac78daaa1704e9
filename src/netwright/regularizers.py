"""Penalties on weights that are added to the loss, under Keras's names."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.arguments import Checked, checked
from netwright.errors import InputError
from netwright.nn.spec import find


@dataclass(frozen=True)
class Regularizer(Checked):
    """A penalty l1 * sum(|w|) + l2 * sum(w²) of each member."""

    @property
    def factors(self) -> tuple[float, float]:
        """l1 and l2."""
        return getattr(self, "l1", 0.0), getattr(self, "l2", 0.0)

    def __post_init__(self) -> None:
        for value in self.factors:
            if not 0 <= value < float("inf"):
                raise InputError(f"{type(self).__name__}: the factor is {value!r}", hint="give 0 or more")

    def __call__(self, weights: Tensor) -> Tensor:
        """The penalty of each member. [M, *shape] to [M]"""
        l1, l2 = self.factors
        flat = weights.flatten(1)
        return l1 * flat.abs().sum(1) + l2 * flat.square().sum(1)

    def gradient(self, weights: Tensor) -> Tensor:
        """The penalty's derivative. [M, *shape]"""
        l1, l2 = self.factors
        slope = 2 * l2 * weights
        return slope + l1 * torch.sign(weights) if l1 else slope


@dataclass(frozen=True)
class L1(Regularizer):
    """l1 * sum(|w|).

    Example:
        >>> L1(0.5)(torch.tensor([[1.0, -3.0]]))
        tensor([2.])
    """

    l1: float = 0.01


@dataclass(frozen=True)
class L2(Regularizer):
    """l2 * sum(w²)."""

    l2: float = 0.01


@dataclass(frozen=True)
class L1L2(Regularizer):
    """l1 * sum(|w|) + l2 * sum(w²). As in Keras, each is 0 unless given; by name, "l1_l2", each is .01."""

    l1: float = 0.0
    l2: float = 0.0


@checked
def l1(l1: float = 0.01) -> L1:
    """`L1` as a function, as in `kernel_regularizer=regularizers.l1(1e-4)`."""
    return L1(l1)


@checked
def l2(l2: float = 0.01) -> L2:
    """`L2` as a function."""
    return L2(l2)


@checked
def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """`L1L2` as a function; each is .01 unless given.

    Example:
        >>> l1_l2(l2=0.5)
        L1L2(l1=0.01, l2=0.5)
    """
    return L1L2(l1, l2)


KNOWN: dict[str, Regularizer] = {"l1": L1(), "l2": L2(), "l1_l2": L1L2(0.01, 0.01)}


def get(identifier: object) -> Regularizer | None:
    """The regulariser meant by a name ("l1", "l2", "l1_l2"), a class, an object, or None (none).

    Raises:
        InputError: an unknown name, or something else.

    Example:
        >>> get("l2")
        L2(l2=0.01)
    """
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    if isinstance(identifier, str):
        return find("regularizer", identifier, KNOWN)
    if isinstance(identifier, type) and issubclass(identifier, Regularizer):
        return identifier()
    raise InputError(f"{identifier!r} is no regularizer", hint="give 'l1', 'l2', 'l1_l2' or such as L2(1e-4)")
