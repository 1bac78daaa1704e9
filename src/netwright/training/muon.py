"""What muon needs beside its formula: which parameters are matrices, and the nearest orthogonal matrix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.nn.member import Layout, Place


@dataclass(frozen=True)
class Plan:
    """Which of the flat parameters [M, P] are matrices.

    Arguments:
        groups: where the matrices of each shape (inputs, outputs) begin.
        rest: the places of everything else. [R] int64
    """

    groups: dict[tuple[int, int], list[int]]
    rest: Tensor

    @classmethod
    def none(cls) -> Plan:
        """For optimisers that treat all parameters alike."""
        return cls({}, torch.empty(0, dtype=torch.int64))

    @classmethod
    def of(cls, layout: Layout, exclude: Sequence[str] = ()) -> Plan:
        """The plan for a network.

        A kernel (..., inputs, outputs) is a matrix of all its axes but the last, and the last. Embeddings,
        and what weight decay leaves alone (biases, norms), are none.

        Arguments:
            layout: of its parameters.
            exclude: regular expressions; a parameter whose name holds one of them is no matrix.
        """
        groups: dict[tuple[int, int], list[int]] = {}
        rest = []
        for place in layout.places:
            shape, size = place.declared.shape, place.declared.size
            if _is_matrix(place) and not any(re.search(each, place.name) for each in exclude):
                groups.setdefault((size // shape[-1], shape[-1]), []).append(place.start)
            else:
                rest.append(torch.arange(place.start, place.start + size))
        return cls(groups, torch.cat(rest) if rest else cls.none().rest)

    def to(self, device: torch.device) -> Plan:
        return Plan(self.groups, self.rest.to(device))


def _is_matrix(place: Place) -> bool:
    shape, size = place.declared.shape, place.declared.size
    names = f"{place.name} {type(place.layer).__name__}".lower()
    looked_up = place.attribute == "table" or "embedding" in names
    return len(shape) > 1 and shape[-1] > 1 and size > shape[-1] and place.declared.decay and not looked_up


def orthogonal(matrices: Tensor, steps: int, coefficients: tuple[float, float, float]) -> Tensor:
    """Matrices [N, r, c] of the same directions with nearly equal singular values, about 0.7 to 1.2.

    Newton and Schulz's iteration as Jordan and others (2024) have it, in the matrices' own precision.
    """
    a, b, c = coefficients
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).contiguous()
