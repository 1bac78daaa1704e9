"""Whether the network computes while training what it computes afterwards, dropout and the like apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.flow import Flow, flow_of, listed, modules_of, single, spoken, stuck_in
from netwright.doctor.record import Record
from netwright.doctor.trace import DROPOUTS, SAME, Call
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.layers import Dropout
from netwright.nn.member import PREDICT, Mode
from netwright.nn.trainable import Trainable

STRONG = 0.8  # dropout
TOO_STRONG = 0.95
NOISE = 1e-3  # of the deviation of the outputs
WORSE = 1.5  # loss in evaluation mode over that in training mode
LOST = 0.05  # marks
JUDGED = 512  # rows


def modes_before(case: Case) -> Iterator[Diagnosis]:
    """What cannot go well: modules stuck in a mode, noise in evaluation mode.

    Dropout right before batch normalisation is a note (arXiv 1801.05134): its variance is another one while
    training.
    """
    flow = flow_of(case)
    stuck = list(_stuck(case))
    yield from stuck
    yield from _shifted(flow)
    if not stuck:
        yield from _noisy(case, flow)


def modes_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """On the same training rows the loss in evaluation mode is 50 % above that in training mode or more.

    The marks have to be worse too, by .05 and by 3 standard errors. Dropout and the like make the training
    mode the worse one, and only where the evaluation mode is worse something is told.
    """
    del record
    if case.task == "unknown" or case.train is None:
        raise CannotTellError("what the targets are, or the training rows themselves, are not known")
    size = max(2, min(case.plan.batch_size or 32, len(case.train)))
    count = max(1, min(JUDGED, len(case.train)) // size)
    order = torch.randperm(len(case.train), generator=torch.Generator().manual_seed(0))
    parts = [case.train.at(order[place * size : (place + 1) * size]) for place in range(count)]
    twin = case.twin()
    mode = Mode(training=True, generators=[torch.Generator(twin.flat.device).manual_seed(0)])
    found = {}
    for name, network, how in (("training", twin, mode), ("evaluation", case.network, PREDICT)):
        judged = [_judged(case, part, network, how) for part in parts]
        found[name] = (
            float(np.mean([loss for loss, _ in judged])),
            np.concatenate([marks for _, marks in judged]),
        )
    (trained, seen), (evaluated, own) = found["training"], found["evaluation"]
    if not np.isfinite(trained):
        raise CannotTellError("the network's answers are no finite numbers in training mode")
    lost = _bounded(seen) - _bounded(own)
    error = float(lost.std() / np.sqrt(len(lost)))
    if evaluated <= trained + (WORSE - 1) * abs(trained) or lost.mean() <= max(LOST, 3 * error):
        return
    yield Diagnosis(
        "modes_disagree",
        "error",
        f"on the same training rows the loss is {evaluated:.3g} in evaluation mode and {trained:.3g} in "
        "training mode",
        {
            "loss_evaluating": _plain(evaluated),
            "loss_training": _plain(trained),
            "marks_lost": round(float(lost.mean()), 4),
            "rows": len(lost),
        },
        "running statistics of batch normalisation that do not follow the data (momentum, too few steps, "
        "very small batches, rows of another kind), or layers that act only while training"
        if _normalises(case)
        else "layers that act only while training, and that the others have come to rely on",
        Fix(
            "raise the momentum of batch normalisation or train longer, or use layer or group normalisation",
            {"network.normalization": "layer"},
        ),
        member=case.member,
    )


def _bounded(marks: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(marks, nan=-10.0), -10.0, 1.0)


def _judged(case: Case, rows: Rows, network: Trainable, mode: Mode) -> tuple[float, np.ndarray]:
    """Loss and marks of some rows."""
    with torch.no_grad():
        raw, target = rows.led()
        output = network(raw, mode)
        loss = float(network.losses(output, target)[0])
        answers = network.answers(output)[0].reshape(len(rows), -1).double().cpu().numpy()
    return loss, case.marks(answers, rows)


def _normalises(case: Case) -> bool:
    names = [type(part).__name__ for own in modules_of(case) for part in own.modules()]
    return any("BatchNorm" in name for name in names)


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _stuck(case: Case) -> Iterator[Diagnosis]:
    """Modules of PyTorch whose mode does not follow."""
    training = stuck_in(case, training=True)
    if training:
        yield Diagnosis(
            "modes_disagree",
            "error",
            f"in training mode although the network is evaluated: {listed(training)}",
            {"layers": training},
            "train() or eval() of the module is overridden, or the mode is set in forward",
            Fix("let the module follow train() and eval()"),
        )
        return
    owners = modules_of(case)
    evaluating = [
        name for name in stuck_in(case, training=False) if _is_fresh_norm(owners[0].get_submodule(name))
    ]
    if evaluating:
        yield Diagnosis(
            "modes_disagree",
            "warning",
            "in evaluation mode while training, with statistics that were never taken, so that they "
            f"normalise nothing: {listed(evaluating)}",
            {"layers": evaluating},
            "eval() is called on them, or train() is overridden, before they have seen data",
            Fix("let them follow train(); keep them in evaluation mode only with pretrained statistics"),
        )


def _is_fresh_norm(part: nn.Module) -> bool:
    """Whether running statistics are as they were made."""
    mean, variance = getattr(part, "running_mean", None), getattr(part, "running_var", None)
    if not isinstance(mean, Tensor) or not isinstance(variance, Tensor):
        return False
    return bool((mean == 0).all() & (variance == 1).all())


def _noisy(case: Case, flow: Flow) -> Iterator[Diagnosis]:
    """The same rows give other answers in evaluation mode when they are asked again."""
    answers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        answers.append(single(case.output(flow.rows)).double())
    spread = float(answers[0].std()) + 1e-12
    change = float((answers[0] - answers[1]).abs().mean()) / spread
    if not change > NOISE:
        return
    on = [call for call in flow.trace.of(DROPOUTS) if _is_on(call)]
    where = spoken(on[0]) if on else None
    yield Diagnosis(
        "modes_disagree",
        "error",
        f"in evaluation mode the same rows give other answers each time, by {change:.2g} deviations"
        + (f": {where} stays on" if where else ""),
        {"change": change, "operation": where},
        "dropout as a function is on unless it is told training=self.training"
        if where
        else "random numbers are drawn in forward whatever the mode",
        Fix("use nn.Dropout, or give F.dropout training=self.training"),
    )


def _is_on(call: Call) -> bool:
    return bool(call.settings.get("training", (call.settings["args"] + [None, None])[1])) and _rate(call) > 0


def _rate(call: Call) -> float:
    settings = call.settings
    placed = settings["args"][0] if settings["args"] else 0.5
    return float(settings.get("p", placed))


def strong_dropout(case: Case) -> Iterator[Diagnosis]:
    """Dropout of .8 and more, which hardly leaves anything to learn with."""
    flow = flow_of(case)
    rates = {spoken(call): _rate(call) for call in flow.trace.of(DROPOUTS)}
    for name, part in case.network.named_modules():
        if isinstance(part, Dropout) and part.active:
            place = name.removeprefix("graph.layers.").removesuffix(".dropout")
            rates[place] = float((1 - 1 / part.scale).max())
    if not rates:
        return
    where = max(rates, key=lambda name: rates[name])
    rate = rates[where]
    if rate < STRONG - 1e-6:
        return
    yield Diagnosis(
        "over_regularised",
        "error" if rate >= TOO_STRONG else "warning",
        f"{where} leaves {1 - rate:.0%} of its numbers while training, and all of them afterwards",
        {"layer": where, "rate": round(rate, 4)},
        "a rate far above the usual .1 to .5; it is the share that is dropped, not the share that is kept",
        Fix(
            "take a rate from .1 to .5",
            {"network.dropout": 0.2} if not isinstance(case.network, ForeignNetwork) else {},
        ),
    )


def _shifted(flow: Flow) -> Iterator[Diagnosis]:
    """Batch normalisation that is fed by dropout."""
    calls = flow.trace.calls
    for call in flow.trace.of({"batch_norm"}):
        number = flow.before(call)
        while number >= 0 and calls[number].name in SAME:
            number = flow.before(calls[number])
        if number >= 0 and calls[number].name in DROPOUTS and _rate(calls[number]) > 0:
            yield Diagnosis(
                "modes_disagree",
                "note",
                f"{spoken(calls[number])} feeds {spoken(call)}: the variance that it normalises by is that "
                "of numbers with dropout, which evaluation does without",
                {"dropout": spoken(calls[number]), "norm": spoken(call), "rate": _rate(calls[number])},
                "dropout raises the variance while training only (Li et al. 2019)",
                Fix("put dropout after the last batch normalisation"),
            )
            return
