"""Products of many small matrices, one for each member.

On a processor NumPy's library multiplies small matrices in two thirds of the time that PyTorch's takes, and
straight into a part of the flat tensor. It leaves the other cores alone there, so each works on some members.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

SMALL = 262_144
"""Multiplications of one product up to which OpenBLAS stays in the thread that calls it."""
WORTH_SHARING = 4_000_000
"""Multiplications of all products from which on it pays to wake other threads."""
NARROW = 16  # columns; PyTorch's products with fewer are far slower than the same ones turned round


def multiply(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """a b. [M, m, k] and [M, k, n] into [M, m, n], which may be a view; without a history"""
    work = math.prod(a.shape[1:]) * b.shape[2]
    if a.device.type != "cpu" or work > SMALL:
        if out.is_contiguous():
            return torch.bmm(a, b, out=out)
        if b.shape[2] < NARROW:
            return out.copy_(torch.bmm(b.transpose(1, 2), a.transpose(1, 2)).transpose(1, 2))
        return out.copy_(torch.bmm(a, b))
    threads = torch.get_num_threads()
    if threads > 1 and len(a) * work >= WORTH_SHARING:
        _share(a.numpy(), b.numpy(), out.numpy(), threads)
    else:
        np.matmul(a.numpy(), b.numpy(), out=out.numpy())
    return out


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


def _share(a: np.ndarray, b: np.ndarray, out: np.ndarray, threads: int) -> None:
    """The same by members in several threads: NumPy lets go of the interpreter while it multiplies."""
    cuts = [len(a) * part // threads for part in range(threads + 1)]
    parts = [slice(*cut) for cut in pairwise(cuts)]
    others = [_pool(threads - 1).submit(np.matmul, a[part], b[part], out[part]) for part in parts[1:]]
    np.matmul(a[parts[0]], b[parts[0]], out=out[parts[0]])
    for other in others:
        other.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="products")
