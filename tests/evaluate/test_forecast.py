"""Errors of forecasts, the seasonal-naive forecast and intervals, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error, mean_squared_error

from netwright.evaluate.forecast import Errors, interval, seasonal_naive

random = np.random.default_rng(0)
TRUTH = random.normal(5, 1, (7, 4, 2))
FORECAST = random.normal(5, 1, (7, 4, 2))
SPREAD = np.array([2.0, 0.5])


def summed(truth=TRUTH, forecast=FORECAST, targets=("a", "b"), quantiles=None) -> Errors:
    errors = Errors(
        targets, truth.shape[1], SPREAD[: len(targets)], (0.1, 0.5, 0.9) if quantiles is not None else ()
    )
    for piece in (slice(0, 3), slice(3, None)):
        errors.add(truth[piece], forecast[piece], None if quantiles is None else quantiles[piece])
    return errors


def test_metrics_are_those_of_scikit_learn():
    scores = summed().scores()
    for place, name in enumerate(("a", "b")):
        true, found = TRUTH[..., place].ravel(), FORECAST[..., place].ravel()
        each = scores["targets"][name]
        assert each["mse"] == pytest.approx(mean_squared_error(true, found))
        assert each["mae"] == pytest.approx(mean_absolute_error(true, found))
        assert each["mape"] == pytest.approx(mean_absolute_percentage_error(true, found))
        assert each["rmse"] == pytest.approx(mean_squared_error(true, found) ** 0.5)
    scaled = mean_squared_error((TRUTH / SPREAD).ravel(), (FORECAST / SPREAD).ravel())
    assert scores["mse_scaled"] == pytest.approx(scaled)
    assert "rmse" not in scores  # of targets with different units
    one = summed(TRUTH[..., :1], FORECAST[..., :1], ("a",)).scores()
    assert one["rmse"] == pytest.approx(scores["targets"]["a"]["rmse"])


def test_missing_truths_are_left_out_and_zeros_have_no_percentage():
    truth = TRUTH.copy()
    truth[0, 0, 0] = np.nan
    truth[2, 1, 1] = 0.0
    scores = summed(truth)
    there = np.isfinite(truth[..., 0])
    expected = mean_squared_error(truth[..., 0][there], FORECAST[..., 0][there])
    assert scores.scores()["targets"]["a"]["mse"] == pytest.approx(expected)
    assert scores.scores()["targets"]["b"]["mape"] is None
    assert len(scores.by_window()) == 7
    assert np.mean(summed().by_window()) == pytest.approx(summed().scores()["mse_scaled"])


def test_errors_by_step():
    by_hand = np.square((TRUTH - FORECAST) / SPREAD).mean((0, 2))
    assert summed().by_step() == pytest.approx(by_hand.tolist())


def test_the_share_inside_and_the_quantile_loss():
    quantiles = np.sort(random.normal(5, 1, (7, 4, 2, 3)), -1)
    scores = summed(quantiles=quantiles).scores()
    inside = (quantiles[..., 0] <= TRUTH) & (quantiles[..., 2] >= TRUTH)
    assert scores["coverage"] == pytest.approx(inside.mean())
    losses = [
        2 * (level * over if over > 0 else (level - 1) * over) / SPREAD[c]
        for (n, h, c), true in np.ndenumerate(TRUTH)
        for place, level in enumerate((0.1, 0.5, 0.9))
        for over in [true - quantiles[n, h, c, place]]
    ]
    assert scores["pinball_scaled"] == pytest.approx(np.mean(losses))


def test_the_last_season_again_and_again():
    values = np.arange(30.0)[:, None]
    found = seasonal_naive(values, np.array([2, 5]), 6, 5, 3, np.array([0, 0]))[..., 0]
    assert found.tolist() == [[5, 6, 7, 5, 6], [8, 9, 10, 8, 9]]
    assert seasonal_naive(values, np.array([2]), 6, 3, 1, np.array([0])).ravel().tolist() == [7, 7, 7]


def test_where_there_is_no_season_before_the_last_value_stands():
    values = np.arange(30.0)[:, None]
    found = seasonal_naive(values, np.array([10]), 2, 3, 4, np.array([10]))[0, :, 0]
    assert found.tolist() == [11, 11, 11 + 3 - 4]


def test_the_interval_grows_with_what_neighbours_share():
    alone = np.random.default_rng(1).exponential(size=600)
    together = np.repeat(alone[:20], 30)
    low, high = interval(alone, 30)
    assert low < alone.mean() < high
    wide = interval(together, 30)
    assert wide[1] - wide[0] > 3 * (high - low)
    assert high - low == pytest.approx(2 * 1.96 * alone.std() / 600**0.5, rel=0.4)
    assert interval(alone[:50], 30) is None
