"""Whether the network can learn a handful of rows by heart: if not, something in it is broken."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.case import Case, Rows
from netwright.doctor.constant import best_constant
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.trace import ACTIVATIONS, AFFINE, SOFTMAXES
from netwright.doctor.trial import trial
from netwright.nn.network import Network

MOST = 16
TRIES = ((0.01, 100), (0.1, 60), (0.001, 100))
"""learning rates of Adam, and steps with each"""
ENOUGH = 0.7  # of the loss of the best constant answer: that much gone is enough
LEAST = 0.35  # less is a network that cannot
SECONDS = 3.0


def cannot_overfit(case: Case) -> Iterator[Diagnosis]:
    """A copy of the network is trained on up to 16 rows with rates of its own, whatever the plan's are.

    There are no more rows than a linear model could learn by heart (their rank) and than the narrowest layer
    has units, so that small networks can too; rows that others nearly determine are left out; numbers are
    scaled. It says something only when hardly anything was learnt: less than 35 % of the loss that the best
    constant answer leaves. Healthy networks, 40 from linear ones to transformers, all get beyond 70 %, most
    of them within 60 steps; dead or symmetric ones stay at 0 to 30 %.
    """
    if case.train is None:
        raise CannotTellError("the training rows come from a loader")
    if case.task == "unknown":
        raise CannotTellError("what the targets are is not known")
    rows = _scaled(case, _few(case))
    goal = best_constant(case, rows).loss
    if not goal > 1e-6:
        raise CannotTellError("a few rows of these targets leave nothing to be learnt")
    started, best, seen = time.perf_counter(), -np.inf, []
    for rate, steps in TRIES:
        tried = trial(case)
        losses: list[float] = []
        for _ in range(0, steps, 20):
            part, _ = tried.learn(rows, rate, 20, (1 - ENOUGH) * goal)
            losses += part
            if time.perf_counter() - started > SECONDS or part[-1] <= (1 - ENOUGH) * goal:
                break
        finite = [each for each in losses if np.isfinite(each)]
        gained = 1 - min(finite) / goal if finite else 0.0
        if gained > best:
            best, seen = gained, losses
        if best >= ENOUGH:
            return
        if time.perf_counter() - started > SECONDS:
            raise CannotTellError("the network is too large to be tried in some seconds")
    if best >= LEAST:
        return
    count = len(rows)
    yield Diagnosis(
        "cannot_overfit",
        "error",
        f"the network cannot learn {count} rows by heart: in {sum(steps for _, steps in TRIES)} steps it got "
        f"{100 * max(0.0, best):.0f} % of the way from the best constant answer to none wrong",
        {"rows": count, "learnt": best, "constant": goal, "series": {"loss": seen}, "line": goal},
        "a fault in the network or in its loss, whatever the settings of the training: units that are dead "
        "or alike, a softmax too many or over the wrong axis, an activation after the last layer, gradients "
        "that are cut off",
        Fix("look at what was found in the network; take parts away until a few rows can be learnt by heart"),
        member=case.member,
    )


def _few(case: Case) -> Rows:
    """Some rows of different inputs, all classes alike, no more than their rank."""
    assert case.train is not None
    pool = case.train.spread(256)
    flat = torch.cat([each.reshape(len(pool), -1).double().cpu() for each in pool.raw.values()], 1)
    finite = torch.isfinite(flat).all(1)
    flat = torch.where(torch.isfinite(flat), flat, 0.0).numpy()
    wanted = case.wanted(pool)
    order = _in_turns(wanted) if wanted.ndim == 1 else list(range(len(pool)))
    chosen: list[int] = []
    spread = flat.std(0)
    flat = (flat - flat.mean(0)) / np.where(spread > 0, spread, 1.0)
    most = max(2, min(MOST, _narrowest(case, pool)))
    points: list[np.ndarray] = []  # with a 1 for the bias, orthogonal to each other
    for row in order:
        if not finite[row] and not isinstance(case.network, Network):
            continue
        point = np.append(flat[row], 1.0)
        size = float(np.linalg.norm(point))
        for own in points:
            point = point - (point @ own) * own
        if np.linalg.norm(point) < 0.2 * size:
            continue  # too near to what linear models say of the others
        points.append(point / np.linalg.norm(point))
        chosen.append(row)
        if len(chosen) == most:
            break
    rows = pool.at(torch.tensor(chosen, dtype=torch.int64, device=pool.weight.device))
    varied = len(rows) > 1 and bool((case.wanted(rows) != case.wanted(rows)[:1]).any())
    if not varied:
        raise CannotTellError("there are no rows that differ in inputs and targets")
    return rows


def _narrowest(case: Case, rows: Rows) -> int:
    """How many numbers of a row pass through the narrowest of the layers between inputs and answers."""
    found = replace(case, network=case.twin()).trace(rows.at(slice(0, 2)))
    affine = [call for call in found.calls if call.name in AFFINE and call.learnt]
    given = (
        affine[-1].inputs[1 if affine[-1].name in ("baddbmm", "addmm") else 0] if len(affine) > 1 else None
    )
    sizes = [call.output.numel() // 2 for call in affine[:-1]]
    return min([*sizes, MOST if given is None else given.numel() // 2])


def _in_turns(codes: np.ndarray) -> list[int]:
    """Rows of the classes in turns."""
    turn = np.zeros(len(codes))
    for code in np.unique(codes):
        turn[codes == code] = np.arange(int((codes == code).sum()))
    return np.lexsort((codes, turn)).tolist()


def _scaled(case: Case, rows: Rows) -> Rows:
    """The same with numbers of size 1 as targets, where the network does not scale them itself.

    Their mean is then what the network answers now, unless it ends with an activation and may not reach it.
    """
    if case.task != "numbers" or isinstance(case.network, Network):
        return rows
    target: Tensor = rows.target
    last = replace(case, network=case.twin()).trace(rows.at(slice(0, 2))).last()
    bounded = last is None or last.name in ACTIVATIONS | SOFTMAXES | {"exp", "softplus", "clamp"}
    values = target.double()
    size = float(values.square().mean().sqrt() if bounded else values.std())
    if not size > 0 or (bounded and 0.1 < size < 3):
        return rows
    scaled = values / size
    if not bounded:
        scaled = scaled + (_start(case, rows) - scaled.mean(0))
    return Rows(rows.raw, scaled.to(target), rows.weight, rows.numbers)


def _start(case: Case, rows: Rows) -> Tensor:
    """The mean answer before training, which may be where a last bias was set. [...]"""
    answers = torch.from_numpy(case.answers(rows).mean(0))
    shape = rows.target.shape[1:]
    return (
        answers.reshape(shape).to(rows.target.device) if answers.numel() == shape.numel() else torch.zeros(())
    )
