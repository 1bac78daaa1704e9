"""Averages of the weights [M, P] along a training: often better than the last ones, for one copy more."""

from __future__ import annotations

import torch
from torch import Tensor


class MovingAverage:
    """An exponential moving average (EMA): average = momentum average + (1 - momentum) weights.

    It begins at the weights as they are, as in Keras, so nothing is to be corrected. Batch statistics
    belong to the weights they were seen with: take those of the average anew, or average them too.

    Arguments:
        flat: the parameters. [M, P]
        momentum: between 0 and 1, a float or [M, 1].
        every: the average takes the weights' place after so many updates; None for never.

    Example:
        >>> flat = torch.zeros(1, 2)
        >>> average = MovingAverage(flat, 0.75)
        >>> average.update(flat + 1.0)
        >>> average.values
        tensor([[0.2500, 0.2500]])
    """

    def __init__(self, flat: Tensor, momentum: float | Tensor = 0.99, every: int | None = None) -> None:
        self.values = flat.detach().clone()
        self.share = 1.0 - momentum
        self.every, self.updates = every, 0

    @torch.no_grad()
    def update(self, flat: Tensor, active: Tensor | None = None) -> None:
        """Takes in the weights [M, P] after a step of the active members [M]."""
        share = self.share if active is None else self.share * active[:, None].to(flat.dtype)
        self.values.lerp_(flat, share)  # type: ignore[arg-type]
        self.updates += 1
        if self.every is not None and self.updates % self.every == 0:
            flat.copy_(self.values)

    def state_dict(self) -> dict[str, Tensor]:
        return {"values": self.values.clone(), "updates": torch.tensor(self.updates)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.values.copy_(state["values"])
        self.updates = int(state["updates"])


class StochasticAverage:
    """Stochastic weight averaging (SWA, arXiv 1803.05407): the plain mean of the weights since some point.

    Call `update` where a sample is to be taken: at the ends of epochs, as a rule. Batch statistics are to
    be taken anew for the average.

    Arguments:
        flat: the parameters. [M, P]
        start: updates of a member that are passed over, a whole number or [M, 1]. Until then the average is
            the last weights.

    Example:
        >>> average = StochasticAverage(torch.zeros(1, 1), start=1)
        >>> for weight in (8.0, 1.0, 3.0):
        ...     average.update(torch.tensor([[weight]]))
        >>> average.values
        tensor([[2.]])
    """

    def __init__(self, flat: Tensor, start: int | Tensor = 0) -> None:
        self.values = flat.detach().clone()
        self.start = start
        self.seen = flat.new_zeros(len(flat), 1)

    @torch.no_grad()
    def update(self, flat: Tensor, active: Tensor | None = None) -> None:
        """Takes in the weights [M, P] of the active members [M]."""
        taken = torch.ones_like(self.seen) if active is None else active[:, None].to(self.seen)
        self.seen += taken
        share = taken / (self.seen - self.start).clamp(min=1.0)
        self.values.lerp_(flat, share)

    def state_dict(self) -> dict[str, Tensor]:
        return {"values": self.values.clone(), "seen": self.seen.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.values.copy_(state["values"])
        self.seen.copy_(state["seen"])


def exchange(flat: Tensor, average: MovingAverage | StochasticAverage) -> None:
    """Lets the weights [M, P] and their average change places; a second time puts them back."""
    with torch.no_grad():
        kept = flat.detach().clone()
        flat.copy_(average.values)
        average.values.copy_(kept)
