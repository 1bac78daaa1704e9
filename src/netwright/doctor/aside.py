"""Forward passes beside a training: its random numbers, modes and statistics are afterwards as before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.trace import Trace, trace
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.member import Mode
from netwright.training.feed import Batch


@contextmanager
def plainly_drawn() -> Iterator[None]:
    """What is drawn of Python's and NumPy's own numbers is drawn again when it ends: modules may do so."""
    plain, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)  # noqa: NPY002


@contextmanager
def undisturbed(network: Any) -> Iterator[None]:
    """Random numbers, modes and statistics are as before when it ends."""
    owned = getattr(network, "owned", [])
    flags = [(part, part.training) for own in owned for part in own.modules()]
    kept = [(each, each.clone()) for each in network.live()]
    device = network.flat.device
    drawn = torch.get_rng_state()
    there = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        with plainly_drawn():
            yield
    finally:
        torch.set_rng_state(drawn)
        if there is not None:
            torch.cuda.set_rng_state(there, device)
        for part, training in flags:
            part.training = training
        for each, before in kept:
            each.copy_(before)


def is_fused(network: Any) -> bool:
    """Whether one forward pass computes all members; modules of PyTorch go one after another."""
    return not isinstance(network, ForeignNetwork)


def traces(network: Any, batch: Batch, *, training: bool = False, place: int | None = None) -> list[Trace]:
    """Of all members together, or one for each module of PyTorch; of one member's module alone."""
    if not isinstance(network, ForeignNetwork):
        generators = [torch.Generator(network.flat.device) for _ in range(network.members)]
        mode = Mode(training=training, generators=generators)
        return [trace(partial(network.forward, batch.raw, mode), network)]
    members = range(network.members) if place is None else [place]
    return [
        trace(partial(network.call, member, raw_of(batch, member), training=training), network.owned[member])
        for member in members
    ]


def of_member(values: Tensor, place: int, fused: bool) -> Tensor:
    """One member's part of what an operation gave."""
    return values[place] if fused and values.dim() > 1 and len(values) > place else values


def raw_of(batch: Batch, member: int) -> dict[str, Tensor]:
    """The inputs of one member."""
    return {name: each[member] for name, each in batch.raw.items()}


def target_of(batch: Batch, member: int) -> Any:
    """The targets of one member."""
    target = batch.target
    return (
        {name: each[member] for name, each in target.items()} if isinstance(target, dict) else target[member]
    )


def row_count(batch: Batch) -> int:
    """Rows of each member."""
    return next(iter(batch.raw.values())).shape[1]


def first_rows(batch: Batch, count: int) -> Batch:
    """The first rows of each member."""
    target = batch.target
    if isinstance(target, dict):
        cut: Any = {name: each[:, :count] for name, each in target.items()}
    else:
        cut = target[:, :count]
    return Batch({name: each[:, :count] for name, each in batch.raw.items()}, cut)


def array(values: Tensor) -> np.ndarray:
    """The same on the processor, in a type that NumPy has."""
    values = values.detach().cpu()
    return values.numpy() if values.dtype in (torch.float32, torch.float64) else values.float().numpy()
