"""Whether the network computes while training what it computes afterwards, dropout and the like apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright.doctor.again import SURELY
from netwright.doctor.case import Case, Rows, seeded
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.flow import Flow, flow_of, listed, modules_of, normalises, single, spoken, stuck_in
from netwright.doctor.proof import Marks, alike, bounded, sharp_of
from netwright.doctor.record import Record
from netwright.doctor.standing import finite
from netwright.doctor.trace import AFFINE, DROPOUTS, SAME, Call
from netwright.doctor.trouble import marked
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.layers import Dropout
from netwright.nn.member import PREDICT, Mode
from netwright.nn.trainable import Trainable

STRONG = 0.8  # dropout
TOO_STRONG = 0.95
NOISE = 1e-3  # of the deviation of the outputs
WORSE = 1.5  # loss in evaluation mode over that in training mode
LOST, LOST_ON_EACH = 0.05, 0.01  # marks on training rows; on training and on validation rows
JUDGED = 512  # rows
FEWEST = 30  # validation rows
FEW_DRAWS, DRAWS = 2, 20
LEAST_SHARE = 0.6
LESS = 0.9  # of a loss


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


def modes_after(case: Case, record: Record | None = None) -> Iterator[Diagnosis]:
    """On the same training rows the loss in evaluation mode is 50 % above that in training mode or more.

    The marks have to be worse too, by .05 and by 3 standard errors. Or losses are so on training and on
    validation rows, and the marks of both (of classes, sharp ones) are worse by .01, together by 2 standard
    errors, which is proof enough of harm: in healthy trainings losses in evaluation mode are lower (.5 to 1
    times those in training mode) and marks better. Dropout and the like make the training mode
    the worse one, and only where the evaluation mode is worse something is told.

    Another kind of it, in modules of PyTorch: what goes into a layer after the first is changed at random
    while training, and is another one in the mean. See `_unscaled`.
    """
    del record
    if case.task == "unknown" or case.train is None:
        raise CannotTellError("what the targets are, or the training rows themselves, are not known")
    yield from _noise_costs(case)
    unscaled = list(_unscaled(case))
    if unscaled:
        yield from unscaled
        return
    both = _both_modes(case, case.train)
    if not np.isfinite(both.trained):
        raise CannotTellError("the network's answers are no finite numbers in training mode")
    if not both.apart:
        return
    trained, evaluated, lost = both.trained, both.evaluated, both.lost
    evidence: dict[str, Any] = {
        "loss_evaluating": _plain(evaluated),
        "loss_training": _plain(trained),
        "marks_lost": round(float(lost.mean()), 4),
        "rows": len(lost),
    }
    if case.validation is not None and len(case.validation) >= FEWEST:
        others = _both_modes(case, case.validation)
        if others.apart and _surely(both.sharp_lost, others.sharp_lost):
            evidence["gained"] = round(float(others.sharp_lost.mean()), 4)
    if lost.mean() <= max(LOST, 3 * _error(lost)) and "gained" not in evidence:
        return
    yield Diagnosis(
        "modes_disagree",
        "error",
        f"on the same training rows the loss is {evaluated:.3g} in evaluation mode and {trained:.3g} in "
        "training mode",
        evidence,
        "running statistics of batch normalisation that do not follow the data (momentum, too few steps, "
        "very small batches, rows of another kind), or layers that act only while training"
        if normalises(case)
        else "layers that act only while training, and that the others have come to rely on",
        Fix(
            "raise the momentum of batch normalisation or train longer, or use layer or group normalisation",
            {"network.normalization": "layer"},
        ),
        member=case.member,
    )


def _noise_costs(case: Case) -> Iterator[Diagnosis]:
    """Answers in evaluation mode are drawn at random, and the mean of twenty draws is better on training and
    validation rows, by 2.5 standard errors and by .01 of sharp marks."""
    if case.train is None or case.validation is None or len(case.validation) < FEWEST:
        return
    gains, told = [], []
    for rows in (case.train.spread(JUDGED), case.validation.spread(JUDGED)):
        seeded(0)
        drawn = [case.answers(rows) for _ in range(FEW_DRAWS)]
        if (drawn[0] == drawn[1]).all():
            return
        drawn += [case.answers(rows) for _ in range(DRAWS - FEW_DRAWS)]
        mean = np.mean(drawn, axis=0)
        own, means = alike([_sharp(case, drawn[0], rows), _sharp(case, mean, rows)])
        gains.append(means - own)
        told = [marked(case, case.marks(each, rows)) for each in (drawn[0], mean)]
    gained = np.concatenate(gains)
    if not gained.mean() > max(SURELY * _error(gained), LOST_ON_EACH):
        return
    yield Diagnosis(
        "modes_disagree",
        "error",
        f"in evaluation mode the same rows get other answers each time: on validation rows {told[0]}, and "
        f"the mean of {DRAWS} draws {told[1]}",
        {"gained": {"gain": round(float(gained.mean()), 4), "error": round(_error(gained), 4)}},
        "dropout as a function is on unless it is told training=self.training, or random numbers are drawn "
        "in forward whatever the mode",
        Fix("use nn.Dropout, or give F.dropout training=self.training"),
        member=case.member,
    )


@dataclass(frozen=True)
class Modes:
    """The same rows in both modes.

    Arguments:
        trained, evaluated: losses in training and in evaluation mode.
        lost: marks that evaluation mode loses. [n]
        sharp_lost: of the marks of `proof.sharp`, where there are. [n]
    """

    trained: float
    evaluated: float
    lost: np.ndarray
    sharp_lost: np.ndarray

    @property
    def apart(self) -> bool:
        return not self.evaluated <= self.trained + (WORSE - 1) * abs(self.trained)


def _both_modes(case: Case, rows: Rows) -> Modes:
    size = max(2, min(case.plan.batch_size or 32, len(rows)))
    count = max(1, min(JUDGED, len(rows)) // size)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[: count * size]
    rows = rows.at(order.to(rows.weight.device))
    parts = [rows.at(slice(place * size, (place + 1) * size)) for place in range(count)]
    twin = case.twin()
    mode = Mode(training=True, generators=[torch.Generator(twin.flat.device).manual_seed(0)])
    losses, marks = [], []
    sharper: list[Marks] = []
    for network, how in ((twin, mode), (case.network, PREDICT)):
        judged = [_judged(case, part, network, how) for part in parts]
        answers = np.concatenate([own for _, own in judged])
        losses.append(float(np.mean([loss for loss, _ in judged])))
        marks.append(finite(case.marks(answers, rows)))
        sharper.append(_sharp(case, answers, rows))
    sharp_trained, sharp_evaluated = alike(sharper)
    return Modes(losses[0], losses[1], marks[0] - marks[1], sharp_trained - sharp_evaluated)


def _sharp(case: Case, answers: np.ndarray, rows: Rows) -> Marks:
    """Marks, and sharp ones of probabilities. Each [n]"""
    return bounded(case.marks(answers, rows)), sharp_of(case, answers, rows)


def _surely(seen: np.ndarray, others: np.ndarray) -> bool:
    """Whether both means are worth telling, and their sum more than two standard errors."""
    total, error = float(seen.mean() + others.mean()), float(np.hypot(_error(seen), _error(others)))
    return min(seen.mean(), others.mean()) > LOST_ON_EACH and total > 2 * error


def _error(lost: np.ndarray) -> float:
    return float(lost.std() / np.sqrt(len(lost)))


def _unscaled(case: Case) -> Iterator[Diagnosis]:
    """What goes into a layer is drawn at random while training, and in the mean over draws less than .6 or
    more than 1.7 times what it is in evaluation mode.

    Dropout divides by the share that it keeps, so that the mean is the same; before a layer normalisation it
    comes to .7 at a rate of .5. Nothing is said where the inputs themselves are drawn: changed rows are
    meant to be others. A proof of harm: with these numbers multiplied by that share in evaluation mode the
    loss of validation rows is a tenth lower.
    """
    if not isinstance(case.network, ForeignNetwork) or case.train is None:
        return
    flow, twin = flow_of(case), replace(case, network=case.twin())
    still = _given(twin, flow, training=False)
    drawn = [_given(twin, flow, training=True) for _ in range(FEW_DRAWS)]
    names = [[name for name, *_ in each] for each in (still, *drawn)]
    if any(each != names[0] for each in names):
        return  # other operations in each pass: they cannot be told apart
    for place, (name, layer, own) in enumerate(still):
        if torch.equal(drawn[0][place][-1], drawn[1][place][-1]):
            continue
        if place == 0:
            return
        drawn += [_given(twin, flow, training=True) for _ in range(DRAWS - FEW_DRAWS)]
        mean = torch.stack([each[place][-1] for each in drawn]).mean(0)
        share = float((mean * own).sum() / own.square().sum().clamp(min=1e-30))
        if not (share < LEAST_SHARE or share > 1 / LEAST_SHARE):  # nor of numbers that are none
            return
        evidence: dict[str, Any] = {"layer": name, "share": round(share, 4)}
        alone = [each for _, each, _ in still].count(layer) == 1  # what goes into it is its module's input
        losses, told = _scaled(case, layer, share) if alone else None, ""
        if losses is not None and losses[1] < LESS * losses[0]:
            evidence["gained"] = round(losses[0] - losses[1], 4)
            told = f"; multiplied by that the loss of validation rows is {losses[1]:.3g}, not {losses[0]:.3g}"
        yield Diagnosis(
            "modes_disagree",
            "error",
            f"what goes into {name} is drawn at random while training, and is {share:.2g} times what it is "
            f"in evaluation mode in the mean{told}",
            evidence,
            "dropout of one's own that does not divide by the share that it keeps, so that the layers behind "
            "it meet larger numbers in evaluation mode than they have learnt with",
            Fix("divide by the share that is kept while training, or take nn.Dropout, which does"),
            member=case.member,
        )
        return


def _given(case: Case, flow: Flow, *, training: bool) -> list[tuple[str, str, Tensor]]:
    """Each learnt linear layer in words and by name, and what goes into it [n, ...]."""
    with torch.no_grad():
        calls = case.trace(flow.rows, training=training).of(AFFINE)
    learnt = [call for call in calls if flow.is_affine(call)]
    return [(spoken(call), call.layer, call.inputs[flow.data(call)[0]].double()) for call in learnt]


def _scaled(case: Case, layer: str, share: float) -> tuple[float, float] | None:
    """The loss of validation rows in evaluation mode, as it is and with what goes into a layer multiplied;
    None where that layer is no module of its own."""
    twin = case.twin()
    assert isinstance(twin, ForeignNetwork)
    part = twin.owned[0].get_submodule(layer)
    if [*part.children()] or case.validation is None or not len(case.validation):
        return None
    rows = case.validation.spread(JUDGED)
    part.register_forward_pre_hook(lambda _, given: (given[0] * share, *given[1:]))
    return case.loss(rows), case.loss(rows, twin)


def _judged(case: Case, rows: Rows, network: Trainable, mode: Mode) -> tuple[float, np.ndarray]:
    """Loss and answers [n, C] of some rows."""
    with torch.no_grad():
        raw, target = rows.led()
        output = network(raw, mode)
        loss = float(network.losses(output, target)[0])
        answers = network.answers(output)[0].reshape(len(rows), -1).double().cpu().numpy()
    return loss, answers


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
        seeded(seed)
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
