from __future__ import annotations

import numpy as np
import pytest

from netwright.evaluate.power_law import fit, gain

ROWS = np.repeat(np.geomspace(50, 5000, 8), 3)


@pytest.mark.parametrize(
    ("a", "b", "c", "rising"), [(0.9, -2.0, 0.6, True), (1.0, 3.0, 0.3, False), (0.2, 5.0, 1.0, False)]
)
def test_a_law_without_noise_is_found(a, b, c, rising):
    law = fit(ROWS, a + b * ROWS**-c, rising=rising)
    assert law.explained > 0.999
    for rows in (50, 500, 5000, 10_000):
        assert law.at(rows) == pytest.approx(a + b * rows**-c, abs=0.01 * abs(b) * 50**-c)


def test_nearest_as_scipy_finds_it():
    from scipy.optimize import curve_fit

    random = np.random.default_rng(0)
    scores = 0.9 - 2.0 * ROWS**-0.6 + random.normal(size=len(ROWS)) / np.sqrt(ROWS) * 0.05
    theirs, _ = curve_fit(
        lambda n, a, b, c: a + b * n**-c, ROWS, scores, p0=[0.9, -1.0, 0.5], sigma=1 / np.sqrt(ROWS)
    )
    law = fit(ROWS, scores, rising=True)
    ours = np.average((scores - law.a - law.b * ROWS**-law.c) ** 2, weights=ROWS)
    best = np.average((scores - theirs[0] - theirs[1] * ROWS ** -theirs[2]) ** 2, weights=ROWS)
    assert ours <= 1.02 * best


def test_more_rows_are_never_worse_and_the_bound_holds():
    random = np.random.default_rng(0)
    for rising in (True, False):
        falling = 0.9 + 0.1 * ROWS**-0.5 * (1 if rising else -1)
        assert fit(ROWS, falling, rising=rising).b == 0.0
    for seed in range(20):
        scores = np.random.default_rng(seed).uniform(0.5, 1.0, len(ROWS))
        assert fit(ROWS, scores, rising=True, bound=1.0).a <= 1.0
    steep = 1 - 30 * ROWS**-0.9 + 0.01 * random.normal(size=len(ROWS))
    assert fit(ROWS, steep, rising=True, bound=1.0).a <= 1.0


def test_the_interval_holds_the_true_gain_about_as_often_as_it_says():
    inside = 0
    true = 2.0 * (5000**-0.5 - 10_000**-0.5)
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(size=len(ROWS)) / np.sqrt(ROWS)
        found = gain(ROWS, 0.9 - 2.0 * ROWS**-0.5 + 0.3 * noise, 10_000, rising=True, seed=seed)
        assert found.low <= found.value <= found.high
        inside += found.low <= true <= found.high
    assert inside >= 50


def test_no_gain_is_claimed_where_there_is_none():
    claimed = 0
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(size=len(ROWS)) / np.sqrt(ROWS)
        claimed += gain(ROWS, 0.8 + 0.3 * noise, 10_000, rising=True, seed=seed).low > 0
    assert claimed <= 6
