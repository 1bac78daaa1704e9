"""Dividing rows into training, validation and test rows by a key a row. Knows neither tables nor columns.

Rows with the same key stay together. What becomes of the training and validation rows never depends on how
the test rows are grouped among themselves: the lowest keys train, the next validate, the rest is left for the
test, and a group that stands on a border goes to the earlier side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netwright.data.roles import TEST, TRAIN, VALIDATION


def divide(keys: np.ndarray, strata: np.ndarray, validation: float, test: float) -> np.ndarray:
    """Roles of rows, with the wished shares within each stratum.

    Arguments:
        keys: rows with equal keys (within a stratum) get the same role; the lowest train. [N] float64
        strata: codes of the strata, from 0. [N] int64
        validation: share of the rows for validation.
        test: share of the rows for the test.

    Returns:
        TRAIN, VALIDATION or TEST for each row. [N] int8

    Example:
        >>> divide(np.array([0.3, 0.1, 0.4, 0.2, 0.5]), np.zeros(5, dtype=np.int64), 0.2, 0.2)
        array([0, 0, 1, 0, 2], dtype=int8)
    """
    counts = np.bincount(strata)
    quotas = _quotas(counts, validation, test)
    role = np.empty(len(keys), dtype=np.int8)
    order = np.lexsort((keys, strata))
    for rows, (for_validation, for_test) in zip(np.split(order, np.cumsum(counts)[:-1]), quotas, strict=True):
        role[rows] = _divide_stratum(keys[rows], int(for_validation), int(for_test))
    return role


def divide_in_order(keys: np.ndarray, validation: float, test: float) -> np.ndarray | None:
    """Roles of rows in the order of their keys: the lowest train, the highest test.

    Rows with equal keys stay together; each border is drawn at the change of key nearest to the wished one.

    Arguments:
        keys: such as times. [N] float64
        validation: share of the rows for validation.
        test: share of the rows for the test.

    Returns:
        TRAIN, VALIDATION or TEST for each row ([N] int8), or None when there are too few different keys.
    """
    count = len(keys)
    order = np.argsort(keys, kind="stable")
    wished = [count * (1 - validation - test)] * (validation > 0) + [count * (1 - test)] * (test > 0)
    found = borders(keys[order], wished)
    if found is None:
        return None
    role = np.full(count, TRAIN, dtype=np.int8)
    if validation > 0:
        role[order[found[0] :]] = VALIDATION
    if test > 0:
        role[order[found[-1] :]] = TEST
    return role


def borders(keys: np.ndarray, wished: Sequence[float]) -> list[int] | None:
    """Places in rows sorted by key where parts begin: the changes of key nearest to the wished places.

    Arguments:
        keys: ascending; rows with equal keys stay together. [N]
        wished: places in ascending order, none at the start.

    Returns:
        As many different places, ascending; None when there are too few different keys.

    Example:
        >>> borders(np.array([1, 1, 2, 3, 3, 3]), [2.5, 4.0])
        [2, 3]
    """
    changes = np.flatnonzero(np.diff(keys)) + 1
    found: list[int] = []
    for place, wish in enumerate(wished):
        later = len(wished) - place - 1  # so many borders still need a change of key of their own
        free = changes[changes > (found[-1] if found else 0)]
        free = free[: len(free) - later]
        if len(free) == 0:
            return None
        found.append(int(free[np.argmin(np.abs(free - wish))]))
    return found


def _divide_stratum(keys: np.ndarray, for_validation: int, for_test: int) -> np.ndarray:
    """Roles of rows that are sorted by key, for the wished numbers of rows."""
    role = np.full(len(keys), TEST, dtype=np.int8)
    end = _end_of_group(keys, len(keys) - for_validation - for_test)
    role[:end] = TRAIN
    if for_validation:
        # a large group may have taken more than its share: what is left is divided in proportion
        wish = round((len(keys) - end) * for_validation / (for_validation + for_test))
        role[end : end + _end_of_group(keys[end:], wish)] = VALIDATION
    return role


def _end_of_group(keys: np.ndarray, count: int) -> int:
    """Where the group ends that holds the last of the first `count` rows."""
    return int(np.searchsorted(keys, keys[count - 1], side="right")) if count else 0


def _quotas(counts: np.ndarray, validation: float, test: float) -> np.ndarray:
    """How many rows of each stratum validate and test. [S, 2]

    A single row trains; of two rows, one trains and one tests.
    """
    for_test = _apportion(np.where(counts > 2, counts, 0), test, int(counts.sum()))
    if test > 0:
        for_test[counts == 2] = 1
    for_validation = _apportion(np.where(counts > 2, counts, 0), validation, int(counts.sum()))
    for_test = np.minimum(for_test, np.maximum(counts - 1, 0))
    for_validation = np.minimum(for_validation, np.maximum(counts - 1 - for_test, 0))
    return np.stack([for_validation, for_test], axis=1)


def _apportion(counts: np.ndarray, share: float, total: int) -> np.ndarray:
    """Whole numbers near share x counts whose sum is near share x total (largest remainders)."""
    wished = counts * share
    given = np.floor(wished + 1e-9).astype(np.int64)
    missing = max(round(share * total), 1 if share > 0 else 0) - int(given.sum())
    # equal remainders go to the larger stratum
    for place in np.lexsort((-counts, given - wished))[: max(missing, 0)]:
        given[place] += counts[place] > 0
    return given
