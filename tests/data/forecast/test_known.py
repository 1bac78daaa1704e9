"""Inputs that are known ahead, and the length of a season."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from netwright.data.forecast.known import calendar_names, calendar_values, find_known, known_values
from netwright.data.forecast.schema import Step
from netwright.data.forecast.season import find_season, seasonal_error

HOUR = Step(unit="second", count=3600)


def test_columns_of_numbers_and_of_categories():
    frame = pl.DataFrame({"price": ["1", None, "3"], "day": ["work", "holiday", "work"]})
    columns = find_known(frame, ["price", "day"])
    assert [column.features for column in columns] == [["price"], ["day=holiday", "day=work"]]
    new = pl.DataFrame({"price": ["2", "4"], "day": ["strike", None]})
    np.testing.assert_equal(known_values(new, columns), [[2, 0, 0], [4, np.nan, np.nan]])


def test_the_calendar_goes_round():
    names = calendar_names(HOUR)
    assert names == ["hour_sin", "hour_cos", "weekday_sin", "weekday_cos", "month_sin", "month_cos"]
    assert calendar_names(Step(unit="month", count=1)) == ["month_sin", "month_cos"]
    assert calendar_names(Step(unit="number", count=1)) == []
    moments = [datetime(2024, 1, 1, 0, tzinfo=UTC), datetime(2024, 1, 1, 6, tzinfo=UTC)]
    values = calendar_values(np.array([moment.timestamp() for moment in moments]), names)
    np.testing.assert_allclose(values[:, 0], [0.0, 1.0], atol=1e-9)  # a quarter of the day
    np.testing.assert_allclose(values[0, 2:4], values[1, 2:4])  # the same weekday
    np.testing.assert_allclose(values[:, 4], 0.0, atol=1e-9)  # the first of January


def test_a_season_in_noise_is_found_and_noise_has_none():
    random = np.random.default_rng(0)
    wave = np.sin(np.arange(600) * 2 * np.pi / 24) + 0.3 * random.normal(size=600)
    assert find_season(wave[:, None], np.array([0, 600]), HOUR, 48, 100) == 24
    noise = random.normal(size=(600, 1)).cumsum(0)
    assert find_season(noise, np.array([0, 600]), Step(unit="number", count=1), 10, 100) == 1


def test_the_error_of_repeating_a_season_is_that_of_its_forecasts():
    values = np.random.default_rng(1).normal(size=(40, 1))
    by_hand = []
    for ahead in range(1, 6):
        lag = 3 * -(-ahead // 3)
        by_hand.append(np.mean((values[lag:] - values[:-lag]) ** 2))
    assert np.isclose(seasonal_error([values], 3, 5), np.mean(by_hand))
