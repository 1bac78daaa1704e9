"""Remedies of rates, optimisers, batches and epochs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from netwright import callbacks, optimizers
from netwright.doctor.case import untouched
from netwright.doctor.proof import proven_rate
from netwright.doctor.trial import trial
from netwright.schedules import LearningRateSchedule
from netwright.trainer.course import Again, Course
from netwright.trainer.remedies.patient import Patient, Remedy, both

ENOUGH_STEPS = 300  # a training of fewer is hardly one
USUAL_STEPS, HIGHEST = 3000, 0.006  # of a training, and the rate that it rises to
RATES = (0.002, 0.02)
DECAY = 0.1
MOST_LONGER = 5  # times the epochs
MOST_NORM = 10.0  # that gradients are clipped at; longer ones were no usual ones
FAINT = 1e-4  # norm of a gradient
FEW = 256  # rows that it is taken of


def rate_of(course: Course, patient: Patient) -> float:
    evidence = patient.diagnosis.evidence.get("learning_rate")
    if evidence:
        return float(evidence)
    return patient.case.plan.learning_rate if patient.case is not None else 1e-3


def at_rate(course: Course, rate: float) -> Course:
    """Another learning rate, with the same schedule where that is one of rates relative to it."""
    own = course.optimizer
    inside = getattr(own, "learning_rate", None)
    values: dict[str, Any] = {"learning_rate": rate}
    if not isinstance(course.schedule, str):
        values["schedule"] = "constant"
    if isinstance(inside, LearningRateSchedule):
        values["optimizer"] = replace(own, learning_rate=rate)
    return course.changed(f"learning rate {rate:.3g}", **values)


def told_rate(course: Course, patient: Patient) -> Course | None:
    """The rate that the diagnosis has proved to be better, or recommends."""
    rate = patient.told.get("training.learning_rate")
    if isinstance(rate, int | float) and rate > 0:
        return at_rate(course, float(rate))
    if patient.told.get("training.schedule"):  # the rate falls too early
        return at_rate(course, rate_of(course, patient))
    return None


def best_rate(course: Course, patient: Patient) -> Course | None:
    """The rate at which short trainings came furthest, see `proof.proven_rate`."""
    rate = proven_rate(patient.diagnosis.evidence)
    return None if rate is None else at_rate(course, rate)


def rate_times(factor: float) -> Remedy:
    """Another learning rate."""

    def change(course: Course, patient: Patient) -> Course | None:
        return at_rate(course, rate_of(course, patient) * factor)

    return change


def usual_rate(course: Course, patient: Patient) -> Course | None:
    """The rate that the optimiser usually has; see `Plan.usual_rate`."""
    rate = 0.001 if patient.case is None else patient.case.plan.usual_rate
    if abs(rate / max(rate_of(course, patient), 1e-30) - 1) < 0.01:
        return None
    return at_rate(course, rate)


def usual_optimizer(course: Course, patient: Patient) -> Course:
    """Adam for all parameters, without weight decay, gradients clipped at 1, in one cycle: the rate rises to
    .006 and falls to nothing, or to as much as .02 where there are fewer than 3000 steps, .002 where there
    are many more. Where gradients are next to nothing, so is its epsilon.

    Source:
        Smith and Topin 2018, Super-Convergence: very fast training of neural networks using large learning
        rates, arXiv:1708.07120.
    """
    rate = HIGHEST * math.sqrt(USUAL_STEPS / _steps(course))
    rate = float(f"{min(max(rate, RATES[0]), RATES[1]):.1g}")
    faint, adam = _faint(patient), optimizers.Adam(learning_rate=rate)
    return course.changed(
        f"Adam in one cycle up to a learning rate of {rate:g}, gradients clipped at 1"
        + ", epsilon 1e-15" * faint,
        optimizer=replace(adam, epsilon=1e-15) if faint else adam,
        learning_rate=None,
        schedule="one-cycle",
        clip_norm=1.0,
    )


def usual_decay(course: Course, patient: Patient) -> Course:
    """The usual optimiser with a weight decay of .1."""
    made = usual_optimizer(course, patient)
    rate = made.optimizer.learning_rate
    return replace(
        made,
        optimizer=optimizers.AdamW(learning_rate=rate, weight_decay=DECAY),
        changes=(*course.changes, f"{made.changes[-1]}, weight decay of {DECAY}"),
    )


def _faint(patient: Patient) -> bool:
    """Whether gradients are so small that Adam's epsilon counts beside them."""
    case = patient.case
    if case is None or case.train is None:
        return False
    with untouched():
        loss, slope = trial(case).gradient(case.train.spread(FEW))
    return math.isfinite(loss) and 0 < float(slope.norm()) < FAINT


def all_held(course: Course, patient: Patient) -> Course | None:
    """The optimiser is given all parameters."""
    own = course.optimizer
    if not isinstance(own, Again) or own.whole:
        return None
    return course.changed("the optimiser holds all parameters", optimizer=replace(own, count=-1))


def no_decay(course: Course, patient: Patient) -> Course | None:
    """The same optimiser without weight decay."""
    own = course.optimizer
    if isinstance(own, optimizers.Optimizer) and own.weight_decay:
        return course.changed("no weight decay", optimizer=replace(own, weight_decay=None))
    if isinstance(own, Again) and any(given.get("weight_decay") for given, _ in own.groups):
        groups = tuple(({**given, "weight_decay": 0.0}, places) for given, places in own.groups)
        return course.changed("no weight decay", optimizer=replace(own, groups=groups))
    if patient.case is not None and patient.case.plan.weight_decay:
        return usual_optimizer(course, patient)
    return None


def told_momentum(course: Course, patient: Patient) -> Course | None:
    """The same optimiser with the momentum that the diagnosis recommends."""
    own, momentum = course.optimizer, patient.told.get("training.momentum")
    if not isinstance(momentum, float):
        return None
    words = f"a momentum of {momentum:g}"
    if isinstance(own, Again) and any("momentum" in given for given, _ in own.groups):
        groups = tuple(({**given, "momentum": momentum}, places) for given, places in own.groups)
        return course.changed(words, optimizer=replace(own, groups=groups))
    if isinstance(own, optimizers.SGD | optimizers.RMSprop):
        return course.changed(words, optimizer=replace(own, momentum=momentum))
    return usual_optimizer(course, patient)


def more_decay(course: Course, patient: Patient) -> Course | None:
    """AdamW with a weight decay, at the same rate where that was Adam's."""
    if isinstance(course.optimizer, Again):
        return None
    adam = patient.case is not None and patient.case.plan.optimizer.startswith("adam")
    rate = rate_of(course, patient) if adam else 0.001
    return course.changed(
        f"AdamW with a weight decay of {DECAY} at a learning rate of {rate:.3g}",
        optimizer=optimizers.AdamW(learning_rate=rate, weight_decay=DECAY),
        learning_rate=None,
    )


def clipped(course: Course, patient: Patient) -> Course | None:
    """Gradients clipped at the norm that the diagnosis tells, or at 1."""
    told = patient.told.get("training.clip_norm")
    norm = float(told) if isinstance(told, int | float) and 0 < told < MOST_NORM else 1.0
    if course.clip_norm is not None and course.clip_norm <= norm:
        return None
    return course.changed(f"gradients clipped at {norm:.3g}", clip_norm=norm)


def going_on(course: Course, patient: Patient) -> Course | None:
    """From the last finite weights at a tenth of the rate."""
    if patient.last is None:
        return None
    made = at_rate(course, rate_of(course, patient) / 10)
    return made.changed("from the last finite weights", module=patient.last)


def told_batch(course: Course, patient: Patient) -> Course | None:
    """Batches of the size that the diagnosis recommends."""
    size = patient.told.get("training.batch_size")
    if not isinstance(size, int) or size == course.batch_size:
        return None
    return course.changed(f"batches of {size}", batch_size=size)


def not_ended(course: Course, patient: Patient) -> Course | None:
    """All epochs are made, where the diagnosis is that the training was ended early."""
    kept = tuple(each for each in course.callbacks if not isinstance(each, callbacks.EarlyStopping))
    if "training.patience" not in patient.told or len(kept) == len(course.callbacks):
        return None
    return course.changed("all epochs, no early stopping", callbacks=kept)


def steady(course: Course, patient: Patient) -> Course | None:
    """No callback changes the rate, where a rate that falls may be what is wrong."""
    kinds = callbacks.ReduceLROnPlateau | callbacks.LearningRateScheduler
    kept = tuple(each for each in course.callbacks if not isinstance(each, kinds))
    if len(kept) == len(course.callbacks):
        return None
    return course.changed("no callback changes the rate", callbacks=kept)


def larger_batch(course: Course, patient: Patient) -> Course | None:
    """Batches of 32 at least."""
    return None if course.batch_size >= 32 else course.changed("batches of 32", batch_size=32)


def calm_batches(course: Course, patient: Patient) -> Course | None:
    """Batches of 8 where they are of fewer rows, at a tenth of the rate, and gradients clipped."""
    if course.batch_size >= 8:
        return None
    made = course.changed("batches of 8", batch_size=8)
    return both(rate_times(0.1), clipped)(made, patient)


def longer(course: Course, patient: Patient) -> Course | None:
    """More epochs, where there are so few steps that this is hardly a training."""
    steps = _steps(course)
    if steps >= ENOUGH_STEPS:
        return None
    epochs = min(MOST_LONGER * course.epochs, math.ceil(course.epochs * ENOUGH_STEPS / steps))
    return course.changed(f"{epochs} epochs", epochs=epochs)


def kept_best(course: Course, patient: Patient) -> Course | None:
    """The weights of the best epoch are kept."""
    early = callbacks.EarlyStopping(patience=max(3, course.epochs // 5), restore_best_weights=True)
    return course.changed(
        "early stopping, the best epoch's weights are kept", callbacks=(*course.callbacks, early)
    )


def shuffled(course: Course, patient: Patient) -> Course | None:
    """Rows come in another order in each epoch."""
    return None if course.shuffle else course.changed("rows are shuffled", shuffle=True)


def _steps(course: Course) -> int:
    return course.epochs * max(1, math.ceil(len(course.y) / course.batch_size))


def calmer(course: Course, patient: Patient) -> Course | None:
    """The recommended rate and clipping; where the rate is far above the usual, a usual optimiser."""
    usual = usual_rate(course, patient)
    if usual is not None and usual.learning_rate < 0.1 * rate_of(course, patient):
        return usual_optimizer(course, patient)
    return both(told_rate, clipped)(course, patient)
