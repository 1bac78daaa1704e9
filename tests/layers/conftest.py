"""Layers run without a model: `run` builds one, and `alike` compares members with networks of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from netwright.layers import Layer
from netwright.nn.member import PREDICT, Layout, Mode


class Running:
    """A layer, built, with its parameters in a flat tensor of its own, in float64.

    Its start is disturbed, so that a bias or a scale that is forgotten shows.

    Arguments:
        layer: not built yet.
        shape: of its input, without members and batch (a list where it takes several).
        members: M.
        noise: deviation of the disturbance; 0 leaves the start as it is.
    """

    def __init__(self, layer: Layer, shape: Any, members: int = 1, noise: float = 0.3) -> None:
        self.layer = layer
        self.shape = layer.connect(shape, members)
        layer.double()
        self.layout = Layout(layer)
        flat = torch.stack([self.layout.draw(seed) for seed in range(members)]).double()
        self.flat = (flat + noise * normal(*flat.shape, seed=99)).requires_grad_()  # [M, P]

    def __call__(self, x: Any, mode: Mode = PREDICT) -> Any:
        self.layout.bind(self.flat)
        return self.layer(x, mode)

    def weights(self, member: int = 0) -> dict[str, Tensor]:
        """One member's parameters by name ("kernel"; of inner layers "layers.0.kernel")."""
        pieces = self.flat.detach()[member].split(self.layout.sizes)
        return {
            place.name.removeprefix("."): piece.reshape(place.declared.shape).clone()
            for place, piece in zip(self.layout.places, pieces, strict=True)
        }

    def gradients(self, output: Tensor, *of: Tensor) -> list[Tensor]:
        """The gradients of all parameters and of `of`, for outputs that weigh differently."""
        loss = (output * normal(*output.shape[1:], seed=98)).sum()
        wanted = [*([self.flat] if self.layout.size else []), *of]
        return list(torch.autograd.grad(loss, wanted))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def alike(make: Callable[[], Layer], *inputs: Tensor, training: bool = False, **mode: Any) -> Running:
    """Asserts that members together are what each is alone: outputs, gradients and statistics.

    Arguments:
        make: gives a new layer.
        inputs: [M, B, ...]; several where the layer takes several.
        training: whether in training mode, with generators of the members' own.
        **mode: further fields of `Mode`, such as rows [M, B].
    """
    members = len(inputs[0])
    shapes = [tuple(x.shape[2:]) for x in inputs]
    several = make().several
    together = Running(make(), shapes if several else shapes[0], members)

    def passed(running: Running, chosen: slice) -> tuple[Any, list[Tensor]]:
        given = [x[chosen].clone().requires_grad_(x.is_floating_point()) for x in inputs]
        at = Mode(training, generators(*range(members))[chosen], **{k: v[chosen] for k, v in mode.items()})
        output = running(given if several else given[0], at)
        return output, running.gradients(output, *(x for x in given if x.requires_grad))

    output, gradients = passed(together, slice(None))
    assert tuple(output.shape[2:]) == together.shape
    for member in range(members):
        only = slice(member, member + 1)
        alone = Running(make(), shapes if several else shapes[0])
        alone.flat = together.flat.detach()[only].clone().requires_grad_()
        expected, expected_gradients = passed(alone, only)
        close(output[only], expected)
        for found, wanted in zip(gradients, expected_gradients, strict=True):
            close(found[only], wanted)
        for (name, found), (_, wanted) in zip(
            together.layer.named_buffers(), alone.layer.named_buffers(), strict=True
        ):
            assert len(found) in (members, 1), name
            close(found[only] if len(found) == members else found, wanted)
    return together


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="session")
def run() -> type[Running]:
    """`run(layer, shape, members=1)`: the layer built, to be called on [M, B, *shape]."""
    return Running


@pytest.fixture(scope="session", name="alike")
def _alike() -> Callable[..., Running]:
    """`alike(make, *inputs, training=False)`: members together are what each is alone."""
    return alike


@pytest.fixture(scope="session", name="normal")
def _normal() -> Callable[..., Tensor]:
    """`normal(*shape, seed=0)`: normal random numbers in float64."""
    return normal


@pytest.fixture(scope="session", name="close")
def _close() -> Callable[[Tensor, Tensor], None]:
    """`close(found, expected)`: equal up to 1e-12."""
    return close
