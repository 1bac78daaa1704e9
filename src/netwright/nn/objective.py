"""What a table's network is trained for beside its task: robust losses, and the adjustment of its logits."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

CLASS_LOSSES = ("cross_entropy", "focal", "generalized_cross_entropy", "symmetric_cross_entropy")
NUMBER_LOSSES = ("mse", "huber", "mae")
SETTINGS = ("focal_gamma", "generalized_q", "symmetric_alpha", "symmetric_beta", "huber_delta")
"""names of the losses' settings, in a config and of a member"""

LOG_OF_ZERO = 4.0
"""what symmetric cross-entropy takes -log(0) for, as its authors do"""


@dataclass
class Objective:
    """The loss of M members of a network.

    Arguments:
        loss: one of `CLASS_LOSSES` or `NUMBER_LOSSES`; "auto" for the first that fits the task.
        settings: those of `SETTINGS` that the loss has. Each [M]
        logit_adjustment: how strongly each member's logits are adjusted; None where none is. [M]
    """

    loss: str = "auto"
    settings: dict[str, Tensor] = field(default_factory=dict)
    logit_adjustment: Tensor | None = None

    @property
    def plain(self) -> bool:
        """Whether it is cross-entropy or the squared error."""
        return self.loss in ("auto", "cross_entropy", "mse")

    def of_class(self, logs: Tensor) -> Tensor:
        """The loss of a class that should be there, from the log of its probability. [M, ...]

        - focal: (1 - p)^gamma (-log p), arXiv 1708.02002;
        - generalized_cross_entropy: (1 - p^q) / q, between cross-entropy (q near 0) and the absolute error
          (q = 1), arXiv 1805.07836;
        - symmetric_cross_entropy: alpha (-log p) + beta 4 (1 - p), arXiv 1908.06112.

        Example:
            >>> half = torch.tensor([[0.5]]).log()
            >>> Objective("generalized_cross_entropy", {"generalized_q": torch.tensor([1.0])}).of_class(half)
            tensor([[0.5000]])
        """
        if self.loss == "focal":
            missed = (-torch.expm1(logs)).clamp(min=1e-12)  # a power of 0 may have no slope
            return -missed.pow(self._beside("focal_gamma", logs)) * logs
        if self.loss == "generalized_cross_entropy":
            q = self._beside("generalized_q", logs)
            return -torch.expm1(q * logs) / q
        if self.loss == "symmetric_cross_entropy":
            alpha, beta = self._beside("symmetric_alpha", logs), self._beside("symmetric_beta", logs)
            return -alpha * logs - beta * LOG_OF_ZERO * torch.expm1(logs)
        return -logs

    def of_number(self, error: Tensor) -> Tensor:
        """The loss of a standardised number that is wrong by `error`. [M, ...]

        huber: error² up to delta, then the straight line that goes on (twice Huber's 1964, so that it is the
        squared error inside); mae: |error|.

        Example:
            >>> Objective("huber", {"huber_delta": torch.tensor([1.0])}).of_number(torch.tensor([[0.5, 3.0]]))
            tensor([[0.2500, 5.0000]])
        """
        if self.loss == "huber":
            delta, size = self._beside("huber_delta", error), error.abs()
            return torch.where(size <= delta, error.square(), delta * (2.0 * size - delta))
        return error.abs() if self.loss == "mae" else error.square()

    def _beside(self, name: str, values: Tensor) -> Tensor:
        """A setting with axes of 1 for all but the members'."""
        return self.settings[name].to(values).view(-1, *[1] * (values.dim() - 1))
