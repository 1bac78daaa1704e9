"""How good a network is beside simple models on the same rows: whether a symptom has a consequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError

MOST_ROWS = 2000
MOST_FEATURES = 4000
LEAST = 0.02  # marks; less is no harm


@dataclass
class Standing:
    """Marks (see `Case.marks`: accuracy or R² are their means) of the network and of simple models.

    Arguments:
        train: of the network on training rows, in evaluation mode. [n]
        validation: of the network on validation rows. [v]
        references: of each simple model on the same validation rows, by name: constant, linear, neighbours,
            trees. Each [v]
        best: name of the best of them.
        behind: how far the network's mean is behind that of the best; below 0 where it is ahead.
        error: standard error of `behind`, of paired rows.
        bad: whether the network is clearly behind: by more than 2 standard errors and by .02.
        useless: whether it is no better than the constant prediction, by 2 standard errors.
        learnt: share of what the constant prediction leaves to be gained that the network has gained on its
            own training rows; 1 is all, 0 nothing.
    """

    train: np.ndarray
    validation: np.ndarray
    references: dict[str, np.ndarray]
    best: str
    behind: float
    error: float
    bad: bool
    useless: bool
    learnt: float


def standing(case: Case) -> Standing:
    """Where a trained network stands. Computed once for each case.

    Raises:
        CannotTellError: there are no validation rows, or the task is not known.
    """
    if "standing" not in case.notes:
        case.notes["standing"] = _standing(case)
    return case.notes["standing"]


def _standing(case: Case) -> Standing:
    if case.task == "unknown" or case.train is None:
        raise CannotTellError("what the targets are, or the training rows themselves, are not known")
    if case.validation is None or len(case.validation) < 10:
        raise CannotTellError("there are no validation rows to judge the network by")
    train, validation = case.train.spread(MOST_ROWS), case.validation.spread(MOST_ROWS)
    own, seen = (
        _finite(case.marks(case.answers(validation), validation)),
        _finite(case.marks(case.answers(train), train)),
    )
    references = references_of(case, train, validation)
    best = max(references, key=lambda name: float(references[name].mean()))
    difference = references[best] - own
    error = float(difference.std() / np.sqrt(len(difference)))
    behind = float(difference.mean())
    gain = own - references["constant"]
    gain_error = float(gain.std() / np.sqrt(len(gain)))
    constant_seen = case.marks(_constant(case, train, len(train)), train).mean()
    learnt = float((seen.mean() - constant_seen) / max(1e-9, 1.0 - constant_seen))
    return Standing(
        seen,
        own,
        references,
        best,
        behind,
        error,
        behind > max(2 * error, LEAST),
        float(gain.mean()) <= 2 * gain_error,
        learnt,
    )


def _finite(marks: np.ndarray) -> np.ndarray:
    """Marks that are no numbers, or beyond all measure, count as very bad ones."""
    return np.clip(np.nan_to_num(marks, nan=-10.0, neginf=-10.0), -10.0, 1.0)


def references_of(case: Case, train: Rows, validation: Rows) -> dict[str, np.ndarray]:
    """Marks on the validation rows of simple models that learnt from the training rows. Each [v]"""
    found = {"constant": case.marks(_constant(case, train, len(validation)), validation)}
    x, rows = case.features(train), case.features(validation)
    if x.shape[1] > MOST_FEATURES:
        keep = np.linspace(0, x.shape[1] - 1, MOST_FEATURES).astype(int)
        x, rows = x[:, keep], rows[:, keep]
    middle = np.nanmedian(np.where(np.isfinite(x), x, np.nan), axis=0)
    middle = np.nan_to_num(middle)
    x, rows = (np.where(np.isfinite(each), each, middle) for each in (x, rows))
    mean, spread = x.mean(0), x.std(0)
    keep = spread > 0
    if not keep.any():
        return found
    x, rows = ((each[:, keep] - mean[keep]) / spread[keep] for each in (x, rows))
    for name, answers in _answers(case, x, case.wanted(train), rows).items():
        found[name] = _finite(case.marks(answers, validation))
    return found


def _constant(case: Case, train: Rows, rows: int) -> np.ndarray:
    wanted = case.wanted(train)
    if case.task in ("classes", "yes_no"):
        count = max(case.classes or 2, int(wanted.max()) + 1)
        shares = np.bincount(wanted, minlength=count) / len(wanted)
        return np.broadcast_to(shares, (rows, count))
    return np.broadcast_to(wanted.mean(0), (rows, wanted.shape[1]))


def _answers(case: Case, x: np.ndarray, wanted: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What linear models, nearest neighbours and trees answer. Each [v, C]"""
    import warnings

    from sklearn import ensemble, linear_model, neighbors

    near = min(5, len(x))
    count = max(case.classes or 2, int(wanted.max()) + 1)
    if case.task in ("classes", "yes_no"):
        models = {
            "linear": linear_model.LogisticRegression(max_iter=200),
            "neighbours": neighbors.KNeighborsClassifier(near),
            "trees": ensemble.ExtraTreesClassifier(100, random_state=0),
        }
        if len(np.unique(wanted)) < 2:
            return {}
    else:
        wanted = wanted[:, 0] if wanted.shape[1] == 1 else wanted
        models = {
            "linear": linear_model.RidgeCV(alphas=(0.1, 1.0, 10.0, 100.0)),
            "neighbours": neighbors.KNeighborsRegressor(near),
            "trees": ensemble.ExtraTreesRegressor(100, random_state=0),
        }
    found = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a solver that has not converged: it is a yardstick
            model.fit(x, wanted)
            if case.task in ("classes", "yes_no"):
                answers = np.zeros((len(rows), count))
                answers[:, model.classes_] = model.predict_proba(rows)
            else:
                answers = model.predict(rows).reshape(len(rows), -1)
        found[name] = answers
    return found
