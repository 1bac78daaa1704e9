"""What all losses share: rows, gradients, targets checked at the door, and being called on arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from netwright.arguments import Checked
from netwright.errors import InputError
from netwright.nn import targets

EPSILON = 1e-7
"""Keras's: probabilities are kept this far from 0 and 1 where a loss is not joined"""


@dataclass(frozen=True)
class Loss(Checked):
    """How far outputs are from targets, for each row."""

    joins: ClassVar[str | None] = None
    """the last activation that the loss is computed together with, from its inputs"""

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        """The loss of each row, a mean over its numbers.

        Arguments:
            target: as `prepare` gave it. [M, B, ...]
            output: of the network. [M, B, ..., C]
            logits: whether `output` is what goes into the activation that `joins` names.

        Returns:
            [M, B]
        """
        raise NotImplementedError

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        """The derivative of rows.sum() by the output, where it is written out; else None. [M, B, ..., C]"""
        return None

    def both(self, target: Tensor, output: Tensor, *, logits: bool = False) -> tuple[Tensor, Tensor | None]:
        """`rows` and `gradient` together, with what they share computed once."""
        return self.rows(target, output, logits=logits), self.gradient(target, output, logits=logits)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        """The target as the loss wants it; `target` holds finite numbers."""
        raise NotImplementedError

    def prepare(
        self, target: Any, shape: tuple[int, ...], activation: str | None, where: str = "y"
    ) -> Tensor:
        """Checks targets at the door.

        Arguments:
            target: as the user gave it. [N, ...]
            shape: of one row's output, such as (10,).
            activation: name of the last layer's; None where it is not known, and so not checked.
            where: what errors call the target.

        Returns:
            What `rows` wants: class numbers as int64, all else as float32. [N, ...]

        Raises:
            InputError: text, NaN, labels out of range, one-hot against class numbers, a last layer that
                cannot fit the loss, ...

        Example:
            >>> from netwright.losses import MeanSquaredError
            >>> MeanSquaredError().prepare([1, 2], (1,), "linear").shape
            torch.Size([2, 1])
        """
        values = self.check(targets.numbers(target, where), tuple(shape), activation, where)
        return self._tensor(values, torch.float32)

    def _tensor(self, values: np.ndarray, kind: torch.dtype) -> Tensor:
        values = np.array(values)  # a copy: the caller may change theirs
        return torch.from_numpy(values) if self._codes else torch.from_numpy(values).to(kind)

    _codes: ClassVar[bool] = False

    def resolve(self, target: Any, shape: tuple[int, ...]) -> Loss:
        """The loss itself; "crossentropy" becomes the one that the target's form decides."""
        return self

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        """The mean loss of arrays without a member axis.

        Arguments:
            y_true: targets. [N, ...]
            y_pred: predictions; of probabilities unless from_logits. [N, ..., C]

        Returns:
            A number; for a tensor `y_pred` a tensor of one number, which gradients flow through.

        Example:
            >>> from netwright.losses import MeanSquaredError
            >>> MeanSquaredError()([0.0, 1.0], [0.0, 3.0])
            2.0
        """
        mean = each_row(self, y_true, y_pred).mean()
        return mean if isinstance(y_pred, Tensor) else float(mean)


def each_row(loss: Loss, y_true: Any, y_pred: Any) -> Tensor:
    output = y_pred if isinstance(y_pred, Tensor) else torch.from_numpy(np.array(y_pred))
    if not output.is_floating_point():
        output = output.to(torch.float32)
    if output.dim() == 1:
        output = output[:, None]
    y_true = y_true.detach().cpu().numpy() if isinstance(y_true, Tensor) else y_true
    shape = tuple(output.shape[1:])
    loss = loss.resolve(y_true, shape)
    target = loss._tensor(loss.check(targets.numbers(y_true, "y_true"), shape, None, "y_true"), output.dtype)
    if len(target) != len(output):
        raise InputError(f"y_true has {len(target)} rows, y_pred has {len(output)}")
    return loss.rows(target.to(output.device)[None], output[None])[0]


def row_means(values: Tensor) -> Tensor:
    """The mean over all axes but M and B. [M, B, ...] to [M, B]"""
    return values if values.dim() == 2 else values.flatten(2).mean(2)


def numbers_a_row(output: Tensor) -> int:
    return math.prod(output.shape[2:])


def log_softmax(output: Tensor) -> Tensor:
    """Logs of the softmax over the last axis.

    PyTorch's own takes .15 microseconds for a row on a processor, however short it is; over an axis that is
    not the last it computes many rows side by side, with the same results.
    """
    if output.shape[-1] >= 16 or output.numel() < 4096 or output.dim() < 3 or output.is_cuda:
        return torch.log_softmax(output, -1)
    return torch.log_softmax(output.transpose(-1, -2).contiguous(), -2).transpose(-1, -2).contiguous()


def normalized_logs(output: Tensor) -> Tensor:
    """Logs of probabilities that are made to sum to 1 and kept from 0, as Keras does."""
    return torch.log((output / output.sum(-1, keepdim=True)).clamp(EPSILON, 1 - EPSILON))


def snake(name: str) -> str:
    """A class's name as Keras writes it in a history: "KLDivergence" is "kl_divergence".

    Example:
        >>> snake("MeanSquaredError"), snake("KLDivergence"), snake("AUC")
        ('mean_squared_error', 'kl_divergence', 'auc')
    """
    out = ""
    for place, letter in enumerate(name):
        before, after = name[place - 1 : place], name[place + 1 : place + 2]
        if letter.isupper() and before and (before.islower() or (before.isupper() and after.islower())):
            out += "_"
        out += letter.lower()
    return out
