"""What helps against what: from a diagnosis to changes of a course, in the order to try them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright import callbacks, optimizers
from netwright.doctor import plain
from netwright.doctor.case import Case, untouched
from netwright.doctor.diagnosis import Diagnosis
from netwright.doctor.proof import proven_rate
from netwright.doctor.trial import trial
from netwright.schedules import LearningRateSchedule
from netwright.trainer import surgery
from netwright.trainer.course import Again, Course


@dataclass(frozen=True)
class Patient:
    """What a remedy may look at.

    Arguments:
        case: as it was after the original training; None where there is none.
        diagnosis: what the remedy is for.
        last: the module as it was after the last epoch whose numbers were finite, where the training broke
            down; None otherwise.
    """

    case: Case | None
    diagnosis: Diagnosis
    last: nn.Module | None = None

    @property
    def told(self) -> dict[str, Any]:
        """Settings that the diagnosis itself recommends, by dotted key."""
        return self.diagnosis.fix.config


Remedy = Callable[[Course, Patient], Course | None]
"""gives a changed course, or None where it does not apply"""

ENOUGH_STEPS = 300  # a training of fewer is hardly one
USUAL_STEPS = 3000
MOST_LONGER = 5  # times the epochs
MOST_NORM = 10.0  # that gradients are clipped at; longer ones were no usual ones
FAINT = 1e-4  # norm of a gradient
FEW = 256  # rows that it is taken of
NARROW = 8  # units
TIMES = 3  # that doubtful targets are looked at
MOMENTUM = 0.1  # of batch normalisation, as PyTorch has it


# ------------------------------------------------------------------------------------------------- rate


def _rate(course: Course, patient: Patient) -> float:
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
        return at_rate(course, _rate(course, patient))
    return None


def best_rate(course: Course, patient: Patient) -> Course | None:
    """The rate at which short trainings came furthest, see `proof.proven_rate`."""
    rate = proven_rate(patient.diagnosis.evidence)
    return None if rate is None else at_rate(course, rate)


def rate_times(factor: float) -> Remedy:
    """Another learning rate."""

    def change(course: Course, patient: Patient) -> Course | None:
        return at_rate(course, _rate(course, patient) * factor)

    return change


def usual_rate(course: Course, patient: Patient) -> Course | None:
    """The rate that the optimiser usually has; see `Plan.usual_rate`."""
    rate = 0.001 if patient.case is None else patient.case.plan.usual_rate
    if abs(rate / max(_rate(course, patient), 1e-30) - 1) < 0.01:
        return None
    return at_rate(course, rate)


def usual_optimizer(course: Course, patient: Patient) -> Course | None:
    """Adam for all parameters, without weight decay, gradients clipped at 1: at a rate of .001, or up to .005
    where there are fewer than 3000 steps. Where gradients are next to nothing, so is its epsilon."""
    steps = course.epochs * max(1, math.ceil(len(course.y) / course.batch_size))
    rate = float(f"{0.001 * min(5.0, max(1.0, math.sqrt(USUAL_STEPS / steps))):.1g}")
    faint, adam = _faint(patient), optimizers.Adam(learning_rate=rate)
    return course.changed(
        f"Adam at a learning rate of {rate:g}, gradients clipped at 1" + ", epsilon 1e-15" * faint,
        optimizer=replace(adam, epsilon=1e-15) if faint else adam,
        learning_rate=None,
        schedule="constant",
        clip_norm=1.0,
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


def more_decay(course: Course, patient: Patient) -> Course | None:
    """AdamW with a weight decay of .1, at the same rate where that was Adam's."""
    if isinstance(course.optimizer, Again):
        return None
    adam = patient.case is not None and patient.case.plan.optimizer.startswith("adam")
    rate = _rate(course, patient) if adam else 0.001
    return course.changed(
        f"AdamW with a weight decay of 0.1 at a learning rate of {rate:.3g}",
        optimizer=optimizers.AdamW(learning_rate=rate, weight_decay=0.1),
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
    made = at_rate(course, _rate(course, patient) / 10)
    return made.changed("from the last finite weights", module=patient.last)


def larger_batch(course: Course, patient: Patient) -> Course | None:
    """Batches of 32 at least."""
    return None if course.batch_size >= 32 else course.changed("batches of 32", batch_size=32)


def calm_batches(course: Course, patient: Patient) -> Course | None:
    """Batches of 8 where they are of fewer rows, at a tenth of the rate, and gradients clipped."""
    if course.batch_size >= 8:
        return None
    made = course.changed("batches of 8", batch_size=8)
    return _both(rate_times(0.1), clipped)(made, patient)


def longer(course: Course, patient: Patient) -> Course | None:
    """More epochs, where there are so few steps that this is hardly a training."""
    steps = course.epochs * max(1, math.ceil(len(course.y) / course.batch_size))
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


# ----------------------------------------------------------------------------------------------- module


def fresh_start(course: Course, patient: Patient) -> Course | None:
    """Weights drawn anew, as each layer draws its own."""
    return course.changed("a new start", module=surgery.restarted(course.module, course.seed))


def thick(course: Course, patient: Patient) -> Course | None:
    """As `enlarged`, where a hidden layer has next to no units."""
    sizes = [
        surgery.sizes_of(part)[1] for part in course.module.modules() if isinstance(part, surgery.AFFINE)
    ]
    return enlarged(course, patient) if min(sizes[:-1], default=NARROW + 1) <= NARROW else None


def enlarged(course: Course, patient: Patient) -> Course | None:
    """Four times the units of each hidden layer, 32 at least, and a new start."""
    made = surgery.wider(course.module, 4, 32, course.seed)
    return None if made is None else course.changed("wider hidden layers", module=made)


def _surgery(words: str, operate: Callable[[nn.Module], nn.Module | None]) -> Remedy:
    def change(course: Course, patient: Patient) -> Course | None:
        made = operate(course.module)
        return None if made is None else course.changed(words, module=made)

    return change


rectified = _surgery(
    "ReLU in the place of sigmoid and tanh",
    lambda module: surgery.hidden_activations(module, surgery.SQUASHING, nn.ReLU),
)
smooth = _surgery(
    "GELU in the place of ReLU",
    lambda module: surgery.hidden_activations(module, surgery.RECTIFYING, nn.GELU),
)
normed = _surgery("layer normalisation before the activations", surgery.with_norms)
activated = _surgery("ReLU between layers that had none", surgery.with_activations)
open_end = _surgery("no activation after the last layer", surgery.without_end)
less_dropout = _surgery("dropout of .2 at most", lambda module: surgery.with_dropout(module, 0.2))
more_dropout = _surgery(
    "dropout of .3 after the activations", lambda module: surgery.add_dropout(module, 0.3)
)
unfrozen = _surgery("all parameters train", surgery.unfrozen)


def left_out(course: Course, patient: Patient) -> Course | None:
    """Parts of the user's own without parameters that give what they get in another way are left out."""
    values = patient.case.train if patient.case is not None else None
    if values is None or len(values.raw) != 1:
        return None
    names = surgery.plain_parts(course.module, next(iter(values.raw.values()))[:4])
    made = copy.deepcopy(course.module)
    for name in names:
        parent, _, last = name.rpartition(".")
        setattr(made.get_submodule(parent), last, nn.Identity())
    kinds = sorted({type(course.module.get_submodule(name)).__name__ for name in names})
    return course.changed(f"{', '.join(kinds)} left out", module=made) if names else None


def task_loss(course: Course, patient: Patient) -> Course | None:
    """The loss that the task usually has, and a head without an activation; for numbers the squared error, in
    the place of a function that is not known."""
    case = patient.case
    if case is None or case.task not in ("classes", "yes_no", "numbers"):
        return None
    if case.task == "numbers":
        unknown = case.purpose.takes == "unknown"
        return course.changed("the mean squared error", loss=nn.MSELoss()) if unknown else None
    if case.purpose.loss in ("cross_entropy", "binary_cross_entropy") and case.purpose.takes == "logits":
        return None
    open_ended = surgery.without_end(course.module) or course.module
    if case.task == "classes":
        return course.changed("cross-entropy of logits", loss=nn.CrossEntropyLoss(), module=open_ended)
    return course.changed("binary cross-entropy of logits", loss=nn.BCEWithLogitsLoss(), module=open_ended)


def as_classes(course: Course, patient: Patient) -> Course | None:
    """An output for each class and cross-entropy, where their codes were predicted as a number."""
    classes, outputs = (patient.diagnosis.evidence.get(name) for name in ("classes", "outputs"))
    case = patient.case
    if case is None or case.task != "numbers" or outputs != 1 or not classes:
        return None
    module = surgery.with_outputs(course.module, int(classes), course.seed)
    if module is None:
        return None
    y, held = (np.asarray(each).reshape(-1).astype(np.int64) for each in (course.y, course.validation[1]))
    if held.min() < 0 or held.max() >= classes:
        return None
    return course.changed(
        f"cross-entropy of {classes} outputs, one for each class",
        module=module,
        loss=nn.CrossEntropyLoss(),
        y=y,
        validation=(course.validation[0], held),
    )


def calm_norms(course: Course, patient: Patient) -> Course | None:
    """Running statistics of batch normalisation that follow the training."""

    def calm(part: nn.Module) -> nn.Module:
        assert isinstance(part, surgery.BATCH_NORMS)
        if part.momentum == MOMENTUM and part.track_running_stats:
            return part
        made = type(part)(part.num_features, eps=part.eps, affine=part.affine)
        made.load_state_dict(part.state_dict(), strict=False)
        changed.append(made)
        return made

    changed: list[nn.Module] = []
    made = surgery.replaced(course.module, surgery.BATCH_NORMS, calm)
    if made is None or not changed:
        return None
    return course.changed(f"batch normalisation with a momentum of {MOMENTUM}", module=made)


# ------------------------------------------------------------------------------------------------- data


def _inputs(course: Course) -> Tensor | None:
    """Inputs [n, ...] of floating numbers, where there is one tensor of them."""
    if isinstance(course.x, tuple | dict | list):
        return None
    values = torch.as_tensor(np.asarray(course.x))
    return values.float() if values.is_floating_point() else None


def standardised_inputs(course: Course, patient: Patient) -> Course | None:
    """Inputs standardised inside the network, by the training rows."""
    values = _inputs(course)
    if values is None or isinstance(course.module, surgery.Standardised):
        return None
    made = surgery.Standardised(course.module, *surgery.scale_of(values))
    return course.changed("inputs standardised", module=made)


def standardised_targets(course: Course, patient: Patient) -> Course | None:
    """Outputs on the scale of the targets, so that the network learns standardised ones."""
    case, of_classes = patient.case, isinstance(course.loss, nn.CrossEntropyLoss)
    if case is None or case.task != "numbers" or of_classes or isinstance(course.module, surgery.Rescaled):
        return None
    target = torch.as_tensor(np.asarray(course.y)).float()
    mean, deviation = target.mean(0), target.std(0).clamp(min=1e-12)
    return course.changed("targets standardised", module=surgery.Rescaled(course.module, mean, deviation))


def balanced(course: Course, patient: Patient) -> Course | None:
    """Rows weigh so that all classes weigh alike."""
    case = patient.case
    if (
        case is None
        or case.train is None
        or case.task not in ("classes", "yes_no")
        or course.weight is not None
    ):
        return None
    target = torch.as_tensor(np.asarray(course.y))
    flat = target.reshape(len(target), -1)
    codes = flat.argmax(1) if flat.shape[1] > 1 else flat[:, 0].long()
    counts = torch.bincount(codes).clamp(min=1)
    weight = (len(codes) / ((counts > 0).sum() * counts))[codes]
    return course.changed("classes weigh alike", weight=weight.float().numpy())


def without_rows(course: Course, patient: Patient) -> Course | None:
    """Training rows whose labels look wrong are left out."""
    notes = {} if patient.case is None else patient.case.notes
    rows = notes.get("suspects", patient.diagnosis.evidence.get("suspects"))
    if not rows or isinstance(course.x, tuple | dict | list):
        return None
    keep = np.setdiff1d(np.arange(len(course.y)), np.asarray(rows))
    x, y = np.asarray(course.x)[keep], np.asarray(course.y)[keep]
    weight = None if course.weight is None else np.asarray(course.weight)[keep]
    return course.changed(f"{len(rows)} doubtful rows left out", x=x, y=y, weight=weight)


def corrected(course: Course, patient: Patient) -> Course | None:
    """Training rows take the class that simple models give them which have not seen them; and again, with
    models that learn from what they took."""
    case = patient.case
    rows = None if case is None else case.train
    if case is None or rows is None or rows.numbers is None or case.task not in ("classes", "yes_no"):
        return None
    y = np.asarray(course.y).copy()
    if y.size != len(y):
        return None  # a column for each class
    wanted, x = case.wanted(rows), plain.standard(plain.matrix(case, rows))
    count, folds = plain.answers_of(case, wanted), plain.folds_of(len(rows))
    taken = wanted
    for _ in range(TIMES):
        said = [
            plain.out_of_fold(model, x, taken, case.task, count, folds).argmax(1)
            for model in plain.models(case.task, ("vicinity", "stiff", "bushes")).values()
        ]
        taken = max(said, key=lambda each, before=taken: float((each == before).mean()))
    wrong = taken != wanted
    y[rows.numbers.cpu().numpy()[wrong]] = taken[wrong].reshape(-1, *y.shape[1:])
    return course.changed(f"{int(wrong.sum())} doubtful targets as simple models say", y=y)


def robust_loss(course: Course, patient: Patient) -> Course | None:
    """A loss that rows with wrong targets pull less at: label smoothing of .2, or Huber's."""
    case = patient.case
    kind = None if case is None else case.purpose.loss
    if kind == "cross_entropy" and case is not None and case.purpose.takes == "logits":
        target = np.asarray(course.y)
        if target.ndim == 1 and target.dtype.kind in "iu":
            return course.changed("label smoothing of 0.2", loss=nn.CrossEntropyLoss(label_smoothing=0.2))
    if kind == "mse":
        return course.changed("Huber's loss", loss=nn.HuberLoss())
    return None


def without_columns(course: Course, patient: Patient) -> Course | None:
    """The network does not see columns that give the target away."""
    places = patient.diagnosis.evidence.get("places")
    values = _inputs(course)
    if not places or values is None or values.dim() != 2:
        return None
    kept = torch.ones(values.shape[1])
    kept[list(places)] = 0.0
    return course.changed(
        "columns that give the target away left out", module=surgery.Without(course.module, kept)
    )


def finite_rows(course: Course, patient: Patient) -> Course | None:
    """Training rows with numbers that are not finite are left out."""
    values = _inputs(course)
    if values is None:
        return None
    good = torch.isfinite(values.reshape(len(values), -1)).all(1).numpy()
    target = np.asarray(course.y)
    if target.dtype.kind == "f":
        good &= np.isfinite(target.reshape(len(target), -1)).all(1)
    if good.all():
        return None
    weight = None if course.weight is None else np.asarray(course.weight)[good]
    return course.changed(
        f"{int((~good).sum())} rows that are not finite left out",
        x=np.asarray(course.x)[good],
        y=target[good],
        weight=weight,
    )


def _both(*remedies: Remedy, first: bool = False) -> Remedy:
    """Several changes together; those that do not apply are passed over.

    Arguments:
        first: whether nothing is changed where the first one does not apply.
    """

    def change(course: Course, patient: Patient) -> Course | None:
        made = course
        for number, remedy in enumerate(remedies):
            found = remedy(made, patient)
            if found is None and first and number == 0:
                return None
            made = found or made
        return None if made is course else made

    return change


everything = _both(
    *(finite_rows, standardised_inputs, standardised_targets, unfrozen, shuffled),
    *(less_dropout, calm_norms, fresh_start, larger_batch, longer, usual_optimizer),
)
"""what makes an unlucky course a usual one; what the module gives means the same as before"""


def calmer(course: Course, patient: Patient) -> Course | None:
    """The recommended rate and clipping; where the rate is far above the usual, a usual optimiser."""
    usual = usual_rate(course, patient)
    if usual is not None and usual.learning_rate < 0.1 * _rate(course, patient):
        return usual_optimizer(course, patient)
    return _both(told_rate, clipped)(course, patient)


REMEDIES: dict[str, Sequence[Remedy]] = {
    "not_finite_data": (finite_rows,),
    "label_errors": (
        corrected,
        _both(without_rows, kept_best, first=True),
        _both(robust_loss, kept_best, first=True),
    ),
    "wrong_head": (
        _both(task_loss, open_end),
        _both(task_loss, open_end, standardised_targets, fresh_start, usual_optimizer),
        standardised_targets,
    ),
    "missing_nonlinearity": (activated,),
    "untrained_layer": (_both(unfrozen, all_held), left_out, usual_optimizer),
    "modes_disagree": (calm_norms, less_dropout, left_out),
    "mixed_rows": (left_out, _both(task_loss, open_end)),
    "harmful_augmentation": (left_out,),
    "low_precision": (left_out,),
    "not_finite_loss": (
        left_out,
        calmer,
        _both(going_on, clipped, first=True),
        standardised_inputs,
        usual_optimizer,
    ),
    "exploding_gradient": (calmer, usual_optimizer, _both(fresh_start, clipped)),
    "unscaled_inputs": (standardised_inputs, _both(standardised_inputs, usual_rate)),
    "unshuffled": (shuffled,),
    "symmetric_start": (fresh_start,),
    "poor_start": (fresh_start, standardised_targets, standardised_inputs),
    "rate_too_high": (best_rate, told_rate, usual_rate, usual_optimizer, standardised_inputs),
    "rate_too_low": (
        _both(best_rate, longer, first=True),
        _both(told_rate, longer, first=True),
        _both(usual_rate, longer, first=True),
        usual_optimizer,
    ),
    "loss_spike": (calmer, _both(clipped, rate_times(0.1))),
    "dead_units": (thick, fresh_start, _both(fresh_start, usual_optimizer), smooth, standardised_inputs),
    "saturated_units": (_both(fresh_start, usual_optimizer), _both(rectified, fresh_start)),
    "vanishing_gradient": (
        _both(rectified, fresh_start, usual_optimizer, first=True),
        _both(fresh_start, usual_optimizer),
        _both(rectified, normed, fresh_start, usual_optimizer),
        fresh_start,
    ),
    "input_ignored": (fresh_start, unfrozen),
    "cannot_overfit": (usual_optimizer, task_loss, fresh_start),
    "not_learning": (
        _both(thick, usual_optimizer, first=True),
        _both(usual_optimizer, longer),
        left_out,
        task_loss,
        _both(fresh_start, usual_optimizer, longer),
        standardised_inputs,
    ),
    "slow_convergence": (_both(told_rate, longer, first=True), usual_rate, rate_times(10.0)),
    "oscillating_loss": (
        _both(larger_batch, longer, usual_optimizer, first=True),
        calm_batches,
        told_rate,
        _both(larger_batch, rate_times(0.3)),
    ),
    "over_regularised": (_both(no_decay, less_dropout), usual_optimizer),
    "class_imbalance": (balanced,),
    "overfitting": (_both(more_decay, kept_best), _both(more_dropout, kept_best), kept_best),
    "underfitting": (thick, _both(usual_optimizer, longer), left_out, enlarged, rate_times(10.0)),
}
"""by diagnosis; what is not here has no remedy that a program could try"""

CLEANING: dict[str, Remedy] = {"leaking_column": without_columns}
"""what no score is to be believed without: done at once, whatever becomes of the score"""
