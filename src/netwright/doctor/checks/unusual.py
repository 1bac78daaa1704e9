"""Settings far from what is usual, tried out: the same training once more with the usual ones.

A setting that is odd and does no harm is nobody's business. Each rule here asks for the odd setting first,
and then for the proof: as long a training from the same first weights, with the usual in its place, leads to
a network that is better on validation rows by 2.5 standard errors and by .03 (of classes in sharp marks, see
`proof.sharp`), and better on training rows too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from netwright.doctor.again import Change, better, compared
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import Diagnosis, Fix, Severity
from netwright.doctor.flow import normalises
from netwright.doctor.record import Record
from netwright.doctor.replay import steps_done
from netwright.doctor.trouble import drawn, kernels, troubled

MEMORY = 0.99  # of the gradients before; usual is .9
LONG = 0.01  # change of a step as a share of the weights
EPSILON = 1e-3  # usual are 1e-8 to 1e-7
FEW_STEPS = 100
FEW_EPOCHS = 5
PARTS = 4  # batches of an epoch, at most
USUAL_BATCH = 32
FEW_ROWS = 4  # of a batch whose statistics normalise
EARLY = 0.5  # of the planned epochs
A_FEW = 3  # epochs; up to these the loss of validation rows may go either way
LONGER = 3.0  # times as many epochs at most
LOOKS, SAME_LENGTH = 20, 1e-3  # steps; differences as a share of the length
SHRUNK = 0.5  # of the first length of the weights


def long_memory(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Momentum of .99 and more goes on for a hundred steps and more in directions that are out of date."""
    plan = case.plan
    kept = max(plan.momentum, plan.rule.get("beta1", 0.0))
    if not MEMORY <= kept < 1 or (found := better(case, record, Change(usual=True))) is None:
        return
    steps = 1 / (1 - kept)
    told = f"a momentum of {kept:g} takes the mean of some {steps:.0f} gradients for each step"
    if kept == plan.momentum:
        told = f"a momentum of {kept:g} sums up the steps of {steps:.0f} gradients, a learning rate "
        told += f"{steps:.0f} times as high in effect"
    yield _diagnosis(
        case,
        record,
        "rate_too_high",
        f"{told}; as many steps of Adam lead to {compared(case, found)}",
        {"momentum": kept, "gained": found.as_dict(), "series": {"train_loss": drawn(record.train_loss)}},
        "a momentum far above the usual .9",
        Fix("a momentum of .9", {"training.momentum": 0.9}),
    )


def summed_batches(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Gradients of several batches make one step, and as many steps of Adam are better.

    Known by gradients that are exactly 0 in all steps between. Steps that change the weights by more than a
    hundredth say that the gradients are added up and not divided by their number; shorter ones are too few.
    """
    norms = record.norm[np.isfinite(record.norm)]
    moved = np.flatnonzero(norms > 0)
    count = round(np.median(np.diff(moved))) if len(moved) > 1 else 1
    if count < 2 or (found := better(case, record, Change(usual=True))) is None:
        return
    steps = [float(np.median(own)) for each in kernels(record) if len(own := each.update[each.update > 0])]
    long = not steps or max(steps) > LONG
    yield _diagnosis(
        case,
        record,
        "rate_too_high" if long else "slow_convergence",
        f"one step in {count} has a gradient, of {np.median(norms[moved]):.2g} in the middle, and the "
        f"others have none; as many steps of Adam lead to {compared(case, found)}",
        {"one_in": count, "gained": found.as_dict(), "series": {"gradient norm": drawn(norms)}},
        "gradients of several batches that are added up and not divided by their number"
        if long
        else "few steps, each of several batches",
        Fix(f"divide the loss by {count} before each backward pass, or take {1 / count:.2g} of the rate")
        if long
        else Fix("a step for each batch, or more epochs"),
    )


def steps_of_one_length(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The gradient has the same length in all steps, to a thousandth, and as many steps of Adam are better.

    No gradient does so by itself: it is small where the loss is low. Divided by its length, or by the size of
    each number, it never becomes smaller, and steps of a rate that does not fall go back and forth in the
    end. Adam and its kin do so on purpose, and are not asked.
    """
    norms = record.norm[np.isfinite(record.norm)]
    if len(norms) < LOOKS or norms.min() <= 0 or np.ptp(norms) > SAME_LENGTH * norms.mean():
        return
    if (
        case.plan.optimizer not in ("sgd", "unknown")
        or (found := better(case, record, Change(usual=True))) is None
    ):
        return
    yield _diagnosis(
        case,
        record,
        "rate_too_high",
        f"the gradient is {norms.mean():.3g} long in all {len(norms)} steps that were looked at: steps do "
        f"not become smaller where the loss is low; as many of Adam lead to {compared(case, found)}",
        {"norm": float(norms.mean()), "gained": found.as_dict(), "series": {"gradient norm": drawn(norms)}},
        "gradients that are divided by their length, or replaced by their signs, before the step",
        Fix("take the gradients as they are, clipped at most, or let the rate fall to 0"),
    )


def large_epsilon(case: Case, record: Record) -> Iterator[Diagnosis]:
    """What keeps Adam's quotients finite outweighs the gradients' size: the steps become next to nothing."""
    epsilon = case.plan.rule.get("epsilon", 0.0)
    if epsilon < EPSILON or (found := better(case, record, Change(usual=True))) is None:
        return
    yield _diagnosis(
        case,
        record,
        "rate_too_low",
        f"an epsilon of {epsilon:g} makes the steps of {case.plan.optimizer} that much smaller; as many with "
        f"1e-8 lead to {compared(case, found)}",
        {"epsilon": epsilon, "gained": found.as_dict(), "series": {"train_loss": drawn(record.train_loss)}},
        "an epsilon that is not small beside the gradients",
        Fix("an epsilon of 1e-8"),
    )


def few_steps(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Less than a hundred steps, of a quarter of the rows or more each, or in up to five epochs where simple
    models are better; or an end long before the last epoch, though no loss of validation rows was lower.

    In batches of 32 rows as many epochs are more steps.
    """
    if record.stopped == "diverged":
        return
    steps, size, rows = steps_done(record), case.plan.batch_size, case.counts.get("train", 0)
    early = record.stopped == "early stopping" and _epochs(record) < EARLY * record.epochs
    judged = record.validation_loss
    early = early and len(judged) > 0 and (len(judged) <= A_FEW or not judged[-1] > judged.min())
    if early:
        change = Change(epochs=min(LONGER, record.epochs / max(1, _epochs(record))))
    elif steps < FEW_STEPS and size * PARTS >= rows and size > USUAL_BATCH:
        change = Change(batch=USUAL_BATCH)
    elif steps < FEW_STEPS and _epochs(record) <= FEW_EPOCHS and troubled(case, record):
        change = Change(epochs=LONGER)
    else:
        return
    if (found := better(case, record, change)) is None:
        return
    if early:
        told = (
            f"the training was ended after {_epochs(record)} of {record.epochs} epochs; {found.steps} steps"
        )
        fix = Fix("more patience, and a smaller gain asked of an epoch", {"training.patience": 20})
    elif change.batch is None:
        told = f"{steps} steps in {_epochs(record)} epochs are few; {found.steps}"
        fix = Fix("more epochs", {"training.epochs": round(LONGER * max(1, record.epochs))})
    else:
        told = f"{steps} steps of {size} rows are few; as many epochs in batches of {USUAL_BATCH}"
        fix = Fix("smaller batches or more epochs", {"training.batch_size": USUAL_BATCH})
    yield _diagnosis(
        case,
        record,
        "slow_convergence",
        f"{told} lead to {compared(case, found)}",
        {"steps": steps, "gained": found.as_dict(), "series": {"train_loss": drawn(record.train_loss)}},
        "too few steps to learn what the rows tell",
        fix,
    )


def few_rows(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Batch normalisation by the statistics of up to four rows."""
    size = case.plan.batch_size
    if not 0 < size <= FEW_ROWS or not normalises(case):
        return
    if (found := better(case, record, Change(batch=USUAL_BATCH))) is None:
        return
    yield _diagnosis(
        case,
        record,
        "modes_disagree",
        f"batch normalisation takes the mean and variance of {size} {'row' if size == 1 else 'rows'}; as "
        f"many epochs in batches of {USUAL_BATCH} lead to {compared(case, found)}",
        {"batch_size": size, "gained": found.as_dict()},
        "batches too small for their statistics to be those of the data",
        Fix("batches of 32 rows, or layer or group normalisation", {"training.batch_size": USUAL_BATCH}),
    )


def own_steps(case: Case, record: Record) -> Iterator[Diagnosis]:
    """An optimiser of the user's own (or one derived from a known one), or one of PyTorch's that copies
    cannot be trained by, does worse than plain Adam.

    Weights that end below half of their first length say that a penalty is in it.
    """
    if case.plan.repeatable and not case.plan.derived:
        return
    if (found := better(case, record, Change(usual=True))) is None:
        return
    shares = [each.weight[-1] / max(each.weight[0], 1e-12) for each in kernels(record)]
    shrunk = float(np.median(shares)) if shares else 1.0
    penalty = shrunk < SHRUNK
    known = next((name for name in vars(torch.optim) if name.lower() == case.plan.optimizer), None)
    whose = known if known and not case.plan.repeatable else "the optimiser of one's own"
    told = f" and takes the weights to {100 * shrunk:.2g} % of their first length" if penalty else ""
    yield _diagnosis(
        case,
        record,
        "over_regularised" if penalty else "not_learning",
        f"{whose} loses to plain Adam{told}: as many steps of it lead to {compared(case, found)}",
        {"shrunk": shrunk, "gained": found.as_dict(), "series": {"train_loss": drawn(record.train_loss)}},
        "a penalty in the optimiser's steps that outweighs the data"
        if penalty
        else "steps that are too small, too large, or do not follow the gradient of the loss",
        Fix("less of the penalty, or Adam without it" if penalty else "Adam, to compare with"),
    )


def _diagnosis(
    case: Case, record: Record, id: str, message: str, evidence: dict[str, Any], cause: str, fix: Fix
) -> Diagnosis:
    severity: Severity = "error" if troubled(case, record) else "warning"
    return Diagnosis(id, severity, message, evidence, cause, fix, member=case.member)


def _epochs(record: Record) -> int:
    return len(record.train_loss)
