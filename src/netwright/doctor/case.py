"""Whom the doctor looks at: one network with its rows and settings, whoever made it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.aside import plainly_drawn
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.trace import Trace, trace
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.member import PREDICT, Mode
from netwright.nn.trainable import Purpose, Trainable
from netwright.training.feed import Feed, ResidentFeed, take
from netwright.training.population import Population
from netwright.training.rules import RULES

Task = Literal["classes", "yes_no", "labels", "numbers", "unknown"]
MOST_ROWS = 4000
RULE = ("epsilon", "rho", "beta1", "beta2")


@dataclass
class Rows:
    """Some rows of one part of the data.

    Arguments:
        raw: raw tensors. Each [n, ...]
        target: [n, ...], or several by name.
        weight: [n]
        numbers: which rows of the data they are; None where that is not known. [n]
    """

    raw: dict[str, Tensor]
    target: Any
    weight: Tensor
    numbers: Tensor | None = None

    def __len__(self) -> int:
        return len(self.weight)

    def at(self, index: Tensor | slice) -> Rows:
        """Some of them."""
        target = self.target
        chosen = {name: each[index] for name, each in target.items()} if isinstance(target, dict) else None
        return Rows(
            {name: each[index] for name, each in self.raw.items()},
            target[index] if chosen is None else chosen,
            self.weight[index],
            None if self.numbers is None else self.numbers[index],
        )

    def spread(self, most: int) -> Rows:
        """At most so many of them, evenly spaced. Draws no random numbers."""
        return self if len(self) <= most else self.at(evenly(len(self), most))

    def led(self) -> tuple[dict[str, Tensor], Any]:
        """Raw tensors and target with a member axis of one. Each [1, n, ...]"""
        target = self.target
        if isinstance(target, dict):
            return {name: each[None] for name, each in self.raw.items()}, {
                name: each[None] for name, each in target.items()
            }
        return {name: each[None] for name, each in self.raw.items()}, target[None]


@dataclass(frozen=True)
class Plan:
    """How the network is trained.

    Arguments:
        optimizer: its name in small letters, such as "adam", "sgd"; "unknown" for one of the user's own.
        learning_rate: at the start.
        weight_decay, clip_norm: None where there is none, or where it is not known.
        momentum: of the optimisers that have one.
        rule: what else the optimiser's formula is told, by names of `training.rules.Settings`.
        derived: whether the optimiser is of the user's own class, made from that of the name.
        rates: each parameter's factor on the learning rate, where groups of parameters have their own and
            those that the optimiser does not hold have 0; None where all have 1. [P]
        l1: penalty on the absolute weights.
        shuffled: whether the order of rows is drawn anew in each epoch; None where that is not known.
        batch_size: rows of a step.
        epochs: planned.
        seed: of the member.
    """

    optimizer: str
    learning_rate: float
    weight_decay: float | None
    clip_norm: float | None
    batch_size: int
    epochs: int
    seed: int = 0
    momentum: float = 0.0
    l1: float = 0.0
    shuffled: bool | None = None
    rule: dict[str, Any] = field(default_factory=dict)
    derived: bool = False
    rates: Tensor | None = None

    @property
    def repeatable(self) -> bool:
        """Whether copies can be trained by the optimiser too: it is one of `training.rules`."""
        return self.optimizer in RULES

    @property
    def usual_rate(self) -> float:
        """The rate that the optimiser usually has: .05 for SGD, .01 with momentum, .001 for all else."""
        if self.optimizer == "sgd":
            return 0.01 if self.momentum else 0.05
        return 0.001


@dataclass
class Case:
    """One member of what is trained.

    Arguments:
        network: of this member alone (M = 1); a copy, which checks may look at but not change. `twin` gives
            one that may be trained.
        train, validation, test: up to 4000 rows of each, evenly spaced; None where there are none, or they
            come from a loader.
        counts: of all rows by part.
        purpose: what the network is trained for.
        plan: how.
        features: inputs of rows as numbers, for simple models. [n, F] float64, NaN where missing
        names: of the features, when they have names.
        task: see `task_of`.
        classes: how many, for tasks of classes.
        member: its number.
        notes: what others have found out already, by name: findings of the data (`findings`), baselines.
        facts: what was found out of the rows alone; the same before and after a training, see `fact`.
    """

    network: Trainable
    train: Rows | None
    validation: Rows | None
    test: Rows | None
    counts: dict[str, int]
    purpose: Purpose
    plan: Plan
    features: Callable[[Rows], np.ndarray]
    names: list[str] | None = None
    task: Task = "unknown"
    classes: int | None = None
    member: int = 0
    notes: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def fact(self, name: str, find: Callable[[], Any]) -> Any:
        """What `find` gives, found once for the same rows. It must not depend on the network."""
        if name not in self.facts:
            self.facts[name] = find()
        return self.facts[name]

    def twin(self) -> Trainable:
        """A copy of the network that may be changed."""
        return self.network.select([0])

    @torch.no_grad()
    def output(self, rows: Rows, network: Trainable | None = None, mode: Mode = PREDICT) -> Any:
        """What the network gives for some rows, all at once, with a member axis of one."""
        return (network or self.network)(rows.led()[0], mode)

    def loss(self, rows: Rows, network: Trainable | None = None, mode: Mode = PREDICT) -> float:
        """The mean training loss of some rows in evaluation mode, or as the mode says."""
        used = network or self.network
        with torch.no_grad():
            raw, target = rows.led()
            return float(used.losses(used(raw, mode), target)[0])

    def answers(self, rows: Rows, network: Trainable | None = None) -> np.ndarray:
        """Probabilities or numbers. [n, C]

        Raises:
            TypeError: there are several outputs.
        """
        used = network or self.network
        parts = []
        with torch.no_grad():
            for start in range(0, len(rows), 1024):
                part = rows.at(slice(start, start + 1024))
                found = used.answers(self.output(part, used))[0]
                parts.append(found.reshape(len(part), -1).double().cpu())
        return torch.cat(parts).numpy()

    def wanted(self, rows: Rows) -> np.ndarray:
        """Targets as numbers: class codes [n] int64 for classes and yes or no, else values [n, T] float64."""
        target = rows.target.detach().cpu()
        flat = target.reshape(len(rows), -1)
        if self.task == "classes":
            codes = flat.argmax(1) if flat.shape[1] > 1 else flat[:, 0]
            return codes.numpy().astype(np.int64)
        if self.task == "yes_no":
            return (flat[:, -1].numpy() > 0.5).astype(np.int64)
        return flat.double().numpy()

    def marks(self, answers: np.ndarray, rows: Rows) -> np.ndarray:
        """How good each answer is: 1 right and 0 wrong for classes; for numbers 1 - squared error / variance
        of the training rows, so that the mean is R²; nearly constant ones of several are left out. [n]

        Raises:
            CannotTellError: the task is not known, or there are other answers than targets, such as a mean
                and a variance for one number.
        """
        if self.task == "unknown":
            raise CannotTellError("what the targets are is not known")
        wanted = self.wanted(rows)
        if self.task in ("classes", "yes_no"):
            if answers.shape[1] > 1:
                return (answers.argmax(1) == wanted).astype(np.float64)
            middle = 0.5 if self.purpose.takes != "unknown" or _within_one(answers) else 0.0
            return ((answers[:, 0] > middle) == (wanted > 0)).astype(np.float64)
        if answers.shape != wanted.shape:
            given, asked = answers.shape[1], wanted.shape[1]
            raise CannotTellError(f"the network answers {given} numbers a row, and the targets have {asked}")
        if self.task == "labels":
            return ((answers > 0.5) == (wanted > 0.5)).mean(1)
        assert self.train is not None
        spread = np.var(self.wanted(self.train), axis=0)
        keep = spread >= 1e-6 * spread.max()
        return 1.0 - (np.square(answers - wanted)[:, keep] / (spread[keep] + 1e-12)).mean(1)

    def trace(self, rows: Rows, *, training: bool = False) -> Trace:
        """The operations of a forward pass on some rows."""
        network = self.network
        if isinstance(network, ForeignNetwork):
            module = network.owned[0]
            return trace(lambda: network.call(0, rows.raw, training=training), module)
        mode = Mode(training=True, generators=[torch.Generator(network.flat.device)]) if training else PREDICT
        return trace(lambda: network(rows.led()[0], mode), network)


def _within_one(answers: np.ndarray) -> bool:
    return bool((answers >= 0).all() and (answers <= 1).all())


def evenly(total: int, most: int) -> Tensor:
    """Numbers of `most` of `total` rows. [most] int64"""
    return torch.linspace(0, total - 1, most).round().long()


def seeded(seed: int) -> None:
    """Sets what PyTorch draws next; not on a GPU that is not in use yet, whose first seed is the user's."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


@contextmanager
def untouched() -> Iterator[None]:
    """Nothing that is drawn inside changes what is drawn outside, be it of PyTorch, NumPy or Python: a module
    may draw from any of them in forward."""
    devices = [*range(torch.cuda.device_count())] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices), plainly_drawn():
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        yield


def rows_of(feed: Feed, member: int, most: int = MOST_ROWS) -> Rows | None:
    """Some rows of a member, evenly spaced; None for loaders."""
    if not isinstance(feed, ResidentFeed) or not feed.rows:
        return None
    numbers = feed.batches.member_rows[member].to(feed.batches.device)
    if feed.weight is not None:
        numbers = numbers[feed.weight[numbers] > 0]
    if not len(numbers):
        return None
    if len(numbers) > most:
        numbers = numbers[evenly(len(numbers), most).to(numbers.device)]
    index = numbers[None]
    raw = {name: take(each, index)[0] for name, each in feed.data.raw.items()}
    target = take(feed.data.target, index)
    target = {name: each[0] for name, each in target.items()} if isinstance(target, dict) else target[0]
    weight = torch.ones(len(numbers)) if feed.weight is None else feed.weight[numbers]
    return Rows(raw, target, weight, numbers)


def flat_features(rows: Rows) -> np.ndarray:
    """All raw numbers of each row, one after another. [n, F] float64"""
    parts = [each.reshape(len(rows), -1).double().cpu() for each in rows.raw.values()]
    return torch.cat(parts, 1).numpy()


def task_of(target: Any, columns: int) -> tuple[Task, int | None]:
    """What kind of question the targets ask, and the number of classes.

    Arguments:
        target: [n, ...]; several by name are unknown.
        columns: numbers that the network answers for a row.

    Example:
        >>> task_of(torch.tensor([0, 2, 1]), 3)
        ('classes', 3)
        >>> task_of(torch.tensor([[0.5], [1.5]]), 1)
        ('numbers', None)
    """
    if not isinstance(target, Tensor) or not len(target):
        return "unknown", None
    flat = target.reshape(len(target), -1)
    if not flat.is_floating_point():
        if flat.shape[1] > 1:
            return "unknown", None  # a class for each place, as of time steps
        return ("classes", columns) if columns > 1 else ("yes_no", 2)
    bits = bool(((flat == 0) | (flat == 1)).all())
    if not bits:
        return "numbers", None
    if flat.shape[1] == 1:
        return ("yes_no", 2) if columns <= 2 else ("unknown", None)
    return ("classes", flat.shape[1]) if bool((flat.sum(1) == 1).all()) else ("labels", flat.shape[1])


def case_of(
    population: Population,
    place: int = 0,
    *,
    test: Rows | None = None,
    features: Callable[[Rows], np.ndarray] = flat_features,
    names: list[str] | None = None,
    notes: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
) -> Case:
    """The case of one member, with a copy of its network as it is now.

    Arguments:
        population: what trains; its preparation is fitted.
        place: of the member in it.
        test: rows that serve checks which only report.
        features, names, notes, facts: as of `Case`.
    """
    network = population.network.select([place])
    train, validation = rows_of(population.feed, place), rows_of(population.validation, place)
    plan = _plan(population, place)
    counts = {
        "train": len(population.feed.batches.member_rows[place])
        if isinstance(population.feed, ResidentFeed)
        else 0,
        "validation": len(population.validation.batches.member_rows[place])
        if isinstance(population.validation, ResidentFeed) and population.validation.rows
        else 0,
        "test": 0 if test is None else len(test),
    }
    case = Case(
        network,
        train,
        validation,
        test,
        counts,
        network.purpose(),
        plan,
        features,
        names,
        member=population.numbers[place],
        notes=notes or {},
        facts={} if facts is None else facts,
    )
    if train is not None:
        try:
            with untouched():
                columns = case.answers(train.at(slice(0, 2))).shape[1]
        except TypeError:  # several outputs
            return case
        case.task, case.classes = task_of(train.target, columns)
        if case.task == "classes" and case.purpose.takes == "unknown" and _are_places(case, train, columns):
            case.task, case.classes = "unknown", None
    return case


def _are_places(case: Case, train: Rows, columns: int) -> bool:
    """Whether there are fewer outputs than classes, or twice as many: no answers for classes but places of
    rows, as a loss of distances between them wants."""
    classes = int(case.wanted(train).max()) + 1
    return columns < classes or columns >= 2 * classes


def _plan(population: Population, place: int) -> Plan:
    member, config = population.members[place], population.config
    own = population.optimizer
    given = getattr(own, "settings", None)
    rule = {key: each for key in RULE if isinstance(each := getattr(given, key, None), float)}
    derived, rates = False, None
    name, decay, momentum = config.optimizer, member.weight_decay, member.momentum
    told = getattr(population.state.model, "optimizer", None)
    held = getattr(own, "optimizer", None)
    if isinstance(held, torch.optim.Optimizer):  # one of PyTorch's, or made from one
        settings = held.param_groups[0]
        names = [each.__name__.lower() for each in type(held).__mro__]
        name = next((each for each in names if each in RULES), names[0])
        decay, momentum = settings.get("weight_decay"), settings.get("momentum", 0.0)
        rule, derived = _rule_of_torch(settings), names[0] not in RULES
        rates = _rates_of_groups(population, place, held)
    elif told is not None:  # of a Trainer or a model by hand
        name = told if isinstance(told, str) else type(told).__name__.lower()
        decay, momentum = getattr(told, "weight_decay", None), getattr(told, "momentum", 0.0)
    elif own is None:
        name = "unknown"
    size = population.feed.batches.size if isinstance(population.feed, ResidentFeed) else 0
    clip = member.clip_norm if population.given_clip is None else population.given_clip.norm
    clip = float(clip) if isinstance(clip, int | float) and np.isfinite(clip) else None
    rate = population.rate_now()
    return Plan(
        name,
        rate,
        decay,
        clip,
        size,
        population.epochs,
        member.seed,
        float(momentum or 0.0),
        member.l1,
        _shuffled(population.feed),
        rule,
        derived,
        rates,
    )


def _rates_of_groups(population: Population, place: int, held: torch.optim.Optimizer) -> Tensor | None:
    """Learning rates as shares of that of the first group; see `Plan.rates`. [P] or None"""
    network = population.network
    if not isinstance(network, ForeignNetwork) or network.members > 1:
        return None
    first = held.param_groups[0].get("lr")
    if not isinstance(first, int | float) or not first > 0:
        return None
    share = {id(each): group["lr"] / first for group in held.param_groups for each in group["params"]}
    own = [
        torch.full((each.numel(),), float(share.get(id(each), 0.0))) for each in network.parameters_of[place]
    ]
    rates = torch.cat(own)
    return None if bool((rates == 1).all()) or not bool(rates.any()) else rates


def _rule_of_torch(settings: dict[str, Any]) -> dict[str, float]:
    """What one of PyTorch's optimisers is told, by our names."""
    names = {"epsilon": "eps", "rho": "alpha" if "alpha" in settings else "rho"}
    known = {ours: settings[theirs] for ours, theirs in names.items() if theirs in settings}
    if "betas" in settings:
        known["beta1"], known["beta2"] = settings["betas"][:2]
    return {name: float(each) for name, each in known.items() if isinstance(each, int | float)}


def _shuffled(feed: Feed) -> bool | None:
    if isinstance(feed, ResidentFeed):
        return feed.given[3]
    sampler = getattr(getattr(feed, "loader", None), "sampler", None)
    known = {"SequentialSampler": False, "RandomSampler": True}
    return known.get(type(sampler).__name__)
