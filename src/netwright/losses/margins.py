"""Losses of labels -1 and 1, and of one-hot classes, that want a margin: the hinges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from netwright.losses.base import Loss, row_means
from netwright.losses.numbers import Numeric
from netwright.losses.reach import no_lonely_softmax, several_outputs
from netwright.nn import targets


@dataclass(frozen=True)
class Hinge(Numeric):
    """max(1 - y p, 0) for labels -1 and 1; labels 0 and 1 are taken as these."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (1 - target * output).clamp(min=0)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        no_lonely_softmax(shape, activation)
        return targets.signs(targets.columns(target, shape, where), where)


@dataclass(frozen=True)
class SquaredHinge(Hinge):
    """max(1 - y p, 0)²; labels as for `Hinge`."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (1 - target * output).clamp(min=0).square()


@dataclass(frozen=True)
class CategoricalHinge(Loss):
    """max(1 + the best wrong class's output - the right one's, 0), for one-hot targets."""

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        right = (target * output).sum(-1)
        wrong = ((1 - target) * output).amax(-1)
        return row_means((1 + wrong - right).clamp(min=0))

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        several_outputs(self, shape, activation)
        return targets.distributions(target, shape, where, "categorical_hinge")
