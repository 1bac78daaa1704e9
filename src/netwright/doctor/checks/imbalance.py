"""Whether rare classes are passed over."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import Standing, features_of, paired, paired_recalls, standing

VERY_RARE = 20  # times the rows of the rarest class
RATIO = 10.0  # rows of the largest over those of the smallest class
FEWEST = 5  # validation rows of a class
FEW = 20  # training rows of a class
LOW, MIDDLING = 0.3, 0.5  # recall
MORE = 0.25  # recall that is to be had
BALANCED = 0.08  # mean recall
CLEAR = 1.8  # standard errors; those of a handful of rows are wide already
PLAIN = 0.02  # accuracy


def class_imbalance(case: Case, record: Record) -> Iterator[Diagnosis]:
    """A class of validation rows is missing among the training rows; or one class has ten times the rows of
    another, and it shows.

    It shows where a class with at least 5 validation rows is found in less than half of them, while the
    network's own answers over the classes' training shares find .25 more of them and have a mean recall
    better by .08 and 1.8 standard errors; or in less than 30 %, and a simple model with balanced weights does
    that; or where the answers over the shares are better in plain accuracy by .02 and 2 standard errors.
    """
    if case.task not in ("classes", "yes_no") or case.train is None:
        raise CannotTellError("the targets are no classes")
    stand = standing(case)
    if not len(stand.validation):
        raise CannotTellError("there are no validation rows whose classes could be counted")
    wanted = stand.wanted
    train = case.wanted(case.train)
    count = max(case.classes or 2, int(train.max()) + 1, int(wanted.max()) + 1)
    rows, asked = np.bincount(train, minlength=count), np.bincount(wanted, minlength=count)
    recalls = {
        int(each): _share(stand.validation[wanted == each]) for each in np.flatnonzero(asked) if asked[each]
    }
    evidence: dict[str, Any] = {
        "train_rows": rows.tolist(),
        "validation_rows": asked.tolist(),
        "recall": recalls,
        "accuracy": round(float(stand.validation.mean()), 4),
        "balanced_accuracy": round(float(np.mean(list(recalls.values()))), 4),
    }
    missing = [int(each) for each in np.flatnonzero((rows == 0) & (asked >= 3))]
    if missing:
        share = float(asked[missing].sum() / asked.sum())
        yield Diagnosis(
            "class_imbalance",
            "error" if share >= 0.02 else "warning",
            f"class {', '.join(map(str, missing))} is missing in the training rows, and "
            f"{100 * share:.0f} % of the validation rows are of it",
            evidence | {"missing": missing},
            "rows that were divided by something that goes with the class, or sorted ones",
            Fix("divide the rows so that each part has all classes"),
            member=case.member,
        )
        return
    present = rows[rows > 0]
    if len(present) < 2 or present.max() <= RATIO * present.min():
        return
    evidence["ratio"] = round(float(present.max() / present.min()), 2)
    found = _better(case, stand, rows, wanted)
    if found is None:
        yield from _unseen(case, rows, asked, stand.validation, wanted, evidence)
        return
    how, which, theirs = found
    rare = int(np.argmin(np.where(rows > 0, rows, rows.max() + 1)))
    which = rare if which is None else which
    yield Diagnosis(
        "class_imbalance",
        "warning" if stand.validation.mean() > 0.9 and theirs["gain"] < 0.1 else "error",
        f"class {which} has {rows[which]} of {rows.sum()} training rows, and is recognised in "
        f"{100 * recalls.get(which, 0.0):.0f} % of its validation rows; {how} would in "
        f"{100 * theirs['recall_to_be_had']:.0f} %",
        evidence | theirs,
        f"the largest class has {present.max() / present.min():.0f} times the rows of the smallest; "
        "answering with it costs little",
        Fix(
            "draw the classes equally often or weight them; or adjust the logits, or the threshold",
            {"training.sampling": "balanced"},
        ),
        member=case.member,
    )


def _unseen(
    case: Case,
    rows: np.ndarray,
    asked: np.ndarray,
    own: np.ndarray,
    wanted: np.ndarray,
    evidence: dict[str, Any],
) -> Iterator[Diagnosis]:
    """Classes that are very rare, and hardly ever recognised, or of which too few rows say what could be.

    They are taken together: each of them may have no more than a row or two.
    """
    rare = np.flatnonzero((rows * VERY_RARE <= rows.max()) & (rows + asked > 0))
    if not len(rare) or not asked[rare].sum():
        return
    inside = np.isin(wanted, rare)
    recall, seen = _share(own[inside]), int(inside.sum())
    unjudged = seen < FEWEST and rows[rare].max() < FEW
    if seen < 2 or not (recall <= LOW or unjudged):
        return
    named = f"class {rare[0]} has" if len(rare) == 1 else f"classes {_list(rare)} have"
    yield Diagnosis(
        "class_imbalance",
        "warning",
        f"{named} {rows[rare].sum()} of {rows.sum()} training rows, and "
        f"{'is' if len(rare) == 1 else 'are'} recognised in {100 * recall:.0f} % of {seen} validation rows"
        + (", too few to judge them by" if seen < FEWEST else ""),
        evidence | {"very_rare": rare.tolist()},
        f"the largest class has {rows.max() / max(1, rows[rare].max()):.0f} times the rows; answering with "
        "it costs little",
        Fix(
            "draw the classes equally often or weight them, and collect more rows of the rare ones",
            {"training.sampling": "balanced"},
        ),
        member=case.member,
    )


def _list(codes: np.ndarray) -> str:
    return ", ".join(str(code) for code in codes[:5]) + (", ..." if len(codes) > 5 else "")


def _better(
    case: Case, stand: Standing, rows: np.ndarray, wanted: np.ndarray
) -> tuple[str, int | None, dict[str, Any]] | None:
    """What would treat rare classes better: in words, which class, and figures. None where nothing does."""
    own = stand.validation
    asked = np.bincount(wanted, minlength=len(rows))
    share = {int(n): _share(own[wanted == n]) for n in np.flatnonzero((asked >= FEWEST) & (rows > 0))}
    low = [each for each, recall in share.items() if recall < LOW]
    middling = [each for each, recall in share.items() if recall < MIDDLING]
    adjusted = _adjusted(case, stand, rows)
    if adjusted is not None:
        marks = (adjusted == wanted).astype(np.float64)
        gain, error = paired(marks, own)
        if gain >= max(PLAIN, 2 * error):
            each = int(np.argmax([_gain(marks, own, wanted == label) for label in range(len(rows))]))
            recall = _share(marks[wanted == each])
            return (
                "answers over the classes' shares",
                each,
                {"gain": round(gain, 4), "recall_to_be_had": recall},
            )
        if middling and (found := _finds_more(marks, own, wanted, middling)):
            return "answers over the classes' shares", *found
    if not low:
        return None
    for answers in _weighted(case):
        marks = (answers == wanted).astype(np.float64)
        if found := _finds_more(marks, own, wanted, low):
            return "a simple model with balanced weights", *found
    return None


def _finds_more(
    marks: np.ndarray, own: np.ndarray, wanted: np.ndarray, low: list[int]
) -> tuple[int, dict[str, Any]] | None:
    gain, error = paired_recalls(marks, own, wanted)
    if gain < max(BALANCED, CLEAR * error):
        return None
    best = max(low, key=lambda each: _gain(marks, own, wanted == each))
    if _gain(marks, own, wanted == best) < MORE:
        return None
    return best, {"gain": round(gain, 4), "recall_to_be_had": _share(marks[wanted == best])}


def _adjusted(case: Case, stand: Standing, rows: np.ndarray) -> np.ndarray | None:
    """The network's classes when each probability is divided by the class's share of the training rows."""
    answers = stand.answers
    if answers.shape[1] == 1:
        answers = np.concatenate([1.0 - answers, answers], axis=1)
    known = np.isfinite(answers).all() and (answers >= 0).all() and (answers <= 1 + 1e-6).all()
    if not known or answers.shape[1] != len(rows):
        return None
    shares = rows / rows.sum()
    return np.where(shares > 0, answers / np.maximum(shares, 1e-12), 0.0).argmax(1)


def _weighted(case: Case) -> Iterator[np.ndarray]:
    """Classes of the validation rows by simple models with balanced weights. Each [v]"""
    from sklearn import ensemble, linear_model

    assert case.train is not None
    assert case.validation is not None
    train = case.train.spread(2000)
    x, others = features_of(case, train, case.validation)
    target = case.wanted(train)
    if not x.shape[1] or len(np.unique(target)) < 2:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a solver that has not converged: it is a yardstick
        linear = linear_model.LogisticRegression(C=0.3, max_iter=50, tol=1e-2, class_weight="balanced")
        yield linear.fit(x, target).predict(others)
        trees = ensemble.ExtraTreesClassifier(40, min_samples_leaf=5, class_weight="balanced", random_state=0)
        yield trees.fit(x, target).predict(others)


def _gain(marks: np.ndarray, own: np.ndarray, rows: np.ndarray) -> float:
    return float(marks[rows].mean() - own[rows].mean()) if rows.any() else 0.0


def _share(marks: np.ndarray) -> float:
    return round(float(marks.mean()), 4) if len(marks) else 0.0
