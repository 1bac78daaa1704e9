"""Classes that have other codes in another part of the data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.doctor import plain
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import paired, standing

FEWEST = 10  # rows of a class
MOSTLY = 0.5  # of its rows
GAIN, CLEAR = 0.1, 5.0  # of accuracy; standard errors


def other_codes(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Most rows of a class are taken for one other class in another part, and that one for it or for a third,
    all around, while the network knows these classes among its training rows.

    Nothing that a network can do wrong exchanges classes in one part alone. Exchanging them must make the
    answers right for .1 and 5 standard errors more of the rows.
    """
    del record
    if not plain.is_classes(case.task) or case.train is None:
        raise CannotTellError("the targets are no classes")
    seen, known = standing(case).train, case.wanted(case.train.spread(2000))
    if len(seen) != len(known):
        return
    for part, rows in plain.parts(case).items():
        answers, wanted = case.answers(rows), case.wanted(rows)
        said = np.where(case.marks(answers, rows) > 0, wanted, 1 - wanted)  # of two classes
        said = answers.argmax(1) if answers.shape[1] > 1 else said
        codes = _codes(said, wanted)
        away = np.flatnonzero(codes != np.arange(len(codes))).tolist()
        if not away or any((wanted == each).sum() < FEWEST for each in away):
            continue
        if any((known == each).sum() < FEWEST or seen[known == each].mean() < MOSTLY for each in away):
            continue
        right, others = (said == wanted).astype(float), (said == codes[wanted]).astype(float)
        gain, error = paired(others, right)
        if gain < max(GAIN, CLEAR * error):
            continue
        pairs = ", ".join(f"class {each} for {codes[each]}" for each in away[:5])
        yield Diagnosis(
            "drift",
            "error",
            f"classes have other codes in the {part} rows: most rows of {pairs} are taken so by the network, "
            f"which knows these classes among its training rows; {100 * right.mean():.0f} % are right, "
            f"and {100 * others.mean():.0f} % would be if they were exchanged",
            {
                "part": part,
                "codes": {int(each): int(codes[each]) for each in away},
                "accuracy": round(float(right.mean()), 4),
                "exchanged": round(float(others.mean()), 4),
            },
            "names of classes were numbered part by part, or in another order for later rows",
            Fix("number the classes once for all parts, by a table that is kept with the data"),
            member=case.member,
        )
        return


def _codes(said: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What each class is taken for by most of its rows, where these make a permutation; else itself. [C]"""
    size = int(max(said.max(), wanted.max())) + 1
    taken = np.zeros((size, size))
    np.add.at(taken, (wanted, said), 1.0)
    shares = taken / np.maximum(taken.sum(1, keepdims=True), 1.0)
    codes = np.where(shares.max(1) > MOSTLY, shares.argmax(1), np.arange(size))
    return codes if len(np.unique(codes)) == size else np.arange(size)
