"""Changes of a module of PyTorch: other activations, norms, heads, starts. All give a new module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SQUASHING = (nn.Sigmoid, nn.Tanh, nn.Hardsigmoid, nn.Hardtanh, nn.Softsign)
RECTIFYING = (nn.ReLU, nn.ReLU6, nn.Threshold)
BOUNDED = (*SQUASHING, *RECTIFYING, nn.Softmax, nn.LogSoftmax, nn.Softplus)
AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Standardised(nn.Module):
    """A module whose input is standardised first; means and deviations [features] are kept with it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, module: nn.Module, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Tensor:
        return self.module((x - self.mean) / self.deviation)


class Rescaled(nn.Module):
    """A module whose output is brought to the scale of the targets: output * deviation + mean. [outputs]"""

    mean: Tensor
    deviation: Tensor

    def __init__(self, module: nn.Module, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, *x: Tensor) -> Tensor:
        return self.module(*x) * self.deviation + self.mean


class Without(nn.Module):
    """A module that does not see some features: they are 0 for it. `kept` is 1 or 0. [features]"""

    kept: Tensor

    def __init__(self, module: nn.Module, kept: Tensor) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("kept", kept)

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x * self.kept)


def replaced(
    module: nn.Module, kinds: tuple[type[nn.Module], ...], make: Callable[[nn.Module], nn.Module]
) -> nn.Module | None:
    """A copy with all parts of some kinds replaced; None when there is none."""
    made = copy.deepcopy(module)
    count = 0
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kinds):
                setattr(parent, name, make(child))
                count += 1
    return made if count else None


def last_place(module: nn.Module) -> tuple[nn.Sequential, int] | None:
    """The chain and the place in it of the last part of a module that is made of chains."""
    found = None
    while isinstance(module, nn.Sequential) and len(module):
        found = (module, len(module) - 1)
        module = module[-1]
    return found


def without_end(module: nn.Module) -> nn.Module | None:
    """A copy without the activations that it ends with; None when it ends with none, or is no chain."""
    made = copy.deepcopy(module)
    count = 0
    while (place := last_place(made)) is not None and isinstance(place[0][place[1]], BOUNDED):
        chain, number = place
        chain[number] = nn.Identity()
        if number == 0:
            break
        del chain[number]
        count += 1
    return made if count else None


def restarted(module: nn.Module, seed: int) -> nn.Module:
    """A copy with weights drawn anew, as each part draws its own; dead biases and odd scales are gone."""
    made = copy.deepcopy(module)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        for part in made.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
    return made


def hidden_activations(
    module: nn.Module, kinds: tuple[type[nn.Module], ...], new: type[nn.Module]
) -> nn.Module | None:
    """A copy with the activations of some kinds replaced, but for the one that it ends with."""
    place = last_place(module)
    end = place[0][place[1]] if place is not None else None
    ends = isinstance(end, kinds)
    made = replaced(module, kinds, lambda _: new())
    if made is not None and ends and end is not None:
        chain = last_place(made)
        assert chain is not None
        chain[0][chain[1]] = copy.deepcopy(end)
    return made


def chained(
    module: nn.Module, between: Callable[[nn.Module, nn.Module], Sequence[nn.Module]]
) -> nn.Module | None:
    """A copy of chains of layers, with more parts put between neighbours; None when nothing is put anywhere.

    Arguments:
        between: from two neighbours to what belongs between them.
    """
    made = copy.deepcopy(module)
    count = 0
    for chain in [part for part in made.modules() if type(part) is nn.Sequential]:
        parts = list(chain)
        longer: list[nn.Module] = parts[:1]
        for before, after in pairwise(parts):
            more = list(between(before, after))
            count += len(more)
            longer += [*more, after]
        while len(chain):
            del chain[-1]
        for part in longer:
            chain.append(part)
    return made if count else None


def with_activations(module: nn.Module) -> nn.Module | None:
    """ReLU between affine layers that follow each other."""

    def between(before: nn.Module, after: nn.Module) -> list[nn.Module]:
        return [nn.ReLU()] if isinstance(before, AFFINE) and isinstance(after, AFFINE) else []

    return chained(module, between)


def with_norms(module: nn.Module) -> nn.Module | None:
    """Layer normalisation between linear layers and the activations that follow them."""

    def between(before: nn.Module, after: nn.Module) -> list[nn.Module]:
        activation = isinstance(after, (*SQUASHING, *RECTIFYING, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU))
        return [nn.LayerNorm(before.out_features)] if isinstance(before, nn.Linear) and activation else []

    return chained(module, between)


def with_dropout(module: nn.Module, most: float) -> nn.Module | None:
    """A copy whose dropout is at most so much; None when none is more."""
    if not any(isinstance(part, DROPOUTS) and part.p > most for part in module.modules()):
        return None
    made = copy.deepcopy(module)
    for part in made.modules():
        if isinstance(part, DROPOUTS):
            part.p = min(part.p, most)
    return made


def unfrozen(module: nn.Module) -> nn.Module | None:
    """A copy all of whose parameters train; None when they do already."""
    if all(each.requires_grad for each in module.parameters()):
        return None
    made = copy.deepcopy(module)
    for each in made.parameters():
        each.requires_grad_(True)
    return made
