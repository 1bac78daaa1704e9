"""Parts of the data that are not alike: inputs, targets, or classes that training rows do not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.findings import told
from netwright.doctor.kin import kin
from netwright.doctor.record import Record
from netwright.doctor.standing import Unseen, reduced, unseen

ROWS = 1500
FEW_ROWS = 20
LARGE_KS = 0.2
MOVED = 0.1
CHANCE = 0.001
APART = 0.65  # area under the curve of a model that tells the parts apart
DOMAIN_ROWS = 400
LABEL_DISTANCE, LABEL_CHANCE = 0.1, 1e-5  # no draw by chance, of all the data that are ever divided
HARM = 0.02
LOST, LOST_CLEARLY = 0.1, 5.0  # marks, and standard errors, where nothing else is to be seen
SCALE = 3.0
ONCE = 0.8  # of the rows, from which on families of them count
UNSEEN = 0.02


@dataclass(frozen=True)
class Shift:
    """How a part differs from the training rows.

    Arguments:
        part: its name.
        columns: places of the columns that differ, the worst first, with their distances of Kolmogorov and
            Smirnov.
        scaled: places of those whose spread or level is another altogether, with the ratio of spreads.
        domain: area under the curve of a model that tells the parts apart; 0 where it was not needed.
        label: distance between the targets; 0 where they are alike.
        unseen: share of rows of classes that no training row has.
        classes: these.
        lost: marks that simple models lose there, where neither columns nor targets differ by themselves.
    """

    part: str
    columns: list[tuple[int, float]]
    scaled: list[tuple[int, float]]
    domain: float
    label: float
    unseen: float
    classes: list[int]
    lost: float = 0.0

    @property
    def any(self) -> bool:
        return bool(self.columns or self.scaled or self.domain or self.label or self.unseen or self.lost)


def drift(case: Case) -> Iterator[Diagnosis]:
    """Validation or test rows are distributed otherwise than the training rows.

    Columns count when the distance of Kolmogorov and Smirnov is at least .2 and chance makes such a one in
    any column less than once in a thousand; all together, when a model tells the parts apart with an area of
    .65 under its curve; targets, when their shares or distributions are that far apart. An error when
    scales differ, classes are missing in training, or simple models lose by it.

    And an error where nothing is to be seen of columns and targets by themselves, but simple models that know
    training rows which they have not seen lose .1 and 5 standard errors: what goes with what has changed.
    Rows that belong together stay together in this, so that copies among the training rows do not count. Of
    182 healthy trainings the most is 2.4 standard errors.
    """
    known = told(case, "drift")
    if known is not None:
        yield from known
        return
    for shift in shifts(case):
        severe = bool(shift.scaled) or shift.unseen >= UNSEEN
        lost = shift.lost or (0.0 if severe else _lost(case, shift.part))
        said = f"; simple models lose {lost:.3f} of their score there" if lost else ""
        yield _diagnosis(case, shift, severe or lost > 0, said)


def drift_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The same, as an error when the network is clearly worse on the part that differs than on the other."""
    known = told(case, "drift")
    if known is not None:
        yield from known
        return
    parts = plain.parts(case)
    found = {each.part: each for each in shifts(case)}
    if len(parts) < 2 or len(found) != 1:
        return
    (part, shift), (other,) = next(iter(found.items())), set(parts) - set(found)
    own, like = (
        np.clip(np.nan_to_num(case.marks(case.answers(rows), rows), nan=-1.0), -1.0, 1.0)
        for rows in (parts[part], parts[other])
    )
    lost = float(like.mean() - own.mean())
    error = np.sqrt(own.var() / len(own) + like.var() / len(like))
    if lost > max(HARM, 2 * error):
        said = f"; the network scores {own.mean():.3f} on them, and {like.mean():.3f} on the {other} rows"
        yield replace(_diagnosis(case, shift, True, said), member=case.member)


def _diagnosis(case: Case, shift: Shift, severe: bool, said: str) -> Diagnosis:
    names = [plain.column(case, place) for place, _ in (shift.scaled or shift.columns)[:4]]
    many = len(shift.scaled or shift.columns)
    shown = ", ".join(names) + (f" and {many - 4} more" if many > 4 else "")
    cause, fix = (
        "the rows were divided by time, place or order, or the parts were made in different ways",
        Fix("divide the rows at random, or train on rows like those that will come"),
    )
    if shift.unseen:
        what = (
            f"{100 * shift.unseen:.1f} % of the {shift.part} rows are of classes that no training row has: "
            + ", ".join(str(each) for each in shift.classes[:5])
        )
        cause = "the rows were divided in the order of their classes, or a class is too rare"
        fix = Fix("divide the rows class by class (stratified), or collect rows of these classes")
    elif shift.scaled:
        ratio = shift.scaled[0][1]
        how = f"{ratio:.3g} times as spread" if not 0.5 < ratio < 2 else "at another level"
        what = f"the {shift.part} rows are scaled otherwise than the training rows in {shown} ({how})"
        cause = "a part was scaled by its own mean and spread, not scaled at all, or is in other units"
        fix = Fix("fit the scaling on training rows alone and use it for every part, or scale in the network")
    elif shift.columns:
        what = f"{many} input columns are distributed otherwise in the {shift.part} rows: {shown}"
    elif shift.label:
        what = f"the targets of the {shift.part} rows are distributed otherwise, by {shift.label:.2f}"
    elif shift.lost:
        what = f"the {shift.part} rows look like the training rows, but other inputs go with the targets"
        cause = "columns stand in another order there, or were joined to other rows; or the world has changed"
        fix = Fix("look whether each column is the same one in all parts, and each row has its own target")
    else:
        what = f"a simple model tells {shift.part} from training rows with an area of {shift.domain:.2f}"
    return Diagnosis(
        "drift",
        "error" if severe else "warning",
        what + said,
        {
            "part": shift.part,
            "columns": [plain.column(case, place).strip("'") for place, _ in (shift.scaled or shift.columns)][
                :50
            ],
            "distances": [round(each, 4) for _, each in shift.columns][:50],
            "spreads": [float(f"{each:.4g}") for _, each in shift.scaled][:50],
            "domain_area": round(shift.domain, 4),
            "target_distance": round(shift.label, 4),
            "unseen_classes": shift.classes[:50],
        },
        cause,
        fix,
    )


def shifts(case: Case) -> list[Shift]:
    """The parts that differ, and in what. Computed once for the same rows."""
    return case.fact("shifts", lambda: _shifts(case))


def _shifts(case: Case) -> list[Shift]:
    train = plain.known(case)
    every = len(train) == case.counts.get("train")
    found = [_shift(case, train, rows, part, every) for part, rows in plain.parts(case).items()]
    if not found:
        raise CannotTellError("there are no validation or test rows")
    return [each for each in found if each.any]


def _shift(case: Case, train: Rows, rows: Rows, part: str, every: bool, *, once: bool = False) -> Shift:
    label, unseen, classes = _targets(case, case.wanted(train), case.wanted(rows), every)
    if len(rows) < FEW_ROWS or len(train) < FEW_ROWS:
        return Shift(part, [], [], 0.0, label, unseen, classes)
    before, after = plain.matrix(case, train.spread(ROWS)), plain.matrix(case, rows.spread(ROWS))
    columns = _columns(before, after)
    scaled = _scaled(before, after, [place for place, _ in columns])
    domain = 0.0 if columns else _domain(before, after)
    found = Shift(part, columns, scaled, domain, label, unseen, classes)
    if (label or columns) and not once:
        few, fewer = _once(case, train), _once(case, rows)
        if len(few) + len(fewer) < ONCE * (min(len(train), ROWS) + min(len(rows), ROWS)):
            return replace(_shift(case, few, fewer, part, every, once=True), unseen=unseen, classes=classes)
    return found if found.any else replace(found, lost=_lost_alone(case, part))


def _once(case: Case, rows: Rows) -> Rows:
    """One of each family of rows that are as good as equal."""
    rows = rows.spread(ROWS)
    (x,) = reduced(plain.matrix(case, rows))
    first = np.unique(kin(x, close=True), return_index=True)[1]
    return rows.at(torch.from_numpy(np.sort(first)))


def _columns(before: np.ndarray, after: np.ndarray) -> list[tuple[int, float]]:
    """Columns that differ and how far, the worst first."""
    from scipy.stats import kstwobign

    varies = np.flatnonzero((before.std(0) > 0) | (after.std(0) > 0))
    rows = len(before) * len(after) / (len(before) + len(after))
    # The limit distribution is on the safe side for columns of few values.
    bound = float(kstwobign.isf(CHANCE / max(1, len(varies)))) / np.sqrt(rows)
    found = []
    for place in varies:
        distance = _distance(before[:, place], after[:, place])
        if distance >= max(LARGE_KS, bound) and _moved(before[:, place], after[:, place]) >= MOVED:
            found.append((int(place), distance))
    return sorted(found, key=lambda each: -each[1])


def _moved(before: np.ndarray, after: np.ndarray) -> float:
    """How far the quantiles are apart in the mean, in standard deviations."""
    at = np.linspace(0.02, 0.98, 49)
    apart = np.abs(np.quantile(before, at) - np.quantile(after, at)).mean()
    return float(apart / (before.std() or after.std() or 1.0))


def _distance(before: np.ndarray, after: np.ndarray) -> float:
    """Of Kolmogorov and Smirnov."""
    before, after = np.sort(before), np.sort(after)
    both = np.concatenate([before, after])
    return float(
        np.abs(
            np.searchsorted(before, both, side="right") / len(before)
            - np.searchsorted(after, both, side="right") / len(after)
        ).max()
    )


def _scaled(before: np.ndarray, after: np.ndarray, places: list[int]) -> list[tuple[int, float]]:
    """Those of the columns whose spread or level is another altogether, the worst first."""
    found = []
    for place in places:
        old, new = before[:, place], after[:, place]
        if len(np.unique(old)) < 5:
            continue
        ratio = (_width(new) + 1e-12) / (_width(old) + 1e-12)
        level = abs(np.median(new) - np.median(old)) / (_width(old) + 1e-12)
        worst = max(ratio, 1 / ratio, level)
        if worst > SCALE:
            found.append((place, float(ratio), worst))
    return [(place, ratio) for place, ratio, _ in sorted(found, key=lambda each: -each[2])]


def _width(values: np.ndarray) -> float:
    """Of the middle four fifths of the values."""
    low, high = np.quantile(values, [0.1, 0.9])
    return float(high - low)


def _domain(before: np.ndarray, after: np.ndarray) -> float:
    """Area under the curve of a model that tells the parts apart; 0 where it may be chance.

    Trees are only asked where a straight line (of values and their squares) or the nearest rows point to a
    difference without proving it.
    """
    parts = [
        each[np.linspace(0, len(each) - 1, min(len(each), DOMAIN_ROWS)).astype(int)]
        for each in (before, after)
    ]
    x = plain.standard(np.concatenate(parts))
    x = x + 0.05 * np.random.default_rng(0).normal(size=x.shape)  # less than that is no difference
    old, new = map(len, parts)
    if x.shape[1] < 2 or min(old, new) < 2 * FEW_ROWS:
        return 0.0
    goal, folds = np.repeat([0, 1], [old, new]), plain.folds_of(len(x))
    error = np.sqrt((old + new + 1) / (12 * old * new))
    area = max(
        _area(found, goal) for found in (_straight(x, goal, folds), _nearest(x, goal, np.arange(len(x))))
    )
    sure, perhaps = max(APART, 0.5 + 3.3 * error), 0.5 + 2.0 * error
    if area > perhaps:  # several rows of one thing in one part are no difference between the parts
        of = kin(x)
        folds = plain.folds_of(of.max() + 1)[of]
        area = max(_area(found, goal) for found in (_straight(x, goal, folds), _nearest(x, goal, of)))
    if perhaps < area < sure:
        model = plain.models("classes", ("trees",))["trees"]
        area = _area(plain.out_of_fold(model, x, goal, "classes", 2, folds)[:, 1], goal)
    return area if area >= sure else 0.0


def _area(found: np.ndarray, goal: np.ndarray) -> float:
    """Under the curve, for goals of 0 and 1. Mann and Whitney"""
    from scipy.stats import rankdata

    old, new = (int((goal == each).sum()) for each in (0, 1))
    return float((rankdata(found)[goal == 1].sum() - new * (new + 1) / 2) / (old * new))


def _straight(x: np.ndarray, goal: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Out-of-fold answers of least squares with a penalty on the values and their squares. [n]"""
    (x,) = reduced(x)
    x = np.concatenate([x, np.square(x) - 1.0, np.ones((len(x), 1))], 1)  # [n, 2F + 1]
    found = np.zeros(len(x))
    for each in np.unique(folds):
        held = folds == each
        own = x[~held]
        penalty = 0.1 * len(own) * np.eye(x.shape[1])
        found[held] = x[held] @ np.linalg.solve(own.T @ own + penalty, own.T @ (goal[~held] - goal.mean()))
    return found


def _nearest(x: np.ndarray, goal: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Share of the second part among the ten nearest rows of other families. [n]"""
    square = np.square(x).sum(1)
    distance = square[:, None] + square - 2.0 * (x @ x.T)  # [n, n]
    distance[of[:, None] == of] = np.inf
    return goal[np.argpartition(distance, 10, axis=1)[:, :10]].mean(1)


def _targets(
    case: Case, before: np.ndarray, after: np.ndarray, every: bool
) -> tuple[float, float, list[int]]:
    """How far targets are apart, the share of unseen classes, and these classes."""
    if not plain.is_classes(case.task):
        if min(len(before), len(after)) < FEW_ROWS:
            return 0.0, 0.0, []
        return max((each for _, each in _columns(before, after)), default=0.0), 0.0, []
    size = int(max(before.max(), after.max())) + 1
    old, new = np.bincount(before, minlength=size), np.bincount(after, minlength=size)
    lacking = np.flatnonzero((old == 0) & (new > 0))
    # Of many training rows only some are looked at, and a rare class may be among the others.
    lacking = [c for c in lacking.tolist() if every or (1 - new[c] / len(after)) ** len(before) < CHANCE]
    distance = 0.5 * float(np.abs(old / old.sum() - new / new.sum()).sum())
    if distance >= LABEL_DISTANCE and min(len(before), len(after)) >= FEW_ROWS:
        from scipy.stats import chi2_contingency

        some = (old + new) > 0
        if chi2_contingency(np.stack([old, new])[:, some])[1] >= LABEL_CHANCE:  # type: ignore[operator]
            distance = 0.0
    else:
        distance = 0.0
    return distance, float(new[lacking].sum() / len(after)) if lacking else 0.0, lacking


def _lost(case: Case, part: str) -> float:
    """What simple models lose on a part, against training rows they have not seen; 0 if it may be chance."""
    if case.task == "labels" or len(plain.parts(case)[part]) < FEW_ROWS:
        return 0.0
    lost = _most_lost(unseen(case), part, HARM, 2.5)
    return min(lost, _most_lost(unseen(case, apart=True), part, HARM, 2.5)) if lost else 0.0


def _lost_alone(case: Case, part: str) -> float:
    """The same where it is all that is to be seen, which takes far more."""
    if case.train is None or case.task == "unknown":
        return 0.0
    lost = _most_lost(unseen(case), part, LOST, LOST_CLEARLY)
    return min(lost, _most_lost(unseen(case, apart=True), part, LOST, LOST_CLEARLY)) if lost else 0.0


def _most_lost(known: Unseen, part: str, least: float, clear: float) -> float:
    """What the model that knows the training rows best loses; 0 unless that is so much, and so clear."""
    best = -np.inf, 0.0
    for name in {"linear", "trees"} & set(known.train):
        seen, own = (np.clip(each, -1.0, 1.0) for each in (known.train[name], known.parts[part][name]))
        lost = float(seen.mean() - own.mean())
        error = np.sqrt(seen.var() / len(seen) + own.var() / len(own))
        best = max(best, (float(seen.mean()), lost if lost > max(least, clear * error) else 0.0))
    return best[1]
