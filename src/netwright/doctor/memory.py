"""What a `Monitor` has seen, as a checkpoint keeps it: a training that was broken off is examined whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from netwright.doctor.aside import array
from netwright.doctor.looks import Looked, Sample
from netwright.doctor.probes import Probe, Seen
from netwright.doctor.record import FirstBad

if TYPE_CHECKING:
    from netwright.doctor.monitor import Monitor


def memory_of(monitor: Monitor) -> dict[str, Any]:
    """All that was seen so far, at the end of an epoch."""
    looks, probes = monitor.looks, monitor.probes
    looks.gather()
    return {
        "first": monitor.first,
        "looked": [_packed(each) for each in looks.looked],
        "samples": [_packed(each) for each in looks.samples],
        "bad": [[member, each.step, each.where, each.cause] for member, each in looks.bad.items()],
        "next": [looks.next_look, looks.next_sample],
        "probes": [_packed(each) for each in probes.found],
    }


def recall(monitor: Monitor, memory: dict[str, Any]) -> None:
    """Gives a monitor that has begun what `memory_of` took down."""
    looks, probes = monitor.looks, monitor.probes
    monitor.first = memory["first"]
    looks.looked = [Looked(numbers, *map(_plain, rest)) for numbers, *rest in memory["looked"]]
    looks.samples = [
        Sample(numbers, epoch, inside, [array(each) for each in parts])
        for numbers, epoch, inside, parts in memory["samples"]
    ]
    looks.bad = {member: FirstBad(*rest) for member, *rest in memory["bad"]}
    looks.next_look, looks.next_sample = memory["next"]
    probes.found = [
        Probe(epoch, numbers, _plain(losses), [[Seen(*each) for each in member] for member in units])
        for epoch, numbers, losses, units in memory["probes"]
    ]


def _packed(value: Any) -> Any:
    """The same with lists for tuples and tensors for arrays."""
    if isinstance(value, list | tuple):
        return [_packed(each) for each in value]
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def _plain(value: torch.Tensor) -> np.ndarray:
    return value.cpu().numpy()
