"""Clipping of gradients [M, P], in place, each member by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

WINDOW = 1000  # norms of a member that are remembered


def clip_norm(gradient: Tensor, most: float | Tensor) -> None:
    """Shortens each member's gradient [M, P] to a norm of at most `most`, a float or [M, 1]."""
    norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    gradient.mul_((most / (norm + 1e-6)).clamp(max=1.0))


def clip_value(gradient: Tensor, most: float | Tensor) -> None:
    """Brings each value of a gradient [M, P] between -most and most, a float or [M, 1]."""
    gradient.clamp_(-most, most)  # type: ignore[call-overload]


def clip_each_norm(gradient: Tensor, most: float | Tensor, sizes: Sequence[int]) -> None:
    """Shortens the gradient [M, P] of each parameter by itself, Keras's `clipnorm`.

    Arguments:
        gradient: of parameters one after another. [M, P]
        most: the greatest norm of each, a float or [M, 1].
        sizes: values of each parameter; they add up to P.

    Example:
        >>> gradient = torch.tensor([[3.0, 4.0, 0.5]])
        >>> clip_each_norm(gradient, 1.0, [2, 1])
        >>> gradient
        tensor([[0.6000, 0.8000, 0.5000]])
    """
    pieces = gradient.split(list(sizes), dim=1)
    norms = torch.stack([torch.linalg.vector_norm(piece, dim=1) for piece in pieces], 1)  # [M, parameters]
    for piece, factor in zip(pieces, (most / (norms + 1e-6)).clamp(max=1.0).split(1, 1), strict=True):
        piece.mul_(factor)


class PercentileClip:
    """Shortens each member's gradient to a percentile of the norms that it had so far, this one included.

    Nothing needs to be chosen for a network: what is long is found out (AutoClip, arXiv 2007.14469). Of long
    trainings the last 1,000 norms count. Norms that are not finite do not.

    Arguments:
        members: M.
        percentile: between 0 and 100.

    Example:
        >>> clip = PercentileClip(1, 50.0)
        >>> for size in (1.0, 3.0):
        ...     gradient = torch.tensor([[size]])
        ...     clip(gradient)
        >>> gradient
        tensor([[2.0000]])
    """

    def __init__(self, members: int, percentile: float = 90.0, device: torch.device | None = None) -> None:
        self.share = percentile / 100.0
        self.norms = torch.full((members, WINDOW), torch.nan, device=device)
        self.seen = torch.zeros(members, 1, dtype=torch.int64, device=device)
        self.calls = 0  # at least as many as any member's norms, known without looking at the device

    def __call__(self, gradient: Tensor, active: Tensor | None = None) -> None:
        """Clips the gradient [M, P]; the norms of members that are not active [M] do not count."""
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        counts = torch.isfinite(norm)
        if active is not None:
            counts &= active[:, None]
        place = self.seen % WINDOW
        self.norms.scatter_(1, place, torch.where(counts, norm, self.norms.gather(1, place)).to(self.norms))
        self.seen += counts
        self.calls += 1
        most = torch.nanquantile(self.norms[:, : min(self.calls, WINDOW)], self.share, dim=1, keepdim=True)
        # a member without a norm so far has no limit
        gradient.mul_((most.nan_to_num(nan=torch.inf) / (norm + 1e-6)).clamp(max=1.0))

    def state_dict(self) -> dict[str, Tensor]:
        return {"norms": self.norms.clone(), "seen": self.seen.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.norms.copy_(state["norms"])
        self.seen.copy_(state["seen"])
        self.calls = int(self.seen.max())


@dataclass
class Clip:
    """What an optimiser wants done to the gradient before its step. Each a float or [M, 1]; None for nothing.

    Arguments:
        norm: greatest norm of all parameters together.
        value: greatest size of any value.
        each_norm: greatest norm of any parameter.
        percentile: see `PercentileClip`.
        sizes: values of each parameter; for `each_norm`.
    """

    norm: float | Tensor | None = None
    value: float | Tensor | None = None
    each_norm: float | Tensor | None = None
    percentile: PercentileClip | None = None
    sizes: Sequence[int] = ()

    def __call__(self, gradient: Tensor, active: Tensor | None = None) -> None:
        """Clips the gradient [M, P] of the active members [M]."""
        if self.value is not None:
            clip_value(gradient, self.value)
        if self.each_norm is not None:
            clip_each_norm(gradient, self.each_norm, self.sizes)
        if self.norm is not None:
            clip_norm(gradient, self.norm)
        if self.percentile is not None:
            self.percentile(gradient, active)
