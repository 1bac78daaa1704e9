"""Products of many small matrices, one for each member.

On a processor NumPy's library multiplies small matrices in two thirds of the time that PyTorch's takes, and
straight into a part of the flat tensor, but in one thread. (Threads of Python would share a core with those
of PyTorch, which go on spinning for a while.)
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

SMALL = 262_144
"""Multiplications of one product up to which OpenBLAS stays in the thread that calls it."""
WORTH_SHARING = 8_000_000
"""Multiplications of all products from which on several threads of PyTorch are faster."""
NARROW = 16  # columns; PyTorch's products with fewer are far slower than the same ones turned round


def multiply(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """a b. [M, m, k] and [M, k, n] into [M, m, n], which may be a view; without a history"""
    work = math.prod(a.shape[1:]) * b.shape[2]
    alone = torch.get_num_threads() == 1 or len(a) * work < WORTH_SHARING
    if a.device.type == "cpu" and work <= SMALL and alone:
        with np.errstate(all="ignore"):  # numbers that run away are found in the losses
            np.matmul(a.numpy(), b.numpy(), out=out.numpy())
        return out
    if b.shape[2] < NARROW:
        return out.copy_(torch.bmm(b.transpose(1, 2), a.transpose(1, 2)).transpose(1, 2))
    return torch.bmm(a, b, out=out) if out.is_contiguous() else out.copy_(torch.bmm(a, b))


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x W + b. [M, B, D], [M, D, H] and [M, 1, H] to [M, B, H]"""
    out = x.new_empty(len(x), x.shape[1], weight.shape[2])
    return multiply(x, weight, out).add_(bias)


def back(d: Tensor, weight: Tensor) -> Tensor:
    """d W'. [M, B, H] and [M, D, H] to [M, B, D]"""
    turned = weight.transpose(1, 2)
    return d * turned if d.shape[2] == 1 else torch.bmm(d, turned)


def outer(x: Tensor, d: Tensor, into: Tensor) -> None:
    """x' d, into a view of the gradient. [M, B, D] and [M, B, H] to [M, D, H]"""
    multiply(x.transpose(1, 2), d, into)
