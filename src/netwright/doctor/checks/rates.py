"""Whether the learning rate is to blame: short trainings from the first weights show what others reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from netwright.doctor.again import Change, again
from netwright.doctor.case import Case
from netwright.doctor.checks.regularisation import over_regularised
from netwright.doctor.checks.units import blocked
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix, Severity
from netwright.doctor.record import Record
from netwright.doctor.replay import BETTER, replay, steps_done, top_rate
from netwright.doctor.standing import standing
from netwright.doctor.trouble import drawn, kernels, marked, troubled

HIGH, LOW = 0.1, 1e-5  # change of a step as a share of the weights
SLOW = 3e-4  # the same, where a higher rate has been shown to be better
SMALL = 0.01  # root mean square of a kernel; less is next to nothing
GOES_ON = 0.9  # of the loss, after some more steps
MANY = 500  # steps; longer trainings show by themselves whether they go on
GROWN = 5.0  # times the first gradient
FEW_ROWS = 8  # of a batch
NOISE = 10.0
LONGER = 4.0  # times the weights at the start
LOWER = (0.1, 0.01)  # rates that whole trainings are made at
LESS = 0.9  # of the loss of training rows
MOST = 0.5  # of a layer's units
SHORT = 0.01  # steps, where ten times the rate has been shown to be better
POSSIBLY, LIKELY, SURELY, CLEARLY = 0.5, 1.0, 2.5, 3.0  # standard errors
LEAST, PLAIN = 0.01, 0.03  # marks


def rate_too_high(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The training ends badly, and some steps from the same start at a lower rate get further than it did.

    Where short trainings cannot be made: steps of more than a tenth of the weights' length, as a median.
    Another kind of it: gradients that add up from step to step, so that the rate is too high in effect.
    """
    if not troubled(case, record):
        yield from _costs(case, record, "warning")
        yield from _costs_by_sums(case, record, "warning")
        return
    rate, ratios = top_rate(case, record), _ratios(record)
    evidence = {"learning_rate": rate, "series": {"train_loss": drawn(record.train_loss)}}
    try:
        found = replay(case, record)
    except CannotTellError:
        step = float(np.median(ratios[:, : ratios.shape[1] // 2 + 1])) if ratios.size else 0.0
        if step > HIGH:
            yield _too_high(
                case,
                f"each step changes the weights by {100 * step:.0f} % of their length (usual is 0.1 %)",
                evidence | {"update": step},
                rate / 10,
            )
        return
    evidence |= found.as_dict()
    if found.helps and found.best < 1 and not _is_of_others(case, record):
        yield _too_high(
            case,
            f"{found.longer} steps at a learning rate of {rate * found.best:.2g} bring the loss of training "
            f"rows to {found.at(found.best):.3g}; the training at {rate:.2g} ends at {_loss(found.now)}",
            evidence,
            rate * found.best,
        )
    elif 0 <= found.calm < BETTER * found.now and _adds_up(record) and not _is_of_others(case, record):
        proof = f"{found.longer} plain steps at the same rate reach {found.calm:.3g}"
        yield _adding_up(case, record, found.now, proof, evidence, "error")
    else:
        yield from _costs(case, record, "error")
        yield from _costs_by_sums(case, record, "error")


def _costs(case: Case, record: Record, severity: Severity) -> Iterator[Diagnosis]:
    """Steps are far too long, and the whole training at a tenth or a hundredth of the rate leads to a better
    network: a tenth less of the loss of training rows, and validation rows better by more than a standard
    error, or half of one where most units of a layer have died besides.

    Too long: a median of more than a tenth of the weights' length, which ends as four times what it was or
    more; or batches are of fewer than 8 rows and half of a layer's units have died. In 110
    healthy trainings the first two come to .1 and 6, but not together, and a third of the units die at most;
    at a hundred times the rate it is .13 to .3, 6 to 65 times, and 40 to 100 % of the units.
    """
    step, grown = _sizes(record)
    died = max((float(each.dead[-1] - each.dead[0]) for each in record.units if len(each.dead)), default=0.0)
    size = case.plan.batch_size
    if step > HIGH and grown > LONGER:
        told = (
            f"each step changes the weights by {100 * step:.0f} % of their length (usual is 0.1 to 5 %), "
            f"which ends as {grown:.0f} times what it was"
        )
    elif 0 < size < FEW_ROWS and died > MOST:
        told = (
            f"in steps of {size} {'row' if size == 1 else 'rows'} {100 * died:.0f} % of the units of a layer "
            "have died"
        )
    else:
        return
    if _is_of_others(case, record):
        return
    rate = top_rate(case, record)
    tried = {factor: again(case, record, Change(factor)) for factor in LOWER}
    factor = max(tried, key=lambda each: tried[each].gain / tried[each].error)
    found = tried[factor]
    errors = POSSIBLY if died > MOST else LIKELY
    if found.loss >= LESS * found.now or found.gain <= max(errors * found.error, LEAST):
        return
    yield _too_high(
        case,
        f"{told}; as many steps at a learning rate of {rate * factor:.2g} lead to "
        f"{marked(case, found.after)} on validation rows, where it was {marked(case, found.before)}, and the "
        f"loss of training rows is {found.loss:.3g} in the place of {_loss(found.now)}",
        {
            "learning_rate": rate,
            "update": float(f"{step:.4g}"),
            "grown": float(f"{grown:.4g}"),
            "gained": found.as_dict(),
            "series": {"train_loss": drawn(record.train_loss)},
        },
        rate * factor,
        severity,
    )


def _costs_by_sums(case: Case, record: Record, severity: Severity) -> Iterator[Diagnosis]:
    """Gradients grow from step to step, and as many plain steps at the same rate, from the first weights or
    from where the network is now, lead to a clearly better one."""
    if not _adds_up(record) or case.plan.clip_norm is not None or _is_of_others(case, record):
        return  # clipped steps are no longer for longer gradients
    found = max((again(case, record), again(case, record, Change(goes_on=True))), key=lambda each: each.gain)
    if found.loss < BETTER * found.now and found.gain > max(SURELY * found.error, PLAIN):
        proof = (
            f"as many plain steps at the same rate reach {found.loss:.3g}, and {marked(case, found.after)} "
            f"on validation rows in the place of {marked(case, found.before)}"
        )
        yield _adding_up(case, record, found.now, proof, {"gained": found.as_dict()}, severity)


def _adding_up(
    case: Case, record: Record, loss: float, proof: str, evidence: dict[str, Any], severity: Severity
) -> Diagnosis:
    first, last = _ends(record)
    return Diagnosis(
        "rate_too_high",
        severity,
        f"the gradient's norm grows from {first:.2g} to {last:.2g} in the training, whose loss ends at "
        f"{_loss(loss)}; {proof}",
        evidence | {"series": {"gradient norm": drawn(record.norm)}},
        "gradients that are not set to zero before each step add up: the steps get larger and larger",
        Fix("call optimizer.zero_grad() before each step; else lower the learning rate"),
        member=case.member,
    )


def rate_too_low(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The training ends badly, its steps change the weights by less than .0003 of their length, and some
    steps from the same start at a rate of ten times and more get further than all of it.

    Where short trainings cannot be made: steps of less than 1e-5. Another kind of it: a schedule that takes
    the rate to nothing before half of the training is done.
    """
    if not troubled(case, record):
        return
    rate, ratios = top_rate(case, record), _ratios(record)
    if not len(ratios):
        return
    step = float(np.median(ratios, axis=1).max())
    evidence = {"learning_rate": rate, "update": step, "series": {"train_loss": drawn(record.train_loss)}}
    rates = record.learning_rate
    early = len(rates) >= 4 and np.median(rates) < 0.01 * rate
    try:
        found = replay(case, record)
    except CannotTellError:
        if step < LOW:
            yield _too_low(
                case,
                f"each step changes the weights by {step:.1e} of their length (usual is .001)",
                evidence,
                rate * 100,
            )
        return
    evidence |= found.as_dict()
    if step < LOW and not blocked(case, record) and not found.helps:
        yield _too_low(
            case,
            f"each step changes the weights by {step:.1e} of their length (usual is .001) at a rate of "
            f"{rate:.2g}; no rate tried makes up for gradients so small",
            evidence,
            rate * 1000,
        )
        return
    if not found.helps or blocked(case, record):
        return
    if early and found.learning[found.factors >= 1].any():
        yield Diagnosis(
            "rate_too_low",
            "error",
            f"the learning rate falls from {rate:.2g} to {np.median(rates):.2g} before half of the training "
            f"is done, whose loss ends at {_loss(found.now)}; {found.longer} steps at "
            f"{rate * found.best:.2g} reach {found.at(found.best):.3g}",
            evidence | {"series": {"learning_rate": drawn(rates)}},
            "a schedule that ends before the training does",
            Fix("let the rate fall over the whole training", {"training.schedule": "cosine"}),
            member=case.member,
        )
    elif found.best >= 10 and step < SLOW:
        yield _too_low(
            case,
            f"{found.longer} steps at a learning rate of {rate * found.best:.2g} bring the loss of training "
            f"rows to {found.at(found.best):.3g}, where all {steps_done(record)} steps at {rate:.2g} end at "
            f"{_loss(found.now)}",
            evidence,
            rate * found.best,
        )
    elif step < SHORT and not _unfinished(case, record) and not _is_of_others(case, record):
        yield from _gains_by_more(case, record, evidence)


def _gains_by_more(case: Case, record: Record, evidence: dict[str, Any]) -> Iterator[Diagnosis]:
    """The whole training at ten times the rate is clearly better, on training rows and, by 3 standard errors,
    on validation rows; and not because the same training made again is.

    Asked only of networks that end badly after steps of less than .01; most healthy ones take .01 to .1.
    """
    try:
        found, same = again(case, record, Change(10.0)), again(case, record)
    except CannotTellError:
        return
    clear = found.gain > max(CLEARLY * found.error, PLAIN) and found.loss < found.now
    if not clear or same.gain > 0.5 * found.gain or same.loss < LESS * same.now:
        return
    rate = top_rate(case, record)
    yield _too_low(
        case,
        f"{found.steps} steps at a learning rate of {rate * 10:.2g} lead to {marked(case, found.after)} on "
        f"validation rows, where as many at {rate:.2g} have led to {marked(case, found.before)}; the loss of "
        f"training rows is {found.loss:.3g} in the place of {_loss(found.now)}",
        evidence | {"gained": found.as_dict()},
        rate * 10,
    )


def slow_convergence(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The network ends behind simple models, and training and validation loss still fall as they did."""
    if not troubled(case, record) or record.stopped == "diverged":
        return
    level = _levels(record)
    if level is None or not _unfinished(case, record) or any(True for _ in rate_too_low(case, record)):
        return
    before = level[-1 - max(1, len(level) // 5)]
    stand, rate = standing(case), top_rate(case, record)
    factor, proof, evidence = 3.0, "", {}
    try:
        found = replay(case, record)
        evidence = found.as_dict()
        if found.helps and found.best > 1:
            factor = found.best
            proof = f"; {found.longer} steps at a rate of {rate * factor:.2g} reach {found.at(factor):.3g}"
    except CannotTellError:
        pass
    yield Diagnosis(
        "slow_convergence",
        "error" if stand.learnt < 0.05 else "warning",
        f"the loss still falls at the end, from {before:.3g} to {level[-1]:.3g} in the last fifth, and "
        f"the network is not as good as simple models yet{proof}",
        evidence | {"learnt": round(stand.learnt, 4), "series": {"train_loss": drawn(record.train_loss)}},
        "a low learning rate, or too few epochs",
        Fix(
            f"a learning rate of {rate * factor:.2g}, or three times the epochs",
            {"training.learning_rate": float(f"{rate * factor:.2g}"), "training.epochs": 3 * record.epochs},
        ),
        member=case.member,
    )


def _unfinished(case: Case, record: Record) -> bool:
    """Whether the losses still fall as they did: some more steps prove it, or it is seen."""
    level = _levels(record)
    if level is None or level[-1] < 0 or _is_of_others(case, record):
        return False
    fallen, late = level[0] - level[-1], level[-1 - max(1, len(level) // 5)] - level[-1]
    falls = fallen > 0 and late > 0.1 * fallen and level[-1] <= level.min() + 0.05 * fallen
    if not (_goes_on(case, record) or falls):
        return False
    judged = record.validation_loss
    return not (len(judged) >= 3 and judged[-1] > judged.min() + 0.02 * abs(judged.min()))


def _goes_on(case: Case, record: Record) -> bool:
    """Whether a short training has learnt something, and some more steps make the loss a tenth less."""
    if steps_done(record) > MANY:
        return False
    try:
        found = replay(case, record)
    except CannotTellError:
        return False
    return found.now < 0.98 * found.first and found.further < GOES_ON * found.now


def oscillating_loss(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The training ends badly, and its loss goes up and down by more than a tenth from epoch to epoch; or
    batches are of fewer than 8 rows and their gradients mostly noise, a tenth of them ten times the median.
    """
    if not troubled(case, record) or _is_of_others(case, record):
        return
    rate, size = top_rate(case, record), case.plan.batch_size
    losses = record.train_loss[np.isfinite(record.train_loss)]
    moves = np.diff(losses)
    turns = float(np.mean(moves[1:] * moves[:-1] < 0)) if len(moves) > 3 else 0.0
    swing = float(np.median(np.abs(moves)) / max(1e-12, abs(np.median(losses)))) if len(moves) else 0.0
    norms = record.norm[np.isfinite(record.norm)]
    noise = float(np.quantile(norms, 0.9) / max(np.median(norms), 1e-12)) if len(norms) else 0.0
    evidence = {
        "turns": round(turns, 3),
        "swing": round(swing, 4),
        "noise": float(f"{noise:.3g}"),
        "batch_size": size,
        "series": {"train_loss": drawn(record.train_loss)},
    }
    if 0 < size < FEW_ROWS and (noise > NOISE or _calms(case, record)):
        yield Diagnosis(
            "oscillating_loss",
            "error",
            f"batches of {size} {'row' if size == 1 else 'rows'} give gradients that are mostly noise: the "
            f"largest tenth are {noise:.2g} times the median, and the network is worse than simple models",
            evidence,
            "batches that are too small for the learning rate",
            Fix("batches of 32 rows, or a tenth of the rate", {"training.batch_size": 32}),
            member=case.member,
        )
    elif turns >= 0.5 and swing > 0.1:
        yield Diagnosis(
            "oscillating_loss",
            "warning",
            f"the training loss turns in {100 * turns:.0f} % of the epochs and moves by {100 * swing:.0f} % "
            "in each",
            evidence,
            "a learning rate that is too high for the last part of the training, or small batches",
            Fix(
                "a third of the rate, a schedule that lets it fall, or larger batches",
                {"training.learning_rate": float(f"{rate / 3:.2g}"), "training.schedule": "cosine"},
            ),
            member=case.member,
        )


def _calms(case: Case, record: Record) -> bool:
    """Whether some steps at the same rate with more rows get further than the whole training."""
    try:
        found = replay(case, record)
    except CannotTellError:
        return False
    return found.calm < BETTER * found.goal


def _is_of_others(case: Case, record: Record) -> bool:
    """Whether penalties or dropout, batches of a few rows, or the first weights explain it better."""
    return blocked(case, record) or any(True for _ in over_regularised(case, record))


def _too_high(
    case: Case, message: str, evidence: dict[str, Any], rate: float, severity: Severity = "error"
) -> Diagnosis:
    return Diagnosis(
        "rate_too_high",
        severity,
        message,
        evidence,
        "steps that jump over what they look for",
        Fix(f"a learning rate of {rate:.2g}", {"training.learning_rate": float(f"{rate:.2g}")}),
        member=case.member,
    )


def _too_low(case: Case, message: str, evidence: dict[str, Any], rate: float) -> Diagnosis:
    return Diagnosis(
        "rate_too_low",
        "error",
        message,
        evidence,
        "steps too small to get anywhere in the epochs that there are",
        Fix(f"a learning rate of {rate:.2g}", {"training.learning_rate": float(f"{rate:.2g}")}),
        member=case.member,
    )


def _ratios(record: Record) -> np.ndarray:
    """Change of the kernels in a step as a share of their length, or of a usual one where they start from
    nearly nothing. [layers, Q]"""
    with np.errstate(all="ignore"):  # of weights that ran away
        found = [each.update * each.weight / np.maximum(each.weight, SMALL) for each in kernels(record)]
    return np.nan_to_num(np.array(found), nan=1e6, posinf=1e6) if found else np.zeros((0, 1))


def _sizes(record: Record) -> tuple[float, float]:
    """The change of a kernel in a step as a share of its length, as a median, and how many times its first
    length it ends with; each of the kernel where it is largest."""
    ratios = _ratios(record)
    grown = [each.weight[-1] / max(each.weight[0], SMALL) for each in kernels(record) if len(each.weight)]
    if not ratios.size or not grown:
        return 0.0, 1.0
    return float(np.median(ratios, axis=1).max()), float(np.nan_to_num(max(grown), nan=1e6, posinf=1e6))


def _ends(record: Record) -> tuple[float, float]:
    """Gradient norms at the beginning and at the end."""
    norms = record.norm[np.isfinite(record.norm)]
    part = max(1, len(norms) // 10)
    return float(np.median(norms[:part])), float(np.median(norms[-part:]))


def _adds_up(record: Record) -> bool:
    """Whether gradients grow throughout."""
    norms = record.norm[np.isfinite(record.norm)]
    if len(norms) < 10:
        return False
    first, last = _ends(record)
    level = np.array([np.median(part) for part in np.array_split(norms, 5)])
    return last > GROWN * first and bool(level[-1] > level[0]) and np.median(level[1:]) > GROWN * norms[0]


def _levels(record: Record) -> np.ndarray | None:
    """The training loss of each epoch, or in ten parts of the training where epochs are few."""
    losses = record.train_loss[np.isfinite(record.train_loss)]
    if len(losses) >= 3:
        return losses
    losses = record.step_loss[np.isfinite(record.step_loss)]
    return np.array([np.median(part) for part in np.array_split(losses, 10)]) if len(losses) >= 10 else None


def _loss(loss: float) -> str:
    return f"{loss:.3g}" if np.isfinite(loss) else "no finite number"
