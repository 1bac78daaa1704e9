"""The loss of the best constant output: what a network that looks at nothing could reach."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError
from netwright.nn.foreign import ForeignNetwork, Outputs
from netwright.nn.network import Network

MOST_ROWS = 512
STEPS = 20
Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Constant:
    """Losses of some rows when the network gives the same for each of them.

    Arguments:
        loss: the least of them.
        blank: that of all outputs 0: all classes alike, or the number 0. infinite where it is not defined.
    """

    loss: float
    blank: float

    @property
    def expected(self) -> float:
        """What a fresh network may lose: it need not know the shares of the classes."""
        return max(self.loss, self.blank) if np.isfinite(self.blank) else self.loss


def best_constant(case: Case, rows: Rows | None = None) -> Constant:
    """The least loss of a constant output, found on the network's own loss whatever that is.

    The constant is one number for each place of an output (class, pixel, time step); where the loss takes
    probabilities it is searched among these. Computed once for a case's training rows.

    Arguments:
        case: whose loss.
        rows: up to 512 of them are used; the training rows unless given.

    Raises:
        CannotTellError: several outputs, no rows, or a loss that cannot be computed of constants.
    """
    if rows is not None:
        return _best(case, rows)
    if "constant" not in case.notes:
        if case.train is None:
            raise CannotTellError("the training rows are not known")
        case.notes["constant"] = _best(case, case.train)
    return case.notes["constant"]


def _best(case: Case, rows: Rows) -> Constant:
    rows = rows.spread(MOST_ROWS)
    given = case.output(rows.at(slice(0, 2)))
    output = only_output(given)
    axis = row_axis(case, output)
    shape = list(output.shape)
    if shape[axis] != min(2, len(rows)):
        raise CannotTellError("the network does not give one output for each row")
    shape[axis] = len(rows)
    _, target = rows.led()
    squeeze = _squeeze(case)

    def loss_of(values: Tensor) -> Tensor:
        """Of an output [..., 1, ...] that stands for all rows."""
        return case.network.losses(like(given, squeeze(values).expand(shape)), target)[0]

    start = torch.zeros_like(output.narrow(axis, 0, 1))
    blank = _plain(loss_of, start)
    if squeeze is _same:
        start = _mean_target(rows, start, axis)
    return Constant(_least(loss_of, start.detach()), blank)


def _least(loss_of: Function, start: Tensor) -> float:
    from scipy.optimize import minimize  # torch.optim takes seconds to be imported

    seen: list[float] = []

    def look(flat: np.ndarray) -> tuple[float, np.ndarray]:
        values = torch.from_numpy(flat).to(start).reshape(start.shape).requires_grad_()
        with torch.enable_grad():
            loss = loss_of(values)
            (slope,) = torch.autograd.grad(loss, values)
        seen.append(float(loss.detach()))
        return seen[-1], slope.double().cpu().numpy().reshape(-1)

    # It may leave where the loss is defined: what was seen till then counts.
    with suppress(RuntimeError, ValueError, IndexError):
        first = start.double().cpu().numpy().reshape(-1)
        minimize(look, first, jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "ftol": 1e-4})
    finite = [each for each in seen if np.isfinite(each)]
    if not finite:
        raise CannotTellError("the loss of a constant output cannot be computed")
    return min(finite)


def _plain(loss_of: Function, values: Tensor) -> float:
    try:
        with torch.no_grad():
            found = float(loss_of(values))
    except (RuntimeError, ValueError, IndexError):
        return float("inf")
    return found if np.isfinite(found) else float("inf")


def _same(values: Tensor) -> Tensor:
    return values


def _squeeze(case: Case) -> Function:
    """Brings any numbers to what the loss takes."""
    loss, takes = case.network.purpose()
    if takes == "probabilities":
        return (lambda values: torch.softmax(values, -1)) if loss == "cross_entropy" else torch.sigmoid
    if takes == "log_probabilities":
        axis = 1 if isinstance(case.network, ForeignNetwork) else -1
        return lambda values: torch.log_softmax(values, axis)
    return _same


def _mean_target(rows: Rows, start: Tensor, axis: int) -> Tensor:
    """The mean of the targets where they are shaped as the outputs, to begin with; else zeros."""
    target = rows.target
    if isinstance(target, Tensor) and target.is_floating_point():
        mean = target.double().mean(0)
        if mean.numel() == start.numel() and bool(torch.isfinite(mean).all()):
            return mean.to(start).reshape(start.shape)
    return start


def only_output(output: Any) -> Tensor:
    """The tensor among what a network gave.

    Raises:
        CannotTellError: there are several, or it is not of floating numbers.
    """
    while isinstance(output, list | tuple) and len(output) == 1:
        output = output[0]
    if not isinstance(output, Tensor) or not output.is_floating_point():
        raise CannotTellError("the network has several outputs")
    return output


def like(given: Any, output: Tensor) -> Any:
    """The same output as the network would have given it."""
    if isinstance(given, Tensor):
        return output
    inner = like(given[0], output)
    return Outputs([inner]) if isinstance(given, Outputs) else type(given)([inner])


def row_axis(case: Case, output: Tensor) -> int:
    """Which axis numbers the rows: modules give [n, ...], networks [1, n, ...] or [1, K, n, C]."""
    if isinstance(case.network, ForeignNetwork):
        return 0
    return 2 if isinstance(case.network, Network) else 1
