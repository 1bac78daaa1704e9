"""Numbers that run away: losses that are no numbers, gradients and losses that jump, numbers too coarse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.nn.network import Network

GROWN = 100.0  # times the norms of the first steps: what overflows has grown before
JUMP = 50.0  # times the running median
HIGH = 1e3  # a norm that is long whatever was usual before
WINDOW = 20  # steps of a running median
TIMES = 3  # as often must a norm jump
SPIKE = 10.0  # times the mean of the ten losses before
LASTING = 2.0  # times the loss before a spike that is still lost when training ends
LONG = 3.0  # times the norms of the first steps; those of losses near 0 jump without harm
LARGE = 1e4  # inputs that a network is not made for
LOW = 0.7  # share of gradients that are exactly 0
WAITING = 0.5  # share of the steps' time
HALF = (torch.float16, torch.bfloat16)
DIVISIONS = ("div", "truediv", "reciprocal", "rdiv", "__truediv__", "__rtruediv__", "__rdiv__")


def not_finite_loss(case: Case, record: Record) -> Iterator[Diagnosis]:
    """A loss or gradient that is not finite: in which step, where it came up first, and what is behind it.

    Told apart, in this order: inputs or targets that are no numbers; the overflow of float16; gradients or
    weights that had grown by two orders of magnitude before, where the rate is too high; a logarithm of 0, a
    division by 0, a root of 0, an exponential; inputs or first weights that are too large, where the very
    first step breaks down; a rate too high where a later one does.
    """
    if record.first_bad is None and record.stopped != "diverged":
        return
    step = record.first_bad
    at = record.first_bad_at
    epoch = None if step is None else 1 + step // max(1, record.steps_per_epoch)
    cause, words, fix = _behind(case, record)
    where = "" if at is None else f", first in {at}"
    if step is None:  # the gradients were numbers still, or were not looked at
        epoch = max(1, len(record.train_loss))
    when = f"in epoch {epoch}" if step is None else f"in step {step} (epoch {epoch})"
    yield Diagnosis(
        "not_finite_loss",
        "error",
        f"the loss or its gradient is no finite number {when}{where}",
        {
            "step": step,
            "epoch": epoch,
            "where": at,
            "kind": record.first_bad_cause,
            "cause": cause,
            "learning_rate": case.plan.learning_rate,
            "series": {"gradient norm": _drawn(record.norm), "training loss": _drawn(record.step_loss)},
        },
        words,
        fix,
        member=case.member,
        epoch=epoch,
    )


def _behind(case: Case, record: Record) -> tuple[str, str, Fix]:
    """What is likely behind numbers that are not finite: a name, words, and what helps."""
    rate = case.plan.learning_rate
    lower = Fix(
        f"take a lower learning rate, such as {rate / 10:.2g}, and clip the gradient to a norm of "
        f"{_usual(record):.2g}",
        {"training.learning_rate": float(f"{rate / 10:.3g}"), "training.clip_norm": _usual(record)},
    )
    kind, at = record.first_bad_cause, record.first_bad_at or ""
    data = _data_not_finite(case)
    if kind in ("inputs", "targets") or data:
        which = "inputs" if (kind or data) == "inputs" else "targets"
        words = f"some of the {which} are missing or infinite, and the network takes them as they are"
        return "data", words, Fix("fill or drop the rows whose values are missing or infinite")
    operation = at.partition(" ")[0]
    if case.network.flat.dtype == torch.float16 or at.endswith("of float16"):
        words = "float16 holds numbers up to 65,504 only"
        fix = Fix("train in bfloat16 or float32", {"training.precision": "bfloat16"})
        return "precision", words, fix
    finite = np.isfinite(record.norm)
    norms = record.norm[finite]
    before = norms if record.first_bad is None else record.norm[finite & (record.looked < record.first_bad)]
    grown = len(before) >= 2 and before[-3:].max() > GROWN * max(np.median(before[:5]), before[0], 1e-12)
    far = _weights_grew(record)
    long = bool(len(before)) and before[0] > 1e6
    if long and not grown and _largest(case) > LARGE:
        return _too_large(case)
    if grown or far or (len(before) and before[-1] > 1e6):
        return "rate", "the weights ran away: the learning rate is too high", lower
    if operation.startswith("log"):
        words = "a logarithm of 0: probabilities, or inputs, that become exactly 0"
        fix = Fix("take the loss of logits, not of probabilities, or add a small number such as 1e-7 inside")
        return "log", words, fix
    if operation in DIVISIONS or operation in ("sqrt", "rsqrt", "norm", "std", "pow") or kind == "gradient":
        words = "a division by 0, or the derivative of a root or a length at 0"
        fix = Fix("add a small number such as 1e-7 to what is divided by, or under the root")
        return "division", words, fix
    if operation in ("exp", "expm1", "exp2", "sinh", "cosh"):
        words = "an exponential of a number above 88, which float32 cannot hold"
        fix = Fix("subtract the greatest number before the exponential, or limit what goes into it")
        return "overflow", words, fix
    if record.first_bad == 0:  # no rate has done anything yet
        return _too_large(case)
    return "rate", "numbers grew beyond all measure: mostly a learning rate that is too high", lower


def _too_large(case: Case) -> tuple[str, str, Fix]:
    """What overflows before anything was learnt."""
    largest = _largest(case)
    if largest > LARGE:
        words = f"inputs as large as {largest:.2g}, whose products no longer fit the numbers' type"
        return "inputs", words, Fix("standardise the inputs by the training rows: mean 0, spread 1")
    words = "first weights, or factors inside of the network, that are too large"
    return "start", words, Fix("draw smaller first weights, such as those of He or Glorot")


def _largest(case: Case) -> float:
    """The largest absolute input of the training rows; 0 where they are not known."""
    values = {} if case.train is None else case.train.raw
    return max((float(each.abs().max()) for each in values.values() if each.is_floating_point()), default=0.0)


def _data_not_finite(case: Case) -> str | None:
    """Which of inputs and targets have training rows that are no numbers; networks for tables fill gaps."""
    rows = case.train
    if rows is None:
        return None
    if not isinstance(case.network, Network):
        floating = [each for each in rows.raw.values() if each.is_floating_point()]
        if not all(bool(torch.isfinite(each).all()) for each in floating):
            return "inputs"
    targets = rows.target.values() if isinstance(rows.target, dict) else [rows.target]
    for each in targets:
        if each.is_floating_point() and not bool(torch.isfinite(each).all()):
            return "targets"
    return None


def _weights_grew(record: Record) -> bool:
    """Whether some kernel became a hundred times as large, or a step was ten times as long as the kernel."""
    for each in record.parameters:
        if not each.matrix or not len(each.weight):
            continue
        weight = each.weight[np.isfinite(each.weight)]
        update = each.update[np.isfinite(each.update)]
        if len(weight) > 1 and weight.max() > GROWN * max(weight[0], 1e-12):
            return True
        if len(update) and update.max() > 10.0 and weight[0] > 1e-6:
            return True
    return False


def _usual(record: Record) -> float:
    """The median of the gradient norms of the first steps, before they grew; 1 where none is known."""
    norms = record.norm[np.isfinite(record.norm)][:50]
    norms = norms[norms <= 10.0 * norms[:1]]
    return float(f"{np.median(norms):.2g}") if len(norms) else 1.0


def exploding_gradient(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Gradient norms that jump fifty times above their running median, three times or more.

    A gradient that is clipped and trains well is a note: that is what clipping is for.
    """
    if record.first_bad is not None or record.stopped == "diverged":  # `not_finite_loss` has the floor
        return
    norms, losses = record.norm, record.step_loss
    if len(norms) < WINDOW + TIMES:
        raise CannotTellError("there were too few steps to see what gradients are usual")
    middle = _running_median(norms)
    jumps = np.flatnonzero(norms[WINDOW:] > JUMP * np.maximum(middle, 1e-12)) + WINDOW
    jumps = jumps[norms[jumps] > LONG * np.median(norms[:WINDOW])]
    high = norms[-WINDOW:].min() > HIGH * max(float(np.median(norms[:5])), 1e-12) and _rising(losses)
    if len(jumps) < TIMES and not high:
        return
    worst = int(jumps[np.argmax(norms[jumps])]) if len(jumps) else int(np.argmax(norms))
    step = int(record.looked[worst])
    layer = _worst_layer(record)
    clipped = not math.isinf(record.clip)
    usual = float(np.median(norms))
    times = norms[worst] / max(usual, 1e-12)
    limit = float(f"{np.percentile(norms, 90):.2g}")
    beyond = f" (most of it in {layer})" if layer else ""
    yield Diagnosis(
        "exploding_gradient",
        "note" if clipped else "error",
        f"the gradient's norm jumps to {norms[worst]:.3g} in step {step}, {times:.0f} times the usual "
        f"{usual:.3g}{beyond}" + (", and is clipped" if clipped else ""),
        {
            "step": step,
            "norm": float(norms[worst]),
            "usual": usual,
            "jumps": len(jumps),
            "clip_norm": record.clip if math.isfinite(record.clip) else None,
            "layer": layer,
            "series": {"gradient norm": _drawn(norms)},
            "line": JUMP * usual,
        },
        "a learning rate that is too high, a start with weights that are too large, or long sequences",
        Fix(
            f"clip the gradient to a norm of {limit:g}; if that is not enough, take a third of the rate",
            {"training.clip_norm": limit},
        ),
        member=case.member,
        epoch=1 + step // max(1, record.steps_per_epoch),
    )


def loss_spike(case: Case, record: Record) -> Iterator[Diagnosis]:
    """An epoch whose training loss is ten times the mean of those before it, and what it broke is not mended.

    Losses near 0 spike without harm: the least that counts is a tenth of the first epoch's loss. Over 30 to
    150 epochs, healthy trainings with batches of 2 and 8 rows leap to 3 and 6 times the mean before.
    """
    losses = record.train_loss[np.isfinite(record.train_loss)]
    if record.first_bad is not None or record.stopped == "diverged":
        return
    if len(losses) < 4:
        raise CannotTellError("there were fewer than four epochs")
    least = 0.1 * max(float(losses[0]), 1e-12)
    for epoch in range(3, len(losses)):
        before = max(float(losses[max(0, epoch - 10) : epoch].mean()), least / SPIKE)
        if losses[epoch] < SPIKE * before or losses[epoch] < least:
            continue
        left = float(losses[-1]) / max(float(losses[:epoch].min()), least / SPIKE)
        lasting = left > LASTING
        yield Diagnosis(
            "loss_spike",
            "warning" if lasting else "note",
            f"the training loss jumps in epoch {epoch + 1} from {before:.3g} to {losses[epoch]:.3g}"
            + (f", and is {left:.1f} times its best at the end" if lasting else ", and comes down again"),
            {
                "epoch": epoch + 1,
                "before": before,
                "loss": float(losses[epoch]),
                "series": {"training loss": _drawn(losses)},
            },
            "a batch unlike the others, or a learning rate at the edge of what the network bears",
            Fix(
                "take half the learning rate, a warm-up, or clip the gradient",
                {"training.learning_rate": float(f"{case.plan.learning_rate / 2:.3g}")},
            ),
            member=case.member,
            epoch=epoch + 1,
        )
        return


def low_precision(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Most gradients are exactly 0 because the type of the numbers cannot hold ones so small.

    That type is the weights', or one that some operation inside of the network computes in.
    """
    used = _half(case)
    if used is None:
        return
    shares = [
        (each.name, float(np.median(each.zeros)))
        for each in record.parameters
        if each.matrix and len(each.zeros)
    ]
    if not shares:
        raise CannotTellError("no gradient was looked at")
    name, worst = max(shares, key=lambda each: each[1])
    if worst <= LOW:
        return
    kind = str(used).removeprefix("torch.")
    yield Diagnosis(
        "low_precision",
        "warning",
        f"{100 * worst:.0f} % of the gradients of {name} are exactly 0 in {kind}",
        {"layer": name, "share": worst, "shares": dict(shares)},
        f"{kind} cannot hold gradients as small as these",
        Fix(
            "keep the weights in float32, and let only products be in bfloat16 (precision='bfloat16')",
            {"training.precision": "bfloat16" if kind == "float16" else "float32"},
        ),
        member=case.member,
    )


def _half(case: Case) -> torch.dtype | None:
    """The half precision that weights or operations are in; None where there is none."""
    if case.network.flat.dtype in HALF or case.train is None:
        return case.network.flat.dtype if case.network.flat.dtype in HALF else None
    with torch.no_grad():
        calls = case.trace(case.train.spread(2)).calls
    return next((call.output.dtype for call in calls if call.output.dtype in HALF), None)


def waiting_for_data(case: Case, record: Record) -> Iterator[Diagnosis]:
    """More than half of the steps' time goes into waiting for the loader. Costs time, not quality: a note."""
    share = record.seconds_waiting
    if share is None:
        raise CannotTellError("the rows lie in memory, or a GPU computes while the loader works")
    if share <= WAITING:
        return
    yield Diagnosis(
        "waiting_for_data",
        "note",
        f"{100 * share:.0f} % of the training's time is spent waiting for batches",
        {"share": round(share, 4)},
        "reading, decoding or augmenting a batch takes longer than a step",
        Fix("give the loader workers (num_workers), or keep what has been decoded"),
        member=case.member,
    )


def _running_median(values: np.ndarray) -> np.ndarray:
    """Medians of the WINDOW values before each one, from the first with so many on. [S - WINDOW]"""
    windows = np.lib.stride_tricks.sliding_window_view(values[:-1], WINDOW)
    return np.median(windows, axis=1)


def _rising(losses: np.ndarray) -> bool:
    known = losses[np.isfinite(losses)]
    fifth = max(1, len(known) // 5)
    return len(known) > 1 and float(np.median(known[-fifth:])) > 1.5 * float(np.median(known[:fifth]))


def _worst_layer(record: Record) -> str | None:
    """The kernel with the largest mean gradient at any look."""
    found = [(float(each.gradient.max()), each.name) for each in record.parameters if len(each.gradient)]
    return max(found)[1] if found else None


def _drawn(values: Any, most: int = 300) -> list[float]:
    """Some of the values that are numbers, for a plot."""
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) > most:
        values = values[np.linspace(0, len(values) - 1, most).round().astype(int)]
    return [float(f"{value:.5g}") for value in values]
