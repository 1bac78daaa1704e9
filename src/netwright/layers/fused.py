"""PyTorch's own kernels for one recurrent layer of one member, with weights in Keras's order.

Here F inputs, U units, G gates.
"""

from __future__ import annotations

import torch
from torch import Tensor


def lstm(x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Keras's order i, f, c, o is PyTorch's too.

    Arguments:
        x: [B, T, F]
        kernel: [F, 4 U]
        recurrent: [U, 4 U]
        bias: [4 U]

    Returns:
        All outputs [B, T, U], and the last ones [1, B, U].
    """
    zeros = _zeros(x, recurrent)
    weights = _chunk(kernel, recurrent, _with_zeros(bias))
    every, last, _ = torch.lstm(x, [zeros, zeros], weights, *_options(bias))
    return every, last


def gru(x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """As `lstm`, with [F, 3 U], [U, 3 U] and [2, 3 U]. Keras's z, r, h is PyTorch's r, z, n."""
    biases = None if bias is None else _swap(bias)
    weights = _chunk(_swap(kernel), _swap(recurrent), biases)
    return torch.gru(x, _zeros(x, recurrent), weights, *_options(bias))


def _swap(weight: Tensor) -> Tensor:
    """The first two of three gates swapped. [..., 3 U]"""
    z, r, h = weight.chunk(3, -1)
    return torch.cat((r, z, h), -1)


def _with_zeros(bias: Tensor | None) -> Tensor | None:
    """PyTorch adds a bias to x W and one to h U. [G U] to [2, G U]"""
    return None if bias is None else torch.stack((bias, torch.zeros_like(bias)))


def _zeros(x: Tensor, recurrent: Tensor) -> Tensor:
    return x.new_zeros(1, x.shape[0], recurrent.shape[0])


def _options(bias: Tensor | None) -> tuple[bool, int, float, bool, bool, bool]:
    """Biases, layers, dropout, whether there will be a backward pass, both directions, batch first."""
    return bias is not None, 1, 0.0, torch.is_grad_enabled(), False, True


def _chunk(kernel: Tensor, recurrent: Tensor, biases: Tensor | None) -> list[Tensor]:
    """PyTorch's weights, in one chunk of memory as cuDNN wants them: [G U, F], [G U, U] and twice [G U]"""
    shapes = [kernel.T.shape, recurrent.T.shape]
    parts = [kernel.T.reshape(-1), recurrent.T.reshape(-1)]
    if biases is not None:
        shapes += [biases[0].shape] * 2
        parts.append(biases.reshape(-1))
    pieces = torch.cat(parts).split([shape.numel() for shape in shapes])
    return [piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)]
