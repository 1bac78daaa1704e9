"""What a short training from the first weights reaches at other learning rates: the proof of a wrong one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.record import Record
from netwright.doctor.steps import Steps, few_threads
from netwright.nn import layers
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.trainable import Trainable

FACTORS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4)
FEWER = (1e-4, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e4)
SCANS = ((FACTORS, 40), (FEWER, 40), (FEWER, 20))
"""factors of the learning rate, and steps at each of them; the first that there is time for"""
LONGER = 4  # times as many steps for the best factor, and for the network without regularisation
LEAST_ROWS, MOST_ROWS = 16, 64
JUDGED = 512
SECONDS = 4.0  # only networks in trouble are looked at in this way
BETTER = 0.8  # of a loss; above it, it is about the same


@dataclass(frozen=True)
class Replay:
    """Losses on the same training rows in evaluation mode. Infinite where they are not finite.

    Arguments:
        now: of the network as it is.
        first: of the first weights.
        steps: of each of the short trainings, without weight decay and schedule.
        factors: of the learning rate. [R]
        losses: what the training reaches at each of them. [R]
        longer: steps of the two that go on for longer.
        far: what the best factor reaches in these.
        calm: what the training reaches in these at its own rate, without any regularisation.
        further: what as many steps more reach from the network as it is, at its own rate.
        drops: whether there was dropout, or a layer's penalty, to be left out.
        rate: the rate of factor 1.
    """

    now: float
    first: float
    steps: int
    factors: np.ndarray
    losses: np.ndarray
    longer: int
    far: float
    calm: float
    further: float
    drops: bool
    rate: float

    @property
    def goal(self) -> float:
        """The loss that is to be beaten: of the network as it is, or of its first weights."""
        return min(self.now, self.first)

    @property
    def reached(self) -> np.ndarray:
        """The lowest loss that each factor has come to. [R]"""
        found = self.losses.copy()
        at, own = int(np.argmin(found)), int(np.argmin(np.abs(np.log(self.factors))))
        found[at] = min(found[at], self.far)
        if not self.drops and found[own] < self.first:  # else it is luck where it has jumped to
            found[own] = min(found[own], self.calm)
        return found

    @property
    def helps(self) -> bool:
        """Whether some rate gets clearly below that in so few steps."""
        lowest = self.reached.min()
        return bool(np.isfinite(lowest) and lowest >= 0 and lowest < BETTER * self.goal)

    @property
    def learning(self) -> np.ndarray:
        """Which factors get at least half of the way to the lowest loss. [R] bool"""
        found = self.reached
        return self.helps & (found < 0.5 * (self.goal + found.min()))

    @property
    def best(self) -> float:
        """The factor next to 1 among those that learn; 1 where none does."""
        good = self.factors[self.learning]
        return float(good[np.argmin(np.abs(np.log(good)))]) if len(good) else 1.0

    def at(self, factor: float) -> float:
        """The lowest loss that a factor has come to."""
        return float(self.reached[int(np.argmin(np.abs(np.log(self.factors / factor))))])

    def as_dict(self) -> dict[str, object]:
        """Evidence."""
        told = {
            f"{factor * self.rate:.3g}": _told(loss)
            for factor, loss in zip(self.factors, self.reached, strict=True)
        }
        return {"loss": _told(self.now), "loss_at_rates": told, "steps": self.longer}


def replay(case: Case, record: Record) -> Replay:
    """Trains copies from the first weights for some steps. Computed once for each case.

    Raises:
        CannotTellError: rows or first weights are not known, or a step takes too long.
    """
    if "replay" not in case.notes:
        try:
            with few_threads(case.network):
                case.notes["replay"] = _replay(case, record)
        except CannotTellError as reason:
            case.notes["replay"] = reason
    found = case.notes["replay"]
    if isinstance(found, CannotTellError):
        raise found
    return found


def top_rate(case: Case, record: Record) -> float:
    """The highest learning rate of the training."""
    rates = record.learning_rate[np.isfinite(record.learning_rate)]
    return float(rates.max()) if len(rates) else case.plan.learning_rate


def steps_done(record: Record) -> int:
    """Steps of the whole training."""
    return int(record.looked[-1]) + 1 if len(record.looked) else 0


def _replay(case: Case, record: Record) -> Replay:
    if case.train is None or record.start is None:
        raise CannotTellError("the training rows themselves are not known")
    if not case.plan.repeatable:
        raise CannotTellError(f"the optimiser {case.plan.optimizer} cannot be made again")
    rate = top_rate(case, record)
    if not rate > 0:
        raise CannotTellError("the learning rate is not known")
    rows, judged = case.train, case.train.spread(JUDGED)
    size = min(len(rows), max(LEAST_ROWS, min(MOST_ROWS, case.plan.batch_size or MOST_ROWS)))
    most = max(1, steps_done(record))
    calm = unregularised(case)
    network = case.twin()
    live = [each.clone() for each in network.live()]

    def reached(network: Trainable, factor: float, count: int, start: Tensor | None = None) -> float:
        with torch.no_grad():
            first = record.start if start is None else start
            network.flat.copy_(first[None].to(network.flat))  # type: ignore[index]
            for buffer, first in zip(network.live(), live, strict=True):
                buffer.copy_(first)
            return _train(case, network, _batches(rows, size, min(count, most)), judged, factor * rate)

    reached(network, 1.0, 1)
    began = time.thread_time()  # not that of others who compute here
    reached(network, 1.0, 3)
    each = (time.thread_time() - began) / min(3, most)
    for factors, steps in SCANS:
        if each * min(steps * (len(factors) + 2 * LONGER), most * (len(factors) + 2)) < SECONDS:
            break
    else:
        raise CannotTellError("a step takes too long for short trainings at other rates")
    factors = _with_usual(factors, case.plan.usual_rate / rate)
    losses = np.array([reached(network, factor, steps) for factor in factors])
    return Replay(
        _finite(case.loss(judged)),
        reached(network, 1.0, 0),
        min(steps, most),
        np.array(factors),
        losses,
        min(LONGER * steps, most),
        reached(network, factors[int(np.argmin(losses))], LONGER * steps),
        reached(calm or network, 1.0, LONGER * steps),
        reached(network, 1.0, LONGER * steps, case.network.flat.detach()[0]),
        calm is not None,
        rate,
    )


def _with_usual(factors: Sequence[float], usual: float) -> list[float]:
    """Factors with that of the usual rate among them, where it lies beyond all of them."""
    return sorted(factors if min(factors) <= usual <= max(factors) else [*factors, usual])


def _batches(rows: Rows, size: int, count: int) -> list[Rows]:
    """The same ones each time."""
    drawing = torch.Generator().manual_seed(0)
    order = [torch.randperm(len(rows), generator=drawing) for _ in range(count * size // len(rows) + 1)]
    parts = torch.cat(order)[: count * size].split(size)
    return [rows.at(part.to(rows.weight.device)) for part in parts] if count else []


def _train(case: Case, network: Trainable, batches: list[Rows], judged: Rows, rate: float) -> float:
    steps = Steps(network, case.plan)
    for batch in batches:
        steps.make(batch, rate)
    return _finite(case.loss(judged, network))


def unregularised(case: Case) -> Trainable | None:
    """A copy of the network without dropout and without penalties of layers; None where there are neither."""
    twin = case.twin()
    found = bool(getattr(twin, "penalized", False))
    if found:
        twin.penalized = False  # type: ignore[attr-defined]
    for module in _modules(twin):
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            module.p, found = 0.0, True
        elif isinstance(module, layers.Dropout) and module.active:
            module.active, found = False, True
    return twin if found else None


def dropouts(case: Case) -> dict[str, float]:
    """Share that each dropout layer zeroes, by its name."""
    found = {}
    roots = case.network.owned if isinstance(case.network, ForeignNetwork) else [case.network]
    for name, module in roots[0].named_modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            found[name] = float(module.p)
        elif isinstance(module, layers.Dropout):
            own = name.removeprefix("graph.layers.").removesuffix(".dropout")
            found[own] = 1.0 - 1.0 / float(module.scale[0])
    return {name: share for name, share in found.items() if share > 0}


def _modules(network: Trainable) -> list[nn.Module]:
    roots = network.owned if isinstance(network, ForeignNetwork) else [network]
    return [module for root in roots for module in root.modules()]


def _finite(loss: float) -> float:
    return loss if np.isfinite(loss) else float("inf")


def _told(loss: float) -> float | None:
    """JSON knows no infinity."""
    return round(loss, 6) if np.isfinite(loss) else None
