"""Which windows there are, and which part each is of; against windows cut one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from netwright.data.forecast.windows import thinned, window_roles
from netwright.data.roles import IGNORE, TEST, TRAIN, VALIDATION


def one_by_one(role, known, starts, lookback, horizon):
    """The rule in words, for one window at a time."""
    seen = {TRAIN: {TRAIN, IGNORE}, VALIDATION: {TRAIN, VALIDATION, IGNORE}}
    found = np.full(len(role), IGNORE)
    for first, last in pairwise(starts.tolist()):
        for begin in range(first, last - lookback - horizon + 1):
            back = set(role[begin : begin + lookback].tolist())
            ahead = set(role[begin + lookback : begin + lookback + horizon].tolist())
            if len(ahead) > 1 or IGNORE in ahead or not known[begin + lookback :][:horizon].any():
                continue
            (part,) = ahead
            if part == TEST or back <= seen[part]:
                found[begin] = part
    return found


@pytest.mark.parametrize("seed", range(5))
def test_windows_are_those_cut_one_by_one(seed):
    random = np.random.default_rng(seed)
    role = np.repeat(random.integers(0, 4, 30), random.integers(1, 9, 30)).astype(np.int8)
    known = random.random(len(role)) < 0.5
    starts = np.array([0, 20, 23, len(role)])
    found = window_roles(role, known, starts, 3, 2)
    assert found.tolist() == one_by_one(role, known, starts, 3, 2).tolist()


def test_the_published_borders_give_the_published_windows():
    role = np.repeat([TRAIN, VALIDATION, TEST, IGNORE], [8640, 2880, 2880, 3020]).astype(np.int8)
    found = window_roles(role, np.ones(len(role), bool), np.array([0, len(role)]), 96, 96)
    counts = [(found == part).sum() for part in (TRAIN, VALIDATION, TEST)]
    assert counts == [8640 - 96 - 96 + 1, 2880 - 96 + 1, 2880 - 96 + 1]
    assert np.flatnonzero(found == TEST)[0] + 96 == 11520  # the first target is the first test row


def test_a_series_shorter_than_a_window_has_none():
    role = np.zeros(4, dtype=np.int8)
    assert (window_roles(role, role == 0, np.array([0, 4]), 3, 2) == IGNORE).all()


def test_every_so_many_steps_a_window_of_each_series():
    windows = np.array([0, 1, 2, 3, 4, 11, 12, 13, 14])
    assert thinned(windows, np.array([0, 10, 20]), 2).tolist() == [0, 2, 4, 11, 13]
