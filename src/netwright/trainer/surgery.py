"""Changes of a module of PyTorch: other activations, norms, heads, starts. All give a new module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

SQUASHING = (nn.Sigmoid, nn.Tanh, nn.Hardsigmoid, nn.Hardtanh, nn.Softsign)
RECTIFYING = (nn.ReLU, nn.ReLU6, nn.Threshold)
BOUNDED = (*SQUASHING, *RECTIFYING, nn.Softmax, nn.LogSoftmax, nn.Softplus)
ACTIVATIONS = (*SQUASHING, *RECTIFYING, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU)
AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
NORMS = (*BATCH_NORMS, nn.LayerNorm, nn.GroupNorm)
STRAIGHT = (*NORMS, *DROPOUTS, nn.Identity, nn.Flatten, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
"""parts that bend nothing"""


class _Scaled(nn.Module):
    """A module with a mean and a deviation that are kept with it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, module: nn.Module, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)


class Standardised(_Scaled):
    """A module whose input is standardised first; what is not finite becomes the mean.

    Arguments:
        mean, deviation: of the features, or one number for all. [features] or []
    """

    def forward(self, x: Tensor) -> Tensor:
        return self.module(torch.where(torch.isfinite(x), (x - self.mean) / self.deviation, 0.0))


def scale_of(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the features of rows [n, F], or of all numbers of pictures and series [n, ...].

    What is not finite is left out; what never varies has a deviation of 1.
    """
    known = torch.where(torch.isfinite(values), values, torch.nan).double()
    axis = (0,) if values.dim() <= 2 else tuple(range(values.dim()))
    mean = known.nanmean(axis)
    deviation = (known - mean).square().nanmean(axis).sqrt()
    varies = deviation > 1e-9 * mean.abs().clamp(min=1e-3)
    return mean.nan_to_num().float(), torch.where(varies, deviation, 1.0).float()


def blanked(values: Tensor, marks: Tensor) -> Tensor:
    """NaN in the place of numbers that stand for missing ones.

    Example:
        >>> blanked(torch.tensor([1.0, -999.0]), torch.tensor([-999.0]))
        tensor([1., nan])
    """
    return values.masked_fill(torch.isin(values, marks), torch.nan)


class Blanked(nn.Module):
    """A module that is given NaN in the place of numbers that stand for missing ones. `marks`: [marks]"""

    marks: Tensor

    def __init__(self, module: nn.Module, marks: Tensor) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("marks", marks)

    def forward(self, x: Tensor) -> Tensor:
        return self.module(blanked(x, self.marks))


class Rescaled(_Scaled):
    """A module whose output is brought to the scale of the targets: output * deviation + mean. [outputs]"""

    def forward(self, *x: Tensor) -> Tensor:
        return self.module(*x) * self.deviation + self.mean


class Without(nn.Module):
    """A module that does not see some features: they are 0 for it. `kept` is 1 or 0. [features, ...]"""

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
        count += 1
        if number == 0:
            chain[number] = nn.Identity()
            break
        del chain[number]
    return made if count else None


def restarted(module: nn.Module, seed: int) -> nn.Module:
    """A copy with weights drawn anew, as each part draws its own; dead biases and odd scales are gone.

    Parts that are frozen stay as they are: what they have learnt elsewhere cannot be drawn.
    """
    made = copy.deepcopy(module)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        for part in made.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset) and all(each.requires_grad for each in part.parameters(recurse=False)):
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
    """ReLU after affine layers, and the normalisation that follows them, where the next affine layer comes
    without any function between. None where nothing is put anywhere, or the module is no chain."""
    made = copy.deepcopy(module)
    parts = [(chain, chain[number]) for chain, number in places(made) or []]
    affine = [place for place, (_, part) in enumerate(parts) if isinstance(part, AFFINE)]
    count = 0
    for here, there in pairwise(affine):
        between = [part for _, part in parts[here + 1 : there]]
        if not all(isinstance(part, STRAIGHT) for part in between):
            continue
        normed = bool(between) and isinstance(between[0], NORMS)
        chain, part = parts[here + normed]
        number = next(place for place, each in enumerate(chain) if each is part)
        chain.insert(number + 1, nn.ReLU())
        count += 1
    return made if count else None


def with_norms(module: nn.Module) -> nn.Module | None:
    """Layer normalisation between linear layers and the activations that follow them."""

    def between(before: nn.Module, after: nn.Module) -> list[nn.Module]:
        if isinstance(before, nn.Linear) and isinstance(after, ACTIVATIONS):
            return [nn.LayerNorm(before.out_features)]
        return []

    return chained(module, between)


def with_dropout(module: nn.Module, most: float) -> nn.Module | None:
    """A copy whose dropout is at most so much, and none before the first layer of weights; None when there is
    no more already."""
    made = copy.deepcopy(module)
    changed, limit = False, 0.0
    for part in made.modules():
        if isinstance(part, DROPOUTS) and part.p > limit:
            part.p, changed = limit, True
        if list(part.parameters(recurse=False)):
            limit = most
    return made if changed else None


def add_dropout(module: nn.Module, share: float) -> nn.Module | None:
    """Dropout after the activations of linear layers; None where there is dropout already."""
    if any(isinstance(part, DROPOUTS) and part.p > 0 for part in module.modules()):
        return None

    def between(before: nn.Module, after: nn.Module) -> list[nn.Module]:
        return [nn.Dropout(share)] if isinstance(before, ACTIVATIONS) and isinstance(after, nn.Linear) else []

    return chained(module, between)


def unfrozen(module: nn.Module) -> nn.Module | None:
    """A copy all of whose parameters train; None when they do already."""
    if all(each.requires_grad for each in module.parameters()):
        return None
    made = copy.deepcopy(module)
    for each in made.parameters():
        each.requires_grad_(True)
    return made


def plain_parts(module: nn.Module, x: Tensor) -> list[str]:
    """Names of parts that are none of PyTorch's, have no parameters or parts, and keep their input's shape.

    Arguments:
        module: computes on x alone, and is left as it was.
        x: some rows of inputs. [n, ...]
    """
    found: list[str] = []
    names = {part: name for name, part in module.named_modules() if name}
    suspects = [
        part
        for part in names
        if not type(part).__module__.startswith("torch.")
        and not list(part.children())
        and not list(part.parameters())
    ]

    def look(part: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        if len(given) == 1 and given[0].shape == output.shape:
            found.append(names[part])

    hooks = [part.register_forward_hook(look) for part in suspects]
    was = [(part, part.training) for part in module.modules()]
    try:
        with torch.no_grad(), torch.random.fork_rng([]):
            module.eval()(x)
    finally:
        for hook in hooks:
            hook.remove()
        for part, training in was:
            part.training = training
    return found


def places(module: nn.Module) -> list[tuple[nn.Sequential, int]] | None:
    """Chain and place of each part of a module that is a chain, maybe of chains; None of others."""
    if not isinstance(module, nn.Sequential):
        return None
    found: list[tuple[nn.Sequential, int]] = []
    for number, part in enumerate(module):
        inner = places(part)
        found += [(module, number)] if inner is None else inner
    return found


def wider(module: nn.Module, factor: int, least: int, seed: int) -> nn.Module | None:
    """A copy with more units or channels in each hidden layer, and weights drawn anew.

    Arguments:
        module: a chain of affine layers, normalisation and parts without parameters; None for others, for
            frozen ones, and where there is no hidden layer.
        factor: how many times as many.
        least: units that a hidden layer gets.
        seed: of the weights.
    """
    made = copy.deepcopy(module)
    found = places(made) or []
    affine = [place for place in found if isinstance(place[0][place[1]], AFFINE)]
    if len(affine) < 2 or not all(each.requires_grad for each in made.parameters()):
        return None
    was = now = 1  # units that come in, before and after
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        for chain, number in found:
            part: Any = chain[number]
            if isinstance(part, AFFINE):
                inputs = sizes_of(part)[0] * now // was
                was = sizes_of(part)[1]
                now = was if (chain, number) == affine[-1] else max(least, factor * was)
                chain[number] = _resized(part, inputs, now)
            elif isinstance(part, BATCH_NORMS):
                chain[number] = type(part)(part.num_features * now // was, part.eps, part.momentum)
            elif isinstance(part, nn.LayerNorm) and len(part.normalized_shape) == 1:
                chain[number] = nn.LayerNorm(part.normalized_shape[0] * now // was, part.eps)
            elif any(True for _ in part.parameters()):
                return None
    return made


def sizes_of(layer: Any) -> tuple[int, int]:
    """Inputs and outputs of an affine layer."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    return layer.in_channels, layer.out_channels


def _resized(layer: Any, inputs: int, outputs: int) -> nn.Module:
    """An affine layer of the same kind with other sizes, and weights drawn anew."""
    bias = layer.bias is not None
    if isinstance(layer, nn.Linear):
        return nn.Linear(inputs, outputs, bias)
    shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, 1, bias, layer.padding_mode)
    return type(layer)(inputs, outputs, *shape)


def with_outputs(module: nn.Module, outputs: int, seed: int) -> nn.Module | None:
    """A copy that ends with a linear layer of so many outputs, drawn anew, and without activations after it;
    None where it does not end with a linear layer."""
    made = without_end(module) or copy.deepcopy(module)
    place = last_place(made)
    if place is None or not isinstance(last := place[0][place[1]], nn.Linear):
        return None
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        place[0][place[1]] = nn.Linear(last.in_features, outputs, last.bias is not None)
    return made
