"""What weights are kept to after each step, under Keras's names. Axes are counted without the member axis."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.arguments import Checked
from netwright.errors import InputError
from netwright.nn.spec import find

EPSILON = 1e-7


@dataclass(frozen=True)
class Constraint(Checked):
    """Gives back weights that keep to a rule."""

    def __call__(self, weights: Tensor) -> Tensor:
        """[M, *shape] to [M, *shape]"""
        raise NotImplementedError


@dataclass(frozen=True)
class MaxNorm(Constraint):
    """The weights that come into a unit have a length of at most `max_value` (JMLR 15:1929, 2014).

    Arguments:
        max_value: the greatest length.
        axis: the axis, or axes, along which a length is taken: 0 for a Dense kernel [inputs, units],
            [0, 1, 2] for one of Conv2D.

    Example:
        >>> MaxNorm(2.0)(torch.tensor([[[3.0], [4.0]]])).flatten()
        tensor([1.2000, 1.6000])
    """

    max_value: float = 2.0
    axis: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        if not self.max_value > 0:
            raise InputError(f"max_value is {self.max_value!r}", where="MaxNorm", hint="give more than 0")
        _plain_axis(self)

    def __call__(self, weights: Tensor) -> Tensor:
        norms = _norms(weights, self.axis)
        return weights * (norms.clamp(max=self.max_value) / (EPSILON + norms))


@dataclass(frozen=True)
class UnitNorm(Constraint):
    """The weights that come into a unit have length 1. `axis` as for `MaxNorm`."""

    axis: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        _plain_axis(self)

    def __call__(self, weights: Tensor) -> Tensor:
        return weights / (EPSILON + _norms(weights, self.axis))


@dataclass(frozen=True)
class NonNeg(Constraint):
    """No weight is below 0."""

    def __call__(self, weights: Tensor) -> Tensor:
        return weights.clamp(min=0.0)


KNOWN: dict[str, type[Constraint]] = {"max_norm": MaxNorm, "unit_norm": UnitNorm, "non_neg": NonNeg}


def get(identifier: object) -> Constraint | None:
    """The constraint meant by a name ("max_norm", "non_neg", "unit_norm"), a class, an object, or None.

    Raises:
        InputError: an unknown name, or something else.

    Example:
        >>> get("NonNeg")
        NonNeg()
    """
    if identifier is None or isinstance(identifier, Constraint):
        return identifier
    if isinstance(identifier, str):
        return find("constraint", identifier, KNOWN)()
    if isinstance(identifier, type) and issubclass(identifier, Constraint):
        return identifier()
    raise InputError(
        f"{identifier!r} is no constraint", hint="give 'max_norm', 'non_neg', 'unit_norm' or such"
    )


def _plain_axis(constraint: MaxNorm | UnitNorm) -> None:
    if isinstance(constraint.axis, list):
        object.__setattr__(constraint, "axis", tuple(constraint.axis))


def _norms(weights: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    axes = (axis,) if isinstance(axis, int) else axis
    places = [each + 1 if each >= 0 else each for each in axes]
    if max(places) >= weights.dim() or min(places) <= -weights.dim():
        shape = tuple(weights.shape[1:])
        raise InputError(f"axis {axis} is none of a weight of shape {shape}", hint="count axes from 0")
    return torch.linalg.vector_norm(weights, dim=places, keepdim=True)
