"""Rows that stand in the data more than once: in two parts, within the training rows, with two targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.findings import told
from netwright.doctor.record import Record

TRAIN_ROWS = 4000
PART_ROWS = 1000
NARROW = 100  # columns that distances are taken in
NEAR = 0.25  # of the distance that the nearest row usually has, if it has nothing to do with this one
FEW = 0.05
NOTABLE = 0.08
MANY = 0.10
CONTINUOUS = 0.2  # different values among different rows, from which on equal rows are no chance
BY_CHANCE = 0.05  # rows equal to a given one, from which on they may be
INFLATED = 0.02
LEAST = 10  # shared rows, for an error


@dataclass
class Copies:
    """Rows of a part that stand in the training rows too.

    Arguments:
        shared: which rows of the part, up to 1000 evenly spaced. [v]
        exact: how many of them are equal, not only as good as equal.
        rows: the rows that were looked at.
        within: share of training rows that have such a copy among the training rows.
        natural: whether equal rows come up by chance, since all columns are coarse.
    """

    shared: np.ndarray
    exact: int
    rows: Rows
    within: float
    natural: bool

    @property
    def share(self) -> float:
        return float(self.shared.mean())


@dataclass
class _Seen:
    """The training rows as they are compared with others."""

    rows: np.ndarray
    hashes: np.ndarray
    spread: np.ndarray
    near: float
    within: float
    coarse: bool
    middle: np.ndarray
    keep: np.ndarray
    project: np.ndarray | None = field(default=None)
    far: int = 1
    share: float = 1.0

    def close(self, rows: np.ndarray, *, own: bool = False) -> np.ndarray:
        """Which rows are as good as one of these; `own` are some of these, and mean another one. [n]"""
        distance = _distances(rows, self.rows, self.far + own)[:, int(own) :]
        return distance[:, 0] < np.minimum(self.near, self.share * distance[:, -1])


def shared_rows(case: Case) -> Iterator[Diagnosis]:
    """Validation or test rows that are, or are as good as, training rows; or groups that stand on both sides.

    An error from 10 % on, or when other groups are clearly harder to tell than other rows; a note where
    equal rows come up by chance since no column is continuous, or are less than 8 %.
    """
    known = told(case, "shared_rows")
    if known is not None:
        yield from known
    else:
        found = copies(case)
        for part, each in found.items():
            if each.shared.sum() >= 2:
                severity = (
                    "error"
                    if each.share >= MANY and each.shared.sum() >= LEAST
                    else "warning"
                    if _notable(each)
                    else "note"
                )
                severity = "note" if each.natural else severity
                yield _of_copies(case, part, each, severity)
    yield from _groups(case)


def shared_rows_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The same, as an error when the shared rows make the score better than it is on the others."""
    known = told(case, "shared_rows")
    if known is not None:
        yield from known
        return
    for part, each in copies(case).items():
        clean = ~each.shared
        if each.natural or each.share < 0.02 or each.shared.sum() < LEAST or clean.sum() < 10:
            continue
        marks = np.clip(np.nan_to_num(case.marks(case.answers(each.rows), each.rows), nan=-1.0), -1.0, 1.0)
        gain = float(marks.mean() - marks[clean].mean())
        error = np.sqrt(marks[clean].var() / clean.sum() + marks[each.shared].var() / each.shared.sum())
        if gain < INFLATED or marks[each.shared].mean() - marks[clean].mean() < 2 * error:
            continue
        found = _of_copies(case, part, each, "error")
        message = (
            f"{found.message}; the network scores {marks.mean():.3f} on all {part} rows, and "
            f"{marks[clean].mean():.3f} on those it has not seen"
        )
        evidence = found.evidence | {
            "score": round(float(marks.mean()), 4),
            "score_of_others": round(float(marks[clean].mean()), 4),
        }
        yield replace(found, message=message, evidence=evidence, member=case.member)


def _notable(each: Copies) -> bool:
    """Enough rows to look at: 8 % of them, or 20 that are not as frequent among the training rows."""
    return (each.share >= NOTABLE and each.shared.sum() >= 5) or (
        each.shared.sum() >= 20 and each.within < each.share / 2
    )


def _of_copies(case: Case, part: str, each: Copies, severity: Any) -> Diagnosis:
    number = int(each.shared.sum())
    what = "equal" if each.exact == number else "equal, or as good as equal,"
    looked = "" if len(each.rows) == case.counts.get(part) else f" of {len(each.rows)} looked at"
    places = np.flatnonzero(each.shared)[:20]
    numbers = each.rows.numbers
    return Diagnosis(
        "shared_rows",
        severity,
        f"{number} {part} rows{looked} ({100 * each.share:.1f} %) are {what} to training rows",
        {
            "part": part,
            "rows": number,
            "exact": each.exact,
            "share": round(each.share, 4),
            "share_within_training": round(each.within, 4),
            "examples": (places if numbers is None else numbers.cpu().numpy()[places]).tolist(),
        },
        "all columns are coarse, so that equal rows come up by chance"
        if each.natural
        else "the data hold rows more than once, and were divided row by row",
        Fix("remove them from one side, or divide the rows so that equal ones stay together; score again"),
    )


def copies(case: Case) -> dict[str, Copies]:
    """Rows of the other parts that are training rows too, by part. Computed once for the same rows."""
    return case.fact("copies", lambda: _copies(case))


def _copies(case: Case) -> dict[str, Copies]:
    train = plain.known(case).spread(TRAIN_ROWS)
    if len(train) < 20:
        raise CannotTellError(f"there are only {len(train)} training rows")
    seen = _look(case, train)
    found = {}
    for part, rows in plain.parts(case).items():
        rows = rows.spread(PART_ROWS)
        equal = np.isin(_hashes(case, rows), seen.hashes)
        near = equal if seen.near == 0 else seen.close(_compared(case, rows, seen))
        shared = equal | near
        natural = seen.coarse and shared.mean() <= 1.5 * seen.within + 3 * np.sqrt(
            max(seen.within, 0.01) / len(rows)
        )
        found[part] = Copies(shared, int(equal.sum()), rows, seen.within, bool(natural))
    return found


def _look(case: Case, train: Rows) -> _Seen:
    x = plain.matrix(case, train)
    spread = x.std(0)
    keep = np.flatnonzero(spread > 1e-12 * (1 + np.abs(x.mean(0))))
    hashes = _hashes(case, train)
    _, group, times = np.unique(hashes, return_inverse=True, return_counts=True)
    seen = _Seen(
        np.zeros((0, 0)), hashes, spread, 0.0, float((times[group] > 1).mean()), True, x.mean(0), keep
    )
    if not len(keep):
        return seen
    different = np.unique(x[:, keep], axis=0) if x.shape[1] <= 200 else x[:, keep]
    sample = different[:: max(1, len(different) // PART_ROWS)]
    counts = [np.unique(each, return_counts=True)[1] / len(sample) for each in sample.T[:200]]
    # Two rows agree in all columns at least as often as if these were independent; how much more often is
    # not known, and the square root is generous.
    chance = len(train) * np.exp(0.5 * sum(float(np.log(np.square(each).sum())) for each in counts))
    few = max(len(each) for each in counts) <= max(10, CONTINUOUS * len(sample))
    seen.coarse = few and chance >= BY_CHANCE
    if len(keep) > NARROW:
        seen.project = np.random.default_rng(0).normal(size=(len(keep), NARROW)) / np.sqrt(NARROW)
    seen.rows = _compared(case, train, seen)
    if not seen.coarse:
        chosen = np.linspace(0, len(train) - 1, min(len(train), PART_ROWS)).astype(int)
        seen.far = int(np.clip(len(train) // 30, 4, 16))
        distance = _distances(seen.rows[chosen], seen.rows, 2 * seen.far + 1)[:, 1:]
        apart = distance[distance[:, 0] > 1e-6]
        if len(apart):
            dimension = float(np.clip(_dimension(apart, seen.far), 1.0, seen.rows.shape[1]))
            # What the nearest would be if rows had nothing to do with each other, from those further off.
            shrunk = seen.far ** (-1.0 / dimension)
            usual = max(float(np.median(apart[:, 0])), shrunk * float(np.median(apart[:, seen.far - 1])))
            factor = min(NEAR, 0.005 ** (1.0 / dimension))
            seen.near, seen.share = factor * usual, factor * shrunk
            seen.within = float(seen.close(seen.rows[chosen], own=True).mean())
    return seen


def _dimension(distance: np.ndarray, far: int) -> float:
    """Of the space that rows fill: how many more there are within twice the distance, as a power of two.

    Arguments:
        distance: to the nearest rows. [n, 2 far]
    """
    growth = np.log(np.maximum(distance[:, 2 * far - 1], 1e-9) / np.maximum(distance[:, far - 1], 1e-9))
    return float(np.log(2.0) / max(float(np.median(growth)), 1e-6))


def _compared(case: Case, rows: Rows, seen: _Seen) -> np.ndarray:
    """Rows in the units of the training rows. [n, F]"""
    x = (plain.matrix(case, rows)[:, seen.keep] - seen.middle[seen.keep]) / seen.spread[seen.keep]
    x = np.clip(x, -1e4, 1e4)
    return x if seen.project is None else x @ seen.project


def _distances(rows: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """Distances to the nearest of others, rising. [n, count]"""
    from sklearn.neighbors import NearestNeighbors

    few = rows.shape[1] <= 12
    search = NearestNeighbors(n_neighbors=min(count, len(others)), algorithm="kd_tree" if few else "brute")
    return search.fit(others).kneighbors(rows)[0]


def _hashes(case: Case, rows: Rows, *, target: bool = True) -> np.ndarray:
    """One number for each row, equal where its inputs (and its target) are. [n]"""
    x = np.nan_to_num(case.features(rows), nan=-9.75e30).astype(np.float32) + np.float32(0)
    if target:
        wanted = case.wanted(rows).reshape(len(x), -1).astype(np.float32)
        x = np.concatenate([x, wanted], axis=1)
    digests = b"".join(blake2b(row.tobytes(), digest_size=8).digest() for row in np.ascontiguousarray(x))
    return np.frombuffer(digests, dtype=np.int64)


# ------------------------------------------------------------------------------------------------- groups


def _groups(case: Case) -> Iterator[Diagnosis]:
    groups = case.notes.get("groups")
    if not groups or "train" not in groups:
        return
    known = set(np.asarray(groups["train"]).tolist())
    shares = {}
    for part in ("validation", "test"):
        of = np.asarray(groups.get(part, [])).tolist()
        if of:
            shares[part] = sum(each in known for each in of) / len(of)
    part = max(shares, key=lambda name: shares[name], default=None)
    if part is None or shares[part] == 0:
        return
    both = known & set(np.asarray(groups[part]).tolist())
    lost, error = _lost_between_groups(case, np.asarray(groups["train"]))
    harm = lost > max(0.02, 2 * error)
    said = f"; simple models lose {lost:.3f} of their score on groups they have not seen" if harm else ""
    yield Diagnosis(
        "shared_rows",
        "error" if harm and shares[part] >= 0.02 else "warning",
        f"{len(both)} groups stand in the training and in the {part} rows, {100 * shares[part]:.0f} % of "
        f"these{said}",
        {
            "part": part,
            "share": round(shares[part], 4),
            "groups": [str(each) for each in sorted(both, key=str)[:20]],
            "lost_on_new_groups": round(lost, 4),
        },
        "the rows were divided one by one, not group by group, so that the score tells how well known "
        "groups are told",
        Fix("divide the rows by group and score again", {"split.group": "the group's column"}),
    )


def _lost_between_groups(case: Case, groups: np.ndarray) -> tuple[float, float]:
    """What a simple model loses when it knows no row of a group, and the standard error of it."""
    train = case.train
    if train is None or train.numbers is None or case.task == "unknown":
        return 0.0, 0.0
    numbers = train.numbers.cpu().numpy()
    if numbers.max() >= len(groups):
        return 0.0, 0.0
    _, codes = np.unique(groups[numbers], return_inverse=True)
    order = np.argsort(np.random.default_rng(0).permutation(codes.max() + 1)[codes], kind="stable")[:1200]
    x, wanted = plain.standard(plain.matrix(case, train)[order]), case.wanted(train)[order]
    if len(np.unique(codes[order])) < 2 * plain.FOLDS or x.shape[1] == 0:
        return 0.0, 0.0
    _, own = np.unique(codes[order], return_inverse=True)
    count = plain.answers_of(case, wanted)
    lost = []
    for model in plain.models(case.task, ("neighbours", "trees")).values():
        by_row, by_group = (
            plain.marks(plain.out_of_fold(model, x, wanted, case.task, count, folds), wanted, case.task)
            for folds in (plain.folds_of(len(x)), plain.folds_of(own.max() + 1)[own])
        )
        lost.append((by_row.mean(), by_row - by_group))
    difference = max(lost, key=lambda each: each[0])[1]
    by = (
        np.bincount(own, weights=difference) / len(own) * (own.max() + 1)
    )  # rows of a group are not independent
    return float(difference.mean()), float(by.std() / np.sqrt(len(by)))


# ------------------------------------------------------------------------------------- within the training


def duplicate_rows(case: Case) -> Iterator[Diagnosis]:
    """Training rows equal to an earlier one.

    A note from 5 % on, a warning from 10 % unless all columns are coarse.
    """
    known = told(case, "duplicate_rows")
    if known is not None:
        yield from known
        return
    train = plain.known(case)
    again = len(train) - len(np.unique(_hashes(case, train)))
    share = again / len(train)
    if share <= FEW:
        return
    yield Diagnosis(
        "duplicate_rows",
        "warning" if share > MANY and not _look(case, train).coarse else "note",
        f"{again} of {len(train)} training rows ({100 * share:.0f} %) are equal to an earlier one",
        {"rows": again, "share": round(share, 4)},
        "rows were exported or joined more than once, or the columns are coarse",
        Fix("keep one of each, unless they are rows of their own", {"data.clean.duplicates": "drop"}),
    )


def conflicting_labels(case: Case) -> Iterator[Diagnosis]:
    """Training rows with equal inputs and other targets.

    A warning from 5 % of the rows, an error when no network can be right on 10 %; a note where the columns
    are so coarse that this is to be expected. Numbers conflict when they are half a standard deviation apart.
    """
    known = told(case, "conflicting_labels")
    if known is not None:
        yield from known
        return
    train = plain.known(case)
    if case.task == "labels":
        raise CannotTellError("each row has several labels")
    _, group = np.unique(_hashes(case, train, target=False), return_inverse=True)
    wanted = case.wanted(train)
    conflict, lost = _conflicts(group, wanted, plain.is_classes(case.task))
    share = float(conflict.mean())
    if share == 0:
        return
    coarse = _look(case, train).coarse
    severity = "note" if coarse or share < FEW else "error" if lost >= MANY else "warning"
    places = np.flatnonzero(conflict)[np.argsort(group[conflict], kind="stable")][:40]
    numbers = train.numbers
    yield Diagnosis(
        "conflicting_labels",
        severity,
        f"{int(conflict.sum())} of {len(train)} training rows ({100 * share:.1f} %) have the inputs of "
        "another row and another target"
        + (
            f"; no network can be right on over {100 * (1 - lost):.0f} % of all"
            if plain.is_classes(case.task)
            else ""
        ),
        {
            "rows": int(conflict.sum()),
            "share": round(share, 4),
            "wrong_at_best": round(lost, 4),
            "examples": (places if numbers is None else numbers.cpu().numpy()[places]).tolist(),
        },
        "labels are wrong, or a column that tells such rows apart is missing",
        Fix("look at these rows; correct them, or add what tells them apart"),
    )


def _conflicts(group: np.ndarray, wanted: np.ndarray, classes: bool) -> tuple[np.ndarray, float]:
    """Rows whose group has several targets [n], and the share of the rows that is wrong at best."""
    if classes:
        pairs = np.zeros((group.max() + 1, wanted.max() + 1), dtype=np.int64)
        np.add.at(pairs, (group, wanted), 1)
        return (pairs > 0).sum(1)[group] > 1, 1 - pairs.max(1).sum() / len(group)
    low, high = (np.full((group.max() + 1, wanted.shape[1]), sign * np.inf) for sign in (1, -1))
    np.minimum.at(low, group, wanted)
    np.maximum.at(high, group, wanted)
    apart = ((high - low) > 0.5 * wanted.std(0) + 1e-12).any(1)
    times = np.bincount(group)
    mean = np.stack([np.bincount(group, each) / times for each in wanted.T], 1)
    lost = (np.square(wanted - mean[group]).mean(0) / (wanted.var(0) + 1e-12)).mean()
    return apart[group], float(lost)
