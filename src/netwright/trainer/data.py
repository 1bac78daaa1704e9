"""What a Trainer is given as data: arrays that lie on the device, or loaders that give batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from netwright.errors import InputError
from netwright.models import arrays
from netwright.nn.foreign import Style
from netwright.training.feed import Batch, Feed

Read = Callable[[Any], tuple[dict[str, Tensor], Any, Tensor | None]]


def inputs(
    x: Any, dtype: torch.dtype, where: str = "x", *, look: bool = True
) -> tuple[Style, dict[str, Tensor]]:
    """Inputs as tensors by name, and how the module takes them.

    Arguments:
        x: one array or tensor; or several as a tuple (module(*x)) or a dictionary (module(**x)).
        dtype: of floating ones. Whole numbers stay whole.
        look: whether NaN and infinite values are looked for.
    """
    if isinstance(x, dict):
        named = {str(name): _tensor(each, dtype, f"{where}[{name!r}]", look) for name, each in x.items()}
        if not named:
            raise InputError(f"{where} is empty", hint="there is no input in it")
        return "named", named
    several = isinstance(x, list) and x and all(isinstance(each, Tensor) and each.dim() for each in x)
    if isinstance(x, tuple) or several:
        found = {str(place): _tensor(each, dtype, f"{where}[{place}]", look) for place, each in enumerate(x)}
        if not found:
            raise InputError(f"{where} is empty", hint="there is no input in it")
        return "several", found
    return "one", {"x": _tensor(x, dtype, where, look)}


def _tensor(values: Any, dtype: torch.dtype, where: str, look: bool) -> Tensor:
    if isinstance(values, Tensor):
        found = values.detach()
        if found.dim() == 0:
            raise InputError(f"{where} is a single number", hint="give a tensor with a row for each example")
        if not len(found):
            raise InputError(f"{where} is empty", hint="there is no row in it")
    else:
        found = torch.from_numpy(np.array(arrays.array(values, where)))
    if found.is_floating_point():
        if look and not bool(torch.isfinite(found).all()):
            arrays.finite(found.double().cpu().numpy(), where)
        return found.to(dtype)
    return found


def item(batch: Any, *, target: bool = True) -> tuple[Any, Any, Any]:
    """x, y and weights of what a loader gave; without a target anything is taken for x."""
    if isinstance(batch, list | tuple) and len(batch) in (2, 3):
        return batch[0], batch[1], batch[2] if len(batch) == 3 else None
    if not target:
        only = isinstance(batch, list | tuple) and len(batch) == 1
        return batch[0] if only else batch, None, None
    shown = f"a {type(batch).__name__}" + (f" of {len(batch)}" if isinstance(batch, list | tuple) else "")
    raise InputError(
        f"the data set gives {shown}, where (x, y) is wanted",
        where="x",
        hint="let it give (x, y) or (x, y, weight); several inputs are a tuple or a dictionary in x's place",
    )


def loader(source: Any, batch_size: int, *, shuffle: bool) -> DataLoader[Any] | Iterable[Any] | None:
    """The loader that a source is or is to be read by; None for arrays and tensors."""
    if isinstance(source, DataLoader):
        return source
    if isinstance(source, IterableDataset):
        return DataLoader(source, batch_size)
    if isinstance(source, Dataset):
        if hasattr(source, "__len__") and not len(source):  # type: ignore[arg-type]
            raise InputError("the data set is empty", hint="there is no row in it")
        return DataLoader(source, batch_size, shuffle=shuffle)
    return None


def unpacked(source: Any) -> Any:
    """The tensors of a `TensorDataset`, which need no loader."""
    return source.tensors if isinstance(source, TensorDataset) else source


class LoaderFeed(Feed):
    """Batches of a loader, whatever it does to make them. Their sizes may differ.

    Arguments:
        loader: gives what `read` takes.
        read: from a batch to raw tensors, target and weight.
        group: batches that make one step together.

    Attributes:
        waited: seconds that the steps waited for batches.
        worked: seconds between one batch and asking for the next.
    """

    waited = worked = 0.0

    def __init__(self, loader: Any, read: Read, group: int = 1) -> None:
        self.loader, self.read, self.group = loader, read, group
        try:
            count = -(-len(loader) // group)
        except TypeError:
            count = None
        if count == 0:
            raise InputError("the loader has no batches", hint="it is empty, or drop_last leaves nothing")
        self.known = count is not None
        self.passes = count or 1
        self.steps = torch.tensor([self.passes])
        self.rows = self.passes
        sampler = getattr(loader, "sampler", None)
        own = [getattr(loader, "generator", None), getattr(sampler, "generator", None)]
        self.generators = list(dict.fromkeys(each for each in own if each is not None))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        began = time.perf_counter()
        count, batches = 0, iter(self.loader)
        while group := [self.read(each) for each in islice(batches, self.group)]:
            count += 1
            ready = time.perf_counter()
            self.waited += ready - began
            raw, target, weight = group[0] if len(group) == 1 else _together(group)
            weights = None if weight is None else weight[None]
            yield Batch({name: each[None] for name, each in raw.items()}, _lead(target), weights)
            began = time.perf_counter()
            self.worked += began - ready
        if not count:
            raise InputError("the loader gave no batch", hint="an iterator is used up after one epoch")
        self.passes, self.steps = count, torch.tensor([count])

    def pieces(self, size: int) -> Iterator[Batch]:
        yield from self.epoch(0)

    def done_in_epoch(self, inside: int | Tensor) -> Tensor:
        return torch.as_tensor(inside).expand(1) if isinstance(inside, int) else inside


def _together(
    group: list[tuple[dict[str, Tensor], Any, Tensor | None]],
) -> tuple[dict[str, Tensor], Any, Any]:
    """Several batches as one."""
    raws, targets, weights = zip(*group, strict=True)
    try:
        raw = {name: torch.cat([each[name] for each in raws]) for name in raws[0]}
        if isinstance(targets[0], dict):
            target: Any = {name: torch.cat([each[name] for each in targets]) for name in targets[0]}
        else:
            target = torch.cat(targets)
    except RuntimeError:
        shapes = ", ".join(str(tuple(next(iter(each.values())).shape)) for each in raws)
        raise InputError(
            f"batches of shapes {shapes} cannot be put together",
            where="accumulate",
            hint="pad them to one length, or leave accumulate at 1",
        ) from None
    return raw, target, None if weights[0] is None else torch.cat(weights)


def _lead(target: Any) -> Any:
    return {name: each[None] for name, each in target.items()} if isinstance(target, dict) else target[None]


def moved(value: Any, device: torch.device) -> Any:
    """Tensors, or dictionaries of them, on a device."""
    if isinstance(value, dict):
        return {name: moved(each, device) for name, each in value.items()}
    return value.to(device)
