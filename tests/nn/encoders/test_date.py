from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.config import DateConfig
from netwright.data.schema import Column
from netwright.nn.encoders.date import DateEncoder, cycles
from netwright.nn.member import PREDICT

DAY = 86_400
NAN = math.nan


def fitted(train: list[float], **config: bool) -> DateEncoder:
    encoder = DateEncoder([Column(name="when", kind="date")], [0], DateConfig(**config), 1)
    encoder.fit(0, torch.tensor(train, dtype=torch.float64)[:, None])
    return encoder


def features(encoder: DateEncoder, seconds: list[float]) -> np.ndarray:
    return encoder(torch.tensor(seconds, dtype=torch.float64)[None, :, None], PREDICT)[0].numpy()


@given(st.datetimes(datetime(1600, 1, 1), datetime(2999, 12, 31)))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_cycles_equal_pythons_calendar(moment):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    found = cycles(torch.tensor([moment.timestamp()], dtype=torch.float64))[0].tolist()
    march = date(moment.year - (moment.month < 3), 3, 1)  # the year of the cycle begins with March
    of_day = (moment.hour * 3600 + moment.minute * 60 + moment.second) / DAY
    expected = [
        (moment.date() - march).days / 366,
        (moment.day - 1) / 31,
        (moment.weekday() + of_day) / 7,
        of_day,
    ]
    assert found == pytest.approx(expected, abs=1e-9)


def test_leap_days_and_centuries():
    days = [
        datetime(1900, 2, 28),
        datetime(1900, 3, 1),
        datetime(2000, 2, 29),
        datetime(2024, 2, 29),
        datetime(1969, 12, 31),
    ]
    seconds = torch.tensor([day.replace(tzinfo=UTC).timestamp() for day in days], dtype=torch.float64)
    found = (cycles(seconds)[:, :2] * torch.tensor([366, 31])).round().tolist()
    assert found == [[364, 27], [0, 0], [365, 28], [365, 28], [305, 30]]


def test_time_is_scaled_by_the_middle_nine_tenths():
    train = [DAY * each for each in range(101)]
    found = features(fitted(train), [50 * DAY, 95 * DAY, 5 * DAY, 1e18])[:, 0]
    one = 1 / math.sqrt(1 + 1 / 9)
    np.testing.assert_allclose(found, [0, one, -one, 3], rtol=1e-5, atol=1e-6)


def test_the_position_in_time_can_be_left_out():
    assert (features(fitted([0.0, 1e6, 2e6], trend=False), [0.0, 5e7])[:, 0] == 0).all()


def test_waves_of_each_cycle():
    train = [1234.5 * place * 97 for place in range(300)]
    seconds = [1.6e9 + 12_345, 1.5e9]
    found = features(fitted(train), seconds)[:, 2:]
    phase = 2 * np.pi * cycles(torch.tensor(seconds, dtype=torch.float64)).numpy()
    expected = np.concatenate([np.sin(phase), np.cos(phase), np.sin(2 * phase), np.cos(2 * phase)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_cycle_that_does_not_vary_is_left_out():
    midnights = [float(DAY * each) for each in range(400)]
    found = features(fitted(midnights), [1.6e9 + 12_345])[0, 2:].reshape(4, 4)
    assert (found[:, 3] == 0).all()  # the hour
    assert (found[:, :3] != 0).any(0).all()


def test_missing_dates_are_flagged_and_have_no_waves():
    train = [DAY * each * 1.1 for each in range(50)]
    with_missing = features(fitted([*train, NAN]), [NAN, 0.0])
    assert with_missing[0].tolist() == [0.0, 1.0] + [0.0] * 16
    assert with_missing[1, 1] == 0
    assert features(fitted(train), [NAN])[0].tolist() == [0.0] * 18  # no flag that training never saw


def test_a_column_without_dates_gives_zeros():
    found = features(fitted([NAN, NAN]), [NAN, 0.0])
    assert np.isfinite(found).all()
    assert (found[1] == 0).all()
