"""The member axis: layers declare parameters, one flat tensor [M, P] holds them all.

The optimiser then needs a handful of operations whatever the number of layers and members, and one
`torch.split` cuts the tensor for a forward pass (its backward pass is one concatenation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright.nn.bits import Bits
from netwright.nn.initial import Initial, generator
from netwright.nn.mixup import Mix


@dataclass(frozen=True)
class Declared:
    """A parameter that a layer wants: its shape without the member axis, its start, and its group.

    Arguments:
        shape: without the member axis.
        initial: draws the first values.
        rate: factor on the learning rate.
        decay: whether weight decay and L1 of the training apply.
        l1, l2: its own penalties: l1 times the sum of its absolute values, l2 times that of its squares.
        constraint: brings it back to what is allowed after each step, [M, *shape] to the same.
    """

    shape: tuple[int, ...]
    initial: Initial
    rate: float = 1.0
    decay: bool = True
    l1: float = 0.0
    l2: float = 0.0
    constraint: Callable[[Tensor], Tensor] | None = None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


@dataclass
class Mode:
    """How a forward pass is made.

    Arguments:
        training: whether dropout is on and batch statistics are used.
        generators: the members' own randomness (training only). M of them
        rows: which rows of the batch are real, 1 or 0; None when all are. [M, B] float32
        mix: rows that are blended; None for none.
        bits: what dropout draws from; made of the generators.
    """

    training: bool = False
    generators: list[torch.Generator] = field(default_factory=list)
    rows: Tensor | None = None
    mix: Mix | None = None
    bits: Bits | None = None

    def __post_init__(self) -> None:
        if self.bits is None:  # else it is another mode's, whose passes are parts of the same step
            self.bits = Bits(self.generators)


PREDICT = Mode()


class Layer(nn.Module):
    """A module whose parameters lie in the flat tensor of the network that it belongs to.

    In a forward pass each declared parameter is an attribute of its name, of shape [M, *shape].
    """

    statistics: tuple[str, ...] = ()  # buffers that training changes, each [M, ...]

    def __init__(self) -> None:
        super().__init__()
        self.declared: dict[str, Declared] = {}

    def declare(self, name: str, shape: tuple[int, ...], initial: Initial, **group: Any) -> None:
        self.declared[name] = Declared(shape, initial, **group)


@dataclass(frozen=True)
class Place:
    """Where one parameter lies in the flat tensor."""

    name: str
    layer: Layer
    attribute: str
    declared: Declared
    start: int

    def of(self, flat: Tensor) -> Tensor:
        """The parameter of all members, a view of `flat`. [M, P] to [M, *shape]"""
        piece = flat[:, self.start : self.start + self.declared.size]
        return piece.view(len(flat), *self.declared.shape)


class Layout:
    """The record of what lies where in the flat tensor of a network."""

    def __init__(self, root: nn.Module) -> None:
        self.places: list[Place] = list(_walk(root))
        self.sizes = [place.declared.size for place in self.places]
        self.size = sum(self.sizes)

    def bind(self, flat: Tensor) -> None:
        """Gives each layer its views of `flat` [M, P], as attributes of shape [M, *shape]."""
        members = flat.shape[0]
        for place, piece in zip(self.places, flat.split(self.sizes, dim=1), strict=True):
            place.layer.__dict__[place.attribute] = piece.view(members, *place.declared.shape)

    def release(self) -> None:
        """Takes the views away again."""
        for place in self.places:
            place.layer.__dict__.pop(place.attribute, None)

    def draw(self, seed: int) -> Tensor:
        """The first values of one member. [P] float32"""
        values = np.empty(self.size, dtype=np.float32)
        for place in self.places:
            drawn = place.declared.initial(generator(seed, place.name), place.declared.shape)
            values[place.start : place.start + place.declared.size] = drawn.reshape(-1)
        return torch.from_numpy(values)

    def rates(self) -> Tensor:
        """Each parameter's factor on the learning rate. [P]"""
        return self._spread([place.declared.rate for place in self.places])

    def decays(self) -> Tensor:
        """1 where weight decay applies, else 0. [P]"""
        return self._spread([float(place.declared.decay) for place in self.places])

    def penalties(self) -> tuple[Tensor, Tensor] | None:
        """Each parameter's factors of L1 and L2; None when there are none. Each [P]"""
        l1, l2 = ([getattr(place.declared, name) for place in self.places] for name in ("l1", "l2"))
        return (self._spread(l1), self._spread(l2)) if any(l1) or any(l2) else None

    def constrain(self, flat: Tensor) -> None:
        """Brings parameters [M, P] back to what their constraints allow, in place."""
        for place in self.places:
            if place.declared.constraint is not None:
                values = place.of(flat)
                values.copy_(place.declared.constraint(values))

    def _spread(self, values: list[float]) -> Tensor:
        return torch.repeat_interleave(torch.tensor(values), torch.tensor(self.sizes))


def _walk(root: nn.Module) -> Iterator[Place]:
    start = 0
    for path, module in root.named_modules():
        if isinstance(module, Layer):
            for attribute, declared in module.declared.items():
                yield Place(f"{path}.{attribute}", module, attribute, declared, start)
                start += declared.size
