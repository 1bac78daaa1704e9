"""How good a network is beside simple models on the same rows: whether a symptom has a consequence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.kin import kin
from netwright.doctor.usual_loss import asks_otherwise

MOST_ROWS = 2000
MOST_LEARNT = 1200  # training rows that simple models learn from
TREES, FOLDED_TREES = 40, 20
MOST_FOLDED = 600  # training rows that simple models are judged on out of fold
MOST_FEATURES = 128  # beyond, the strongest directions of the training rows stand for the features
DIRECTIONS = 48
FEWEST = 10
FOLDS = 3
LEAST = {"constant": 0.04, "linear": 0.04, "neighbours": 0.06, "trees": 0.06}  # marks; less is no harm
LEAST_NUMBERS = {**LEAST, "trees": 0.15}  # of R²; what bends sharply is made for trees
CLEAR = 2.5  # standard errors
CLEAR_NUMBERS = 3.0  # squared errors have long tails
LEAST_BALANCED = 0.1  # of the mean recall of the classes


Marks = dict[str, np.ndarray]


@dataclass
class Standing:
    """Marks (see `Case.marks`: accuracy or R² are their means) of the network and of simple models.

    Arguments:
        train: of the network on training rows, in evaluation mode. [n]
        validation: of the network on validation rows; empty where there are none. [v]
        references: of each simple model on the rows that the network is judged by, by name: constant,
            linear, neighbours, trees. These are the validation rows, or the training rows out of fold where
            there are none. Each [v] or [n]
        best: name of the best of them.
        behind: how far the network's mean is behind that of the best; below 0 where it is ahead.
        error: standard error of `behind`, of paired rows.
        bad: whether the network is clearly behind; see `_is_bad`.
        useless: whether it is no better than the constant prediction, by 2 standard errors, where something
            could be learnt.
        learnt: share of what the constant prediction leaves to be gained that the network has gained on its
            own training rows; 1 is all, 0 nothing.
        unseen: gives marks of simple models on some training rows, see `unseen`; asked only where needed.
        same: marks of the network on the rows of `folded`. [f]
        answers: of the network for the validation rows. [v, C]
        wanted: what is right. [v] or [v, T]
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
    unseen: Callable[[], Unseen] = lambda: Unseen({}, {})
    same: np.ndarray = field(default_factory=lambda: np.zeros(0))
    answers: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    wanted: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def judged_on(self) -> str:
        """Whose rows `references` are of."""
        return "validation" if len(self.validation) else "training"

    @property
    def folded(self) -> Marks:
        """Marks of each simple model on some training rows, out of fold; empty below 30 rows. Each [f]"""
        return self.unseen().train

    @cached_property
    def _train(self) -> tuple[float, float]:
        return paired(self.folded[_best(self.folded)], self.same) if self.folded else (0.0, 0.0)

    @property
    def train_behind(self) -> float:
        """How far the network's mean on these rows, which it has seen, is behind that of the best simple
        model, which has not: above 0 only where the network does not even learn what it sees."""
        return self._train[0]

    @property
    def train_error(self) -> float:
        """Standard error of `train_behind`."""
        return self._train[1]


@dataclass(frozen=True)
class Unseen:
    """Marks of simple models on rows that they have not seen, each model learnt from as many rows.

    Arguments:
        train: on training rows, out of fold. Each [f]
        parts: on rows of other parts, by part and model: means over the models of all folds. Each [v]
    """

    train: Marks
    parts: dict[str, Marks]


def standing(case: Case) -> Standing:
    """Where a trained network stands. Computed once for each case.

    Raises:
        CannotTellError: the training rows or the task are not known, or there are too few rows.
    """
    if "standing" not in case.notes:
        case.notes["standing"] = _standing(case)
    return case.notes["standing"]


def _standing(case: Case) -> Standing:
    if case.task == "unknown" or case.train is None:
        raise CannotTellError("what the targets are, or the training rows themselves, are not known")
    if asks_otherwise(case):
        raise CannotTellError("the loss asks for another answer than the mean, which simple models give")
    judged = case.validation if case.validation is not None and len(case.validation) >= FEWEST else None
    if judged is None and len(case.train) < 3 * FEWEST:
        raise CannotTellError("there are too few rows to judge the network by")
    train = case.train.spread(MOST_ROWS)
    wanted = case.wanted(train)
    seen = finite(case.marks(case.answers(train), train))
    constant = case.marks(_constant(case, wanted, len(train)), train)
    learnt = float((seen.mean() - constant.mean()) / max(1e-9, 1.0 - constant.mean()))
    chosen = _folds(len(train))[0]
    if judged is None:
        own, answers, asked = seen[chosen], np.zeros((0, 0)), wanted[chosen]
        references = {"constant": constant[chosen], **unseen(case).train}
    else:
        judged = judged.spread(MOST_ROWS)
        answers, asked = case.answers(judged), case.wanted(judged)
        own = finite(case.marks(answers, judged))
        references = {"constant": case.marks(_constant(case, wanted, len(judged)), judged)}
        references |= case.fact("references", lambda: _references(case, train, judged))
    best = _best(references)
    behind, error = paired(references[best], own)
    classes = asked if case.task in ("classes", "yes_no") else None
    return Standing(
        seen,
        own if judged is not None else np.zeros(0),
        references,
        best,
        behind,
        error,
        _is_bad(references, own, classes, lambda: unseen(case).train, seen[chosen]),
        _is_useless(references, own, classes, learnt),
        learnt,
        lambda: unseen(case),
        seen[chosen],
        answers,
        asked if judged is not None else asked[:0],
    )


def _references(case: Case, train: Rows, judged: Rows) -> Marks:
    """Marks of simple models on validation rows. Each [v]"""
    train = train.spread(MOST_LEARNT)
    x, others = features_of(case, train, judged)
    given = simple_answers(case, x, case.wanted(train), others, TREES)
    return {name: finite(case.marks(each, judged)) for name, each in given.items()}


def _best(marks: Marks) -> str:
    return max(marks, key=lambda name: float(marks[name].mean()))


def _is_bad(
    references: Marks,
    own: np.ndarray,
    classes: np.ndarray | None,
    folded: Callable[[], Marks],
    seen: np.ndarray,
) -> bool:
    """Whether a simple model is clearly better.

    Measured on small trainings (tables, digits; 90 to 1800 training rows; 3 seeds each): 4 of 137 healthy
    ones are called bad: linear networks and trainings of 6 epochs, where trees lead by 6 to 16 points. Of 20
    faults of size, rate, penalties, noise and augmentation 57 of 60 runs are bad; those missed lose 3 to 8
    points. Where there are too few rows, or too few of a class, simple models suffer too, and none is bad.

    Either on the validation rows, or on the training rows, which it has not seen and the network has, if the
    validation rows point the same way. Where classes are of different sizes their mean recalls must not speak
    against it, and may speak for it alone.
    """
    clear, least = (CLEAR_NUMBERS, LEAST_NUMBERS) if classes is None else (CLEAR, LEAST)
    for name, marks in references.items():
        behind, error = paired(marks, own)
        balanced, balanced_error = (behind, error) if classes is None else paired_recalls(marks, own, classes)
        if behind > max(clear * error, least[name]) and balanced > least[name] / 2:
            return True
        if classes is not None and behind >= 0 and balanced > max(CLEAR * balanced_error, LEAST_BALANCED):
            return True
        if min(behind - error, balanced) > 0 and name in folded():
            before, before_error = paired(folded()[name], seen)
            if before > max(3.0 * before_error, least[name]):
                return True
    return False


def _is_useless(references: Marks, own: np.ndarray, classes: np.ndarray | None, learnt: float) -> bool:
    """Whether nothing but the constant was learnt, where a simple model or the network's own training rows
    say that something could be."""

    def gains(marks: np.ndarray) -> bool:
        gain, error = paired(marks, references["constant"])
        if gain > 2.0 * error:
            return True
        if classes is None:
            return False
        gain, error = paired_recalls(marks, references["constant"], classes)
        return gain > 2.0 * error

    return not gains(own) and (learnt < 0.05 or any(gains(marks) for marks in references.values()))


def paired(reference: np.ndarray, own: np.ndarray) -> tuple[float, float]:
    """Mean of the differences of paired marks, and its standard error.

    One difference of 1 is added to the spread, so that a handful of rows that differ is no certainty.
    """
    difference = reference - own
    spread = np.square(difference - difference.mean()).sum() + 1.0
    return float(difference.mean()), float(np.sqrt(spread) / len(difference))


def paired_recalls(reference: np.ndarray, own: np.ndarray, classes: np.ndarray) -> tuple[float, float]:
    """The same of the means over classes, each as heavy as the others."""
    parts = [paired(reference[classes == each], own[classes == each]) for each in np.unique(classes)]
    return float(np.mean([mean for mean, _ in parts])), float(
        np.sqrt(np.square([error for _, error in parts]).sum()) / len(parts)
    )


def finite(marks: np.ndarray) -> np.ndarray:
    """Marks that are no numbers, or beyond all measure, count as very bad ones."""
    return np.clip(np.nan_to_num(marks, nan=-10.0, neginf=-10.0), -10.0, 1.0)


def _every(total: int, most: int) -> np.ndarray:
    return np.linspace(0, total - 1, most).round().astype(int)


def features_of(case: Case, train: Rows, others: Rows | None) -> tuple[np.ndarray, np.ndarray]:
    """Standardised features of training and other rows, few enough for simple models. [n, F], [v, F]"""
    x = case.features(train)
    rows = x[:0] if others is None else case.features(others.spread(MOST_ROWS))
    x, rows = reduced(x, rows)
    return x, rows


def reduced(*parts: np.ndarray) -> list[np.ndarray]:
    """Features of the first part's rows and of others, standardised by the first. Each [n, F]"""
    x, *others = parts  # [n, features]
    known = np.where(np.isfinite(x), x, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns without any number
        middle = np.nan_to_num(np.nanmedian(known, axis=0))
    x, *others = [np.where(np.isfinite(each), each, middle) for each in parts]
    mean, spread = x.mean(0), x.std(0)
    keep = spread > 1e-9 * np.maximum(1.0, np.abs(mean))
    scaled = [np.clip((each[:, keep] - mean[keep]) / spread[keep], -8.0, 8.0) for each in (x, *others)]
    x = scaled[0]
    if x.shape[1] <= MOST_FEATURES:
        return scaled
    draws = np.random.default_rng(0)
    basis = x[_every(len(x), min(len(x), 500))]
    start = basis.T @ (basis @ draws.normal(size=(x.shape[1], DIRECTIONS)))  # [F, D]
    for _ in range(2):
        start = basis.T @ (basis @ np.linalg.qr(start)[0])
    directions = np.linalg.qr(start)[0]
    scale = (x @ directions).std(0).max() + 1e-12
    return [each @ directions / scale for each in scaled]


def _constant(case: Case, wanted: np.ndarray, rows: int) -> np.ndarray:
    """The classes' shares, or the mean. [rows, C]"""
    if case.task in ("classes", "yes_no"):
        shares = np.bincount(wanted, minlength=_classes(case, wanted)) / len(wanted)
        return np.broadcast_to(shares, (rows, len(shares)))
    return np.broadcast_to(wanted.mean(0), (rows, wanted.shape[1]))


def _classes(case: Case, wanted: np.ndarray) -> int:
    return max(case.classes or 2, int(wanted.max()) + 1)


def unseen(case: Case, *, apart: bool = False) -> Unseen:
    """What simple models know of rows that they have not seen. Computed once for the same rows.

    Arguments:
        apart: whether they have not seen rows that belong together with these either, see `kin`.
    """
    return case.fact("apart" if apart else "unseen", lambda: _unseen(case, apart))


def families(case: Case, rows: Rows, x: np.ndarray) -> np.ndarray:
    """Which training rows belong together, see `kin`. [n]"""
    groups = case.notes.get("groups", {}).get("train")
    if groups is None or rows.numbers is None:
        return kin(x)
    return kin(x, np.asarray(groups)[rows.numbers.cpu().numpy()])


def _folds(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the training rows that simple models learn from in turns, and the fold of each. [f], [f]"""
    chosen = np.arange(rows) if rows <= MOST_FOLDED else _every(rows, MOST_FOLDED)
    return chosen, np.random.default_rng(0).permutation(len(chosen)) % FOLDS


def _unseen(case: Case, apart: bool) -> Unseen:
    assert case.train is not None
    train = case.train.spread(MOST_ROWS)
    chosen, fold = _folds(len(train))
    if len(chosen) < 3 * FEWEST:
        return Unseen({}, {})
    train = train.at(torch.from_numpy(chosen))
    given = {"validation": case.validation, "test": case.test}
    parts = {name: rows.spread(MOST_FOLDED) for name, rows in given.items() if rows is not None and len(rows)}
    x, *others = reduced(*(case.features(rows) for rows in (train, *parts.values())))
    if apart:
        of = families(case, train, x)
        fold = (np.random.default_rng(0).permutation(of.max() + 1) % FOLDS)[of]
    wanted, found, beyond = case.wanted(train), {}, {name: {} for name in parts}
    for number in range(FOLDS):
        outside = np.flatnonzero(fold == number)
        inside = np.flatnonzero(fold != number)
        asked = np.concatenate([x[outside], *others])
        ends = np.cumsum([len(outside), *map(len, others)])[:-1]
        for name, all_answers in simple_answers(case, x[inside], wanted[inside], asked, FOLDED_TREES).items():
            answers, *rest = np.split(all_answers, ends)
            marks = case.marks(answers, train.at(torch.from_numpy(outside)))
            found.setdefault(name, np.zeros(len(chosen)))[outside] = finite(marks)
            for part, each in zip(parts, rest, strict=True):
                own = finite(case.marks(each, parts[part])) / FOLDS
                beyond[part][name] = beyond[part].get(name, 0.0) + own
    return Unseen(found, beyond)


def simple_answers(
    case: Case, x: np.ndarray, wanted: np.ndarray, rows: np.ndarray, trees: int
) -> dict[str, np.ndarray]:
    """What linear models, nearest neighbours and trees answer. Each [v, C]

    Arguments:
        case: whose task it is.
        x: features of the rows that they learn from. [n, F]
        wanted: of these, as `Case.wanted` has it. [n] or [n, T]
        rows: features of those that they answer. [v, F]
        trees: how many.
    """
    from sklearn import ensemble, linear_model, neighbors

    if not x.shape[1]:
        return {}
    near = min(5, len(x))
    models: dict[str, Any]
    of_classes = case.task in ("classes", "yes_no")
    count = _classes(case, wanted) if of_classes else 0
    if of_classes:
        if len(np.unique(wanted)) < 2:
            return {}
        models = {
            "linear": linear_model.LogisticRegression(C=0.3, max_iter=50, tol=1e-2),
            "neighbours": neighbors.KNeighborsClassifier(near),
            "trees": ensemble.ExtraTreesClassifier(trees, random_state=0),
        }
    else:
        wanted = wanted[:, 0] if wanted.shape[1] == 1 else wanted
        models = {
            "linear": linear_model.RidgeCV(alphas=(1.0, 10.0, 100.0, 1000.0)),
            "neighbours": neighbors.KNeighborsRegressor(near),
            "trees": ensemble.ExtraTreesRegressor(trees, min_samples_leaf=2, random_state=0),
        }
    found = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a solver that has not converged: it is a yardstick
            model.fit(x, wanted)
            if of_classes:
                answers = np.zeros((len(rows), count))
                answers[:, model.classes_] = model.predict_proba(rows)
            else:
                answers = model.predict(rows).reshape(len(rows), -1)
        found[name] = answers
    return found
