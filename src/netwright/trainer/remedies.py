"""What helps against what: from a diagnosis to changes of a course, in the order to try them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from netwright import callbacks, optimizers
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import Diagnosis
from netwright.trainer import surgery
from netwright.trainer.course import Course


@dataclass(frozen=True)
class Patient:
    """What a remedy may look at: the case as it was after the original training, and what was said."""

    case: Case | None
    diagnosis: Diagnosis


Remedy = Callable[[Course, Patient], Course | None]
"""gives a changed course, or None where it does not apply"""


# ------------------------------------------------------------------------------------------------- rate


def _rate(course: Course, patient: Patient) -> float:
    return patient.case.plan.learning_rate if patient.case is not None else 1e-3


def rate_times(factor: float) -> Remedy:
    """Another learning rate."""

    def change(course: Course, patient: Patient) -> Course | None:
        rate = _rate(course, patient) * factor
        return course.changed(f"learning rate {rate:.3g}", learning_rate=rate, schedule="constant")

    return change


def usual_rate(course: Course, patient: Patient) -> Course | None:
    """The rate that the optimiser usually has: .05 for SGD without momentum, .01 with, .001 for all else."""
    name = patient.case.plan.optimizer if patient.case is not None else "adam"
    rate = 0.001
    if "sgd" in name:
        rate = 0.01 if getattr(course.optimizer, "momentum", 0.0) else 0.05
    if abs(rate / max(_rate(course, patient), 1e-30) - 1) < 0.01:
        return None
    return course.changed(f"learning rate {rate:g}", learning_rate=rate, schedule="constant")


def usual_optimizer(course: Course, patient: Patient) -> Course | None:
    """Adam at .001 without weight decay, gradients clipped at 1."""
    return course.changed(
        "Adam at a learning rate of 0.001, gradients clipped at 1",
        optimizer=optimizers.Adam(learning_rate=0.001),
        learning_rate=None,
        schedule="constant",
        clip_norm=1.0,
    )


def no_decay(course: Course, patient: Patient) -> Course | None:
    """The same optimiser without weight decay."""
    own = course.optimizer
    if is_dataclass(own) and getattr(own, "weight_decay", None):
        return course.changed("no weight decay", optimizer=replace(own, weight_decay=None))  # type: ignore[type-var]
    if patient.case is not None and patient.case.plan.weight_decay:
        return usual_optimizer(course, patient)
    return None


def clipped(course: Course, patient: Patient) -> Course | None:
    """Gradients clipped at a norm of 1."""
    if course.clip_norm is not None and course.clip_norm <= 1.0:
        return None
    return course.changed("gradients clipped at 1", clip_norm=1.0)


def larger_batch(course: Course, patient: Patient) -> Course | None:
    """Batches of 32 at least."""
    return None if course.batch_size >= 32 else course.changed("batches of 32", batch_size=32)


def longer(course: Course, patient: Patient) -> Course | None:
    """Half as many epochs again."""
    return course.changed("half as many epochs again", epochs=-(-course.epochs * 3 // 2))


def kept_best(course: Course, patient: Patient) -> Course | None:
    """The weights of the best epoch are kept."""
    early = lambda: callbacks.EarlyStopping(patience=max(3, course.epochs // 5), restore_best_weights=True)  # noqa: E731
    return course.changed(
        "early stopping, the best epoch's weights are kept", callbacks=(*course.callbacks, early)
    )


# ----------------------------------------------------------------------------------------------- module


def fresh_start(course: Course, patient: Patient) -> Course | None:
    """Weights drawn anew, as each layer draws its own."""
    return course.changed("a new start", module=surgery.restarted(course.module, course.seed))


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
unfrozen = _surgery("all parameters train", surgery.unfrozen)


def task_loss(course: Course, patient: Patient) -> Course | None:
    """The loss that the task usually has, and a head without an activation."""
    case = patient.case
    if case is None or case.task not in ("classes", "yes_no"):
        return None
    if case.purpose.loss in ("cross_entropy", "binary_cross_entropy") and case.purpose.takes == "logits":
        return None
    open_ended = surgery.without_end(course.module) or course.module
    if case.task == "classes":
        return course.changed("cross-entropy of logits", loss=nn.CrossEntropyLoss(), module=open_ended)
    return course.changed("binary cross-entropy of logits", loss=nn.BCEWithLogitsLoss(), module=open_ended)


def calm_norms(course: Course, patient: Patient) -> Course | None:
    """Running statistics of batch normalisation that follow the training."""

    def calm(part: nn.Module) -> nn.Module:
        assert isinstance(part, surgery.BATCH_NORMS)
        made = type(part)(part.num_features, affine=part.affine)
        made.load_state_dict(part.state_dict(), strict=False)
        return made

    made = surgery.replaced(course.module, surgery.BATCH_NORMS, calm)
    return (
        None if made is None else course.changed("batch normalisation with its usual momentum", module=made)
    )


# ------------------------------------------------------------------------------------------------- data


def _inputs(course: Course) -> Tensor | None:
    """Inputs [n, ...] of floating numbers, where there is one tensor of them."""
    if isinstance(course.x, tuple | dict | list):
        return None
    values = torch.as_tensor(course.x)
    return values.float() if values.is_floating_point() or values.dtype == torch.float64 else None


def standardised_inputs(course: Course, patient: Patient) -> Course | None:
    """Inputs standardised inside the network, by the training rows."""
    values = _inputs(course)
    if values is None or isinstance(course.module, surgery.Standardised):
        return None
    finite = torch.where(torch.isfinite(values), values, torch.nan)
    if values.dim() > 2:  # pictures and series have one scale
        mean, deviation = finite.nanmean(), finite[~finite.isnan()].std()
    else:
        mean = finite.nanmean(0)
        deviation = (finite - mean).square().nanmean(0).sqrt()
    deviation = torch.where(deviation > 1e-12, deviation, torch.ones_like(deviation))
    made = surgery.Standardised(course.module, mean.nan_to_num(), deviation)
    return course.changed("inputs standardised", module=made)


def standardised_targets(course: Course, patient: Patient) -> Course | None:
    """Outputs on the scale of the targets, so that the network learns standardised ones."""
    case = patient.case
    if case is None or case.task != "numbers" or isinstance(course.module, surgery.Rescaled):
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
    rows = patient.diagnosis.evidence.get("rows")
    if not rows:
        return None
    keep = np.setdiff1d(np.arange(len(course.y)), np.asarray(rows))
    x, y = np.asarray(course.x)[keep], np.asarray(course.y)[keep]
    weight = None if course.weight is None else np.asarray(course.weight)[keep]
    return course.changed(f"{len(rows)} doubtful rows left out", x=x, y=y, weight=weight)


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


def _both(*remedies: Remedy) -> Remedy:
    """Several changes together; those that do not apply are passed over."""

    def change(course: Course, patient: Patient) -> Course | None:
        made = course
        for remedy in remedies:
            made = remedy(made, patient) or made
        return None if made is course else made

    return change


everything = _both(
    *(finite_rows, standardised_inputs, standardised_targets, unfrozen, task_loss, open_end),
    *(less_dropout, fresh_start, usual_optimizer, larger_batch),
)
"""what makes an unlucky course a usual one"""

REMEDIES: dict[str, Sequence[Remedy]] = {
    "not_finite_data": (finite_rows,),
    "leaking_column": (without_columns,),
    "label_errors": (without_rows, kept_best),
    "wrong_head": (task_loss, open_end, _both(open_end, fresh_start)),
    "mixed_rows": (),
    "missing_nonlinearity": (activated,),
    "untrained_layer": (unfrozen,),
    "modes_disagree": (_both(calm_norms, less_dropout), less_dropout),
    "not_finite_loss": (
        _both(clipped, rate_times(0.1)),
        _both(standardised_inputs, clipped),
        usual_optimizer,
    ),
    "exploding_gradient": (clipped, usual_optimizer, _both(fresh_start, clipped)),
    "unscaled_inputs": (standardised_inputs,),
    "symmetric_start": (fresh_start,),
    "poor_start": (fresh_start, standardised_targets, standardised_inputs),
    "rate_too_high": (usual_rate, rate_times(0.1), rate_times(0.01), usual_optimizer),
    "rate_too_low": (usual_rate, rate_times(10.0), rate_times(100.0), usual_optimizer),
    "loss_spike": (_both(clipped, rate_times(0.3)), rate_times(0.1)),
    "dead_units": (fresh_start, _both(fresh_start, usual_optimizer), smooth, standardised_inputs),
    "saturated_units": (standardised_inputs, fresh_start, _both(rectified, fresh_start)),
    "vanishing_gradient": (_both(rectified, fresh_start), _both(rectified, normed, fresh_start)),
    "input_ignored": (fresh_start, unfrozen),
    "cannot_overfit": (usual_optimizer, fresh_start),
    "not_learning": (usual_optimizer, _both(fresh_start, usual_optimizer), standardised_inputs),
    "slow_convergence": (usual_rate, rate_times(10.0), rate_times(3.0), longer),
    "oscillating_loss": (_both(larger_batch, rate_times(0.3)), rate_times(0.1)),
    "over_regularised": (_both(no_decay, less_dropout), usual_optimizer),
    "class_imbalance": (balanced,),
    "overfitting": (kept_best,),
    "underfitting": (usual_optimizer, rate_times(10.0)),
}
"""by diagnosis; what is not here has no remedy that a program could try"""
