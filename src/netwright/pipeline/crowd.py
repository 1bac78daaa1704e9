"""Many networks from one table, trained as few programs: folds, seeds and trials of every shape.

Plans whose networks have one shape train together as a population, cut into pieces that fit in memory. What
may differ inside a population are `MEMBER_SETTINGS`, seeds and rows; all else makes another shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.schema import Schema
from netwright.errors import InputError, NetwrightError
from netwright.nn.network import Network
from netwright.nn.objective import SETTINGS
from netwright.pipeline.encoded import encode_once
from netwright.pipeline.precision import Finer
from netwright.pipeline.start import starting
from netwright.pipeline.unfreeze import Unfreeze
from netwright.runs.network import build
from netwright.training.callbacks import Callback, State
from netwright.training.device import out_of_memory
from netwright.training.population import Diverged, Member, Population

MEMBER_SETTINGS = (
    "learning_rate",
    "weight_decay",
    "beta1",
    "beta2",
    "momentum",
    "l1",
    "label_smoothing",
    "clip_norm",
    "sampling",
    "logit_adjustment",
    "mixup",
    *SETTINGS,
    "seed",
)
"""settings of `training` that may differ inside a population; of `network` it is the dropout"""

UNSHAPED = ("members", "time_limit", "stop_step", "threads", "effort", "refit", "threshold")
"""settings of `training` that a member's training does not depend on"""

MEMORY = 1_000_000_000  # bytes that a piece's parameters and activations may take, roughly
COPIES = 8  # of a member's parameters: values, gradient, two moments, the best ones, views of layers, ...

LAYERS = 12  # activations of the largest layer's size that a backward pass of a deep encoder needs

Prune = Callable[[int, dict[int, float]], set[int]]


@dataclass(frozen=True)
class Plan:
    """One network to be trained.

    Arguments:
        config: resolved.
        train: numbers of its training rows. [n] int64
        validation: numbers of the rows that choose its best epoch; when empty, the last is kept. int64
        label: what messages call it, such as "fold 3".
    """

    config: Config
    train: np.ndarray
    validation: np.ndarray
    label: str = ""


@dataclass
class Trained:
    """What became of a plan.

    Arguments:
        plan: itself.
        values: parameters and fitted buffers by name, without a member axis.
        rows: the history's rows; "member" is the plan's place.
        score: best validation loss; the last training loss without validation rows; NaN when it diverged.
        best_epoch: whose weights these are.
        ending: "all epochs", "early stopping", "time limit", "interrupted", "diverged" or "pruned".
    """

    plan: Plan
    values: dict[str, Tensor]
    rows: list[dict[str, Any]]
    score: float
    best_epoch: int
    ending: str


def train_crowd(
    schema: Schema,
    data: Dataset,
    plans: Sequence[Plan],
    *,
    callbacks: Sequence[Callback] = (),
    deadline: float | None = None,
    prune: Prune | None = None,
    memory: int = MEMORY,
    told: Callable[[str], None] = lambda text: None,
) -> list[Trained]:
    """Trains plans in buckets of one shape, each cut into pieces that fit in memory.

    Arguments:
        schema: the columns and the target, the same for all plans.
        data: raw tensors of all rows on the device.
        plans: what to train.
        callbacks: watch each piece's training; the members' numbers in `State.rows` are the plans' places.
        deadline: when training must be over, by `time.monotonic`. Plans that were not begun are left out.
        prune: names the places that are given up after an epoch, from {place: best validation loss so far}
            of the plans that train beside each other.
        memory: bytes that a piece may take, roughly.
        told: is told what happened on the way, such as pieces made smaller.

    Returns:
        What became of the plans, in their order; fewer when time or the user cut the work off.
    """
    found: dict[int, Trained] = {}
    waiting = [piece for bucket in buckets(plans) for piece in _pieces(schema, plans, bucket, memory)]
    while waiting:
        places = waiting.pop(0)
        try:
            found |= _train(schema, data, plans, places, callbacks, deadline, prune)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error) or len(places) == 1:
                raise
            half = len(places) // 2
            told(f"{len(places)} networks at a time do not fit in memory; going on with {half}")
            waiting[:0] = [places[:half], places[half:]]
            continue
        last = found[places[-1]].ending
        if last in ("time limit", "interrupted"):
            break
    return [found[place] for place in sorted(found)]


def buckets(plans: Sequence[Plan]) -> list[list[int]]:
    """Places of plans whose networks have one shape and one schedule, in the order of the first of each."""
    found: dict[str, list[int]] = {}
    for place, plan in enumerate(plans):
        found.setdefault(_shape(plan.config), []).append(place)
    return list(found.values())


def _shape(config: Config) -> str:
    """What networks that train together have in common."""
    training = config.training.model_dump(mode="json", exclude={*MEMBER_SETTINGS, *UNSHAPED})
    network = config.network.model_dump(mode="json", exclude={"dropout"})
    return f"{training}{network}{config.inputs.model_dump_json()}"


def _pieces(schema: Schema, plans: Sequence[Plan], bucket: list[int], memory: int) -> list[list[int]]:
    """A bucket in pieces of nearly equal size that fit in memory."""
    most = max(1, memory // max(1, _bytes(schema, plans[bucket[0]].config)))
    count = math.ceil(len(bucket) / most)
    return [part.tolist() for part in np.array_split(bucket, count)]


def _bytes(schema: Schema, config: Config) -> int:
    """A rough guess at what a member takes: activations of a step, and its parameters' copies."""
    if schema.of_kind("image", "sound", "series"):
        built = build(schema, config.inputs, config.network)
        activations = LAYERS * int(config.training.batch_size) * built.encoders.floats
        return 4 * (COPIES * built.parameter_count + activations)
    network, number = config.network, config.inputs.number
    if network.layers is not None:
        built = build(schema, config.inputs, network)
        widest = max((max(place.declared.shape) for place in built.layout.places), default=1)
        rows = int(config.training.batch_size) * len(built.layout.places)
        return 4 * (COPIES * built.parameter_count + 6 * rows * widest)
    width, depth = int(network.width), int(network.depth) + 1
    rows = int(config.training.batch_size) * int(network.heads)
    features = 64 * (int(number.size) if number.embedding != "none" else 2)
    return 4 * (COPIES * (width * width * depth + features * width) + 6 * rows * (width * depth + features))


def _train(
    schema: Schema,
    data: Dataset,
    plans: Sequence[Plan],
    places: list[int],
    callbacks: Sequence[Callback],
    deadline: float | None,
    prune: Prune | None,
) -> dict[int, Trained]:
    """Trains one piece as one population."""
    config = plans[places[0]].config
    dropout = None
    if config.network.layers is None:  # layers by hand have their own
        dropout = [float(plans[place].config.network.dropout) for place in places]
    network = build(schema, config.inputs, config.network, len(places), dropout).to(data.target.device)
    members = [
        Member.of(
            plans[place].config.training,
            torch.from_numpy(plans[place].train),
            torch.from_numpy(plans[place].validation),
            plans[place].config.training.seed,
        )
        for place in places
    ]
    if config.training.start_from is None:  # an earlier network brings its own encoders
        data, members = encode_once(network, data, members)

    def among(epoch: int, losses: dict[int, float]) -> set[int]:
        assert prune is not None
        given = prune(epoch, {places[member]: loss for member, loss in losses.items()})
        return {member for member, place in enumerate(places) if place in given}

    population = Population(
        network,
        data,
        members,
        config.training,
        [*(_Renamed(callback, places) for callback in callbacks), Finer(), Unfreeze()],
        leave=True,
        prune=among if prune is not None else None,
        start=starting(config, schema),
    )
    with suppress(Diverged):  # all of them; what there is of each is told below
        population.fit(deadline)
    history = population.history
    history.best_epoch = history.best_epoch or population.state.best_epoch
    values = network.named_values()
    told: dict[int, list[dict[str, Any]]] = {member: [] for member in range(len(places))}
    for row in history.rows:
        told[row["member"]].append(row | {"member": places[row["member"]]})
    found = {}
    for member, place in enumerate(places):
        rows = told[member]
        score = _score(rows)
        found[place] = Trained(
            plans[place],
            {name: value[member].detach().clone() for name, value in values.items()},
            rows,
            score,
            history.best_epoch[member],
            _ending(population, member, rows, score),
        )
    return found


def _score(rows: list[dict[str, Any]]) -> float:
    """The best validation loss; without validation rows the last training loss."""
    if rows and "validation_loss" in rows[0]:
        losses = [row["validation_loss"] for row in rows if math.isfinite(row["validation_loss"])]
        return min(losses, default=math.nan)
    return rows[-1]["train_loss"] if rows and math.isfinite(rows[-1]["train_loss"]) else math.nan


def _ending(population: Population, member: int, rows: list[dict[str, Any]], score: float) -> str:
    if member in population.pruned:
        return "pruned"
    if math.isnan(score) or (rows and not math.isfinite(rows[-1]["train_loss"])):
        return "diverged"
    if population.history.stopped in ("time limit", "interrupted"):
        return population.history.stopped
    return "all epochs" if rows and rows[-1]["epoch"] == population.epochs else "early stopping"


class _Renamed(Callback):
    """Hands events on with the plans' places in the place of the members' numbers."""

    def __init__(self, callback: Callback, places: list[int]) -> None:
        self.callback, self.places = callback, places

    def on_start(self, state: State) -> None:
        self.callback.on_start(state)

    def on_epoch_start(self, state: State) -> None:
        self.callback.on_epoch_start(state)

    def step_hook(self) -> Callable[[State], None] | None:
        return self.callback.step_hook()

    def gradient_hook(self) -> Callable[[State], None] | None:
        return self.callback.gradient_hook()

    def on_epoch(self, state: State) -> None:
        rows = state.rows
        state.rows = [row | {"member": self.places[row["member"]]} for row in rows]
        self.callback.on_epoch(state)
        state.rows = rows

    def on_end(self, state: State) -> None:
        self.callback.on_end(state)


def assemble(schema: Schema, trained: Sequence[Trained]) -> Network:
    """Networks of one shape as one of M members, which are averaged when it predicts.

    Raises:
        InputError: there is none, or their shapes differ.
    """
    if not trained:
        raise InputError("there is no network to put together")
    if len(buckets([each.plan for each in trained])) > 1:
        raise InputError("networks of different shapes cannot be put together in one")
    config = trained[0].plan.config
    dropout = None
    if config.network.layers is None:
        dropout = [float(each.plan.config.network.dropout) for each in trained]
    network = build(schema, config.inputs, config.network, len(trained), dropout)
    network.load_values(
        {name: torch.stack([each.values[name] for each in trained]) for name in trained[0].values}
    )
    return network.to(next(iter(trained[0].values.values())).device)


def single(schema: Schema, trained: Trained) -> Network:
    """One trained network by itself."""
    return assemble(schema, [trained])


def failed(trained: Sequence[Trained]) -> NetwrightError | None:
    """The error to raise when every plan diverged; None when one did not."""
    if any(each.ending != "diverged" for each in trained) or not trained:
        return None
    rates = sorted({float(each.plan.config.training.learning_rate) for each in trained})
    return NetwrightError(
        f"all {len(trained)} trainings ran away to numbers that are not finite; "
        f"try lower rates (training.learning_rate is {rates[0]:g} to {rates[-1]:g})"
    )
