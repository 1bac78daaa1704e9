"""Remedies of the network: layers, activations, head and loss, what goes in and comes out."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from netwright.doctor.case import Task
from netwright.doctor.usual_loss import asks_otherwise, is_usual
from netwright.trainer import surgery
from netwright.trainer.course import Course
from netwright.trainer.remedies.patient import Patient, Remedy
from netwright.trainer.remedies.rows import inputs_of

NARROW = 8  # units
MOMENTUM = 0.1  # of batch normalisation, as PyTorch has it


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
less_dropout = _surgery(
    "dropout of .2 at most, none of inputs", lambda module: surgery.with_dropout(module, 0.2)
)
no_dropout = _surgery("no dropout", lambda module: surgery.with_dropout(module, 0.0))
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
    the place of a function that is not known and does not ask for something else than the mean."""
    case = patient.case
    if case is None or case.task == "unknown":
        return None
    if case.task == "numbers":
        unknown = case.purpose.takes == "unknown" and not asks_otherwise(case)
        return course.changed("the mean squared error", loss=nn.MSELoss()) if unknown else None
    goal = getattr(case.network, "goal", None)
    plain = goal is None or is_usual(goal, case.task)
    of_logits = case.purpose.takes == "logits"
    if plain and of_logits and case.purpose.loss in ("cross_entropy", "binary_cross_entropy"):
        return None
    return _with_usual_loss(course, case.task)


def even_loss(course: Course, patient: Patient) -> Course | None:
    """The usual loss, which weighs all classes alike, where that of the user has been proved to be worse."""
    case = patient.case
    if case is None or case.task not in ("classes", "yes_no") or "gained" not in patient.diagnosis.evidence:
        return None
    return _with_usual_loss(course, case.task)


def _with_usual_loss(course: Course, task: Task) -> Course:
    module = surgery.without_end(course.module) or course.module
    if task == "classes":
        return course.changed("cross-entropy of logits", loss=nn.CrossEntropyLoss(), module=module)
    return course.changed("binary cross-entropy of logits", loss=nn.BCEWithLogitsLoss(), module=module)


def as_yes_and_no(course: Course, patient: Patient) -> Course | None:
    """Targets of two other numbers, such as -1 and 1, become 0 and 1, where the loss is for these."""
    case = patient.case
    if case is None or case.purpose.loss != "binary_cross_entropy":
        return None
    y, held = (np.asarray(each) for each in (course.y, course.validation[1]))
    values = np.unique(y)
    if len(values) != 2 or {0.0, 1.0} == set(values.tolist()) or not np.isin(held, values).all():
        return None
    return course.changed(
        f"targets of {values[0]:g} and {values[1]:g} taken for no and yes",
        y=(y == values[1]).astype(np.float32),
        validation=(course.validation[0], (held == values[1]).astype(np.float32)),
    )


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


def standardised_inputs(course: Course, patient: Patient) -> Course | None:
    """Inputs standardised inside the network, by the training rows."""
    values = inputs_of(course)
    if values is None or isinstance(course.module, surgery.Standardised):
        return None
    made = surgery.Standardised(course.module, *surgery.scale_of(values))
    return course.changed("inputs standardised", module=made)


def filled_inputs(course: Course, patient: Patient) -> Course | None:
    """Values that stand for missing ones are the mean of the others, and inputs are standardised."""
    values, missing = inputs_of(course), patient.diagnosis.evidence.get("missing")
    if values is None or not missing or isinstance(course.module, surgery.Standardised):
        return None
    marks = torch.tensor(sorted({float(each) for each in missing.values()}))
    scale = surgery.scale_of(surgery.blanked(values, marks))
    made = surgery.Blanked(surgery.Standardised(course.module, *scale), marks)
    told = ", ".join(f"{each:g}" for each in marks.tolist())
    return course.changed(f"{told} taken for missing, inputs standardised", module=made)


def standardised_targets(course: Course, patient: Patient) -> Course | None:
    """Outputs on the scale of the targets, so that the network learns standardised ones."""
    case, of_classes = patient.case, isinstance(course.loss, nn.CrossEntropyLoss)
    if case is None or case.task != "numbers" or of_classes or isinstance(course.module, surgery.Rescaled):
        return None
    target = torch.as_tensor(np.asarray(course.y)).float()
    mean, deviation = target.mean(0), target.std(0).clamp(min=1e-12)
    return course.changed("targets standardised", module=surgery.Rescaled(course.module, mean, deviation))


def without_columns(course: Course, patient: Patient) -> Course | None:
    """The network does not see columns (or places of pictures and series) that give the target away."""
    places = patient.diagnosis.evidence.get("places")
    values = inputs_of(course)
    if not places or values is None or values.dim() < 2:
        return None
    kept = torch.ones(values[0].numel())
    kept[list(places)] = 0.0
    made = surgery.Without(course.module, kept.reshape(values.shape[1:]))
    return course.changed("columns that give the target away left out", module=made)
