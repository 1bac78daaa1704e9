"""Checkpoints: all that the rest of a training depends on, in one file, written whole or not at all."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from netwright.errors import InputError
from netwright.files import write_bytes
from netwright.training.callbacks import Callback, State

FILE = "checkpoint.safetensors"
VERSION = 1
STATE = ("epoch", "step", "seconds", "rate", "rate_factor", "stop", "reason", "past")
SHARE = 0.01  # of a training's time that writing may take, where not each epoch is saved


class Checkpoint(Callback):
    """Saves after epochs that were not cut off, and takes up an earlier training at the start.

    Must be the last of the callbacks: what the others remember is saved and put back too.

    Arguments:
        folder: where the file lies.
        resume: whether the training goes on from the file; from the beginning where there is none.
        extra: saved with the rest; `read` gives it back.
        every: seconds between two savings at least; each epoch is saved when 0. Large networks are saved more
            rarely, so that it takes no more than a hundredth of the time.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        resume: bool = False,
        extra: dict[str, Any] | None = None,
        every: float = 0.0,
    ) -> None:
        self.folder, self.resume, self.extra, self.every = Path(folder), resume, extra or {}, every

    def on_start(self, state: State) -> None:
        if self.resume and (self.folder / FILE).exists():
            restore(state, read(self.folder), str(self.folder))
        self.due = time.monotonic() + self.every

    def on_epoch(self, state: State) -> None:
        began = time.monotonic()
        if state.cut is not None or began < self.due:
            return
        self.save(state)
        if self.every:
            now = time.monotonic()
            self.due = now + max(self.every, (now - began) / SHARE)

    def save(self, state: State) -> None:
        """Writes the file."""
        write(self.folder, captured(state) | {"extra": self.extra})


def captured(state: State) -> dict[str, Any]:
    """All that a training's next epoch depends on."""
    population = state.population
    parts = {"average": population.average, "clip": getattr(population.clip, "percentile", None)}
    return {
        "parameters": [
            [place.name, list(place.declared.shape)] for place in population.network.layout.places
        ],
        "flat": population.network.flat.detach(),
        "live": population.network.live(),
        "optimizer": population.optimizer.state_dict(),
        "parts": {name: part.state_dict() for name, part in parts.items() if part is not None},
        "state": {name: getattr(state, name) for name in STATE},
        "population past": population.past,
        "rows": population.history.rows,
        "best": _best(state),
        "callbacks": [
            [type(callback).__name__, callback.remembered()]
            for callback in population.callbacks
            if callback.remembers
        ],
        "random": _random_states(population.feed.generators),
    }


def restore(state: State, saved: dict[str, Any], where: str) -> None:
    """Puts a training where `captured` found it. Raises InputError for another network or optimiser."""
    population = state.population
    network = population.network
    own = [[place.name, list(place.declared.shape)] for place in network.layout.places]
    if own != saved["parameters"]:
        other = next(
            (ours for ours, theirs in zip(own, saved["parameters"], strict=False) if ours != theirs), own[-1]
        )
        raise InputError(
            f"the checkpoint is of another network: its parameters differ, such as {other[0]}", where=where
        )
    best = saved.get("best")
    if best is not None and best["numbers"] != population.numbers:  # members had left
        population.narrow(best["numbers"])
        network = population.network
    callbacks = [callback for callback in population.callbacks if callback.remembers]
    if [type(each).__name__ for each in callbacks] != [name for name, _ in saved["callbacks"]]:
        told = ", ".join(name for name, _ in saved["callbacks"])
        raise InputError("the checkpoint was made with other callbacks", where=where, hint=f"it has {told}")
    with torch.no_grad():
        network.flat.detach().copy_(saved["flat"])
        for live, kept in zip(network.live(), saved["live"], strict=True):
            live.copy_(kept)
    device = network.flat.device
    try:
        population.optimizer.load_state_dict(_moved(saved["optimizer"], device))
    except (KeyError, RuntimeError, ValueError) as error:
        raise InputError("the checkpoint was made with another optimizer", where=where) from error
    parts = {"average": population.average, "clip": getattr(population.clip, "percentile", None)}
    for name, values in saved["parts"].items():
        if parts[name] is not None:
            parts[name].load_state_dict(_moved(values, device))
    for name, value in saved["state"].items():
        setattr(state, name, value)
    population.past = saved["population past"]
    population.history.rows = saved["rows"]
    if best is not None:
        _restore_best(state, best)
    for callback, (_, values) in zip(callbacks, saved["callbacks"], strict=True):
        callback.remember(_moved(values, device))
    _set_random_states(saved["random"], population.feed.generators)


def _best(state: State) -> dict[str, Any] | None:
    """What members were like at their best, and those that have left; None where nobody asks for it."""
    population = state.population
    if population.best is None:
        return None
    whole = population.whole
    return {
        "numbers": population.numbers,
        "best_epoch": state.best_epoch,
        "whole": [] if whole is population.network else [whole.flat.detach(), *whole.live()],
        **population.best.state_dict(),
    }


def _restore_best(state: State, best: dict[str, Any]) -> None:
    population = state.population
    state.best_epoch = best["best_epoch"]
    state.rows = population.history.rows[-len(population.numbers) :]
    population.best.load_state_dict(best)
    if best["whole"]:
        whole = population.whole
        state.steps = state.step + (population.epochs - state.epoch) * population.feed.passes
        with torch.no_grad():
            for live, kept in zip([whole.flat.detach(), *whole.live()], best["whole"], strict=True):
                live.copy_(kept)


def write(folder: Path, content: dict[str, Any]) -> None:
    """Writes tensors, numbers and strings, in any nesting of lists and dictionaries."""
    tensors: dict[str, Tensor] = {}
    packed = _pack(content, tensors)
    write_bytes(folder / FILE, save(tensors, {"version": str(VERSION), "content": json.dumps(packed)}))


def read(folder: str | Path) -> dict[str, Any]:
    """What `write` wrote; tensors on the CPU.

    Raises:
        InputError: there is no such file, it is damaged, or of a newer version.
    """
    return _read(Path(folder) / FILE, whole=True)


def extra_of(folder: str | Path) -> dict[str, Any]:
    """What was saved as `extra`, which holds no tensors, without the rest. Raises as `read`."""
    return _read(Path(folder) / FILE, whole=False)


def _read(path: Path, *, whole: bool) -> dict[str, Any]:
    """All that a file holds, or what is extra in it."""
    if not path.exists():
        raise InputError("there is no checkpoint", where=str(path))
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            version = int(about.get("version", 0))
            if version > VERSION:
                raise InputError(
                    "the checkpoint was made by a newer version",
                    where=str(path),
                    hint="pip install -U netwright",
                )
            content = json.loads(about["content"])
            if not whole:
                return _unpack(dict(content["items"])["extra"], {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _unpack(content, tensors)
    except (SafetensorError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("the checkpoint is damaged", where=str(path)) from error


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[key, _pack(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(each, tensors) for each in value]
    return value


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(each, tensors) for each in value]
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _unpack(each, tensors) for key, each in value["items"]}
    return value


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(each, device) for key, each in value.items()}
    return [_moved(each, device) for each in value] if isinstance(value, list) else value


def _random_states(generators: Sequence[torch.Generator]) -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "generators": [each.get_state() for each in generators],
    }


def _set_random_states(states: dict[str, Any], generators: Sequence[torch.Generator]) -> None:
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
    version, keys, gauss = states["python"]
    random.setstate((version, tuple(keys), gauss))
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    for each, state in zip(generators, states["generators"], strict=True):
        each.set_state(state)
