"""Remedies of the rows: which are learnt from, their targets and weights, and how much wrong ones pull."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from netwright.doctor import plain
from netwright.trainer.course import Course
from netwright.trainer.remedies.patient import Patient

TIMES = 3  # that doubtful targets are looked at
Q = 0.7  # of generalised cross-entropy: 0 is cross-entropy, 1 the absolute error


def inputs_of(course: Course) -> Tensor | None:
    """Inputs [n, ...] of floating numbers, where there is one tensor of them."""
    if isinstance(course.x, tuple | dict | list):
        return None
    values = torch.as_tensor(np.asarray(course.x))
    return values.float() if values.is_floating_point() else None


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
    return _with_rows(course, keep, f"{len(rows)} doubtful rows left out")


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


class GeneralizedCrossEntropy(nn.CrossEntropyLoss):
    """(1 - p^.7) / .7 of the probability of the right class, between cross-entropy and the absolute error, so
    that rows of a wrong class pull less; for logits [B, C] and codes [B].

    Source:
        Zhang and Sabuncu 2018, Generalized cross entropy loss for training deep neural networks with noisy
        labels, arXiv:1805.07836.

    Example:
        >>> loss = GeneralizedCrossEntropy()(torch.zeros(1, 2), torch.tensor([1]))
        >>> round(float(loss), 4) == round((1 - 0.5**0.7) / 0.7, 4)
        True
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        logs = input.log_softmax(1).gather(1, target[:, None])[:, 0]  # [B]
        return -torch.expm1(Q * logs).mean() / Q


def robust_loss(course: Course, patient: Patient) -> Course | None:
    """A loss that rows with wrong targets pull less at: generalised cross-entropy, or Huber's."""
    case = patient.case
    kind = None if case is None else case.purpose.loss
    if kind == "cross_entropy" and case is not None and case.purpose.takes == "logits":
        target = np.asarray(course.y)
        if target.ndim == 1 and target.dtype.kind in "iu":
            return course.changed("generalised cross-entropy", loss=GeneralizedCrossEntropy())
    if kind == "mse":
        return course.changed("Huber's loss", loss=nn.HuberLoss())
    return None


def finite_rows(course: Course, patient: Patient) -> Course | None:
    """Training rows with numbers that are not finite are left out."""
    values = inputs_of(course)
    if values is None:
        return None
    good = torch.isfinite(values.reshape(len(values), -1)).all(1).numpy()
    target = np.asarray(course.y)
    if target.dtype.kind == "f":
        good &= np.isfinite(target.reshape(len(target), -1)).all(1)
    if good.all():
        return None
    return _with_rows(course, good, f"{int((~good).sum())} rows that are not finite left out")


def _with_rows(course: Course, kept: np.ndarray, words: str) -> Course:
    """Some of the training rows, by number or by truth."""
    weight = None if course.weight is None else np.asarray(course.weight)[kept]
    return course.changed(words, x=np.asarray(course.x)[kept], y=np.asarray(course.y)[kept], weight=weight)
