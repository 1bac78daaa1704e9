"""What a module of PyTorch is trained for: a loss of Netwright's, of PyTorch's, or a function."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import loss as torch_losses

from netwright import losses, metrics
from netwright.errors import InputError
from netwright.losses import Loss
from netwright.losses.purpose import loss_purpose
from netwright.metrics import Metric
from netwright.models import arrays
from netwright.nn.trainable import Purpose

# Losses of PyTorch whose targets stand number beside number, and those of class numbers.
NUMBERS = (
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.PoissonNLLLoss,
    nn.SoftMarginLoss,
    nn.MultiLabelSoftMarginLoss,
)
CLASSES = (nn.CrossEntropyLoss, nn.NLLLoss)
FUNCTIONS: dict[Any, type[nn.Module]] = {
    functional.mse_loss: nn.MSELoss,
    functional.l1_loss: nn.L1Loss,
    functional.smooth_l1_loss: nn.SmoothL1Loss,
    functional.huber_loss: nn.HuberLoss,
    functional.binary_cross_entropy: nn.BCELoss,
    functional.binary_cross_entropy_with_logits: nn.BCEWithLogitsLoss,
    functional.cross_entropy: nn.CrossEntropyLoss,
    functional.nll_loss: nn.NLLLoss,
}
PURPOSES: dict[Any, Purpose] = {
    nn.CrossEntropyLoss: Purpose("cross_entropy", "logits"),
    nn.NLLLoss: Purpose("cross_entropy", "log_probabilities"),
    nn.BCELoss: Purpose("binary_cross_entropy", "probabilities"),
    nn.BCEWithLogitsLoss: Purpose("binary_cross_entropy", "logits"),
    nn.MSELoss: Purpose("mse", "numbers"),
    nn.L1Loss: Purpose("mae", "numbers"),
    nn.SmoothL1Loss: Purpose("huber", "numbers"),
    nn.HuberLoss: Purpose("huber", "numbers"),
}
# The last layers that make probabilities, and what metrics apply to outputs that are logits or logarithms.
ENDS = {"softmax": nn.Softmax, "sigmoid": nn.Sigmoid}
PROBABILITIES = {
    "softmax": lambda output: torch.softmax(output, -1),
    "sigmoid": torch.sigmoid,
    "exponential": torch.exp,
}


class ModuleGoal:
    """A loss and metrics for the outputs of a module.

    Arguments:
        loss: a name or object of `netwright.losses`; or a module or function of PyTorch's kind, called with
            (output, target).
        named: metrics, by name or as objects.
        module: what is trained; whether its last layer makes probabilities is looked at.

    Attributes:
        weighted: whether rows have weights, so that the loss of each row is needed.
    """

    def __init__(self, loss: Any, named: Sequence[Any], module: nn.Module) -> None:
        self.given, self.named, self.weighted = loss, named, False
        self.own: Loss | None = None
        self.logits = False
        self.metrics: list[Metric] = []
        if isinstance(loss, str | Loss | losses.LossFunction):
            self.own = losses.get(loss)
            last = _last_layer(module)
            by_name = not isinstance(loss, Loss)
            self.logits = by_name and not any(isinstance(last, end) for end in ENDS.values())
        elif isinstance(loss, type):
            if issubclass(loss, Loss):
                self.own = loss()
            else:
                raise InputError(f"{loss.__name__} is a class", where="loss", hint=f"give {loss.__name__}()")
        elif not callable(loss):
            raise InputError(
                f"{loss!r} is no loss", hint="give a name, such as 'mse', or a module of PyTorch"
            )
        self.ready = False

    @property
    def name(self) -> str:
        given = self.given
        return str(given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__))

    # --------------------------------------------------------------------------------------- the door

    def prepare(self, y: Any, output: Any, where: str = "y") -> Any:
        """Targets as the loss wants them, checked against some rows of the module's output.

        Arguments:
            y: array, tensor, column, or several as a tuple or dictionary. [N, ...]
            output: of the module for some rows, on any device.
        """
        if not isinstance(output, Tensor):
            if self.own is not None or self.named:
                raise InputError(
                    f"the module gives a {type(output).__name__}, and {self._which()} takes one tensor",
                    hint="let the module give a tensor, or use a function (output, target) as the loss",
                )
            return _plain(y, where)
        output = _wide(output)
        shown = output[..., None] if output.dim() == 1 else output
        if self.own is not None:
            return self._prepare_own(y, shown, where)
        kind = FUNCTIONS.get(self.given, type(self.given))
        if issubclass(kind, CLASSES):
            target = self._classes(_plain(y, where), output, where)
        elif issubclass(kind, NUMBERS):
            target = self._numbers(_plain(y, where), output, where)
        else:
            target = _plain(y, where, output.dtype)
        if not self.ready:
            self._choose_metrics(kind, shown)
        return target

    def _which(self) -> str:
        return f"the loss {self.name}" if self.own is not None else "a metric"

    def _prepare_own(self, y: Any, output: Tensor, where: str) -> Tensor:
        assert self.own is not None
        values = arrays.array(y, where)
        shape = tuple(output.shape[1:])
        if not self.ready:
            self.own = self.own.resolve(values, shape)
            self.logits = self.logits and self.own.joins is not None
            needs = isinstance(self.own, losses.Probabilistic) and not (self.logits or self.own.from_logits)
            if needs and bool(((output < -1e-3) | (output > 1 + 1e-3)).any()):
                raise InputError(
                    f"the loss {self.name} wants probabilities, and the module gives numbers outside 0 to 1",
                    hint=f"use {type(self.own).__name__}(from_logits=True)",
                )
            self._choose_metrics(None, output)
        target = self.own.prepare(values, shape, None, where)
        return target.to(output.dtype) if target.is_floating_point() else target

    def _choose_metrics(self, kind: Any, output: Tensor) -> None:
        """The metrics meant by their names, and what makes probabilities of outputs for them."""
        own, self.end = self.own, None
        if own is not None:
            if own.joins is not None and (self.logits or getattr(own, "from_logits", False)):
                self.end = own.joins
            if isinstance(own, losses.Probabilistic):
                own = replace(own, from_logits=False)
        elif issubclass(kind, CLASSES):
            own, self.end = losses.SparseCategoricalCrossentropy(), "softmax"
            self.end = "softmax" if issubclass(kind, nn.CrossEntropyLoss) else "exponential"
        elif issubclass(kind, nn.BCELoss | nn.BCEWithLogitsLoss):
            own = losses.BinaryCrossentropy()
            self.end = "sigmoid" if issubclass(kind, nn.BCEWithLogitsLoss) else None
        elif issubclass(kind, nn.PoissonNLLLoss):
            self.end = "exponential" if self.given.log_input else None
        self.channels_second = kind is not None and issubclass(kind, CLASSES) and output.dim() > 2
        shape = tuple((output.movedim(1, -1) if self.channels_second else output).shape[1:])
        self.metrics = [metrics.get(each, own, shape) for each in self.named]
        self.ready = True

    def _classes(self, y: Any, output: Tensor, where: str) -> Tensor:
        """Class numbers [N, ...] for outputs [N, C, ...], or probabilities of their shape."""
        if not isinstance(y, Tensor):
            raise InputError(f"{self.name} takes one tensor of targets", where=where)
        classes, places = output.shape[1] if output.dim() > 1 else 1, tuple(output.shape[2:])
        if y.is_floating_point() and y.shape[1:] == output.shape[1:]:
            return y.to(output.dtype)
        if y.shape[1:] == (*places, 1) and y.shape[1:] != places:
            y = y[..., 0]
        if y.shape[1:] != places:
            raise InputError(
                f"{where} has shape {tuple(y.shape)}, and {self.name} wants class numbers of shape "
                f"{('N', *places)} for outputs of shape {('N', *output.shape[1:])}".replace("'", ""),
                hint="one-hot targets have to be floating for it, or give y.argmax(1)",
            )
        ignored = getattr(self.given, "ignore_index", -100)
        if y.is_floating_point() and bool((y != y.floor()).any()):
            raise InputError(
                f"{where} holds numbers that are no class numbers", hint="for a regression use mse"
            )
        wrong = ((y < 0) | (y >= classes)) & (y != ignored)
        if bool(wrong.any()):
            raise InputError(
                f"{where} holds the label {int(y[wrong][0])}, and the module has outputs for the classes "
                f"0 to {classes - 1}",
                hint="class numbers start at 0, and each needs an output",
            )
        return y.long()

    def _numbers(self, y: Any, output: Tensor, where: str) -> Tensor:
        if not isinstance(y, Tensor):
            raise InputError(f"{self.name} takes one tensor of targets", where=where)
        wanted = tuple(output.shape[1:])
        if tuple(y.shape[1:]) != wanted:
            got, own = [each for each in y.shape[1:] if each != 1], [each for each in wanted if each != 1]
            if got != own:  # PyTorch would stretch one over the other and compute nonsense
                raise InputError(
                    f"{where} has shape {('N', *y.shape[1:])}, and the module gives {('N', *wanted)}".replace(
                        "'", ""
                    ),
                    hint="their shapes must agree",
                )
            y = y.reshape(len(y), *wanted)
        return y.to(output.dtype)

    # --------------------------------------------------------------------------------------- the steps

    def loss(self, output: Any, target: Any, weight: Tensor | None) -> Tensor:
        # Feeds weigh the rows that fill up a batch with 0; they are gone here, and the others weigh 1.
        if weight is not None and not self.weighted:
            weight = None
        if weight is None and self.own is None:
            return self._one(self.given(_wide(output), target))
        rows = self._rows(output, target)
        if weight is None:
            return rows.mean()
        return (rows * weight).sum() / weight.sum().clamp(min=1e-12)

    def _one(self, value: Any) -> Tensor:
        if not isinstance(value, Tensor):
            raise InputError(f"the loss {self.name} gave {type(value).__name__}, not a tensor")
        if value.dim() and value.numel() > 1:
            return value.mean()
        return value.reshape(())

    def _rows(self, output: Any, target: Any) -> Tensor:
        """The loss of each row. [B]"""
        if self.own is not None:
            output = _wide(output)
            output = output[..., None] if output.dim() == 1 else output
            return self.own.rows(target[None], output[None], logits=self.logits)[0]
        value = _unreduced(self.given)(_wide(output), target)
        if not isinstance(value, Tensor) or value.dim() == 0:
            raise InputError(
                f"the loss {self.name} gives one number for a batch, so that rows cannot have weights",
                hint="leave sample_weight out, or give a loss with reduction='none'",
            )
        return value.flatten(1).mean(1) if value.dim() > 1 else value

    def scores(self, output: Any, target: Any) -> dict[str, Tensor]:
        if self.own is not None or self.weighted:
            found = {"loss": self._rows(output, target)}
        else:
            size = len(_tensor_of(output))
            found = {"loss": self.loss(output, target, None).expand(size)}
        if self.metrics:
            shown = _wide(output)
            shown = shown[..., None] if shown.dim() == 1 else shown
            shown = shown.movedim(1, -1) if self.channels_second else shown
            shown = PROBABILITIES[self.end](shown) if self.end else shown
            for metric in self.metrics:
                found[metric.label] = metric.sums(target[None], shown[None])[0]
        return found

    def purpose(self) -> Purpose:
        """What the loss asks for."""
        if self.own is not None:
            logits = self.logits or getattr(self.own, "from_logits", False)
            return loss_purpose(self.own, "logits" if logits else None)
        return PURPOSES.get(FUNCTIONS.get(self.given, type(self.given)), Purpose(self.name, "unknown"))

    def answers(self, output: Any) -> Tensor:
        """Outputs of one module as probabilities or numbers, classes on the last axis. [B, ..., C]"""
        if not isinstance(output, Tensor):
            raise TypeError("the module has several outputs")
        shown = _wide(output)
        shown = shown[..., None] if shown.dim() == 1 else shown
        shown = shown.movedim(1, -1) if self.ready and self.channels_second else shown
        return PROBABILITIES[self.end](shown) if self.ready and self.end else shown

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        own = {metric.label: metric for metric in self.metrics}
        return {name: own[name].finish(mean) if name in own else mean for name, mean in means.items()}


def _last_layer(module: nn.Module) -> nn.Module:
    while isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return module


def _plain(y: Any, where: str, dtype: torch.dtype | None = None) -> Any:
    """Targets as tensors; floating ones are to be of a type."""
    if isinstance(y, dict):
        return {str(name): _plain(each, f"{where}[{name!r}]", dtype) for name, each in y.items()}
    if isinstance(y, tuple):
        return {str(place): _plain(each, f"{where}[{place}]", dtype) for place, each in enumerate(y)}
    values = y.detach() if isinstance(y, Tensor) else torch.from_numpy(np.array(arrays.array(y, where)))
    if values.dim() == 0 or not len(values):
        raise InputError(f"{where} is empty", hint="there is no row in it")
    if values.is_floating_point():
        if not bool(torch.isfinite(values).all()):
            arrays.finite(values.double().cpu().numpy(), where)
        return values if dtype is None else values.to(dtype)
    return values


def _wide(output: Any) -> Any:
    """Losses are computed in float32 at least."""
    half = isinstance(output, Tensor) and output.dtype in (torch.bfloat16, torch.float16)
    return output.float() if half else output


def _tensor_of(value: Any) -> Tensor:
    while not isinstance(value, Tensor):
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return value


def _unreduced(loss: Any) -> Any:
    """The same loss for each row, where it has a `reduction`."""
    if isinstance(loss, torch_losses._Loss):
        loss = copy.copy(loss)
        loss.reduction = "none"
        return loss
    if loss in FUNCTIONS:
        return functools.partial(loss, reduction="none")
    return loss
