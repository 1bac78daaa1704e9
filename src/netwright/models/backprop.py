"""Back-propagation written out for chains of simple layers.

A step of a small network is a few dozen operations on small matrices; recording them for autograd takes
longer than computing them. For layers whose derivatives are known, the gradient is written straight into the
flat gradient [M, P] (Rumelhart et al., Nature 323, 1986). Everything else takes autograd's way, with the same
results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from netwright.layers.activation import Activation
from netwright.layers.base import Layer
from netwright.layers.dense import Dense
from netwright.layers.noise import Dropout
from netwright.layers.shapes import Flatten, Reshape
from netwright.losses import Loss
from netwright.nn import chain
from netwright.nn.member import Layout, Mode
from netwright.nn.trainable import Step, weighted_mean

# Activations whose derivative follows from their output, as in `nn.chain`.
SIMPLE = {**chain.SIMPLE, "sigmoid": (torch.sigmoid_, torch.ops.aten.sigmoid_backward)}
MANY = 4  # members, from which on products of all of them at once are worth their detours
NARROW = 16  # units; products with fewer columns are far slower than the same ones turned round
SMALL = 16_384  # values of a member's kernel, up to which a copy of its gradient costs less than M products


class Part(NamedTuple):
    """One layer of a chain with all that its way there and back needs, looked up once.

    Arguments:
        layer: itself.
        kernel, bias: views of a Dense layer's part of the flat tensor. [M, D, H], [M, 1, H]
        kernel_gradient, bias_gradient: views of the flat gradient.
        turned: the kernel with its axes swapped. [M, H, D]
        activation: "linear" where there is none, or it is left to the loss.
        activate, derive: of its activation; None for "linear".
    """

    layer: Layer
    kernel: Tensor | None = None
    bias: Tensor | None = None
    kernel_gradient: Tensor | None = None
    bias_gradient: Tensor | None = None
    turned: Tensor | None = None
    activation: str = "linear"
    activate: Callable[[Tensor], Tensor] | None = None
    derive: Callable[[Tensor, Tensor], Tensor] | None = None


class Chain:
    """One step of a chain of Dense, Activation, Dropout, Flatten and Reshape layers.

    Arguments:
        layers: the chain; `fits` holds for it.
        loss: has a written-out gradient.
        logits: whether the last activation is left to the loss.
        layout: of the flat tensor.
        flat: the parameters; updated in place by the optimiser. [M, P]
    """

    def __init__(self, layers: list[Layer], loss: Loss, logits: bool, layout: Layout, flat: Tensor) -> None:
        self.loss, self.logits = loss, logits
        flat = flat.detach()
        self.gradient = torch.zeros_like(flat)
        self.nothing = flat.new_zeros(len(flat))
        here, there = _views(layout, flat), _views(layout, self.gradient)
        self.parts = []
        for layer in layers:
            left_out = logits and layer is layers[-1]
            name = (
                layer.activation_name if isinstance(layer, Dense | Activation) and not left_out else "linear"
            )
            activate, derive = (None, None) if name == "linear" else SIMPLE[name]
            part = Part(layer, activation=name, activate=activate, derive=derive)
            if isinstance(layer, Dense):
                kernel, bias = here[layer]
                part = part._replace(kernel=kernel, bias=bias, turned=kernel.transpose(1, 2))
                part = part._replace(kernel_gradient=there[layer][0], bias_gradient=there[layer][1])
            self.parts.append(part)
        self.first = next(place for place, layer in enumerate(layers) if isinstance(layer, Dense))

    def step(
        self, x: Tensor, target: Tensor, weight: Tensor | None, mode: Mode, *, tell: bool = True
    ) -> Step:
        """Loss and gradient, without autograd. x [M, B, ...]"""
        output = self._forth(x, mode)
        losses = self.nothing
        if tell:
            rows, gradient = self.loss.both(target, output, logits=self.logits)
            losses = weighted_mean(rows, weight)
        else:
            gradient = self.loss.gradient(target, output, logits=self.logits)
        assert gradient is not None
        if weight is not None:
            share = weight / weight.sum(1, keepdim=True).clamp(min=1e-12)
            gradient.mul_(share.view(*share.shape, *[1] * (gradient.dim() - 2)))
        self._back(gradient, 1.0 if weight is not None else 1.0 / output.shape[1])
        return Step(losses, self.gradient, [output])

    def _forth(self, x: Tensor, mode: Mode) -> Tensor:
        """From the input to the output [M, B, C]; remembers what the way back needs."""
        given: list[Tensor] = []  # to each layer
        factors: dict[int, Tensor | None] = {}  # of dropout, by the layer's place
        for place, part in enumerate(self.parts):
            given.append(x)
            if part.kernel is not None:
                x = _affine(x, part.kernel, part.bias)
            elif isinstance(part.layer, Dropout):
                kept = factors[place] = part.layer.dropout.factors(x, mode)
                x = x if kept is None else x * kept
            elif part.activate is not None:
                x = x.clone()  # the activation works in place
            elif not isinstance(part.layer, Activation):
                x = part.layer(x, mode)
            if part.activate is not None:
                x = part.activate(x)
        self.values, self.factors = [*given, x], factors
        return x

    def _back(self, d: Tensor, share: float) -> None:
        """From the derivative by the output [M, B, C], times each row's share, to those by all parameters."""
        values, factors = self.values, self.factors
        if share != 1.0:
            d.mul_(share)
        for place in range(len(self.parts) - 1, self.first - 1, -1):
            part, x = self.parts[place], values[place]
            if part.derive is not None:
                d = part.derive(d, values[place + 1])
            if part.turned is not None:
                assert part.kernel_gradient is not None
                _outer(x, d, part.kernel_gradient)
                if part.bias_gradient is not None:
                    torch.sum(d, 1, keepdim=True, out=part.bias_gradient)
                if place > self.first:
                    d = torch.bmm(d, part.turned)
            elif place in factors:
                kept = factors[place]
                d = d if kept is None else d * kept
            elif not isinstance(part.layer, Activation):
                d = d.reshape(x.shape)


def fits(layers: list[Layer], shapes: list[tuple[int | None, ...]], loss: Loss, logits: bool) -> bool:
    """Whether a chain can be taken.

    Arguments:
        layers: one after another.
        shapes: of the input, and of each layer's output.
        loss: of the last one.
        logits: whether the last activation is left to the loss.
    """
    if any(type(layer) not in (Dense, Activation, Dropout, Flatten, Reshape) for layer in layers):
        return False
    probe = torch.ones(1, 1, *(size or 1 for size in shapes[-1]))
    target = torch.zeros(probe.shape[:-1], dtype=torch.int64) if loss._codes else probe
    if loss.gradient(target, probe, logits=logits) is None:
        return False
    for layer, shape in zip(layers, shapes, strict=False):
        if isinstance(layer, Dense) and len(shape) != 1:
            return False
        left_out = logits and layer is layers[-1]
        if (
            isinstance(layer, Dense | Activation)
            and layer.activation_name not in ("linear", *SIMPLE)
            and not left_out
        ):
            return False
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    return bool(dense) and len(set(dense)) == len(dense)


def _affine(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """x kernel + bias. [M, B, D], [M, D, H] and [M, 1, H] to [M, B, H]"""
    if len(x) >= MANY and kernel.shape[2] < NARROW:
        turned = kernel.transpose(1, 2), x.transpose(1, 2)
        found = torch.bmm(*turned) if bias is None else torch.baddbmm(bias.transpose(1, 2), *turned)
        return found.transpose(1, 2).contiguous()
    return torch.bmm(x, kernel) if bias is None else torch.baddbmm(bias, x, kernel)


def _outer(x: Tensor, d: Tensor, into: Tensor) -> None:
    """Products of x [M, B, D] and d [M, B, H], summed over rows, into a view of the gradient [M, D, H]."""
    if len(x) < MANY or into[0].numel() > SMALL:
        torch.bmm(x.transpose(1, 2), d, out=into)
    elif d.shape[2] < NARROW:
        into.copy_(torch.bmm(d.transpose(1, 2), x).transpose(1, 2))
    else:  # right into the view it would be done member by member
        into.copy_(torch.bmm(x.transpose(1, 2), d))


def _views(layout: Layout, flat: Tensor) -> dict[Layer, tuple[Tensor, Tensor | None]]:
    """Kernel [M, D, H] and bias [M, 1, H] of each Dense layer, as views."""
    found: dict[Layer, dict[str, Tensor]] = {}
    for place in layout.places:
        view = place.of(flat) if place.attribute == "kernel" else place.of(flat)[:, None]
        found.setdefault(place.layer, {})[place.attribute] = view  # type: ignore[arg-type]
    return {layer: (views["kernel"], views.get("bias")) for layer, views in found.items()}
