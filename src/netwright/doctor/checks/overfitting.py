"""Whether training rows were learnt by heart, to the harm of others; whether loss and metric agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.checks.weak_slices import explained
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import Standing, standing
from netwright.doctor.trouble import drawn, marked

LEARNT = 0.95  # share of what the training rows could teach: by heart
GAP, GAP_OF_BAD, GAP_OF_FEW = 0.15, 0.1, 0.05  # marks between training and validation rows
GAP_OF_RISEN, FAR_RISEN = 0.12, 1.8  # the same, where the validation loss has risen so many times
FEW = 80  # training rows
LARGE, SMALL = 50, 500  # parameters for each training row, where these are few
WORTHLESS = 1.6  # times the loss of a constant answer
WORSE = 0.03  # marks lost since the best epoch
RISEN = 1.3  # validation loss over its smallest
RIGHT = ("accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "acc")


def overfitting(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Marks are much higher on training than on validation rows, and the network is no better than a simple
    model; or it was clearly better on validation rows at an earlier epoch, which was not kept.

    Any of these, where n is the rows, SE a standard error, and the network fits 95 % of its training rows:

    - the gap is >= .15 and 3 SE, and the best simple model is not more than .5 SE behind; or it is >= .12 and
      the loss is 1.8 times its smallest;
    - the gap is >= .1 and 3 SE, and the network is clearly worse than simple models (`Standing.bad`), however
      well it fits;
    - the gap is >= .05 and 2.5 SE of the validation rows with fewer than 80 training rows;
    - the gap is >= .1 and 5 SE, and 500 training rows or fewer are known to 99 % by a network with fifty
      parameters for each of them;
    - since the epoch of the smallest validation loss, accuracy or R² has fallen by >= .03 and 2.5 SE;
    - the loss is worse than a constant's and than 1.3 times its smallest, and simple models are no worse; or
      it is 1.6 times a constant's and twice its smallest: probabilities are worth less than not knowing.

    A note: the loss on validation rows has risen while the accuracy has not fallen, or the best epoch was
    kept. Nothing where one weak part of the rows explains it.
    """
    stand = standing(case)
    if not len(stand.validation):
        raise CannotTellError("there are no validation rows to compare with")
    gap = float(stand.train.mean() - stand.validation.mean())
    error = float(np.hypot(_error(stand.train), _error(stand.validation)))
    rows = case.counts.get("train") or len(stand.train)
    by_heart = stand.learnt >= LEARNT
    lost, lost_error, best = _lost(case, record, stand)
    risen = _risen(case, record)
    fell = (
        best > 0
        and lost >= max(WORSE, 2.5 * lost_error)
        and stand.train.mean() - stand.validation.mean() > lost
    )
    reasons = {
        "no better than a simple model": by_heart
        and gap >= max(GAP_OF_RISEN if risen >= FAR_RISEN else GAP, 3 * error)
        and stand.behind > -0.5 * stand.error,
        "worse than a simple model": (stand.bad or stand.useless) and gap >= max(GAP_OF_BAD, 3 * error),
        "few rows": rows < FEW
        and stand.learnt >= 0.9
        and gap >= max(GAP_OF_FEW, 2.5 * _error(stand.validation)),
        "large for its rows": rows <= SMALL
        and stand.learnt >= 0.99
        and gap >= max(GAP_OF_BAD, 5 * error)
        and case.network.parameter_count >= LARGE * rows,
        "better at an earlier epoch": fell,
        "loss above a constant's": by_heart
        and gap >= max(GAP_OF_BAD, 3 * error)
        and (
            (risen > RISEN and stand.behind >= 0 and _over_constant(case, stand) > 1)
            or (risen > 2 and _over_constant(case, stand) > WORTHLESS)
        ),
    }
    found = [name for name, true in reasons.items() if true]
    evidence: dict[str, Any] = {
        "train": _short(stand.train.mean()),
        "validation": _short(stand.validation.mean()),
        "gap": _short(gap),
        "error": _short(error),
        "best_simple": stand.best,
        "behind": _short(stand.behind),
        "train_rows": rows,
        "reasons": found,
    }
    if len(record.validation_loss) > 1:
        evidence["best_loss_epoch"] = int(np.nanargmin(record.validation_loss)) + 1
        evidence["series"] = {
            "train_loss": drawn(record.train_loss),
            "validation_loss": drawn(record.validation_loss),
        }
    told = (
        f"{marked(case, stand.train)} on training rows, {marked(case, stand.validation)} on validation rows"
    )
    if reasons["few rows"] or (found and not explained(case, stand)):
        beside = ""
        if reasons["no better than a simple model"] or reasons["worse than a simple model"]:
            beside = f"; a simple model ({stand.best}) has {marked(case, stand.references[stand.best])} there"
        elif fell:
            beside = f"; after epoch {best} it was better on these by {100 * lost:.0f} points"
        cause = f"{rows} training rows are few for {case.network.parameter_count} parameters"
        if risen > RISEN:
            cause = "trained for longer than the rows have to teach; " + cause
        yield Diagnosis(
            "overfitting",
            "error"
            if (stand.bad or stand.useless) and (fell or by_heart) and stand.behind >= 0.1
            else "warning",
            f"the network has learnt its training rows by heart: {told}{beside}",
            evidence,
            cause,
            _fix(risen > RISEN, rows < 5 * FEW),
            member=case.member,
            epoch=evidence.get("best_loss_epoch"),
        )
    elif _end_over_best(record) > RISEN and not _healthy_end(record):
        kept = risen <= 1.02
        yield Diagnosis(
            "overfitting",
            "note",
            f"the loss on validation rows was smallest after epoch {evidence['best_loss_epoch']}, "
            f"then it rose to {_end_over_best(record):.1f} times that; "
            + ("that epoch was kept" if kept else f"no harm is seen in the answers: {told}"),
            evidence | {"kept": kept},
            "trained for longer than the rows have to teach",
            _fix(True, False),
            member=case.member,
            epoch=evidence["best_loss_epoch"],
        )


def loss_and_metric_disagree(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Over the epochs the loss on validation rows falls clearly while their metric becomes clearly worse.

    The other way round, a loss that rises while the accuracy still rises, is how confident networks overfit
    and is told by `overfitting`. Clearly: the loss falls by a fifth, the accuracy by .05 and 3 standard
    errors.
    """
    name = next((each for each in RIGHT if each in record.metrics), None)
    if name is None or len(record.validation_loss) < 6 or not case.counts.get("validation"):
        raise CannotTellError("there is no accuracy of validation rows, epoch by epoch, beside the loss")
    loss, metric = record.validation_loss, record.metrics[name]
    known = np.isfinite(loss) & np.isfinite(metric)
    if known.sum() < 6:
        raise CannotTellError("loss and metric are no finite numbers")
    loss, metric = _smooth(loss[known]), _smooth(metric[known])
    top = int(metric[:-1].argmax())
    middle = float(np.clip(metric[top], 0.05, 0.95))
    error = float(np.sqrt(2 * middle * (1 - middle) / case.counts["validation"]))
    fallen = float(metric[top] - metric[-1])
    if fallen < max(0.05, 3 * error) or loss[-1] > 0.8 * loss[top]:
        return
    with np.errstate(all="ignore"):
        correlation = float(np.nan_to_num(np.corrcoef(-loss, metric)[0, 1]))
    if correlation >= 0.5:
        return
    yield Diagnosis(
        "loss_and_metric_disagree",
        "warning",
        f"from epoch {top + 1} on the loss on validation rows falls from {loss[top]:.3g} to {loss[-1]:.3g} "
        f"while {name} falls from {metric[top]:.3g} to {metric[-1]:.3g}",
        {
            "correlation": _short(correlation),
            "series": {"validation_loss": drawn(loss), name: drawn(metric)},
        },
        "the loss is not about what the metric counts: a wrong reduction, weights, or another target",
        Fix("use the task's own loss, or choose the epoch by the metric", {"training.loss": "auto"}),
        member=case.member,
        epoch=top + 1,
    )


def _lost(case: Case, record: Record, stand: Standing) -> tuple[float, float, int]:
    """Marks lost since the epoch of the smallest validation loss, the standard error, and that epoch.

    Of classes, from the accuracy around that epoch; of numbers with the squared error, from the losses.
    """
    loss = record.validation_loss
    if len(loss) < 4 or not np.isfinite(loss).any():
        return 0.0, 1.0, 0
    place = int(np.nanargmin(loss))
    now = float(stand.validation.mean())
    name = next((each for each in RIGHT if each in record.metrics), None)
    if name is not None and case.task in ("classes", "yes_no"):
        before = float(np.nanmean(record.metrics[name][max(0, place - 1) : place + 2]))
        middle = float(np.clip((before + now) / 2, 0.02, 0.98))
        return before - now, float(np.sqrt(middle * (1 - middle) / len(stand.validation))), place + 1
    if case.task == "numbers" and case.purpose.loss == "mse" and case.train is not None:
        spread = float(np.mean(np.var(case.wanted(case.train), axis=0))) + 1e-12
        assert case.validation is not None
        lost = (case.loss(case.validation) - float(loss[place])) / spread
        return lost, max(_error(stand.validation) / 2, 1e-3), place + 1
    return 0.0, 1.0, 0


def _risen(case: Case, record: Record) -> float:
    """Validation loss of the network as it is now, over the smallest of all epochs."""
    loss = record.validation_loss
    if not len(loss) or case.validation is None or not np.isfinite(loss).any():
        return 1.0
    smallest = float(np.nanmin(loss))
    return case.loss(case.validation) / smallest if smallest > 1e-8 else 1.0


def _end_over_best(record: Record) -> float:
    loss = record.validation_loss
    if len(loss) < 4 or not np.isfinite(loss).any():
        return 1.0
    smallest, last = float(np.nanmin(loss)), float(np.nanmean(loss[-3:]))
    return last / smallest if smallest > 1e-8 else 1.0


def _healthy_end(record: Record) -> bool:
    """Whether all of it happens far below the first loss, where nothing of it matters."""
    return float(np.nanmean(record.validation_loss[-3:])) < 0.05 * float(record.validation_loss[0])


def _over_constant(case: Case, stand: Standing) -> float:
    """The cross-entropy of the validation rows over that of the classes' shares; 0 where there is none."""
    if case.purpose.loss not in ("cross_entropy", "binary_cross_entropy") or case.train is None:
        return 0.0
    if case.task not in ("classes", "yes_no") or case.validation is None:
        return 0.0
    shares = np.bincount(case.wanted(case.train), minlength=case.classes or 2) / len(case.train)
    constant = float(-np.log(np.maximum(shares, 1e-6))[stand.wanted].mean())
    return case.loss(case.validation) / max(constant, 1e-6)


def _fix(risen: bool, few: bool) -> Fix:
    if risen:
        return Fix(
            "keep the best epoch (early stopping), then weight decay, dropout or a smaller network; "
            "more rows help most",
            {"training.patience": 10},
        )
    first = "more rows or augmentation help most; " if few else ""
    return Fix(
        f"{first}weight decay, dropout, or a smaller network",
        {"training.weight_decay": 0.01, "network.dropout": 0.2},
    )


def _error(marks: np.ndarray) -> float:
    return float(np.sqrt((np.square(marks - marks.mean()).sum() + 0.25) / len(marks) / len(marks)))


def _smooth(values: np.ndarray) -> np.ndarray:
    """Means of three neighbours."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def _short(value: Any) -> float:
    return round(float(value), 4)
